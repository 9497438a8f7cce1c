"""Is a model unlike anything that the zoo knows? A model is compared with itself, shuffled.

What a model does is told by its column space, so by the projector ``P = Q Qᵀ`` on it, as a vector
of 65,536 numbers. The models of a zoo have much in common: the mean of their projectors and the
principal components are its *common directions*. The *known share* of a model is the share of its
projector's energy that lies in them.

Any model has some of it by chance. So its inputs are shuffled, all filters alike, and its known
share is taken once more: as much of it is chance. How much *more* is known of the model as it is
tells whether it matters to the zoo in which order the inputs come. If it hardly does, the zoo knows
nothing of this model: it is unlike anything seen. What is *usual* is told by the zoo's own models,
each compared with common directions that were found without it. No label is needed, and the size of
the weights changes nothing.
"""

from typing import Self

import numpy as np

from metanet_lib.representations.weights import Components
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

USUAL = 0.99
"""Share of the zoo's own models that count as usual."""

_FOLDS = 5  # of the zoo's models, one at a time is left out
_MOST = 1000  # models of a zoo that are taken: time grows with their square
_CHUNK = 250  # models at a time, whose projectors are held


class Familiarity:
    """How much more a zoo knows of a model than of the same model with its inputs shuffled.

    Parameters
    ----------
    dimensions
        Principal components among the common directions, beside the mean.
    orders
        Orders in which the inputs are shuffled, the same for all models; their mean counts.
    seed
        Seed of these orders.

    Attributes
    ----------
    usual_
        The zoo knows at least so much more of :data:`USUAL` of its own models.

    Examples
    --------
    >>> familiarity = Familiarity(dimensions=4).fit(encoders)
    >>> familiarity.more(encoders).shape, bool(abs(familiarity.usual_) < 1)
    ((24,), True)
    """

    def __init__(self, dimensions: int = 16, orders: int = 16, seed: int = 0) -> None:
        self.dimensions = dimensions
        self.orders = orders
        self.seed = seed

    def fit(self, encoders: np.ndarray) -> Self:
        """Find the common directions of a zoo's models ``[m, 256, 16]``, and what is usual there.

        Of a large zoo, models spread evenly over it are taken.

        Raises
        ------
        ValueError
            If the encoders have another shape, or are too few to leave any out.
        """
        if len(encoders) < _FOLDS:
            raise ValueError(
                f"expected at least {_FOLDS} models, to tell what is usual; found {len(encoders)}"
            )
        spaces = _projectors(encoders[:: -(-len(encoders) // _MOST)])
        # The models span few dimensions: what is found there is found quickly.
        inner = spaces @ spaces.T
        energy, vectors = np.linalg.eigh(inner)
        some = energy > 1e-6 * energy[-1]
        axes = vectors[:, some] / np.sqrt(energy[some])
        within = inner @ axes

        def directions(models: np.ndarray) -> np.ndarray:
            pca = Components(self.dimensions).fit(within[models]).pca_
            basis = np.linalg.qr(np.vstack([pca.mean_, pca.components_]).T).Q.T
            return self._in_all_orders(basis @ axes.T @ spaces)

        fold = np.arange(len(spaces)) % _FOLDS
        left_out = [_more(directions(fold != i), spaces[fold == i]) for i in range(_FOLDS)]
        self.usual_ = float(np.quantile(np.concatenate(left_out), 1 - USUAL))
        self._directions = directions(fold >= 0)
        return self

    def more(self, encoders: np.ndarray) -> np.ndarray:
        """Return how much more is known of each model than of it shuffled, ``[m]``.

        In shares of its column space: 1 would be all of it.
        """
        starts = range(0, len(checked_encoders(encoders)), _CHUNK)
        shares = [_more(self._directions, _projectors(encoders[i : i + _CHUNK])) for i in starts]
        return np.concatenate([np.empty(0), *shares])

    def _in_all_orders(self, directions: np.ndarray) -> np.ndarray:
        """Return directions ``[d, 65536]``, then shuffled, ``[1 + orders, d, 65536]``.

        Shuffled directions and models as they are have the same inner products as directions as
        they are and models shuffled, the other way round.
        """
        rng, square = np.random.default_rng(self.seed), directions.reshape(-1, INPUTS, INPUTS)
        orders = [rng.permutation(INPUTS) for _ in range(self.orders)]
        all_orders = [square, *(square[:, order][:, :, order] for order in orders)]
        return np.stack(all_orders).reshape(len(all_orders), *directions.shape)


def _projectors(encoders: np.ndarray) -> np.ndarray:
    """Return the projectors on the column spaces, float32 ``[m, 65536]``."""
    basis = np.linalg.qr(checked_encoders(encoders)).Q
    projectors: np.ndarray = basis @ basis.transpose(0, 2, 1)
    return projectors.reshape(len(encoders), -1)


def _more(directions: np.ndarray, spaces: np.ndarray) -> np.ndarray:
    """Return what :meth:`Familiarity.more` does, of projectors ``[m, 65536]``."""
    along = spaces @ directions.reshape(-1, spaces.shape[1]).T
    known = np.square(along).reshape(len(spaces), *directions.shape[:2]).sum(2) / CODES
    more: np.ndarray = known[:, 0] - known[:, 1:].mean(1)
    return more
