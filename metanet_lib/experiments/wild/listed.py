"""The networks of ``wild/networks.csv``: which they are, where they lie and what they take.

One row is one network. A *family* is one line of networks by the same people, for they are alike:
where something is counted, families are, not files. The columns:

``family``, ``trained_on``, ``what``
    the line; ``sound`` (spectrograms) or ``picture``; and of what
``package``, ``version``, ``archive``, ``archive_sha256``
    the archive on the Python package index
``member``, ``member_sha256``, ``format``, ``chain``
    the file in it; ``onnx``, ``keras`` or ``torch``; of the last, the name of its layers
``licence``, ``note``
    the network's licence, and whose it is where the package is another's
``channels``, ``window``, ``axes``
    the planes that its first convolution takes, and how they lie: rows x columns
``low``, ``high``
    what these planes hold for the least and the greatest, by the text of the package; where planes
    are standardised, two standard deviations to both sides
``hard``
    why it is a hard case, written down before it was read; else nothing
"""

import csv
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

LISTED = Path("wild/networks.csv")
"""The list, from the top of the repository."""
SIDES = ("sound", "picture")
"""On what networks are trained."""
AXES = ("rows x columns", "frequency x time", "frequency x time, high first", "time x frequency")
"""How planes lie: those of pictures, and of spectrograms."""
FORMATS = ("onnx", "keras", "torch")
"""Kinds of files that can be read."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Listed:
    """A network of the list; the fields are its columns.

    Examples
    --------
    >>> listed(folder / "absent.csv")
    Traceback (most recent call last):
    FileNotFoundError: ...absent.csv: no such list of networks; ...
    """

    family: str
    trained_on: str
    what: str
    package: str
    version: str
    archive: str
    archive_sha256: str
    member: str
    member_sha256: str
    format: str
    chain: str
    licence: str
    channels: int
    window: str
    axes: str
    low: float
    high: float
    hard: str
    note: str

    @classmethod
    def of(cls, row: dict[str, str]) -> Self:
        """Return the network of a row, checked.

        Raises
        ------
        ValueError
            If the row lacks a column, or one holds what it cannot.
        """
        missing = [f.name for f in fields(cls) if row.get(f.name) is None]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        may_be_empty = ("chain", "hard", "note")
        empty = [name for name, value in row.items() if not value and name not in may_be_empty]
        wrong = [
            f"{name} {row[name]!r}"
            for name, right in (
                ("trained_on", SIDES),
                ("axes", AXES[1:] if row["trained_on"] == "sound" else AXES[:1]),
                ("format", FORMATS),
            )
            if row[name] not in right
        ]
        wrong += [n for n in ("archive_sha256", "member_sha256") if not _DIGEST.fullmatch(row[n])]
        wrong += ["chain"] * ((row["format"] == "torch") != bool(row["chain"]))
        if empty or wrong:
            raise ValueError(f"it has no {', '.join(empty)}" if empty else f"wrong: {wrong}")
        numbers = {
            "channels": int(row["channels"]),
            "low": float(row["low"]),
            "high": float(row["high"]),
        }
        return cls(**{**row, **numbers})  # type: ignore[arg-type]


def listed(path: Path | str = LISTED) -> list[Listed]:
    r"""Read the list.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If a row of it is wrong; the message has its line.

    Examples
    --------
    >>> header = ",".join(f.name for f in fields(Listed))
    >>> _ = (folder / "short.csv").write_text(header + "\nmine,smell\\n")
    >>> listed(folder / "short.csv")
    Traceback (most recent call last):
    ValueError: ...short.csv, line 2: it lacks what, package, ...
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such list of networks; it lies in the repository, so run this at its top"
        )
    found = []
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                found.append(Listed.of(row))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
    return found
