"""Claims about the tables of the chapters: titled, named, and each with an address."""

import ast
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from metanet_lib import figures
from metanet_lib.publish.graph import CHAPTERS

TABLE = pd.DataFrame({"x": [1.25, 1000], "<y>": ["a", "b"]})


def parsed(shown):
    return BeautifulSoup(shown._repr_html_(), "html.parser").figure


def test_a_table_stands_below_its_title_without_its_index():
    figure = parsed(figures.show_table(TABLE, "some_rows", "Rows <and> columns, in metres"))
    assert figure["id"] == "some_rows"
    children = [child.name for child in figure.children if child.name not in (None, "style")]
    assert children == ["figcaption", "table"]
    assert figure.figcaption.get_text() == " Rows <and> columns, in metres#"
    assert len(figure.table.thead("th")) == 2
    assert [cell.get_text() for cell in figure.table.tbody.tr(["td", "th"])] == ["1.250000", "a"]


def test_a_table_keeps_the_formats_it_was_given():
    style = TABLE.style.format(precision=1, thousands=",")
    cells = parsed(figures.show_table(style, "some_rows", "Rows")).table.tbody("td")
    assert [cell.get_text() for cell in cells] == ["1.2", "a", "1,000.0", "b"]


def test_a_table_leads_to_itself_by_a_link_that_says_so():
    link = parsed(figures.show_table(TABLE, "some_rows", "Rows")).select_one("figcaption > a")
    assert link["href"] == "#some_rows"
    assert link["aria-label"] == link["title"] == "Link to this table"


def test_a_table_is_shown_alike_twice():
    first, second = (figures.show_table(TABLE, "some_rows", "Rows") for _ in range(2))
    assert first._repr_html_() == second._repr_html_()


def test_the_comparison_has_a_title_too():
    row = {"row": "mine", "title": "Mine", "group": "weights only", "dimension": 16}
    row |= {"fit_seconds": 1.0, "ms_per_model": 0.1}
    shown = figures.standings(pd.DataFrame([row]), ["nothing"], [{}], "all_rows", "Every row")
    figure = parsed(shown)
    assert figure["id"] == "all_rows"
    assert figure.figcaption.get_text() == " Every row#"
    assert figure.select_one("figcaption + table.standings") is not None


def chapter(name):
    return ast.parse(Path(f"notebooks/{name}.py").read_text())


def calls(tree, *functions):
    """The calls of functions in a chapter."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [node for node in nodes if ast.unparse(node.func) in functions]


def tables(tree):
    """Name and title of each table of a chapter."""
    return [
        tuple(argument.value if isinstance(argument, ast.Constant) else "" for argument in last)
        for call in calls(tree, "figures.show_table", "figures.standings")
        for last in [call.args[-2:]]
    ]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_no_table_without_a_title(name):
    tree = chapter(name)
    titled = {
        id(node) for call in calls(tree, "figures.show_table") for node in ast.walk(call.args[0])
    }
    styles = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "style"]
    assert [ast.unparse(style) for style in styles if id(style) not in titled] == []
    source = Path(f"notebooks/{name}.py").read_text()
    for cell in re.split(r"(?m)^# %%.*\n", source):
        *_, last = ast.parse(cell).body or [None]
        if isinstance(last, ast.Expr):
            shown = ast.unparse(last)
            assert not shown.startswith("pd."), f"a table without a title: {shown}"


def test_every_anchor_is_two_words_or_more_and_stands_in_the_book_once():
    """Headings have anchors of words joined by a hyphen, or of one word."""
    trees = [chapter(name) for name in CHAPTERS]
    names = [name for tree in trees for name, _ in tables(tree)]
    assert len(names) > 50
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name)] == []
    of_figures = [c.args[2].value for tree in trees for c in calls(tree, "figures.show")]
    assert len(of_figures) > 30
    assert [n for n, times in Counter([*names, *of_figures]).items() if times > 1] == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_title_is_one_line_and_neither_a_sentence_nor_a_number(name):
    for _, title in tables(chapter(name)):
        assert len(title) <= 100
        assert not re.search(r"^Table|\.$|\n", title), title
