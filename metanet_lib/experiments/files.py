"""A dataset, or its files? What names models of files that nothing was fitted on.

All models of a dataset, in the paper those too that are asked about, learn from the same files. A
representation may then name the dataset by what is peculiar to a few dozen photographs or
recordings, and not by what they show. :func:`same_and_new` asks representations about models of
*same files* and of *new files* (:func:`metanet_lib.data.patches.split_files`).

How much could be named at all? :func:`ceiling` asks the patches themselves, no model between: a
statistic of patches of the same files, of patches of new ones. Which statistic is best is chosen
where neither has a part: on a split within the same files.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin

from metanet_lib.catalog import Dataset
from metanet_lib.data.corpora import Source
from metanet_lib.data.patches import PatchParameters, bank_of, files_of, split_files
from metanet_lib.experiments.fits import keep, place
from metanet_lib.interpret import EMBEDDED, InterpretParameters, Verdict, asked, assess, embedded
from metanet_lib.representations.weights import (
    gram,
    projector,
    reduced,
    spectrum,
    weight_statistics,
)
from metanet_lib.representations.with_data import STATISTICS, PatchStatistics
from metanet_lib.store import Results
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import INPUTS, Zoo

HELD_OUT, NEW_FILES = "held out of the same files", "new files"
"""What patches are asked about: by the one a statistic is chosen, the other is what it is for."""

SIMPLE: dict[str, TransformerMixin] = {
    "statistics of the weights": weight_statistics(),
    "Gram matrix": reduced(gram),
    "spectrum": reduced(spectrum),
    "column space": reduced(projector),
}
"""Representations that train no network, by what pages call them."""


def same_and_new(
    representations: Mapping[str, TransformerMixin],
    zoos: tuple[Zoo, Zoo, Zoo],
    interpret: InterpretParameters,
) -> tuple[pd.DataFrame, dict[tuple[str, str], Verdict]]:
    """Ask every representation every task.

    Parameters
    ----------
    representations
        Transformers by name; fitted here if they need to be.
    zoos
        The models that fit, those that validate, and those that validate on new files.
    interpret
        The meta-classifier.

    Returns
    -------
    (DataFrame, dict)
        The rows of :func:`metanet_lib.interpret.classifier.assess`, and the verdicts by task and
        name.

    Examples
    --------
    >>> some = {"column space": SIMPLE["column space"]}
    >>> rows, _ = same_and_new(some, (zoo, zoo, zoo), InterpretParameters(k=3))
    >>> list(rows["task"])
    ['modality', 'dataset_id', 'modality_new_files', 'dataset_id_new_files']
    """
    verdicts: dict[tuple[str, str], Verdict] = {}
    for name, representation in representations.items():
        known, *others = embedded(representation.fit(zoos[0].encoders), *zoos)
        for task, models in asked(*others).items():
            verdicts[task, name] = assess(task, name, EMBEDDED, known, models, interpret)
    return pd.DataFrame([verdict.row for verdict in verdicts.values()]), verdicts


def ceiling(
    corpus: Path | str,
    datasets: Sequence[Dataset],
    patches: PatchParameters,
    interpret: InterpretParameters,
    samples: tuple[int, int] = (20, 8),
    size: int = 256,
) -> pd.DataFrame:
    """Name datasets from patches of new files, by statistics of patches of the same files.

    Parameters
    ----------
    corpus
        The folder of the raw corpora.
    datasets
        Those that train; one of too few files for a question is left out of it.
    patches
        How patches are made, and files split.
    interpret
        The k-NN vote, on statistics in place of models.
    samples
        Samples of each dataset that fit, and that are asked about.
    size
        Patches in a sample.

    Returns
    -------
    DataFrame
        Two rows for each statistic of :data:`~metanet_lib.representations.with_data.STATISTICS`:
        those of :func:`metanet_lib.interpret.classifier.assess` with ``files``, :data:`HELD_OUT`
        (on which the best is chosen) or :data:`NEW_FILES`; how many ``datasets`` have such files;
        and whether the statistic is ``chosen``. None if no dataset can be split twice.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> some, half = [dataset("v:aer"), dataset("a:air")], PatchParameters(new_files=0.5)
    >>> ceiling(corpus, some, half, InterpretParameters(k=3), (4, 2), 64)  # of four files each
    Empty DataFrame
    Columns: []
    Index: []
    """
    rows = []
    for files in (HELD_OUT, NEW_FILES):  # in turn: the samples of both are many gigabytes
        drawn = side_by_side(
            _samples,
            [(corpus, d, patches, files, samples, size) for d in datasets],
            f"patches, {files}",
            "dataset",
        )
        there = {d.id: parts for d, parts in zip(datasets, drawn, strict=True) if parts}
        if not there:
            return pd.DataFrame()
        names = list(there)
        fit, of_new = (
            Zoo(np.concatenate(parts), np.repeat(names, count))
            for parts, count in zip(zip(*there.values(), strict=True), samples, strict=True)
        )
        del drawn, there
        for statistic in STATISTICS:
            statistics = PatchStatistics(statistic)
            verdict = assess("dataset_id_new_files", statistic, statistics, fit, of_new, interpret)
            rows.append({**verdict.row, "files": files, "datasets": len(names)})
    table = pd.DataFrame(rows)
    held_out = table[table.files == HELD_OUT]
    table["chosen"] = (
        table.representation == held_out.nlargest(1, "accuracy").iloc[0].representation
    )
    return table


def ceiling_of(
    results: Results,
    datasets: Sequence[Dataset],
    fit: Zoo,
    new: Zoo,
    patches: PatchParameters,
    interpret: InterpretParameters,
) -> pd.DataFrame:
    """Return the ceiling of a run: read if it is kept, else found and kept.

    There are as many samples of each dataset that trains as the run has models of it.

    Parameters
    ----------
    results, datasets
        The run, its zoo trained, and its datasets.
    fit, new
        Its models that fit, and those that validate on new files.
    patches, interpret
        As for :func:`ceiling`, whose table it is.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> mine, some = Results("mine", str(corpus), folder), [dataset("v:aer")]
    >>> ceiling_of(mine, some, zoo, zoo, PatchParameters(), InterpretParameters(k=3)).empty
    True
    """
    training = [d for d in datasets if d.id in fit.datasets]
    samples = len(fit) // len(training), max(len(new) // len(training), 1)
    at = place(results, "ceiling", training, patches, interpret, samples)
    if not at.exists():
        found = ceiling(results.corpus_folder, training, patches, interpret, samples)
        keep(at, found.to_dict("records"))
    return pd.DataFrame(json.loads(at.read_text()))


def chosen_statistic(told: pd.DataFrame) -> str:
    """Return the statistic that a table of :func:`ceiling` chose; the first if it chose none.

    Examples
    --------
    >>> chosen_statistic(pd.DataFrame({"representation": ["spectrum"], "chosen": [True]}))
    'spectrum'
    >>> chosen_statistic(pd.DataFrame())  # no dataset has files enough
    'mean and covariance'
    """
    return str(told.representation[told.chosen].iloc[0]) if len(told) else STATISTICS[0]


def _samples(
    corpus: Path | str,
    dataset: Dataset,
    p: PatchParameters,
    question: str,
    samples: tuple[int, int],
    size: int,
) -> tuple[np.ndarray, ...]:
    """Draw samples that fit and samples to ask about; none if there are not files enough."""
    files = same, _ = files_of(corpus, dataset, p)
    if question == HELD_OUT:
        files = split_files(same, dataset, replace(p, seed=p.seed + 1))

    def drawn(sources: Sequence[Source], count: int) -> np.ndarray:
        bank = bank_of(corpus, dataset, sources, replace(p, per_dataset=count * size), threads=1)
        return bank.patches().numpy().reshape(count, size, INPUTS)

    return tuple(map(drawn, files, samples)) if files[1] else ()
