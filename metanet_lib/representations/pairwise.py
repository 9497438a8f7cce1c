"""Gromov-Wasserstein distances between what models answer to shared probes.

Gao et al. (2024) compare two layers by the Gromov-Wasserstein distance of what they answer to the
same inputs: the answers of a layer are points of equal mass in a metric space of its own, and the
distance asks how well the points of one space can be matched with those of the other so that
distances within the two agree. It needs no correspondence of units, nor even of inputs. Here the
two layers are the codes of two models (:mod:`metanet_lib.representations.probes`).

Simplified or changed:

- distances within a space are divided by their root mean square, since scale means nothing here;
- the search for the best match is not convex. It starts from the match of points whose sorted
  distances to all others are most alike, which attains a lower bound of the distance (Mémoli 2011,
  the third), and so finds two orders of one space to be the same; POT (Flamary et al. 2021) goes
  on from there by conditional gradient;
- a distance takes about half a millisecond, so each model is compared with *landmarks* only: a
  random sample of the models that fit. Its embedding is the vector of its distances to them.
"""

from typing import Any, Self

import numpy as np
from ot.gromov import gromov_wasserstein2
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.representations.probes import codes, shared_probes
from metanet_lib.zoo import checked_encoders


class GromovWasserstein(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gromov-Wasserstein distances to landmark models: encoders to ``[m, landmarks]``.

    Two models are near if they are as far from every landmark. The neighbours by the distance
    itself can be had, among the landmarks, from the same numbers, with
    ``KNeighborsClassifier(metric="precomputed")`` on the labels of ``landmarks_``. Unsupervised.

    Parameters
    ----------
    n_probes
        Points of each space. Time grows faster than their square.
    landmarks
        How many of the models that fit are landmarks; all, if there are fewer.
    seed
        Seed of the probes and of the choice of landmarks.

    Attributes
    ----------
    landmarks_
        Which of the fit models are landmarks, ``[landmarks]``.
    spaces_
        Their distances between probes, ``[landmarks, n_probes, n_probes]``.

    Examples
    --------
    >>> GromovWasserstein(n_probes=6, landmarks=3).fit(encoders).transform(encoders).shape
    (24, 3)
    """

    def __init__(self, n_probes: int = 30, landmarks: int = 40, seed: int = 0) -> None:
        self.n_probes = n_probes
        self.landmarks = landmarks
        self.seed = seed

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Draw the probes and choose the landmarks; labels are not looked at."""
        X = checked_encoders(X)
        self.probes_ = shared_probes(self.n_probes, self.seed)
        rng = np.random.default_rng(self.seed)
        self.landmarks_ = rng.choice(len(X), min(self.landmarks, len(X)), replace=False)
        self.spaces_ = metric_spaces(codes(self.probes_, X[self.landmarks_]))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the distances of encoders ``[m, 256, 16]`` to the landmarks."""
        spaces = metric_spaces(codes(self.probes_, X))
        rows = [[gw_distance(one, other) for other in self.spaces_] for one in spaces]
        return np.array(rows, np.float32)


def metric_spaces(answers: np.ndarray) -> np.ndarray:
    """Return the distances between the answers to each two inputs.

    Parameters
    ----------
    answers
        ``[m, p, units]``.

    Returns
    -------
    ndarray
        float64 ``[m, p, p]``, of root mean square 1 in each model.

    Examples
    --------
    >>> spaces = metric_spaces(np.random.default_rng(0).normal(size=(2, 6, 16)))
    >>> spaces.shape, bool(np.allclose(spaces, spaces.transpose(0, 2, 1)))
    ((2, 6, 6), True)
    """
    spaces = np.array([cdist(one, one) for one in answers.astype(np.float64)])
    scale = np.sqrt((spaces**2).mean((1, 2), keepdims=True))
    scaled: np.ndarray = spaces / scale
    return scaled


def gw_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Gromov-Wasserstein distance of two metric spaces of equal masses.

    It is the root of the least mean squared difference of distances that was found, twice the
    distance in Mémoli's definition.

    Parameters
    ----------
    one, other
        Distances ``[p, p]`` within each space.

    Examples
    --------
    >>> space = metric_spaces(np.random.default_rng(0).normal(size=(1, 6, 16)))[0]
    >>> gw_distance(space, space) < 1e-6
    True
    """
    cost = cdist(np.sort(one, axis=1), np.sort(other, axis=1), "sqeuclidean")
    points = len(one)
    masses = np.full(points, 1 / points)
    start = np.zeros((points, points))
    start[linear_sum_assignment(cost)] = 1 / points
    squared = gromov_wasserstein2(one, other, masses, masses, G0=start, symmetric=True)
    return float(np.sqrt(max(squared, 0)))
