"""What a model does, and not how its weights lie: 16 numbers, with a way back to a model.

Two models whose filters span the same space encode equally well: a decoder undoes every mixing of
filters. So a model is compared by the projector ``P = Q Qᵀ`` on its column space, whatever the
order, the sign, the scale or any mixing of its filters. And its patches come from random places:
what it does at one place of the window it would as soon do at another. :func:`stationary` averages
``P`` over all places, which leaves a function of the displacement between two pixels. Of 32,896
numbers 481 differ, and much of what is the accident of one training goes.

:class:`FunctionalCode` keeps 16 principal components of it. Under the *functional loss*, the
squared difference of two such functions, that is the closed optimum of a linear autoencoder: no
network is trained, nothing is random, no label and no patch is seen. Its decoder takes the 16
directions in which a decoded function is largest: the best encoder, by least squares, of patches
that have it for their covariance.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.representations.deep import finite
from metanet_lib.representations.weights import SIDE, Components
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

_LAGS = np.arange(2 * SIDE) - 2 * SIDE * (np.arange(2 * SIDE) > SIDE)  # 0, 1, .., 16, -15, .., -1
_PAIRS = np.clip(SIDE - np.abs(_LAGS), 0, None)  # pixels of a row that lie so far apart
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
    basis = np.linalg.qr(checked_encoders(encoders).astype(np.float64)).Q
    pictures = basis.transpose(0, 2, 1).reshape(-1, CODES, SIDE, SIDE)
    power = np.square(np.abs(np.fft.rfft2(pictures, s=(2 * SIDE, 2 * SIDE)))).sum(1)
    sums = np.fft.irfft2(power, s=(2 * SIDE, 2 * SIDE))[:, _KEPT[0], _KEPT[1]]
    functions: np.ndarray = (sums * _weights() / _counts()).astype(np.float32)
    return functions


def square(functions: np.ndarray) -> np.ndarray:
    """Return averaged projectors as matrices ``[m, 256, 256]``: what :func:`stationary` left out.

    Examples
    --------
    >>> matrices, numbers = square(stationary(encoders)), stationary(encoders)
    >>> bool(np.allclose(np.square(matrices).sum((1, 2)), np.square(numbers).sum(1), rtol=1e-4))
    True
    """
    by_lag = np.zeros((len(functions), 2 * SIDE, 2 * SIDE), functions.dtype)
    means = functions / _weights()
    by_lag[:, _KEPT[0], _KEPT[1]] = by_lag[:, -_KEPT[0], -_KEPT[1]] = means
    row, column = np.divmod(np.arange(INPUTS), SIDE)
    matrices: np.ndarray = by_lag[:, row[:, None] - row, column[:, None] - column]
    return matrices


def _counts() -> np.ndarray:
    """Return how many pairs of pixels have each displacement that is kept, ``[481]``."""
    counts: np.ndarray = (_PAIRS[:, None] * _PAIRS)[_KEPT[0], _KEPT[1]]
    return counts


def _weights() -> np.ndarray:
    """Return the root of how many entries of the matrix have each displacement or its opposite."""
    both = np.where((_KEPT == 0).all(0), 1, 2)
    weights: np.ndarray = np.sqrt(both * _counts())
    return weights


class FunctionalCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The functional code: encoders ``[m, 256, 16]`` to ``[m, 16]`` and back.

    Parameters
    ----------
    dimensions
        Numbers kept for a model.

    Attributes
    ----------
    mean_, components_
        Of the principal components, ``[481]`` and ``[dimensions, 481]``.
    loss_
        The functional loss on the models that fit: the mean squared distance between averaged
        projectors and what comes back from the code.

    Examples
    --------
    >>> code = FunctionalCode(4).fit(encoders)
    >>> numbers = code.transform(encoders)
    >>> numbers.shape, code.inverse_transform(numbers).shape
    ((24, 4), (24, 256, 16))
    """

    def __init__(self, dimensions: int = 16) -> None:
        self.dimensions = dimensions

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the components on encoders ``[m, 256, 16]``; labels are not looked at.

        Raises
        ------
        ValueError
            If the encoders have another shape or hold values that are not finite.
        """
        functions = stationary(finite(X))
        pca = Components(self.dimensions).fit(functions).pca_
        self.mean_, self.components_ = pca.mean_, pca.components_
        self.loss_ = self._loss(functions)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, dimensions]``; the order of a model's filters changes nothing."""
        return self._code(stationary(X))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` that codes ``[m, dimensions]`` stand for.

        Their columns are orthonormal, the most important first.
        """
        _, vectors = np.linalg.eigh(square(self._function(X)).astype(np.float64))
        leading: np.ndarray = vectors[:, :, : -CODES - 1 : -1].astype(np.float32)
        return leading

    def functional_loss(self, X: np.ndarray) -> float:
        """Return the functional loss on encoders ``[m, 256, 16]``."""
        return self._loss(stationary(X))

    def save(self, path: Path | str) -> None:
        """Write what was fitted to a safetensors file.

        Examples
        --------
        >>> FunctionalCode(4).fit(encoders).save(folder / "functional.safetensors")
        >>> FunctionalCode.load(folder / "functional.safetensors").transform(encoders).shape
        (24, 4)
        """
        arrays = {"mean": self.mean_, "components": self.components_}
        with write_atomically(path) as temporary:
            save_file(
                {name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()},
                temporary,
                {"representation": "functional", "loss": repr(self.loss_)},
            )

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged or of another kind.
        """
        absent = "no functional code; `make book` makes it (chapter 11)"
        header, tensors = read_tensors(Path(path), absent)
        if header.get("representation") != "functional" or not {"mean", "components"} <= {*tensors}:
            raise ValueError(
                f"{path}: expected a functional code, as `make book` writes it (chapter 11), found "
                f"tensors {', '.join(sorted(tensors)) or 'none'}"
            )
        code = cls(len(tensors["components"]))
        code.mean_, code.components_ = tensors["mean"].numpy(), tensors["components"].numpy()
        code.loss_ = float(header["loss"])
        return code

    def _loss(self, functions: np.ndarray) -> float:
        apart = functions - self._function(self._code(functions))
        return float(np.square(apart).sum(1).mean())

    def _code(self, functions: np.ndarray) -> np.ndarray:
        codes: np.ndarray = (functions - self.mean_) @ self.components_.T
        return codes

    def _function(self, codes: np.ndarray) -> np.ndarray:
        functions: np.ndarray = codes @ self.components_ + self.mean_
        return functions
