"""What can be read off a matrix of weights with no network at all.

Two models of one dataset differ in their random starts and in the order of their filters, and
neither means anything. The representations here look past the order, some past more:

- :func:`statistics`: how the weights are distributed, whatever their place;
- :func:`gram`: ``W Wᵀ``, how inputs are weighted together; it forgets every rotation among filters;
- :func:`projector`: the space that the filters span; it forgets every linear mixing of filters;
- :func:`spectrum`: which spatial frequencies the filters have; it forgets where in the patch;
- :class:`AlignedWeights`: the raw weights, their filters put in one order for all models.

The functions take encoders ``[m, 256, 16]`` and learn nothing. :func:`reduced` makes a
representation of one of them, with as many numbers as the paper's: principal components
(:class:`Components`), fitted on the fit models without labels. Of components,
:func:`varying_beside` finds the directions that vary most beside what is accident.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from metanet_lib.zoo import CODES, INPUTS, checked_encoders

SIDE = 16
"""Side of a filter seen as a picture."""

_CHUNK = 256  # models at a time, where a square of 256x256 is made of each


def reduced(feature: Callable[[np.ndarray], np.ndarray], dimensions: int = 16) -> Pipeline:
    """Return the representation that keeps the principal components of a feature.

    Parameters
    ----------
    feature
        A function of encoders ``[m, 256, 16]`` that gives ``[m, d]``, such as :func:`gram`.
    dimensions
        Numbers kept for a model; as many as the paper's by default.

    Returns
    -------
    Pipeline
        A transformer of encoders to ``[m, dimensions]``.

    Examples
    --------
    >>> reduced(gram, 4).fit_transform(encoders).shape
    (24, 4)
    """
    return make_pipeline(FunctionTransformer(feature), Components(dimensions))


def weight_statistics() -> Pipeline:
    """Return the representation by :func:`statistics`, each scaled to unit variance.

    Examples
    --------
    >>> weight_statistics().fit_transform(encoders).shape
    (24, 7)
    """
    return make_pipeline(FunctionTransformer(statistics), StandardScaler())


def flat(encoders: np.ndarray) -> np.ndarray:
    """Return the raw weights ``[m, 4096]``.

    Examples
    --------
    >>> flat(encoders).shape
    (24, 4096)
    """
    weights: np.ndarray = checked_encoders(encoders).reshape(len(encoders), -1)
    return weights


def statistics(encoders: np.ndarray) -> np.ndarray:
    """Return the statistics of the weights of a layer, ``[m, 7]`` (Unterthiner et al. 2020).

    Mean, variance, and the percentiles 0, 25, 50, 75 and 100. There they are taken of the weights
    and of the biases of each layer; these models are one layer without bias.

    Examples
    --------
    >>> statistics(np.ones((1, 256, 16), np.float32)).tolist()
    [[1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    weights = flat(encoders).astype(np.float64)
    percentiles = np.percentile(weights, (0, 25, 50, 75, 100), axis=1)
    return np.stack([weights.mean(1), weights.var(1), *percentiles], axis=1)


def gram(encoders: np.ndarray) -> np.ndarray:
    """Return the upper triangle of ``W Wᵀ``, float32 ``[m, 32896]``.

    Examples
    --------
    >>> bool(np.allclose(gram(encoders[:1]), gram(-encoders[:1])))
    True
    """
    return _triangles(lambda w: w @ w.transpose(0, 2, 1), encoders)


def projector(encoders: np.ndarray) -> np.ndarray:
    """Return the upper triangle of the projector on the column space, float32 ``[m, 32896]``.

    Examples
    --------
    >>> bool(np.allclose(projector(encoders[:1]), projector(2 * encoders[:1]), atol=1e-5))
    True
    """
    return _triangles(projectors, encoders)


def projectors(encoders: np.ndarray) -> np.ndarray:
    """Return the projectors on the column spaces, ``[m, 256, 256]``, in the encoders' precision.

    Examples
    --------
    >>> whole = projectors(encoders[:1].astype(float))
    >>> bool(np.allclose(whole @ whole, whole))
    True
    """
    basis = np.linalg.qr(encoders).Q
    squares: np.ndarray = basis @ basis.transpose(0, 2, 1)
    return squares


def spectrum(encoders: np.ndarray) -> np.ndarray:
    """Return the mean absolute 2-D spectrum of the filters, float32 ``[m, 256]``.

    Examples
    --------
    >>> spectrum(encoders).shape
    (24, 256)
    """
    pictures = checked_encoders(encoders).transpose(0, 2, 1).reshape(-1, CODES, SIDE, SIDE)
    spectra: np.ndarray = np.abs(np.fft.fft2(pictures)).mean(1)
    return spectra.reshape(-1, INPUTS).astype(np.float32)


def _triangles(square: Callable[[np.ndarray], np.ndarray], encoders: np.ndarray) -> np.ndarray:
    encoders = checked_encoders(encoders)
    rows, columns = np.triu_indices(INPUTS)
    out = np.empty((len(encoders), len(rows)), np.float32)
    for first in range(0, len(encoders), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        out[chunk] = square(encoders[chunk].astype(np.float64))[:, rows, columns]
    return out


class Components(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal components, at most as many as there are models to tell apart.

    Its solver is exact up to rounding, and quick where few components of many numbers are kept: its
    start is random, its result is not.

    Parameters
    ----------
    dimensions
        Components kept.

    Attributes
    ----------
    pca_
        The decomposition.

    Examples
    --------
    >>> Components(3).fit_transform(flat(encoders)).shape
    (24, 3)
    """

    def __init__(self, dimensions: int = 16) -> None:
        self.dimensions = dimensions

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the components; labels are not looked at."""
        kept = min(self.dimensions, len(X) - 1)
        self.pca_ = PCA(kept, svd_solver="arpack", random_state=0).fit(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the components ``[m, dimensions]`` of features ``[m, d]``."""
        components: np.ndarray = self.pca_.transform(X)
        return components


def varying_beside(
    numbers: np.ndarray, accident: np.ndarray, kept: int, smoothing: float = 1.0
) -> np.ndarray:
    """Return the directions that vary most, beside how much accident varies, ``[d, kept]``.

    Parameters
    ----------
    numbers
        ``[m, d]``, of mean 0.
    accident
        Covariance of what tells nothing, ``[d, d]``.
    kept
        Directions, at most.
    smoothing
        How much of its own mean over all directions is added to that covariance, so that none
        counts for being still by chance.

    Examples
    --------
    >>> numbers = np.array([[3.0, 4], [3, -4], [-3, 4], [-3, -4]])
    >>> varying_beside(numbers, np.diag([1.0, 15]), kept=1).round(2).ravel().tolist()
    [0.33, 0.0]
    """
    total = numbers.T @ numbers / len(numbers)
    even = smoothing * max(np.trace(accident) / len(accident), np.finfo(float).eps)
    _, directions = eigh(total, accident + even * np.eye(len(accident)))
    return signed(directions[:, : -kept - 1 : -1])


def signed(directions: np.ndarray) -> np.ndarray:
    """Return directions ``[d, n]``, the largest number of each above 0.

    Examples
    --------
    >>> signed(np.array([[1.0, 0.5], [-2.0, 0.7]])).tolist()
    [[-1.0, 0.5], [2.0, 0.7]]
    """
    largest = directions[np.abs(directions).argmax(0), np.arange(directions.shape[1])]
    turned: np.ndarray = directions * np.sign(largest)
    return turned


class AlignedWeights(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Raw weights, each model's filters in the order that matches a reference best.

    The order maximises the sum of inner products of filters with the reference's, an assignment
    problem that is solved exactly: the weight matching of Ainsworth et al. (2023), for one layer.
    The reference begins as one of the fit models and becomes, round by round, the mean of the
    models aligned to it.

    Parameters
    ----------
    rounds
        How often the reference is renewed.
    seed
        Seed of the choice of the first reference.

    Attributes
    ----------
    reference_
        ``[256, 16]``.

    Examples
    --------
    >>> AlignedWeights(rounds=1).fit(encoders).transform(encoders).shape
    (24, 4096)
    """

    def __init__(self, rounds: int = 5, seed: int = 0) -> None:
        self.rounds = rounds
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the reference; labels are not looked at."""
        encoders = checked_encoders(X)
        self.reference_ = encoders[np.random.default_rng(self.seed).integers(len(encoders))]
        for _ in range(self.rounds):
            self.reference_ = self._aligned(encoders).mean(0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the aligned, flattened weights ``[m, 4096]``."""
        return self._aligned(checked_encoders(X)).reshape(len(X), -1)

    def _aligned(self, encoders: np.ndarray) -> np.ndarray:
        likeness = self.reference_.T @ encoders  # [m, 16 of the reference, 16 of the model]
        order = np.stack([linear_sum_assignment(each, maximize=True)[1] for each in likeness])
        aligned: np.ndarray = np.take_along_axis(encoders, order[:, None, :], axis=2)
        return aligned
