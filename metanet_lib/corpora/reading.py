"""How one file of a corpus is read: a photograph as grey levels, a recording as a waveform.

Conventions: a photograph is uint8 ``[height, width]``; a recording is float32 ``[n]`` in -1..1, one
channel. Whatever is wrong with a file is a :class:`CorpusError` that names it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageOps


class CorpusError(ValueError):
    """A corpus is missing or broken; the message says which file, what was expected, what to do."""


class Waveform(NamedTuple):
    """A recording: ``samples`` float32 ``[n]``, one channel in -1..1; ``sample_rate`` in Hz."""

    samples: NDArray[np.float32]
    sample_rate: int


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Read a photograph as grey levels (section 4.2.1: "grayscaling").

    Colours become luma with the weights of ITU-R 601 (0.299 R + 0.587 G + 0.114 B); the rotation
    that EXIF asks for is done.

    Returns
    -------
    ndarray
        uint8 ``[height, width]``.

    Raises
    ------
    CorpusError
        If the file cannot be read as a picture.
    """
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            return np.asarray(upright.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CorpusError(_unreadable(path, "a photograph", error)) from error


def read_waveform(path: Path | str) -> Waveform:
    """Read a recording; its channels become one by their mean.

    Raises
    ------
    CorpusError
        If the file cannot be read as sound, or holds samples that are not finite numbers.
    """
    try:
        channels, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise CorpusError(_unreadable(path, "a recording", error)) from error
    samples: NDArray[np.float32] = channels.mean(axis=1)
    if not np.isfinite(samples).all():
        raise CorpusError(_unreadable(path, "a recording", "it holds NaN or infinite samples"))
    return Waveform(samples, sample_rate)


def existing(paths: Iterable[Path], listing: Path) -> list[Path]:
    """Return the paths as a list.

    Raises
    ------
    CorpusError
        If one of them, named in ``listing``, does not exist.
    """
    found = []
    for path in paths:
        if not path.is_file():
            raise CorpusError(
                f"{path}: no such file, though {listing} names it; "
                "unpack the corpus again, or take the line out of the listing"
            )
        found.append(path)
    return found


def _unreadable(path: Path | str, kind: str, reason: object) -> str:
    return f"{path}: expected {kind}, cannot read it ({reason}); replace the file or remove it"
