"""What does each part of the method buy? The paper's experiment with a part taken out or resized.

A *variant* is a representation that lacks a part of the meta-encoder, has another in its place, or
has another size. Each is asked the paper's two questions by the paper's meta-classifier, so that
its accuracies stand beside the metanetwork's own. :func:`variants` lists them by question:

``part``
    the unit-wise part alone, the inter-unit part alone, one autoencoder for the whole matrix
``sorting``
    filters left in the order they came, sorted by their norm, or on each axis
``size``
    more numbers for a model, or fewer
``k``
    more neighbours that vote, or fewer
``models that vote``, ``models in all``
    fewer models of each dataset, for the vote alone, or for training the metanetwork too
``activation``
    the other function after a filter's three numbers, with as many models as the largest of these

What is there is not trained again. Variants of what follows the unit-wise part (``sorting``,
``size``, most of ``part``) share the trained unit-wise parts of the run's metanetworks; only
``models in all`` trains whole metanetworks. Every variant with randomness has a row for every seed.

Conventions: encoders ``[m, 256, 16]``, float32.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from metanet_lib.interpret import EMBEDDED, InterpretParameters, asked, assess, embedded
from metanet_lib.metanetwork import Metanetwork
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.representations.parts import (
    Anew,
    DenseAutoencoder,
    SortedFilters,
    filters_by_norm,
    untrained,
)
from metanet_lib.representations.weights import flat, reduced
from metanet_lib.workers import side_by_side
from metanet_lib.zoo import Zoo

WHOLE, RAW = "metanetwork", "raw weights"
"""The paper's two representations, as the tables name them."""


@dataclass(frozen=True)
class AblationParameters(Parameters):
    """The sizes that the chapter on parts tries, beside the run's own.

    Examples
    --------
    >>> AblationParameters().ks
    (1, 2, 3, 5, 10, 20, 50)
    """

    sizes: tuple[int, ...] = decision(
        (2, 4, 8, 16, 32, 64), "numbers for a model", "ours: powers of two about the paper's 16"
    )
    ks: tuple[int, ...] = decision(
        (1, 2, 3, 5, 10, 20, 50), "neighbours that vote", "ours: about the paper's 10"
    )
    models: tuple[int, ...] = decision(
        (5, 10, 25, 50, 100),
        "models of each training dataset",
        "ours: up to a fifth of the paper's 500; more costs as much as the run's own training",
    )

    def __post_init__(self) -> None:
        for name in ("sizes", "ks", "models"):
            values = getattr(self, name)
            self.require(bool(values) and min(values) > 0, name, "positive whole numbers")


@dataclass(frozen=True)
class Variant:
    """A representation to be asked the paper's questions.

    Attributes
    ----------
    question, variant
        Which part it asks about, and what it does about it, in words.
    seed
        Of the metanetwork; none where nothing is random.
    usual
        Whether that is the run's own metanetwork, unchanged.
    representation
        The transformer; fitted here if it needs to be.
    k
        Neighbours that vote; none for the run's own.
    models
        Models of each dataset that fit; none for all.

    Examples
    --------
    >>> Variant("none of it", "raw weights", None, False, RawWeights()).k is None
    True
    """

    question: str
    variant: str
    seed: int | None
    usual: bool
    representation: TransformerMixin
    k: int | None = None
    models: int | None = None


def variants(
    metanetworks: Sequence[Metanetwork], fit: Zoo, sizes: AblationParameters, k: int
) -> list[Variant]:
    """Return every variant, question by question, the run's own among them.

    Parameters
    ----------
    metanetworks
        The run's, one for each seed.
    fit
        The models that fit the meta level.
    sizes
        What to try; more neighbours, or models, than there are are left out.
    k
        The run's own number of neighbours.

    Examples
    --------
    >>> chosen = variants([metanetwork], zoo, AblationParameters(), k=3)
    >>> chosen[0].seed, any(variant.usual for variant in chosen)
    (0, True)
    """
    datasets, counts = np.unique(fit.datasets, return_counts=True)
    fewer = [m for m in sorted(sizes.models) if m * len(datasets) >= k and m < counts.max()]
    ks = [n for n in sorted({*sizes.ks, k}) if n <= len(fit)]
    own, raw = [MetaEncoder(n) for n in metanetworks], RawWeights()
    return [
        *_parts(own, raw),
        *_sortings(own),
        *_sizes(own, sizes.sizes),
        *_ks(own, raw, ks, k),
        *_models(own, raw, fewer),
    ]


def _of(question: str, name: str, own: MetaEncoder, instead: Any = None) -> Variant:
    """Return a variant of one seed: the run's own metanetwork, or what stands in its place."""
    return Variant(question, name, own.metanetwork.seed, instead is None, instead or own)


def _parts(own: Sequence[MetaEncoder], raw: RawWeights) -> Iterator[Variant]:
    p = own[0].metanetwork.model.parameters_
    yield from (_of("part", WHOLE, o) for o in own)
    yield from (_of("part", "unit-wise, sorted", o, _ordered(o)) for o in own)
    for o in own:
        pca = make_pipeline(_ordered(o), PCA(p.embedding))
        yield _of("part", "unit-wise, sorted, PCA", o, pca)
    inter_unit = reduced(filters_by_norm, p.embedding)
    yield Variant("part", "filters by norm, PCA", None, False, inter_unit)
    for o in own:
        deep = DenseAutoencoder((p.dense, p.embedding), p, o.metanetwork.seed)
        yield _of("part", "one autoencoder", o, make_pipeline(RawWeights(), deep))
    yield Variant("part", "PCA", None, False, reduced(flat, p.embedding))
    for o in own:
        start = MetaEncoder(untrained(p, o.metanetwork.seed))
        yield _of("part", "untrained metanetwork", o, start)
    yield Variant("part", RAW, None, False, raw)


def _sortings(own: Sequence[MetaEncoder]) -> Iterator[Variant]:
    p = own[0].metanetwork.model.parameters_
    for name in ("none", "norm", *(f"axis {a + 1}" for a in range(p.filter_embedding))):
        for o in own:
            another = make_pipeline(SortedFilters(o.metanetwork, name), _linear(o, p.embedding))
            yield _of("sorting", name, o, None if name == _own_sorting(o) else another)


def _sizes(own: Sequence[MetaEncoder], sizes: Sequence[int]) -> Iterator[Variant]:
    of_run = own[0].metanetwork.model.parameters_.embedding
    for size in sorted({*sizes, of_run}):
        for o in own:
            another = make_pipeline(_ordered(o), _linear(o, size))
            yield _of("size", WHOLE, o, None if size == of_run else another)


def _ks(
    own: Sequence[MetaEncoder], raw: RawWeights, ks: Sequence[int], of_run: int
) -> Iterator[Variant]:
    for k in ks:
        yield from (replace(_of("k", WHOLE, o), usual=k == of_run, k=k) for o in own)
        yield Variant("k", RAW, None, False, raw, k=k)


def _models(own: Sequence[MetaEncoder], raw: RawWeights, fewer: Sequence[int]) -> Iterator[Variant]:
    p = own[0].metanetwork.model.parameters_
    for m in fewer:
        for o in own:
            yield replace(_of("models that vote", WHOLE, o), usual=False, models=m)
            anew = Anew(p, o.metanetwork.seed)
            yield replace(_of("models in all", WHOLE, o, anew), models=m)
        yield Variant("models that vote", RAW, None, False, raw, models=m)
    for question in ("models that vote", "models in all"):
        yield from (_of(question, WHOLE, o) for o in own)
    yield Variant("models that vote", RAW, None, False, raw)
    other = "linear" if p.embedding_activation == "relu" else "relu"
    for o in own:
        anew = Anew(replace(p, embedding_activation=other), o.metanetwork.seed)
        yield replace(_of("activation", other, o, anew), models=max(fewer, default=None))


def _own_sorting(own: MetaEncoder) -> str:
    return f"axis {own.metanetwork.model.parameters_.sort_axis + 1}"


def _ordered(own: MetaEncoder) -> SortedFilters:
    return SortedFilters(own.metanetwork, _own_sorting(own))


def _linear(own: MetaEncoder, size: int) -> DenseAutoencoder:
    return DenseAutoencoder((size,), own.metanetwork.model.parameters_, own.metanetwork.seed)


# --- The experiment ---------------------------------------------------------------------------


def run_ablations(
    chosen: Sequence[Variant], zoos: tuple[Zoo, Zoo, Zoo], interpret: InterpretParameters
) -> pd.DataFrame:
    """Ask every variant both of the paper's questions, of same and of new files, side by side.

    Variants that share a representation (a metanetwork, with another k) embed the models once.
    ``zoos`` are those of :func:`~metanet_lib.zoo.shard.load_zoo`.

    Returns
    -------
    DataFrame
        A row for each variant and task: ``question``, ``variant``, ``seed``, ``usual``,
        ``k``, ``models`` (of each dataset that fit), ``task``, ``accuracy``, ``n_correct``,
        ``n_validation``, ``ci_low``, ``ci_high``, ``bootstrap_low``, ``bootstrap_high``,
        ``embedding_dim``, ``n_fit``, ``by_dataset`` (right answers of how many, as in
        :attr:`metanet_lib.interpret.classifier.Verdict.by_dataset`), and ``axes_in_use`` where a
        metanetwork was trained.

    Raises
    ------
    ValueError
        If a variant has fewer models to fit on than neighbours to ask.

    Examples
    --------
    >>> chosen = [Variant("none of it", "raw weights", None, False, RawWeights())]
    >>> list(run_ablations(chosen, (zoo, zoo, zoo.of([])), InterpretParameters(k=3))["task"])
    ['modality', 'dataset_id']
    """
    groups: dict[int, list[Variant]] = {}
    for variant in chosen:
        groups.setdefault(id(variant.representation), []).append(variant)
    longest_first = sorted(
        groups.values(), key=lambda group: not isinstance(group[0].representation, Anew)
    )
    done = side_by_side(
        ask,
        [(group, zoos, interpret) for group in longest_first],
        "what each part buys",
        "representation",
    )
    answers: dict[int, list[dict[str, Any]]] = {}
    for group, rows in zip(longest_first, done, strict=True):
        answers |= {id(variant): two for variant, two in zip(group, rows, strict=True)}
    table = pd.DataFrame([row for variant in chosen for row in answers[id(variant)]])
    return table.astype({"seed": "Int64", "axes_in_use": "Int64"})


def ask(
    chosen: Sequence[Variant], zoos: tuple[Zoo, Zoo, Zoo], interpret: InterpretParameters
) -> list[list[dict[str, Any]]]:
    """Return the rows of :func:`run_ablations` of variants that share a representation.

    Examples
    --------
    >>> chosen = [Variant("none of it", "raw weights", None, False, RawWeights())]
    >>> (rows,) = ask(chosen, (zoo, zoo, zoo.of([])), InterpretParameters(k=3))
    >>> [row["task"] for row in rows]
    ['modality', 'dataset_id']
    """
    representation, fit = chosen[0].representation, zoos[0]
    representation.fit(first_models(fit, chosen[0].models).encoders)
    known, validation, new = embedded(representation, *zoos)
    axes = None
    if isinstance(representation, Anew):
        axes = representation.metanetwork_.axes_in_use(fit.encoders)
    names = ("task", "accuracy", "n_correct", "n_validation", "ci_low", "ci_high")
    more = ("bootstrap_low", "bootstrap_high", "embedding_dim", "n_fit")
    answers = []
    for variant in chosen:
        voting = first_models(known, variant.models)
        with_k = replace(interpret, k=variant.k or interpret.k)
        verdicts = [
            assess(task, variant.variant, EMBEDDED, voting, models, with_k)
            for task, models in asked(validation, new).items()
        ]
        told = {
            "question": variant.question,
            "variant": variant.variant,
            "seed": variant.seed,
            "usual": variant.usual,
            "k": with_k.k,
            "models": int(np.unique(voting.datasets, return_counts=True)[1].max()),
        }
        answers.append(
            [
                {
                    **told,
                    **{n: v.row[n] for n in (*names, *more)},
                    "by_dataset": v.by_dataset,
                    "axes_in_use": axes,
                }
                for v in verdicts
            ]
        )
    return answers


def first_models(zoo: Zoo, models: int | None) -> Zoo:
    """Return the first so many models of each dataset, or all.

    Examples
    --------
    >>> len(first_models(zoo, 2))
    6
    """
    place = np.zeros(len(zoo), int)
    for dataset_id in set(zoo.datasets):
        of_dataset = zoo.datasets == dataset_id
        place[of_dataset] = np.arange(of_dataset.sum())
    keep = place < (len(zoo) if models is None else models)
    return Zoo(zoo.encoders[keep], zoo.datasets[keep])
