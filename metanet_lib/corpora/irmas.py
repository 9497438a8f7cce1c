"""IRMAS: three-second clips of music, by the instrument that leads (Bosch et al. 2014).

The training part has one folder for each of the eleven instruments, named by a code of three
letters: ``IRMAS-TrainingData/cel/*.wav``. The paper needs nothing of the testing part.
"""

from pathlib import Path

from metanet_lib.corpora.reading import CorpusError


def files(root: Path, code: str) -> list[Path]:
    """List the clips of an instrument, by name.

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
    """
    places = (root / "IRMAS-TrainingData", root / "IRMAS" / "IRMAS-TrainingData")
    for place in places:
        if (place / code).is_dir():
            return sorted((place / code).glob("*.wav"))
    raise CorpusError(
        f"{places[0] / code}: no such folder, nor {places[1] / code}; "
        f"unpack the IRMAS training data into {root}"
    )
