"""Claims about the built site as a reader's browser shows it: `make test-site`.

They read the site at `_build/html`, whatever profile made it, or that of $METANET_SITE, page by
page, with the network beyond it closed.
"""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.browser

SITE = Path(os.environ.get("METANET_SITE", "_build/html")).resolve()
WIDTHS = (360, 768, 1400)
FRONT_PAGE, ANY_PAGE = 1_000_000, 6_000_000  # bytes, with all that a page loads
MAP_PAGE = "notebooks/04_modality.html"


@dataclass
class Visit:
    """What one saw of a page on a wide screen."""

    faults: list[str]
    broken_images: list[str]
    weight: int
    places: set[str]
    links: list[str]


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Every page of the site, as a path from its root."""
    if not (SITE / "index.html").is_file():
        pytest.fail(f"no site at {SITE}; `make book PROFILE=tiny` builds one")
    paths = (path.relative_to(SITE) for path in sorted(SITE.rglob("*.html")))
    return [str(path) for path in paths if path.parts[0] != "_static"]


@pytest.fixture(scope="module")
def browser():
    from browsing import chromium

    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def base():
    from browsing import served

    with served(SITE) as address:
        yield address


@pytest.fixture
def window(browser, base):
    """Open a window on the site: `window(width=..., scheme=...)`."""
    from browsing import reading

    with ExitStack() as stack:
        yield lambda **look: stack.enter_context(reading(browser, base, **look))


@pytest.fixture(scope="module")
def visits(browser, base, names) -> dict[str, Visit]:
    from browsing import reading

    with reading(browser, base) as reader:
        return {name: visit(reader, name) for name in names}


def visit(reader, name: str) -> Visit:
    page = reader.open(name)
    links = page.evaluate("() => [...document.links].map(a => a.href)")
    return Visit(
        list(reader.faults),
        page.evaluate(
            "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 90))"
        ),
        sum((SITE / f).stat().st_size for f in reader.loaded if (SITE / f).is_file()),
        set(
            page.evaluate(
                "() => [...document.querySelectorAll('[id],a[name]')].map(e => e.id || e.name)"
            )
        ),
        [a.removeprefix(reader.base) for a in links if a.startswith(reader.base)],
    )


def assert_none(faults: Iterable[str]) -> None:
    """Show every fault, where `assert faults == []` would show the first."""
    told = "\n".join(faults)
    assert not told, f"\n{told}"


def test_every_page_loads_whole_and_asks_no_other_site(visits):
    assert_none(f"{name}: {fault}" for name, seen in visits.items() for fault in seen.faults)


def test_every_picture_is_shown(visits):
    assert_none(f"{name}: {src}" for name, seen in visits.items() for src in seen.broken_images)


def test_every_link_within_the_site_leads_to_a_page_and_a_place_that_are_there(visits):
    """Also those that a script has put on the page."""
    faults = []
    for name, seen in visits.items():
        for link in seen.links:
            parts = urlsplit(link)
            target, place = unquote(parts.path) or "index.html", unquote(parts.fragment)
            if target in visits and place and place != "top":
                there = place in visits[target].places
            else:
                there = (SITE / target).is_file()
            if not there:
                faults.append(f"{name}: {link}")
    assert_none(faults)


def test_no_page_is_heavy(visits):
    limits = {"index.html": FRONT_PAGE}
    assert_none(
        f"{name}: {seen.weight / 1e6:.2f} MB"
        for name, seen in visits.items()
        if seen.weight > limits.get(name, ANY_PAGE)
    )


def test_every_page_opens_from_a_folder_without_a_server(names, browser):
    from browsing import reading

    with reading(browser, SITE.as_uri() + "/") as reader:
        faults = []
        for name in names:
            reader.open(name)
            faults += [f"{name}: {fault}" for fault in reader.faults]
        assert_none(faults)
        page = reader.open("search.html?q=filter+sorting")
        page.wait_for_selector("#search-results li a")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways(width, names, window):
    reader, faults = window(width=width), []
    for name in names:
        page = reader.open(name)
        excess = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        if excess > 0:
            faults.append(f"{name}: {excess} px too wide")
    assert_none(faults)


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (360, "light")])
def test_axe_finds_no_serious_fault(width, scheme, names, window):
    """Contrast, names of links and buttons, boxes one can reach: dequeuniversity.com/rules/axe."""
    from axe_playwright_python.sync_playwright import Axe

    reader, faults = window(width=width, scheme=scheme), []
    for name in names:
        page = reader.open(name)
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                where = [" ".join(map(str, node["target"])) for node in fault["nodes"]]
                faults.append(f"{name}: {fault['id']}: {where[:4]} ({len(where)})")
    assert_none(faults)


def test_figures_stand_on_white_in_the_dark(names, window):
    """They are drawn in dark ink on no ground of their own."""
    reader, faults = window(scheme="dark"), []
    for name in names:
        page = reader.open(name)
        assert page.evaluate("() => document.documentElement.dataset.theme") == "dark", name
        grounds = page.evaluate(
            "() => [...document.querySelectorAll('.bd-article img')]"
            ".map(i => getComputedStyle(i).backgroundColor)"
        )
        faults += [f"{name}: on {ground}" for ground in grounds if ground != "rgb(255, 255, 255)"]
    assert_none(faults)


def test_the_search_box_leads_to_a_page_with_the_words(window):
    reader = window()
    page = reader.open("index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("filter sorting")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    page.locator("#search-results li a").first.click()
    page.wait_for_selector("article h1")
    text = page.locator("article").inner_text().lower()
    assert "filter" in text
    assert "sort" in text
    assert reader.faults == []


def test_the_keyboard_reaches_the_content_first_and_one_sees_where_it_is(names, window):
    reader, faults = window(), []
    for name in names:
        page = reader.open(name)
        page.keyboard.press("Tab")
        label = page.evaluate("() => document.activeElement.innerText.trim()")
        if label != "Skip to main content":
            faults.append(f"{name}: the first Tab leads to {label!r}")
            continue
        page.keyboard.press("Enter")
        for _ in range(5):
            page.keyboard.press("Tab")
            seen, what = page.evaluate(
                """() => {
                    const here = document.activeElement, style = getComputedStyle(here);
                    const box = here.getBoundingClientRect();
                    const ring = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
                    const shown = box.width > 0 && box.height > 0;
                    const atTheEnd = here === document.body;
                    return [atTheEnd || (shown && ring), here.outerHTML.slice(0, 90)];
                }"""
            )
            if not seen:
                faults.append(f"{name}: no visible focus on {what}")
    assert_none(faults)


@pytest.fixture
def map_page(window):
    """The map of models to explore, drawn."""
    page = window(width=1400).open(MAP_PAGE)
    if not page.locator("figure.explore").count():
        pytest.skip(f"{MAP_PAGE} has no map to explore")
    page.locator("figure.explore").first.scroll_into_view_if_needed()
    page.wait_for_selector("figure.explore .js-plotly-plot .point")
    return page


def test_pointing_at_a_model_on_the_map_tells_its_dataset(map_page):
    plot = map_page.locator("figure.explore .js-plotly-plot").first
    plot.locator(".point").last.hover(force=True)
    plot.locator(".hoverlayer .hovertext").first.wait_for()
    assert plot.locator(".hoverlayer .hovertext").first.text_content().strip()


def test_a_button_of_the_map_changes_its_colours(map_page):
    figure = map_page.locator("figure.explore").first
    choices = figure.locator("input[type=radio]")
    assert choices.count() >= 2
    read = "e => [...e.querySelectorAll('.point')].map(p => p.style.fill + p.style.fillOpacity)"
    before = figure.evaluate(read)
    choices.nth(1).check(force=True)
    map_page.wait_for_timeout(300)
    assert figure.evaluate(read) != before


def test_a_phone_draws_the_map_within_its_screen(window):
    page = window(width=360).open(MAP_PAGE)
    if not page.locator("figure.explore").count():
        pytest.skip(f"{MAP_PAGE} has no map to explore")
    page.wait_for_selector("figure.explore .js-plotly-plot .point")
    assert page.locator("figure.explore .js-plotly-plot").first.bounding_box()["width"] <= 360


CODE_PAGE = TABLE_PAGE = "notebooks/12_against_the_others.html"


def test_one_button_hides_and_shows_all_code_and_the_next_page_remembers(window):
    reader = window(width=1400)
    page = reader.open(CODE_PAGE)
    told = "all => all.map(cell => cell.open)"
    marks = page.locator("details.above-input")
    assert {True, False} == set(marks.evaluate_all(told)), "some is shown, some is not"
    page.locator(".btn-code").first.click()
    assert set(marks.evaluate_all(told)) == {True}
    page.locator(".btn-code").first.click()
    assert set(marks.evaluate_all(told)) == {False}
    page = reader.open("notebooks/02_model_zoo.html")
    assert set(page.locator("details.above-input").evaluate_all(told)) == {False}


def test_the_table_of_the_comparison_sorts_leaves_out_and_opens(window):
    page = window(width=1400).open(TABLE_PAGE)
    table = page.locator("table.standings")
    cell = "rows => rows.filter(r => !r.hidden).map(r => +r.cells[{}].dataset.sort)"
    rows = table.locator("tbody tr")
    table.locator("thead button", has_text="modality").click()
    shares = rows.evaluate_all(cell.format(5))
    assert shares == sorted(shares, reverse=True)
    page.locator(".choices select[data-name=numbers]").select_option("16")
    assert set(rows.evaluate_all(cell.format(4))) == {16}
    row = table.locator("tbody tr:visible").first
    row.locator("summary").click()
    assert row.locator("dt").first.is_visible()


def test_a_phone_shows_name_modality_and_dataset_and_the_rest_behind_the_row(window):
    page = window(width=360).open(TABLE_PAGE)
    cells = page.locator("table.standings tbody tr").first.locator("td, th")
    shown = [i for i in range(cells.count()) if cells.nth(i).is_visible()]
    assert shown == [0, 1, 5, 6]


KINDS = ("figure.tabled", "figure:has(> img)", "figure.explore")


@pytest.mark.parametrize("kind", KINDS)
def test_the_link_of_a_figure_leads_to_it_and_copies_its_address(kind, window):
    reader = window(width=1400)
    page = reader.open(MAP_PAGE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    figure = page.locator(kind).first
    link = figure.locator("a.anchor")
    address = f"{reader.base}{MAP_PAGE}#{figure.get_attribute('id')}"
    link.click()
    figure.locator("output.copied").wait_for()
    assert page.url == address
    assert page.evaluate("() => navigator.clipboard.readText()") == address
    figure.locator("output.copied").wait_for(state="detached")
    assert reader.faults == []


def test_the_link_of_a_figure_is_seen_where_the_pointer_or_the_keyboard_is(window):
    page = window(width=1400).open(MAP_PAGE)
    shown = "e => getComputedStyle(e).opacity"
    for kind in KINDS:
        figure = page.locator(kind).first
        link = figure.locator("a.anchor")
        figure.scroll_into_view_if_needed()
        page.mouse.move(0, 0)
        assert link.evaluate(shown) == "0"
        figure.locator("figcaption").hover()
        assert link.evaluate(shown) == "1"
        page.mouse.move(0, 0)
        page.keyboard.press("Tab")
        link.focus()
        assert link.evaluate(shown) == "1"


def test_a_phone_shows_the_link_of_every_figure(window):
    page = window(width=360, touch=True).open(MAP_PAGE)
    links = page.locator("a.anchor")
    assert links.count() >= len(KINDS)
    shown = "all => all.map(e => getComputedStyle(e).opacity)"
    assert set(links.evaluate_all(shown)) == {"1"}


def test_without_scripts_the_link_of_a_figure_is_a_link(browser, base):
    page = browser.new_page(java_script_enabled=False)
    page.goto(base + MAP_PAGE)
    page.locator("figure.tabled a.anchor").first.click()
    assert page.url.startswith(f"{base}{MAP_PAGE}#")
    page.close()
