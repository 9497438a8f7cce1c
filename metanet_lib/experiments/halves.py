"""Models of halves of the files, and what tells the dataset from its files without labels.

If all models of a dataset see the same files, nothing in a zoo shows what of them is those files'.
In a zoo of *halves* (:func:`metanet_lib.data.patches.split_halves`) it shows, and something has to
be told to look past it. Labels would do. Less than labels are *pairs*: of two models one is told
that they saw halves of the same files, and not of which dataset. Who trains models knows as much.

- *Pairs of two* are the least: each model is in one pair at most, and nobody is told which pairs
  belong together. The two of a pair saw halves without a common file.
- *All pairs* are near to labels: who follows them from pair to pair finds the datasets, though not
  their names. They are weak supervision, and are counted as such.

All representations here are made of the same numbers, 64 principal components of what the
functional code reads, so that they differ in what they are told, and in nothing else. How pairs are
used is chosen among :data:`WAYS` on the models that fit alone: :func:`chosen_ways`.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from metanet_lib.interpret import EMBEDDED, InterpretParameters, asked, assess, paired_interval
from metanet_lib.representations.functional import FunctionalCode, Views, apart_from_neighbours
from metanet_lib.representations.relevant import projected_out, whitened
from metanet_lib.representations.weights import Components
from metanet_lib.zoo import Zoo

WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    **{f"whitened, smoothed by {s:g}": partial(whitened, smoothing=s) for s in (1, 0.1, 0.01)},
    **{f"{n} directions projected out": partial(projected_out, removed=n) for n in (8, 16, 32)},
}
"""Ways to use pairs, numbers and groups to directions; the first where none can be tried."""
CODE, COMPONENTS = "functional code", "both views"
PAIRS, GROUPS, LABELS = "told pairs of two", "told all pairs", "told the dataset"
FILES, HALVES, BOTH = "all files", "halves", "halves tell, all files vote"
"""What representations and zoos are called in tables."""


def pairs_of_two(datasets: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Return which pair each model is in, ``[m]``; -1 if in none.

    The first model of a half and the first of its twin are one, and so on.

    Parameters
    ----------
    datasets, halves
        The dataset of each model, and which half of its files it saw, ``[m]``.

    Examples
    --------
    >>> pairs_of_two(np.repeat(["v:aer", "a:air"], 4), np.array([0, 1, 0, 2, 1, 0, 3, 2])).tolist()
    [0, 0, -1, -1, 1, 1, 2, 2]
    """
    table = pd.DataFrame({"dataset": datasets, "draw": halves // 2, "half": halves})
    table["turn"] = table.groupby(["dataset", "half"]).cumcount()
    pair = table.groupby(["dataset", "draw", "turn"], sort=False)
    whole = (pair.half.transform("size") == 2).to_numpy()
    numbered = np.full(len(table), -1)
    numbered[whole] = pd.factorize(pair.ngroup()[whole])[0]
    return numbered


def chosen_ways(
    fit: Zoo, halves: np.ndarray, groups: Mapping[str, np.ndarray], k: int = 10
) -> pd.DataFrame:
    """Choose how pairs are used, by the models that fit, half by half kept out.

    Models of a half are asked about; those of its twin, which saw none of its files, vote; the
    numbers and directions are found without the models of the half.

    Parameters
    ----------
    fit
        The models that fit.
    halves
        Which half of its dataset's files each has seen, ``[m]``.
    groups
        By what is told, which belong together, ``[m]``.
    k
        Neighbours that vote, or as many as there are models of a dataset in a half if that is less.

    Returns
    -------
    DataFrame
        One row for each of ``groups`` (``representation``) and :data:`WAYS` (``way``):
        ``n_correct`` of ``n_asked``, ``accuracy``, and whether it is ``chosen``: the first of the
        best. Nobody is asked about where no pair is left once a half is kept out.

    Examples
    --------
    >>> halves = np.arange(len(zoo)) % 4
    >>> table = chosen_ways(zoo, halves, {PAIRS: pairs_of_two(zoo.datasets, halves)})
    >>> int(table.n_asked[0]), int(table.chosen.sum())
    (24, 1)
    """
    right: dict[tuple[str, str], list[bool]] = {(told, way): [] for told in groups for way in WAYS}
    for half in np.unique(halves):
        known, out, twin = halves != half, halves == half, halves == half ^ 1
        if not twin.any():
            continue
        numbers = both_views().fit(fit.encoders[known])
        to_fit, asked_about, voters = (
            numbers.transform(fit.encoders[which]) for which in (known, out, twin)
        )
        votes = min(k, int(np.unique(fit.datasets[twin], return_counts=True)[1].min()))
        for (told, way), answers in right.items():
            belong = groups[told][known]
            if not (np.unique(belong[belong >= 0], return_counts=True)[1] > 1).any():
                continue
            directions = WAYS[way](to_fit, belong)
            vote = KNeighborsClassifier(votes).fit(voters @ directions, fit.datasets[twin])
            answers += (vote.predict(asked_about @ directions) == fit.datasets[out]).tolist()
    table = pd.DataFrame(
        {"representation": told, "way": way, "n_correct": sum(answers), "n_asked": len(answers)}
        for (told, way), answers in right.items()
    )
    table["accuracy"] = table.n_correct / table.n_asked.replace(0, np.nan)
    best = table.groupby("representation").n_correct.idxmax()
    return table.assign(chosen=table.index.isin(best))


def both_views() -> Pipeline:
    """Return what all representations here are made of: 64 components of both views of models.

    Examples
    --------
    >>> both_views().fit_transform(encoders).shape
    (24, 23)
    """
    return make_pipeline(Views(), Components(FunctionalCode().components))


def what_pairs_buy(
    zoos: tuple[Zoo, Zoo, Zoo],
    halved: Zoo,
    halves: np.ndarray,
    interpret: InterpretParameters,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask for the dataset ID what is fitted on all files, or on halves, and told this or that.

    Third, what is fitted on halves is asked with the votes of models of all files: halves say what
    is accident, and nothing else. It has met twice as many models as either of the others.

    Parameters
    ----------
    zoos
        The models that fit on all of the same files, those that validate, and those that validate
        on new files.
    halved
        Models that fit on halves of the same files, as many.
    halves
        Which half each of these has seen, ``[m]``.
    interpret
        The meta-classifier.

    Returns
    -------
    (DataFrame, DataFrame)
        The rows of :func:`metanet_lib.interpret.classifier.assess` with ``zoo`` and
        ``representation``; ``low`` and ``high``, the paired interval of their accuracy less the
        functional code's on all files; and ``more_low`` and ``more_high``, that of their accuracy
        less their own on all files. And the table of :func:`chosen_ways` for both kinds of
        pairs, on the zoo of halves; what it chooses is used on both. Both tables are empty if
        nobody saw a half.

    Examples
    --------
    >>> zoos, halves, three = (zoo, zoo, zoo), np.arange(len(zoo)) % 2, InterpretParameters(k=3)
    >>> rows, ways = what_pairs_buy(zoos, zoo, halves, three)
    >>> rows.groupby("zoo").size().to_dict()
    {'all files': 10, 'halves': 10, 'halves tell, all files vote': 10}
    """
    if (halves < 0).all():  # no dataset has files enough
        return pd.DataFrame(), pd.DataFrame()
    usual, validation, new = zoos
    turns = pd.Series(usual.datasets).groupby(usual.datasets).cumcount().to_numpy()
    of_zoos = {FILES: (usual, turns % (halves.max() + 1)), HALVES: (halved, halves)}
    groups = {
        name: {
            PAIRS: pairs_of_two(fit.datasets, seen),
            GROUPS: np.unique(fit.datasets, return_inverse=True)[1],
        }
        for name, (fit, seen) in of_zoos.items()
    }
    ways = chosen_ways(halved, halves, groups[HALVES], interpret.k)
    chosen = ways[ways.chosen].set_index("representation").way
    taken = {name: WAYS[chosen[name]] for name in groups[HALVES]}
    rows: list[dict[str, str | int | float]] = []
    right: dict[tuple[str, str, str], np.ndarray] = {}
    for name, fits, votes in (
        (FILES, FILES, FILES),
        (HALVES, HALVES, HALVES),
        (BOTH, HALVES, FILES),
    ):
        (fit, _), (voters, _) = of_zoos[fits], of_zoos[votes]
        numbers = both_views()
        to_fit = numbers.fit_transform(fit.encoders)
        to_vote = to_fit if voters is fit else numbers.transform(voters.encoders)
        questions = {
            task: (models, numbers.transform(models.encoders))
            for task, models in asked(validation.of(sorted(set(fit.datasets))), new).items()
            if task.startswith("dataset_id")
        }
        for of, directions in _directions(to_fit, fit.datasets, groups[fits], taken).items():
            known = Zoo(to_vote @ directions, voters.datasets)
            for task, (models, theirs) in questions.items():
                unknown = Zoo(theirs @ directions, models.datasets)
                verdict = assess(task, of, EMBEDDED, known, unknown, interpret)
                right[name, of, task] = own = verdict.correct
                less_code, less_files = (
                    paired_interval(own, right[FILES, other, task], models.datasets)
                    for other in (CODE, of)
                )
                row = {**verdict.row, "zoo": name}
                row |= dict(zip(("low", "high"), less_code, strict=True))
                row |= dict(zip(("more_low", "more_high"), less_files, strict=True))
                rows.append(row)
    return pd.DataFrame(rows), ways


def _directions(
    numbers: np.ndarray,
    datasets: np.ndarray,
    groups: Mapping[str, np.ndarray],
    taken: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return the directions ``[d, kept]`` of each representation, by what it is told."""
    code = FunctionalCode()
    _, sizes = np.unique(datasets, return_counts=True)
    shrinkage = "auto" if sizes.max() > 2 else 0.5  # two models do not say how far to shrink
    discriminants = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
    discriminants.fit(numbers, datasets)
    return {
        CODE: apart_from_neighbours(numbers, code.neighbours, code.dimensions),
        COMPONENTS: np.eye(numbers.shape[1])[:, : code.dimensions],
        **{name: taken[name](numbers, of_models) for name, of_models in groups.items()},
        LABELS: discriminants.scalings_[:, : len(set(datasets)) - 1],
    }
