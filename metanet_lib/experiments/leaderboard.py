"""All representations on one protocol, side by side.

The protocol, the same for every peer (:mod:`metanet_lib.experiments.peers`):

- it is fitted on the models that fit the meta level, of the training datasets, without labels
  unless its row says so;
- a k-NN classifier on its embeddings answers for validation models, the four tasks of
  :mod:`metanet_lib.interpret.classifier`;
- where something is random, it is fitted with several seeds. Two statistics tell of them: the mean
  over seeds, which every row has and by which the table is sorted; and the seed of the lowest
  reconstruction loss, the paper's rule, where the representation rebuilds models and so has such a
  loss without labels. The headline is the second where there is one. The worst and the best seed
  stand beside it;
- one fit may have two rows: the embedding as wide as its authors make it, and its first 16
  principal components, as many numbers as the paper's, fitted on the models that fit;
- deep representations read each model as often as the metanetwork does (:func:`training_steps`);
- time is that which one core works, whatever else the machine does: to fit; and for one validation
  model, to be embedded and to have its neighbours found.

Peers with data access are also given patches of each model's own dataset, drawn anew for each
model (:func:`draw_samples`).
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.pipeline import make_pipeline

from metanet_lib.catalog import Dataset, dataset
from metanet_lib.data import corpora
from metanet_lib.data.patches import PatchParameters, bank_of, files_of
from metanet_lib.experiments.cost import metanetwork_speed
from metanet_lib.experiments.files import ceiling_of
from metanet_lib.experiments.fits import functional_code, keep, place
from metanet_lib.experiments.peers import GROUPS, Peer, PeersParameters
from metanet_lib.experiments.peers import peers as all_peers
from metanet_lib.experiments.peers.beyond import BeyondParameters, beyond
from metanet_lib.experiments.peers.simple import paper
from metanet_lib.interpret import (
    EMBEDDED,
    STORED,
    InterpretParameters,
    Task,
    asked,
    assess,
    bootstrap_interval,
    embedded,
    paired_interval,
    shares_right,
    wilson_interval,
)
from metanet_lib.metanetwork import Metanetwork, MetanetworkParameters
from metanet_lib.representations.weights import Components
from metanet_lib.store import Results
from metanet_lib.workers import products_of_one_thread, side_by_side
from metanet_lib.zoo import INPUTS, Zoo, load_zoo


def run(
    results: Results,
    datasets: Sequence[Dataset],
    peers: Sequence[Peer],
    patches: PatchParameters,
    parameters: PeersParameters,
    interpret: InterpretParameters,
    share: int = 0,
    shares: int = 1,
) -> pd.DataFrame:
    """Fit and assess every peer with every seed, side by side; what is kept is not fitted anew.

    Parameters
    ----------
    results
        The run, its zoo trained.
    datasets
        Its datasets.
    peers
        Who takes part.
    patches
        How patches are made, for peers with data access.
    parameters, interpret
        The size of the comparison, and the meta-classifier.
    share, shares
        Which of so many shares of the fits are made; the others are for other machines.

    Returns
    -------
    DataFrame
        One row for each peer, seed and task: the columns of
        :func:`metanet_lib.interpret.classifier.assess` and ``by_dataset`` (right answers of how
        many, as in :attr:`metanet_lib.interpret.classifier.Verdict.by_dataset`), ``seed``,
        ``loss``, ``fit_seconds`` and ``ms_per_model``.

    Examples
    --------
    >>> results = Results("mine")
    >>> len(run(results, [], [], PatchParameters(), PeersParameters(), InterpretParameters()))
    0
    """
    if not peers:
        return pd.DataFrame()
    own_code = [Path(row.rsplit(":", 1)[0]).read_bytes() for row in parameters.extra]
    asked_how = (tuple(datasets), patches, parameters.samples, interpret, own_code)
    with TemporaryDirectory(dir=results.folder, prefix=".samples.") as folder:
        jobs: list[tuple[Any, ...]] = []
        for told in peers:
            peer = replace(told, fit_seconds=None)  # what is told of its time makes no other fit
            settings = peer.representation.get_params()
            for seed in peer.runs(parameters):
                at = place(results, f"{peer.name}_{seed}", peer, settings, seed, *asked_how)
                jobs.append((peer, seed, results.zoo, datasets, folder, interpret, at))
        jobs.sort(key=lambda job: not job[0].deep)  # the long ones first: none is left at the end
        if shares > 1:
            jobs = _dealt(jobs, share, shares)
        missing = [job for job in jobs if not job[-1].exists()]
        if any(peer.sees != "weights" for peer, *_ in missing):
            zoos = load_zoo(results.zoo, datasets)
            draw_samples(results.corpus_folder, zoos, patches, parameters.samples, folder)
        side_by_side(_fit, missing, "representations", "fit")
    rows = pd.DataFrame([row for *_, at in jobs for row in json.loads(at.read_text())])
    for told in peers:
        if told.fit_seconds is not None:
            rows.loc[rows.representation == told.name, "fit_seconds"] = told.fit_seconds
    return rows


def fit_ahead(profile: Mapping[str, Any], share: int = 0, shares: int = 1) -> None:
    """Make a share of the fits that ask for the zoo alone, so that chapters 11 and 12 find them.

    The first share also makes what those chapters need besides: the functional code, and the
    ceiling (:func:`metanet_lib.experiments.files.ceiling_of`).

    Parameters
    ----------
    profile
        The run (``profile``, ``corpus``, ``datasets``), and the sections of its profile that fits
        are made of.
    share, shares
        As for :func:`run`.

    Raises
    ------
    ValueError
        If there is no such share.

    Examples
    --------
    >>> fit_ahead({}, share=3, shares=2)
    Traceback (most recent call last):
    ValueError: share 3 of 2: expected 0 to 1
    """
    if not 0 <= share < shares:
        raise ValueError(f"share {share} of {shares}: expected 0 to {shares - 1}")
    results = Results(profile["profile"], profile["corpus"])
    datasets = corpora.chosen(results.corpus_folder, profile["datasets"])
    fit, _, new = load_zoo(results.zoo, datasets)
    patches = PatchParameters.of(profile["patches"])
    interpret = InterpretParameters.of(profile["interpret"])
    if share == 0:
        functional_code(results, fit.encoders)
        ceiling_of(results, datasets, fit, new, patches, interpret)
    size = PeersParameters.of(profile["peers"])
    net = MetanetworkParameters.of(profile["metanetwork"])
    run(
        results,
        datasets,
        fitted_on_zoo(size, net, BeyondParameters.of(profile["beyond"]), len(fit)),
        patches,
        size,
        interpret,
        share,
        shares,
    )


def _dealt(jobs: list[Any], share: int, shares: int) -> list[Any]:
    """Deal jobs out; the last share has all that see patches, which are drawn for all models."""
    if share == shares - 1:
        return [job for job in jobs if job[0].sees != "weights"]
    return [job for job in jobs if job[0].sees == "weights"][share :: shares - 1]


def leaderboard(peers: Sequence[Peer], rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the comparison: group by group, sorted by mean accuracy of dataset ID.

    Parameters
    ----------
    peers
        Who took part.
    rows
        What :func:`run` returned.

    Returns
    -------
    DataFrame
        Columns ``row``, ``title``, ``group``, ``dimension``; what it needs (``labels``, ``data``,
        ``forward_passes``) and whether it is ``invariant``; ``n_seeds`` and ``headline``, the rule;
        ``fit_seconds`` and ``ms_per_model``, means over seeds; ``n_fit``; and for each task the
        headline's accuracy under its name, ``_mean`` (over seeds), with ``_mean_low`` and
        ``_mean_high`` (95 %, of datasets drawn anew), ``_best_reconstruction`` (of
        the seed that rebuilds best; NaN if no models are rebuilt), ``_ci_low``, ``_ci_high`` (of
        the headline: Wilson, 95 %), ``_bootstrap_low``, ``_bootstrap_high`` (the same of datasets
        drawn anew), ``_min``, ``_max`` (over seeds) and ``_n_validation``. The interval of a mean
        over seeds is that of one run with as many right answers: the validation models are the
        same for each seed.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> first, zoos = paper([metanetwork], seconds=None), (zoo, zoo, zoo.of([]))
    >>> rows = pd.DataFrame(assess_peer(first, 0, zoos, InterpretParameters(k=3)))
    >>> list(leaderboard([first], rows)["n_seeds"])
    [1]
    """
    lines = [
        _line(row, rows[rows.representation == row.name]) for peer in peers for row in peer.rows()
    ]
    lines.sort(key=lambda line: (GROUPS.index(line["group"]), -line["dataset_id_mean"]))
    return pd.DataFrame(lines)


def differences(
    peers: Sequence[Peer], rows: pd.DataFrame, task: Task, other: str = "metanetwork"
) -> pd.DataFrame:
    """Return how much more often each row is right than one of them, paired by dataset.

    Parameters
    ----------
    peers, rows
        As for :func:`leaderboard`; the headline of each row is compared.
    task
        The task.
    other
        The row that all are compared with.

    Returns
    -------
    DataFrame
        ``row``, ``difference`` of the accuracies, and ``low`` and ``high``, its 95 % interval (see
        :func:`metanet_lib.interpret.intervals.paired_interval`): without 0, the two are told apart.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> first, zoos = paper([metanetwork], seconds=None), (zoo, zoo, zoo.of([]))
    >>> rows = pd.DataFrame(assess_peer(first, 0, zoos, InterpretParameters(k=3)))
    >>> differences([first], rows, "dataset_id")[["difference", "low", "high"]].to_numpy().tolist()
    [[0.0, 0.0, 0.0]]
    """
    of_task = rows[rows.task == task]
    shares = {
        row.name: shares_right(
            _headline(row, of_task[of_task.representation == row.name]).by_dataset
        )
        for peer in peers
        for row in peer.rows()
    }
    beside, _ = shares[other]
    lines = []
    for name, (own, datasets) in shares.items():
        low, high = paired_interval(own, beside, datasets)
        lines.append({"row": name, "difference": (own - beside).mean(), "low": low, "high": high})
    return pd.DataFrame(lines)


def training_seconds(parameters: MetanetworkParameters, models: int) -> float:
    """Return the seconds that a metanetwork takes to train, worked out from measured steps.

    Examples
    --------
    >>> training_seconds(MetanetworkParameters(channels=(2,)), models=10) > 0
    True
    """
    of_filters, of_models = metanetwork_speed(parameters)
    p = parameters
    return models * (16 * p.unitwise_epochs * of_filters + p.interunit_epochs * of_models)


def training_steps(parameters: MetanetworkParameters, models: int) -> int:
    """Return for how many steps a deep representation is trained, in batches of the metanetwork's.

    Each of its steps reads as many models as a step of the inter-unit training, so that each model
    is read as often as by the metanetwork in its two trainings together. (Most of the metanetwork's
    own steps are the unit-wise training's, which read filters: two models' worth.)

    Examples
    --------
    >>> training_steps(MetanetworkParameters(unitwise_epochs=3, interunit_epochs=5), models=33)
    16
    """
    p = parameters
    return (p.unitwise_epochs + p.interunit_epochs) * -(-models // p.batch_size)


def every_peer(metanetworks: Sequence[Metanetwork], models: int) -> list[Peer]:
    """Return all that stand in the comparison of a run, in sizes of their own.

    ``metanetworks`` are the run's, and ``models`` how many fit.

    Examples
    --------
    >>> {"gram", "metanetwork", "functional"} <= {p.name for p in every_peer([metanetwork], 24)}
    True
    """
    net = metanetworks[0].model.parameters_
    of_zoo = fitted_on_zoo(PeersParameters(), net, BeyondParameters(), models)
    return [paper(metanetworks, seconds=None), *of_zoo]


def fitted_on_zoo(
    parameters: PeersParameters,
    metanetwork: MetanetworkParameters,
    steps: BeyondParameters,
    models: int,
) -> list[Peer]:
    """Return all that ask for a zoo of so many models that fit, and for nothing else of a run.

    Examples
    --------
    >>> net = MetanetworkParameters()
    >>> "gram" in {p.name for p in fitted_on_zoo(PeersParameters(), net, BeyondParameters(), 24)}
    True
    """
    others = all_peers(parameters, metanetwork, training_steps(metanetwork, models))
    return [*others, *beyond(steps, metanetwork)]


def weights_only(name: str, metanetworks: Sequence[Metanetwork], models: int) -> TransformerMixin:
    """Return the representation of a row that sees weights only, not yet fitted.

    Parameters
    ----------
    name
        The row. A row that shows models twice is not among them, nor the run's own metanetworks,
        which are fitted already.
    metanetworks
        These: a network of a row reads each model as often as one of them.
    models
        How many models it will be fitted to.

    Raises
    ------
    ValueError
        If there is no such row; all are listed.

    Examples
    --------
    >>> weights_only("gram", [metanetwork], len(encoders)).fit(encoders).transform(encoders).shape
    (24, 16)
    >>> weights_only("all", [metanetwork], len(encoders))
    Traceback (most recent call last):
    ValueError: unknown representation 'all'; there are: functional, paper, raw_weights, ...
    """
    rows: dict[str, TransformerMixin] = {}
    for peer in every_peer(metanetworks, models):
        if peer.sees == "weights" and peer.copies == 1 and peer.name != "metanetwork":
            whole, *reduced = peer.rows()
            rows[whole.name] = peer.of_seed(0)
            rows |= {r.name: make_pipeline(peer.of_seed(0), Components(16)) for r in reduced}
    if name not in rows:
        names = ", ".join(dict.fromkeys((*STORED, *rows)))
        raise ValueError(f"unknown representation {name!r}; there are: {names}")
    return rows[name]


def draw_samples(
    corpus: Path | str,
    zoos: tuple[Zoo, Zoo, Zoo],
    patches: PatchParameters,
    n: int,
    folder: Path | str,
) -> list[np.ndarray]:
    """Draw for each model a sample of the patches of its dataset: of its same files, or new ones.

    Parameters
    ----------
    corpus
        The folder of the raw corpora.
    zoos
        The models that fit, those that validate, and those that validate on new files.
    patches
        How patches are made; each model's are drawn anew.
    n
        Patches for a model.
    folder
        Where the samples are written: in memory, those of the paper's zoo would take 4 GB.

    Returns
    -------
    list of ndarray
        float32 ``[m, n, 256]`` in 0..1 for each of ``zoos``, read from their files as needed.

    Examples
    --------
    >>> few = Zoo(encoders[:2], zoo.datasets[:2])
    >>> nobody = few.of([])
    >>> fit, *_ = draw_samples(corpus, (few, few, nobody), PatchParameters(), 8, folder)
    >>> fit.shape
    (2, 8, 256)
    """
    of_file = list(zip(_files_of_samples(folder), zoos, strict=True))
    for path, zoo in of_file:
        np.lib.format.open_memmap(path, "w+", np.float32, (len(zoo), n, INPUTS))
    jobs = []
    for new, parts in ((False, of_file[:2]), (True, of_file[2:])):
        for dataset_id in np.unique(np.concatenate([zoo.datasets for _, zoo in parts])):
            places = {path: np.flatnonzero(zoo.datasets == dataset_id) for path, zoo in parts}
            of_all = replace(patches, per_dataset=n * sum(map(len, places.values())))
            jobs.append((corpus, str(dataset_id), of_all, new, places))
    side_by_side(_draw, jobs, "patches", "dataset")
    return _load_samples(folder)


def _files_of_samples(folder: Path | str) -> list[Path]:
    return [Path(folder) / f"samples_{part}.npy" for part in ("fit", "validation", "new")]


def _load_samples(folder: Path | str) -> list[np.ndarray]:
    """Map what :func:`draw_samples` wrote: read where it is looked at; never written back."""
    return [np.load(path, mmap_mode="c") for path in _files_of_samples(folder)]


def _draw(
    corpus: Path | str,
    dataset_id: str,
    patches: PatchParameters,
    new: bool,
    places: dict[Path, np.ndarray],
) -> None:
    """Draw the samples of a dataset's models into files, at the models' places in each of them."""
    of = dataset(dataset_id)
    files = files_of(corpus, of, patches)[new]
    drawn = bank_of(corpus, of, files, patches, threads=1, stream=" samples").patches().numpy()
    for path, models in places.items():
        samples = np.load(path, mmap_mode="r+")
        own, drawn = np.split(drawn, [len(models) * samples.shape[1]])
        samples[models] = own.reshape(-1, *samples.shape[1:])


def _fit(
    peer: Peer,
    seed: int,
    zoo: Path,
    datasets: Sequence[Dataset],
    folder: Path | str,
    interpret: InterpretParameters,
    at: Path,
) -> None:
    """Read what the peer may see, assess it, in this process, and keep what came out."""
    zoos = load_zoo(zoo, datasets)
    samples = [None] * 3 if peer.sees == "weights" else _load_samples(folder)
    with products_of_one_thread():
        keep(at, assess_peer(peer, seed, zoos, interpret, samples))


def assess_peer(
    peer: Peer,
    seed: int,
    zoos: tuple[Zoo, Zoo, Zoo],
    interpret: InterpretParameters,
    samples: Sequence[np.ndarray | None] = (None, None, None),
) -> list[dict[str, Any]]:
    """Fit one peer with one seed and return its rows, one for each task: see :func:`run`.

    ``zoos`` are the models that fit, those that validate, and those that validate on new files;
    ``samples`` of patches, ``[m, n, 256]`` for each of these, are needed by peers that see them.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> first, zoos = paper([metanetwork], seconds=None), (zoo, zoo, zoo.of([]))
    >>> [row["task"] for row in assess_peer(first, 0, zoos, InterpretParameters(k=3))]
    ['modality', 'dataset_id']
    """
    models, (fit, validation, new) = len(zoos[0]), zoos
    fit = permuted_copies(fit, peer.copies, seed)
    representation = peer.of_seed(seed)

    start = time.process_time()
    shown = _shown(peer, fit, samples[0])
    in_fitting = (fit.encoders, samples[0]) if peer.sees == "patches in fitting" else shown
    representation.fit(in_fitting, fit.datasets if peer.labels else None)
    known = Zoo(representation.transform(shown), fit.datasets)
    fit_seconds = time.process_time() - start  # until the models that vote are embedded
    start = time.process_time()
    seen = Zoo(representation.transform(_shown(peer, validation, samples[1])), validation.datasets)
    seconds, unseen = time.process_time() - start, new
    if len(new):
        unseen = Zoo(representation.transform(_shown(peer, new, samples[2])), new.datasets)
    facts = {
        "n_fit": models,
        "seed": seed,
        "loss": getattr(representation, "loss_", np.nan),
        "fit_seconds": fit_seconds,
    }
    rows = _answers(peer.name, known, seen, unseen, interpret, seconds)
    if peer.sixteen:
        reduced = Components(16).fit(known.encoders)
        start = time.process_time()
        (seen,) = embedded(reduced, seen)
        seconds += time.process_time() - start
        known, unseen = embedded(reduced, known, unseen)
        rows += _answers(f"{peer.name}_pca", known, seen, unseen, interpret, seconds)
    return [{**row, **facts} for row in rows]


def _answers(
    name: str, known: Zoo, seen: Zoo, unseen: Zoo, interpret: InterpretParameters, seconds: float
) -> list[dict[str, Any]]:
    """Return a row for each task, for models that took so many seconds to embed."""
    rows = []
    for task, models in asked(seen, unseen).items():
        start = time.process_time()
        verdict = assess(task, name, EMBEDDED, known, models, interpret)
        rows.append({**verdict.row, "by_dataset": verdict.by_dataset})
        if task == "modality":
            seconds += time.process_time() - start
    return [{**row, "ms_per_model": 1000 * seconds / len(seen)} for row in rows]


def permuted_copies(zoo: Zoo, copies: int, seed: int) -> Zoo:
    """Return the models as they are and ``copies`` - 1 times with their filters permuted.

    Examples
    --------
    >>> len(permuted_copies(zoo, copies=3, seed=0))
    72
    """
    generator = np.random.default_rng(seed)
    orders = np.tile(np.arange(zoo.encoders.shape[2]), (len(zoo), 1))
    permuted = [
        np.take_along_axis(zoo.encoders, generator.permuted(orders, axis=1)[:, None], axis=2)
        for _ in range(copies - 1)
    ]
    return Zoo(np.concatenate([zoo.encoders, *permuted]), np.tile(zoo.datasets, copies))


def _shown(peer: Peer, zoo: Zoo, samples: np.ndarray | None) -> Any:
    """Return what the peer may see of these models, once it is fitted."""
    if peer.sees in ("weights", "patches in fitting"):
        return zoo.encoders
    return samples if peer.sees == "patches" else (zoo.encoders, samples)


def _headline(peer: Peer, of_task: pd.DataFrame) -> pd.DataFrame:
    return of_task.nsmallest(1, "loss") if peer.reconstructs else of_task


def _line(peer: Peer, rows: pd.DataFrame) -> dict[str, Any]:
    seeds = rows.seed.nunique()
    line: dict[str, Any] = {
        "row": peer.name,
        "title": peer.title,
        "group": peer.group,
        "dimension": rows.embedding_dim.iloc[0],
        "labels": peer.labels,
        "data": peer.sees != "weights",
        "forward_passes": peer.forward_passes,
        "invariant": peer.invariant,
        "n_seeds": seeds,
        "headline": "the only run"
        if seeds == 1
        else ("best reconstruction" if peer.reconstructs else "mean of seeds"),
        "fit_seconds": rows.fit_seconds.mean(),
        "ms_per_model": rows.ms_per_model.mean(),
        "n_fit": rows.n_fit.iloc[0],
    }
    for task in rows.task.unique():
        of_task = rows[rows.task == task]
        n = int(of_task.n_validation.iloc[0])
        headline = _headline(peer, of_task)
        best = headline if peer.reconstructs else headline[:0]
        correct = float(headline.n_correct.mean())
        low, high = wilson_interval(round(correct), n)
        drawn = bootstrap_interval(*shares_right(headline.by_dataset))
        of_mean = (
            drawn if headline is of_task else bootstrap_interval(*shares_right(of_task.by_dataset))
        )
        line |= {
            task: correct / n,
            f"{task}_mean": of_task.n_correct.mean() / n,
            f"{task}_mean_low": of_mean[0],
            f"{task}_mean_high": of_mean[1],
            f"{task}_best_reconstruction": best.n_correct.mean() / n,
            f"{task}_ci_low": low,
            f"{task}_ci_high": high,
            f"{task}_bootstrap_low": drawn[0],
            f"{task}_bootstrap_high": drawn[1],
            f"{task}_min": of_task.accuracy.min(),
            f"{task}_max": of_task.accuracy.max(),
            f"{task}_n_validation": n,
        }
    return line
