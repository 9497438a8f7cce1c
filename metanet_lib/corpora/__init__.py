"""Raw corpora: where the photographs and recordings of a dataset lie, and how they are read.

A corpus lies in one folder, unpacked as its authors packed it::

    VOCdevkit/VOC2012/{JPEGImages,ImageSets/Main}      Pascal VOC, or VOC2007 (module ``voc``)
    UrbanSound8K/{audio,metadata}                      UrbanSound8K (module ``urbansound8k``)
    IRMAS-TrainingData/<code>                          IRMAS, also within IRMAS/ (module ``irmas``)

:func:`files` lists the files of a dataset, always in the same order; :func:`read_image` gives a
photograph as uint8 ``[height, width]``, :func:`read_waveform` a recording as float32 ``[n]`` and
its sample rate. A missing or broken file is a :class:`CorpusError`. The corpora have to be got from
their authors; ``demo`` writes a synthetic one in the same layouts.
"""

from pathlib import Path

from metanet_lib.catalog import Dataset
from metanet_lib.corpora import irmas, urbansound8k, voc
from metanet_lib.corpora.reading import CorpusError, Waveform, read_image, read_waveform

__all__ = ["CorpusError", "Waveform", "files", "read_image", "read_waveform"]


def files(
    root: Path | str,
    dataset: Dataset,
    voc_split: str = "trainval",
    voc_difficult: bool = False,
) -> list[Path]:
    """List the files of a dataset, in the order in which its corpus lists them.

    Parameters
    ----------
    root
        The folder of the raw corpora.
    dataset
        One of :data:`metanet_lib.catalog.DATASETS`.
    voc_split, voc_difficult
        Which photographs of Pascal VOC count, see :func:`metanet_lib.corpora.voc.files`.

    Raises
    ------
    CorpusError
        If a folder, table or listing is missing, or names a file that does not exist.
    """
    root = Path(root)
    if dataset.corpus == "voc":
        return voc.files(root, dataset.name, voc_split, voc_difficult)
    if dataset.corpus == "urbansound8k":
        return urbansound8k.files(root, dataset.name)
    return irmas.files(root, dataset.name)
