"""Photographs and recordings to patches (paper, sections 4.2.1 and 4.2.2).

Models of one architecture learn both modalities, so both are brought to one form. A *plane* is a
2-D array: a photograph's grey levels ``[height, width]``, or a mel spectrogram ``[16, frames]``,
low bands first. A *patch* is a 16x16 window of a plane, flattened row by row to 256 numbers in
0..1; on a spectrogram, which is 16 bands high, the window slides along time only.

**New files.** All that fits anything learns from a part of a dataset's files, the *same files*. The
others, *new files*, are kept apart for models that only validate, so that one can ask whether a
dataset is recognised, or its files (:func:`split_files`). Models that fit may see
halves of the same files, one this half and one that (:func:`split_halves`), so that one can ask
what of a model is its files'.

:func:`make_bank` goes through the files of a dataset, several at once, keeps of each only the
patches drawn from it, and returns a :class:`~metanet_lib.data.bank.Bank`; :func:`planes` shows what
it sees. A file that is broken, or too small for a patch, is skipped, counted and named;
nothing is padded to make a patch of it.
"""

import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import librosa
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from metanet_lib import catalog
from metanet_lib.catalog import Dataset
from metanet_lib.data import corpora
from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import Source, UnusableFile
from metanet_lib.parameters import Parameters, decision
from metanet_lib.workers import cores, products_of_one_thread

SIDE = 16
"""Side of a patch: pixels, or mel bands and frames."""
LEAST_NEW = 2
"""Recordings that new files are from, at least: one alone would say little of its dataset."""


@dataclass(frozen=True)
class PatchParameters(Parameters):
    """How photographs and recordings become patches. The defaults are the paper's.

    Examples
    --------
    >>> PatchParameters().per_dataset
    1000000
    >>> PatchParameters(per_dataset=0)
    Traceback (most recent call last):
    ValueError: PatchParameters.per_dataset must be a positive number, got 0
    """

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
    voc_region: str = decision(
        "image",
        "what of a photograph counts: image, all of it; box, the boxes of the class's objects",
        "open: section 4.2.1 speaks of images; labels of whole images are what the corpus gives",
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
    center: bool = decision(
        False,
        "put each frame of the spectrogram about its time: half a window of silence at both ends",
        "open: the default of librosa is true; false takes whole frames only, and pads nothing",
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
    new_files: float = decision(
        0.25,
        "share of a dataset's files that is kept apart, for models that only validate: new files; "
        "0 for none",
        "ours: in the paper all models of a dataset see the same files, so that naming the dataset "
        "may be recognising its files",
    )
    most_files: int = decision(
        0,
        "files of a dataset, at most, that the other models see; 0 for all",
        "ours: all that there are; fewer show how many files make a dataset",
    )
    halves: int = decision(
        0,
        "random halves of the same files over which models that fit are spread, in turn; two by "
        "two they have no file in common; 0: all models see all of the same files",
        "ours: in the paper all models of a dataset see the same files, so that nothing shows what "
        "of a model is the accident of its files",
    )
    seed: int = decision(
        0, "seed of the sampling, and of which files are new", "section 7: everything is seeded"
    )

    def __post_init__(self) -> None:
        self.require_positive("per_dataset", "sample_rate", "n_fft", "hop_length", "dynamic_range")
        self.require_one_of("voc_split", "train", "val", "trainval")
        self.require_one_of("voc_difficult", True, False)
        self.require_one_of("voc_region", "image", "box")
        self.require_one_of("spread", "files", "places")
        self.require_one_of("normalisation", "dataset", "file")
        self.require_one_of("center", True, False)
        self.require_one_of("mel_scale", "decibel", "power")
        self.require(0 <= self.new_files < 1, "new_files", "a share: from 0 to below 1")
        for name in ("most_files", "halves", "seed"):
            self.require(getattr(self, name) >= 0, name, "zero or more")


@dataclass(frozen=True)
class Plane:
    """One photograph or spectrogram.

    Attributes
    ----------
    path
        The file it was read from.
    values
        uint8 grey levels ``[height, width]``, or float32 mel bands ``[16, frames]``.
    extent
        Pixels of the photograph, or seconds of the recording.

    Examples
    --------
    >>> plane = Plane(Path("a.jpg"), np.zeros((40, 60), np.uint8), 2400)
    >>> plane.windows.shape
    (25, 45, 16, 16)
    """

    path: Path
    values: NDArray[Any]
    extent: float

    @property
    def windows(self) -> NDArray[Any]:
        """All its windows, without a copy: ``[rows, columns, 16, 16]``."""
        return sliding_window_view(self.values, (SIDE, SIDE))

    def normalised(self) -> NDArray[np.float32]:
        """Return the plane between its own minimum and maximum, 0..1, float32."""
        return _normalised(self.values, self.values.min(), self.values.max())


def _normalised(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    out = values.astype(np.float32)
    out -= np.float32(low)
    out /= np.float32(high) - np.float32(low)
    return np.clip(out, 0, 1, out=out)


def planes(root: Path | str, dataset_id: str, parameters: PatchParameters) -> Iterator[Plane]:
    """Read the planes of a dataset one by one, without those of unusable files.

    Parameters
    ----------
    root
        The folder of the raw corpora, see :mod:`metanet_lib.data.corpora`.
    dataset_id
        Such as ``v:aer``.
    parameters
        How to read them.

    Raises
    ------
    CorpusError
        If the dataset's listing is missing or broken.

    Examples
    --------
    >>> plane = next(planes(corpus, "a:cel", PatchParameters()))
    >>> plane.values.shape[0], plane.path.suffix
    (16, '.wav')
    """
    dataset = catalog.dataset(dataset_id)
    for source in dataset_files(root, dataset, parameters):
        try:
            with products_of_one_thread():  # as in a bank: more threads round otherwise
                plane = read_plane(source, dataset, parameters)
        except UnusableFile:
            continue
        yield plane


def dataset_files(root: Path | str, dataset: Dataset, parameters: PatchParameters) -> list[Source]:
    """List the files of a dataset that count by these parameters.

    Raises
    ------
    CorpusError
        If the dataset's listing is missing or broken.

    Examples
    --------
    >>> len(dataset_files(corpus, catalog.dataset("a:air"), PatchParameters()))
    4
    """
    p = parameters
    return corpora.files(root, dataset, p.voc_split, p.voc_difficult, p.voc_region)


def split_files(
    sources: Sequence[Source], dataset: Dataset, parameters: PatchParameters
) -> tuple[list[Source], list[Source]]:
    """Split the files of a dataset: those that models fit on, and new ones.

    What was cut from one recording or photograph stays together. Which recordings are new follows
    from the seed and their names, so that a photograph that shows two classes mostly falls on the
    same side in both. Of the same files, no more than ``most_files`` are left.

    Returns
    -------
    (list, list)
        The same files, and the new ones. These are none if :data:`LEAST_NEW` recordings are more
        than their share: the dataset has too few files to tell.

    Examples
    --------
    >>> aeroplane, half = catalog.dataset("v:aer"), PatchParameters(new_files=0.5)
    >>> same, new = split_files(corpora.files(corpus, aeroplane), aeroplane, half)
    >>> len(same), len(new)
    (2, 2)
    """
    p = parameters
    of = Counter(s.recording for s in sources)
    ranked = sorted(of, key=lambda r: _rank(r, dataset, p))
    count = int(p.new_files * len(ranked))
    new = set(ranked[:count]) if count >= LEAST_NEW else set()
    taken = 0
    same: set[str] = set()
    for recording in reversed(ranked):
        if recording not in new and (not p.most_files or taken < p.most_files):
            same.add(recording)
            taken += of[recording]
    return [s for s in sources if s.recording in same], [s for s in sources if s.recording in new]


def files_of(
    root: Path | str, dataset: Dataset, parameters: PatchParameters
) -> tuple[list[Source], list[Source]]:
    """List the files of a dataset, those that models fit on and new ones: :func:`split_files`.

    Raises
    ------
    CorpusError
        If the dataset's listing is missing or broken.

    Examples
    --------
    >>> same, new = files_of(corpus, catalog.dataset("v:aer"), PatchParameters(new_files=0.5))
    >>> len(same), len(new)
    (2, 2)
    """
    return split_files(dataset_files(root, dataset, parameters), dataset, parameters)


def split_halves(
    same: Sequence[Source], dataset: Dataset, parameters: PatchParameters
) -> list[list[Source]]:
    """Return random halves of a dataset's same files, as many as the parameters say.

    They come in twos: the first of two has half of the recordings, one fewer if their number is
    odd, drawn by the seed and their names; the second has the others.

    Parameters
    ----------
    same
        The same files, as :func:`split_files` gives them.
    dataset, parameters
        What they are of, how many halves, and the seed.

    Returns
    -------
    list
        The files of each half; none if a half would have fewer than :data:`LEAST_NEW` recordings.

    Examples
    --------
    >>> aeroplane, p = catalog.dataset("v:aer"), PatchParameters(new_files=0, halves=4)
    >>> [len(half) for half in split_halves(corpora.files(corpus, aeroplane), aeroplane, p)]
    [2, 2, 2, 2]
    """
    recordings = {s.recording for s in same}
    middle = len(recordings) // 2
    if middle < LEAST_NEW:
        return []
    halves = []
    for half in range(parameters.halves):
        draw, second = divmod(half, 2)
        rank = {r: _rank(f"halves {draw} {r}", dataset, parameters) for r in recordings}
        ranked = sorted(recordings, key=rank.__getitem__)
        chosen = set(ranked[middle:] if second else ranked[:middle])
        halves.append([s for s in same if s.recording in chosen])
    return halves


def _rank(recording: str, dataset: Dataset, p: PatchParameters) -> bytes:
    return hashlib.sha256(f"{p.seed} {dataset.corpus} {recording}".encode()).digest()


def make_bank(
    root: Path | str, dataset_id: str, parameters: PatchParameters, threads: int | None = None
) -> Bank:
    """Draw the patches of a dataset at random places in its same files, with replacement.

    The bank depends on the files, the dataset's id and the parameters, and on nothing else. Each
    file is decoded once, several files at a time, and no more of it is kept than the windows drawn
    from it: the memory it takes is twice that of the bank, and one decoded file a thread.

    Parameters
    ----------
    root
        The folder of the raw corpora, see :mod:`metanet_lib.data.corpora`.
    dataset_id
        Such as ``v:aer``.
    parameters
        How many patches, of what, how they are spread, and the seed.
    threads
        Files read at a time; by default as many as there are CPU cores.

    Raises
    ------
    CorpusError
        If the dataset's listing is missing or broken, or if none of its files can be used.

    Examples
    --------
    >>> bank = make_bank(corpus, "v:aer", PatchParameters(per_dataset=100))
    >>> bank.patches().shape, bank.files_used <= 4
    (torch.Size([100, 256]), True)
    """
    dataset = catalog.dataset(dataset_id)
    same, _ = files_of(root, dataset, parameters)
    return bank_of(root, dataset, same, parameters, threads)


def make_new_bank(
    root: Path | str, dataset_id: str, parameters: PatchParameters, threads: int | None = None
) -> Bank | None:
    """Draw as many patches of a dataset's new files (:func:`split_files`), normalised on their own.

    Parameters are those of :func:`make_bank`. A dataset without new files, or with none that can
    be used, has no such bank.

    Examples
    --------
    >>> make_new_bank(corpus, "v:aer", PatchParameters(per_dataset=100)) is None  # of four files
    True
    >>> half = PatchParameters(per_dataset=100, new_files=0.5)
    >>> len(make_new_bank(corpus, "v:aer", half))
    100
    """
    dataset = catalog.dataset(dataset_id)
    _, new = files_of(root, dataset, parameters)
    if not any(_places(source, dataset, parameters) for source in new):
        return None
    return bank_of(root, dataset, new, parameters, threads)


def make_half_banks(
    root: Path | str, dataset_id: str, parameters: PatchParameters, threads: int | None = None
) -> list[Bank]:
    """Draw as many patches of each half (:func:`split_halves`), normalised on its own.

    Parameters are those of :func:`make_bank`. Files that cannot be used by their headers are in no
    half; a dataset of too few files has no such banks.

    Examples
    --------
    >>> halves = PatchParameters(per_dataset=100, new_files=0, halves=2)
    >>> [bank.files_used for bank in make_half_banks(corpus, "v:aer", halves)]
    [2, 2]
    >>> make_half_banks(corpus, "v:aer", PatchParameters(per_dataset=100))
    []
    """
    if not parameters.halves:
        return []
    dataset = catalog.dataset(dataset_id)
    same, _ = files_of(root, dataset, parameters)
    usable = [source for source in same if _places(source, dataset, parameters)]
    return [
        bank_of(root, dataset, files, parameters, threads, f" half {half}")
        for half, files in enumerate(split_halves(usable, dataset, parameters))
    ]


def write_banks(
    path: Path | str,
    root: Path | str,
    dataset_id: str,
    parameters: PatchParameters,
    fit: bool,
    new: bool,
    threads: int | None = None,
) -> None:
    """Draw all banks that models of a dataset train on, and write them as one file.

    Parameters
    ----------
    path
        Where the file goes.
    root, dataset_id, parameters, threads
        Those of :func:`make_bank`, whose errors may be raised.
    fit
        Whether some models fit: they may see halves (:func:`make_half_banks`).
    new
        Whether some models validate on new files (:func:`make_new_bank`).

    Examples
    --------
    >>> halves = PatchParameters(per_dataset=100, new_files=0, halves=2)
    >>> write_banks(folder / "v-aer.safetensors", corpus, "v:aer", halves, fit=True, new=False)
    >>> len(Bank.load_halves(folder / "v-aer.safetensors"))
    2
    """
    of = root, dataset_id, parameters, threads
    of_new = make_new_bank(*of) if new else None
    of_halves = make_half_banks(*of) if fit else []
    make_bank(*of).save(path, of_new, of_halves)


def bank_of(
    root: Path | str,
    dataset: Dataset,
    sources: Sequence[Source],
    parameters: PatchParameters,
    threads: int | None = None,
    stream: str = "",
) -> Bank:
    """Draw patches of these files of a dataset, whichever part of it they are.

    What they are drawn by follows from the seed, the dataset and ``stream``.
    The other parameters, errors and what comes of it are those of :func:`make_bank`.

    Examples
    --------
    >>> p, cellos = PatchParameters(per_dataset=10), catalog.dataset("a:cel")
    >>> bank_of(corpus, cellos, dataset_files(corpus, cellos, p)[:1], p).files_used
    1
    """
    p = parameters
    entropy = [p.seed, zlib.crc32((dataset.id + stream).encode())]
    # More threads in one product add up in another order, and round otherwise.
    with ThreadPoolExecutor(threads or cores()) as pool, products_of_one_thread():
        places = np.array([*pool.map(partial(_places, dataset=dataset, parameters=p), sources)])
        weights = places if p.spread == "places" else places > 0
        rng = np.random.default_rng(entropy)
        drawn = np.empty(0, int)
        if weights.any():
            drawn = rng.choice(len(sources), p.per_dataset, p=weights / weights.sum())
        counts = np.bincount(drawn, minlength=len(sources))

        def cut(file: int) -> _Cut | UnusableFile:
            try:
                plane = read_plane(sources[file], dataset, p)
            except UnusableFile as error:
                return error
            return _cut(plane, counts[file], np.random.default_rng([*entropy, file]))

        results = list(pool.map(cut, range(len(sources))))
    skipped = [result for result in results if isinstance(result, UnusableFile)]
    cuts = {file: result for file, result in enumerate(results) if isinstance(result, _Cut)}
    if not cuts:
        raise _no_usable_file(root, dataset, skipped)
    if not any(counts[file] for file in cuts):  # all draws were of files that broke: draw again
        told = [
            source._replace(problem=result.reason) if isinstance(result, UnusableFile) else source
            for source, result in zip(sources, results, strict=True)
        ]
        return bank_of(root, dataset, told, p, threads, stream)

    draws = np.full(p.per_dataset, -1, np.int32)
    rows_of = np.split(np.argsort(drawn, kind="stable"), counts.cumsum()[:-1])
    first = 0
    for file, done in cuts.items():
        draws[rows_of[file]] = first + done.draws
        first += len(done.windows)
    # A file may turn out to be broken only when it is decoded: other draws stand in for its own.
    lost = draws < 0
    draws[lost] = rng.choice(draws[~lost], lost.sum())
    windows, limits = _levels(list(cuts.values()), p)
    return Bank(
        torch.from_numpy(windows.reshape(len(windows), SIDE * SIDE)),
        torch.from_numpy(limits),
        torch.from_numpy(draws),
        dataset.id,
        len(cuts),
        tuple((_name(error.path, root), error.reason) for error in skipped),
        sum(done.places for done in cuts.values()),
        float(sum(done.extent for done in cuts.values())),
        p.as_dict(),
    )


class _Cut(NamedTuple):
    """What is kept of a file: windows ``[u, 16, 16]``, which of them each draw takes, and facts."""

    windows: NDArray[Any]
    draws: NDArray[np.integer[Any]]
    low: float
    high: float
    places: int
    extent: float


def _cut(plane: Plane, count: int, rng: np.random.Generator) -> _Cut:
    """Draw windows of a plane, with replacement."""
    windows = plane.windows
    places = windows.shape[0] * windows.shape[1]
    at, draws = np.unique(rng.integers(places, size=count), return_inverse=True)
    low, high = plane.values.min(), plane.values.max()
    return _Cut(windows[np.divmod(at, windows.shape[1])], draws, low, high, places, plane.extent)


def _levels(cuts: list[_Cut], p: PatchParameters) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Put the windows of all files together, with the limits of their normalisation.

    Grey levels stay as they are; spectrograms are normalised here.
    """
    limits = np.array([(cut.low, cut.high) for cut in cuts], np.float32)
    if p.normalisation == "dataset":
        limits[:] = limits[:, 0].min(), limits[:, 1].max()
    if cuts[0].windows.dtype == np.uint8:
        windows = np.concatenate([cut.windows for cut in cuts])
        if p.normalisation == "dataset":
            return windows, limits[:1].T.copy()
        return windows, limits.repeat([len(cut.windows) for cut in cuts], axis=0).T.copy()
    if p.mel_scale == "decibel":
        limits[:, 0] = np.maximum(limits[:, 0], limits[:, 1] - p.dynamic_range)
    normalised = [_normalised(c.windows, *limit) for c, limit in zip(cuts, limits, strict=True)]
    return np.concatenate(normalised), np.array([[0], [1]], np.float32)


def _name(path: Path, root: Path | str) -> str:
    """Return the name of a file within its corpus."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _no_usable_file(
    root: Path | str, dataset: Dataset, skipped: Sequence[UnusableFile]
) -> corpora.CorpusError:
    reasons = "".join(f"\n  {_name(each.path, root)}: {each.reason}" for each in skipped[:10])
    more = f"\n  and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return corpora.CorpusError(
        f"{dataset.id} ({dataset.title}): no usable file in {root}; expected at least one, "
        f"found {len(skipped)} listed, none of use{reasons}{more}"
    )


# --- One file ---------------------------------------------------------------------------------


def read_plane(source: Source, dataset: Dataset, parameters: PatchParameters) -> Plane:
    """Read one file of a dataset as a plane.

    Raises
    ------
    UnusableFile
        If it is missing, broken, too small for a patch, or holds one value only.

    Examples
    --------
    >>> aeroplane = catalog.dataset("v:aer")
    >>> source = corpora.files(corpus, aeroplane)[0]
    >>> plane = read_plane(source, aeroplane, PatchParameters())
    >>> plane.extent == plane.values.size
    True
    """
    if source.problem:
        raise UnusableFile(source.path, source.problem)
    vision = dataset.modality == "vision"
    plane = _photograph(source) if vision else _spectrogram(source, parameters)
    if plane.values.min() == plane.values.max():
        what = "of one grey" if vision else "silent"
        raise UnusableFile(source.path, f"it is {what} throughout: nothing to learn")
    return plane


def _photograph(source: Source) -> Plane:
    grey = corpora.read_image(source.path, source.box)
    height, width = grey.shape
    if min(height, width) < SIDE:
        what = "its box" if source.box else "it"
        raise UnusableFile(
            source.path,
            f"{what} has {width}x{height} pixels, too small for a patch of {SIDE}x{SIDE}",
        )
    return Plane(source.path, grey, grey.size)


def _spectrogram(source: Source, p: PatchParameters) -> Plane:
    samples, sample_rate = corpora.read_waveform(source.path)
    seconds = len(samples) / sample_rate
    if _frames(len(samples), sample_rate, p) < SIDE:
        least = (p.n_fft - _padding(p) + (SIDE - 1) * p.hop_length) / p.sample_rate
        raise UnusableFile(
            source.path,
            f"it lasts {seconds:.3f} s, too short for a patch of {SIDE} frames ({least:.3f} s)",
        )
    if sample_rate != p.sample_rate:
        samples = librosa.resample(samples, orig_sr=sample_rate, target_sr=p.sample_rate)
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=p.sample_rate,
        n_fft=p.n_fft,
        hop_length=p.hop_length,
        n_mels=SIDE,
        center=p.center,
    )
    if p.mel_scale == "decibel":
        power = librosa.power_to_db(power, ref=1.0, top_db=None)
    return Plane(source.path, power.astype(np.float32), seconds)


def _places(source: Source, dataset: Dataset, parameters: PatchParameters) -> int:
    """Return how many windows a file has by its header, without decoding it; 0 if unusable."""
    if source.problem:
        return 0
    try:
        if dataset.modality == "audio":
            frames = _frames(*corpora.waveform_size(source.path), parameters)
            return max(frames - SIDE + 1, 0)
        height, width = corpora.image_size(source.path)
    except UnusableFile:
        return 0
    if source.box:
        left, top, right, bottom = source.box
        width, height = min(right, width) - max(left, 0), min(bottom, height) - max(top, 0)
    return max(height - SIDE + 1, 0) * max(width - SIDE + 1, 0)


def _frames(samples: int, sample_rate: int, p: PatchParameters) -> int:
    """Return the frames of a spectrogram of so many samples, once resampled."""
    resampled = math.ceil(samples * p.sample_rate / sample_rate)
    return 1 + (resampled + _padding(p) - p.n_fft) // p.hop_length


def _padding(p: PatchParameters) -> int:
    """Return how many samples of silence the spectrogram adds, at both ends together."""
    return p.n_fft // 2 * 2 if p.center else 0
