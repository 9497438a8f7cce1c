"""How one file of a corpus is read: a photograph as grey levels, a recording as a waveform.

Conventions: a photograph is uint8 ``[height, width]``; a recording is float32 ``[n]`` in -1..1, one
channel. A file that cannot be used is an :class:`UnusableFile` that names it: the others of its
dataset still can be. Whatever is wrong with a corpus as a whole is a :class:`CorpusError`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image, ImageOps

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a rectangle, pixels; right and bottom are the first outside."""

_KINDS_OF_GREY = {"I;16": 257, "I;16L": 257, "I;16B": 257, "I;16N": 257}  # 65535 = 255 x 257


class CorpusError(ValueError):
    """A corpus is missing or broken; the message says what was expected, found, and what to do."""


class UnusableFile(CorpusError):
    """One file of a corpus cannot be used; it has a ``path`` and a ``reason``."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = Path(path), reason


class Source(NamedTuple):
    """A file that a corpus lists.

    Attributes
    ----------
    path
        The file.
    problem
        Why it cannot be used, if the listing or the disk tell already.
    box
        The part of the photograph that counts, if not all of it.
    """

    path: Path
    problem: str | None = None
    box: Box | None = None


class Waveform(NamedTuple):
    """A recording: ``samples`` float32 ``[n]``, one channel in -1..1; ``sample_rate`` in Hz."""

    samples: NDArray[np.float32]
    sample_rate: int


def listed(path: Path, listing: str) -> Source:
    """Return a file that ``listing`` names as a source, with its problem if it does not exist."""
    missing = f"no such file, though {listing} names it; unpack the corpus again"
    return Source(path, None if path.is_file() else missing)


def read_image(path: Path | str, box: Box | None = None) -> NDArray[np.uint8]:
    """Read a photograph as grey levels (section 4.2.1: "grayscaling").

    Colours become luma with the weights of ITU-R 601 (0.299 R + 0.587 G + 0.114 B), also those of a
    palette or of print colours (CMYK); 16-bit grey is divided by 257; the rotation that EXIF asks
    for is done; transparency plays no part.

    Parameters
    ----------
    path
        The file; what it is follows from its content, not from its name.
    box
        The part to return, in pixels of the upright picture; all of it by default.

    Returns
    -------
    ndarray
        uint8 ``[height, width]``.

    Raises
    ------
    UnusableFile
        If the file is missing or cannot be read as a picture, whole.
    """
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.mode in _KINDS_OF_GREY:
                grey = (np.asarray(upright) // _KINDS_OF_GREY[upright.mode]).astype(np.uint8)
            elif upright.mode in ("I", "F"):
                raise ValueError(f"mode {upright.mode} has no known range of grey levels")
            else:
                colours = upright.convert("RGBA") if "transparency" in upright.info else upright
                grey = np.asarray(colours.convert("L"))
    except _IMAGE_ERRORS as error:
        raise unreadable(path, "a photograph", error) from error
    if box is None:
        return grey
    left, top, right, bottom = box
    return grey[max(top, 0) : bottom, max(left, 0) : right]


def image_size(path: Path | str) -> tuple[int, int]:
    """Return height and width as the header of a photograph says, before any rotation.

    Raises
    ------
    UnusableFile
        If the file is missing or no picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except _IMAGE_ERRORS as error:
        raise unreadable(path, "a photograph", error) from error


def read_waveform(path: Path | str) -> Waveform:
    """Read a recording; its channels become one by their mean.

    Raises
    ------
    UnusableFile
        If the file is missing, cannot be read as sound, holds none, or holds samples that are not
        finite numbers.
    """
    try:
        channels, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise unreadable(path, "a recording", error) from error
    if not len(channels):
        raise unreadable(path, "a recording", "it holds no samples, whatever its header says")
    samples: NDArray[np.float32] = channels.mean(axis=1)
    if not np.isfinite(samples).all():
        raise unreadable(path, "a recording", "it holds NaN or infinite samples")
    return Waveform(samples, sample_rate)


def waveform_size(path: Path | str) -> tuple[int, int]:
    """Return the number of samples and the sample rate (Hz) as the header of a recording says.

    Raises
    ------
    UnusableFile
        If the file is missing or no recording.
    """
    try:
        info = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError) as error:
        raise unreadable(path, "a recording", error) from error
    return info.frames, info.samplerate


_IMAGE_ERRORS = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def unreadable(path: Path | str, kind: str, reason: Any) -> UnusableFile:
    """Return the error of a file that is not what it should be."""
    return UnusableFile(path, f"expected {kind}, cannot read it ({reason})")
