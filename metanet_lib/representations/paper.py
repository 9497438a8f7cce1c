"""The paper's meta-encoder, and the raw weights that it is compared with (section 4.4)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.metanetwork import Metanetwork, MetanetworkParameters, train
from metanet_lib.zoo import checked_encoders


class MetaEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The frozen meta-encoder: encoders ``[m, 256, 16]`` to embeddings ``[m, 16]``.

    Parameters
    ----------
    metanetwork
        A trained metanetwork. Fitting changes nothing: its parameters are frozen (section 4.4).

    Examples
    --------
    >>> MetaEncoder(metanetwork).fit_transform(encoders).shape
    (24, 16)
    """

    def __init__(self, metanetwork: Metanetwork) -> None:
        self.metanetwork = metanetwork

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Check the shape; labels are not looked at."""
        checked_encoders(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings ``[m, 16]``."""
        return self.metanetwork.embed(checked_encoders(X))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class SeededMetaEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The frozen meta-encoder of one of several seeds.

    Parameters
    ----------
    metanetworks
        Trained metanetworks, one for each seed.
    seed
        Which of them embeds.

    Attributes
    ----------
    loss_
        Its loss, the label-free measure by which the headline is chosen.

    Examples
    --------
    >>> SeededMetaEncoder([metanetwork], seed=0).fit(encoders).loss_ == metanetwork.loss
    True
    """

    def __init__(self, metanetworks: Sequence[Metanetwork], seed: int = 0) -> None:
        self.metanetworks = metanetworks
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Take the metanetwork of the seed; labels are not looked at.

        Raises
        ------
        ValueError
            If there is none of that seed.
        """
        checked_encoders(X)
        of_seed = {n.seed: n for n in self.metanetworks}
        if self.seed not in of_seed:
            raise ValueError(f"no metanetwork of seed {self.seed}; there are {sorted(of_seed)}")
        self.metanetwork_ = of_seed[self.seed]
        self.loss_ = self.metanetwork_.loss
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings ``[m, 16]``."""
        return self.metanetwork_.embed(checked_encoders(X))


class TunedMetaEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The paper's representation with other settings, trained when it is fitted.

    Parameters
    ----------
    parameters
        Shape and training.
    learning_rate, embedding_activation
        In place of those of ``parameters``.
    seed
        Seed of initial weights and order.

    Attributes
    ----------
    metanetwork_
        The trained metanetwork.
    loss_
        Its loss, the label-free measure by which the headline is chosen.

    Examples
    --------
    >>> short = MetanetworkParameters(channels=(2,), unitwise_epochs=1, interunit_epochs=1)
    >>> TunedMetaEncoder(short, learning_rate=3e-3).fit(encoders).transform(encoders).shape
    (24, 16)
    """

    def __init__(
        self,
        parameters: MetanetworkParameters,
        learning_rate: float = 1e-3,
        embedding_activation: str = "relu",
        seed: int = 0,
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.embedding_activation = embedding_activation
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Train on encoders ``[m, 256, 16]``; labels are not looked at."""
        settings = replace(
            self.parameters,
            learning_rate=self.learning_rate,
            embedding_activation=self.embedding_activation,
        )
        self.metanetwork_ = train(X, settings, self.seed)
        self.loss_ = self.metanetwork_.loss
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings ``[m, 16]``."""
        return self.metanetwork_.embed(checked_encoders(X))


class RawWeights(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The weights themselves, flattened: encoders ``[m, 256, 16]`` to ``[m, 4096]``.

    Examples
    --------
    >>> RawWeights().fit_transform(encoders).shape
    (24, 4096)
    """

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Check the shape; labels are not looked at."""
        checked_encoders(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the flattened weights ``[m, 4096]``."""
        return checked_encoders(X).reshape(len(X), -1)

    def __sklearn_is_fitted__(self) -> bool:
        return True
