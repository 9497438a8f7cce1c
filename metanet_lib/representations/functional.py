"""What a model does, and not how its weights lie: 16 numbers, with a way back to a model.

Two models whose filters span the same space encode equally well: a decoder undoes every mixing of
filters. So a model is compared by the projector ``P = Q Qᵀ`` on its column space, whatever the
order, the sign, the scale or any mixing of its filters. And its patches come from random places:
what it does at one place of the window it would as soon do at another. So ``P`` has a part that is
the same at all places, its average over them (:func:`stationary`: of 32,896 numbers 481 differ),
and a rest that changes from place to place, of which more is the accident of one training and of
its files. :func:`function` weighs the rest less.

:class:`FunctionalCode` keeps 16 principal components of it. Under the *functional loss*, the
squared difference of two such functions, that is the closed optimum of a linear autoencoder: no
network is trained, nothing is random, no label and no patch is seen. Its decoder takes the 16
directions in which a decoded function is largest: the best encoder, by least squares, of patches
that have it for their covariance. :class:`RefinedFunctionalCode` trains a network from there on.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator, TransformerMixin
from torch import Tensor, nn

from metanet_lib.metanetwork import initialise
from metanet_lib.representations.deep import batches, finite
from metanet_lib.representations.weights import SIDE, Components, projectors
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

LOCALITY = 0.5
"""How much the functional code weighs what changes from place to place; chosen once, chapter 11."""

_LAGS = np.arange(2 * SIDE) - 2 * SIDE * (np.arange(2 * SIDE) > SIDE)  # 0, 1, .., 16, -15, .., -1
_PAIRS = np.clip(SIDE - np.abs(_LAGS), 0, None)  # pixels of a row that lie so far apart
_ROWS, _COLUMNS = np.triu_indices(INPUTS)
_TWICE = np.where(_ROWS == _COLUMNS, 1, np.sqrt(2))  # a pair of pixels stands for two entries
_SHARES = 0.001, 0.995  # of a direction that a drawn model has, on average; a decoded one may stray
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


def function(encoders: np.ndarray, locality: float = LOCALITY) -> np.ndarray:
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


def draw(functions: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return encoders drawn for functions, float32 ``[m, 256, 16]``: others for other starts.

    A trained model has, beside what all models of its dataset have, much of its random start. So
    filters are drawn from the normal distribution for which the projector on 16 of them is on
    average, to first order, the function ``F``: that of covariance ``F (1 - F)^-1``. The start is
    what is random; the function colours it.

    Parameters
    ----------
    functions
        Symmetric, of trace 16, their eigenvalues in 0..1 or not far out, ``[m, 256, 256]``.
    starts
        Standard normal numbers, ``[m, 256, 16]``; the same ones give the same models.

    Examples
    --------
    >>> starts = np.random.default_rng(0).normal(size=(24, 256, 16))
    >>> draw(projectors(encoders), starts).shape
    (24, 256, 16)
    """
    values, vectors = np.linalg.eigh(functions)
    values = values.clip(*_SHARES)
    values = (values * CODES / values.sum(1, keepdims=True)).clip(*_SHARES)
    roots = np.sqrt(values / (1 - values))[:, :, None]
    drawn: np.ndarray = vectors @ (roots * (vectors.transpose(0, 2, 1) @ starts))
    return drawn.astype(np.float32)


class FunctionalCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The functional code: encoders ``[m, 256, 16]`` to ``[m, 16]`` and back.

    Parameters
    ----------
    dimensions
        Numbers kept for a model.
    locality
        How much what changes from place to place is weighed, above 0 and at most 1.

    Attributes
    ----------
    mean_, components_
        Of the principal components, ``[32896]`` and ``[dimensions, 32896]``.
    loss_
        The functional loss on the models that fit: the mean squared distance between functions and
        what comes back from the code.

    Examples
    --------
    >>> code = FunctionalCode(4).fit(encoders)
    >>> numbers = code.transform(encoders)
    >>> numbers.shape, code.inverse_transform(numbers).shape
    ((24, 4), (24, 256, 16))
    """

    def __init__(self, dimensions: int = 16, locality: float = LOCALITY) -> None:
        self.dimensions = dimensions
        self.locality = locality

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the components on encoders ``[m, 256, 16]``; labels are not looked at.

        Raises
        ------
        ValueError
            If the encoders have another shape or hold values that are not finite.
        """
        functions = function(finite(X), self.locality)
        pca = Components(self.dimensions).fit(functions).pca_
        self.mean_, self.components_ = pca.mean_, pca.components_
        self.loss_ = self._loss(functions)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, dimensions]``; the order of a model's filters changes nothing."""
        return self._code(function(X, self.locality))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` that codes ``[m, dimensions]`` stand for.

        Their columns are orthonormal, the most important first.
        """
        _, vectors = np.linalg.eigh(self.decoded(X))
        leading: np.ndarray = vectors[:, :, : -CODES - 1 : -1].astype(np.float32)
        return leading

    def decoded(self, X: np.ndarray) -> np.ndarray:
        """Return the functions ``[m, 256, 256]`` of codes, their changes over places in full.

        Examples
        --------
        >>> code = FunctionalCode(4).fit(encoders)
        >>> code.decoded(code.transform(encoders[:2])).shape
        (2, 256, 256)
        """
        weighed = np.empty((len(X), INPUTS, INPUTS))
        weighed[:, _ROWS, _COLUMNS] = weighed[:, _COLUMNS, _ROWS] = self._function(X) / _TWICE
        averaged = square(_averaged(weighed))
        matrices: np.ndarray = averaged + (weighed - averaged) / self.locality
        return matrices

    def functional_loss(self, X: np.ndarray) -> float:
        """Return the functional loss on encoders ``[m, 256, 16]``."""
        return self._loss(function(X, self.locality))

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
                {
                    "representation": "functional",
                    "locality": repr(self.locality),
                    "loss": repr(self.loss_),
                },
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
        code = cls(len(tensors["components"]), float(header["locality"]))
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


class RefinedFunctionalCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A network that begins as the functional code and is trained on, by the functional loss.

    To the linear way from function to code, and to that back, a small network is added whose
    answers are 0 at first. 256 principal components of the fit models go in and come out.

    Parameters
    ----------
    dimensions
        Numbers kept for a model.
    width
        Of the hidden layers.
    steps, batch_size, learning_rate
        Of Adam, with a learning rate that falls on half a cosine.
    seed
        Seed of initial weights and order.

    Attributes
    ----------
    loss_
        The functional loss on the models that fit, as :class:`FunctionalCode` has it.

    Examples
    --------
    >>> refined, closed = RefinedFunctionalCode(steps=50), FunctionalCode()
    >>> refined.fit(encoders).loss_ < closed.fit(encoders).loss_
    True
    """

    def __init__(
        self,
        dimensions: int = 16,
        width: int = 128,
        steps: int = 1_000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.dimensions = dimensions
        self.width = width
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train on encoders ``[m, 256, 16]``; labels are not looked at."""
        functions = function(finite(X))
        self.components_ = Components(min(CODES**2, len(X) - 1)).fit(functions)
        z = torch.from_numpy(self.components_.transform(functions).astype(np.float32))
        self.scale_ = float(z.std(0).max())
        z /= self.scale_
        kept = min(self.dimensions, z.shape[1])
        generator = torch.Generator().manual_seed(self.seed)
        self.encoder_, self.decoder_ = (
            nn.Sequential(nn.Linear(i, self.width), nn.ReLU(), nn.Linear(self.width, o))
            for i, o in ((z.shape[1], kept), (kept, z.shape[1]))
        )
        both = nn.ModuleList([self.encoder_, self.decoder_])
        initialise(both, generator)
        for network in (self.encoder_, self.decoder_):
            *_, last, _ = network.parameters()
            nn.init.zeros_(last)
        adam = torch.optim.Adam(both.parameters(), self.learning_rate)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        some = batches(len(z), self.batch_size, generator)
        for _ in range(self.steps):
            loss = self._apart(z[next(some)]).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
        with torch.no_grad():
            self.loss_ = float(self._apart(z).mean()) * self.scale_**2
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, dimensions]`` of encoders ``[m, 256, 16]``."""
        z = self.components_.transform(function(X)).astype(np.float32) / self.scale_
        codes: np.ndarray = self._code(torch.from_numpy(z)).numpy()
        return codes

    def _code(self, z: Tensor) -> Tensor:
        code: Tensor = z[:, : self.dimensions] + self.encoder_(z)
        return code

    def _apart(self, z: Tensor) -> Tensor:
        code = self._code(z)
        linear = nn.functional.pad(code, (0, z.shape[1] - code.shape[1]))
        apart: Tensor = (linear + self.decoder_(code) - z).square().sum(1)
        return apart
