"""A decoder for encoders that are fixed: what can be told of a patch from what they keep of it.

An encoder alone reconstructs nothing. To see how much it keeps, a *read-out* is fitted to its
answers, and the measure is the share of the patches' variance that it leaves. Two kinds, the same
for every encoder:

- *linear* (:func:`linear_error`): the patch by least squares from the 16 answers, in closed form
  from the mean and the covariance of the patches (:class:`Moments`);
- *of the zoo* (:func:`train_readouts`): batch normalisation, ReLU and decoder, trained as the zoo
  trains them, for as many steps as one says. It makes an encoder a whole autoencoder again.

Many encoders go side by side.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from metanet_lib.zoo.model import CODES, INPUTS, ModelSeed, ZooParameters, checked_encoders
from metanet_lib.zoo.stack import Stack

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

    All see the same patches in the same order and begin with the same decoder, so that nothing but
    the encoder tells two of them apart. Loss, Adam, batches and start are those of the zoo.

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
        Of the start and the order.

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
    stack = Stack([ModelSeed(seed, "readout", 0)] * m)
    stack.weights[:] = stack.weights[:1]  # each draw moved the source on: all begin as the first
    stack.weights[:, :CODES] = torch.from_numpy(encoders.astype(np.float32)).transpose(1, 2)
    decoder = stack.weights[:, CODES:].clone().requires_grad_()
    scale, shift = (t.requires_grad_() for t in (stack.scale.clone(), stack.shift.clone()))
    adam = torch.optim.Adam(
        [decoder, scale, shift], p.learning_rate, p.adam_betas, p.adam_epsilon, fused=True
    )
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if not len(order):
            order = source.order(len(patches))[: batches * p.batch_size].long()
        x, order = patches[order[: p.batch_size]], order[p.batch_size :]
        normal, mean, var = _normalised(stack, x, p.batch_norm_epsilon)
        stack.running_mean.lerp_(mean, p.batch_norm_momentum)
        unbiased = var * (p.batch_size / (p.batch_size - 1))
        stack.running_var.lerp_(unbiased, p.batch_norm_momentum)
        loss = nn.functional.mse_loss(
            _decoded(normal, scale, shift, decoder), x.expand(m, -1, -1), reduction="sum"
        ) / (p.batch_size * INPUTS)
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        stack.weights[:, CODES:] = decoder
        stack.scale, stack.shift = scale.detach(), shift.detach()
    return stack


@torch.no_grad()
def trained_error(stack: Stack, patches: Tensor, epsilon: float) -> np.ndarray:
    """Return the share of patches' variance that autoencoders leave, ``[m]``.

    Batch normalisation takes mean and variance of these patches: after few steps the running ones
    still remember their start.

    Parameters
    ----------
    stack
        The autoencoders.
    patches
        float32 ``[n, 256]``.
    epsilon
        Added to the variance in batch normalisation.

    Examples
    --------
    >>> patches, zoo = torch.rand(64, 256), ZooParameters(batch_size=8)
    >>> stack = train_readouts(encoders[:3], patches, zoo, steps=2)
    >>> trained_error(stack, patches, zoo.batch_norm_epsilon).shape
    (3,)
    """
    normal, *_ = _normalised(stack, patches, epsilon)
    decoder = stack.weights[:, CODES:]
    left = _decoded(normal, stack.scale, stack.shift, decoder).sub_(patches).square_().sum((1, 2))
    share: np.ndarray = (left / (patches - patches.mean(0)).square().sum()).numpy()
    return share


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
