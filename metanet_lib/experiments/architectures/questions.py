"""What the code of the zoo's models says of networks of other shapes.

:func:`study` trains networks of each architecture on the patches of each training dataset and reads
them, in each *state*: trained, untrained, and trained with the numbers of each weight tensor in
another order. The ways to read one, none of which sees a patch:

- ``units, white`` and ``units, pink``: the AGOP of the encoder's units, on white or pink probes;
- ``answers, white``: the AGOP of what the network answers, or of random mixings if that is much;
- ``features``: what excites each unit (the paper's first proposal);
- ``canonical form``: a student of the zoo's shape (the paper's second).

:func:`choose_view` chooses, on the fit models alone, by what all are compared; :func:`ask` asks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.base import TransformerMixin
from torch import Tensor

from metanet_lib.catalog import Dataset
from metanet_lib.data.patches import PatchParameters, bank_of, files_of
from metanet_lib.experiments.architectures.networks import ARCHITECTURES
from metanet_lib.experiments.architectures.training import Networks, distil, train, untrained
from metanet_lib.interpret import (
    EMBEDDED,
    Familiarity,
    InterpretParameters,
    Verdict,
    assess,
    embedded,
)
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations.functional import LOCALITY
from metanet_lib.representations.gradients import (
    FAMILIES,
    Network,
    agop,
    as_encoders,
    direction,
    features,
    probes,
)
from metanet_lib.representations.views import function
from metanet_lib.representations.weights import reduced
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import CODES, INPUTS, Zoo

HEADLINE = "units, white"
"""How a network is read where nothing else is said."""
STATES = ("trained", "untrained", "shuffled weights")
"""The states in which networks are read."""
STARTS = (0.0, 0.5, 1.0)
"""How much random start is added to models, to choose a view: in sizes of the zoo's own."""

_FOLDS = 5  # of the fit models, one of which is asked about
_SHOWN = 16  # times as many probes of each family are shown to a student
_MIXED = 32  # of many answers, as many random mixings are read: their directions are the same


@dataclass(frozen=True)
class ArchitecturesParameters(Parameters):
    """How many networks of other shapes, and how they are trained and read.

    Examples
    --------
    >>> ArchitecturesParameters().networks
    2
    """

    networks: int = decision(2, "networks of each architecture and training dataset", "ours")
    patches: int = decision(
        16_000, "patches of each dataset that they are trained on", "ours: of the zoo's same files"
    )
    steps: int = decision(
        4_000,
        "training steps of each",
        "ours: fewer than a model of the zoo makes; there are ten shapes",
    )
    batch_size: int = decision(32, "patches in a step", "ours: as the paper's models")
    probes: int = decision(
        256, "inputs at which the gradients of a network are taken", "ours: as many as inputs"
    )

    def __post_init__(self) -> None:
        self.require_positive("networks", "patches", "steps", "probes")
        self.require(self.batch_size > 1, "batch_size", "at least 2 (batch normalisation)")


def study(
    corpus: Path | str,
    datasets: Sequence[Dataset],
    patches: PatchParameters,
    parameters: ArchitecturesParameters,
) -> dict[tuple[str, str, str], Zoo]:
    """Train networks of all architectures and read them.

    Parameters
    ----------
    corpus
        The folder of the raw corpora.
    datasets
        On what they are trained.
    patches
        How the run makes patches: the files are those that the zoo's fit models learn from, the
        patches others.
    parameters
        How many, and how long.

    Returns
    -------
    dict
        By architecture, state and reading: the networks in the shape of models, with their
        datasets.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> few = ArchitecturesParameters(networks=1, patches=32, steps=1, batch_size=4, probes=4)
    >>> read = study(corpus, [dataset("v:aer"), dataset("a:air")], PatchParameters(), few)
    >>> {networks.encoders.shape for networks in read.values()}
    {(2, 256, 16)}
    >>> read["deep", "shuffled weights", HEADLINE].datasets.tolist()
    ['v:aer', 'a:air']
    >>> all(np.isfinite(networks.encoders).all() for networks in read.values())
    True
    """
    p, own = parameters, []
    for dataset in datasets:
        same, _ = files_of(corpus, dataset, patches)
        other = replace(patches, per_dataset=p.patches, seed=patches.seed + 1)
        own.append(bank_of(corpus, dataset, same, other).patches().numpy())
    ids = np.array([d.id for d in datasets])
    jobs = [(name, np.stack(own), ids, p) for name in ARCHITECTURES]
    read = side_by_side(_read, jobs, "networks", "architecture")
    return {
        (name, *how): Zoo(encoders, np.repeat(ids, p.networks))
        for name, readings in zip(ARCHITECTURES, read, strict=True)
        for how, encoders in readings.items()
    }


def choose_view(
    fit: Zoo, interpret: InterpretParameters, seed: int = 0
) -> tuple[TransformerMixin, pd.DataFrame]:
    """Choose, on the fit models alone, by what networks are compared.

    Four of five fit models vote on the fifth, to which some of a random start is added, as networks
    that were trained otherwise may have kept more of theirs. The view is taken that names most
    datasets, on average over how much is added.

    Parameters
    ----------
    fit
        The models that fit the meta level.
    interpret
        The meta-classifier.
    seed
        Of the random starts.

    Returns
    -------
    (transformer, DataFrame)
        The view, fitted on all fit models, encoders to 16 numbers; and a row for each view and
        share of a random start: ``view``, ``start``, ``accuracy``, ``chosen``.

    Examples
    --------
    >>> view, rows = choose_view(zoo, InterpretParameters(k=3))
    >>> view.transform(encoders).shape[0], sorted(set(rows["view"]))
    (24, ['its direction', 'what it does'])
    """
    views: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "what it does": partial(function, locality=LOCALITY),
        "its direction": direction,
    }
    held_out = np.arange(len(fit)) % _FOLDS == 0
    voters, asked = (Zoo(fit.encoders[part], fit.datasets[part]) for part in (~held_out, held_out))
    limit = float(np.sqrt(6 / (INPUTS + CODES)))
    drawn = np.random.default_rng(seed).uniform(-limit, limit, asked.encoders.shape)
    how = replace(interpret, k=min(interpret.k, len(voters)))
    rows = []
    for name, view in views.items():
        fitted = reduced(view).fit(voters.encoders)
        (known,) = embedded(fitted, voters)
        for start in STARTS:
            noisy = (asked.encoders + start * drawn).astype(np.float32)
            unknown = Zoo(fitted.transform(noisy), asked.datasets)
            row = assess("dataset_id", name, EMBEDDED, known, unknown, how).row
            rows.append({"view": name, "start": start, "accuracy": row["accuracy"]})
    table = pd.DataFrame(rows)
    best = table.groupby("view", sort=False).accuracy.mean().idxmax()
    table["chosen"] = table["view"] == best
    return reduced(views[str(best)]).fit(fit.encoders), table


def ask(
    view: TransformerMixin,
    fit: Zoo,
    groups: Mapping[tuple[str, ...], Zoo],
    interpret: InterpretParameters,
) -> tuple[pd.DataFrame, dict[tuple[str, ...], dict[str, Verdict]]]:
    """Ask for modality and dataset of groups of networks, in the shape of models.

    Parameters
    ----------
    view
        Of :func:`choose_view`: encoders to numbers, fitted.
    fit
        The models that vote.
    groups
        Networks by what they are called.
    interpret
        The meta-classifier.

    Returns
    -------
    (DataFrame, dict)
        A row for each group: ``group``, ``networks``, of both tasks the accuracy and its 95 %
        interval by datasets (``modality``, ``modality_low``, ``modality_high``, ``dataset_id``,
        ...), and the share that is ``unlike anything seen``; and the verdicts by group and task.

    Examples
    --------
    >>> view, _ = choose_view(zoo, InterpretParameters(k=3))
    >>> rows, _ = ask(view, zoo, {("all",): zoo}, InterpretParameters(k=1))
    >>> float(rows.dataset_id[0]), int(rows.networks[0])
    (1.0, 24)
    """
    (known,), familiarity = embedded(view, fit), Familiarity().fit(fit.encoders)
    rows, verdicts = [], {}
    for group, networks in groups.items():
        (asked,) = embedded(view, networks)
        verdicts[group] = {
            task: assess(task, "", EMBEDDED, known, asked, interpret)
            for task in ("modality", "dataset_id")
        }
        more, by_chance = familiarity.more(networks.encoders)
        row: dict[str, object] = {"group": group, "networks": len(networks)}
        for task, verdict in verdicts[group].items():
            row[task] = verdict.row["accuracy"]
            row[f"{task}_low"] = verdict.row["bootstrap_low"]
            row[f"{task}_high"] = verdict.row["bootstrap_high"]
        rows.append({**row, "unlike": float((more < by_chance).mean())})
    return pd.DataFrame(rows), verdicts


def together(groups: Sequence[Zoo]) -> Zoo:
    """Return the networks of several groups as one.

    Examples
    --------
    >>> len(together([zoo, zoo]))
    48
    """
    return Zoo(
        np.concatenate([g.encoders for g in groups]), np.concatenate([g.datasets for g in groups])
    )


def _read(
    name: str, patches: np.ndarray, ids: np.ndarray, p: ArchitecturesParameters
) -> dict[tuple[str, str], np.ndarray]:
    """Train the networks of an architecture; return them in the shape of models, by how read."""
    architecture, datasets = ARCHITECTURES[name], np.repeat(ids, p.networks)
    own = torch.from_numpy(patches).repeat_interleave(p.networks, 0)
    trained = train(architecture, own, datasets, p.steps, p.batch_size)
    in_state = {
        "trained": trained,
        "untrained": untrained(architecture, datasets, seed=1),
        "shuffled weights": trained.shuffled(),
    }
    read = {(state, HEADLINE): _agop(nets, "white", p.probes) for state, nets in in_state.items()}
    read["trained", "units, pink"] = _agop(trained, "pink", p.probes)
    read["trained", "answers, white"] = _agop(trained, "white", p.probes, units=False)
    climbed = trained.map(lambda f: features(f, probes("pink", CODES)), units=True)
    read["trained", "features"] = climbed.transpose(1, 2).numpy()
    windows = torch.cat([probes(family, _SHOWN * p.probes) for family in FAMILIES])
    students = distil(trained, windows, -(-p.steps // 4), p.batch_size)
    read["trained", "canonical form"] = students
    if name == "zoo":
        read["trained", "weights"] = (
            trained.parameters["encoder.0.weight"].transpose(1, 2).contiguous().numpy()
        )
    return read


def _agop(networks: Networks, family: str, n: int, units: bool = True) -> np.ndarray:
    windows = probes(family, n)
    mixing = torch.randn(INPUTS, _MIXED, generator=torch.Generator().manual_seed(0))

    def read(network: Network) -> Tensor:
        def mixed(x: Tensor) -> Tensor:
            answers = network(x)
            return answers @ mixing if answers.shape[1] == INPUTS else answers

        return agop(mixed, windows)

    with torch.no_grad():
        return as_encoders(networks.map(read, units).numpy())
