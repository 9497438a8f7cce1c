"""What a model does, and of what its filters are made: two views that no order of filters changes.

Two models whose filters span the same space encode equally well: a decoder undoes every mixing of
filters. So :func:`function` compares models by the projector ``P = Q Qᵀ`` on their column spaces,
whatever the order, the sign, the scale or any mixing of filters. And patches come from random
places: what a model does at one place of the window it would as soon do at another. So ``P`` has a
part that is the same at all places, its average over them (:func:`stationary`: of 32,896 numbers
481 differ), and a rest that changes from place to place, of which more is the accident of one
training and of its files. :func:`function` weighs the rest less.

What the projector forgets is how a model shares the space out among its filters: :func:`spectra`
tells at which frequencies they lie, whatever their order, their place and their strength.
"""

import numpy as np

from metanet_lib.representations.weights import SIDE, projectors
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

_LAGS = np.arange(2 * SIDE) - 2 * SIDE * (np.arange(2 * SIDE) > SIDE)  # 0, 1, .., 16, -15, .., -1
_PAIRS = np.clip(SIDE - np.abs(_LAGS), 0, None)  # pixels of a row that lie so far apart
_ROWS, _COLUMNS = np.triu_indices(INPUTS)
_TWICE = np.where(_ROWS == _COLUMNS, 1, np.sqrt(2))  # a pair of pixels stands for two entries
_CHUNK = 64  # models at a time, of each of which two squares are made
_KEPT = np.array(  # one of each two opposite displacements
    [(i, j) for i in range(SIDE) for j in range(2 * SIDE) if j != SIDE and (i, _LAGS[j]) >= (0, 0)]
).T


def stationary(encoders: np.ndarray) -> np.ndarray:
    """Return the projectors on the column spaces, averaged over places, float32 ``[m, 481]``.

    One number for each displacement of two pixels, up to its sign: the mean of the projector over
    all pixels that lie so, times the root of how many entries that are. So the distance of two
    models is that of their averaged 256x256 matrices.

    Examples
    --------
    >>> of_models, mixing = stationary(encoders), np.eye(16, dtype=np.float32) + 0.1
    >>> of_models.shape, bool(np.allclose(of_models, stationary(encoders @ mixing), atol=1e-4))
    ((24, 481), True)
    """
    return _averaged(projectors(checked_encoders(encoders).astype(np.float64)))


def square(averaged: np.ndarray) -> np.ndarray:
    """Return averaged projectors as matrices ``[m, 256, 256]``: what :func:`stationary` left out.

    Examples
    --------
    >>> matrices, numbers = square(stationary(encoders)), stationary(encoders)
    >>> bool(np.allclose(np.square(matrices).sum((1, 2)), np.square(numbers).sum(1), rtol=1e-4))
    True
    """
    by_lag = np.zeros((len(averaged), 2 * SIDE, 2 * SIDE), averaged.dtype)
    means = averaged / _weights()
    by_lag[:, _KEPT[0], _KEPT[1]] = by_lag[:, -_KEPT[0], -_KEPT[1]] = means
    row, column = np.divmod(np.arange(INPUTS), SIDE)
    matrices: np.ndarray = by_lag[:, row[:, None] - row, column[:, None] - column]
    return matrices


def function(encoders: np.ndarray, locality: float) -> np.ndarray:
    """Return what models do, float32 ``[m, 32896]``: projectors, their changes over places weighed.

    The distance of two models is that of two matrices ``P``, whose averages over places count in
    full, and whose rests count ``locality`` times.

    Parameters
    ----------
    encoders
        ``[m, 256, 16]``.
    locality
        0: the average alone; 1: the projector as it is.

    Examples
    --------
    >>> whole, averaged = function(encoders, locality=1), function(encoders, locality=0)
    >>> bool(np.allclose(np.square(whole).sum(1), 16, rtol=1e-4))  # a projector on 16 directions
    True
    >>> of_averages = np.square(stationary(encoders)).sum(1)
    >>> bool(np.allclose(np.square(averaged).sum(1), of_averages, rtol=1e-4))
    True
    """
    encoders = checked_encoders(encoders)
    out = np.empty((len(encoders), len(_ROWS)), np.float32)
    for first in range(0, len(encoders), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        whole = projectors(encoders[chunk].astype(np.float64))
        weighed = locality * whole + (1 - locality) * square(_averaged(whole))
        out[chunk] = weighed[:, _ROWS, _COLUMNS] * _TWICE
    return out


def unweighed(functions: np.ndarray, locality: float) -> np.ndarray:
    """Return the matrices ``[m, 256, 256]`` that :func:`function` has weighed and written as rows.

    Examples
    --------
    >>> matrices = unweighed(function(encoders[:2], locality=0.5), locality=0.5)
    >>> bool(np.allclose(matrices, projectors(encoders[:2]), atol=1e-3))
    True
    """
    weighed = np.empty((len(functions), INPUTS, INPUTS))
    weighed[:, _ROWS, _COLUMNS] = weighed[:, _COLUMNS, _ROWS] = functions / _TWICE
    averages = square(_averaged(weighed))
    matrices: np.ndarray = averages + (weighed - averages) / locality
    return matrices


def spectra(encoders: np.ndarray) -> np.ndarray:
    """Return at which frequencies filters lie, float32 ``[m, 256]``.

    The root of the mean, over a model's filters, of the absolute 2-D spectrum of each at length 1.

    Examples
    --------
    >>> bool(np.allclose(spectra(encoders * np.arange(1, 17)), spectra(encoders), atol=1e-4))
    True
    """
    pictures = checked_encoders(encoders).transpose(0, 2, 1).reshape(-1, CODES, SIDE, SIDE)
    of_filters = np.abs(np.fft.fft2(pictures)).reshape(-1, CODES, INPUTS)
    lengths = np.linalg.norm(of_filters, axis=2, keepdims=True)
    mean = (of_filters / np.maximum(lengths, np.finfo(np.float32).tiny)).mean(1)
    roots: np.ndarray = np.sqrt(mean).astype(np.float32)
    return roots


def _averaged(matrices: np.ndarray) -> np.ndarray:
    """Average symmetric matrices ``[m, 256, 256]`` over places, ``[m, 481]``."""
    row, column = np.divmod(np.arange(INPUTS), SIDE)
    lag = (row[:, None] - row) % (2 * SIDE) * 2 * SIDE + (column[:, None] - column) % (2 * SIDE)
    sums = np.stack([np.bincount(lag.ravel(), m.ravel(), 4 * INPUTS) for m in matrices])
    means = sums[:, _KEPT[0] * 2 * SIDE + _KEPT[1] % (2 * SIDE)] / _counts()
    weighed: np.ndarray = (means * _weights()).astype(np.float32)
    return weighed


def _counts() -> np.ndarray:
    """Return how many pairs of pixels have each displacement that is kept, ``[481]``."""
    counts: np.ndarray = (_PAIRS[:, None] * _PAIRS)[_KEPT[0], _KEPT[1]]
    return counts


def _weights() -> np.ndarray:
    """Return the root of how many entries of the matrix have each displacement or its opposite."""
    both = np.where((_KEPT == 0).all(0), 1, 2)
    weights: np.ndarray = np.sqrt(both * _counts())
    return weights
