"""Figures and tables as a page displays them, and a figure as a file of its own.

Each has a name of its own in the whole book, which is its anchor on its page, and a link to itself
(``book/_static/anchor.js`` copies its address). The site numbers both by chapter.
"""

from base64 import b64encode
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from metanet_lib.figures.style import book_style
from metanet_lib.store import Results, write_figure


class Shown:
    """A figure or table as a page displays it.

    Examples
    --------
    >>> Shown("<p>as it is</p>")._repr_html_()
    '<p>as it is</p>'
    """

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def show(
    figure: Figure, results: Results, name: str, caption: str, alt: str, data: pd.DataFrame | str
) -> Shown:
    """Store a figure with a run's results and return it as a page displays it.

    Below the caption stand links to the figure's files. They lead from ``chapters/`` of the results
    to ``figures/`` beside it, and so they do on the site; in a notebook that is run elsewhere they
    lead nowhere, but the files are in the results all the same.

    Parameters
    ----------
    figure
        The figure.
    results
        The run.
    name
        File name without suffix; ``fig3`` to ``fig6`` are the figures that the paper numbers.
    caption
        What the reader sees below it, without a number: the paper's figures keep theirs, the others
        are numbered by chapter when the site is built.
    alt
        What the picture shows, for those who cannot see it.
    data
        The numbers that are drawn, stored as ``figures/<name>.csv``. Of pictures, such as patches
        or filters, where they come from, in words: ``the zoo``.

    Examples
    --------
    >>> results = Results("quick", root=folder)
    >>> shown = show(Figure(), results, "nothing", "Nothing.", "an empty page", "nowhere")
    >>> sorted(path.name for path in (results.folder / "figures").iterdir())
    ['nothing.png', 'nothing.svg']
    """
    drawn = data if isinstance(data, pd.DataFrame) else None
    with book_style():
        svg = results.save_figure(figure, name, drawn).read_bytes()
    source = f"data: {escape(str(data))}" if drawn is None else file_link(name, "csv", "data (CSV)")
    return Shown(
        f'<figure class="metanet" id="{name}"><img alt="{escape(alt)}" '
        f'src="data:image/svg+xml;base64,{b64encode(svg).decode()}">'
        f"<figcaption>{_number(name)}{escape(caption)} "
        f'<small class="files">{file_link(name, "svg", "picture (SVG)")} · {source}</small>'
        f"{anchor(name, 'figure')}</figcaption></figure>"
    )


def show_table(table: pd.DataFrame | Styler, name: str, title: str) -> Shown:
    """Return a table as a page displays it, below its title; its index is not shown.

    Parameters
    ----------
    table
        The table, or one with formats: ``table.style.format(precision=2)``.
    name
        Its anchor: two words or more, joined by ``_``, that no other table or figure of the book
        has.
    title
        What the rows are, and the unit where that is not plain: one line, not a sentence, without
        a number and without a result. The number follows when the site is built.

    Examples
    --------
    >>> shown = show_table(pd.DataFrame({"x": [1.5]}), "all_of_x", "Every x, in metres")
    >>> '<figure class="metanet tabled" id="all_of_x">' in shown._repr_html_()
    True
    """
    style = table.style if isinstance(table, pd.DataFrame) else table
    return below_title(style.hide().to_html(table_uuid=name), name, title)


def below_title(table: str, name: str, title: str) -> Shown:
    """Return the HTML of a table below its title, see :func:`show_table`.

    Examples
    --------
    >>> below_title("<table></table>", "all_of_x", "Every x")._repr_html_()[-37:]
    '</figcaption><table></table></figure>'
    """
    return Shown(
        f'<figure class="metanet tabled" id="{name}"><figcaption>'
        f'<b class="number" data-table="{name}"></b> {escape(title)}{anchor(name, "table")}'
        f"</figcaption>{table}</figure>"
    )


def anchor(name: str, what: str) -> str:
    """Return the HTML of a link to what has this name on its page, such as a figure or a table.

    Examples
    --------
    >>> anchor("fig4", "figure")[:31]
    '<a class="anchor" href="#fig4" '
    """
    says = f"Link to this {what}"
    return f'<a class="anchor" href="#{name}" title="{says}" aria-label="{says}">#</a>'


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file of its own, ``.png`` or ``.svg``.

    Examples
    --------
    >>> save(Figure(), folder / "nothing.png")
    >>> (folder / "nothing.png").is_file()
    True
    """
    with book_style():
        write_figure(figure, path)


def file_link(name: str, suffix: str, text: str) -> str:
    """Return the HTML of a link to a figure's file.

    Examples
    --------
    >>> file_link("fig4", "csv", "data (CSV)")
    '<a href="../figures/fig4.csv">data (CSV)</a>'
    """
    return f'<a href="../figures/{name}.{suffix}">{text}</a>'


def _number(name: str) -> str:
    """Return the number that the paper gives, or a place for the one that the site will give."""
    paper = name.removeprefix("fig")
    known = f"Figure {paper}." if paper.isdecimal() else ""
    return f'<b class="number" data-figure="{name}">{known}</b> '
