"""Photographs and recordings to patches (paper, sections 4.2.1 and 4.2.2).

Models of one architecture learn both modalities, so both are brought to one form. A *plane* is a
2-D array: a photograph's grey levels ``[height, width]``, or a mel spectrogram ``[16, frames]``,
low bands first. A *patch* is a 16x16 window of a plane, flattened row by row to 256 numbers in
0..1; on a spectrogram, which is 16 bands high, the window slides along time only. A *bank* is what
one dataset's models are trained on: patches at random places.

:func:`planes` reads a dataset, :func:`make_bank` samples it, :func:`save_bank` and
:func:`load_bank` keep a bank as one safetensors file with the tensor ``patches``, float32
``[n, 256]``. Nothing is ever padded: what is smaller than a patch is skipped and counted.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from metanet_lib import __version__, catalog, corpora
from metanet_lib.parameters import Parameters, decision
from metanet_lib.store import write_atomically

SIDE = 16
"""Side of a patch: pixels, or mel bands and frames."""

_AT_ONCE = 4096  # patches cut at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class PatchParameters(Parameters):
    """How photographs and recordings become patches. The defaults are the paper's."""

    per_dataset: int = decision(
        1_000_000, "patches sampled from each dataset", "sections 4.2.1 and 4.2.2"
    )
    voc_split: str = decision(
        "trainval",
        "which listing of Pascal VOC: train, val or trainval",
        "open: all labelled photographs",
    )
    voc_difficult: bool = decision(
        False,
        "count photographs whose only objects of the class are marked difficult",
        "open: the corpus's own rule leaves them out",
    )
    spread: str = decision(
        "files",
        "files: a file, then a place in it, each equally likely; places: every place of every file",
        "open: long and large files do not outweigh the others",
    )
    normalisation: str = decision(
        "dataset",
        "scope of the minimum and maximum of 0-1 normalisation: dataset or file",
        'open: section 4.2 normalises "for each dataset"',
    )
    sample_rate: int = decision(
        22050, "of the waveforms before the spectrogram, Hz", "open: the default of librosa"
    )
    n_fft: int = decision(
        2048, "window of the spectrogram, samples", "open: the default of librosa"
    )
    hop_length: int = decision(
        512, "step of the spectrogram, samples", "open: the default of librosa"
    )
    mel_scale: str = decision(
        "power",
        "scale of the mel spectrogram: power or decibel",
        "open: section 4.2.2 says mel spectrogram and no more, so by its letter; decibels spread "
        "the loud and the soft evenly",
    )
    dynamic_range: float = decision(
        80.0,
        "floor below the maximum of the scope, dB (decibel only)",
        "open: the default of librosa",
    )
    seed: int = decision(0, "seed of the sampling", "section 7: everything is seeded")

    def __post_init__(self) -> None:
        for name in ("per_dataset", "sample_rate", "n_fft", "hop_length"):
            self.require(type(getattr(self, name)) is int, name, "a whole number")
        self.require_positive("per_dataset", "sample_rate", "n_fft", "hop_length", "dynamic_range")
        self.require_one_of("voc_split", "train", "val", "trainval")
        self.require_one_of("voc_difficult", True, False)
        self.require_one_of("spread", "files", "places")
        self.require_one_of("normalisation", "dataset", "file")
        self.require_one_of("mel_scale", "decibel", "power")
        self.require(type(self.seed) is int and self.seed >= 0, "seed", "zero or more")


@dataclass(frozen=True)
class Plane:
    """One photograph or spectrogram.

    Attributes
    ----------
    path
        The file it was read from.
    values
        uint8 grey levels ``[height, width]``, or float32 mel bands ``[16, frames]``.
    low, high
        The values that normalisation takes to 0 and 1.
    """

    path: Path
    values: NDArray[Any]
    low: float
    high: float

    @property
    def places(self) -> int:
        """How many patches can be cut from it."""
        height, width = self.values.shape
        return int((height - SIDE + 1) * (width - SIDE + 1))

    def normalised(self) -> NDArray[np.float32]:
        """Return the plane in 0..1, float32; a plane without contrast is 0 everywhere."""
        if self.high <= self.low:
            return np.zeros(self.values.shape, np.float32)
        out = self.values.astype(np.float32)
        out -= np.float32(self.low)
        out /= np.float32(self.high - self.low)
        return np.clip(out, 0, 1, out=out)


@dataclass(frozen=True)
class Planes:
    """All planes of a dataset.

    Attributes
    ----------
    dataset
        Id of the dataset.
    planes
        One for each usable file, in the corpus's order.
    skipped
        The files too small or too short for a single patch.
    extent
        How much was read: pixels of the photographs, or seconds of the recordings used.
    """

    dataset: str
    planes: tuple[Plane, ...]
    skipped: tuple[Path, ...]
    extent: float


@dataclass(frozen=True)
class Bank:
    """Patches of one dataset, in random order.

    Attributes
    ----------
    patches
        float32 ``[n, 256]`` in 0..1.
    dataset
        Id of the dataset.
    files_used, files_skipped
        How many files could be sampled, and how many are too small or too short.
    places
        How many different windows the files have.
    extent
        How much was read: pixels of the photographs, or seconds of the recordings used.
    parameters
        How the bank was made.
    """

    patches: NDArray[np.float32]
    dataset: str
    files_used: int
    files_skipped: int
    places: int
    extent: float
    parameters: PatchParameters


def planes(root: Path | str, dataset_id: str, parameters: PatchParameters) -> Planes:
    """Read all planes of a dataset, with the limits of their normalisation.

    Parameters
    ----------
    root
        The folder of the raw corpora, see :mod:`metanet_lib.corpora`.
    dataset_id
        Such as ``v:aer``.
    parameters
        How to read them.

    Raises
    ------
    CorpusError
        If a file is missing or broken, or if none is large enough for a patch.
    """
    dataset = catalog.dataset(dataset_id)
    paths = corpora.files(root, dataset, parameters.voc_split, parameters.voc_difficult)
    kept: list[tuple[Path, NDArray[Any]]] = []
    skipped: list[Path] = []
    extent = 0.0
    for path in paths:
        values, size = (
            _photograph(path) if dataset.modality == "vision" else _spectrogram(path, parameters)
        )
        if values is None:
            skipped.append(path)
        else:
            kept.append((path, values))
            extent += size
    if not kept:
        too_small = "smaller than 16x16" if dataset.modality == "vision" else "under 16 frames"
        raise corpora.CorpusError(
            f"{dataset_id} ({dataset.title}): no usable file in {root}; expected at least one, "
            f"found {len(paths)} listed, of which {len(skipped)} skipped as {too_small}"
        )
    limits = [(float(values.min()), float(values.max())) for _, values in kept]
    if parameters.normalisation == "dataset":
        limits = [(min(low for low, _ in limits), max(high for _, high in limits))] * len(kept)
    if dataset.modality == "audio" and parameters.mel_scale == "decibel":
        limits = [(max(low, high - parameters.dynamic_range), high) for low, high in limits]
    return Planes(
        dataset_id,
        tuple(Plane(*one, *limit) for one, limit in zip(kept, limits, strict=True)),
        tuple(skipped),
        extent,
    )


def _photograph(path: Path) -> tuple[NDArray[np.uint8] | None, int]:
    """Return grey levels, or None if smaller than a patch; and how many pixels."""
    grey = corpora.read_image(path)
    return (grey if min(grey.shape) >= SIDE else None), grey.size


def _spectrogram(
    path: Path, parameters: PatchParameters
) -> tuple[NDArray[np.float32] | None, float]:
    """Return mel bands ``[16, frames]``, or None if shorter than a patch; and how many seconds."""
    p = parameters
    samples, sample_rate = corpora.read_waveform(path)
    seconds = len(samples) / sample_rate
    if len(samples) and sample_rate != p.sample_rate:
        samples = librosa.resample(samples, orig_sr=sample_rate, target_sr=p.sample_rate)
    if len(samples) < p.n_fft + (SIDE - 1) * p.hop_length:
        return None, seconds
    with threadpool_limits(1):  # more threads add up in another order, and round otherwise
        power = librosa.feature.melspectrogram(  # center=False: whole frames only, no padding
            y=samples,
            sr=p.sample_rate,
            n_fft=p.n_fft,
            hop_length=p.hop_length,
            n_mels=SIDE,
            center=False,
        )
    if p.mel_scale == "decibel":
        power = librosa.power_to_db(power, ref=1.0, top_db=None)
    return power.astype(np.float32), seconds


def make_bank(root: Path | str, dataset_id: str, parameters: PatchParameters) -> Bank:
    """Read a dataset and sample its patches: :func:`planes`, then :func:`sample`.

    The bank depends on the files, the dataset's id and the parameters, and on nothing else.

    Raises
    ------
    CorpusError
        If a file is missing or broken, or if none is large enough for a patch.
    """
    return sample(planes(root, dataset_id, parameters), parameters)


def sample(source: Planes, parameters: PatchParameters) -> Bank:
    """Sample patches at random places of a dataset's planes, with replacement.

    Parameters
    ----------
    source
        The dataset's planes.
    parameters
        How many patches, how they are spread, and the seed.
    """
    n = parameters.per_dataset
    rng = np.random.default_rng([parameters.seed, zlib.crc32(source.dataset.encode())])
    places = np.array([plane.places for plane in source.planes])
    ends = places.cumsum()
    if parameters.spread == "files":
        files = rng.integers(len(places), size=n)
        at = rng.integers(places[files])
    else:
        at = rng.integers(ends[-1], size=n)
        files = ends.searchsorted(at, side="right")
        at -= (ends - places)[files]
    out = np.empty((n, SIDE, SIDE), np.float32)
    rows_by_file = np.split(files.argsort(kind="stable"), np.bincount(files).cumsum()[:-1])
    for plane, rows in zip(source.planes, rows_by_file, strict=False):
        windows = sliding_window_view(plane.normalised(), (SIDE, SIDE))
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            out[some] = windows[np.divmod(at[some], windows.shape[1])]
    return Bank(
        out.reshape(n, SIDE * SIDE),
        source.dataset,
        len(source.planes),
        len(source.skipped),
        int(ends[-1]),
        source.extent,
        parameters,
    )


def save_bank(bank: Bank, path: Path | str) -> None:
    """Write a bank as one safetensors file, whole or not at all.

    The tensor is ``patches``; the header has the bank's other attributes as strings, a digest of
    the patches, and the library's version.
    """
    header = {
        "dataset": bank.dataset,
        "files_used": str(bank.files_used),
        "files_skipped": str(bank.files_skipped),
        "places": str(bank.places),
        "extent": repr(bank.extent),
        "parameters": json.dumps(bank.parameters.as_dict(), sort_keys=True),
        "sha256": hashlib.sha256(np.ascontiguousarray(bank.patches).data).hexdigest(),
        "library_version": __version__,
    }
    with write_atomically(path) as temporary:
        save_file({"patches": bank.patches}, temporary, header)


def load_bank(path: Path | str) -> Bank:
    """Read a bank that :func:`save_bank` has written."""
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
        return Bank(
            file.get_tensor("patches"),
            header["dataset"],
            int(header["files_used"]),
            int(header["files_skipped"]),
            int(header["places"]),
            float(header["extent"]),
            PatchParameters.of(json.loads(header["parameters"])),
        )
