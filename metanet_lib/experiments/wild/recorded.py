"""What came out: ``wild/recorded.csv``, a row an answer, and ``wild/recorded.json``, about it.

The archives are large and reading takes half an hour, so the book does not read: it shows what is
recorded, with its date, and checks by digests that the record belongs to the list.
"""

import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metanet_lib import __version__
from metanet_lib.experiments.architectures.questions import HEADLINE
from metanet_lib.experiments.wild.asking import ask, read_all, zoo_that_answers
from metanet_lib.experiments.wild.listed import LISTED, Listed
from metanet_lib.interpret import Interpreter
from metanet_lib.interpret.networks import PROBES
from metanet_lib.provenance import commit
from metanet_lib.store import Results, sha256, write_atomically

NAMES = ("recorded.csv", "recorded.json")
"""The files of a record, beside the list."""


def record(
    folders: Sequence[Path | str], networks: Sequence[Listed], path: Path | str = LISTED
) -> None:
    """Read networks, ask the zoos of some runs, and write the record beside the list.

    Parameters
    ----------
    folders
        Results of runs; the first is the one that counts.
    networks
        Of the list.
    path
        The list.

    Examples
    --------
    >>> record([], [], folder / "networks.csv")
    Traceback (most recent call last):
    ValueError: expected the results of at least one run
    """
    if not folders:
        raise ValueError("expected the results of at least one run")
    zoos = {Results.at(folder).folder.name: zoo_that_answers(folder) for folder in folders}
    rows, matrices = read_all(networks)
    asked = [ask(zoo, rows, matrices).assign(zoo=name) for name, zoo in zoos.items()]
    beside = Path(path).parent
    with write_atomically(beside / NAMES[0]) as temporary:
        pd.concat(asked).to_csv(temporary, index=False, float_format="%.6g")
    about = {
        "date": datetime.date.today().isoformat(),
        "networks_sha256": sha256(Path(path)),
        "recorded_sha256": sha256(beside / NAMES[0]),
        "primary": next(iter(zoos)),
        "zoos": {name: _about(zoo) for name, zoo in zoos.items()},
        "reading": HEADLINE,
        "probes": PROBES,
        "versions": {"metanet_lib": __version__, "commit": commit()}
        | {name: version(name) for name in ("torch", "onnx", "h5py", "scikit-learn")},
    }
    with write_atomically(beside / NAMES[1]) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Recorded:
    """A record that belongs to its list.

    Attributes
    ----------
    rows
        Of :func:`~metanet_lib.experiments.wild.asking.ask`, of all zoos, which the column ``zoo``
        names.
    about
        Date, digests, zoos and versions.

    Examples
    --------
    >>> Recorded(pd.DataFrame({"zoo": ["a", "b"]}), {"primary": "b"}).primary["zoo"].tolist()
    ['b']
    """

    rows: pd.DataFrame
    about: dict[str, Any]

    @property
    def primary(self) -> pd.DataFrame:
        """The rows of the zoo that counts."""
        return self.of(self.about["primary"])

    def of(self, zoo: str) -> pd.DataFrame:
        """Return the rows of a zoo."""
        rows: pd.DataFrame = self.rows[self.rows.zoo == zoo]
        return rows

    def _repr_markdown_(self) -> str:
        zoos = " and ".join(f"`{zoo}`" for zoo in self.about["zoos"])
        return (
            f"*Recorded on {self.about['date']}, against the zoos of {zoos}, by PyTorch "
            f"{self.about['versions']['torch']}; not computed with this page. The record's sha256 "
            f"begins with {self.about['recorded_sha256'][:12]}.*"
        )


def recorded(path: Path | str = LISTED) -> Recorded:
    """Read the record beside a list.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is not the one of this list, or was changed since.

    Examples
    --------
    >>> recorded(folder / "networks.csv")
    Traceback (most recent call last):
    FileNotFoundError: ...recorded.json: no such record; `make wild` makes it
    """
    listing = Path(path)
    table, told = (listing.with_name(name) for name in NAMES)
    for file in (told, table, listing):
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such record; `make wild` makes it")
    about = json.loads(told.read_text(encoding="utf-8"))
    for file, name in ((listing, "networks_sha256"), (table, "recorded_sha256")):
        if sha256(file) != about[name]:
            raise ValueError(
                f"{file}: expected the sha256 {about[name]} that {told.name} has, found "
                f"{sha256(file)}; `make wild` records anew"
            )
    return Recorded(pd.read_csv(table, keep_default_na=False), about)


def _about(zoo: Interpreter) -> dict[str, Any]:
    weights = np.ascontiguousarray(zoo.zoo.encoders)
    digest = hashlib.sha256(weights.tobytes()).hexdigest()
    return {"models": len(weights), "sha256": digest, "view": zoo.name}
