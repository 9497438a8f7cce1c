"""A representation of somebody else's, asked by the protocol of the comparison, in a run's table.

It is a scikit-learn transformer of encoders in a file of their own (:func:`from_file`), or a table
of embeddings made elsewhere (:func:`from_table`). :func:`rank` fits it with several seeds, asks it
what :mod:`metanet_lib.experiments.leaderboard` asks every row, and puts it among the rows of a run.
"""

import importlib.util
import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from metanet_lib.experiments.leaderboard import (
    assess_peer,
    differences,
    every_peer,
    leaderboard,
)
from metanet_lib.experiments.peers import Peer, PeersParameters
from metanet_lib.interpret import InterpretParameters, Task
from metanet_lib.metanetwork import load
from metanet_lib.store import Results
from metanet_lib.zoo import Shard, load_zoo

_TASKS = {
    "modality": "modality",
    "modality_new_files": "of new files",
    "dataset_id": "dataset ID",
    "dataset_id_new_files": "of new files",
}
NAME = "yours"
"""The row of the representation that is ranked."""

TEMPLATE = '''"""A representation of my own: metanet rank my_method.py:MyRepresentation"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class MyRepresentation(TransformerMixin, BaseEstimator):
    """How strong the filters of a model are, from the strongest down: 16 numbers.

    Give __init__ a parameter called seed if something is random: it is fitted with several.
    """

    def fit(self, encoders, labels=None):  # encoders [m, 256, 16]; labels only with --labels
        strengths = np.linalg.norm(encoders, axis=1)
        self.mean_, self.scale_ = strengths.mean(), strengths.std()
        return self

    def transform(self, encoders):  # [m, any number]
        strengths = np.sort(np.linalg.norm(encoders, axis=1))[:, ::-1]
        return (strengths - self.mean_) / self.scale_
'''
"""A start that runs."""


class Theirs(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A representation that may be wrong: errors name its file and line, answers are checked.

    Parameters
    ----------
    theirs
        The transformer.
    file
        The file that it came from.
    name
        What makes it there: a class, or a function without arguments.

    Examples
    --------
    >>> from metanet_lib.representations import RawWeights
    >>> Theirs(RawWeights(), "mine.py", "Mine").fit(encoders).transform(encoders).shape
    (24, 4096)
    """

    def __init__(self, theirs: TransformerMixin, file: str, name: str) -> None:
        self.theirs = theirs
        self.file = file
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as the file and the parameters: a fit is done there anew."""
        return _made_again, (self.file, self.name, self.theirs.get_params())

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Fit it on a copy of encoders ``[m, 256, 16]``; to labels only if it is given some."""
        self._call("fit", X.copy(), y)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return its embeddings ``[m, d]``.

        Raises
        ------
        ValueError
            If it fails, with the line of its file, or if what it returns is no such table of
            finite numbers.
        """
        numbers = np.asarray(self._call("transform", X.copy()))
        if numbers.ndim != 2 or len(numbers) != len(X) or numbers.dtype.kind not in "fiu":
            raise ValueError(
                f"{self.file}: transform was shown {len(X)} models, expected numbers [{len(X)}, d],"
                f" found {numbers.dtype} {list(numbers.shape)}"
            )
        bad = np.flatnonzero(~np.isfinite(numbers).all(1))
        if len(bad):
            raise ValueError(
                f"{self.file}: transform returned NaN or infinity for {len(bad)} of {len(X)} "
                f"models, first: {bad[0]}"
            )
        return numbers

    def _call(self, method: str, *given: Any) -> Any:
        try:
            return getattr(self.theirs, method)(*given)
        except Exception as error:
            withheld = method == "fit" and given[1] is None
            hint = " (labels are withheld; `--labels` shows them)" if withheld else ""
            raise ValueError(f"{_where(self.file, error)}, in {method}: {error}{hint}") from error


class Embeddings(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Embeddings that were made elsewhere, found again by the models' weights.

    Parameters
    ----------
    by_weights
        The embedding of each model, by the bytes of its encoder.

    Examples
    --------
    >>> known = {e.tobytes(): np.ones(3) for e in encoders}
    >>> Embeddings(known).transform(encoders).shape
    (24, 3)
    """

    def __init__(self, by_weights: dict[bytes, np.ndarray]) -> None:
        self.by_weights = by_weights

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Do nothing: what is to be known is known."""
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the embeddings of models ``[m, 256, 16]``."""
        return np.array([self.by_weights[np.ascontiguousarray(e).tobytes()] for e in X])


def from_file(source: str, labels: bool = False) -> Peer:
    """Return the row of a transformer in somebody's own file, not yet fitted.

    Parameters
    ----------
    source
        ``my_method.py:MyRepresentation``: a class that can be made without arguments. The file is
        run.
    labels
        Whether ``fit`` is told the dataset of each model.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the source does not name a transformer, or its file fails, with the line.

    Examples
    --------
    >>> _ = (folder / "my_method.py").write_text(TEMPLATE)
    >>> from_file(f"{folder / 'my_method.py'}:MyRepresentation").title
    'MyRepresentation (yours)'
    """
    file, _, name = source.rpartition(":")
    if not file or not name.isidentifier():
        raise ValueError(
            f"{source!r}: expected FILE.py:NAME, such as my_method.py:MyRepresentation"
        )
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: no such file; `metanet rank --template` prints a start")
    made = _made(file, name)
    missing = [m for m in ("fit", "transform", "get_params") if not hasattr(made, m)]
    if missing:
        raise ValueError(
            f"{file}: expected {name} to be a scikit-learn transformer, it lacks "
            f"{', '.join(missing)}; derive it from TransformerMixin and BaseEstimator"
        )
    return _row(f"{name} (yours)", Theirs(made, file, name), labels)


def extra(parameters: PeersParameters) -> list[Peer]:
    """Return the rows that a profile adds to the comparison, called after their classes.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`from_file` raises them.

    Examples
    --------
    >>> _ = (folder / "my_method.py").write_text(TEMPLATE)
    >>> more = PeersParameters(extra=(f"{folder / 'my_method.py'}:MyRepresentation",))
    >>> [row.name for row in extra(more)]
    ['MyRepresentation']
    """
    how = "A row of this profile, from {}."
    return [
        replace(from_file(source), name=source.rpartition(":")[2], how=how.format(f"`{source}`"))
        for source in parameters.extra
    ]


def from_table(path: Path | str, results: Path | str) -> Peer:
    """Return the row of embeddings that were made elsewhere.

    Parameters
    ----------
    path
        A CSV with the columns ``file`` and ``row`` of the index that ``metanet zoo export`` writes,
        and the embedding in all others; a row for each model that fits or validates.
    results
        The folder of the run whose models they are.

    Raises
    ------
    ValueError
        If columns or models are missing, or a value is not a finite number.

    Examples
    --------
    >>> pd.DataFrame({"file": ["models/v-aer.safetensors"], "x": [1]}).to_csv(
    ...     folder / "table.csv", index=False
    ... )
    >>> from_table(folder / "table.csv", folder)
    Traceback (most recent call last):
    ValueError: ...table.csv: expected columns file, row and numbers, found file, x
    """
    table = pd.read_csv(path)
    numbers = table.drop(columns=["file", "row"], errors="ignore")
    if not {"file", "row"} <= {*table.columns} or numbers.empty:
        found = ", ".join(map(str, table.columns))
        raise ValueError(f"{path}: expected columns file, row and numbers, found {found}")
    values = numbers.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    bad = np.flatnonzero(~np.isfinite(values).all(1))
    if len(bad):
        raise ValueError(f"{path}, line {bad[0] + 2}: expected finite numbers, found others")
    given = dict(zip(zip(table.file, table.row, strict=True), values, strict=True))
    by_weights = {}
    for shard_path in Results.at(results).shards:
        for i, encoder in enumerate(Shard.load(shard_path).encoder.numpy()):
            own = given.get((f"models/{shard_path.name}", i))
            if own is None:
                raise ValueError(
                    f"{path}: expected a row for each model of {results}, found none for "
                    f"models/{shard_path.name}, row {i}"
                )
            by_weights[encoder.tobytes()] = own
    return _row(f"{Path(path).name} (yours)", Embeddings(by_weights), labels=False)


def _made(file: str, name: str) -> Any:
    """Run somebody's file and make an object of one of its classes."""
    spec = importlib.util.spec_from_file_location("metanet_ranked", Path(file).resolve())
    if spec is None or spec.loader is None:
        raise ValueError(f"{file}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return getattr(module, name)()
    except Exception as error:
        raise ValueError(f"{_where(file, error)}: {error}") from error


def _made_again(file: str, name: str, parameters: dict[str, Any]) -> Theirs:
    return Theirs(_made(file, name).set_params(**parameters), file, name)


def _where(file: str, error: Exception) -> str:
    """Return the last line of somebody's file that led to an error, and the error's kind."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == Path(file).resolve()]
    return f"{file}{f', line {own[-1].lineno}' if own else ''}: {type(error).__name__}"


def _row(title: str, representation: TransformerMixin, labels: bool) -> Peer:
    return Peer(NAME, title, "weights only", "", representation, how="", why="", labels=labels)


@dataclass(frozen=True)
class Ranked:
    """Where a representation stands.

    Attributes
    ----------
    table
        The rows of the run and this one, as of
        :func:`~metanet_lib.experiments.leaderboard.leaderboard`.
    differences
        How much more often than it each other row is right, by task: ``row``, ``task``,
        ``difference``, ``low``, ``high``.

    Examples
    --------
    >>> Ranked(pd.DataFrame({"row": ["a", NAME]}), pd.DataFrame()).place
    2
    """

    table: pd.DataFrame
    differences: pd.DataFrame

    @property
    def place(self) -> int:
        """Its place in the table, from 1."""
        return int(np.flatnonzero(self.table.row == NAME)[0]) + 1

    def as_json(self) -> str:
        """Return the row, its place and the differences as one JSON object."""
        row = self.table[self.table.row == NAME].to_json(orient="records")
        told = {"row": json.loads(row)[0], "place": self.place, "of": len(self.table)}
        apart = self.differences[self.differences.row != NAME].to_json(orient="records")
        return json.dumps({**told, "differences": json.loads(apart)}, indent=2)

    def __str__(self) -> str:
        """Its row between its neighbours, in per cent, and what is told apart from it."""
        weights = self.table[self.table.group == "weights only"].reset_index(drop=True)
        place = int(np.flatnonzero(weights.row == NAME)[0])
        near = weights.iloc[max(place - 3, 0) : place + 4]
        tasks = [t for t in _TASKS if t in self.table]
        lines = ["".join(f"{_TASKS[t]:>14}" for t in tasks) + "  representation, weights only"]
        for index, row in near.iterrows():
            shares = "".join(f"{100 * row[f'{t}_mean']:>14.1f}" for t in tasks)
            seeds = f", {row.n_seeds} seeds" if row.n_seeds > 1 else ""
            lines.append(f"{shares}  {int(str(index)) + 1}. {row.title}{seeds}")
        for task, rows in self.differences.groupby("task", sort=False):
            of_new = ", of new files" if "new" in str(task) else ""
            lines.append(f"\nright more often than yours (dataset ID{of_new}; paired by dataset):")
            others = rows[rows.row.isin(near.row) & (rows.row != NAME)].set_index("row")
            for other, told in (100 * others[["difference", "low", "high"]]).iterrows():
                title = near.title[near.row == other].item()
                lines.append(
                    f"{told.difference:>+14.1f} ({told.low:+.1f} to {told.high:+.1f})  {title}"
                )
        return "\n".join(lines)


def rank(
    peer: Peer, results: Path | str, seeds: int, interpret: InterpretParameters | None = None
) -> Ranked:
    """Fit and ask a representation, and put it among the rows of a run.

    Parameters
    ----------
    peer
        From :func:`from_file` or :func:`from_table`.
    results
        The folder of a run whose chapter 12 has run.
    seeds
        How often it is fitted, if it has a parameter ``seed``.
    interpret
        The meta-classifier; if none is given, as the run's comparison had it.

    Raises
    ------
    FileNotFoundError
        If the run has no comparison.

    Examples
    --------
    >>> rank(from_file(f"{folder / 'my_method.py'}:MyRepresentation"), folder / "nowhere", 1)
    Traceback (most recent call last):
    FileNotFoundError: ...my_method.py: no such file; `metanet rank --template` prints a start
    """
    run = Results.at(results)
    interpret = interpret or _interpret(run)
    there = run.table("leaderboard_by_seed")
    if not there.is_file():
        raise FileNotFoundError(f"{there}: no such table; `make book` makes it (chapter 12)")
    zoos = load_zoo(run.zoo, run.trained)
    own = [
        row
        for seed in peer.runs(PeersParameters(seeds=seeds))
        for row in assess_peer(peer, seed, zoos, interpret)
    ]
    rows = pd.concat([pd.read_csv(there), pd.DataFrame(own)], ignore_index=True)
    names, peers = set(rows.representation), every_peer(load(run.metanetwork), len(zoos[0]))
    others = [p for p in peers if {row.name for row in p.rows()} <= names]
    table = leaderboard([*others, peer], rows)
    tasks: Sequence[Task] = ("dataset_id", "dataset_id_new_files")
    apart = [
        differences([*others, peer], rows, task, NAME).assign(task=task)
        for task in tasks
        if task in set(rows.task)
    ]
    return Ranked(table, pd.concat(apart, ignore_index=True))


def _interpret(run: Results) -> InterpretParameters:
    """Return how the comparison of a run asked, as its chapter was executed with."""
    chapter = run.folder / "chapters" / "12_against_the_others.ipynb"
    if not chapter.is_file():
        return InterpretParameters()
    ran = json.loads(chapter.read_text())["metadata"]["papermill"]["parameters"]
    return InterpretParameters.of(ran.get("interpret", {}))
