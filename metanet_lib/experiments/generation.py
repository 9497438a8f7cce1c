"""From 16 numbers back to a model that works: how well it encodes, and whether it is new (5.4).

Every candidate is an encoder, whatever made it, and all are measured alike, on patches of files
that no model which fits or validates has seen (:func:`held_out`): by the two read-outs of
:mod:`metanet_lib.zoo.readout`. :func:`candidates` makes them, :func:`linear_errors` and
:func:`trained_errors` measure them, and :func:`made_for_each_other` asks whether what was made for
one dataset serves it best. :func:`novelty` asks whether made models are copies, and
:func:`read_again` for what other readers take them. :func:`way` goes from one dataset to
another, and :func:`from_few` to datasets that the meta level never met.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.base import TransformerMixin

from metanet_lib.catalog import Dataset, dataset
from metanet_lib.data.patches import PatchParameters, bank_of, files_of
from metanet_lib.experiments.beyond import basis, shared
from metanet_lib.interpret import Generator, InterpretParameters, meta_classifier
from metanet_lib.metanetwork import Metanetwork
from metanet_lib.parameters import Parameters, decision
from metanet_lib.representations.weights import AlignedWeights
from metanet_lib.zoo import (
    CODES,
    INPUTS,
    Moments,
    Zoo,
    ZooParameters,
    linear_error,
    train_readouts,
    trained_error,
)

Models = dict[str, np.ndarray]
"""Models ``[n, 256, 16]`` by the id of the dataset that they are for."""
ITSELF, MADE, SAMPLED = "the model itself", "decoded", "of a sampled code"
"""What trained models are called, those decoded from their codes, and those of sampled codes."""
DRAWN, MIXED = "drawn for the same code", "decoded, filters mixed"
"""What is made of the same codes with a random start, or decoded and then rotated."""
LINEARLY, BY_PAPER, RANDOM = "decoded linearly", "decoded by the paper's", "random weights"
"""Those of the functional code's own decoder and of the paper's, and untrained ones."""
ELSEWHERE, SAMPLED_ELSEWHERE = "decoded for another dataset", "sampled for another dataset"
"""Those of the codes of the next dataset of the same modality: good for it only if any code is."""
NO_CODE = "decoded of no code"
"""The one made after the whole zoo."""
NOISE = 0.5
"""Of the noise that is put on a model: its standard deviation beside that of the weights."""


@dataclass(frozen=True)
class GenerationParameters(Parameters):
    """The size of the questions about models that are made of codes.

    Examples
    --------
    >>> GenerationParameters().samples
    20
    """

    patches: int = decision(
        8_000,
        "held-out patches of each dataset that fit a read-out, and as many that measure it",
        "ours: of few files, more repeat themselves",
    )
    models: int = decision(8, "validation models of each dataset that are asked about", "ours")
    samples: int = decision(20, "models made of sampled codes for each dataset", "ours")
    steps: int = decision(
        2_000,
        "training steps of the zoo's own kind of read-out",
        "ours",
    )
    way: int = decision(9, "places on the way from one dataset to another", "ours")
    seed: int = decision(0, "of sampled codes, random starts and read-outs", "section 7")

    def __post_init__(self) -> None:
        self.require_positive("patches", "models", "samples", "steps")
        self.require(self.way >= 2, "way", "at least 2: both ends")


@dataclass(frozen=True)
class Held:
    """Patches of a dataset that measure encoders.

    Attributes
    ----------
    fitted, measured
        Those that fit a read-out, and those that measure it, float32 ``[n, 256]``.
    files
        From which files, in words.

    Examples
    --------
    >>> held = Held(np.ones((4, 256), np.float32), np.ones((4, 256), np.float32), "new files")
    >>> held.moments[0].mean.shape
    (256,)
    """

    fitted: np.ndarray
    measured: np.ndarray
    files: str

    @property
    def moments(self) -> tuple[Moments, Moments]:
        """Mean and covariance of both parts."""
        return Moments.of(self.fitted), Moments.of(self.measured)


def held_out(
    corpus: Path | str, datasets: Sequence[Dataset], patches: PatchParameters, n: int
) -> dict[str, Held]:
    """Draw patches of each dataset's new files; where it has too few, of other places of its files.

    Parameters
    ----------
    corpus
        The folder of the raw corpora.
    datasets
        The datasets.
    patches
        How patches are made, and files split.
    n
        Patches that fit a read-out, and as many that measure it.

    Examples
    --------
    >>> held = held_out(corpus, [dataset("a:cel")], PatchParameters(), n=8)["a:cel"]
    >>> held.fitted.shape, held.files  # of four files
    ((8, 256), 'other places of the same files')
    """
    drawn = {}
    for d in datasets:
        same, new = files_of(corpus, d, patches)
        other = replace(patches, per_dataset=2 * n, seed=patches.seed + 1)
        both = bank_of(corpus, d, new or same, other, threads=1).patches().numpy()
        where = "new files" if new else "other places of the same files"
        drawn[d.id] = Held(both[:n], both[n:], where)
    return drawn


def candidates(
    generator: Generator,
    paper: Metanetwork,
    fit: Zoo,
    validation: Zoo,
    held: Mapping[str, Held],
    p: GenerationParameters,
) -> dict[str, Models]:
    """Make all encoders that are compared, by what they are and for which dataset they are.

    Parameters
    ----------
    generator
        Makes models of the functional code.
    paper
        The paper's metanetwork.
    fit, validation
        The models that fit, and those that validate, of the same files.
    held
        Of the datasets asked about; each must have models that fit.
    p
        How many of each.

    Examples
    --------
    >>> from metanet_lib.representations.functional import FunctionalCode
    >>> generator = Generator(FunctionalCode(4).fit(encoders), zoo)
    >>> patches = np.random.default_rng(0).random((20, 256), np.float32)
    >>> held, few = {"v:aer": Held(patches, patches, "new")}, GenerationParameters(models=2)
    >>> made = candidates(generator, metanetwork, zoo, zoo, held, few)
    >>> made["decoded"]["v:aer"].shape
    (2, 256, 16)
    """
    made: dict[str, Models] = {}
    of_no_code = generator.decode_nothing()[None]
    for place, name in enumerate(held):
        own, others = validation.of([name]).encoders[: p.models], fit.of([name]).encoders
        rng = np.random.default_rng([p.seed, place])
        codes = generator.code.transform(own)
        aligned = AlignedWeights(seed=p.seed).fit(others)
        flat = aligned.transform(others).reshape(-1, INPUTS, CODES)
        nearest = np.argmin(np.linalg.norm(codes[:, None] - generator.codes[None], axis=2), axis=1)
        components = np.linalg.eigh(Moments.of(held[name].fitted).covariance)[1][:, -CODES:]
        decoded = generator.decode(codes)
        sampled = generator.sample(name, p.samples, p.seed + place)
        for kind, encoders in {
            ITSELF: own,
            MADE: decoded,
            DRAWN: generator.models(codes, p.seed + place),
            SAMPLED: generator.models(sampled, p.seed + place + len(held)),
            MIXED: _mixed(decoded, rng),
            LINEARLY: generator.code.inverse_transform(codes),
            BY_PAPER: paper.reconstruct(own),
            NO_CODE: of_no_code,
            "nearest model of the zoo": fit.encoders[nearest],
            "mean of aligned models": flat.mean(0, keepdims=True),
            "the model with noise": own + NOISE * own.std() * rng.normal(size=own.shape),
            "normal, weight by weight": rng.normal(flat.mean(0), flat.std(0), own.shape),
            "principal components of the patches": components[None],
            RANDOM: rng.normal(size=own.shape),
        }.items():
            made.setdefault(kind, {})[name] = encoders.astype(np.float32)
    for kind, of, same in (
        (ELSEWHERE, MADE, True),
        (SAMPLED_ELSEWHERE, SAMPLED, True),
        ("a model of another dataset", ITSELF, True),
        ("of the other modality", ITSELF, False),
    ):
        next_ones = {name: _next(name, list(held), same) for name in held}
        if all(next_ones.values()):
            made[kind] = {name: made[of][other] for name, other in next_ones.items()}
    return made


def _next(name: str, names: list[str], same: bool) -> str:
    """Return the next dataset after one, of the same modality or of the other; none if none is."""
    after = names.index(name) + 1
    of_kind = (
        other
        for other in (*names[after:], *names[: after - 1])
        if (dataset(other).modality == dataset(name).modality) == same
    )
    return next(of_kind, "")


def _mixed(encoders: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return encoders of the same spaces, their filters rotated at random."""
    rotations = np.linalg.qr(rng.normal(size=(len(encoders), CODES, CODES))).Q
    mixed: np.ndarray = encoders @ rotations
    return mixed


def linear_errors(made: Mapping[str, Models], held: Mapping[str, Held]) -> pd.DataFrame:
    """Measure candidates by the linear read-out: ``candidate``, ``dataset``, ``model``, ``error``.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((20, 256), np.float32)
    >>> held = {"v:aer": Held(patches, patches, "new files")}
    >>> linear_errors({"a": {"v:aer": encoders[:2]}}, held).columns.tolist()
    ['candidate', 'dataset', 'model', 'error']
    """
    rows = []
    for name, patches in held.items():
        moments = patches.moments
        for candidate, models in made.items():
            errors = linear_error(models[name], *moments)
            rows += [(candidate, name, i, error) for i, error in enumerate(errors)]
    return pd.DataFrame(rows, columns=["candidate", "dataset", "model", "error"])


def trained_errors(
    made: Mapping[str, Models],
    held: Mapping[str, Held],
    zoo: ZooParameters,
    p: GenerationParameters,
) -> pd.DataFrame:
    """Measure the first of each candidate by the zoo's kind of read-out; columns as linear ones.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((20, 256), np.float32)
    >>> held, few = {"v:aer": Held(patches, patches, "new")}, GenerationParameters(steps=2)
    >>> len(trained_errors({"a": {"v:aer": encoders}}, held, ZooParameters(batch_size=4), few))
    1
    """
    rows = []
    for name, patches in held.items():
        first = np.stack([models[name][0] for models in made.values()])
        small = replace(zoo, batch_size=min(zoo.batch_size, len(patches.fitted)))
        stack = train_readouts(first, torch.from_numpy(patches.fitted), small, p.steps, p.seed)
        errors = trained_error(stack, torch.from_numpy(patches.measured), zoo.batch_norm_epsilon)
        rows += [(kind, name, 0, error) for kind, error in zip(made, errors, strict=True)]
    return pd.DataFrame(rows, columns=["candidate", "dataset", "model", "error"])


def beside_fresh(errors: pd.DataFrame) -> pd.DataFrame:
    """Return how many times the error of trained models each candidate has, dataset by dataset.

    Parameters
    ----------
    errors
        Of :func:`linear_errors` or :func:`trained_errors`.

    Returns
    -------
    DataFrame
        A row for each dataset, a column for each candidate: the median over models, divided by
        that of the dataset's trained models.

    Examples
    --------
    >>> rows = [("the model itself", "v:aer", 0, 0.1), ("decoded", "v:aer", 0, 0.11)]
    >>> errors = pd.DataFrame(rows, columns=["candidate", "dataset", "model", "error"])
    >>> beside_fresh(errors)["decoded"].round(2).tolist()
    [1.1]
    """
    medians = errors.groupby(["dataset", "candidate"], sort=False).error.median().unstack()
    return medians.div(medians[ITSELF], axis=0)[list(dict.fromkeys(errors.candidate))]


def made_for_each_other(models: Models, held: Mapping[str, Held]) -> pd.DataFrame:
    """Measure the models for each dataset on every dataset, by the linear read-out.

    Returns
    -------
    DataFrame
        A row for the dataset that models are for, a column for that which measures them: the
        median error, as many times the least of its column.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> patches = {i: rng.random((20, 256), np.float32) for i in ("v:aer", "a:air")}
    >>> held = {name: Held(p, p, "new files") for name, p in patches.items()}
    >>> made_for_each_other({name: encoders[:2] for name in held}, held).shape
    (2, 2)
    """
    errors = {
        name: {own: float(np.median(linear_error(models[own], *moments))) for own in held}
        for name, patches in held.items()
        for moments in [patches.moments]
    }
    table = pd.DataFrame(errors)
    return table / table.min()


def novelty(made: Mapping[str, Models], fit: Zoo) -> pd.DataFrame:
    """Measure how far models are from the nearest model of their dataset that fits.

    Returns
    -------
    DataFrame
        For each candidate, dataset and model: ``function``, the share of its column space that the
        nearest lacks, and ``weights``, the distance of filters of length 1 in the order that
        matches best, 0 to the root of 2.

    Examples
    --------
    >>> novelty({"a copy": {"v:aer": encoders[:1]}}, zoo)[["function", "weights"]].round(3).values
    array([[0., 0.]])
    """
    rows = []
    for name in dict.fromkeys(name for models in made.values() for name in models):
        zoo = fit.of([name]).encoders
        spaces, filters = basis(zoo), _of_length_one(zoo)
        for candidate, models in made.items():
            encoders = models.get(name, zoo[:0])
            own = zip(basis(encoders), _of_length_one(encoders), strict=True)
            for i, (space, one) in enumerate(own):
                kept = shared(space, spaces).max()
                rows.append((candidate, name, i, 1 - kept, _apart(one, filters).min()))
    return pd.DataFrame(rows, columns=["candidate", "dataset", "model", "function", "weights"])


def _of_length_one(encoders: np.ndarray) -> np.ndarray:
    filters: np.ndarray = encoders / np.linalg.norm(encoders, axis=-2, keepdims=True)
    return filters


def _apart(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return distances ``[m]`` of filters of length 1, each up to its sign, matched best."""
    likeness = np.abs(one.T @ others)
    best = [each[linear_sum_assignment(each, maximize=True)].mean() for each in likeness]
    apart: np.ndarray = np.sqrt(np.clip(2 - 2 * np.array(best), 0, None))
    return apart


def read_again(
    readers: Mapping[str, TransformerMixin],
    made: Mapping[str, Models],
    fit: Zoo,
    interpret: InterpretParameters,
) -> pd.DataFrame:
    """Ask readers, fitted on the models that fit, for the dataset of others.

    Returns
    -------
    DataFrame
        ``reader``, ``candidate`` and the ``share`` that is taken for the right dataset, of ``n``.

    Examples
    --------
    >>> from metanet_lib.representations import RawWeights
    >>> own = {"v:aer": encoders[:2]}
    >>> read_again({"raw": RawWeights()}, {"own": own}, zoo, InterpretParameters(k=1)).share[0]
    np.float64(1.0)
    """
    rows = []
    for reader, representation in readers.items():
        classifier = meta_classifier(representation, interpret).fit(fit.encoders, fit.datasets)
        for candidate, models in made.items():
            told = np.concatenate([classifier.predict(e) == name for name, e in models.items()])
            rows.append((reader, candidate, told.mean(), len(told)))
    return pd.DataFrame(rows, columns=["reader", "candidate", "share", "n"])


def way(
    generator: Generator,
    fit: Zoo,
    held: Mapping[str, Held],
    ends: tuple[str, str],
    p: GenerationParameters,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Go from one dataset's code to another's, and measure what is decoded on both.

    Parameters
    ----------
    generator
        Makes models.
    fit
        The models that fit: of each end's the first is interpolated, its filters aligned.
    held
        Of both ends.
    ends
        Their ids.
    p
        How many places.

    Returns
    -------
    (DataFrame, ndarray)
        ``share`` of the way, ``dataset`` that measures, ``by`` (``codes``, ``codes, linearly`` or
        ``aligned weights``) and ``error``; and the models decoded on the way, ``[way, 256, 16]``.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((20, 256), np.float32)
    >>> held = {name: Held(patches, patches, "new files") for name in ("v:aer", "a:air")}
    >>> from metanet_lib.representations.functional import FunctionalCode
    >>> generator = Generator(FunctionalCode(4).fit(encoders), zoo)
    >>> few = GenerationParameters(way=3)
    >>> rows, models = way(generator, zoo, held, ("v:aer", "a:air"), few)
    >>> len(rows), models.shape
    (18, (3, 256, 16))
    """
    shares = np.linspace(0, 1, p.way)
    codes = np.stack([generator.between(*ends, share) for share in shares])
    decoded = generator.decode(codes)
    first, last = (fit.of([end]).encoders[0] for end in ends)
    order = linear_sum_assignment(first.T @ last, maximize=True)[1]
    mixed = np.stack([(1 - share) * first + share * last[:, order] for share in shares])
    rows = [
        (share, end, by, error)
        for by, models in {
            "codes": decoded,
            "codes, linearly": generator.code.inverse_transform(codes),
            "aligned weights": mixed,
        }.items()
        for end in ends
        for share, error in zip(shares, linear_error(models, *held[end].moments), strict=True)
    ]
    return pd.DataFrame(rows, columns=["share", "dataset", "by", "error"]), decoded


def from_few(
    generator: Generator,
    validation: Zoo,
    held: Mapping[str, Held],
    counts: Sequence[int],
    p: GenerationParameters,
) -> pd.DataFrame:
    """Decode models for datasets that the meta level never met, of the mean code of a few models.

    Parameters
    ----------
    generator
        Makes models.
    validation
        Models of these datasets: the first give the code, all tell what trained models do.
    held
        Of these datasets.
    counts
        How many models give a code; a dataset of fewer is not asked about.
    p
        How many random models show what random ones do.

    Returns
    -------
    DataFrame
        ``dataset``, ``models`` that gave the code, ``error`` of the decoded model, and the medians
        of the dataset's trained models (``fresh``) and of random ones (``random``).

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((20, 256), np.float32)
    >>> held, few = {"v:aer": Held(patches, patches, "new files")}, GenerationParameters(models=2)
    >>> from metanet_lib.representations.functional import FunctionalCode
    >>> generator = Generator(FunctionalCode(4).fit(encoders), zoo)
    >>> from_few(generator, zoo, held, (1, 2), few).models.tolist()
    [1, 2]
    """
    rows = []
    rng = np.random.default_rng(p.seed)
    for name, patches in held.items():
        own, moments = validation.of([name]).encoders, patches.moments
        codes = generator.code.transform(own)
        random = rng.normal(size=(p.models, INPUTS, CODES))
        fresh, untrained = (np.median(linear_error(e, *moments)) for e in (own, random))
        for count in (c for c in counts if c <= len(own)):
            decoded = generator.decode(codes[:count].mean(0, keepdims=True))
            error = linear_error(decoded, *moments)[0]
            rows.append((name, count, error, fresh, untrained))
    return pd.DataFrame(rows, columns=["dataset", "models", "error", "fresh", "random"])
