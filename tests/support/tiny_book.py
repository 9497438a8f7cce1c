"""The tiny book in a clone, killed on its way and finished: made once, read by many tests."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
TABLES = ("accuracy", "accuracy_by_seed", "datasets", "metanetwork_losses", "zoo_losses")
MAKE = ("metanet", "book", "--profile", "tiny")
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "JUPYTER_PREFER_ENV_PATH": "1"}


def clone(folder: Path, demo: Path | None = None) -> Path:
    """Copy what git tracks into a folder, as a newcomer's clone has it; add a demo corpus."""
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, folder / name)
    if demo:
        shutil.copytree(demo, folder / "data" / "demo", copy_function=os.link)
    return folder


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(words, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)


def make_book(cwd: Path) -> None:
    done = command(*MAKE, cwd=cwd)
    logs = cwd.glob("results/tiny/logs/*.log")
    tails = "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in logs)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + tails


def tables(folder: Path) -> dict[str, str]:
    return {name: (folder / f"results/tiny/tables/{name}.csv").read_text() for name in TABLES}


def killed_and_finished(folder: Path, demo: Path) -> None:
    """Kill a run once it has made a shard; finish it with a second one.

    ``refusal.txt`` keeps what a run beside the first was told, ``first/`` the tables, which tests
    that edit the book make anew.
    """
    clone(folder, demo)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(MAKE, cwd=folder, env=ENVIRONMENT, **quiet)
    try:
        deadline = time.monotonic() + 600
        while not list(folder.glob("results/tiny/zoo/*.safetensors")):
            assert time.monotonic() < deadline, "no shard within ten minutes"
            time.sleep(0.1)
        beside = command(*MAKE, cwd=folder)
        assert beside.returncode != 0
        (folder / "refusal.txt").write_text(beside.stderr)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    make_book(folder)
    shutil.copytree(folder / "results/tiny/tables", folder / "first/results/tiny/tables")
