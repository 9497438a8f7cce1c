"""A decoder for encoders that are fixed: what can be told of a patch from what they keep of it.

An encoder alone reconstructs nothing. To see how much it keeps, a *read-out* is fitted to its
answers, and the measure is the share of the patches' variance that it leaves. Two kinds, the same
for every encoder:

- *linear* (:func:`linear_error`): the patch by least squares from the 16 answers, in closed form
  from the mean and the covariance of the patches (:class:`Moments`);
- *of the zoo* (:func:`train_readouts`): batch normalisation, ReLU and decoder, trained as the zoo
  trains them, the encoder fixed. It makes an encoder a whole autoencoder again.

Many encoders go side by side.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from metanet_lib.zoo.model import CODES, INPUTS, ModelSeed, ZooParameters, checked_encoders
from metanet_lib.zoo.stack import Stack

FASTER = 10
"""Times the zoo's step size: where encoders are fixed, Adam may take longer steps."""
_RIDGE = 1e-6  # of the answers' mean variance: lets filters be alike, changes no result otherwise


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of patches: all that a linear read-out depends on.

    Attributes
    ----------
    mean
        ``[256]``.
    covariance
        ``[256, 256]``.

    Examples
    --------
    >>> moments = Moments.of(np.ones((10, 256), np.float32))
    >>> moments.mean.sum(), moments.covariance.sum()
    (np.float64(256.0), np.float64(0.0))
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, patches: np.ndarray) -> Self:
        """Return those of patches ``[n, 256]``."""
        patches = patches.astype(np.float64)
        mean = patches.mean(0)
        centred = patches - mean
        return cls(mean, centred.T @ centred / len(patches))


def linear_error(encoders: np.ndarray, fitted: Moments, measured: Moments) -> np.ndarray:
    """Return the share of variance that the best linear read-out leaves, ``[m]``.

    Parameters
    ----------
    encoders
        ``[m, 256, 16]``; order, scale and any mixing of a model's filters change nothing.
    fitted
        Of the patches that the read-out is fitted on.
    measured
        Of the patches on which its error is measured.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((500, 16)) @ np.eye(16, 256)
    >>> moments = Moments.of(patches)
    >>> bool(linear_error(np.eye(256, 16)[None], moments, moments)[0] < 1e-5)
    True
    """
    basis = np.linalg.qr(checked_encoders(encoders).astype(np.float64)).Q
    answers = basis.transpose(0, 2, 1) @ fitted.covariance
    inner = answers @ basis
    size = np.trace(inner, axis1=1, axis2=2)[:, None, None] / CODES
    readouts = np.linalg.solve(inner + _RIDGE * size * np.eye(CODES), answers)
    shift = measured.mean - fitted.mean
    total = measured.covariance + np.outer(shift, shift)
    told = basis.transpose(0, 2, 1) @ total
    left = np.trace(total) + (((told @ basis @ readouts) - 2 * told) * readouts).sum((1, 2))
    error: np.ndarray = left / np.trace(measured.covariance)
    return error


def train_readouts(
    encoders: np.ndarray, patches: Tensor, parameters: ZooParameters, steps: int, seed: int = 0
) -> Stack:
    """Train batch normalisation and decoder of autoencoders whose encoders are fixed.

    All see the same patches in the same order, so that nothing but the encoder tells two of them
    apart. Loss, batches and Adam are those of the zoo, but for what a fixed encoder allows: the
    decoder begins, and ends, at its least squares, and the step size is :data:`FASTER` times the
    zoo's. Batch normalisation ends with mean and variance of all patches.

    Parameters
    ----------
    encoders
        ``[m, 256, 16]``.
    patches
        Of one dataset, float32 ``[n, 256]``.
    parameters
        How the zoo is trained; ``epochs`` plays no part.
    steps
        Of the training.
    seed
        Of the order of patches.

    Returns
    -------
    Stack
        The autoencoders; :meth:`~metanet_lib.zoo.stack.Stack.tensors` has the zoo's names.

    Raises
    ------
    ValueError
        If there are fewer patches than a batch.

    Examples
    --------
    >>> stack = train_readouts(encoders[:3], torch.rand(64, 256), ZooParameters(batch_size=8), 2)
    >>> stack.tensors()["decoder"].shape
    torch.Size([3, 16, 256])
    """
    p, m = parameters, len(checked_encoders(encoders))
    batches = len(patches) // p.batch_size
    if not batches:
        raise ValueError(f"{len(patches)} patches are fewer than one batch of {p.batch_size}")
    source = ModelSeed(seed, "readout", 0)
    stack = Stack([ModelSeed(seed, "readout", 1)] * m)  # what it draws is replaced
    stack.weights[:, :CODES] = torch.from_numpy(encoders.astype(np.float32)).transpose(1, 2)
    decoder = _least_squares(stack, patches, p.batch_norm_epsilon).requires_grad_()
    scale, shift = (t.requires_grad_() for t in (stack.scale, stack.shift))
    trained = [decoder, scale, shift]
    adam = torch.optim.Adam(trained, FASTER * p.learning_rate, p.adam_betas, p.adam_epsilon)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if not len(order):
            order = source.order(len(patches))[: batches * p.batch_size].long()
        x, order = patches[order[: p.batch_size]], order[p.batch_size :]
        normal, *_ = _normalised(stack, x, p.batch_norm_epsilon)
        rebuilt = _decoded(normal, scale, shift, decoder)
        loss = (rebuilt - x).square().sum() / (p.batch_size * INPUTS)
        adam.zero_grad()
        loss.backward()
        adam.step()
    stack.scale, stack.shift = scale.detach(), shift.detach()
    stack.weights[:, CODES:] = _least_squares(stack, patches, p.batch_norm_epsilon)
    _, stack.running_mean, stack.running_var = _normalised(stack, patches, p.batch_norm_epsilon)
    return stack


@torch.no_grad()
def trained_error(stack: Stack, patches: Tensor, epsilon: float) -> np.ndarray:
    """Return the share of patches' variance that autoencoders leave, ``[m]``.

    Parameters
    ----------
    stack
        The autoencoders, of :func:`train_readouts`.
    patches
        float32 ``[n, 256]``.
    epsilon
        Added to the variance in batch normalisation.

    Examples
    --------
    >>> patches, zoo = torch.rand(64, 256), ZooParameters(batch_size=8)
    >>> stack = train_readouts(encoders[:3], patches, zoo, steps=2)
    >>> bool((trained_error(stack, patches, zoo.batch_norm_epsilon) < 1).all())
    True
    """
    answers = stack.weights[:, :CODES] @ patches.T
    normal = (answers - stack.running_mean) * torch.rsqrt(stack.running_var + epsilon)
    decoder = stack.weights[:, CODES:]
    left = _decoded(normal, stack.scale, stack.shift, decoder).sub_(patches).square_().sum((1, 2))
    share: np.ndarray = (left / (patches - patches.mean(0)).square().sum()).numpy()
    return share


@torch.no_grad()
def _least_squares(stack: Stack, patches: Tensor, epsilon: float) -> Tensor:
    """Return decoders and biases ``[m, 17, 256]`` that rebuild patches best from codes."""
    normal, *_ = _normalised(stack, patches, epsilon)
    codes = torch.relu(normal * stack.scale + stack.shift).double()
    codes = torch.cat([codes, torch.ones_like(codes[:, :1])], 1)
    inner = codes @ codes.transpose(1, 2)
    ridge = _RIDGE * len(patches) * torch.eye(CODES + 1, dtype=torch.float64)
    solved: Tensor = torch.linalg.solve(inner + ridge, codes @ patches.double())
    return solved.float()


@torch.no_grad()
def _normalised(stack: Stack, x: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return normalised answers ``[m, 16, n]`` to patches ``[n, 256]``, their mean and variance."""
    answers = stack.weights[:, :CODES] @ x.T
    var, mean = torch.var_mean(answers, 2, correction=0, keepdim=True)
    return (answers - mean) * torch.rsqrt(var + epsilon), mean, var


def _decoded(normal: Tensor, scale: Tensor, shift: Tensor, decoder: Tensor) -> Tensor:
    """Return reconstructions ``[m, n, 256]``."""
    codes = torch.relu(normal * scale + shift).transpose(1, 2)
    out: Tensor = torch.baddbmm(decoder[:, CODES:], codes, decoder[:, :CODES])
    return out
