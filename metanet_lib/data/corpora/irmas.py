"""IRMAS: three-second clips of music, by the instrument that leads (Bosch et al. 2012).

The training part has one folder for each of the eleven instruments, named by a code of three
letters: ``IRMAS-TrainingData/cel/*.wav``. The paper needs nothing of the testing part.
"""

import re
from pathlib import Path

from metanet_lib.data.corpora.reading import CorpusError, Source


def files(root: Path, code: str) -> list[Source]:
    """List the clips of an instrument, by name.

    The folder says the instrument, as in the official layout; the codes in brackets in the names
    are not read. The number before the last ``__`` of a name is that of the song, the one after it
    that of the segment. Hidden files are left out.

    Parameters
    ----------
    root
        The folder that holds ``IRMAS-TrainingData`` or ``IRMAS/IRMAS-TrainingData``.
    code
        The instrument, such as ``cel``.

    Raises
    ------
    CorpusError
        If the instrument has no folder.

    Examples
    --------
    >>> sorted(clip.recording for clip in files(corpus, "cel"))
    ['0001', '0001', '0001', '0002']
    """
    places = (root / "IRMAS-TrainingData", root / "IRMAS" / "IRMAS-TrainingData")
    place = next((place for place in places if place.is_dir()), None)
    if place is None:
        raise CorpusError(
            f"{places[0]}: no such folder, nor {places[1].relative_to(root)}; "
            f"unpack the IRMAS training data into {root}"
        )
    if not (place / code).is_dir():
        raise CorpusError(f"{place / code}: no such folder; unpack all of the IRMAS training data")
    clips = sorted((place / code).glob("*.wav"))
    return [Source(c, recording=_song(c.stem)) for c in clips if not c.name.startswith(".")]


def _song(name: str) -> str:
    song = re.search(r"(\d+)__\d+$", name)
    return song[1] if song else name
