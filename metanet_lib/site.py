"""The site: executed chapters and prose pages become one HTML book.

:func:`build` lays a source tree beside the site (``_build/stage``), lets the ``jupyter-book``
program render it with every warning an error and without executing anything, and only then puts the
new pages in the place of the old. The tree mirrors the checkout, so that links hold in both:

- ``index.md``, the front page, taken from ``book/``; it alone moves, to be the site's first page;
- ``book/``: the other prose pages, the bibliography, the style sheet;
- ``book/_generated/``: what they include, :func:`decision_tables`, :func:`corpora_table`,
  :func:`status_tables` and :func:`run_in_short`;
- ``notebooks/``: copies of the executed chapters, without their cells of parameters, their figures
  numbered, and their scripts, to which :mod:`metanet_lib.pages` leads;
- ``figures/`` and ``tables/``: the run's figures with their data, and its tables, to which pages
  link;
- ``_config.yml``, with the banner that tells on every page which corpus and profile made it.

The chapters are those that ``_toc.yml`` names under ``notebooks/``. Run from the folder that holds
``_config.yml``, ``_toc.yml`` and ``book/``.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from metanet_lib import __version__
from metanet_lib.corpora.fetch import ARCHIVES
from metanet_lib.parameters import Parameters
from metanet_lib.store import Results

Profile = Mapping[str, Any]
Sections = Mapping[str, type[Parameters]]
Notebook = dict[str, Any]

_PARAMETER_TAGS = {"parameters", "injected-parameters"}
_PROGRAMS = ("torch", "numpy", "librosa", "scikit-learn", "jupyter-book")


class SiteError(ValueError):
    """The site could not be built; the message carries the warnings."""


def build(
    results: Results,
    profile: Profile,
    sections: Sections,
    output: Path = Path("_build/html"),
) -> None:
    """Build the site of a run.

    Parameters
    ----------
    results
        The run, its chapters executed.
    profile
        The profile that the run was made with.
    sections
        The sections of a profile and the parameters each holds; the table of decisions lists them.
    output
        Where the site goes. What stood there stays until the new site is whole.

    Raises
    ------
    FileNotFoundError
        If a chapter has not been executed.
    SiteError
        If ``jupyter-book`` fails or warns of anything.
    """
    notebooks = _executed_chapters(results)
    stage = output.parent / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree("book", stage / "book")
    (stage / "book" / "index.md").rename(stage / "index.md")
    shutil.copytree("notebooks", stage / "notebooks", ignore=shutil.ignore_patterns("*.ipynb"))
    shutil.copy("_toc.yml", stage)
    config = yaml.safe_load(Path("_config.yml").read_text())
    config["html"]["announcement"] = banner(results)
    (stage / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    for number, (name, notebook) in enumerate(notebooks.items(), 1):
        page = json.dumps(_for_reading(notebook, number, stage / "book" / "_static"))
        (stage / "notebooks" / f"{name}.ipynb").write_text(page)
    for kind in ("figures", "tables"):
        shutil.copytree(
            results.folder / kind, stage / kind, ignore=shutil.ignore_patterns("*.png", ".*")
        )
    _shrink(results.folder / "figures" / "fig4.png", stage / "figures" / "fig4-small.png")
    generated = stage / "book" / "_generated"
    generated.mkdir()
    (generated / "decisions.md").write_text(decision_tables(profile, sections))
    (generated / "corpora.md").write_text(corpora_table())
    (generated / "status.md").write_text(status_tables(results, profile, sections, notebooks))
    (generated / "run.md").write_text(run_in_short(results, notebooks))
    pages = _jupyter_book(stage)
    shutil.copytree(stage / "figures", pages / "figures")  # captions are HTML: Sphinx sees no link
    _swap(pages, output)


def banner(results: Results) -> str:
    """Return the HTML of the banner: which corpus and which profile made the site."""
    caution = ": nothing here is a finding about real photographs or sounds"
    return (
        f"Made from the <strong>{escape(results.corpus_title)}</strong>, "
        f"profile <strong>{escape(results.profile)}</strong>{caution if results.is_demo else ''}."
    )


def decision_tables(profile: Profile, sections: Sections) -> str:
    """Return Markdown that lists every parameter of a run, one table a section.

    A value that differs from the default is marked, and so is a reason that begins with ``open:``,
    where the paper leaves the decision to us.
    """
    parts = []
    for name, kind in sections.items():
        default, chosen = kind(), kind.of(profile.get(name, {}))
        rows = []
        for field in fields(kind):
            usual, value = getattr(default, field.name), getattr(chosen, field.name)
            why = field.metadata["why"]
            ours = why.startswith("open:")
            reason = _plain(why.removeprefix("open:").strip())
            rows.append(
                (
                    f"`{field.name}`",
                    _value(usual),
                    "same" if value == usual else f"[{_value(value)}]{{.changed}}",
                    _plain(field.metadata["what"]),
                    f"[our decision]{{.ours}} {reason}" if ours else reason,
                )
            )
        header = ("parameter", "paper, or ours", "this run", "meaning", "reason")
        title = f"## `{name}`: {_plain(_first_line(kind))}"
        parts.append(f"{title}\n\n:::{{div}} decisions\n{_table(header, rows)}:::\n")
    return "\n".join(parts)


def corpora_table() -> str:
    """Return Markdown that tells where the real corpora come from, and their terms."""
    rows = [
        (
            f"[{_plain(archive.title)}]({archive.url})",
            archive.size_text,
            f"{_plain(archive.terms)} [More]({archive.terms_url})",
        )
        for archive in ARCHIVES.values()
    ]
    sources = [f"- {_plain(a.title)}: {_plain(a.source)}." for a in ARCHIVES.values()]
    return "\n".join(
        [
            _table(("corpus", "archive", "terms"), rows),
            "Checksums and sizes are stated by:\n",
            *sources,
            "",
        ]
    )


def status_tables(
    results: Results,
    profile: Profile,
    sections: Sections,
    notebooks: Mapping[str, Notebook],
) -> str:
    """Return Markdown that tells how long each chapter ran, and with what."""
    runs = _runs(notebooks)
    chapters = [
        (f"{{doc}}`/notebooks/{name}`", run["end_time"][:10], _duration(run["duration"]))
        for name, run in runs.items()
    ]
    total = ("all chapters", "", _total(runs))
    seeds = [
        (f"`{name}.{field.name}`", _value(getattr(kind.of(profile.get(name, {})), field.name)))
        for name, kind in sections.items()
        for field in fields(kind)
        if field.name in ("seed", "seeds")
    ]
    facts = [
        ("corpus", _plain(results.corpus_title)),
        ("profile", _plain(results.profile)),
        ("site built", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
    ]
    programs = [
        ("metanet_lib (this book's library)", __version__),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in _PROGRAMS),
    ]
    return "\n".join(
        [
            "## The run\n",
            _table(("what", "which"), facts),
            "## Run time of the chapters\n",
            _table(("chapter", "executed", "run time"), [*chapters, total]),
            "## Seeds\n",
            _table(("parameter", "value"), seeds),
            "## Versions\n",
            _table(("program", "version"), programs),
        ]
    )


def run_in_short(results: Results, notebooks: Mapping[str, Notebook]) -> str:
    """Return a line of Markdown that tells what made the site, and how long its chapters took."""
    return (
        f"This site was made from the **{_plain(results.corpus_title)}**, profile "
        f"**{_plain(results.profile)}**. Its {len(notebooks)} chapters ran for "
        f"**{_total(_runs(notebooks))}**, not counting the zoo that was trained for them.\n"
    )


def _runs(notebooks: Mapping[str, Notebook]) -> dict[str, Any]:
    return {name: notebook["metadata"]["papermill"] for name, notebook in notebooks.items()}


def _total(runs: Mapping[str, Any]) -> str:
    return _duration(sum(run["duration"] for run in runs.values()))


# --- Staging ----------------------------------------------------------------------------------


def _executed_chapters(results: Results) -> dict[str, Notebook]:
    """Read the executed chapters that ``_toc.yml`` names, in its order."""
    folder = results.folder / "chapters"
    names = [Path(file).stem for file in _files(yaml.safe_load(Path("_toc.yml").read_text()))]
    missing = [name for name in names if not (folder / f"{name}.ipynb").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: not executed yet: {', '.join(missing)}; `make book "
            f"PROFILE={results.profile} CORPUS={results.corpus}` executes what is missing"
        )
    return {name: json.loads((folder / f"{name}.ipynb").read_text()) for name in names}


def _files(toc: Any) -> list[str]:
    """Return every ``file: notebooks/...`` of a table of contents, however deep."""
    if isinstance(toc, list):
        return [file for entry in toc for file in _files(entry)]
    if not isinstance(toc, dict):
        return []
    own = [toc["file"]] if str(toc.get("file", "")).startswith("notebooks/") else []
    return own + [file for entry in toc.values() for file in _files(entry)]


_UNNUMBERED = re.compile(r'(<b class="number" data-figure="([^"]+)">)(?=</b>)')
_LIBRARY = re.compile(r'<script class="plotly">(.*?)</script>', re.DOTALL)


def _for_reading(notebook: Notebook, chapter: int, static: Path) -> Notebook:
    """Return an executed chapter as the site shows it.

    Its cells of parameters are left out, and so is the LaTeX form of an output: it never shows on a
    page, but Sphinx takes it for mathematics and loads MathJax from another site. Figures without a
    number get one, chapter and place. The library that draws figures to explore goes to ``static``,
    once for all pages.
    """
    cells = notebook["cells"]
    shown = [c for c in cells if not _PARAMETER_TAGS & set(c["metadata"].get("tags", []))]
    numbers: dict[str, int] = {}

    def numbered(place: re.Match[str]) -> str:
        return f"{place[1]}Figure {chapter}.{numbers.setdefault(place[2], len(numbers) + 1)}."

    def shared(library: re.Match[str]) -> str:
        (static / "plotly.js").write_text(library[1])
        return '<script src="../_static/plotly.js"></script>'

    for cell in shown:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("text/latex", None)
            if "text/html" in data:
                html = _UNNUMBERED.sub(numbered, "".join(data["text/html"]))
                data["text/html"] = _LIBRARY.sub(shared, html)
    return {**notebook, "cells": shown}


def _shrink(picture: Path, small: Path) -> None:
    """Write a picture anew for the front page: half as wide and high, in few colours."""
    Image.open(picture).convert("RGB").reduce(2).quantize(64).save(small, optimize=True)


def _jupyter_book(stage: Path) -> Path:
    """Render the staged tree and return the folder of its pages."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(stage), "--all", "-W", "-n", "--keep-going"]
    run = subprocess.run(
        command,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    html = stage / "_build" / "html"
    if run.returncode or not (html / "index.html").is_file():
        lines = run.stdout.splitlines()
        warnings = [line for line in lines if re.search("WARNING|ERROR|exception:", line)]
        raise SiteError("the site was not built:\n" + "\n".join(warnings or lines[-20:]))
    return html


def _swap(new: Path, output: Path) -> None:
    """Put the new site in the place of the old."""
    old = output.with_name(f"{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    new.rename(output)
    shutil.rmtree(old, ignore_errors=True)


# --- Markdown ---------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, inside a table too."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>|#$~" else c for c in " ".join(text.split()))


def _value(value: Any) -> str:
    """Return a parameter's value as a reader writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(_value(v) for v in value)
    return f"{value:,}" if isinstance(value, int) else _plain(str(value))


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _first_line(kind: type[Parameters]) -> str:
    """Return the first sentence of a class's docstring, begun in lower case, without its stop."""
    sentence = (kind.__doc__ or kind.__name__).strip().split(". ")[0].split("\n")[0].rstrip(".")
    return sentence[0].lower() + sentence[1:]
