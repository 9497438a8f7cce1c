"""Parts of the paper's meta-encoder, each on its own, as transformers.

:class:`SortedFilters` is what stands before the inter-unit part, :class:`DenseAutoencoder` the
inter-unit part on any vectors, :func:`filters_by_norm` the raw weights in an order that means
something, and :class:`Anew` the whole, trained on the models it is fitted with; :func:`untrained`
gives the whole before it is trained.
"""

from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from torch import nn

from metanet_lib.metanetwork import (
    MetaAutoencoder,
    Metanetwork,
    MetanetworkParameters,
    fit_autoencoder,
    initialise,
    sort_filters,
    train,
)
from metanet_lib.zoo import checked_encoders


class SortedFilters(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The unit-wise part and a sorting: encoders ``[m, 256, 16]`` to embedded filters ``[m, 48]``.

    Parameters
    ----------
    metanetwork
        The metanetwork whose unit-wise part embeds the filters.
    sorting
        ``none`` (the order they came in), ``norm`` (of a filter's weights, smallest first), or
        ``axis 1`` and so on: an axis of the embedding.

    Examples
    --------
    >>> SortedFilters(metanetwork, "norm").fit_transform(encoders).shape
    (24, 48)
    """

    def __init__(self, metanetwork: Metanetwork, sorting: str) -> None:
        self.metanetwork, self.sorting = metanetwork, sorting

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Check the shape; nothing is fitted."""
        checked_encoders(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embedded filters ``[m, 48]``, sorted."""
        embedded = self.metanetwork.embed_filters(checked_encoders(X))
        if self.sorting == "norm":
            order = _by_norm(X)
        elif self.sorting == "none":
            order = np.broadcast_to(np.arange(embedded.shape[1]), embedded.shape[:2])
        else:
            axis = int(self.sorting.removeprefix("axis ")) - 1
            descending = self.metanetwork.model.parameters_.sort_descending
            order = sort_filters(torch.from_numpy(embedded), axis, descending).numpy()
        return np.take_along_axis(embedded, order[..., None], axis=1).reshape(len(X), -1)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def filters_by_norm(encoders: np.ndarray) -> np.ndarray:
    """Return the weights ``[m, 4096]``, filter after filter, the filter of smallest norm first.

    Examples
    --------
    >>> norms = np.linalg.norm(filters_by_norm(encoders).reshape(-1, 16, 256), axis=2)
    >>> bool((np.diff(norms) >= 0).all())
    True
    """
    order = _by_norm(checked_encoders(encoders))[:, None]
    in_order = np.take_along_axis(encoders, order, axis=2)
    weights: np.ndarray = in_order.transpose(0, 2, 1).reshape(len(encoders), -1)
    return weights


def _by_norm(encoders: np.ndarray) -> np.ndarray:
    order: np.ndarray = np.linalg.norm(encoders, axis=1).argsort(axis=1, kind="stable")
    return order


class DenseAutoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An autoencoder of dense layers on vectors ``[m, d]``, trained as the inter-unit part is.

    Parameters
    ----------
    widths
        Outputs of the encoder's layers, ReLU between them; the decoder mirrors them. One width
        alone, 16, is the paper's linear inter-unit part.
    parameters
        How to train it.
    seed
        Seed of initial weights and order.

    Examples
    --------
    >>> short = MetanetworkParameters(interunit_epochs=1)
    >>> DenseAutoencoder((32, 16), short, seed=0).fit_transform(encoders.reshape(24, -1)).shape
    (24, 16)
    """

    def __init__(
        self, widths: tuple[int, ...], parameters: MetanetworkParameters, seed: int
    ) -> None:
        self.widths, self.parameters, self.seed = widths, parameters, seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train it; labels are not looked at."""
        widths = (X.shape[1], *self.widths)
        self.encoder_ = _dense(widths)
        model = nn.Sequential(self.encoder_, _dense(widths[::-1]))
        generator = torch.Generator().manual_seed(self.seed)
        initialise(model, generator)
        p, samples = self.parameters, torch.from_numpy(X)
        name = f"dense autoencoder, seed {self.seed}"
        fit_autoencoder(model, samples, p.interunit_epochs, p, generator, name)
        return self

    @torch.no_grad()
    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings, as many numbers as the last width."""
        embeddings: np.ndarray = self.encoder_(torch.from_numpy(X)).numpy()
        return embeddings


def _dense(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Anew(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A metanetwork trained on the models it is fitted with: ``[m, 256, 16]`` to ``[m, 16]``.

    Examples
    --------
    >>> short = MetanetworkParameters(channels=(2,), unitwise_epochs=1, interunit_epochs=1)
    >>> Anew(short, seed=0).fit_transform(encoders).shape
    (24, 16)
    """

    def __init__(self, parameters: MetanetworkParameters, seed: int) -> None:
        self.parameters, self.seed = parameters, seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train it; labels are not looked at."""
        self.metanetwork_ = train(X, self.parameters, self.seed)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings ``[m, 16]``."""
        return self.metanetwork_.embed(checked_encoders(X))


def untrained(parameters: MetanetworkParameters, seed: int) -> Metanetwork:
    """Return the metanetwork of this seed before its first training step.

    Examples
    --------
    >>> untrained(MetanetworkParameters(), seed=0).embed(encoders).shape
    (24, 16)
    """
    model = MetaAutoencoder(parameters)
    initialise(model, torch.Generator().manual_seed(seed))
    return Metanetwork(seed, model.eval(), (), (), loss=float("nan"))
