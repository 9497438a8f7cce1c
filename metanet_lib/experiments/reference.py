"""The reference run: what it found, and how the numbers of another run lie beside it.

A run of the paper's own size takes hours. One on the synthetic demo corpus and one on real
photographs and recordings are therefore kept in the repository, in ``reference/demo`` and
``reference/real``: their tables, the figures that draw numbers, and ``provenance.json``, which says
what was run, on what, where and for how long. ``metanet reference`` writes such a folder.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from metanet_lib.interpret.classifier import PAPER_ACCURACY, TASKS, Task, percent, span
from metanet_lib.interpret.statements import claim
from metanet_lib.store import Results

ROOT = Path("reference")
"""Where references are kept."""

PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Reference:
    """A run that is kept, with its provenance.

    Examples
    --------
    >>> Reference.beside(Results("quick")) is None  # none is kept where the examples are run
    True
    """

    folder: Path
    provenance: dict[str, Any]

    @classmethod
    def at(cls, folder: Path | str) -> Self:
        """Read a folder that ``metanet reference`` wrote.

        Raises
        ------
        FileNotFoundError
            If it is none.
        """
        place = Path(folder)
        if not (place / PROVENANCE).is_file():
            raise FileNotFoundError(
                f"{place / PROVENANCE}: no such file; expected a folder that `metanet reference` "
                f"wrote, such as {ROOT}/demo"
            )
        return cls(place, json.loads((place / PROVENANCE).read_text()))

    @classmethod
    def beside(cls, results: Results, root: Path = ROOT) -> Self | None:
        """Return the reference to a run, on the demo or on a real corpus; none if none is kept."""
        place = root / kind(results)
        return cls.at(place) if (place / PROVENANCE).is_file() else None

    @property
    def title(self) -> str:
        """Its corpus, and what it lacks if it is kept in part."""
        missing = len(self.provenance.get("not_executed", []))
        lacks = f" (so far; {missing} of the chapters are still to be executed)" if missing else ""
        return f"{self.provenance['corpus']}{lacks}"

    @property
    def tables(self) -> Path:
        """The folder of its tables."""
        return self.folder / "tables"


def references(root: Path = ROOT) -> list[Reference]:
    """Return every reference that is kept, by name.

    Examples
    --------
    >>> references(folder)
    []
    """
    return [Reference.at(path.parent) for path in sorted(root.glob(f"*/{PROVENANCE}"))]


def kind(results: Results) -> str:
    """Return the name under which a run would be kept: ``demo`` or ``real``.

    Examples
    --------
    >>> kind(Results("paper", "../corpora"))
    'real'
    """
    return "demo" if results.is_demo else "real"


def accuracies(tables: Path, table: str) -> dict[tuple[str, str], str]:
    """Return the accuracies of one of a run's tables in words, by what was asked and task.

    Examples
    --------
    >>> accuracies(folder, "accuracy")  # no table is there
    {}
    """
    return {
        (row["what"], row["task"]): f"{percent(row['accuracy'])} ({span(row['low'], row['high'])})"
        for row in numbers(tables, table).to_dict("records")
    }


def accuracies_beside(results: Results, table: str) -> dict[tuple[str, str], str]:
    """Return :func:`accuracies` of the reference to a run; {} where none is kept.

    Examples
    --------
    >>> accuracies_beside(Results("quick"), "accuracy")
    {}
    """
    reference = Reference.beside(results)
    return accuracies(reference.tables, table) if reference else {}


def beside_paper(kept: Sequence[Reference]) -> pd.DataFrame:
    r"""Return what the paper says beside what reference runs found, as the README shows it.

    Returns
    -------
    DataFrame
        ``task``, ``k-NN on``, ``paper``, and a column for each reference: accuracies with their
        95 % intervals, in words.

    Examples
    --------
    >>> beside_paper([]).paper[0]
    '100\xa0%'
    """
    found = {
        f"reference run, {reference.title}": {
            **accuracies(reference.tables, "leaderboard"),
            **accuracies(reference.tables, "accuracy"),
        }
        for reference in kept
    }
    names = {
        "metanetwork": "16 numbers of the metanetwork",
        "functional": "16 numbers of the functional code",
        "raw_weights": "4,096 raw weights",
    }
    return pd.DataFrame(
        {
            "task": title,
            "k-NN on": names[what],
            "paper": percent(PAPER_ACCURACY[task, what], ".4g")
            if (task, what) in PAPER_ACCURACY
            else "",
            **{name: of_run.get((what, task), "") for name, of_run in found.items()},
        }
        for task, title in TASKS.items()
        for what in names
    )


def findings(reference: Reference) -> str:
    r"""Say what a reference run found: the paper's accuracies, by how many seeds, and beyond.

    Of what a run has not asked, nothing is said.

    Examples
    --------
    >>> row = {"representation": "metanetwork", "bootstrap_low": 0.2, "bootstrap_high": 0.3}
    >>> row |= {"accuracy": 0.25, "paper_accuracy": 0.254, "headline": True}
    >>> (folder / "tables").mkdir()
    >>> tasks = pd.DataFrame([{**row, "task": task} for task in ("modality", "dataset_id")])
    >>> for name in ("accuracy", "accuracy_by_seed"):
    ...     tasks.to_csv(folder / "tables" / f"{name}.csv")
    >>> findings(Reference(folder, {"corpus": "synthetic demo corpus"})).split(", ")[-1]
    'where its 25.4\xa0% lies within the interval (seeds that reach it: 1 of 1).'
    """
    found = accuracies(reference.tables, "accuracy")
    if ("metanetwork", "dataset_id") not in found:
        return ""
    seeds = pd.read_csv(reference.tables / "accuracy_by_seed.csv")
    modality, dataset = (found["metanetwork", task] for task in ("modality", "dataset_id"))
    sentences = [
        f"In the reference run on the {reference.title}, the vote named the "
        f"modality of {modality}, where the paper's 100\N{NO-BREAK SPACE}% "
        f"{_claim(seeds, 'modality')}, and the dataset of {dataset}, where its "
        f"25.4\N{NO-BREAK SPACE}% {_claim(seeds, 'dataset_id')}."
    ]
    new_files = found.get(("metanetwork", "dataset_id_new_files"))
    if new_files:
        sentences.append(f"Of models of new files it named the dataset of {new_files}.")
    if (reference.tables / "leaderboard.csv").is_file():
        sentences.append(_beyond(reference.tables))
    return " ".join(sentences)


def _claim(seeds: pd.DataFrame, task: Task) -> str:
    """Say whether the headline reaches the paper's accuracy, and how many of the seeds do."""
    own = seeds[(seeds.task == task) & (seeds.representation == "metanetwork")]
    count = (own.bootstrap_high >= own.paper_accuracy).sum()
    return f"{claim(seeds, task)} (seeds that reach it: {count} of {len(own)})"


def _beyond(tables: Path) -> str:
    """Say what the code beyond the paper's names, the column space, and the best other row."""
    found, rows = accuracies(tables, "leaderboard"), pd.read_csv(tables / "leaderboard.csv")
    steps = pd.read_csv(tables / "beyond.csv").row  # of the chapter on a better metanetwork
    given = rows.labels | rows.data | rows.row.isin(steps)
    others = rows[(rows.group == "weights only") & ~given]
    best = others.sort_values("dataset_id").iloc[-1]
    named = {
        "functional": "the functional code names the dataset",
        "projector": "the column space",
        best.row: f"the best other row that sees weights alone and no labels, *{best.title}*,",
    }
    told = (
        f"{name} of {found[row, 'dataset_id']}"
        + (f" and {new}" if (new := found.get((row, "dataset_id_new_files"))) else "")
        for row, name in named.items()
    )
    return f"Of the same files and of new ones, {'; '.join(told)}."


def numbers(tables: Path, *names: str) -> pd.DataFrame:
    """Return the accuracies of a run with their intervals, from its folder of tables.

    Parameters
    ----------
    tables
        The folder.
    names
        The tables to read, such as ``accuracy``; all that there are, if none is named.

    Returns
    -------
    DataFrame
        ``table``, ``what`` (representation, variant or architecture), ``task``, ``accuracy``,
        ``low`` and ``high`` (95 % interval, datasets drawn anew), ``headline`` (whether it is of
        the metanetwork or of the functional code, which the front page tells). Tables that are
        not there are left out.

    Examples
    --------
    >>> row = {"task": "modality", "representation": "metanetwork", "accuracy": 1.0}
    >>> row |= {"bootstrap_low": 0.9, "bootstrap_high": 1.0}
    >>> pd.DataFrame([row]).to_csv(folder / "accuracy.csv")
    >>> numbers(folder)[["what", "task", "headline"]].values.tolist()
    [['metanetwork', 'modality', True]]
    """
    readers = {
        "accuracy": _of_accuracy,
        "ablation": _of_ablation,
        "leaderboard": _of_leaderboard,
        "architectures": _of_architectures,
    }
    found = [
        (name, *row)
        for name, rows in readers.items()
        if name in (names or readers) and (tables / f"{name}.csv").is_file()
        for row in rows(pd.read_csv(tables / f"{name}.csv"))
    ]
    return pd.DataFrame(found, columns=[*_KEYS, "accuracy", "low", "high", "headline"]).dropna()


def compare(tables: Path, reference: Path) -> pd.DataFrame:
    """Return the accuracies that two runs share, and which lie outside the other's interval.

    Parameters
    ----------
    tables
        The run's folder of tables.
    reference
        The folder of tables of the run that it is compared with.

    Returns
    -------
    DataFrame
        ``table``, ``what``, ``task``, ``headline``, ``accuracy`` of the run, ``reference``,
        ``low`` and ``high`` of the reference, and whether the accuracy lies ``outside`` of these.

    Raises
    ------
    FileNotFoundError
        If the two share no accuracy: one of them is no run that has been executed.

    Examples
    --------
    >>> row = {"task": "modality", "representation": "metanetwork", "accuracy": 1.0}
    >>> row |= {"bootstrap_low": 0.9, "bootstrap_high": 1.0}
    >>> for name, accuracy in (("a", 0.8), ("b", 1.0)):
    ...     (folder / name).mkdir()
    ...     pd.DataFrame([{**row, "accuracy": accuracy}]).to_csv(folder / name / "accuracy.csv")
    >>> compare(folder / "a", folder / "b").outside.tolist()
    [True]
    """
    run = numbers(tables)[[*_KEYS, "accuracy"]]
    kept = numbers(reference).rename(columns={"accuracy": "reference"})
    both = run.merge(kept, on=_KEYS)
    if both.empty:
        raise FileNotFoundError(
            f"{tables}: expected the tables of an executed run, such as accuracy.csv; found none "
            f"with a number that {reference} has too"
        )
    return both.assign(outside=~both.accuracy.between(both.low, both.high))


Number = tuple[str, str, float, float, float, bool]
_KEYS = ["table", "what", "task"]


def _of_accuracy(table: pd.DataFrame) -> Iterator[Number]:
    for row in table.to_dict("records"):
        found = (row["accuracy"], row["bootstrap_low"], row["bootstrap_high"])
        yield row["representation"], row["task"], *found, row["representation"] == "metanetwork"


def _of_ablation(table: pd.DataFrame) -> Iterator[Number]:
    """Yield means of seeds, and of their intervals. Counts of models are each profile's own."""
    asked = table[~table.question.str.startswith("models")]
    by = ["question", "variant", "embedding_dim", "k", "task"]
    for (question, variant, size, k, task), rows in asked.groupby(by, sort=False):
        found = rows[["accuracy", "bootstrap_low", "bootstrap_high"]].mean()
        more = {"size": f", {size} numbers", "k": f", k {k}"}.get(str(question), "")
        yield f"{question}: {variant}{more}", task, *found, False


def _of_leaderboard(table: pd.DataFrame) -> Iterator[Number]:
    for row in table.to_dict("records"):
        for task in (task for task in TASKS if task in row):
            found = (row[task], row[f"{task}_bootstrap_low"], row[f"{task}_bootstrap_high"])
            yield row["row"], task, *found, row["row"] == "functional"


def _of_architectures(table: pd.DataFrame) -> Iterator[Number]:
    for row in table[table.state == "trained"].to_dict("records"):
        for task in ("modality", "dataset_id"):
            found = (row[task], row[f"{task}_low"], row[f"{task}_high"])
            yield row["architecture"], task, *found, False
