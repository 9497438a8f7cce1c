"""Raw corpora: where the photographs and recordings of a dataset lie, and how they are read.

A corpus lies in one folder, unpacked as its authors packed it::

    VOCdevkit/VOC2012/{JPEGImages,ImageSets/Main}      Pascal VOC, or VOC2007 (module ``voc``)
    UrbanSound8K/{audio,metadata}                      UrbanSound8K (module ``urbansound8k``)
    IRMAS-TrainingData/<code>                          IRMAS, also within IRMAS/ (module ``irmas``)

:func:`files` lists the files of a dataset, always in the same order; :func:`~reading.read_image`
gives a photograph as uint8 ``[height, width]``, :func:`~reading.read_waveform` a recording as
float32 ``[n]`` and its sample rate (``reading``). A file that is missing or broken is an
:class:`UnusableFile`, and the rest of its dataset is still used; a broken listing is a
:class:`CorpusError`. The corpora are got from their authors (``fetch``); ``demo`` writes a
synthetic one in the same layouts.
"""

from collections import defaultdict
from pathlib import Path

from metanet_lib.catalog import DATASETS, Dataset
from metanet_lib.data.corpora import irmas, urbansound8k, voc
from metanet_lib.data.corpora.reading import (
    CorpusError,
    Source,
    UnusableFile,
    Waveform,
    image_size,
    read_image,
    read_waveform,
    waveform_size,
)

__all__ = [
    "CorpusError",
    "Source",
    "UnusableFile",
    "Waveform",
    "check_choice",
    "chosen",
    "files",
    "image_size",
    "read_image",
    "read_waveform",
    "waveform_size",
]


def files(
    root: Path | str,
    dataset: Dataset,
    voc_split: str = "trainval",
    voc_difficult: bool = False,
    voc_region: str = "image",
) -> list[Source]:
    """List the files of a dataset, in the order in which its corpus lists them.

    A file that is listed but does not exist is among them, with its problem.

    Parameters
    ----------
    root
        The folder of the raw corpora.
    dataset
        One of :data:`metanet_lib.catalog.DATASETS`.
    voc_split, voc_difficult, voc_region
        Which photographs of Pascal VOC count, see :func:`metanet_lib.data.corpora.voc.files`.

    Raises
    ------
    CorpusError
        If a folder, table or listing is missing or broken.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> sources = files(corpus, dataset("a:cel"))
    >>> len(sources), sources[0].path.parent.name, sources[0].problem
    (4, 'cel', None)
    """
    root = Path(root)
    if dataset.corpus == "voc":
        return voc.files(root, dataset.name, voc_split, voc_difficult, voc_region)
    if dataset.corpus == "urbansound8k":
        return urbansound8k.files(root, dataset.name)
    return irmas.files(root, dataset.name)


def chosen(root: Path | str, datasets: str = "all") -> tuple[Dataset, ...]:
    """Return the datasets of a run, in the order of the catalogue.

    Parameters
    ----------
    root
        The folder of the raw corpora.
    datasets
        ``all`` 41, or those ``available``: listed, with at least one file that exists.

    Raises
    ------
    CorpusError
        If all are asked for and some are missing, or if none is there; the message lists which.
    ValueError
        If ``datasets`` is neither.

    Examples
    --------
    >>> len(chosen(corpus, "all"))
    41
    """
    check_choice(datasets)
    missing: dict[str, list[str]] = defaultdict(list)
    for dataset in DATASETS:
        try:
            if not any(source.problem is None for source in files(root, dataset)):
                missing["no file of theirs is there"].append(dataset.id)
        except CorpusError as error:
            missing[str(error)].append(dataset.id)
    lacking = {i for ids in missing.values() for i in ids}
    if lacking and (datasets == "all" or len(lacking) == len(DATASETS)):
        reasons = "\n".join(f"  {', '.join(ids)}: {reason}" for reason, ids in missing.items())
        raise CorpusError(
            f"{root}: of all {len(DATASETS)} datasets, {len(lacking)} are missing:\n{reasons}\n"
            "`metanet data fetch` gets a corpus, `metanet data check` looks at every file; with "
            "`datasets: available` a run takes those that are there"
        )
    return tuple(d for d in DATASETS if d.id not in lacking)


def check_choice(datasets: str) -> None:
    """Refuse a choice of datasets that there is not: see :func:`chosen`.

    Raises
    ------
    ValueError
        If ``datasets`` is neither ``all`` nor ``available``.

    Examples
    --------
    >>> check_choice("some")
    Traceback (most recent call last):
    ValueError: datasets must be 'all' or 'available', got 'some'
    """
    if datasets not in ("all", "available"):
        raise ValueError(f"datasets must be 'all' or 'available', got {datasets!r}")
