"""How sure an accuracy is, and the difference of two.

The models of one dataset are right or wrong together, so a hundred models are fewer witnesses than
a hundred. :func:`wilson_interval` takes each model for a witness of its own and is too narrow;
:func:`bootstrap_interval` draws datasets anew, and models within them. It knows nothing of what a
dataset would do that was right, or wrong, in all its models, and is never narrower than Wilson's.
:func:`paired_interval` compares two representations on the same models, dataset by dataset.

How many datasets are of photographs and how many of sounds was chosen, not drawn: each draw has as
many of either (a *stratified* bootstrap).
"""

import numpy as np
from scipy.stats import binomtest

DRAWS = 4000
"""Bootstrap samples of an interval."""


def wilson_interval(n_correct: int, n: int) -> tuple[float, float]:
    """Return the Wilson 95 % interval of an accuracy (Wilson 1927).

    Examples
    --------
    >>> low, high = wilson_interval(5, 10)
    >>> round(low, 3), round(high, 3)
    (0.237, 0.763)
    """
    interval = binomtest(n_correct, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap_interval(correct: np.ndarray, datasets: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy by a bootstrap of datasets, and of models in them.

    It holds Wilson's.

    Parameters
    ----------
    correct
        Whether the answer for each model was right, or how many of several seeds' answers were, as
        a share; ``[m]``.
    datasets
        The dataset of each model, ``[m]``.

    Examples
    --------
    >>> datasets = np.repeat(["v:aer", "v:bic", "a:air", "a:car"], 10)
    >>> bootstrap_interval(np.repeat([1, 0, 1, 1], 10), datasets)  # four witnesses, not forty
    (0.5, 1.0)
    """
    right, models = _by_dataset(correct, datasets)
    rng = np.random.default_rng(0)
    drawn = _drawn(rng, datasets)
    within = rng.binomial(models[drawn], right[drawn] / models[drawn])
    low, high = _middle(within.sum(1) / models[drawn].sum(1))
    least, most = wilson_interval(round(right.sum()), models.sum())
    return min(low, least), max(high, most)


def paired_interval(
    correct: np.ndarray, others: np.ndarray, datasets: np.ndarray
) -> tuple[float, float]:
    """Return the 95 % interval of a difference of two accuracies on the same models.

    Datasets are drawn anew, each with all its models, as many of either modality as there are. An
    interval without 0 tells the two apart.

    Parameters
    ----------
    correct, others
        Whether each answer was right, of the one and of the other, ``[m]``.
    datasets
        The dataset of each model, ``[m]``.

    Examples
    --------
    >>> datasets = np.repeat(["v:aer", "v:bic", "a:air"], 10)
    >>> paired_interval(np.ones(30), np.tile([1, 0], 15), datasets)
    (0.5, 0.5)
    """
    right, models = _by_dataset(correct, datasets)
    less, _ = _by_dataset(others, datasets)
    drawn = _drawn(np.random.default_rng(0), datasets)
    return _middle((right - less)[drawn].sum(1) / models[drawn].sum(1))


def _by_dataset(correct: np.ndarray, datasets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many answers were right of each dataset, and how many models it has."""
    _, dataset = np.unique(datasets, return_inverse=True)
    return np.bincount(dataset, correct), np.bincount(dataset)


def _drawn(rng: np.random.Generator, datasets: np.ndarray) -> np.ndarray:
    """Draw datasets, as many of each modality as there are, ``[DRAWS, d]``."""
    modality = np.array([name.rpartition(":")[0] for name in np.unique(datasets)])
    places = [np.flatnonzero(modality == one) for one in np.unique(modality)]
    return np.concatenate([rng.choice(own, (DRAWS, len(own))) for own in places], axis=1)


def _middle(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
