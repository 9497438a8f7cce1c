"""The pages' Markdown that a run makes: its decisions, its corpora, its times and versions.

Prose pages in ``book/`` include it from ``book/_generated/``; :mod:`metanet_lib.publish.site`
puts it there.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pandas as pd
import yaml

from metanet_lib import __version__
from metanet_lib.data.corpora.fetch import ARCHIVES
from metanet_lib.experiments.reference import Reference, findings
from metanet_lib.parameters import Parameters
from metanet_lib.publish.times import steps
from metanet_lib.store import Results

Profile = Mapping[str, Any]
Sections = Mapping[str, type[Parameters]]
Notebook = dict[str, Any]

_PROGRAMS = ("torch", "numpy", "librosa", "scikit-learn", "jupyter-book")


def decision_tables(profile: Profile, sections: Sections) -> str:
    """Return Markdown that lists every parameter of a run, one table a section.

    A value that differs from the default is marked, and so is a reason that begins with ``open:``,
    where the paper leaves the decision to us.

    Examples
    --------
    >>> from metanet_lib.interpret import InterpretParameters
    >>> print(decision_tables({}, {"interpret": InterpretParameters}).splitlines()[0])
    ## `interpret`: how models are interpreted
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
    """Return Markdown that tells where the real corpora come from, and their terms.

    Examples
    --------
    >>> "Pascal VOC 2012" in corpora_table()
    True
    """
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
    """Return Markdown that tells how long each step of a run took, and with what.

    Examples
    --------
    >>> ran = {"metadata": {"papermill": {"duration": 61, "end_time": "2026-01-01T00:00:00"}}}
    >>> page = status_tables(Results("quick"), {}, {}, {"01_datasets": ran})
    >>> "1 min 1 s" in page.replace("\N{NO-BREAK SPACE}", " ")
    True
    """
    runs, took = _runs(notebooks), steps(results.folder)
    before = took.loc[took.index.intersection(["patches", "zoo", "fits"])]
    together = sum(run["duration"] for run in runs.values()) + before.seconds.sum()
    lines = [
        (f"{step}, {row.jobs:.0f} job{'s' if row.jobs > 1 else ''}", "", row.seconds, step)
        for step, row in before.iterrows()
    ] + [
        (f"{{doc}}`/notebooks/{name}`", run["end_time"][:10], run["duration"], name)
        for name, run in runs.items()
    ]
    chapters = [
        (
            what,
            executed,
            _duration(seconds),
            f"{100 * seconds / together:.0f}\N{NO-BREAK SPACE}%",
            f"{took.megabytes[step]:,.0f}\N{NO-BREAK SPACE}MB" if step in took.index else "",
        )
        for what, executed, seconds, step in lines
    ]
    total = ("all, one after the other", "", _duration(together), "", "")
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
            "## Run time\n",
            _table(("step", "executed", "run time", "share", "memory"), [*chapters, total]),
            "## Seeds\n",
            _table(("parameter", "value"), seeds),
            "## Versions\n",
            _table(("program", "version"), programs),
        ]
    )


def reference_runs(references: Sequence[Reference]) -> str:
    r"""Return Markdown that tells of the runs that are kept to compare with.

    Examples
    --------
    >>> reference_runs([])
    'No reference run is kept here.\n'
    """
    if not references:
        return "No reference run is kept here.\n"
    what = ["profile", "corpus", "its fingerprint", "executed", "commit", "machine"]
    rows = [[*what, "all steps, one after the other", "memory of a job, at most"]]
    for made in (reference.provenance for reference in references):
        took = pd.DataFrame(made["steps"]).T
        rows.append(
            [
                f"`{made['profile']}`",
                _plain(made["corpus"]),
                f"`{made['corpus_fingerprint']}`",
                made["executed"],
                ", ".join(f"`{commit}`" for commit in sorted(set(made["commits"].values()))),
                _plain(made["machine"]),
                _duration(took.seconds.sum()),
                f"{took.megabytes.max():,.0f}\N{NO-BREAK SPACE}MB",
            ]
        )
    names = [reference.folder.name for reference in references]
    return _table(("what", *names), list(zip(*rows, strict=True)))


def reference_findings(references: Sequence[Reference]) -> str:
    """Return what the front page says of the runs that are kept; nothing without any.

    Examples
    --------
    >>> reference_findings([])
    ''
    """
    return "".join(f"{findings(reference)}\n\n" for reference in references)


def run_in_short(results: Results, notebooks: Mapping[str, Notebook]) -> str:
    """Return a line of Markdown that tells what made the site, and how long its chapters took.

    Examples
    --------
    >>> ran = {"metadata": {"papermill": {"duration": 61, "end_time": "2026-01-01T00:00:00"}}}
    >>> said = run_in_short(Results("quick"), {"01_datasets": ran})
    >>> "ran for **1 min 1 s**" in said.replace("\N{NO-BREAK SPACE}", " ")
    True
    """
    return (
        f"This site was made from the **{_plain(results.corpus_title)}**, profile "
        f"**{_plain(results.profile)}**. Its {len(notebooks)} chapters ran for "
        f"**{_total(_runs(notebooks))}**, not counting the zoo that was trained for them.\n"
    )


def front_picture(name: str, alt: str) -> str:
    """Return the Markdown of a figure on the front page.

    Examples
    --------
    >>> print(front_picture("fig4", "A map.").splitlines()[0])
    ```{image} /figures/fig4-small.png
    """
    return (
        f"```{{image}} /figures/{name}-small.png\n:alt: {alt}\n:class: paper\n:width: 100%\n```\n"
    )


def bibtex(citation: str) -> str:
    r"""Return what ``CITATION.cff`` says as an entry of BibTeX, in Markdown.

    Examples
    --------
    >>> print(bibtex("title: T\nversion: 1.0.0\nauthors: [{name: A}]").splitlines()[1])
    @software{metanetwork,
    """
    told = yaml.safe_load(citation)
    authors = " and ".join(f"{{{author['name']}}}" for author in told["authors"])
    return (
        "```bibtex\n@software{metanetwork,\n"
        f"  title   = {{{told['title']}}},\n  author  = {{{authors}}},\n"
        f"  version = {{{told['version']}}}\n}}\n```\n"
    )


def _runs(notebooks: Mapping[str, Notebook]) -> dict[str, Any]:
    return {name: notebook["metadata"]["papermill"] for name, notebook in notebooks.items()}


def _total(runs: Mapping[str, Any]) -> str:
    return _duration(sum(run["duration"] for run in runs.values()))


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
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        words = f"{hours} h {minutes} min"
    elif seconds >= 60:
        words = f"{minutes} min {whole} s"
    else:
        words = f"{seconds:.1f} s"
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def _first_line(kind: type[Parameters]) -> str:
    """Return the first sentence of a class's docstring, begun in lower case, without its stop."""
    sentence = (kind.__doc__ or kind.__name__).strip().split(". ")[0].split("\n")[0].rstrip(".")
    return sentence[0].lower() + sentence[1:]
