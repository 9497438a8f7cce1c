"""Is a model unlike anything that the zoo knows? A model is compared with itself, shuffled.

What a model does is told by its column space, so by the projector ``P = Q Qᵀ`` on it, as a vector
of 65,536 numbers. The models of a zoo have much in common: the mean of their projectors and the
principal components are its *common directions*. The *known share* of a model is the share of its
projector's energy that lies in them.

Any model has some of it by chance. So its inputs are shuffled, all filters alike, and its known
share is taken once more: as much of it is chance. How much *more* is known of the model as it is
tells whether it matters to the zoo in which order the inputs come. If that is no more than chance
explains, by how far the orders differ among themselves, the zoo knows nothing of this model: it is
unlike anything seen. No label is needed, and the size of the weights changes nothing.
"""

from typing import Self

import numpy as np

from metanet_lib.representations.weights import Components, projectors
from metanet_lib.zoo import CODES, INPUTS, checked_encoders

CHANCE = 4.0
"""Standard deviations, over orders of the inputs, that count as chance."""

_MOST = 1000  # models of a zoo that are taken: time grows with their square
_CHUNK = 250  # models at a time, whose projectors are held


class Familiarity:
    """How much more a zoo knows of a model than of the same model with its inputs shuffled.

    Parameters
    ----------
    dimensions
        Principal components among the common directions, beside the mean.
    orders
        Orders in which the inputs are shuffled, the same for all models.
    seed
        Seed of these orders.

    Examples
    --------
    >>> more, by_chance = Familiarity(dimensions=4, orders=8).fit(encoders).more(encoders)
    >>> more.shape, bool((by_chance > 0).all())
    ((24,), True)
    """

    def __init__(self, dimensions: int = 16, orders: int = 32, seed: int = 0) -> None:
        self.dimensions = dimensions
        self.orders = orders
        self.seed = seed

    def fit(self, encoders: np.ndarray) -> Self:
        """Find the common directions of a zoo's models ``[m, 256, 16]``.

        Of a large zoo, models spread evenly over it are taken.

        Raises
        ------
        ValueError
            If the encoders have another shape, or are fewer than three.
        """
        if len(encoders) < 3:
            raise ValueError(
                f"expected at least 3 models, to have something in common; found {len(encoders)}"
            )
        spaces = _projectors(encoders[:: -(-len(encoders) // _MOST)])
        # The models span few dimensions: what is found there is found quickly.
        inner = spaces @ spaces.T
        energy, vectors = np.linalg.eigh(inner)
        some = energy > 1e-6 * energy[-1]
        axes = vectors[:, some] / np.sqrt(energy[some])
        pca = Components(self.dimensions).fit(inner @ axes).pca_
        basis = np.linalg.qr(np.vstack([pca.mean_, pca.components_]).T).Q.T
        self._directions = self._in_all_orders(basis @ axes.T @ spaces)
        return self

    def more(self, encoders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how much more is known of each model than of it shuffled, and how much by chance.

        Both ``[m]``, in shares of the column space: 1 would be all of it. Chance is :data:`CHANCE`
        standard deviations over the orders.
        """
        starts = range(0, len(checked_encoders(encoders)), _CHUNK)
        known = np.concatenate(
            [np.empty((0, 1 + self.orders))]
            + [_known(self._directions, _projectors(encoders[i : i + _CHUNK])) for i in starts]
        )
        return known[:, 0] - known[:, 1:].mean(1), CHANCE * known[:, 1:].std(1)

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
    return projectors(checked_encoders(encoders)).reshape(len(encoders), -1)


def _known(directions: np.ndarray, spaces: np.ndarray) -> np.ndarray:
    """Return the known shares of projectors ``[m, 65536]``, as they are and in each order."""
    along = spaces @ directions.reshape(-1, spaces.shape[1]).T
    known: np.ndarray = np.square(along).reshape(len(spaces), *directions.shape[:2]).sum(2) / CODES
    return known
