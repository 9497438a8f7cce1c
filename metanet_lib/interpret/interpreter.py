"""What was this model trained on? The book's answer for models that somebody else trained.

An :class:`Interpreter` is made from the results of a run: its zoo and a representation. It embeds a
model and asks the ``k`` nearest models of the zoo, of those that fit the meta level, what they were
trained on (paper, section 4.4): the majority is the answer, and how large it is tells how sure. In
three lines::

    from metanet_lib.interpret import Interpreter
    for answer in Interpreter.of("results/quick").read("my_encoder.safetensors"):
        print(answer)

**By which representation.** The functional code
(:mod:`metanet_lib.representations.functional`), unless another is asked for: the paper's, which is
the run's best metanetwork, or any transformer of encoders.

**Unlike anything seen.** A vote always names somebody, even if nobody who votes is like the model.
So a model is also compared with itself, its inputs shuffled
(:mod:`metanet_lib.interpret.familiar`): if the zoo knows no more of it than of that, but for what
chance explains, its votes mean little. The representation plays no part in it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from metanet_lib import catalog
from metanet_lib.interpret.classifier import InterpretParameters, percent
from metanet_lib.interpret.familiar import Familiarity
from metanet_lib.interpret.foreign import read_models
from metanet_lib.metanetwork import best, load
from metanet_lib.representations import MetaEncoder
from metanet_lib.representations.functional import FunctionalCode, digest
from metanet_lib.store import Results
from metanet_lib.zoo import Shard, Zoo, checked_encoders

STORED = {"functional": "the functional code", "paper": "the paper's metanetwork"}
"""Representations that a run's results hold, in words; the first answers if none is asked for."""
SAME_LOSS = 1e-4
"""Relative difference of losses that rounding may explain."""


@dataclass(frozen=True)
class Neighbour:
    """A model of the zoo: number ``model``, from 0, in the shard of its dataset, and how far.

    Examples
    --------
    >>> Neighbour("v:aer", 3, 0.5).dataset
    'v:aer'
    """

    dataset: str
    model: int
    distance: float


@dataclass(frozen=True)
class Answer:
    """What is said of one model.

    Attributes
    ----------
    name
        Where the model is from: a file, with the model's place in it if it holds several.
    encoder
        The model, float32 ``[256, 16]``.
    embedding
        Its numbers, ``[d]``.
    modality, dataset
        The predictions: the label with most votes, of equals the first by name.
    neighbours
        The ``k`` nearest models of the zoo that fit the meta level, nearest first: those that vote.
    more_than_shuffled
        How much more of its column space the zoo knows than of the same model's with its inputs
        shuffled, a share: see :class:`~metanet_lib.interpret.familiar.Familiarity`.
    by_chance
        So much more it may know by chance, a share too.

    Examples
    --------
    >>> numbers, k = np.tile(np.arange(8), 3), InterpretParameters(k=3)
    >>> interpreter = Interpreter(MetaEncoder(metanetwork), "paper", zoo, numbers, k)
    >>> answer = interpreter.interpret(encoders[:1], ["mine"])[0]
    >>> sum(answer.dataset_votes.values()), len(answer.neighbours)
    (3, 3)
    """

    name: str
    encoder: np.ndarray
    embedding: np.ndarray
    modality: str
    dataset: str
    neighbours: tuple[Neighbour, ...]
    more_than_shuffled: float
    by_chance: float

    @property
    def dataset_votes(self) -> dict[str, int]:
        """How many neighbours were trained on each dataset, the most frequent first."""
        return _votes(n.dataset for n in self.neighbours)

    @property
    def modality_votes(self) -> dict[str, int]:
        """How many neighbours were trained on each modality, the most frequent first."""
        return _votes(catalog.modalities(n.dataset for n in self.neighbours))

    @property
    def distance(self) -> float:
        """Distance to the k-th neighbour."""
        return self.neighbours[-1].distance

    @property
    def unlike_anything_seen(self) -> bool:
        """Whether the zoo knows nothing of the model, see the module's introduction."""
        return self.more_than_shuffled < self.by_chance

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, for JSON.

        Keys: ``name``; ``modality`` and ``dataset``, the predictions; ``modality_votes`` and
        ``dataset_votes``, neighbours by label; ``neighbours``, nearest first, each with
        ``dataset``, ``model`` (its place in the dataset's shard) and ``distance``; ``distance``, to
        the last of them; ``more_than_shuffled`` and ``by_chance``, shares of the column space;
        ``unlike_anything_seen``; ``embedding``.
        """
        return {
            "name": self.name,
            "modality": self.modality,
            "modality_votes": self.modality_votes,
            "dataset": self.dataset,
            "dataset_votes": self.dataset_votes,
            "neighbours": [vars(n) for n in self.neighbours],
            "distance": self.distance,
            "more_than_shuffled": self.more_than_shuffled,
            "by_chance": self.by_chance,
            "unlike_anything_seen": self.unlike_anything_seen,
            "embedding": self.embedding.tolist(),
        }

    def __str__(self) -> str:
        def wrapped(start: str, items: Iterable[str]) -> str:
            tied = ", ".join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
            text = fill(start + tied, 88, subsequent_indent=" " * 12, break_on_hyphens=False)
            return text.replace("\N{NO-BREAK SPACE}", " ")

        def voted(answer: str, votes: dict[str, int]) -> str:
            return wrapped(f"{answer}: ", (f"{label} {count}" for label, count in votes.items()))

        near = (f"{n.dataset}[{n.model}] {n.distance:.3g}" for n in self.neighbours)
        lines = [
            self.name,
            voted(f"  modality  {self.modality}, votes", self.modality_votes),
            voted(
                f"  dataset   {self.dataset}, {catalog.dataset(self.dataset).title}, votes",
                self.dataset_votes,
            ),
            wrapped("  nearest   ", near),
        ]
        if self.unlike_anything_seen:
            more = percent(self.more_than_shuffled, "+.2f")
            by_chance = percent(self.by_chance, "+.2f")
            lines.append(
                fill(
                    "  UNLIKE ANYTHING SEEN: that its inputs have this order hardly matters. The "
                    f"zoo knows {more} more of its column space than if they were shuffled, and "
                    f"chance explains {by_chance}. The votes mean little",
                    88,
                    subsequent_indent=" " * 4,
                )
            )
        return "\n".join(lines)


class Interpreter:
    """The meta-classifier of a run, fitted, ready to answer for any model.

    Parameters
    ----------
    representation
        A transformer of encoders ``[m, 256, 16]`` to embeddings ``[m, d]``, fitted.
    name
        What it is called.
    zoo
        The models that vote: those that fit the meta level.
    numbers
        Place of each of them in its dataset's shard, ``[m]``.
    parameters
        How to interpret.

    Raises
    ------
    ValueError
        If there are fewer models than neighbours to ask (each has to find ``k`` others), or too few
        to have something in common.

    Examples
    --------
    >>> np.save(folder / "mine.npy", encoders[:2])
    >>> numbers, k = np.tile(np.arange(8), 3), InterpretParameters(k=3)
    >>> interpreter = Interpreter(FunctionalCode().fit(encoders), "functional", zoo, numbers, k)
    >>> answers = interpreter.read(folder / "mine.npy")
    >>> len(answers), answers[0].embedding.shape
    (2, (16,))
    """

    def __init__(
        self,
        representation: TransformerMixin,
        name: str,
        zoo: Zoo,
        numbers: np.ndarray,
        parameters: InterpretParameters | None = None,
    ) -> None:
        self.parameters = parameters or InterpretParameters()
        self.representation, self.name = representation, name
        self.zoo, self.numbers = zoo, numbers
        k, metric = self.parameters.k, self.parameters.metric
        if len(zoo) <= k:
            raise ValueError(f"k = {k} neighbours asked of {len(zoo)} models; expected more models")
        self.familiarity = Familiarity().fit(zoo.encoders)
        self.embeddings = representation.transform(zoo.encoders)
        self._by_dataset = KNeighborsClassifier(k, metric=metric).fit(self.embeddings, zoo.datasets)
        self._by_modality = KNeighborsClassifier(k, metric=metric).fit(
            self.embeddings, zoo.modalities
        )
        self.plane = PCA(2).fit(self.embeddings)

    @classmethod
    def of(
        cls,
        folder: Path | str,
        parameters: InterpretParameters | None = None,
        representation: str | TransformerMixin = "functional",
        name: str | None = None,
    ) -> Self:
        """Read the zoo and a representation of a run.

        Parameters
        ----------
        folder
            The results of a run, such as ``results/quick``.
        parameters
            How to interpret; the paper's way if not given.
        representation
            ``functional``, the run's functional code; ``paper``, its best metanetwork; or a
            transformer of encoders, which is fitted here, to the models that vote and their
            datasets.
        name
            What such a transformer is called; as its class, if not given.

        Raises
        ------
        FileNotFoundError
            If the folder holds no zoo, or not the representation.
        ValueError
            If they do not belong together, if a file of theirs is damaged, or if no representation
            has this name.
        """
        return cls(*read_run(folder, representation, name), parameters)

    def read(
        self, path: Path | str, tensor: str | None = None, indices: Sequence[int] = ()
    ) -> list[Answer]:
        """Answer for the models of a file.

        Parameters and errors are those of :func:`~metanet_lib.interpret.foreign.read_models`.
        """
        models = read_models(path, tensor, indices)
        alone = len(models.shape) == 2
        names = [str(path) if alone else f"{path}[{i}]" for i in models.indices]
        return self.interpret(models.encoders, names)

    def interpret(self, encoders: np.ndarray, names: Sequence[str]) -> list[Answer]:
        """Answer for models.

        Parameters
        ----------
        encoders
            The models, ``[m, 256, 16]``.
        names
            What each is called, ``[m]``.

        Raises
        ------
        ValueError
            If the encoders have another shape.
        """
        encoders = checked_encoders(encoders).astype(np.float32, copy=False)
        if not len(encoders):
            return []
        embeddings = self.representation.transform(encoders)
        more, by_chance = self.familiarity.more(encoders)
        distances, places = self._by_dataset.kneighbors(embeddings)
        datasets = self._by_dataset.predict(embeddings)
        if self.parameters.modality_labels == "modality":
            modalities = self._by_modality.predict(embeddings)
        else:
            modalities = np.array(catalog.modalities(datasets))
        return [
            Answer(
                name=names[i],
                encoder=encoders[i],
                embedding=embeddings[i],
                modality=str(modalities[i]),
                dataset=str(datasets[i]),
                neighbours=tuple(
                    Neighbour(str(self.zoo.datasets[place]), int(self.numbers[place]), float(far))
                    for place, far in zip(places[i], distances[i], strict=True)
                ),
                more_than_shuffled=float(more[i]),
                by_chance=float(by_chance[i]),
            )
            for i in range(len(encoders))
        ]


def read_run(
    folder: Path | str,
    representation: str | TransformerMixin = "functional",
    name: str | None = None,
) -> tuple[TransformerMixin, str, Zoo, np.ndarray]:
    """Read the models of a run that fit the meta level, and a representation fitted to them.

    Parameters and errors are those of :meth:`Interpreter.of`, what is returned those of an
    :class:`Interpreter`: the representation, what it is called, the models, and the place of each
    in its dataset's shard.

    Examples
    --------
    >>> read_run(folder)
    Traceback (most recent call last):
    FileNotFoundError: ...: expected the results of a run, ...
    """
    results = Results.at(folder)
    if not results.trained:
        raise FileNotFoundError(_missing(folder, "shards in zoo/"))
    encoders, datasets, numbers = [], [], []
    for dataset in results.trained:
        shard = Shard.load(results.shard(dataset.slug))
        kept = np.flatnonzero(shard.whole[: shard.models_fit])
        encoders.append(shard.encoder.numpy()[kept])
        datasets += [shard.dataset_id] * len(kept)
        numbers.append(kept)
    zoo = Zoo(np.concatenate(encoders), np.array(datasets))
    try:
        if isinstance(representation, str):
            name, fitted = representation, _stored(representation, results, zoo, folder)
        else:
            name = name or type(representation).__name__
            fitted = representation.fit(zoo.encoders, zoo.datasets)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    return fitted, name, zoo, np.concatenate(numbers)


def _votes(labels: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(labels).items(), key=lambda vote: (-vote[1], vote[0])))


def _stored(name: str, results: Results, zoo: Zoo, folder: Path | str) -> TransformerMixin:
    """Read a representation of a run that was fitted to these models: it knows its loss on them."""
    if name == "functional":
        if not results.functional.is_file():
            other = "; `--representation paper` answers with the paper's metanetwork instead"
            raise FileNotFoundError(_missing(folder, results.functional.name) + other)
        code = FunctionalCode.load(results.functional)
        if code.fitted_to_ != digest(zoo.encoders):
            raise ValueError(_of_others("functional code", "models are others"))
        return code
    if name == "paper":
        if not results.metanetwork.is_file():
            raise FileNotFoundError(_missing(folder, results.metanetwork.name))
        metanetwork = best(load(results.metanetwork))
        own, here = metanetwork.loss, metanetwork.reconstruction_loss(zoo.encoders)
        if not np.isclose(here, own, rtol=SAME_LOSS, atol=0):
            found = (
                f"reconstruction loss was {own:.6g} on its own models and is {here:.6g} on these"
            )
            raise ValueError(_of_others("metanetwork", found))
        return MetaEncoder(metanetwork)
    raise ValueError(
        f"unknown representation {name!r}; expected {', '.join(STORED)}, or a transformer"
    )


def _missing(folder: Path | str, what: str) -> str:
    return (
        f"{folder}: expected the results of a run, its zoo and its representations, found no "
        f"{what}; `make book PROFILE=quick` makes results/quick/, and so on"
    )


def _of_others(what: str, found: str) -> str:
    return (
        f"expected a {what} trained on the models of this zoo, found one whose {found}; "
        "`make book` makes both anew, for one another"
    )
