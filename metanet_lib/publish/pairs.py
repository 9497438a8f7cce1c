"""Pairs: each chapter is a script and a notebook, and both say the same.

``jupytext --sync`` carries the file that was written last over the other; where both were edited,
one edit is lost without a word. Here the side that changed *since both were last in step* is
carried over, and where both changed, neither is touched and the person is asked. What they said
when they were last in step is noted in ``notebooks/.in-step.json``; where that knows neither side,
git's last commit tells.

What counts is what a pair has in common: kind, text and tags of the cells. A notebook's outputs are
no part of it, and are cleared when it is brought in step.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

from metanet_lib.store import write_atomically

FOLDER = Path("notebooks")
"""Where the pairs are."""

_NOTE = FOLDER / ".in-step.json"
_FORMATS = "ipynb,py:percent"
_KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


class PairError(ValueError):
    """A pair needs a person's decision; the message says which and what to do.

    Examples
    --------
    >>> print(PairError("04_modality: both sides were edited"))
    04_modality: both sides were edited
    """


@dataclass(frozen=True)
class Pair:
    """A chapter's two files.

    Parameters
    ----------
    name
        Such as ``04_modality``.

    Examples
    --------
    >>> Pair("04_modality").script.as_posix()
    'notebooks/04_modality.py'
    """

    name: str

    @property
    def script(self) -> Path:
        """The ``.py`` file, source of truth."""
        return FOLDER / f"{self.name}.py"

    @property
    def notebook(self) -> Path:
        """The ``.ipynb`` file."""
        return FOLDER / f"{self.name}.ipynb"


def pairs() -> list[Pair]:
    """Return the pairs of :data:`FOLDER`, in order; one of the files may be missing.

    Examples
    --------
    >>> FOLDER.mkdir()
    >>> (FOLDER / "01_mine.py").touch()
    >>> pairs()
    [Pair(name='01_mine')]
    """
    files = [*FOLDER.glob("*.py"), *FOLDER.glob("*.ipynb")]
    return [Pair(name) for name in sorted({f.stem for f in files if not f.name.startswith(".")})]


def sync() -> list[str]:
    """Bring every pair together; return one line for each, which says which side won.

    Raises
    ------
    PairError
        If both sides of a pair were edited. Such a pair is left as it is; the others are in step.

    Examples
    --------
    >>> Path("notebooks").mkdir()  # a folder without chapters
    >>> sync()
    []
    """
    lines, refused, note = [], [], _read_note()
    for pair in pairs():
        try:
            winner, reason = _winner(pair, note.get(pair.name))
        except PairError as error:
            refused.append(str(error))
            continue
        if winner is not None:
            _carry_over(pair, winner)
        _clear_outputs(pair.notebook)
        note[pair.name] = _digest_of_file(pair.script) or ""
        lines.append(f"{pair.name}: {reason}")
    with write_atomically(_NOTE) as path:
        path.write_text(json.dumps(note, indent=1))
    if refused:
        raise PairError("\n".join([*lines, *refused]))
    return lines


def check_staged() -> None:
    """Check that both sides of every pair say the same in what git is about to commit.

    Raises
    ------
    PairError
        If a pair is out of step there; the message names it and says what to do.

    Examples
    --------
    >>> check_staged()  # nothing is staged here, so nothing is out of step
    """
    apart = []
    for pair in pairs():
        script, notebook = (_digest_in_git(file, "") for file in (pair.script, pair.notebook))
        if script != notebook:
            apart.append(pair.name)
    if apart:
        raise PairError(
            f"out of step in this commit: {', '.join(apart)}. Run `make sync`, then "
            f"`git add {FOLDER}`, and commit again"
        )


def _winner(pair: Pair, last: str | None) -> tuple[Path | None, str]:
    """Return the side to carry over, or none, and the reason."""
    script, notebook = _digest_of_file(pair.script), _digest_of_file(pair.notebook)
    if script == notebook:
        return None, "in step"
    if notebook is None:
        return pair.script, "the script won; there was no notebook"
    if script is None:
        return pair.notebook, "the notebook won; there was no script"
    before = (last, last)
    if last not in (script, notebook):
        before = (_digest_in_git(pair.script, "HEAD"), _digest_in_git(pair.notebook, "HEAD"))
    edited = (script != before[0], notebook != before[1])
    if edited == (True, False):
        return pair.script, "the script won; the notebook was as before"
    if edited == (False, True):
        return pair.notebook, "the notebook won; the script was as before"
    if edited == (False, False):
        return pair.script, "the script won; they were committed out of step"
    raise PairError(
        f"{pair.name}: both sides were edited since they were last in step; nothing was changed.\n"
        f"  to keep the script:    rm {pair.notebook} && make sync\n"
        f"  to keep the notebook:  rm {pair.script} && make sync\n"
        f"  to see the difference: jupytext --to py:percent --output - {pair.notebook} "
        f"| diff - {pair.script}"
    )


def _carry_over(pair: Pair, winner: Path) -> None:
    """Let jupytext write the other side, with the ids of its cells kept."""
    from jupytext.cli import jupytext as run

    os.utime(winner)  # to jupytext, what was written last wins
    metadata = json.dumps(_KERNEL)
    run(["--quiet", "--set-formats", _FORMATS, "--update-metadata", metadata, str(winner)])
    run(["--quiet", "--sync", str(winner)])


def _clear_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    if not any(c.get("outputs") or c.get("execution_count") for c in notebook.cells):
        return
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with write_atomically(path) as temporary:
        nbformat.write(notebook, temporary)


def _digest_of_file(path: Path) -> str | None:
    return _digest(path.read_text, path) if path.is_file() else None


def _digest_in_git(path: Path, revision: str) -> str | None:
    """Digest a file as a commit has it, or, if ``revision`` is empty, as the next commit will."""
    command = ["git", "show", f"{revision}:./{path}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:  # no git here
        return None
    return None if done.returncode else _digest(lambda: done.stdout, path)


def _digest(read: Callable[[], str], path: Path) -> str:
    try:
        cells = jupytext.reads(read(), fmt=path.suffix.removeprefix(".")).cells
    except Exception as error:
        raise PairError(f"{path}: not a readable {path.suffix} file ({error})") from error
    text = jupytext.writes(nbformat.v4.new_notebook(cells=cells), fmt="py:percent")
    return hashlib.sha256(text.encode()).hexdigest()


def _read_note() -> dict[str, str]:
    if not _NOTE.is_file():
        return {}
    note: dict[str, str] = json.loads(_NOTE.read_text())
    return note
