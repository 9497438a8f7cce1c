"""The reference run: what it found, and how the numbers of another run lie beside it.

A run of the paper's own size takes hours. One on the synthetic demo corpus and one on real
photographs and recordings are therefore kept in the repository, in ``reference/demo`` and
``reference/real``: their tables, the figures that draw numbers, and ``provenance.json``, which says
what was run, on what, where and for how long. ``metanet reference`` writes such a folder.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from metanet_lib.interpret.classifier import TASKS, percent
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
    rows = numbers(tables)
    return {
        (row["what"], row["task"]): f"{percent(row['accuracy'])} "
        f"({percent(row['low'])} to {percent(row['high'])})"
        for row in rows[rows.table == table].to_dict("records")
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


def numbers(tables: Path) -> pd.DataFrame:
    """Return the accuracies of a run with their intervals, from its folder of tables.

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
        if (tables / f"{name}.csv").is_file()
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
        for task in TASKS:
            found = (row[task], row[f"{task}_bootstrap_low"], row[f"{task}_bootstrap_high"])
            yield row["row"], task, *found, row["row"] == "functional"


def _of_architectures(table: pd.DataFrame) -> Iterator[Number]:
    for row in table[table.state == "trained"].to_dict("records"):
        for task in ("modality", "dataset_id"):
            found = (row[task], row[f"{task}_low"], row[f"{task}_high"])
            yield row["architecture"], task, *found, False
