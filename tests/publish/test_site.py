"""The site is built from executed chapters, or stays as it was."""

from dataclasses import fields
from pathlib import Path
from shutil import copy, copytree

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from htmlcheck import broken_links, external_requests, images_without_text, pages, problems
from matplotlib.figure import Figure
from nbformat import NotebookNode

from metanet_lib import figures
from metanet_lib.figures import interactive
from metanet_lib.publish import pages as pages_of_site
from metanet_lib.publish import site
from metanet_lib.publish.api import ROOMS
from metanet_lib.publish.graph import SECTIONS
from metanet_lib.store import Results

ROOT = Path(__file__).parents[2]
PROFILE = {"zoo": {"models_fit": 12}, "metanetwork": {"seeds": 2, "channels": [4, 8, 17]}}
RESULTS = Results("tiny")
PICTURE = '<img alt="a dot" src="data:image/svg+xml;base64,PHN2Zy8+">'
TABLE = figures.show_table(pd.DataFrame({"x": ["a table"]}), "paper_vs_this_run", "Both")
GLUED = {
    "05_dataset_id": {"paper_vs_this_run": TABLE._repr_html_()},
    "09_open_decisions": {"open_decisions": f'<figure class="metanet">{PICTURE}</figure>'},
}
GLUED_TEXT = {
    "04_modality": {
        "modality_metanetwork": "99.1 %",
        "modality_raw_weights": "51.2 %",
        "claim_modality": "a claim modality",
        "modality_new_metanetwork": "98.4 % (95.1 to 100.0 %)",
    },
    "05_dataset_id": {
        "n_ids": "20",
        "dataset_id_metanetwork": "36.5 %",
        "dataset_id_raw_weights": "9.9 %",
        "claim_dataset_id": "a claim dataset id",
        "dataset_id_new_metanetwork": "21.3 % (8.8 to 35.6 %)",
        "chance": "5.0 %",
    },
    "12_against_the_others": {
        "papers_span": "a papers span",
        "fair_better": "a fair better",
        "fair": "a fair",
        "fair_best": "a fair best",
        "fair_best_accuracy": "a fair best accuracy",
    },
    "06_dataset_or_files": {
        "zoos_dataset_id": "24.4 % to 38.1 %",
    },
    "09_open_decisions": {
        "mel_power": "a mel power",
        "mel_decibel": "a mel decibel",
    },
    "11_a_better_metanetwork": {
        "functional_same": "97.5 %",
        "functional_new": "33.1 %",
        "functional_modality": "100.0 %",
    },
    "13_from_numbers_to_models": {
        "sampled_ratio": "a sampled ratio",
    },
    "14_any_architecture": {
        "modality": "a modality",
    },
}


def chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    return [Path(c["file"]).stem for p in toc for c in p["chapters"] if "notebooks" in c["file"]]


def glue(name: str, data: dict[str, str]) -> NotebookNode:
    scrap = {"scrapbook": {"name": name, "mime_prefix": ""}}
    return nbformat.v4.new_output("display_data", data=data, metadata=scrap)


def shown(name: str) -> list[NotebookNode]:
    """What a chapter displays: three figures with their files, two tables, and a map.

    One of the figures is shown twice, and so is one of the tables.
    """
    nothing, data = Figure(), pd.DataFrame({"x": [1.5]})
    one, paper, other = (
        figures.show(nothing, RESULTS, figure, "A dot", "a dot", data)
        for figure in (f"{name}_one", "fig4", f"{name}_other")
    )
    encoders = np.random.default_rng(0).normal(size=(2, 256, 16))
    ids = np.array(["v:aer", "a:air"])
    explored = interactive.model_map(encoders[:, 0, :2], encoders, ids, ids, "A map", "a map")
    table, last = (
        figures.show_table(data, f"{name}_{table}_table", "Every <x>")
        for table in ("first", "last")
    )
    return [
        nbformat.v4.new_output("display_data", data={"text/html": output._repr_html_()})
        for output in (one, table, paper, other, one, explored, last, table)
    ]


def executed_chapter(
    name: str, text: str = "See [Decisions](../book/decisions.md)."
) -> NotebookNode:
    cell = nbformat.v4.new_code_cell
    outputs = [glue(key, {"text/html": html}) for key, html in GLUED.get(name, {}).items()] + [
        glue(key, {"text/plain": repr(shown)}) for key, shown in GLUED_TEXT.get(name, {}).items()
    ]
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(f"# Chapter {name}\n\n{text} {{cite}}`wilson1927`"),
            cell("k = 'a default'", metadata={"tags": ["parameters"]}),
            cell("k = 'injected'", metadata={"tags": ["injected-parameters"]}),
            cell("show()", outputs=[*outputs, *shown(name)]),
            cell("tell()", outputs=[nbformat.v4.new_output("stream", text="said aloud")]),
            cell(
                "work()",
                outputs=[nbformat.v4.new_output("stream", name="stderr", text="bar 50 %|##")],
            ),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "papermill": {"duration": 61.0, "end_time": "2024-05-06T07:08:09"},
        },
    )


def write_chapter(results: Results, name: str, notebook: NotebookNode) -> Path:
    path = results.folder / "chapters" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the book's sources and made-up executed chapters, and the site built there."""
    folder = tmp_path_factory.mktemp("checkout")
    copytree(ROOT / "book", folder / "book")
    for name in ("_config.yml", "_toc.yml", "CITATION.cff"):
        copy(ROOT / name, folder)
    copytree(ROOT / "notebooks", folder / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # The whole reference takes most of a build; the tiny book has it.
        patch.setattr(
            site, "ROOMS", {room: ("parameters",) if room == "ground" else () for room in ROOMS}
        )
        RESULTS.save_table(pd.DataFrame({"x": [1.5]}), "a_table")
        for name in chapters():
            write_chapter(RESULTS, name, executed_chapter(name))
        site.build(RESULTS, PROFILE, SECTIONS)
        yield folder


@pytest.fixture(scope="module")
def html(checkout):
    return checkout / "_build" / "html"


def page(html: Path, name: str):
    return BeautifulSoup((html / name).read_text(), "html.parser")


def test_every_page_says_which_corpus_and_profile_made_it(html):
    assert len(pages(html)) >= 10
    for path, soup in pages(html):
        banner = soup.select_one(".bd-header-announcement")
        assert banner is not None, path
        assert "synthetic demo corpus" in banner.get_text(), path
        assert "profile tiny" in banner.get_text(), path


def test_a_real_corpus_is_named_in_the_banner_as_plain_text(tmp_path):
    text = site.banner(Results("paper", str(tmp_path / "<my corpus>")))
    assert "photographs and recordings in &lt;my corpus&gt;" in text
    assert "synthetic" not in text
    assert "nothing here" not in text


def test_no_page_asks_another_site_every_link_leads_somewhere_every_picture_has_a_text(html):
    assert problems(html) == []


def test_every_page_leads_to_its_source_in_the_site_and_the_source_is_there(html):
    sources = {"index.html": "book/index.md", "book/corpora.html": "book/corpora.md"} | {
        f"notebooks/{name}.html": f"notebooks/{name}.py" for name in chapters()
    }
    for name, source in sources.items():
        link = page(html, name).select_one(".edit a")["href"]
        copy = (html / name).parent / link
        assert copy.resolve() == html / "_sources" / source
        assert copy.read_text() == (ROOT / source).read_text()


def test_a_repository_set_in_the_configuration_gets_the_edit_links():
    file = pages_of_site.source("notebooks/04_modality")
    for repository, address in {
        "https://github.com/o/n": "https://github.com/o/n/edit/main/notebooks/04_modality.py",
        "https://gitlab.com/o/n/": "https://gitlab.com/o/n/-/edit/main/notebooks/04_modality.py",
    }.items():
        assert pages_of_site.editor(file, repository, "main") == address
    with pytest.raises(ValueError, match="expected an address of github, gitlab"):
        pages_of_site.editor(file, "https://forge.example/o/n", "main")


def test_a_shared_link_shows_a_picture_by_its_address_in_full_once_the_site_has_one(html):
    tags = (html / "index.html").read_text()
    picture = page(html, "index.html").select_one('[property="og:image"]')["content"]
    assert (html / picture).is_file()
    assert f'"https://book.example/n/{picture}"' in pages_of_site.preview(
        tags, "https://book.example/n/"
    )
    assert pages_of_site.preview(tags, "") == tags


def test_decisions_list_every_parameter_and_mark_ours_and_what_differs(html):
    soup = page(html, "book/decisions.html")
    rows = {
        (title, cells[0].get_text()): cells
        for section in soup.select("section section")
        if section.h2.code  # of a class of parameters; fixed choices have a table of their own
        for title in [section.h2.code.get_text()]
        for row in section.select("tbody tr")
        for cells in [row("td")]
    }
    expected = {(name, f.name): f for name, kind in SECTIONS.items() for f in fields(kind)}
    assert rows.keys() == expected.keys()
    for key, field in expected.items():
        meaning = rows[key][3].get_text().replace("’", "'")
        assert meaning == " ".join(field.metadata["what"].split())
        ours = rows[key][4].select_one(".ours") is not None
        assert ours == field.metadata["why"].startswith("open:")
        assert "open:" not in rows[key][4].get_text()
    assert [c.get_text() for c in rows["zoo", "models_fit"][1:3]] == ["500", "12"]
    assert rows["metanetwork", "channels"][2].get_text() == "4, 8, 17"
    changed = {key for key, cells in rows.items() if cells[2].select_one(".changed")}
    named = {("zoo", "models_fit"), ("metanetwork", "seeds"), ("metanetwork", "channels")}
    assert changed == named


def test_status_tells_run_times_seeds_and_versions(html):
    text = page(html, "book/status.html").get_text(" ", strip=True)
    minutes = "{0} min {0} s".replace(" ", "\N{NO-BREAK SPACE}")
    assert text.count(minutes.format(1)) == len(chapters())
    assert minutes.format(len(chapters())) in text
    assert text.count(f"{100 / len(chapters()):.0f}\N{NO-BREAK SPACE}%") == len(chapters())
    for expected in ("2024-05-06", "zoo.seed", "torch", "librosa", "jupyter-book", "Python"):
        assert expected in text


def test_front_page_shows_what_chapters_have_glued(html):
    front = page(html, "index.html")
    for shown in ("a table", *(v for texts in GLUED_TEXT.values() for v in texts.values())):
        assert shown in front.get_text()


def test_front_page_has_the_answer_as_a_picture_what_made_it_and_how_long_it_took(html):
    front = page(html, "index.html")
    text = " ".join(front.article.get_text().split())
    assert f"made from the synthetic demo corpus, profile tiny. Its {len(chapters())}" in text
    assert f"ran for {len(chapters())} min {len(chapters())} s" in text
    assert any("fig4" in image["src"] for image in front("img"))
    assert not front.select("figure.metanet .files"), "they would lead elsewhere from here"


def test_front_page_is_light_and_draws_nothing(html):
    front = page(html, "index.html")
    sources = [t["src"] for t in front(["script", "img"], src=True)]
    sources += [t["href"] for t in front("link", rel="stylesheet")]
    assert not [source for source in sources if "plotly" in source]
    icons = html / "_static/vendor/fontawesome/webfonts/fa-solid-900.woff2"
    files = {html / source.split("?")[0] for source in sources} | {html / "index.html", icons}
    assert sum(file.stat().st_size for file in files) < 1e6


def test_figures_are_numbered_by_chapter_but_those_that_the_paper_numbers(html):
    for chapter, name in enumerate(chapters(), 1):
        places = page(html, f"notebooks/{name}.html").select("b.number[data-figure]")
        numbers = [place.get_text() for place in places]
        first, second = f"Figure {chapter}.1.", f"Figure {chapter}.2."
        assert numbers == [first, "Figure 4.", second, first], "a figure shown twice keeps its own"


def test_tables_are_numbered_by_chapter_and_apart_from_figures(html):
    for chapter, name in enumerate(chapters(), 1):
        captions = page(html, f"notebooks/{name}.html").select(".tabled > figcaption")
        told = [caption.get_text() for caption in captions]
        if name == "05_dataset_id":  # it has a glued one before these
            assert told.pop(0) == "Table 5.1. Both#"
        glued = len(captions) - len(told)
        first, last = (f"Table {chapter}.{glued + n}. Every <x>#" for n in (1, 2))
        assert told == [first, last, first], "a table shown twice keeps its own"


def test_the_front_page_shows_a_chapters_table_with_its_number_and_a_link_that_works_there(html):
    (table,) = page(html, "index.html").select("figure.tabled")
    assert table.b.get_text() == "Table 5.1."
    assert table.a["href"] == f"#{table['id']}" == "#paper_vs_this_run"


def test_every_figure_and_every_table_has_a_link_to_itself(html):
    for name in chapters():
        named = page(html, f"notebooks/{name}.html").select("figure.metanet[id]")
        assert len(named) >= 8
        assert [f.select_one("figcaption > a.anchor")["href"] for f in named] == [
            f"#{f['id']}" for f in named
        ]


def test_every_figure_has_its_files_beside_the_site(html):
    for name in chapters():
        figure = page(html, f"notebooks/{name}.html").find("figure", id=f"{name}_one")
        picture, data = (
            (html / "notebooks" / a["href"]).resolve() for a in figure.select("small a")
        )
        assert picture.read_text().startswith("<?xml")
        assert data.read_text() == "x\n1.5\n"


def test_the_library_that_draws_is_on_the_site_once_and_pages_stay_light(html):
    assert (html / "_static/plotly.js").read_text() == interactive.library()
    for name in chapters():
        chapter = page(html, f"notebooks/{name}.html")
        assert [s["src"] for s in chapter("script", src=True) if "plotly" in s["src"]] == [
            "../_static/plotly.js"
        ]
        assert (html / f"notebooks/{name}.html").stat().st_size < 2e5


def test_chapters_show_output_but_neither_parameters_nor_progress_bars(checkout, html):
    for name in chapters():
        text = page(html, f"notebooks/{name}.html").get_text()
        assert "said aloud" in text
        for hidden in ("a default", "injected", "bar 50 %"):
            assert hidden not in text
        results = nbformat.read(checkout / f"results/tiny/chapters/{name}.ipynb", 4)
        assert results.cells[1].metadata.tags == ["parameters"]


def test_a_warning_fails_the_build_is_told_and_keeps_the_old_site(checkout, html):
    before = {path: path.read_bytes() for path in html.rglob("*.html")}
    results = Results("tiny")
    broken = executed_chapter("01_datasets", "[nowhere](../book/nowhere.md)")
    path = write_chapter(results, "01_datasets", broken)
    with pytest.raises(site.SiteError, match=r"01_datasets.*nowhere"):
        site.build(results, PROFILE, SECTIONS)
    write_chapter(results, "01_datasets", executed_chapter("01_datasets"))
    assert path.is_file()
    assert {path: path.read_bytes() for path in html.rglob("*.html")} == before


def test_a_chapter_not_executed_is_named(checkout):
    with pytest.raises(FileNotFoundError, match=r"01_datasets.*make book PROFILE=other"):
        site.build(Results("other"), PROFILE, SECTIONS)


def test_the_checks_find_what_is_wrong(tmp_path):
    (tmp_path / "a.html").write_text(
        '<script src="https://cdn.example/x.js"></script>'
        '<link rel="stylesheet" href="//f.example/c">'
        '<img src="gone.png"><a href="a.html#nowhere">x</a><a href="a.html#here">x</a>'
        '<a id="here" href="https://example.org">fine: a reader\'s choice</a>'
        "<style>@import url(https://f.example/font.css)</style>"
    )
    (tmp_path / "s.css").write_text("b {background: url('https://f.example/b.png')}")
    assert [fault.split("> ")[-1] for fault in external_requests(tmp_path)] == [
        "https://cdn.example/x.js",
        "//f.example/c",
        "a.html: https://f.example/font.css",
        "s.css: https://f.example/b.png",
    ]
    found = sorted(broken_links(tmp_path))
    assert found == ["a.html: <a> a.html#nowhere", "a.html: <img> gone.png"]
    assert images_without_text(tmp_path) == ["a.html: gone.png"]
