"""UrbanSound8K: recordings of ten kinds of city sounds (Salamon et al. 2014).

``metadata/UrbanSound8K.csv`` has a row for each clip; the clip is ``audio/fold<fold>/<name>``. The
ten folds are all used: they are meant for cross-validation, which the paper does not do.
"""

import csv
from pathlib import Path

from metanet_lib.corpora.reading import CorpusError, existing

COLUMNS = ("slice_file_name", "fold", "class")


def files(root: Path, name: str) -> list[Path]:
    """List the clips of a class, in the order of the table.

    Parameters
    ----------
    root
        The folder that holds ``UrbanSound8K``.
    name
        The class, such as ``air_conditioner``.

    Raises
    ------
    CorpusError
        If the table is missing, lacks a column, or names a clip that does not exist.
    """
    folder = root / "UrbanSound8K"
    table = folder / "metadata" / "UrbanSound8K.csv"
    if not table.is_file():
        raise CorpusError(f"{table}: no such table; unpack UrbanSound8K into {root}")
    with open(table, newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise CorpusError(
                f"{table}: expected the columns {', '.join(COLUMNS)}, missing is "
                f"{', '.join(missing)}; unpack the table again"
            )
        clips = [
            folder / "audio" / f"fold{row['fold']}" / row["slice_file_name"]
            for row in rows
            if row["class"] == name
        ]
    return existing(clips, table)
