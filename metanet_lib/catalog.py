"""The 41 datasets of the paper (section 4.2).

A *dataset* is one class of photographs or one class of sounds. Its id is ``v:`` (vision) or ``a:``
(audio) and the first three letters of its name: ``v:aer``, ``a:air``, ``a:cel``. Twenty datasets
*train* the meta level; the models of the other twenty-one are *unseen* until they are validated on.

The paper does not say which 10 + 5 + 5 datasets train. We take the first of each corpus, in the
corpus's own order (alphabetical for Pascal VOC and IRMAS, by class number for UrbanSound8K, which
is alphabetical too); a run chooses others with ``ZooParameters.training_datasets``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Modality = Literal["vision", "audio"]
Role = Literal["trains", "unseen"]

MODALITIES: tuple[Modality, ...] = ("vision", "audio")


@dataclass(frozen=True)
class Dataset:
    """One of the 41 datasets.

    Attributes
    ----------
    id
        The paper's short name, such as ``v:aer``.
    name
        The class as its corpus spells it: ``aeroplane``, ``air_conditioner``, ``cel``.
    title
        The class in plain words, for captions: ``aeroplane``, ``air conditioner``, ``cello``.
    modality
        ``vision`` or ``audio``.
    corpus
        ``voc``, ``urbansound8k`` or ``irmas``: the module of :mod:`metanet_lib.data.corpora` that
        reads it.
    role
        ``trains`` or ``unseen``: the default choice of the 20 training datasets.

    Examples
    --------
    >>> DATASETS[0].id, DATASETS[0].title, DATASETS[0].slug
    ('v:aer', 'aeroplane', 'v-aer')
    """

    id: str
    name: str
    title: str
    modality: Modality
    corpus: str
    role: Role

    @property
    def slug(self) -> str:
        """The id as it stands in file names: ``v-aer``."""
        return self.id.replace(":", "-")


_VOC = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
_URBANSOUND8K = [
    "air_conditioner",
    "car_horn",
    "children_playing",
    "dog_bark",
    "drilling",
    "engine_idling",
    "gun_shot",
    "jackhammer",
    "siren",
    "street_music",
]
_IRMAS = {
    "cel": "cello",
    "cla": "clarinet",
    "flu": "flute",
    "gac": "acoustic guitar",
    "gel": "electric guitar",
    "org": "organ",
    "pia": "piano",
    "sax": "saxophone",
    "tru": "trumpet",
    "vio": "violin",
    "voi": "singing voice",
}
_VOC_TITLES = {
    "diningtable": "dining table",
    "pottedplant": "potted plant",
    "tvmonitor": "TV monitor",
}


def _datasets(
    corpus: str, modality: Modality, titles: dict[str, str], training: int
) -> list[Dataset]:
    return [
        Dataset(
            f"{modality[0]}:{name[:3]}",
            name,
            title,
            modality,
            corpus,
            "trains" if position < training else "unseen",
        )
        for position, (name, title) in enumerate(titles.items())
    ]


DATASETS: tuple[Dataset, ...] = (
    *_datasets("voc", "vision", {n: _VOC_TITLES.get(n, n) for n in _VOC}, 10),
    *_datasets("urbansound8k", "audio", {n: n.replace("_", " ") for n in _URBANSOUND8K}, 5),
    *_datasets("irmas", "audio", _IRMAS, 5),
)
"""The 41 datasets: vision first, each corpus in its own order."""

TRAINING_IDS: tuple[str, ...] = tuple(d.id for d in DATASETS if d.role == "trains")
"""Ids of the 20 datasets that train the meta level by default."""

_BY_ID = {d.id: d for d in DATASETS}


def dataset(dataset_id: str) -> Dataset:
    """Return the dataset with this id.

    Raises
    ------
    ValueError
        If no dataset has this id; the message lists those there are.

    Examples
    --------
    >>> dataset("a:cel").title
    'cello'
    >>> dataset("v:unicorn")
    Traceback (most recent call last):
    ValueError: unknown dataset 'v:unicorn'; the 41 datasets are v:aer, ...
    """
    try:
        return _BY_ID[dataset_id]
    except KeyError:
        raise ValueError(
            f"unknown dataset {dataset_id!r}; the 41 datasets are {', '.join(_BY_ID)}"
        ) from None


def modalities(ids: Iterable[str]) -> list[Modality]:
    """Return the modality of each dataset id.

    Examples
    --------
    >>> modalities(["v:aer", "a:air"])
    ['vision', 'audio']
    """
    return [dataset(i).modality for i in ids]
