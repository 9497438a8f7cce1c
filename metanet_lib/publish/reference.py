"""A run kept in the repository, as the reference that others are compared with.

:func:`keep` writes what :mod:`metanet_lib.experiments.reference` reads: tables, the figures that
draw numbers, and where they come from. No model, patch, picture or sound is among them.

A run that takes longer than a machine is there can be kept in parts: what its chapters found so
far, and on another day, from the same zoo trained anew, the others.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from metanet_lib import __version__
from metanet_lib.experiments.reference import (
    PROVENANCE,
    ROOT,
    Reference,
    beside_paper,
    kind,
    references,
)
from metanet_lib.publish.graph import CHAPTERS, SECTIONS, corpus_fingerprint, read_profile
from metanet_lib.publish.times import steps
from metanet_lib.store import Results, sha256, write_atomically

MARKS = ("<!-- What `metanet reference` writes: -->", "<!-- until here -->")
"""Between these stands the README's table of the paper and the reference runs."""

_TO = " to "  # between the first and the last day

LARGEST = 2_475_000
"""Bytes that the tables and figures of a reference may have. Two references travel with every copy
of the repository, each with its provenance under 2.49 MB."""


def keep(folder: Path | str, root: Path = ROOT, so_far: bool = False) -> Path:
    """Keep an executed run as the reference to runs on its kind of corpus, and return its place.

    What stood there stays until the new reference is whole. If it was of this very run, with the
    same parameters, corpus and models, it gives the chapters that have not been executed again.

    Parameters
    ----------
    folder
        The run's results, such as ``results/paper``.
    root
        The folder of all references.
    so_far
        Keep the chapters that there are; the others stand in the provenance as ``not_executed``.

    Raises
    ------
    FileNotFoundError
        If a chapter of the run has not been executed, unless that is expected (``so_far``), or if
        its corpus is not there.
    ValueError
        If chapters ran at a commit that is not known, or on files that were changed since; or if
        what there is to keep is too large.

    Examples
    --------
    >>> keep(folder / "nowhere")
    Traceback (most recent call last):
    FileNotFoundError: ...nowhere: not executed: 01_datasets; `make book` does it
    """
    run = Path(folder)
    results = results_of(run)
    chapters = _metadata(run, [name for name in CHAPTERS if _notebook(run, name).is_file()])
    told = _told(run, results, chapters)
    place = root / kind(results)
    before = Reference.at(place) if (place / PROVENANCE).is_file() else None
    if before and _same_run(before.provenance, told):
        told = _with(before.provenance, told)
    else:
        before = None
    told["not_executed"] = [name for name in CHAPTERS if name not in told["commits"]]
    if told["not_executed"] and not so_far:
        _metadata(run, told["not_executed"])  # says which are missing
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".new.") as temporary:
        new = Path(temporary) / place.name
        kept, left_out = _what_fits(run, before)
        for path in kept:
            (new / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, new / path.parent.name)
        told |= {
            "figures_left_out": [path.stem for path in left_out],
            "files": {f"{path.parent.name}/{path.name}": sha256(path) for path in kept},
        }
        (new / PROVENANCE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        if place.exists():
            place.rename(Path(temporary) / "old")
        new.rename(place)
    _tell(Path("README.md"), references(root))
    return place


def _same_run(before: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Return whether two provenances are of the same models, asked in the same way."""
    same = ("profile", "corpus_fingerprint", "parameters", "zoo")
    return bool(told["zoo"]) and all(before.get(key) == told[key] for key in same)


def _with(before: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of a run with that of its chapters that were executed before."""
    days = sorted(day for made in (before, told) for day in made["executed"].split(_TO))
    return {
        **told,
        "executed": _span(days),
        "machine": ", ".join(sorted({before["machine"], told["machine"]})),
        "commits": {**before["commits"], **told["commits"]},
        "steps": {**before["steps"], **told["steps"]},
    }


def _span(days: Sequence[str]) -> str:
    """Return the first and the last of sorted days, in words."""
    return days[0] if days[0] == days[-1] else f"{days[0]}{_TO}{days[-1]}"


def _what_fits(run: Path, before: Reference | None) -> tuple[list[Path], list[Path]]:
    """Return what of a run is kept, and the figures for which there is no room.

    All tables are, then the figures that the paper has, then the smallest. A figure without numbers
    of its own shows pictures, sounds or models, and never is.
    """
    tables = {path.name: path for path in (run / "tables").glob("*.csv")}
    drawn = {f.name: f for f in (run / "figures").glob("*.svg") if f.with_suffix(".csv").is_file()}
    if before:
        tables = {path.name: path for path in before.tables.glob("*.csv")} | tables
        drawn = {path.name: path for path in before.folder.glob("figures/*.svg")} | drawn
    kept = [tables[name] for name in sorted(tables)]
    size = sum(path.stat().st_size for path in kept)
    if size > LARGEST:
        raise ValueError(f"{run}: expected tables of at most {LARGEST:,} bytes, found {size:,}")
    left_out: list[Path] = []
    for path in sorted(drawn.values(), key=lambda f: (not _of_paper(f), f.stat().st_size)):
        size += path.stat().st_size
        (kept if size <= LARGEST else left_out).append(path)
    return kept, left_out


def _of_paper(figure: Path) -> bool:
    return figure.stem.removeprefix("fig").isdecimal()


def readme_table(kept: Sequence[Reference]) -> str:
    r"""Return the table with which the README begins, in Markdown.

    Examples
    --------
    >>> print(readme_table([]).splitlines()[2])
    | modality | 16 numbers of the metanetwork | 100\xa0% |
    """
    table = beside_paper(kept)
    rows: list[list[str]] = table.to_numpy().tolist()
    lines = [list(table.columns), ["---"] * len(table.columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tell(readme: Path, kept: Sequence[Reference]) -> None:
    """Put the table between the marks of a README, if it has any."""
    text = readme.read_text() if readme.is_file() else ""
    before, mark, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if mark and end:
        with write_atomically(readme) as temporary:
            temporary.write_text(f"{before}{mark}\n{readme_table(kept)}{end}{after}")


def check(place: Path) -> list[str]:
    """Return what of a reference is not as its provenance says; nothing if it is whole.

    Examples
    --------
    >>> _ = (folder / "provenance.json").write_text('{"files": {"tables/a.csv": "0"}}')
    >>> check(folder)
    ['tables/a.csv: expected by provenance.json, not found']
    """
    sums: dict[str, str] = json.loads((place / PROVENANCE).read_text())["files"]
    there = {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()}
    there.discard(PROVENANCE)
    wrong = [f"{name}: expected by {PROVENANCE}, not found" for name in sorted({*sums} - there)]
    wrong += [f"{name}: found, not in {PROVENANCE}" for name in sorted(there - {*sums})]
    changed = [name for name in sorted(there & {*sums}) if sha256(place / name) != sums[name]]
    return wrong + [f"{name}: expected as it was written, found changed" for name in changed]


def results_of(folder: Path) -> Results:
    """Return the run whose results lie in a folder, as its first chapter names it.

    Raises
    ------
    FileNotFoundError
        If that chapter has not been executed.

    Examples
    --------
    >>> results_of(folder)
    Traceback (most recent call last):
    FileNotFoundError: ...: not executed: 01_datasets; `make book` does it
    """
    ran = _metadata(folder, CHAPTERS[:1])[CHAPTERS[0]]["papermill"]["parameters"]
    return Results(ran["profile"], ran["corpus"], folder.parent)


def _notebook(run: Path, chapter: str) -> Path:
    return run / "chapters" / f"{chapter}.ipynb"


def _metadata(run: Path, chapters: Sequence[str]) -> dict[str, Any]:
    """Return what papermill and :mod:`metanet_lib.publish.chapter` noted of executed chapters."""
    paths = {name: _notebook(run, name) for name in chapters}
    if missing := [name for name, path in paths.items() if not path.is_file()]:
        raise FileNotFoundError(f"{run}: not executed: {', '.join(missing)}; `make book` does it")
    return {name: json.loads(path.read_text())["metadata"] for name, path in paths.items()}


def _told(run: Path, results: Results, chapters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was run, on what, where and for how long."""
    ran = {name: metadata.get("metanet", {}) for name, metadata in chapters.items()}
    for name, made in ran.items():
        commit = made.get("commit", "unknown")
        if commit == "unknown" or commit.endswith("-dirty"):
            raise ValueError(
                f"{run}, chapter {name}: expected to have run at a commit, found {commit!r}; "
                "commit what is changed, and run it again"
            )
    profile = read_profile(results.profile, results.corpus)
    ends = sorted(metadata["papermill"]["end_time"][:10] for metadata in chapters.values())
    return {
        "profile": results.profile,
        "corpus": results.corpus_title,
        "corpus_fingerprint": corpus_fingerprint(results.corpus_folder),
        "executed": _span(ends),
        "machine": ", ".join(sorted({made["machine"] for made in ran.values()})),
        "cores": int(re.findall(r"(\d+) cores", ran[CHAPTERS[0]]["machine"])[0]),
        "version": __version__,
        "commits": {name: made["commit"] for name, made in ran.items()},
        "steps": steps(run).round(1).to_dict("index"),
        "parameters": {name: profile[name] for name in SECTIONS},
        "zoo": _zoo_digest(Results.at(run).shards),
    }


def _zoo_digest(shards: Sequence[Path]) -> str:
    """Return a digest of the encoders of all models; empty if there are none."""
    found = hashlib.sha256()
    for path in shards:
        with safe_open(path, "numpy") as shard:
            found.update(shard.get_tensor("encoder").tobytes())
    return found.hexdigest() if shards else ""
