"""What is made on the way of long work, so that work that was killed goes on where it stood."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import metanet_lib
from metanet_lib.store import Results, write_atomically

_LIBRARY = Path(metanet_lib.__file__).parent


@contextmanager
def unfinished(results: Results, name: str, *made_of: Any) -> Iterator[Path]:
    """Give a folder for what is made on the way, which goes when the work is done.

    A killed run's is found as that left it, if all is as it was that its content was made of:
    the library, the run's models, and ``made_of``. Otherwise it is empty.

    Parameters
    ----------
    results
        The run.
    name
        Of the folder: no two that are at work have the same.
    made_of
        What else the content follows from; told by its ``repr``, but for places in memory.

    Examples
    --------
    >>> results = Results("mine")
    >>> with unfinished(results, "sums", [1, 2]) as kept:
    ...     keep(kept / "sum.json", {"sum": 3})
    ...     json.loads((kept / "sum.json").read_text())
    {'sum': 3}
    >>> kept.exists()
    False
    """
    folder = results.folder / "unfinished" / name
    stamp, now = folder / "made_of", _digest(results, made_of)
    if not stamp.is_file() or stamp.read_text() != now:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stamp.write_text(now)
    yield folder
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def keep(path: Path, values: Any) -> None:
    """Write plain values and NumPy's numbers to a JSON file.

    Examples
    --------
    >>> keep(folder / "kept.json", [{"right": np.int64(3)}])
    >>> (folder / "kept.json").read_text()
    '[{"right": 3}]'
    """
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(values, default=np.generic.item))


def _digest(results: Results, made_of: Any) -> str:
    """Tell files apart by place, size and time, as the graph of chapters does."""
    digest = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", repr(made_of)).encode())
    for path in sorted([*_LIBRARY.rglob("*.py"), *results.zoo.glob("*.safetensors")]):
        is_now = path.stat()
        digest.update(f"{path} {is_now.st_size} {is_now.st_mtime_ns}\n".encode())
    return digest.hexdigest()
