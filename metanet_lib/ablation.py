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
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from metanet_lib.interpret import TASKS, InterpretParameters, assess
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
    """The sizes that chapter 06 tries, beside the run's own."""

    sizes: tuple[int, ...] = decision(
        (2, 4, 8, 16, 32, 64), "numbers for a model", "ours: powers of two about the paper's 16"
    )
    ks: tuple[int, ...] = decision(
        (1, 2, 3, 5, 10, 20, 50), "neighbours that vote", "ours: about the paper's 10"
    )
    models: tuple[int, ...] = decision(
        (5, 10, 25, 50, 100, 250), "models of each training dataset", "ours: up to the paper's 500"
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
        The meta-seed; none where nothing is random.
    usual
        Whether that is the run's own metanetwork, unchanged.
    representation
        The transformer; fitted here if it needs to be.
    k
        Neighbours that vote; none for the run's own.
    models
        Models of each dataset that fit; none for all.
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
    """
    datasets, counts = np.unique(fit.datasets, return_counts=True)
    enough = [m for m in sorted(sizes.models) if m * len(datasets) >= k]
    ks = [n for n in sorted({*sizes.ks, k}) if n <= len(fit)]
    return [
        *_parts(metanetworks),
        *_sortings(metanetworks),
        *_sizes(metanetworks, sizes.sizes),
        *_ks(metanetworks, ks, k),
        *_models(metanetworks, [m for m in enough if m < counts.max()]),
    ]


def _own(question: str, n: Metanetwork) -> Variant:
    return Variant(question, WHOLE, n.seed, True, MetaEncoder(n))


def _parts(metanetworks: Sequence[Metanetwork]) -> Iterator[Variant]:
    p = metanetworks[0].model.parameters_

    for n in metanetworks:
        yield _own("part", n)
        ordered = _ordered(n)
        yield Variant("part", "unit-wise, sorted", n.seed, False, ordered)
        pipeline = make_pipeline(ordered, PCA(p.embedding))
        yield Variant("part", "unit-wise, sorted, PCA", n.seed, False, pipeline)
    inter_unit = reduced(filters_by_norm, p.embedding)
    yield Variant("part", "filters by norm, PCA", None, False, inter_unit)
    for n in metanetworks:
        deep = DenseAutoencoder((p.dense, p.embedding), p, n.seed)
        pipeline = make_pipeline(RawWeights(), deep)
        yield Variant("part", "one autoencoder", n.seed, False, pipeline)
    yield Variant("part", "PCA", None, False, reduced(flat, p.embedding))
    for n in metanetworks:
        before = MetaEncoder(untrained(p, n.seed))
        yield Variant("part", "untrained metanetwork", n.seed, False, before)
    yield Variant("part", RAW, None, False, RawWeights())


def _sortings(metanetworks: Sequence[Metanetwork]) -> Iterator[Variant]:
    p = metanetworks[0].model.parameters_
    for sorting in ("none", "norm", *(f"axis {a + 1}" for a in range(p.filter_embedding))):
        for n in metanetworks:
            if sorting == _own_sorting(n):
                yield replace(_own("sorting", n), variant=sorting)
            else:
                again = make_pipeline(SortedFilters(n, sorting), _linear(n, p.embedding))
                yield Variant("sorting", sorting, n.seed, False, again)


def _sizes(metanetworks: Sequence[Metanetwork], sizes: Sequence[int]) -> Iterator[Variant]:
    own = metanetworks[0].model.parameters_.embedding
    for size in sorted({*sizes, own}):
        for n in metanetworks:
            if size == own:
                yield _own("size", n)
            else:
                again = make_pipeline(_ordered(n), _linear(n, size))
                yield Variant("size", WHOLE, n.seed, False, again)


def _ks(metanetworks: Sequence[Metanetwork], ks: Sequence[int], own: int) -> Iterator[Variant]:
    for k in ks:
        for n in metanetworks:
            yield replace(_own("k", n), usual=k == own, k=k)
        yield Variant("k", RAW, None, False, RawWeights(), k=k)


def _models(metanetworks: Sequence[Metanetwork], fewer: Sequence[int]) -> Iterator[Variant]:
    for models in (*fewer, None):
        for n in metanetworks:
            usual, anew = models is None, Anew(n.model.parameters_, n.seed)
            own = replace(_own("models that vote", n), usual=usual, models=models)
            yield own
            representation = own.representation if usual else anew
            yield replace(own, question="models in all", representation=representation)
        yield Variant("models that vote", RAW, None, False, RawWeights(), models=models)
    p = metanetworks[0].model.parameters_
    other = "linear" if p.embedding_activation == "relu" else "relu"
    for n in metanetworks:
        anew = Anew(replace(p, embedding_activation=other), n.seed)
        yield Variant("activation", other, n.seed, False, anew, models=max(fewer, default=None))


def _own_sorting(n: Metanetwork) -> str:
    return f"axis {n.model.parameters_.sort_axis + 1}"


def _ordered(n: Metanetwork) -> SortedFilters:
    return SortedFilters(n, _own_sorting(n))


def _linear(n: Metanetwork, size: int) -> DenseAutoencoder:
    return DenseAutoencoder((size,), n.model.parameters_, n.seed)


def run_ablations(
    chosen: Sequence[Variant], fit: Zoo, validation: Zoo, interpret: InterpretParameters
) -> pd.DataFrame:
    """Ask every variant both of the paper's questions, side by side.

    Returns
    -------
    DataFrame
        Two rows for each variant, one a task: ``question``, ``variant``, ``seed``, ``usual``,
        ``k``, ``models`` (of each dataset that fit), ``task``, ``accuracy``, ``n_correct``,
        ``n_validation``, ``ci_low``, ``ci_high``, ``embedding_dim``, ``n_fit``, and ``axes``, the
        axes in use where a metanetwork was trained.

    Raises
    ------
    ValueError
        If a variant has fewer models to fit on than neighbours to ask.
    """
    longest_first = sorted(chosen, key=lambda v: not isinstance(v.representation, Anew))
    done = side_by_side(
        ask,
        [(variant, fit, validation, interpret) for variant in longest_first],
        "what each part buys",
        "variant",
    )
    tables = {id(variant): table for variant, table in zip(longest_first, done, strict=True)}
    rows = [row for variant in chosen for row in tables[id(variant)]]
    return pd.DataFrame(rows).astype({"seed": "Int64", "axes": "Int64"})


def ask(
    variant: Variant, fit: Zoo, validation: Zoo, interpret: InterpretParameters
) -> list[dict[str, Any]]:
    """Return a variant's rows of :func:`run_ablations`; what it trains is trained once."""
    fit = first_models(fit, variant.models)
    fitted = variant.representation.fit(fit.encoders)
    axes = fitted.metanetwork_.axes_in_use(fit.encoders) if isinstance(fitted, Anew) else None
    fitted = FrozenEstimator(fitted)
    interpret = replace(interpret, k=variant.k or interpret.k)
    verdicts = (assess(t, variant.variant, fitted, fit, validation, interpret) for t in TASKS)
    names = ("task", "accuracy", "n_correct", "n_validation", "ci_low", "ci_high")
    return [
        {
            "question": variant.question,
            "variant": variant.variant,
            "seed": variant.seed,
            "usual": variant.usual,
            "k": interpret.k,
            "models": int(np.unique(fit.datasets, return_counts=True)[1].max()),
            **{name: verdict.row[name] for name in (*names, "embedding_dim", "n_fit")},
            "axes": axes,
        }
        for verdict in verdicts
    ]


def first_models(zoo: Zoo, models: int | None) -> Zoo:
    """Return the first so many models of each dataset, or all."""
    place = np.zeros(len(zoo), int)
    for dataset_id in set(zoo.datasets):
        of_dataset = zoo.datasets == dataset_id
        place[of_dataset] = np.arange(of_dataset.sum())
    keep = place < (len(zoo) if models is None else models)
    return Zoo(zoo.encoders[keep], zoo.datasets[keep])
