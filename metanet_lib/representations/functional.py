"""16 numbers for what a model does, with a way back to a model.

:class:`FunctionalCode` reads two views of a model (:mod:`metanet_lib.representations.views`): what
it does, and of what its filters are made. It is found in two closed steps, and in neither is there
a label, a patch or anything random:

1. Principal components of both views. Of the first alone, 16 of them are the closed optimum of a
   linear autoencoder under the *functional loss*, the squared difference of two functions.
2. Of these, the 16 directions that vary most over all models, beside how much they vary between a
   model and its nearest neighbours (:func:`apart_from_neighbours`). Two trainings on one dataset
   mostly are neighbours, and what parts them is the accident of a training. Discriminant analysis
   (Fisher 1936) looks for such directions with labels in place of neighbours.

Its decoder gives back the most likely views, and of the first the 16 directions in which it is
largest: the best encoder, by least squares, of patches that have it for their covariance.
:class:`RefinedFunctionalCode` trains a network from the closed optimum on.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from metanet_lib.metanetwork import initialise
from metanet_lib.representations.deep import batches
from metanet_lib.representations.views import function, spectra, unweighed
from metanet_lib.representations.weights import Components, varying_beside
from metanet_lib.store import read_tensors, write_atomically
from metanet_lib.zoo import CODES, INPUTS, finite

_MAPS = "mean_", "encoder_", "decoder_"
_FITTED = *_MAPS, "embedding_"
_SURE = 1e-5  # no direction is drawn more surely than 1 minus this, or less than this
_FUNCTION = INPUTS * (INPUTS + 1) // 2  # numbers of the first view
_CHUNK = 512  # models at a time, of whose views copies are made: a view has 128 KiB
LOCALITY, SPECTRA = 0.5, 0.25
"""How the functional code weighs what changes from place to place, and spectra; see chapter 11."""


def _chunks(models: int) -> list[slice]:
    return [slice(i, i + _CHUNK) for i in range(0, models, _CHUNK) or [0]]


def apart_from_neighbours(numbers: np.ndarray, neighbours: int, kept: int) -> np.ndarray:
    """Return the directions that vary most over all models, beside between neighbours.

    Parameters
    ----------
    numbers
        ``[m, d]``, of mean 0, the most important first. Neighbours are found by the first ``kept``.
    neighbours
        How many nearest models each is compared with.
    kept
        Directions.

    Returns
    -------
    ndarray
        ``[d, kept]``: they maximise total variance over that between neighbours, to which its own
        mean over all directions is added, so that none counts for being still by chance.

    Examples
    --------
    >>> accident, telling = np.random.default_rng(0).normal(size=90), np.repeat([-9, 9, 27], 30)
    >>> numbers = np.stack([telling, 8 * accident], axis=1)
    >>> directions = apart_from_neighbours(numbers - numbers.mean(0), neighbours=3, kept=1)
    >>> bool(directions[0] > 5 * abs(directions[1]))
    True
    """
    k = min(neighbours, len(numbers) - 1)
    near = NearestNeighbors(n_neighbors=k).fit(numbers[:, :kept]).kneighbors(return_distance=False)
    between = (numbers[:, None] - numbers[near]).reshape(-1, numbers.shape[1])
    within = between.T @ between / (2 * len(between))
    return varying_beside(numbers, within, kept)


def leading(functions: np.ndarray) -> np.ndarray:
    """Return the 16 directions in which functions are largest, float32 ``[m, 256, 16]``.

    They are orthonormal, the largest first.

    Examples
    --------
    >>> leading(np.diag(np.arange(256.0))[None])[0].argmax(0)[:3]
    array([255, 254, 253])
    """
    _, vectors = np.linalg.eigh(functions)
    largest: np.ndarray = vectors[:, :, : -CODES - 1 : -1].astype(np.float32)
    return largest


def draw(functions: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return encoders drawn for functions, float32 ``[m, 256, 16]``: others for other starts.

    A trained model has, beside what all models of its dataset have, much of its random start. So
    filters are drawn from the normal distribution for which the projector on 16 of them is on
    average, to first order, the function ``F``: that of covariance ``F (1 - F)^-1``. The start is
    what is random; the function colours it.

    Parameters
    ----------
    functions
        Means of projectors on 16 directions, ``[m, 256, 256]``: symmetric, of trace 16.
    starts
        Standard normal numbers, ``[m, 256, 16]``; the same ones give the same models.

    Examples
    --------
    >>> starts = np.random.default_rng(0).normal(size=(1, 256, 16))
    >>> draw(np.eye(256)[None] / 16, starts).shape  # every direction alike
    (1, 256, 16)
    """
    values, vectors = np.linalg.eigh(functions)
    values = values.clip(_SURE, 1 - _SURE)
    roots = np.sqrt(values / (1 - values))[:, :, None]
    drawn: np.ndarray = vectors @ (roots * (vectors.mT @ starts))
    return drawn.astype(np.float32)


def digest(encoders: np.ndarray) -> str:
    """Return a digest of encoders, the same for the same numbers.

    Examples
    --------
    >>> digest(encoders) == digest(encoders.copy()), digest(encoders) == digest(encoders[::-1])
    (True, False)
    """
    return hashlib.sha256(np.ascontiguousarray(encoders, np.float32).data).hexdigest()


class Views(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Both views of models in a row of numbers: encoders ``[m, 256, 16]`` to ``[m, d]``.

    Parameters
    ----------
    locality
        How much what changes from place to place is weighed in what models do, 0 to 1.
    spectra_weight
        How much the spectra of filters are weighed beside what models do, each view scaled to the
        same total variance over the models that fit; 0 leaves them out.

    Attributes
    ----------
    scales_
        What the views are multiplied by, ``[2]``.

    Examples
    --------
    >>> Views().fit_transform(encoders).shape
    (24, 33152)
    """

    def __init__(self, locality: float = LOCALITY, spectra_weight: float = SPECTRA) -> None:
        self.locality = locality
        self.spectra_weight = spectra_weight

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the scales; labels are not looked at."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: np.ndarray, y: Any = None) -> np.ndarray:
        """Find the scales and return the views, which are computed once."""
        views = self._views(X)
        self.scales_ = np.array([1, self.spectra_weight], np.float32)
        if self.spectra_weight:
            of_filters = views[:, _FUNCTION:]
            spreads = [np.sqrt(view.var(0).sum()) for view in (views[:, :_FUNCTION], of_filters)]
            self.scales_ /= np.maximum(spreads, 1e-12)
        return self._scaled(views)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the views of encoders ``[m, 256, 16]``, float32 ``[m, d]``."""
        return self._scaled(self._views(X))

    def functions(self, views: np.ndarray) -> np.ndarray:
        """Return what models do, ``[m, 32896]``, of their views ``[m, d]``."""
        functions: np.ndarray = views[:, :_FUNCTION] / self.scales_[0]
        return functions

    def _views(self, encoders: np.ndarray) -> np.ndarray:
        """Return both views, not yet scaled, side by side in one array."""
        width = _FUNCTION + (INPUTS if self.spectra_weight else 0)
        views = np.empty((len(encoders), width), np.float32)
        for chunk in _chunks(len(encoders)):
            views[chunk, :_FUNCTION] = function(encoders[chunk], self.locality)
            if self.spectra_weight:
                views[chunk, _FUNCTION:] = spectra(encoders[chunk])
        return views

    def _scaled(self, views: np.ndarray) -> np.ndarray:
        views[:, :_FUNCTION] *= self.scales_[0]
        views[:, _FUNCTION:] *= self.scales_[1]
        return views


class FunctionalCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The functional code: encoders ``[m, 256, 16]`` to ``[m, 16]`` and back.

    Parameters
    ----------
    dimensions
        Numbers kept for a model.
    locality, spectra_weight
        Of the :class:`Views`; the locality is above 0.
    neighbours
        How many neighbours tell what is accident; 0: the leading principal components are kept.
    components
        Principal components that neighbours choose among.

    Attributes
    ----------
    views_
        The :class:`Views`, fitted.
    mean_, encoder_, decoder_
        ``[d]``, ``[dimensions, d]`` and ``[dimensions, d]``: the code is ``encoder_ @ (views -
        mean_)``, and of a code ``code @ decoder_ + mean_`` comes back.
    embedding_
        The codes of the models that fit, ``[m, dimensions]``.
    fitted_to_
        :func:`digest` of the models that fit, by which they are known again.
    loss_
        The functional loss on them: the mean squared distance between functions and what comes back
        from the code.

    Examples
    --------
    >>> code = FunctionalCode(4).fit(encoders)
    >>> numbers = code.transform(encoders)
    >>> numbers.shape, code.inverse_transform(numbers).shape
    ((24, 4), (24, 256, 16))
    """

    def __init__(
        self,
        dimensions: int = 16,
        locality: float = LOCALITY,
        spectra_weight: float = SPECTRA,
        neighbours: int = 10,
        components: int = 64,
    ) -> None:
        self.dimensions = dimensions
        self.locality = locality
        self.spectra_weight = spectra_weight
        self.neighbours = neighbours
        self.components = components

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the code on encoders ``[m, 256, 16]``; labels are not looked at.

        Raises
        ------
        ValueError
            If the encoders have another shape or hold values that are not finite.
        """
        self.views_ = Views(self.locality, self.spectra_weight)
        views = self.views_.fit_transform(finite(X))
        kept = self.components if self.neighbours else self.dimensions
        pca = Components(kept).fit(views).pca_
        self.mean_, self.encoder_ = pca.mean_, pca.components_
        self.decoder_ = self.encoder_
        if self.neighbours:
            numbers = pca.transform(views)
            chosen = apart_from_neighbours(numbers, self.neighbours, self.dimensions)
            varying = numbers.T @ numbers @ chosen  # what most likely goes with each number
            self.encoder_ = chosen.T @ pca.components_
            self.decoder_ = np.linalg.solve(chosen.T @ varying, varying.T) @ pca.components_
        for name in _MAPS:
            setattr(self, name, np.ascontiguousarray(getattr(self, name), np.float32))
        chunks = _chunks(len(views))
        self.embedding_ = np.concatenate([self._codes(views[chunk]) for chunk in chunks])
        errors = [self._errors(views[chunk], self.embedding_[chunk]) for chunk in chunks]
        self.loss_ = float(np.concatenate(errors).mean())
        self.fitted_to_ = digest(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, dimensions]``.

        Neither the order of a model's filters nor the strength or the sign of any changes them.
        Those of the models that fit are known.
        """
        if len(X) == len(self.embedding_) and digest(X) == self.fitted_to_:
            return self.embedding_.copy()
        views = (self.views_.transform(X[chunk]) for chunk in _chunks(len(X)))
        return np.concatenate([self._codes(of_chunk) for of_chunk in views])

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Return encoders ``[m, 256, 16]`` that codes ``[m, dimensions]`` stand for.

        Their columns are orthonormal, the most important first.
        """
        return leading(self.decoded(X))

    def decoded(self, X: np.ndarray) -> np.ndarray:
        """Return the functions ``[m, 256, 256]`` of codes, their changes over places in full.

        Examples
        --------
        >>> code = FunctionalCode(4).fit(encoders)
        >>> code.decoded(code.transform(encoders[:2])).shape
        (2, 256, 256)
        """
        return unweighed(self._functions(X), self.locality)

    def save(self, path: Path | str) -> None:
        """Write what was fitted to a safetensors file.

        Examples
        --------
        >>> FunctionalCode(4).fit(encoders).save(folder / "functional.safetensors")
        >>> FunctionalCode.load(folder / "functional.safetensors").transform(encoders).shape
        (24, 4)
        """
        arrays = {name: getattr(self, name) for name in _FITTED}
        with write_atomically(path) as temporary:
            save_file(
                {**arrays, "scales": self.views_.scales_},
                temporary,
                {
                    "representation": "functional",
                    "parameters": json.dumps(self.get_params()),
                    "loss": repr(self.loss_),
                    "fitted_to": self.fitted_to_,
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
        if header.get("representation") != "functional" or not {*_FITTED, "scales"} <= {*tensors}:
            raise ValueError(
                f"{path}: expected a functional code, as `make book` writes it (chapter 11), found "
                f"tensors {', '.join(sorted(tensors)) or 'none'}"
            )
        code = cls(**json.loads(header["parameters"]))
        code.views_ = Views(code.locality, code.spectra_weight)
        code.views_.scales_ = tensors["scales"].numpy()
        for name in _FITTED:
            setattr(code, name, tensors[name].numpy())
        code.loss_, code.fitted_to_ = float(header["loss"]), header["fitted_to"]
        return code

    def _errors(self, views: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the functional loss of each model, ``[m]``."""
        apart = self.views_.functions(views) - self._functions(codes)
        errors: np.ndarray = np.square(apart).sum(1)
        return errors

    def _codes(self, views: np.ndarray) -> np.ndarray:
        codes: np.ndarray = (views - self.mean_) @ self.encoder_.T
        return codes

    def _functions(self, codes: np.ndarray) -> np.ndarray:
        """Return the functions that codes stand for, ``[m, 32896]``."""
        return self.views_.functions(codes @ self.decoder_ + self.mean_)


class RefinedFunctionalCode(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A network that begins at the closed optimum of the functional loss and is trained on by it.

    To the linear way from function to code, and to that back, a small network is added whose
    answers are 0 at first.

    Parameters
    ----------
    dimensions
        Numbers kept for a model.
    components
        Principal components of the fit models that go in and come out.
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
    >>> refined = RefinedFunctionalCode(steps=50)
    >>> closed = FunctionalCode(spectra_weight=0, neighbours=0)
    >>> refined.fit(encoders).loss_ < closed.fit(encoders).loss_
    True
    """

    def __init__(
        self,
        dimensions: int = 16,
        components: int = 64,
        width: int = 128,
        steps: int = 1_000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.dimensions = dimensions
        self.components = components
        self.width = width
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train on encoders ``[m, 256, 16]``; labels are not looked at."""
        functions = function(finite(X), LOCALITY)
        self.components_ = Components(self.components).fit(functions)
        z = torch.from_numpy(self.components_.transform(functions).astype(np.float32))
        left_out = float(functions.var(0).sum() - z.var(0, correction=0).sum())
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
            self.loss_ = float(self._apart(z).mean()) * self.scale_**2 + left_out
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the codes ``[m, dimensions]`` of encoders ``[m, 256, 16]``."""
        z = self.components_.transform(function(X, LOCALITY)).astype(np.float32) / self.scale_
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
