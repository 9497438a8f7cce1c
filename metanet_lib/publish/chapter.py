"""One chapter executed. It imports nothing that a chapter computes with: its kernel does that."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import papermill

from metanet_lib.provenance import commit, machine
from metanet_lib.store import write_atomically


def execute_chapter(script: Path, out: Path, parameters: Mapping[str, Any]) -> None:
    """Execute a chapter's script as a notebook, from the folder one is in.

    The executed notebook takes its place at ``out`` only if every cell ran. Of a chapter that
    failed, what ran is left at ``<out>.failed.ipynb``. Its metadata say, under ``metanet``, at
    which ``commit`` and on which ``machine`` it ran.

    Linear algebra has one thread. Chapters are executed side by side, and threads of several that
    wait for each other on the same cores take many times as long; what a chapter gains from more
    cores it gains from processes (:mod:`metanet_lib.workers`).

    Examples
    --------
    >>> execute_chapter(folder / "absent.py", folder / "absent.ipynb", {})
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # of the kernel and of the processes that it starts
    ran = {"commit": commit(), "machine": machine()}
    with write_atomically(out) as executed, TemporaryDirectory() as folder:
        source = Path(folder) / out.name
        jupytext.write(jupytext.read(script), source)
        try:
            papermill.execute_notebook(
                source,
                executed,
                dict(parameters),
                progress_bar=False,
                shutdown_kernel="immediate",  # asked, it waits for processes that do not listen
            )
        except Exception:
            if executed.exists():
                executed.replace(out.with_suffix(".failed.ipynb"))
            raise
        notebook = json.loads(executed.read_text())
        notebook["metadata"]["metanet"] = ran
        executed.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
