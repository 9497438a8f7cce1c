"""What is made once and read by all tests, though processes run them side by side."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from metanet_lib.store import locked


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder, made by whichever process asks for it first; the others wait for it."""
    here = temporary.getbasetemp()
    folder = (here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / name
    whole = folder.with_suffix(".whole")
    with locked(folder.with_suffix(".lock")):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            whole.touch()
    return folder
