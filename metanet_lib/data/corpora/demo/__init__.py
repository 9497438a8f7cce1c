"""A synthetic corpus of all 41 datasets, so that the whole paper runs with nothing to download.

:func:`write` makes photographs (module ``photographs``) and sounds (module ``sounds``) and lays
them out as the authors of the real corpora do, file names and tables included. It is a stand-in:
what is found with it says that the machinery works, not what holds for real photographs and
recordings.

Each dataset has enough files to ask how many make one. Clips are shorter than the originals, most
have one channel and half the sample rate, and a few of each class are in the originals' formats.

The same seed gives the same files, byte for byte; a dataset's files depend on the seed and its id
alone, so datasets are made side by side. The corpus is written beside its place and renamed into
it: a folder holds a whole one or none.
"""

import csv
import hashlib
import json
import shutil
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.random import Generator
from PIL import Image

from metanet_lib.catalog import DATASETS, Dataset
from metanet_lib.data.corpora.demo import photographs, sounds
from metanet_lib.data.corpora.demo.looks import LOOKS
from metanet_lib.data.corpora.demo.photographs import Photograph, Thing
from metanet_lib.data.corpora.reading import CorpusError
from metanet_lib.store import locked, write_atomically
from metanet_lib.workers import side_by_side

FILES = 64
"""Files of each dataset; a photograph with two objects counts in both their datasets."""
SECONDS = 2.0
"""Length of a clip; one of a city sound is shorter if the sound is over."""

_Row = list[str | float]
_PARTS = {"VOCdevkit", "UrbanSound8K", "IRMAS-TrainingData", "README.txt", "demo.json"}
_COLUMNS = ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"]
_FORMATS = {  # sample rate and channels of the originals
    "urbansound8k": [(44100, 2), (48000, 1), (44100, 1), (48000, 2)],
    "irmas": [(44100, 2)],
}
_README = """\
Synthetic demo corpus
=====================

Everything here was computed; nothing was photographed or recorded. It has the layouts of
Pascal VOC 2012, UrbanSound8K and IRMAS (training data), with 41 datasets that differ from
each other as theirs do. Results made with it show that the code works. They say nothing
about the real corpora.

seed    {seed}
sha256  {sha256}
"""


def write(
    root: Path | str,
    seed: int = 0,
    progress: bool = True,
    datasets: Sequence[Dataset] | None = None,
) -> None:
    """Write the demo corpus, about 190 MB; nothing is done if it is there already.

    Of two that ask for it at the same time, one waits for the other.

    A demo corpus of another seed, of other datasets, or made by another version of this code, is
    replaced.

    Parameters
    ----------
    root
        The folder to write; its parent folders are made.
    seed
        Seed of everything in it, zero or more.
    progress
        Show a progress bar.
    datasets
        Write these datasets alone, with the files that they have in the whole corpus; all if none
        are given.

    Raises
    ------
    CorpusError
        If ``root`` holds anything that is not a demo corpus.

    Examples
    --------
    >>> from metanet_lib.catalog import dataset
    >>> write(folder / "demo", progress=False, datasets=[dataset("a:cel")])
    >>> (folder / "demo" / "IRMAS-TrainingData" / "cel").is_dir()
    True
    """
    root = Path(root)
    datasets = DATASETS if datasets is None else datasets
    wanted = {
        "seed": seed,
        "datasets": [d.id for d in datasets],
        "generator": _sha256(Path(__file__).parent, "*.py"),
    }
    with locked(root.with_name(f".{root.name}.lock")):
        there = _demo_at(root)
        if not wanted.items() <= there.items():
            unfinished, old = (root.with_name(f".{root.name}.{state}") for state in ("new", "old"))
            for left_by_a_killed_run in (unfinished, old):
                shutil.rmtree(left_by_a_killed_run, ignore_errors=True)
            _write_corpora(unfinished, seed, datasets, progress)
            there = {**wanted, "sha256": _sha256(unfinished)}
            (unfinished / "demo.json").write_text(json.dumps(there))
            if root.exists():
                root.rename(old)
            unfinished.rename(root)
            shutil.rmtree(old, ignore_errors=True)
        readme = root / "README.txt"
        if not readme.is_file():  # the last file to come: the sign that all is there
            with write_atomically(readme) as temporary:
                temporary.write_text(_README.format(**there))


def _demo_at(root: Path) -> dict[str, Any]:
    """Return the marks of the demo corpus in a folder, none if the folder is empty or absent."""
    if not root.exists():
        return {}
    names = {path.name for path in root.iterdir()} if root.is_dir() else {root.name}
    mark = root / "demo.json"
    if names and not (mark.is_file() and names <= _PARTS):
        raise CorpusError(
            f"{root}: expected a new folder, an empty one or a demo corpus, found "
            f"{', '.join(sorted(names - _PARTS or names)[:3])}; choose another folder"
        )
    marks: dict[str, Any] = json.loads(mark.read_text()) if names else {}
    return marks


def _sha256(folder: Path, pattern: str = "*") -> str:
    """Digest the names and contents of the files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob(pattern) if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _Made(NamedTuple):
    """What the listings and the table say of a dataset: what photographs show, rows of clips."""

    shown: dict[str, list[Thing]]
    clips: list[_Row]


def _write_corpora(root: Path, seed: int, chosen: Sequence[Dataset], progress: bool) -> None:
    arguments = [(root, seed, dataset, FILES) for dataset in DATASETS if dataset in chosen]
    made = side_by_side(_write_dataset, arguments, "demo corpus", unit="dataset", progress=progress)
    shown = {image_id: things for each in made for image_id, things in each.shown.items()}
    _write_listings(root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main", shown)
    clips = [row for each in made for row in each.clips]
    _write_table(root / "UrbanSound8K" / "metadata" / "UrbanSound8K.csv", clips)


def _write_dataset(root: Path, seed: int, dataset: Dataset, files: int) -> _Made:
    """Write the photographs, with annotations, or the clips of a dataset."""
    rng = np.random.default_rng([seed, zlib.crc32(dataset.id.encode())])
    made = _Made({}, [])
    if dataset.corpus == "voc":
        noise = photographs.pink_noise(np.random.default_rng(seed))
        for i in range(files):
            taken = photographs.photograph(rng, dataset.name, noise)
            image_id = f"2000_{i * len(LOOKS) + list(LOOKS).index(dataset.name):06d}"
            _write_photograph(root / "VOCdevkit" / "VOC2012", image_id, taken, rng)
            made.shown[image_id] = taken.things
    elif dataset.corpus == "urbansound8k":
        made.clips.extend(_write_city(root / "UrbanSound8K", dataset.name, files, rng))
    else:
        _write_music(root / "IRMAS-TrainingData" / dataset.name, dataset.name, files, rng)
    return made


def _write_photograph(folder: Path, image_id: str, taken: Photograph, rng: Generator) -> None:
    """Write the JPEG and its annotation."""
    planes = [Image.fromarray(plane) for plane in np.moveaxis(taken.pixels, 2, 0)]
    gray = rng.random() < 0.05
    picture = planes[0] if gray else Image.merge("YCbCr", planes)
    jpeg = folder / "JPEGImages" / f"{image_id}.jpg"
    jpeg.parent.mkdir(parents=True, exist_ok=True)
    picture.save(jpeg, quality=92)

    annotation = ET.Element("annotation")
    _elements(annotation, folder=folder.name, filename=jpeg.name)
    source = ET.SubElement(annotation, "source")
    _elements(source, database="Synthetic demo corpus", annotation="PASCAL VOC2012", image="demo")
    size = ET.SubElement(annotation, "size")
    _elements(size, width=picture.width, height=picture.height, depth=1 if gray else 3)
    _elements(annotation, segmented=0)
    for thing in taken.things:
        found = ET.SubElement(annotation, "object")
        _elements(found, name=thing.name, pose="Unspecified", truncated=0)
        _elements(found, difficult=int(thing.difficult))
        left, top, right, bottom = thing.box
        box = ET.SubElement(found, "bndbox")
        _elements(box, xmin=left, ymin=top, xmax=right, ymax=bottom)
    ET.indent(annotation, "\t")
    xml = folder / "Annotations" / f"{image_id}.xml"
    xml.parent.mkdir(parents=True, exist_ok=True)
    xml.write_text(ET.tostring(annotation, encoding="unicode") + "\n")


def _elements(parent: ET.Element, **texts: str | int) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = str(text)


def _write_listings(folder: Path, shown: dict[str, list[Thing]]) -> None:
    """Write the listings of each split; every second photograph of a class trains."""
    folder.mkdir(parents=True)
    splits: dict[str, list[str]] = {"train": [], "val": [], "trainval": sorted(shown)}
    for image_id in splits["trainval"]:  # each 20 numbers hold one photograph of every class
        turn = int(image_id.split("_")[1]) // len(LOOKS)
        splits["val" if turn % 2 else "train"].append(image_id)
    for split, members in splits.items():
        (folder / f"{split}.txt").write_text("".join(f"{i}\n" for i in members))
        for name in LOOKS:
            lines = [f"{i} {_flag(shown[i], name):2d}\n" for i in members]
            (folder / f"{name}_{split}.txt").write_text("".join(lines))


def _flag(things: Sequence[Thing], name: str) -> int:
    difficult = [thing.difficult for thing in things if thing.name == name]
    return -1 if not difficult else int(not all(difficult))


def _write_city(folder: Path, name: str, files: int, rng: Generator) -> list[_Row]:
    """Write clips, several from a long recording as in the original; return their table rows."""
    class_id = list(sounds.CITY).index(name)
    rows: list[_Row] = []
    for recording in range(files):
        fold, fs_id = recording % 10 + 1, 900000 + 1000 * class_id + recording
        rate, channels = _format(recording, "urbansound8k")
        seconds = round(float(rng.uniform(*sounds.CITY[name].seconds)), 3)
        sound = sounds.city(rng, name, seconds, rate, channels)
        salience = int(rng.integers(1, 3))
        starts = np.arange(0, max(seconds - SECONDS, 0) + 0.01, SECONDS / 2)
        for i, start in enumerate(starts.tolist()):
            if len(rows) == files:
                return rows
            end = min(start + SECONDS, seconds)
            clip = f"{fs_id}-{class_id}-0-{i}.wav"
            path = folder / "audio" / f"fold{fold}" / clip
            _write_wav(path, sound[int(start * rate) : int(end * rate)], rate)
            rows.append([clip, fs_id, start, end, salience, fold, class_id, name])
    return rows


def _write_table(path: Path, rows: list[_Row]) -> None:
    path.parent.mkdir(parents=True)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([_COLUMNS, *rows])


def _write_music(folder: Path, code: str, files: int, rng: Generator) -> None:
    """Write clips, three from a song, with the names of the original."""
    for song, first in enumerate(range(0, files, 3)):
        rate, channels = _format(song, "irmas")
        drums = bool(rng.random() < 0.4)
        genre = rng.choice(["cou_fol", "cla", "pop_roc", "lat_sou", "jaz_blu"])
        sound = sounds.music(rng, code, 3 * SECONDS, rate, channels, drums)
        frames = int(SECONDS * rate)
        for segment in range(min(3, files - first)):
            name = f"[{code}][{'dru' if drums else 'nod'}][{genre}]{song + 1:04d}__{segment + 1}"
            _write_wav(folder / f"{name}.wav", sound[segment * frames :][:frames], rate)


def _format(recording: int, corpus: str) -> tuple[int, int]:
    """Return sample rate and channels: small, but every eighth recording is as in the original."""
    turn, within = divmod(recording, 8)
    originals = _FORMATS[corpus]
    return (22050, 1) if within else originals[turn % len(originals)]


def _write_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype="PCM_16")
