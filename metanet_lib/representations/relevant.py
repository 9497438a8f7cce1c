"""Directions in which models differ that are told to belong together, and how to look past them.

Of some models one may know that they learned from the same files, or from halves of them, and not
of what: a *group*, at the least a pair. What differs within a group says nothing of the dataset: it
is the accident of a training, and of the files where these differ. Relevant component analysis
(Bar-Hillel et al. 2003) makes such directions count less; here it comes in two ways, both with as
many numbers as the paper's:

- :func:`whitened`: all directions are scaled so that groups are as wide in each, and the 16 are
  kept that then vary most;
- :func:`projected_out`: the directions in which groups are widest are left out, and of the others
  the 16 principal components are kept.

Numbers are ``[m, d]``, of mean 0, such as principal components. Groups are whole numbers ``[m]``:
models with the same one belong together; -1 is a model of which nothing is told.
"""

import numpy as np

from metanet_lib.representations.weights import signed, varying_beside


def within(numbers: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the covariance within groups, ``[d, d]``.

    Raises
    ------
    ValueError
        If no two models belong together.

    Examples
    --------
    >>> within(np.array([[0.0, 5], [2, 5], [9, 9]]), np.array([0, 0, -1])).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    told = ((names >= 0) & (sizes > 1))[group]
    if not told.any():
        raise ValueError("expected at least two models that belong together, found none")
    numbers, (_, group) = numbers[told], np.unique(groups[told], return_inverse=True)
    sizes = np.bincount(group)
    sums = np.zeros((len(sizes), numbers.shape[1]))
    np.add.at(sums, group, numbers)
    apart = numbers - (sums / sizes[:, None])[group]
    covariance: np.ndarray = apart.T @ apart / (len(numbers) - len(sizes))
    return covariance


def whitened(
    numbers: np.ndarray, groups: np.ndarray, kept: int = 16, smoothing: float = 1.0
) -> np.ndarray:
    """Return the directions that vary most over all models, beside within groups, ``[d, kept]``.

    Parameters
    ----------
    numbers, groups
        See the module.
    kept
        Directions, at most.
    smoothing
        How much of its own mean over all directions is added to the covariance within groups, so
        that none counts for being still by chance.

    Examples
    --------
    >>> accident, telling = np.random.default_rng(0).normal(size=90), np.repeat([-9, 9, 27], 30)
    >>> numbers = np.stack([telling - 9, 40 * accident], axis=1)
    >>> directions = whitened(numbers, np.arange(90) // 2, kept=1, smoothing=0.1)
    >>> bool(abs(directions[0]) > 5 * abs(directions[1]))
    True
    """
    return varying_beside(numbers, within(numbers, groups), kept, smoothing)


def projected_out(
    numbers: np.ndarray, groups: np.ndarray, kept: int = 16, removed: int = 16
) -> np.ndarray:
    """Return principal components without where groups are widest, ``[d, kept]``.

    Parameters
    ----------
    numbers, groups
        See the module.
    kept
        Directions, at most.
    removed
        Directions left out: fewer where there would not be ``kept`` others.

    Examples
    --------
    >>> numbers = np.array([[3.0, 9, 1], [3, -9, 1], [-3, 9, -1], [-3, -9, -1]])
    >>> direction = projected_out(numbers, np.array([0, 0, 1, 1]), kept=1, removed=1)
    >>> np.abs(direction).round(2).ravel().tolist()
    [0.95, 0.0, 0.32]
    """
    _, directions = np.linalg.eigh(within(numbers, groups))
    others = directions[:, : max(len(directions) - removed, min(kept, len(directions)))]
    _, rotation = np.linalg.eigh(others.T @ (numbers.T @ numbers) @ others)
    return signed(others @ rotation[:, : -kept - 1 : -1])
