"""The site: executed chapters and prose pages become one HTML book.

:func:`build` lays a source tree beside the site (``_build/stage``), lets the ``jupyter-book``
command render it with every warning an error and without executing anything, and only then puts the
new pages in the place of the old. The tree mirrors the checkout, so that links hold in both:

- ``index.md``, the front page, taken from ``book/``; it alone moves, to be the site's first page;
- ``book/``: the other prose pages, the bibliography, the style sheet;
- ``book/_generated/``: what they include, see :mod:`metanet_lib.publish.generated` and
  :mod:`metanet_lib.publish.api`;
- ``notebooks/``: copies of the executed chapters, without their cells of parameters, their figures
  and tables numbered, and their scripts, to which :mod:`metanet_lib.publish.pages` leads;
- ``figures/`` and ``tables/``: the run's figures with their data, and its tables, to which pages
  link;
- ``_config.yml``, with the banner that tells on every page which corpus and profile made it.

The chapters are those that ``_toc.yml`` names under ``notebooks/``. Run from the folder that holds
``_config.yml``, ``_toc.yml`` and ``book/``.
"""

import gc
import json
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from jupyter_book.cli.main import main as jupyter_book
from PIL import Image

from metanet_lib.experiments.reference import references
from metanet_lib.publish.api import ROOMS, listing
from metanet_lib.publish.generated import (
    Notebook,
    Profile,
    Sections,
    bibtex,
    corpora_table,
    decision_tables,
    front_picture,
    reference_findings,
    reference_runs,
    run_in_short,
    status_tables,
)
from metanet_lib.store import Results

FRONT = {
    "fig4": "Figure 4, the map of the validation models. Vision models are blue, audio models "
    "orange; circles mark training datasets and triangles unseen ones.",
    "accuracy_by_files": "How often the dataset is named, by how many files of it models learned "
    "from: models of the same files and models of new ones.",
    "beyond": "A plane with one point a representation: how often the dataset is named of models "
    "of the same files, across, and of new ones, up.",
}
"""The figures of the front page, and what each shows; a run may lack one."""

_PARAMETER_TAGS = {"parameters", "injected-parameters"}


class SiteError(ValueError):
    """The site could not be built; the message carries the warnings.

    Examples
    --------
    >>> issubclass(SiteError, ValueError)
    True
    """


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

    Examples
    --------
    >>> try:
    ...     build(Results("quick"), {}, {})
    ... except FileNotFoundError as error:
    ...     print(error)
    [Errno 2] No such file or directory: '_toc.yml'
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
    generated = stage / "book" / "_generated"
    generated.mkdir()
    for name, alt in FRONT.items():
        picture = results.folder / "figures" / f"{name}.png"
        shown = ""
        if picture.is_file():
            _shrink(picture, stage / "figures" / f"{name}-small.png")
            shown = front_picture(name, alt)
        (generated / f"front_{name}.md").write_text(shown)
    (generated / "bibtex.md").write_text(bibtex(Path("CITATION.cff").read_text()))
    (generated / "decisions.md").write_text(decision_tables(profile, sections))
    (generated / "corpora.md").write_text(corpora_table())
    (generated / "status.md").write_text(status_tables(results, profile, sections, notebooks))
    (generated / "references.md").write_text(reference_runs(references()))
    (generated / "front_reference.md").write_text(reference_findings(references()))
    (generated / "run.md").write_text(run_in_short(results, notebooks))
    for room, parts in ROOMS.items():
        (generated / f"api_{room}.md").write_text(listing(parts))
    pages = _jupyter_book(stage)
    shutil.copytree(stage / "figures", pages / "figures")  # captions are HTML: Sphinx sees no link
    _swap(pages, output)


def banner(results: Results) -> str:
    """Return the HTML of the banner: which corpus and which profile made the site.

    Examples
    --------
    >>> banner(Results("quick")).split(",")[0]
    'Made from the <strong>synthetic demo corpus</strong>'
    """
    caution = ": nothing here is a finding about real photographs or sounds"
    return (
        f"Made from the <strong>{escape(results.corpus_title)}</strong>, "
        f"profile <strong>{escape(results.profile)}</strong>{caution if results.is_demo else ''}."
    )


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


_UNNUMBERED = re.compile(r'(<b class="number" data-(figure|table)="([^"]+)">)(?=</b>)')
_LIBRARY = re.compile(r'<script class="plotly">(.*?)</script>', re.DOTALL)


def _for_reading(notebook: Notebook, chapter: int, static: Path) -> Notebook:
    """Return an executed chapter as the site shows it.

    Its cells of parameters are left out, and so is the LaTeX form of an output: it never shows on a
    page, but Sphinx takes it for mathematics and loads MathJax from another site. Figures and
    tables without a number get one, chapter and place, each kind its own. The library that draws
    figures to explore goes to ``static``, once for all pages.
    """
    cells = notebook["cells"]
    shown = [c for c in cells if not _PARAMETER_TAGS & set(c["metadata"].get("tags", []))]
    numbers: dict[str, dict[str, int]] = {"figure": {}, "table": {}}

    def numbered(place: re.Match[str]) -> str:
        of_kind = numbers[place[2]]
        number = of_kind.setdefault(place[3], len(of_kind) + 1)
        return f"{place[1]}{place[2].capitalize()} {chapter}.{number}."

    def shared(library: re.Match[str]) -> str:
        (static / "plotly.js").write_text(library[1])
        return '<script src="../_static/plotly.js"></script>'

    for cell in shown:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("text/latex", None)
            for kind in data:
                if kind.endswith("text/html"):  # of what is glued, with a prefix
                    html = _UNNUMBERED.sub(numbered, "".join(data[kind]))
                    data[kind] = _LIBRARY.sub(shared, html)
    return {**notebook, "cells": shown}


def _shrink(picture: Path, small: Path) -> None:
    """Write a picture anew for the front page: half as wide and high, in few colours."""
    Image.open(picture).convert("RGB").reduce(2).quantize(64).save(small, optimize=True)


def _jupyter_book(stage: Path) -> Path:
    """Render the staged tree and return the folder of its pages."""
    # In this process, which has imported the library, whose reference is among the pages. What is
    # here already is none of Sphinx's: one of its extensions looks at every object that is not set
    # aside, and would touch dead ones and deprecated ones.
    command = ["build", str(stage), "--all", "-W", "-n", "--keep-going"]
    gc.freeze()
    try:
        run = CliRunner().invoke(jupyter_book, command, env={"NO_COLOR": "1"})
    finally:
        gc.unfreeze()
    html = stage / "_build" / "html"
    if run.exit_code or not (html / "index.html").is_file():
        lines = run.output.splitlines()
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
