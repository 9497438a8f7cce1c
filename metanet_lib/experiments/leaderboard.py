"""All representations on one protocol, side by side.

The protocol, the same for every peer (:mod:`metanet_lib.experiments.peers`):

- it is fitted on the models that fit the meta level, of the training datasets, without labels
  unless its row says so;
- a k-NN classifier on its embeddings answers for validation models: modality for those of all
  datasets, dataset ID for those of the training datasets (:mod:`metanet_lib.interpret.classifier`);
- where something is random, it is fitted with several seeds. Two statistics tell of them: the mean
  over seeds, which every row has and by which the table is sorted; and the seed of the lowest
  reconstruction loss, the paper's rule, where the representation rebuilds models and so has such a
  loss without labels. The headline is the second where there is one. The worst and the best seed
  stand beside it;
- one fit may have two rows: the embedding as wide as its authors make it, and its first 16
  principal components, as many numbers as the paper's, fitted on the models that fit;
- deep representations are trained for as many steps as the metanetwork (:func:`training_steps`);
- time is that which one core works, whatever else the machine does: to fit; and for one validation
  model, to be embedded and to have its neighbours found.

Peers with data access are also given patches of each model's own dataset, drawn anew for each
model (:func:`draw_samples`).
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from metanet_lib.catalog import Dataset
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.experiments.cost import metanetwork_speed
from metanet_lib.experiments.peers import GROUPS, Peer, PeersParameters
from metanet_lib.interpret import TASKS, InterpretParameters, assess, wilson_interval
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.representations.weights import Components
from metanet_lib.store import Results
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import CODES, Zoo, load_zoo


def run(
    results: Results,
    datasets: Sequence[Dataset],
    peers: Sequence[Peer],
    patches: PatchParameters,
    parameters: PeersParameters,
    interpret: InterpretParameters,
) -> pd.DataFrame:
    """Fit and assess every peer with every seed, side by side.

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

    Returns
    -------
    DataFrame
        One row for each peer, seed and task: the columns of
        :func:`metanet_lib.interpret.classifier.assess` and ``seed``, ``loss``, ``fit_seconds``
        and ``ms_per_model``.

    Examples
    --------
    >>> results = Results("mine")
    >>> results.folder.mkdir(parents=True)
    >>> len(run(results, [], [], PatchParameters(), PeersParameters(), InterpretParameters()))
    0
    """
    with TemporaryDirectory(dir=results.folder) as folder:
        samples = Path(folder) / "samples.safetensors"
        if any(peer.sees != "weights" for peer in peers):
            zoos = load_zoo(results.zoo, datasets)
            drawn = draw_samples(results.corpus_folder, zoos, patches, parameters.samples)
            save_file(dict(zip(("fit", "validation"), drawn, strict=True)), samples)
        jobs = [
            (peer, seed, results.zoo, datasets, samples, interpret)
            for peer in peers
            for seed in peer.runs(parameters)
        ]
        rows = side_by_side(_run, jobs, "representations", "fit")
    return pd.DataFrame([row for two in rows for row in two])


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
        headline's accuracy under its name, ``_mean`` (over seeds), ``_best_reconstruction`` (of
        the seed that rebuilds best; NaN if no models are rebuilt), ``_ci_low``, ``_ci_high`` (of
        the headline: Wilson, 95 %), ``_min``, ``_max`` (over seeds) and ``_n_validation``. The
        interval of a mean over seeds is that of one run with as many right answers: the validation
        models are the same for each seed.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> first = paper([metanetwork], seconds=None)
    >>> rows = pd.DataFrame(assess_peer(first, 0, zoo, zoo, InterpretParameters(k=3)))
    >>> list(leaderboard([first], rows)["n_seeds"])
    [1]
    """
    lines = [
        _line(row, rows[rows.representation == row.name]) for peer in peers for row in peer.rows()
    ]
    lines.sort(key=lambda line: (GROUPS.index(line["group"]), -line["dataset_id_mean"]))
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
    """Return how many steps of the optimiser a metanetwork takes, in its two trainings together.

    Examples
    --------
    >>> training_steps(MetanetworkParameters(unitwise_epochs=3, interunit_epochs=5), models=32)
    53
    """
    p = parameters
    unitwise, interunit = (-(-n // p.batch_size) for n in (CODES * models, models))
    return p.unitwise_epochs * unitwise + p.interunit_epochs * interunit


def draw_samples(
    corpus: Path | str, zoos: tuple[Zoo, Zoo], patches: PatchParameters, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw for each model a sample of the patches of its dataset.

    Parameters
    ----------
    corpus
        The folder of the raw corpora.
    zoos
        The models that fit, and those that validate.
    patches
        How patches are made; each model's are drawn anew, from all files of its dataset.
    n
        Patches for a model.

    Returns
    -------
    (ndarray, ndarray)
        float32 ``[m, n, 256]`` in 0..1 for the models that fit, and for those that validate.

    Examples
    --------
    >>> few = Zoo(encoders[:2], zoo.datasets[:2])
    >>> fit, validation = draw_samples(corpus, (few, few), PatchParameters(), n=8)
    >>> fit.shape
    (2, 8, 256)
    """
    datasets = np.concatenate([zoo.datasets for zoo in zoos])
    ids, counts = np.unique(datasets, return_counts=True)
    banks = side_by_side(
        _patches,
        [
            (corpus, str(dataset_id), replace(patches, per_dataset=int(count) * n))
            for dataset_id, count in zip(ids, counts, strict=True)
        ],
        "patches",
        "dataset",
    )
    samples = np.empty((len(datasets), n, banks[0].shape[1]), np.float32)
    for dataset_id, bank in zip(ids, banks, strict=True):
        samples[datasets == dataset_id] = bank.reshape(-1, n, bank.shape[1])
    return samples[: len(zoos[0])], samples[len(zoos[0]) :]


def _patches(corpus: Path | str, dataset_id: str, parameters: PatchParameters) -> np.ndarray:
    return make_bank(corpus, dataset_id, parameters, threads=1).patches().numpy()


def _run(
    peer: Peer,
    seed: int,
    zoo: Path,
    datasets: Sequence[Dataset],
    samples: Path,
    interpret: InterpretParameters,
) -> list[dict[str, Any]]:
    """Read what the peer may see and assess it, in this process."""
    fit, validation = load_zoo(zoo, datasets)
    drawn = {} if peer.sees == "weights" else load_file(samples)
    with threadpool_limits(1):
        return assess_peer(
            peer, seed, fit, validation, interpret, drawn.get("fit"), drawn.get("validation")
        )


def assess_peer(
    peer: Peer,
    seed: int,
    fit: Zoo,
    validation: Zoo,
    interpret: InterpretParameters,
    fit_samples: np.ndarray | None = None,
    validation_samples: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Fit one peer with one seed and return its rows, one for each task: see :func:`run`.

    Samples, ``[m, n, 256]`` for the models that fit and for those that validate, are needed by
    peers that see patches.

    Examples
    --------
    >>> from metanet_lib.experiments.peers.simple import paper
    >>> first = paper([metanetwork], seconds=None)
    >>> [row["task"] for row in assess_peer(first, 0, zoo, zoo, InterpretParameters(k=3))]
    ['modality', 'dataset_id']
    """
    models = len(fit)
    fit = permuted_copies(fit, peer.copies, seed)
    representation = peer.of_seed(seed)

    start = time.process_time()
    shown = _shown(peer, fit, fit_samples)
    representation.fit(shown, fit.datasets if peer.labels else None)
    fit_seconds = time.process_time() - start
    embedded = Zoo(representation.transform(shown), fit.datasets)
    start = time.process_time()
    asked = Zoo(
        representation.transform(_shown(peer, validation, validation_samples)), validation.datasets
    )
    seconds = time.process_time() - start
    facts = {
        "n_fit": models,
        "seed": seed,
        "loss": getattr(representation, "loss_", np.nan),
        "fit_seconds": fit_seconds if peer.fit_seconds is None else peer.fit_seconds,
    }
    rows = _answers(peer.name, embedded, asked, interpret, seconds)
    if peer.sixteen:
        reduced = Components(16).fit(embedded.encoders)
        embedded = replace(embedded, encoders=reduced.transform(embedded.encoders))
        start = time.process_time()
        asked = replace(asked, encoders=reduced.transform(asked.encoders))
        seconds += time.process_time() - start
        rows += _answers(f"{peer.name}_pca", embedded, asked, interpret, seconds)
    return [{**row, **facts} for row in rows]


def _answers(
    name: str, embedded: Zoo, asked: Zoo, interpret: InterpretParameters, seconds: float
) -> list[dict[str, Any]]:
    """Return a row for each task, for models that took so many seconds to embed."""
    rows = []
    for task in TASKS:
        start = time.process_time()
        # What is assessed is embedded already: let it through as it is.
        rows.append(assess(task, name, FunctionTransformer(), embedded, asked, interpret).row)
        if task == "modality":
            seconds += time.process_time() - start
    return [{**row, "ms_per_model": 1000 * seconds / len(asked)} for row in rows]


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
    """Return what the peer may see of these models."""
    if peer.sees == "weights":
        return zoo.encoders
    return samples if peer.sees == "patches" else (zoo.encoders, samples)


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
    for task in TASKS:
        of_task = rows[rows.task == task]
        n = int(of_task.n_validation.iloc[0])
        best = of_task.nsmallest(1, "loss") if peer.reconstructs else of_task[:0]
        headline = best if peer.reconstructs else of_task
        correct = float(headline.n_correct.mean())
        low, high = wilson_interval(round(correct), n)
        line |= {
            task: correct / n,
            f"{task}_mean": of_task.n_correct.mean() / n,
            f"{task}_best_reconstruction": best.n_correct.mean() / n,
            f"{task}_ci_low": low,
            f"{task}_ci_high": high,
            f"{task}_min": of_task.accuracy.min(),
            f"{task}_max": of_task.accuracy.max(),
            f"{task}_n_validation": n,
        }
    return line
