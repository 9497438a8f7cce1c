"""Where a run keeps what it makes, and how it is written.

A *run* is one profile on one corpus. What it makes lies in ``results/<profile>/`` when the corpus
is the demo, and in ``results/<profile>-<corpus folder>/`` otherwise, so that a run on real data
never overwrites the demo's::

    zoo/v-aer.safetensors      one shard per dataset
    fits/*.json                what came out of each fit of the comparisons
    study/*/                   the small zoos of chapters that ask about zoos
    metanetwork.safetensors    the trained meta-autoencoders
    functional.safetensors     the functional code
    tables/*.csv               every number of the book
    figures/*.{svg,png,csv}    every figure of the book, and the numbers it draws
    models/*                   what chapters make for a reader: models, a representation
    chapters/*.ipynb           the executed chapters
    times/*.tsv, logs/*.log    what each step took, and said

Everything is written beside its place and renamed into it, so a file is whole or absent, also after
``kill -9``.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from metanet_lib.catalog import DATASETS, Dataset

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch import Tensor

DEMO_CORPUS = "demo"
"""The name under which a run asks for the synthetic demo corpus."""


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    The data are flushed to disk before the rename. If the block raises, the temporary file is
    removed and whatever stood at ``path`` stays as it was.

    Examples
    --------
    >>> with write_atomically(folder / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    ...     (folder / "note.txt").exists()
    False
    >>> (folder / "note.txt").read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, refusal: str | None = None) -> Iterator[None]:
    """Hold a lock of that name, which stays as an empty file; wait until no other process has it.

    With a ``refusal``, do not wait: what it says is raised as :exc:`BlockingIOError`.

    Examples
    --------
    >>> with locked(folder / ".note.lock"):
    ...     (folder / ".note.lock").exists()
    True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError:
            raise BlockingIOError(refusal) from None
        yield


def sha256(path: Path) -> str:
    """Return the digest of a file, which is read piece by piece.

    Examples
    --------
    >>> _ = (folder / "note.txt").write_text("whole")
    >>> sha256(folder / "note.txt")[:8]
    '5d5766cf'
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tensors(path: Path, absent: str) -> tuple[dict[str, str], "dict[str, Tensor]"]:
    """Read a safetensors file: its header of strings, and its tensors by name.

    Raises
    ------
    FileNotFoundError
        If there is no such file; ``absent`` ends the message and says what makes it.
    ValueError
        If the file is not a whole safetensors file.

    Examples
    --------
    >>> from safetensors.numpy import save_file
    >>> save_file({"encoder": encoders}, folder / "my.safetensors", {"by": "me"})
    >>> header, tensors = read_tensors(folder / "my.safetensors", "no such file")
    >>> header, tensors["encoder"].shape
    ({'by': 'me'}, torch.Size([24, 256, 16]))
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{path}: {absent}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return dict(file.metadata() or {}), tensors
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error})") from error


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as SVG, without a date in it, or as PNG: as the suffix of ``path`` says.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> write_figure(Figure(), folder / "empty.png")
    >>> (folder / "empty.png").is_file()
    True
    """
    with write_atomically(path) as temporary:
        figure.savefig(temporary, metadata={"Date": None} if path.suffix == ".svg" else {})


@dataclass(frozen=True)
class Results:
    """The folder of one run.

    Parameters
    ----------
    profile
        Name of the profile, such as ``quick``.
    corpus
        ``demo``, or the folder that holds ``VOCdevkit/``, ``UrbanSound8K/`` and ``IRMAS/``.
    root
        The folder of all results.

    Examples
    --------
    >>> results = Results("quick", root=folder)
    >>> results.corpus_title, results.shard("v-aer").relative_to(folder).as_posix()
    ('synthetic demo corpus', 'quick/zoo/v-aer.safetensors')
    """

    profile: str
    corpus: str = DEMO_CORPUS
    root: Path = Path("results")

    @classmethod
    def at(cls, folder: Path | str) -> Self:
        """Return the results that lie in a folder, such as ``results/quick``."""
        path = Path(folder).resolve()
        return cls(path.name, root=path.parent)

    @property
    def is_demo(self) -> bool:
        """Whether the run reads the synthetic demo corpus."""
        return self.corpus == DEMO_CORPUS

    @property
    def corpus_folder(self) -> Path:
        """The folder that holds the raw corpora; the demo corpus lives in ``data/demo``."""
        return Path("data") / DEMO_CORPUS if self.is_demo else Path(self.corpus)

    @property
    def corpus_title(self) -> str:
        """The corpus in words, as every page says it."""
        if self.is_demo:
            return "synthetic demo corpus"
        return f"photographs and recordings in {Path(self.corpus).resolve().name}"

    @property
    def folder(self) -> Path:
        """The folder of this run."""
        if self.is_demo:
            return self.root / self.profile
        return self.root / f"{self.profile}-{Path(self.corpus).resolve().name}"

    @property
    def zoo(self) -> Path:
        """The folder of the shards."""
        return self.folder / "zoo"

    @property
    def metanetwork(self) -> Path:
        """The file of the trained meta-autoencoders."""
        return self.folder / "metanetwork.safetensors"

    @property
    def functional(self) -> Path:
        """The file of the functional code (chapter 11)."""
        return self.folder / "functional.safetensors"

    def shard(self, slug: str) -> Path:
        """Return the path of a dataset's shard; ``slug`` as in ``catalog.Dataset.slug``."""
        return self.zoo / f"{slug}.safetensors"

    @property
    def shards(self) -> list[Path]:
        """The shards that are there; what a killed run was writing beside them is none."""
        return sorted(self.zoo.glob("[!.]*.safetensors"))

    @property
    def trained(self) -> list[Dataset]:
        """The datasets whose shards are there, in the order of the catalogue."""
        return [d for d in DATASETS if self.shard(d.slug).is_file()]

    def table(self, name: str) -> Path:
        """Return the path of a table."""
        return self.folder / "tables" / f"{name}.csv"

    def save_table(self, table: "pd.DataFrame", name: str) -> Path:
        """Write a table as ``tables/<name>.csv`` and return its path."""
        return _write_csv(table, self.table(name))

    def save_figure(self, figure: "Figure", name: str, data: "pd.DataFrame | None") -> Path:
        """Write a figure as ``figures/<name>.svg`` and ``.png``; return the SVG's path.

        The figure is laid out here, for the last time.

        ``data``, the numbers that it draws, go to ``figures/<name>.csv``; ``None`` writes no such
        file, and removes that of an earlier figure of this name.
        """
        path = self.folder / "figures" / f"{name}.svg"
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # else each file lays it out anew
        for suffix in (".png", ".svg"):
            write_figure(figure, path.with_suffix(suffix))
        if data is None:
            path.with_suffix(".csv").unlink(missing_ok=True)
        else:
            _write_csv(data, path.with_suffix(".csv"))
        return path

    def _repr_markdown_(self) -> str:
        return f"*This page was made from the **{self.corpus_title}**, profile **{self.profile}**.*"


def _write_csv(table: "pd.DataFrame", path: Path) -> Path:
    with write_atomically(path) as temporary:
        table.to_csv(temporary, index=False)
    return path
