"""Measure how fast a class of the corpora's full size becomes a bank of a million patches.

Three datasets are laid out in a temporary folder, as costly to decode as the real ones: 2,000 and
4,000 photographs of 500x375 (an ordinary class of Pascal VOC, and "person"), and 1,000 stereo clips
of 4 s at 44.1 kHz (a class of UrbanSound8K). Of each, 1,000,000 patches are made

- by a plain loop in one process: read every file, cut one patch after the other, float32;
- by ``metanet_lib.data.patches.make_bank``, on one thread and on all cores.

Each way runs in a process of its own, so that its peak memory can be told. Writes
``results/bench/load.csv``. Run it as ``make bench``.
"""

import resource
import shutil
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import librosa
import numpy as np
import pandas as pd
import soundfile
from PIL import Image

from metanet_lib.catalog import dataset
from metanet_lib.data.corpora.demo import photographs, sounds
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.workers import cores

PARAMETERS = PatchParameters()
DATASETS = {"v:aer": 2000, "v:per": 4000, "a:str": 1000}
DIFFERENT = 50
"""Files that differ; the others are copies, and cost as much to read."""


def write_photographs(root: Path, name: str, files: int) -> None:
    """Write a class of Pascal VOC."""
    year = root / "VOCdevkit" / "VOC2012"
    listing = year / "ImageSets" / "Main" / f"{name}_trainval.txt"
    for folder in (listing.parent, year / "JPEGImages"):
        folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    noise = photographs.pink_noise(rng)
    for i in range(files):
        path = year / "JPEGImages" / f"{name}_{i:06d}.jpg"
        if i < DIFFERENT:
            pixels = photographs.photograph(rng, name, noise).pixels
            picture = Image.fromarray(pixels, "YCbCr").resize((500, 375))
            picture.save(path, quality=92)
        else:
            shutil.copy(path.with_name(f"{name}_{i % DIFFERENT:06d}.jpg"), path)
    listing.write_text("".join(f"{name}_{i:06d}  1\n" for i in range(files)))


def write_clips(root: Path, name: str, files: int) -> None:
    """Write a class of UrbanSound8K."""
    fold = root / "UrbanSound8K" / "audio" / "fold1"
    table = root / "UrbanSound8K" / "metadata" / "UrbanSound8K.csv"
    for folder in (fold, table.parent):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(files):
        if i < DIFFERENT:
            sound = sounds.city(rng, name, 4.0, 44100, channels=2)
            soundfile.write(fold / f"{i}.wav", sound, 44100, subtype="PCM_16")
        else:
            shutil.copy(fold / f"{i % DIFFERENT}.wav", fold / f"{i}.wav")
    rows = "".join(f"{i}.wav,1,{name}\n" for i in range(files))
    table.write_text(f"slice_file_name,fold,class\n{rows}")


def plain_loop(root: Path, dataset_id: str) -> int:
    """Make the patches as one would at first: everything in memory, one after the other."""
    rng = np.random.default_rng(0)
    planes = []
    if dataset_id.startswith("v:"):
        for path in sorted(root.glob(f"VOCdevkit/*/JPEGImages/{dataset(dataset_id).name}_*.jpg")):
            planes.append(np.asarray(Image.open(path).convert("L"), np.uint8))
    else:
        for path in sorted(root.glob("UrbanSound8K/audio/fold1/*.wav")):
            samples, rate = librosa.load(path, sr=PARAMETERS.sample_rate)
            mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=16, center=False)
            planes.append(mel)
    low, high = min(p.min() for p in planes), max(p.max() for p in planes)
    patches = np.empty((PARAMETERS.per_dataset, 256), np.float32)
    for row in range(len(patches)):
        plane = planes[rng.integers(len(planes))]
        y = rng.integers(plane.shape[0] - 15)
        x = rng.integers(plane.shape[1] - 15)
        patch = plane[y : y + 16, x : x + 16].astype(np.float32)
        patches[row] = ((patch - low) / (high - low)).ravel()
    np.save(root / "patches.npy", patches)
    return (root / "patches.npy").stat().st_size


def library(root: Path, dataset_id: str, threads: int) -> int:
    """Make and write the bank as a run does."""
    path = root / "bank.safetensors"
    make_bank(root, dataset_id, PARAMETERS, threads).save(path)
    return path.stat().st_size


def measured(function, *arguments) -> tuple[float, float, int]:
    """Return seconds, peak memory in GiB, and bytes written."""
    start = time.perf_counter()
    size = function(*arguments)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, size


def main() -> None:
    """Lay out the datasets, measure each way on each of them, write the table."""
    threads = cores()
    ways = [("plain loop", plain_loop, ()), ("make_bank", library, (1,))]
    if threads > 1:
        ways.append(("make_bank", library, (threads,)))
    rows = []
    for dataset_id, files in DATASETS.items():
        with TemporaryDirectory() as folder:
            root = Path(folder)
            write = write_photographs if dataset_id.startswith("v:") else write_clips
            write(root, dataset(dataset_id).name, files)
            plain_loop_seconds = None
            for way, function, arguments in ways:
                with get_context("spawn").Pool(1, maxtasksperchild=1) as process:
                    seconds, memory, size = process.apply(
                        measured, (function, root, dataset_id, *arguments)
                    )
                plain_loop_seconds = plain_loop_seconds or seconds
                rows.append(
                    {
                        "dataset": dataset_id,
                        "files": files,
                        "way": way,
                        "threads": arguments[0] if arguments else 1,
                        "seconds": round(seconds, 2),
                        "files_per_second": round(files / seconds, 1),
                        "patches_per_second": round(PARAMETERS.per_dataset / seconds),
                        "times_the_plain_loop": round(plain_loop_seconds / seconds, 2),
                        "peak_memory_gib": round(memory, 2),
                        "bytes_on_disk": size,
                    }
                )
                print(pd.DataFrame(rows[-1:]).to_string(header=len(rows) == 1), file=sys.stderr)
    out = Path("results/bench/load.csv")
    out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(out, index=False)
    print(f"written to {out}")


if __name__ == "__main__":
    main()
