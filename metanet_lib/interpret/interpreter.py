"""What was this model trained on? The book's answer for models that somebody else trained.

An :class:`Interpreter` is made from the results of a run: its zoo and its metanetwork. It embeds a
model with the run's best meta-encoder and asks the ``k`` nearest models of the zoo, of those that
fit the meta level, what they were trained on (paper, section 4.4): the majority is the answer, and
how large it is tells how sure. In three lines::

    from metanet_lib.interpret import Interpreter
    for answer in Interpreter.of("results/quick").read("my_encoder.safetensors"):
        print(answer)

**Unlike anything seen.** A vote always names somebody, even if all that vote are far away. So the
distance to the k-th neighbour is compared with the same distance of the zoo's own models, each left
out in turn: a model farther from its k-th neighbour than :data:`USUAL` of them are lies outside of
what the zoo knows, and its votes mean little. The converse does not hold: whatever differs from the
zoo in a way that the embedding does not keep lies among its models all the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Self

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from metanet_lib import catalog
from metanet_lib.interpret.classifier import InterpretParameters
from metanet_lib.interpret.foreign import read_models
from metanet_lib.metanetwork import Metanetwork, best, load
from metanet_lib.store import Results
from metanet_lib.zoo import Shard, Zoo, checked_encoders

USUAL = 0.99
"""Share of the zoo's own models that count as usual in their distance to their neighbours."""
SAME_LOSS = 1e-4
"""Relative difference of reconstruction losses that rounding may explain."""


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
        Its numbers, ``[16]``.
    modality, dataset
        The predictions: the label with most votes, of equals the first by name.
    neighbours
        The ``k`` nearest models of the zoo that fit the meta level, nearest first: those that vote.
    usual_distance
        Within it, :data:`USUAL` of the zoo's own models have their k-th neighbour.

    Examples
    --------
    >>> numbers, k = np.tile(np.arange(8), 3), InterpretParameters(k=3)
    >>> interpreter = Interpreter(metanetwork, zoo, numbers, k)
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
    usual_distance: float

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
        """Whether the model lies farther from the zoo than usual, see the module's introduction."""
        return self.distance > self.usual_distance

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, for JSON.

        Keys: ``name``; ``modality`` and ``dataset``, the predictions; ``modality_votes`` and
        ``dataset_votes``, neighbours by label; ``neighbours``, nearest first, each with
        ``dataset``, ``model`` (its place in the dataset's shard) and ``distance``; ``distance``, to
        the last of them; ``usual_distance``; ``unlike_anything_seen``; ``embedding``.
        """
        return {
            "name": self.name,
            "modality": self.modality,
            "modality_votes": self.modality_votes,
            "dataset": self.dataset,
            "dataset_votes": self.dataset_votes,
            "neighbours": [vars(n) for n in self.neighbours],
            "distance": self.distance,
            "usual_distance": self.usual_distance,
            "unlike_anything_seen": self.unlike_anything_seen,
            "embedding": self.embedding.tolist(),
        }

    def __str__(self) -> str:
        k = len(self.neighbours)

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
            lines.append(
                f"  UNLIKE ANYTHING SEEN: neighbour {k} is {self.distance:.3g} away; of the zoo's "
                f"own models, {USUAL:.0%} have theirs within {self.usual_distance:.3g}. The votes "
                "mean little"
            )
        return "\n".join(lines)


class Interpreter:
    """The meta-classifier of a run, fitted, ready to answer for any model.

    Parameters
    ----------
    metanetwork
        The meta-autoencoder whose encoder is used.
    zoo
        The models that vote: those that fit the meta level.
    numbers
        Place of each of them in its dataset's shard, ``[m]``.
    parameters
        How to interpret.

    Raises
    ------
    ValueError
        If there are fewer models than neighbours to ask (each has to find ``k`` others), or if
        these are not the models that the metanetwork was trained on.

    Examples
    --------
    >>> np.save(folder / "mine.npy", encoders[:2])
    >>> numbers, k = np.tile(np.arange(8), 3), InterpretParameters(k=3)
    >>> answers = Interpreter(metanetwork, zoo, numbers, k).read(folder / "mine.npy")
    >>> len(answers), answers[0].embedding.shape
    (2, (16,))
    """

    def __init__(
        self,
        metanetwork: Metanetwork,
        zoo: Zoo,
        numbers: np.ndarray,
        parameters: InterpretParameters | None = None,
    ) -> None:
        self.parameters = parameters or InterpretParameters()
        self.metanetwork, self.zoo, self.numbers = metanetwork, zoo, numbers
        k, metric = self.parameters.k, self.parameters.metric
        if len(zoo) <= k:
            raise ValueError(f"k = {k} neighbours asked of {len(zoo)} models; expected more models")
        _require_trained_on(metanetwork, zoo)
        self.embeddings = metanetwork.embed(zoo.encoders)
        self._by_dataset = KNeighborsClassifier(k, metric=metric).fit(self.embeddings, zoo.datasets)
        self._by_modality = KNeighborsClassifier(k, metric=metric).fit(
            self.embeddings, zoo.modalities
        )
        left_out = self._by_dataset.kneighbors()[0][:, -1]
        self.usual_distance = float(np.quantile(left_out, USUAL))
        self.plane = PCA(2).fit(self.embeddings)

    @classmethod
    def of(cls, folder: Path | str, parameters: InterpretParameters | None = None) -> Self:
        """Read the zoo and the metanetwork of a run.

        Parameters
        ----------
        folder
            The results of a run, such as ``results/quick``.
        parameters
            How to interpret; the paper's way if not given.

        Raises
        ------
        FileNotFoundError
            If the folder holds no zoo, or no metanetwork.
        ValueError
            If they do not belong together, or if a file of theirs is damaged.
        """
        path = Path(folder).resolve()
        results = Results(path.name, root=path.parent)
        there = [d for d in catalog.DATASETS if results.shard(d.slug).is_file()]
        if not there or not results.metanetwork.is_file():
            missing = "metanetwork.safetensors" if there else "shards in zoo/"
            raise FileNotFoundError(
                f"{folder}: expected the results of a run, a zoo and its metanetwork, found no "
                f"{missing}; `make book PROFILE=quick` makes results/quick/, and so on"
            )
        shards = [Shard.load(results.shard(d.slug)) for d in there]
        metanetwork = best(load(results.metanetwork))
        encoders, datasets, numbers = [], [], []
        for shard in shards:
            fit = shard.encoder[: shard.models_fit].numpy()
            kept = np.flatnonzero(np.isfinite(fit).all((1, 2)))  # the others diverged
            encoders.append(fit[kept])
            datasets += [shard.dataset_id] * len(kept)
            numbers.append(kept)
        zoo = Zoo(np.concatenate(encoders), np.array(datasets))
        try:
            return cls(metanetwork, zoo, np.concatenate(numbers), parameters)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error

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
        embeddings = self.metanetwork.embed(encoders)
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
                usual_distance=self.usual_distance,
            )
            for i in range(len(encoders))
        ]


def _votes(labels: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(labels).items(), key=lambda vote: (-vote[1], vote[0])))


def _require_trained_on(metanetwork: Metanetwork, zoo: Zoo) -> None:
    """Require that the metanetwork was trained on these models: it knows its loss on its own."""
    found = metanetwork.reconstruction_loss(zoo.encoders)
    if not np.isclose(found, metanetwork.loss, rtol=SAME_LOSS, atol=0):
        raise ValueError(
            "expected a metanetwork trained on the models of this zoo, found one whose "
            f"reconstruction loss was {metanetwork.loss:.6g} on its own models and is {found:.6g} "
            "on these; `make book` makes both anew, for one another"
        )
