"""Where numbers come from: the commit that made them, and the machine."""

import platform
import subprocess
from pathlib import Path

import psutil

from metanet_lib.workers import cores


def commit() -> str:
    """Return the commit of the folder one is in, with ``-dirty`` where it is changed since.

    Outside of a git repository it is ``unknown``.

    Examples
    --------
    >>> commit()
    'unknown'
    """
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def machine() -> str:
    """Return the machine in words: its processor, its cores and its memory.

    Examples
    --------
    >>> "GiB" in machine()
    True
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    processor = next(named, platform.processor() or platform.machine())
    memory = psutil.virtual_memory().total / 2**30
    return f"{processor}, {cores()} cores, {memory:.0f} GiB"
