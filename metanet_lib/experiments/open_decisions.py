"""What if an open decision had fallen otherwise? The whole experiment, once for each choice.

The paper leaves decisions open that may matter: the scope of 0-1 normalisation, power or decibels,
the batch size, how much a model sees. A *variant* is a run's own way with one decision changed.
Each variant trains a zoo on the training datasets, meta-autoencoders on that, and is asked both of
the paper's questions, at a size that a laptop can run; one that changes the question alone asks it
of the run's own models. A study compares variants with each other:
its accuracies are not those of a full run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from metanet_lib.catalog import Dataset
from metanet_lib.data.patches import PatchParameters
from metanet_lib.interpret import (
    EMBEDDED,
    InterpretParameters,
    asked,
    assess,
    assess_all,
    embedded,
    neighbours_by_dataset,
)
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations.weights import projector, reduced, spectrum
from metanet_lib.store import Results
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import ZooParameters, load_zoo
from metanet_lib.zoo.pipeline import make_dataset

SIMPLE = {"spectrum": reduced(spectrum), "column_space": reduced(projector)}
"""Representations without a network, beside the metanetwork and raw weights."""
BATCH_SIZES = (32, 128, 512)
"""The batch sizes that are compared, beside the run's own."""


@dataclass(frozen=True)
class StudyParameters(Parameters):
    """The size of the study of open decisions.

    Examples
    --------
    >>> StudyParameters().seeds
    3
    """

    per_dataset: int = decision(
        250_000,
        "patches that a model of the study sees, once each",
        "ours: a quarter of the paper's; four times as many, so the paper's, are a variant",
    )
    models_fit: int = decision(
        25,
        "models of each training dataset that fit",
        "ours: of a study's fourteen zoos, each may cost a tenth of the run's own",
    )
    models_validation: int = decision(
        20,
        "models of each training dataset that validate, and as many on new files",
        "ours: intervals of a few per cent",
    )
    seeds: int = decision(3, "times the meta level is trained for each variant", "ours")
    files: tuple[int, ...] = decision(
        (6, 12, 24, 48), "files of each dataset that models fit on", "ours: few to many, doubled"
    )
    zoos: int = decision(
        3,
        "zoos, each with its own split of the files, patches and initial weights",
        "ours: one zoo says nothing of how another would have fared",
    )
    halves: int = decision(
        4,
        "random halves of the files, two by two without a common file, over which models that fit "
        "are spread where that is asked",
        "ours: two pairs of them, so that one half can be kept out and pairs are left",
    )

    def __post_init__(self) -> None:
        self.require_positive("models_fit", "models_validation", "seeds", "zoos", "halves")
        self.require(self.per_dataset >= max(BATCH_SIZES), "per_dataset", "at least a batch")


@dataclass(frozen=True)
class Variant:
    """The whole experiment with one decision changed.

    Attributes
    ----------
    decision, value
        The parameter, and what it is here, in words.
    usual
        Whether that is the run's own choice: nothing is changed.
    patches, zoo
        The parameters that make the models.
    interpret
        How they are asked, if not as all are.

    Examples
    --------
    >>> chosen = variants(PatchParameters(), ZooParameters(), StudyParameters())
    >>> isinstance(chosen[0], Variant), len({variant.slug for variant in chosen}) > 1
    (True, True)
    """

    decision: str
    value: str
    usual: bool
    patches: PatchParameters
    zoo: ZooParameters
    interpret: InterpretParameters | None = None

    @property
    def slug(self) -> str:
        """Name of its models in file names; variants that change no model share the usual ones."""
        changed = f"{self.decision}-{self.value}".replace(" ", "-")
        name = "usual" if self.usual or self.interpret else changed
        return name if self.zoo.epochs == 1 else f"{name}-{self.zoo.epochs}-epochs"


def variants(
    patches: PatchParameters,
    zoo: ZooParameters,
    study: StudyParameters,
    interpret: InterpretParameters | None = None,
) -> list[Variant]:
    """Return the variants of a run, decision by decision, its own choices among them.

    Examples
    --------
    >>> chosen = variants(PatchParameters(), ZooParameters(), StudyParameters())
    >>> any(variant.usual for variant in chosen)
    True
    """
    patches, zoo = _of_study(patches, zoo, study)
    seen = study.per_dataset

    def of_patches(name: str, values: Sequence[Any]) -> list[Variant]:
        usual = getattr(patches, name)
        return [
            Variant(name, str(v), v == usual, replace(patches, **{name: v}), zoo) for v in values
        ]

    batches = sorted({*BATCH_SIZES, zoo.batch_size})
    samples = [
        Variant("samples seen", f"{n:,}", n == seen, replace(patches, per_dataset=n), zoo)
        for n in (seen // 4, seen, 4 * seen)
    ]
    ask = interpret or InterpretParameters()
    labels = [
        Variant("modality_labels", v, asked == ask, patches, zoo, asked)
        for v in ("modality", "dataset_id")
        for asked in [replace(ask, modality_labels=v)]
    ]
    return [
        *of_patches("normalisation", ("dataset", "file")),
        *of_patches("mel_scale", ("power", "decibel")),
        *(
            Variant("batch_size", str(b), b == zoo.batch_size, patches, replace(zoo, batch_size=b))
            for b in batches
        ),
        *samples,
        *of_patches("voc_region", ("image", "box")),
        *labels,
    ]


def variants_of_files(
    patches: PatchParameters, zoo: ZooParameters, study: StudyParameters, there: int
) -> list[Variant]:
    """Return the experiment with fewer and fewer files of each dataset, and with all of them.

    Models train for as many epochs as in the run: what a short training leaves of a model's random
    start would hide the files.

    ``there`` is how many same files the dataset with most of them has.

    Examples
    --------
    >>> every = variants_of_files(PatchParameters(), ZooParameters(), StudyParameters(), there=40)
    >>> [variant.value for variant in every]
    ['6', '12', '24', 'all']
    """
    patches, zoo = _of_study(patches, zoo, study, zoo.epochs)
    return [
        *(
            Variant("files", str(n), False, replace(patches, most_files=n), zoo)
            for n in study.files
            if n < there
        ),
        Variant("files", "all", True, patches, zoo),
    ]


def variants_of_zoos(
    patches: PatchParameters, zoo: ZooParameters, study: StudyParameters
) -> list[Variant]:
    """Return the experiment with zoos of other seeds: other new files, patches, initial weights.

    Examples
    --------
    >>> every = variants_of_zoos(PatchParameters(), ZooParameters(), StudyParameters())
    >>> [(variant.value, variant.zoo.seed, variant.patches.seed) for variant in every]
    [('0', 0, 0), ('1', 1, 1), ('2', 2, 2)]
    """
    patches, zoo = _of_study(patches, zoo, study, zoo.epochs)
    return [
        Variant(
            "zoo",
            str(i),
            i == 0,
            replace(patches, seed=patches.seed + i),
            replace(zoo, seed=zoo.seed + i),
        )
        for i in range(study.zoos)
    ]


def variants_of_halves(
    patches: PatchParameters, zoo: ZooParameters, study: StudyParameters
) -> tuple[Variant, Variant]:
    """Return the experiment with all files, and with models that fit spread over halves of them.

    Of the second there are those models alone, and one: the others would be the first one's again.

    Examples
    --------
    >>> usual, halved = variants_of_halves(PatchParameters(), ZooParameters(), StudyParameters())
    >>> usual.slug, halved.slug, halved.patches.halves, halved.zoo.models("v:aer")
    ('usual', 'halves-4', 4, (25, 1, 0))
    """
    patches, zoo = _of_study(patches, zoo, study, zoo.epochs)
    of_fit = replace(zoo, models_validation=1, models_new=0)
    halved = replace(patches, halves=study.halves)
    return (
        Variant("halves", "0", not patches.halves, replace(patches, halves=0), zoo),
        Variant("halves", str(study.halves), False, halved, of_fit),
    )


def train_variants(
    results: Results, datasets: Sequence[Dataset], chosen: Sequence[Variant]
) -> list[Path]:
    """Train the models of variants, side by side, as far as they are not there already.

    Parameters
    ----------
    results
        The run.
    datasets
        Those of whose models a zoo is made.
    chosen
        The variants.

    Returns
    -------
    list
        The folder of each variant's zoo.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> few = ZooParameters(batch_size=32)
    >>> size = StudyParameters(per_dataset=512, models_fit=2, models_validation=1)
    >>> usual, _ = variants_of_halves(PatchParameters(), few, size)
    >>> (zoo,) = train_variants(Results("mine", str(corpus), folder), [dataset("v:aer")], [usual])
    >>> zoo.name
    'usual'
    """
    folders = [_folder(results, variant) for variant in chosen]
    jobs = [job for variant in chosen for job in _jobs(results, datasets, variant)]
    side_by_side(make_dataset, jobs, "zoos of the study", "dataset")
    return folders


def _jobs(
    results: Results, datasets: Sequence[Dataset], variant: Variant
) -> list[tuple[Path, Dataset, PatchParameters, ZooParameters, Path]]:
    """Return what :func:`make_dataset` is called with for each dataset of a variant's zoo."""
    corpus, folder = results.corpus_folder, _folder(results, variant)
    return [
        (corpus, d, variant.patches, variant.zoo, folder / f"{d.slug}.safetensors")
        for d in datasets
    ]


def _folder(results: Results, variant: Variant) -> Path:
    return results.folder / "study" / variant.slug


def _of_study(
    patches: PatchParameters, zoo: ZooParameters, study: StudyParameters, epochs: int = 1
) -> tuple[PatchParameters, ZooParameters]:
    """Return a run's parameters at the size of the study."""
    small = replace(
        zoo,
        epochs=epochs,
        models_fit=study.models_fit,
        models_validation=study.models_validation,
        models_new=study.models_validation,
    )
    return replace(patches, per_dataset=study.per_dataset), small


def run_study(
    results: Results,
    datasets: Sequence[Dataset],
    chosen: Sequence[Variant],
    metanetwork: MetanetworkParameters,
    interpret: InterpretParameters,
) -> pd.DataFrame:
    """Run every variant, side by side; models that are there already are not trained again.

    Parameters
    ----------
    results
        The run.
    datasets
        Its datasets; those that train are studied.
    chosen
        The variants.
    metanetwork, interpret
        The meta level, the same for all variants; ``metanetwork.seeds`` says how often.

    Returns
    -------
    DataFrame
        The rows of :func:`metanet_lib.interpret.classifier.assess_all` for every task, and such
        rows for the representations of :data:`SIMPLE`, with the columns ``decision``, ``value``,
        ``usual`` (whether it is the run's own choice), and ``hub``, ``hub_share``, ``hub_norm``:
        the dataset that raw weights name most, its share of all neighbours (see
        :func:`metanet_lib.interpret.classifier.neighbours_by_dataset`), and the mean squared norm
        of its models' weights, relative to that of all.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> ids = ("v:aer", "a:air")
    >>> models = ZooParameters(models_fit=2, models_validation=1, training_datasets=ids)
    >>> chosen = variants(PatchParameters(), models, StudyParameters(per_dataset=512))[:2]
    >>> short = MetanetworkParameters(seeds=1, unitwise_epochs=1, interunit_epochs=1)
    >>> datasets, asked = [dataset(i) for i in ids], InterpretParameters(k=1)
    >>> rows = run_study(Results("mine", str(corpus)), datasets, chosen, short, asked)
    >>> rows.groupby("value").size().to_dict()  # two tasks, four representations
    {'dataset': 8, 'file': 8}
    """
    of_models: dict[str, list[Variant]] = {}
    for variant in chosen:
        of_models.setdefault(variant.slug, []).append(variant)
    longest_first = sorted(of_models.values(), key=lambda same: -same[0].patches.per_dataset)
    done = side_by_side(
        _run,
        [(results, datasets, same, metanetwork, interpret) for same in longest_first],
        "open decisions",
        "variant",
    )
    rows = {same[0].slug: tables for same, tables in zip(longest_first, done, strict=True)}
    tables = [rows[v.slug][v.interpret or interpret] for v in chosen]
    return pd.concat(
        [
            table.assign(decision=v.decision, value=v.value, usual=v.usual)
            for v, table in zip(chosen, tables, strict=True)
        ],
        ignore_index=True,
    )


def _run(
    results: Results,
    datasets: Sequence[Dataset],
    same: Sequence[Variant],
    metanetwork: MetanetworkParameters,
    interpret: InterpretParameters,
) -> dict[InterpretParameters, pd.DataFrame]:
    """Train what variants of the same models share, and assess each way to ask, in this process."""
    variant = same[0]
    training = [d for d in datasets if d.id in variant.zoo.training_datasets]
    for job in _jobs(results, training, variant):
        make_dataset(*job)
    fit, validation, new = load_zoo(_folder(results, variant), training)
    seeds = range(metanetwork.seed, metanetwork.seed + metanetwork.seeds)
    metanetworks = [train(fit.encoders, metanetwork, seed) for seed in seeds]
    hubs = neighbours_by_dataset(fit, validation, interpret)
    squared_norms = (fit.encoders**2).sum((1, 2))
    of_hub = squared_norms[fit.datasets == hubs.index[0]].mean() / squared_norms.mean()
    zoos = fit, validation, new
    views = {name: embedded(view.fit(fit.encoders), *zoos) for name, view in SIMPLE.items()}
    levels: tuple[Literal["modality", "dataset_id"], ...] = ("modality", "dataset_id")

    def assessed(ask: InterpretParameters) -> pd.DataFrame:
        simple = [
            assess(task, name, EMBEDDED, known, models, ask).row
            for task in asked(validation, new)
            for name, (known, *others) in views.items()
            for models in [asked(*others)[task]]
        ]
        tables = [assess_all(level, metanetworks, zoos, ask)[0] for level in levels]
        tables.append(pd.DataFrame(simple).assign(headline=True))
        return pd.concat(tables, ignore_index=True).assign(
            hub=hubs.index[0], hub_share=hubs.iloc[0], hub_norm=of_hub
        )

    return {ask: assessed(ask) for ask in {v.interpret or interpret for v in same}}
