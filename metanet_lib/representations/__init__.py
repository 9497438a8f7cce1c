"""Every way to turn models into vectors, as scikit-learn transformers.

A representation takes encoders ``[m, 256, 16]`` and gives embeddings ``[m, d]``. It composes with
any classifier in a pipeline; ``make_pipeline(representation, KNeighborsClassifier(10))`` is the
paper's concatenated model (section 4.4).

Offered here: :class:`MetaEncoder`, the paper's; :class:`RawWeights`, the baseline without it.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.metanetwork import Metanetwork
from metanet_lib.zoo import checked_encoders


class MetaEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The frozen meta-encoder: encoders ``[m, 256, 16]`` to embeddings ``[m, 16]``.

    Parameters
    ----------
    metanetwork
        A trained metanetwork. Fitting changes nothing: its parameters are frozen (section 4.4).
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


class RawWeights(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The weights themselves, flattened: encoders ``[m, 256, 16]`` to ``[m, 4096]``."""

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Check the shape; labels are not looked at."""
        checked_encoders(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the flattened weights ``[m, 4096]``."""
        return checked_encoders(X).reshape(len(X), -1)

    def __sklearn_is_fitted__(self) -> bool:
        return True
