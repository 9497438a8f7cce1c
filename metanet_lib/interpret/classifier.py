"""The meta-classifier tells what an unseen model was trained on (paper, section 4.4).

A k-NN classifier on the embeddings of the models that fit the meta level answers for models that
nothing was fitted on. There are four *tasks*:

- ``modality``, vision or audio, for the validation models of all 41 datasets;
- ``dataset_id``, one of the 20 training datasets, for the validation models of those;
- ``modality_new_files`` and ``dataset_id_new_files``, the same for models of the training datasets
  that were trained on *new files*: no model that fits has seen a patch of them.

:func:`assess` gives one row of the book's tables: how many were right, the accuracy, and how sure
it is (:mod:`metanet_lib.interpret.intervals`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from metanet_lib import catalog
from metanet_lib.interpret.intervals import bootstrap_interval, wilson_interval
from metanet_lib.metanetwork import Metanetwork, best
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.zoo import Zoo

Task = Literal["modality", "dataset_id", "modality_new_files", "dataset_id_new_files"]
TASKS: dict[Task, str] = {
    "modality": "modality",
    "dataset_id": "dataset ID",
    "modality_new_files": "modality, new files",
    "dataset_id_new_files": "dataset ID, new files",
}
"""The tasks, and what pages call them."""

EMBEDDED = FunctionTransformer()
"""The representation of models that are embedded already: it lets them through as they are."""

PAPER_ACCURACY = {
    ("modality", "metanetwork"): 1.0,
    ("modality", "raw_weights"): 0.5,
    ("dataset_id", "metanetwork"): 0.254,
    ("dataset_id", "raw_weights"): 0.0785,
}
"""The accuracies the paper reports in sections 4.5.1 and 4.5.2, by task and representation."""


@dataclass(frozen=True)
class InterpretParameters(Parameters):
    """How models are interpreted. The defaults are the paper's.

    Examples
    --------
    >>> InterpretParameters().k
    10
    """

    k: int = decision(10, "neighbours that vote", "section 4.4")
    metric: str = decision(
        "euclidean",
        "distance between embeddings: euclidean or cosine",
        "open: the default of scikit-learn",
    )
    modality_labels: str = decision(
        "modality",
        "what the neighbours vote on for the modality: modality, or dataset_id (whose modality "
        "is then taken)",
        "open: section 4 fits both kinds of label, section 4.4 names the dataset ID",
    )
    perplexity: float = decision(30.0, "perplexity of t-SNE in Figure 4", "section 4.5.1")
    seed: int = decision(0, "seed of t-SNE", "section 7: everything is seeded")

    def __post_init__(self) -> None:
        self.require_positive("k", "perplexity")
        self.require_one_of("metric", "euclidean", "cosine")
        self.require_one_of("modality_labels", "modality", "dataset_id")


@dataclass(frozen=True)
class Verdict:
    """What a meta-classifier said of the validation models of one task.

    Attributes
    ----------
    row
        The numbers, under the names of the book's tables.
    truth, predicted
        Labels ``[n_validation]``: modalities or dataset ids.
    datasets
        The dataset of each model, ``[n_validation]``.

    Examples
    --------
    >>> truth, predicted = np.array(["v:aer", "v:bic"]), np.array(["v:aer", "v:aer"])
    >>> verdict = Verdict({}, truth, predicted, datasets=truth)
    >>> verdict.confusion(["v:aer", "v:bic"]).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """

    row: dict[str, str | int | float]
    truth: np.ndarray
    predicted: np.ndarray
    datasets: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Whether each answer was right, ``[n_validation]``."""
        right: np.ndarray = self.truth == self.predicted
        return right

    @property
    def by_dataset(self) -> str:
        """How many answers were right of how many, dataset by dataset: ``v:aer 7/8, v:bic 3/8``."""
        right = pd.Series(self.correct).groupby(self.datasets, sort=False).agg(["sum", "size"])
        return ", ".join(f"{row.Index} {row.sum}/{row.size}" for row in right.itertuples())

    def confusion(self, labels: list[str]) -> np.ndarray:
        """Return the confusion matrix ``[n, n]``: each row a truth, shares that sum to 1."""
        matrix: np.ndarray = confusion_matrix(
            self.truth, self.predicted, labels=labels, normalize="true"
        )
        return matrix

    def confusion_table(self, labels: list[str]) -> pd.DataFrame:
        """Return the same with counts, one row a cell: ``truth, answer, models, share``."""
        counts = confusion_matrix(self.truth, self.predicted, labels=labels)
        return pd.DataFrame(
            {
                "truth": np.repeat(labels, len(labels)),
                "answer": np.tile(labels, len(labels)),
                "models": counts.ravel(),
                "share": self.confusion(labels).ravel(),
            }
        )


def meta_classifier(
    representation: TransformerMixin, parameters: InterpretParameters | None = None
) -> Pipeline:
    """Return the paper's concatenated model: a representation, then k-NN (section 4.4).

    Each neighbour has one vote; of labels with as many votes the first by name is the answer.

    Examples
    --------
    >>> classifier = meta_classifier(RawWeights(), InterpretParameters(k=3))
    >>> classifier.fit(zoo.encoders, zoo.datasets).predict(encoders).shape
    (24,)
    """
    p = parameters or InterpretParameters()
    return make_pipeline(representation, KNeighborsClassifier(p.k, metric=p.metric))


def assess(
    task: Task,
    name: str,
    representation: TransformerMixin,
    fit: Zoo,
    validation: Zoo,
    parameters: InterpretParameters,
) -> Verdict:
    """Fit a meta-classifier and let it interpret the validation models.

    Parameters
    ----------
    task
        Of :data:`TASKS`.
    name
        Name of the representation in the tables, such as ``metanetwork``.
    representation
        The transformer; fitted here if it needs to be.
    fit
        The models that fit the meta level.
    validation
        The models that validate it: those that :func:`asked` gives for the task.
    parameters
        How to interpret.

    Raises
    ------
    ValueError
        If there are fewer models to fit on than neighbours to ask.

    Examples
    --------
    >>> verdict = assess("dataset_id", "raw", RawWeights(), zoo, zoo, InterpretParameters(k=1))
    >>> verdict.row["n_correct"], verdict.row["n_validation"]
    (24, 24)
    """
    if len(fit) < parameters.k:
        raise ValueError(f"k = {parameters.k} neighbours asked of {len(fit)} models")
    of_modality = task.startswith("modality")
    on_modality = of_modality and parameters.modality_labels == "modality"
    labels = fit.modalities if on_modality else fit.datasets
    if not of_modality:
        validation = validation.of(sorted(set(fit.datasets)))
    classifier = meta_classifier(representation, parameters).fit(fit.encoders, labels)
    embeddings = classifier[:-1].transform(validation.encoders)
    predicted = classifier[-1].predict(embeddings)
    if of_modality and not on_modality:
        predicted = np.array(catalog.modalities(predicted))
    truth = validation.modalities if of_modality else validation.datasets
    right = predicted == truth
    n_correct = int(right.sum())
    low, high = wilson_interval(n_correct, len(truth))
    by_dataset = bootstrap_interval(right, validation.datasets)
    row: dict[str, str | int | float] = {
        "task": task,
        "representation": name,
        "embedding_dim": embeddings.shape[1],
        "n_fit": len(fit),
        "n_validation": len(truth),
        "n_correct": n_correct,
        "accuracy": n_correct / len(truth),
        "ci_low": low,
        "ci_high": high,
        "bootstrap_low": by_dataset[0],
        "bootstrap_high": by_dataset[1],
        "paper_accuracy": PAPER_ACCURACY.get((task, name), float("nan")),
    }
    return Verdict(row, truth, predicted, validation.datasets)


def shares_right(by_dataset: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the answers of several seeds say of each model, for intervals.

    Parameters
    ----------
    by_dataset
        :attr:`Verdict.by_dataset` of each seed, of the same models.

    Returns
    -------
    shares, datasets
        For each model the share of right answers in its dataset, in the mean of the seeds, and its
        dataset; ``[m]`` each.

    Examples
    --------
    >>> shares_right(["v:aer 1/1, v:bic 1/2", "v:aer 0/1, v:bic 1/2"])[0].tolist()
    [0.5, 0.5, 0.5]
    """
    told = [[pair.split(" ") for pair in text.split(", ")] for text in by_dataset]
    datasets, counts = zip(*told[0], strict=True)
    models = np.array([int(count.split("/")[1]) for count in counts])
    right = np.mean([[int(count.split("/")[0]) for _, count in row] for row in told], axis=0)
    return np.repeat(right / models, models), np.repeat(datasets, models)


def embedded(representation: TransformerMixin, *zoos: Zoo) -> tuple[Zoo, ...]:
    """Return zoos with embeddings ``[m, d]`` in place of encoders, by a fitted representation.

    :func:`assess` takes them with :data:`EMBEDDED` for their representation.

    Examples
    --------
    >>> known, nobody = embedded(RawWeights().fit(encoders), zoo, zoo.of([]))
    >>> known.encoders.shape, len(nobody)
    ((24, 4096), 0)
    """
    return tuple(
        replace(zoo, encoders=representation.transform(zoo.encoders)) if len(zoo) else zoo
        for zoo in zoos
    )


def asked(validation: Zoo, new: Zoo) -> dict[Task, Zoo]:
    """Return the models of whom each task asks; tasks about new files only where there are such.

    Examples
    --------
    >>> nobody = zoo.of([])
    >>> list(asked(zoo, nobody))
    ['modality', 'dataset_id']
    """
    return {task: new if task.endswith("new_files") else validation for task in TASKS
            if len(new) or not task.endswith("new_files")}  # fmt: skip


def assess_all(
    level: Literal["modality", "dataset_id"],
    metanetworks: Sequence[Metanetwork],
    zoos: tuple[Zoo, Zoo, Zoo],
    parameters: InterpretParameters,
) -> tuple[pd.DataFrame, dict[tuple[Task, str], Verdict]]:
    """Assess every metanetwork and the raw weights, on the same files and on new ones.

    Parameters
    ----------
    level
        What is asked.
    metanetworks
        One for each seed.
    zoos
        The models that fit, those that validate, and those that validate on new files.
    parameters
        How to interpret.

    Returns
    -------
    (DataFrame, dict)
        For each task one row for each metanetwork and one for the raw weights, with the further
        columns ``seed`` (none for the raw weights), ``reconstruction_loss`` and ``headline``
        (whether the row is the best metanetwork's, or the raw weights'); and the verdicts of the
        headline rows by task and representation.

    Examples
    --------
    >>> zoos, k = (zoo, zoo, zoo.of([])), InterpretParameters(k=3)
    >>> rows, verdicts = assess_all("dataset_id", [metanetwork], zoos, k)
    >>> len(rows), list(verdicts)
    (2, [('dataset_id', 'metanetwork'), ('dataset_id', 'raw_weights')])
    """
    headline = best(metanetworks)
    rows: list[dict[str, Any]] = []
    verdicts: dict[tuple[Task, str], Verdict] = {}
    for metanetwork in (*metanetworks, None):
        name = "raw_weights" if metanetwork is None else "metanetwork"
        representation = RawWeights() if metanetwork is None else MetaEncoder(metanetwork)
        fit, validation, new = embedded(representation.fit(zoos[0].encoders), *zoos)
        is_headline = metanetwork is None or metanetwork is headline
        for task, models in asked(validation, new).items():
            if not task.startswith(level):
                continue
            verdict = assess(task, name, EMBEDDED, fit, models, parameters)
            rows.append(
                {
                    **verdict.row,
                    "seed": None if metanetwork is None else metanetwork.seed,
                    "reconstruction_loss": None if metanetwork is None else metanetwork.loss,
                    "headline": is_headline,
                }
            )
            if is_headline:
                verdicts[task, name] = verdict
    rows.sort(key=lambda row: [*TASKS].index(row["task"]))
    return pd.DataFrame(rows).astype({"seed": "Int64", "reconstruction_loss": float}), verdicts


def neighbours_by_dataset(fit: Zoo, validation: Zoo, parameters: InterpretParameters) -> pd.Series:
    """Return the share of all nearest neighbours, on raw weights, that each dataset has.

    Were every dataset named alike, each would have the same share. A dataset with far more is a
    *hub*: its models are the neighbours of models that have nothing to do with it.

    Parameters
    ----------
    fit, validation
        The models that are named, and those whose neighbours they are.
    parameters
        How many neighbours a model has, and by which distance.

    Returns
    -------
    Series
        Share of each dataset that was named, by dataset id, the largest first.

    Examples
    --------
    >>> shares = neighbours_by_dataset(zoo, zoo, InterpretParameters(k=3))
    >>> round(float(shares.sum()), 6)
    1.0
    """
    raw = meta_classifier(RawWeights(), parameters).fit(fit.encoders, fit.datasets)
    named = raw[-1].kneighbors(raw[:-1].transform(validation.encoders), return_distance=False)
    return pd.Series(fit.datasets[named.ravel()]).value_counts(normalize=True)


def percent(share: float, shape: str = ".1f") -> str:
    """Return a share as text, ``0.2541`` as ``25.4 %``; the space does not break.

    Examples
    --------
    >>> percent(0.2541).split(), percent(0.00123, "+.2f").split()
    (['25.4', '%'], ['+0.12', '%'])
    """
    return f"{100 * share:{shape}}\N{NO-BREAK SPACE}%"


def span(low: float, high: float, shape: str = ".1f") -> str:
    """Return an interval of shares as text, in per cent.

    Examples
    --------
    >>> span(0.4, 0.612).split()
    ['40.0', 'to', '61.2']
    """
    return f"{100 * low:{shape}}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{100 * high:{shape}}"


def in_words(rows: pd.DataFrame, task: Task, representation: str = "metanetwork") -> str:
    """Return a headline accuracy with its interval as text, or that nobody was asked.

    Examples
    --------
    >>> row = {"task": "modality", "representation": "raw_weights", "headline": True}
    >>> row |= {"accuracy": 0.5, "bootstrap_low": 0.4, "bootstrap_high": 0.6}
    >>> rows = pd.DataFrame([row])
    >>> in_words(rows, "modality", "raw_weights").replace("\N{NO-BREAK SPACE}", " ")
    '50.0 % (40.0 to 60.0 %)'
    >>> in_words(rows, "modality_new_files", "raw_weights")
    '(no models of new files here)'
    """
    chosen = rows[(rows.task == task) & (rows.representation == representation) & rows.headline]
    if chosen.empty:
        return "(no models of new files here)"
    row = chosen.iloc[0]
    interval = span(row.bootstrap_low, row.bootstrap_high)
    return f"{percent(row.accuracy)} ({interval}\N{NO-BREAK SPACE}%)"


def result_table(
    rows: pd.DataFrame, reference: Mapping[tuple[str, str], str] | None = None
) -> pd.DataFrame:
    """Return rows of an accuracy table in words, as the pages show them.

    Beside them stands what the paper found, and what the reference run did, by representation and
    task, where there is one.

    Examples
    --------
    >>> zoos, k = (zoo, zoo, zoo.of([])), InterpretParameters(k=3)
    >>> rows, _ = assess_all("dataset_id", [metanetwork], zoos, k)
    >>> len(result_table(rows))
    2
    """
    names = {
        "metanetwork": "16 numbers of the metanetwork",
        "raw_weights": "4,096 raw weights",
    }
    return pd.DataFrame(
        {
            "task": TASKS[row["task"]],
            "k-NN on": names[row["representation"]],
            "paper": percent(row["paper_accuracy"], ".4g")
            if row["paper_accuracy"] >= 0  # the paper asks nothing of new files
            else "",
            **(
                {"reference run": reference.get((row["representation"], row["task"]), "")}
                if reference
                else {}
            ),
            "this run": f"{percent(row['accuracy'])} "
            f"({row['n_correct']:,}/{row['n_validation']:,})",
            "95 % interval": f"{span(row['bootstrap_low'], row['bootstrap_high'])}"
            "\N{NO-BREAK SPACE}%",
        }
        for row in rows.to_dict("records")
    )
