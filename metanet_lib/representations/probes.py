"""Models as black boxes: shared probe inputs, and what the models answer to them.

A *probe* is an input that belongs to no dataset: noise, or a picture of dead leaves. Every model is
shown the same probes and only its answers are looked at: no patch, no label, and no weight either,
since :func:`codes` stands for the forward pass of a model that one can only run.

What is interpreted is the encoder matrix ``W`` alone. In the autoencoder that it was trained in,
the code of a patch ``x`` is ReLU(batch norm(x W)), and so it is here: the responses ``x W`` of each
unit are standardised over the shared probes, the batch that there is, and rectified. The learned
scale and shift of batch normalisation are no part of the model and are left out, so that the scale
of a filter means nothing.

Two ways to compare the answers, neither of which depends on the order of the filters:

- :class:`CKA`, linear centred kernel alignment (Kornblith et al. 2019);
- :class:`ActivationCodes`, which units are active together (He et al. 2021). There, patterns of
  active units label the inputs of one network; here the labels of the same inputs by two networks
  are compared, as Hamming distances between inputs, since units of two networks do not correspond.

Conventions: probes are float32 ``[p, 256]`` in 0..1, codes float32 ``[m, p, 16]``.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.zoo import INPUTS, checked_encoders

SIDE = 16
"""Side of a probe seen as a picture."""

_CHUNK = 64  # models at a time, where a square of probes by probes is made of each


def shared_probes(n: int, seed: int = 0) -> np.ndarray:
    """Return probes ``[n, 256]`` in 0..1: white noise, pink noise and dead leaves, a third each.

    White noise favours no frequency; pink noise has the spectrum of natural pictures and sounds,
    and dead leaves their edges as well.

    Examples
    --------
    >>> shared_probes(6).shape
    (6, 256)
    """
    rng = np.random.default_rng(seed)
    white, pink, leaves = (len(part) for part in np.array_split(np.arange(n), 3))
    return np.concatenate([noise(white, 0, rng), noise(pink, 1, rng), dead_leaves(leaves, rng)])


def noise(n: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise ``[n, 256]`` whose amplitude falls with frequency to the power of ``exponent``.

    0 is white noise, 1 pink. Each picture is normalised to 0..1.

    Examples
    --------
    >>> pictures = noise(3, 1.0, np.random.default_rng(0))
    >>> pictures.shape, bool((pictures.min(1) == 0).all())
    ((3, 256), True)
    """
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    frequency[0, 0] = 1 / SIDE  # the mean counts as the lowest frequency
    spectrum = np.fft.rfft2(rng.normal(size=(n, SIDE, SIDE))) / frequency**exponent
    pictures = np.fft.irfft2(spectrum, s=(SIDE, SIDE)).reshape(n, -1)
    low, high = pictures.min(1, keepdims=True), pictures.max(1, keepdims=True)
    out: np.ndarray = ((pictures - low) / (high - low)).astype(np.float32)
    return out


def dead_leaves(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return pictures ``[n, 256]`` of discs that cover one another (Lee et al. 2001).

    Radii have a density that falls with their cube, which makes such pictures scale-invariant, cut
    off at 1 and 32 pixels; centres and grey levels are uniform. The first disc lies on top. What
    200 discs leave bare is of middle grey.

    Examples
    --------
    >>> dead_leaves(3, np.random.default_rng(0)).shape
    (3, 256)
    """
    discs, smallest, largest = 200, 1.0, 32.0
    y, x = np.mgrid[:SIDE, :SIDE]
    pictures = np.full((n, SIDE, SIDE), np.nan)
    for _ in range(discs):
        u = rng.uniform(size=(n, 1, 1))
        radius_squared = 1 / (smallest**-2 - u * (smallest**-2 - largest**-2))
        centre_x, centre_y = rng.uniform(-SIDE, 2 * SIDE, size=(2, n, 1, 1))
        inside = (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius_squared
        grey = rng.uniform(size=(n, 1, 1))
        pictures = np.where(np.isnan(pictures) & inside, grey, pictures)
    out: np.ndarray = np.nan_to_num(pictures, nan=0.5).reshape(n, -1).astype(np.float32)
    return out


def responses(probes: np.ndarray, encoders: np.ndarray) -> np.ndarray:
    """Return what the units answer, standardised over the probes, float32 ``[m, p, 16]``.

    Examples
    --------
    >>> answers = responses(shared_probes(6), encoders)
    >>> answers.shape, bool(np.allclose(answers.mean(1), 0, atol=1e-4))
    ((24, 6, 16), True)
    """
    encoders = checked_encoders(encoders)
    filters = np.ascontiguousarray(encoders.transpose(0, 2, 1), np.float32).reshape(-1, INPUTS)
    answers = filters @ probes.T  # one large product
    answers -= answers.mean(1, keepdims=True)
    deviation = answers.std(1, keepdims=True)
    answers /= np.where(deviation > 0, deviation, 1)  # a filter of zeros answers nothing
    out: np.ndarray = answers.reshape(len(encoders), -1, len(probes)).transpose(0, 2, 1)
    return out


def codes(probes: np.ndarray, encoders: np.ndarray) -> np.ndarray:
    """Return the codes of probes, float32 ``[m, p, 16]``: the forward pass of every model.

    Examples
    --------
    >>> bool((codes(shared_probes(6), encoders) >= 0).all())
    True
    """
    out: np.ndarray = np.maximum(responses(probes, encoders), 0)
    return out


def cka_embedding(answers: np.ndarray) -> np.ndarray:
    """Return vectors whose distances are those of linear CKA.

    Parameters
    ----------
    answers
        Of ``m`` models to the same inputs: ``[m, p, units]``, not centred.

    Returns
    -------
    ndarray
        float32 ``[m, p (p + 1) / 2]``: the Gram matrix of the centred answers at norm 1, its upper
        triangle with the entries off the diagonal times the root of 2. The product of two vectors
        is the linear CKA of two models (Kornblith et al. 2019), so their squared distance is
        2 - 2 CKA and nearest neighbours are those of largest CKA.

    Examples
    --------
    >>> vectors = cka_embedding(codes(shared_probes(6), encoders))
    >>> vectors.shape, bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4))
    ((24, 21), True)
    """
    centred = answers - answers.mean(1, keepdims=True)
    grams = centred @ centred.transpose(0, 2, 1)
    grams /= np.linalg.norm(grams, axis=(1, 2), keepdims=True)
    row, column = np.triu_indices(grams.shape[1])
    out: np.ndarray = grams[:, row, column] * np.where(row == column, 1, np.sqrt(2))
    return out.astype(np.float32)


def hamming_embedding(answers: np.ndarray) -> np.ndarray:
    """Return the Hamming distances between the activation codes of inputs.

    Parameters
    ----------
    answers
        Codes ``[m, p, units]``; a unit is active where its code is above zero.

    Returns
    -------
    ndarray
        float32 ``[m, p (p - 1) / 2]``: for each two inputs, the share of units that are active on
        one of them only.

    Examples
    --------
    >>> hamming_embedding(codes(shared_probes(6), encoders)).shape
    (24, 15)
    """
    signs = np.where(answers > 0, np.float32(1), np.float32(-1))
    row, column = np.triu_indices(signs.shape[1], 1)
    agreement: np.ndarray = (signs @ signs.transpose(0, 2, 1))[:, row, column] / signs.shape[2]
    return (1 - agreement) / 2


class _Probing(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Show every model the same probes and embed its codes; learns nothing from models."""

    _embedding: Callable[[np.ndarray], np.ndarray]

    def __init__(self, n_probes: int = 128, seed: int = 0) -> None:
        self.n_probes = n_probes
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Draw the probes; neither models nor labels are looked at, only the shape."""
        checked_encoders(X)
        self.probes_ = shared_probes(self.n_probes, self.seed)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of encoders ``[m, 256, 16]``."""
        chunks = np.array_split(checked_encoders(X), -(-len(X) // _CHUNK))
        return np.concatenate([type(self)._embedding(codes(self.probes_, c)) for c in chunks])


class CKA(_Probing):
    """Linear CKA of the codes of shared probes: encoders to ``[m, p (p + 1) / 2]``.

    Euclidean neighbours are those of largest CKA, see :func:`cka_embedding`. Unsupervised.

    Parameters
    ----------
    n_probes
        How many probes, ``p``.
    seed
        Seed of the probes.

    Examples
    --------
    >>> CKA(n_probes=6).fit_transform(encoders).shape
    (24, 21)
    """

    _embedding = staticmethod(cka_embedding)


class ActivationCodes(_Probing):
    """Which units are active together on shared probes: encoders to ``[m, p (p - 1) / 2]``.

    See :func:`hamming_embedding`. Unsupervised.

    Parameters
    ----------
    n_probes
        How many probes, ``p``.
    seed
        Seed of the probes.

    Examples
    --------
    >>> ActivationCodes(n_probes=6).fit_transform(encoders).shape
    (24, 15)
    """

    _embedding = staticmethod(hamming_embedding)
