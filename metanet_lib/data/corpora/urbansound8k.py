"""UrbanSound8K: recordings of ten kinds of city sounds (Salamon et al. 2014).

``metadata/UrbanSound8K.csv`` has a row for each clip; the clip is ``audio/fold<fold>/<name>``. The
ten folds are all used: they are meant for cross-validation, which the paper does not do.
"""

import csv
from pathlib import Path

from metanet_lib.data.corpora.reading import CorpusError, Source, listed

COLUMNS = ("slice_file_name", "fold", "class")


def files(root: Path, name: str) -> list[Source]:
    """List the clips of a class, in the order of the table.

    A clip's name begins with the Freesound id of the recording that it was cut from.

    Parameters
    ----------
    root
        The folder that holds ``UrbanSound8K``.
    name
        The class, such as ``air_conditioner``.

    Raises
    ------
    CorpusError
        If the table is missing, lacks a column, or a row does not name a clip of a fold.

    Examples
    --------
    >>> clips = files(corpus, "air_conditioner")
    >>> len(clips), clips[0].path.name.startswith(clips[0].recording)
    (4, True)
    """
    folder = root / "UrbanSound8K"
    table = folder / "metadata" / "UrbanSound8K.csv"
    if not table.is_file():
        raise CorpusError(f"{table}: no such table; unpack UrbanSound8K into {root}")
    sources = []
    with open(table, newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = csv.DictReader(lines, skipinitialspace=True)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise CorpusError(
                f"{table}: expected the columns {', '.join(COLUMNS)}, missing is "
                f"{', '.join(missing)}; unpack the table again"
            )
        for row in rows:
            if row["class"] != name:
                continue
            clip, fold = row["slice_file_name"], row["fold"]
            if not ((fold or "").isdecimal() and clip and Path(clip).name == clip):
                raise CorpusError(
                    f"{table}, line {rows.line_num}: expected the name of a clip and the number "
                    f"of its fold, found {clip!r} and {fold!r}; unpack the table again"
                )
            where = f"line {rows.line_num} of {table.relative_to(root)}"
            path = folder / "audio" / f"fold{fold}" / clip
            sources.append(listed(path, where, recording=path.stem.split("-")[0]))
    return sources
