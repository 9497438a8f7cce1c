"""What is asked of networks that nobody here made: settled before any of them was read.

**The question.** Is a network trained on sounds, as spectrograms, or on pictures? The zoo's fit
models answer, of the two modalities that they know. Nothing is fitted on the networks.

**The answer** of one network. It is cut (:mod:`~metanet_lib.experiments.wild.cut`) and read
(:mod:`~metanet_lib.experiments.wild.reading`) once. Windows lie as the zoo's do: those of
spectrograms with low bands first, then time; the list says how a network's planes lie. The view is
the one that chapter 14 chooses on the fit models alone, and the neighbours of chapter 14 vote: the
modality of more, of equal votes sound. A network that answers nothing to the probes is wrong. How
it comes out where axes are left as they lie is shown beside it.

**What counts** are families, not files: a family is right in the share of its networks that is.
The accuracy is the mean of two: that over the families of sounds, and that over those of pictures.
Its interval draws the families of each side anew. The zoo of real photographs and recordings is the
one that counts; the demo's is shown. Hard cases are marked in the list, with their reasons; they
count, and it is shown how it comes out without them.

**Controls.** *Shape alone*: of the first convolution the planes that it takes, those that it gives,
and rows and columns of its kernel, and a logistic regression that learns from all families but one.
*Shuffled* and *random* weights, three draws each. *Learnt from the others*: the same regression on
the view's 16 numbers, family by family left out; it tells whether there is something to know that
the zoo does not know. *Unlike anything seen*: as of any model.

**A yes** is an accuracy of which the interval lies above one half, and that is higher than that of
shape alone and than that of each draw of shuffled weights. Anything else is a no.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from metanet_lib.experiments.wild.listed import SIDES

LIES = ("as the zoo's", "as they lie")
"""How windows lie when a network is asked about."""
DRAWS = 3
"""Of shuffled weights, and of random ones."""
SAMPLES = 4000
"""Bootstrap samples of an interval."""


def by_family(rows: pd.DataFrame, answer: str = "answer") -> pd.DataFrame:
    """Return how often each family is right.

    Parameters
    ----------
    rows
        One for each network: ``family``, ``trained_on``, and answers.
    answer
        The column of the answers.

    Returns
    -------
    DataFrame
        One row for each family, in their order: ``family``, ``trained_on``, ``networks`` and
        ``right``, a share.

    Examples
    --------
    >>> rows = pd.DataFrame({"family": ["a", "a", "b"], "trained_on": "sound",
    ...                      "answer": ["sound", "picture", "sound"]})
    >>> by_family(rows).right.tolist()
    [0.5, 1.0]
    """
    right = rows.assign(right=rows[answer] == rows.trained_on)
    groups = right.groupby(["family", "trained_on"], sort=False)
    return groups.right.agg(networks="size", right="mean").reset_index()


def balanced_accuracy(families: pd.DataFrame, seed: int = 0) -> tuple[float, float, float]:
    """Return the accuracy over families, sides weighing one half each, with its 95 % interval.

    Parameters
    ----------
    families
        Of :func:`by_family`.
    seed
        Of the samples, which draw the families of each side anew.

    Raises
    ------
    ValueError
        If there are no families of a side.

    Examples
    --------
    >>> families = pd.DataFrame({"trained_on": ["sound", "sound", "picture"], "right": [1, 0, 1]})
    >>> balanced_accuracy(families)
    (0.75, 0.5, 1.0)
    """
    sides = [families.right[families.trained_on == side].to_numpy(float) for side in SIDES]
    if not all(len(side) for side in sides):
        raise ValueError(f"expected families of both sides, {' and '.join(SIDES)}")
    rng = np.random.default_rng(seed)
    drawn = np.mean(
        [side[rng.integers(len(side), size=(SAMPLES, len(side)))].mean(1) for side in sides], axis=0
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.mean([side.mean() for side in sides])), float(low), float(high)


def learnt(features: np.ndarray, families: ArrayLike, trained_on: ArrayLike) -> np.ndarray:
    """Return what is said of each network by a regression that never saw its family.

    Logistic, on standardised features; each family weighs one, and each side as much as the other.

    Parameters
    ----------
    features
        ``[n, d]``.
    families, trained_on
        The family of each network, and its side, ``[n]``.

    Returns
    -------
    ndarray
        Sides, ``[n]``.

    Examples
    --------
    >>> features = np.array([[0.0], [0.1], [1.0], [1.1]])
    >>> learnt(features, list("abcd"), ["sound", "sound", "picture", "picture"]).tolist()
    ['sound', 'sound', 'picture', 'picture']
    """
    family, side = np.asarray(families), np.asarray(trained_on)
    said = np.empty(len(side), dtype=object)
    for out in np.unique(family):
        rest = family != out
        weights = pd.Series(1.0, range(int(rest.sum())))
        weights /= weights.groupby(family[rest]).transform("sum")
        weights /= weights.groupby(side[rest]).transform("sum")
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(
            features[rest],
            side[rest],
            logisticregression__sample_weight=weights * rest.sum(),
        )
        said[~rest] = model.predict(features[~rest])
    return said


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of the answer and of each control, over families.

    Parameters
    ----------
    rows
        The record of one zoo, as :func:`~metanet_lib.experiments.wild.asking.ask` gives it.

    Returns
    -------
    DataFrame
        One row for each question and draw: ``question``, ``draw``, ``families``, ``accuracy``,
        ``low``, ``high``, and ``unlike``, the share of families' networks that are unlike anything
        seen (of what is asked of the zoo, else not a number).

    Examples
    --------
    >>> one = {"hard": "", "state": "trained", "draw": 0, "lie": "as the zoo's", "unlike": False}
    >>> said = dict.fromkeys(["answer", "learnt", "shape"], "sound")
    >>> rows = pd.DataFrame([{"family": side, "trained_on": side, **one, **said} for side in SIDES])
    >>> float(summary(rows).set_index("question").accuracy["shape alone"])
    0.5
    """
    turned, lying = rows[rows.lie == LIES[0]], rows[rows.lie == LIES[1]]
    trained = turned[turned.state == "trained"]
    asked = [
        ("the zoo's models", "answer", trained),
        ("the same, without hard cases", "answer", trained[trained.hard == ""]),
        ("the same, axes as they lie", "answer", lying[lying.state == "trained"]),
        ("shuffled weights", "answer", turned[turned.state == "shuffled"]),
        ("random weights", "answer", turned[turned.state == "random"]),
        ("shape alone", "shape", trained),
        ("learnt from the others", "learnt", trained),
        ("learnt, shuffled weights", "learnt", turned[turned.state == "shuffled"]),
        ("learnt, random weights", "learnt", turned[turned.state == "random"]),
    ]
    table = []
    for question, column, some in asked:
        for draw, of_draw in some.groupby("draw"):
            families = by_family(of_draw, column)
            accuracy, low, high = balanced_accuracy(families)
            unlike = of_draw.groupby("family").unlike.mean().mean()
            table.append(
                {
                    "question": question,
                    "draw": draw,
                    "families": len(families),
                    "accuracy": accuracy,
                    "low": low,
                    "high": high,
                    "unlike": unlike if column == "answer" else np.nan,
                }
            )
    return pd.DataFrame(table)


def is_yes(trained: tuple[float, float, float], shape: float, shuffled: Sequence[float]) -> bool:
    """Return the verdict, by the rule of this module.

    Parameters
    ----------
    trained
        Accuracy and interval, of :func:`balanced_accuracy`.
    shape
        The accuracy of shape alone.
    shuffled
        That of each draw of shuffled weights.

    Examples
    --------
    >>> is_yes((0.8, 0.6, 0.9), 0.7, [0.5, 0.6]), is_yes((0.8, 0.4, 0.9), 0.7, [0.5, 0.6])
    (True, False)
    """
    accuracy, low, _ = trained
    return low > 0.5 and accuracy > max(shape, *shuffled)
