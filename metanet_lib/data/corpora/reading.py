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
    """A corpus is missing or broken; the message says what was expected, found, and what to do.

    Examples
    --------
    >>> isinstance(UnusableFile("a.jpg", "cut short"), CorpusError)
    True
    """


class UnusableFile(CorpusError):
    """One file of a corpus cannot be used; it has a ``path`` and a ``reason``.

    Examples
    --------
    >>> print(UnusableFile("a.jpg", "cut short"))
    a.jpg: cut short
    """

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
    recording
        What it was cut from: sources of one dataset that share it show one scene or play one piece,
        so none of them is new to who has met another. Empty if that is not known.

    Examples
    --------
    >>> Source(Path("a.jpg"), box=(0, 0, 16, 16)).problem is None
    True
    """

    path: Path
    problem: str | None = None
    box: Box | None = None
    recording: str = ""


class Waveform(NamedTuple):
    """A recording: ``samples`` float32 ``[n]``, one channel in -1..1; ``sample_rate`` in Hz.

    Examples
    --------
    >>> Waveform(np.zeros(8000, np.float32), 16000).sample_rate
    16000
    """

    samples: NDArray[np.float32]
    sample_rate: int


def listed(path: Path, listing: str, recording: str) -> Source:
    """Return a file that ``listing`` names as a source, with its problem if it does not exist.

    Examples
    --------
    >>> print(listed(folder / "absent.jpg", "line 3", "absent").problem)
    no such file, though line 3 names it; unpack the corpus again
    """
    missing = f"no such file, though {listing} names it; unpack the corpus again"
    return Source(path, None if path.is_file() else missing, recording=recording)


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

    Examples
    --------
    >>> red = Image.new("RGB", (4, 2), "red")
    >>> red.save(folder / "red.png")
    >>> read_image(folder / "red.png", box=(0, 0, 3, 1))
    array([[76, 76, 76]], dtype=uint8)
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

    Examples
    --------
    >>> Image.new("L", (4, 2)).save(folder / "black.png")
    >>> image_size(folder / "black.png")
    (2, 4)
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

    Examples
    --------
    >>> soundfile.write(folder / "both.wav", [[0.5, 0.0], [0.0, 0.5]], 8000)
    >>> samples, sample_rate = read_waveform(folder / "both.wav")
    >>> samples.tolist(), sample_rate
    ([0.25, 0.25], 8000)
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

    Examples
    --------
    >>> soundfile.write(folder / "silence.wav", [0.0] * 100, 8000)
    >>> waveform_size(folder / "silence.wav")
    (100, 8000)
    """
    try:
        info = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError) as error:
        raise unreadable(path, "a recording", error) from error
    return info.frames, info.samplerate


_IMAGE_ERRORS = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def unreadable(path: Path | str, kind: str, reason: Any) -> UnusableFile:
    """Return the error of a file that is not what it should be.

    Examples
    --------
    >>> print(unreadable("a.jpg", "a photograph", "cut short"))
    a.jpg: expected a photograph, cannot read it (cut short)
    """
    return UnusableFile(path, f"expected {kind}, cannot read it ({reason})")
