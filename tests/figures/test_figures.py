"""Claims about the figures: labelled, in one language, stored and shown with words."""

import ast
import re
from base64 import b64decode
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from bs4 import BeautifulSoup
from matplotlib.text import Text

from metanet_lib import catalog, figures
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.publish.graph import CHAPTERS
from metanet_lib.store import Results

ALL = [d.id for d in catalog.DATASETS]
TRAINING = list(catalog.TRAINING_IDS)
SEEDS = pd.DataFrame(
    {
        "representation": ["metanetwork", "metanetwork", "raw_weights"],
        "seed": pd.array([0, 1, None], dtype="Int64"),
        "accuracy": [0.3, 0.2, 0.1],
        "bootstrap_low": [0.2, 0.1, 0.05],
        "bootstrap_high": [0.4, 0.3, 0.15],
        "headline": [True, False, True],
        "paper_accuracy": [0.254, 0.254, 0.0785],
    }
)


def encoder(seed=0):
    return np.random.default_rng(seed).normal(size=(256, 16))


def uniform(*shape):
    return np.random.default_rng(0).random(shape)


def grey(*shape):
    return (255 * uniform(*shape)).astype(np.uint8)


FIGURES = {
    "contact_sheet": lambda: figures.contact_sheet({"v:aer": [grey(20, 30), grey(90, 17)]}),
    "spectrograms": lambda: figures.spectrograms(
        {"a:air": [uniform(16, 30), uniform(16, 90)], "a:car": [uniform(16, 20)]}, 0.02, 0.25
    ),
    "patch_gallery": lambda: figures.patch_gallery({i: uniform(3, 256) for i in ALL}, 0.25),
    "loss_curves": lambda: figures.loss_curves(
        pd.DataFrame(uniform(256, 41), columns=ALL).assign(step=range(1, 257))
    ),
    "final_losses": lambda: figures.final_losses(
        pd.DataFrame({"dataset": ALL, "loss": uniform(1, 256)[0, :41]})
    ),
    "filter_gallery": lambda: figures.filter_gallery({i: encoder() for i in TRAINING}),
    "reconstructions": lambda: figures.reconstructions(
        {"a:air": (uniform(4, 256), uniform(4, 256) - 0.5)}, 0.25
    ),
    "metanetwork_diagram": lambda: figures.metanetwork_diagram(MetanetworkParameters()),
    "filter_embeddings": lambda: figures.filter_embeddings(
        uniform(4, 16, 3), np.array(["v:aer", "a:air"] * 2)
    ),
    "filter_sorting": lambda: figures.filter_sorting(
        encoder(), np.arange(16)[::-1], uniform(16, 3)
    ),
    "rebuilt_filters": lambda: figures.rebuilt_filters({"v:aer": (encoder(), encoder())}),
    "embedding_map": lambda: figures.embedding_map(uniform(41, 2), np.array(ALL), TRAINING),
    "confusion": lambda: figures.confusion(np.eye(20), TRAINING, "title"),
    "accuracy_and_cost": lambda: figures.accuracy_and_cost(
        pd.DataFrame(
            {
                "row": ["gram", "metanetwork", "probes"],
                "group": ["weights only", "weights only", "black box"],
                "labels": [False, False, True],
                "ms_per_model": [0.1, 2.0, 30.0],
                **{
                    f"{task}{part}": [0.3, 0.2, 0.9]
                    for task in ("modality", "dataset_id")
                    for part in ("", "_ci_low", "_ci_high")
                },
            }
        )
    ),
    "accuracy_by_seed": lambda: figures.accuracy_by_seed(SEEDS, 0.05),
}


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_stored_as_svg_and_png_and_drawn_alike_twice(name, tmp_path):
    results = Results("tiny", root=tmp_path)
    svg = results.folder / f"figures/{name}.svg"
    figures.show(FIGURES[name](), results, name, "caption", "alt", data=SEEDS)
    first = svg.read_bytes()
    figures.show(FIGURES[name](), results, name, "caption", "alt", data=SEEDS)
    assert svg.read_bytes() == first
    assert svg.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name", ["loss_curves", "final_losses", "embedding_map", "confusion", "accuracy_and_cost"]
)
def test_axes_are_labelled(name):
    assert all(ax.get_xlabel() for ax in FIGURES[name]().axes if ax.get_label() != "<colorbar>")


def shown(tmp_path, name, data):
    """A figure in a folder of results, as a page has it."""
    results = Results("tiny", root=tmp_path)
    figure = FIGURES["confusion"]()
    text = 'What "it" shows'
    html = figures.show(figure, results, name, "A <caption>.", text, data)._repr_html_()
    return BeautifulSoup(html, "html.parser").figure


def test_a_shown_figure_has_its_caption_and_its_alternative_text(tmp_path):
    figure = shown(tmp_path, "fig5", SEEDS)
    assert figure.img["alt"] == 'What "it" shows'
    assert figure.img["src"].startswith("data:image/svg+xml;base64,")
    assert figure.figcaption.get_text().startswith("Figure 5. A <caption>.")


def test_a_figure_leads_to_its_picture_and_its_data_from_beside_the_chapter(tmp_path):
    links = [a["href"] for a in shown(tmp_path, "dots", SEEDS).select(".files a")]
    assert links == ["../figures/dots.svg", "../figures/dots.csv"]
    chapter = tmp_path / "tiny/chapters"
    chapter.mkdir()
    assert all((chapter / link).resolve().is_file() for link in links)
    again = pd.read_csv(tmp_path / "tiny/figures/dots.csv", dtype={"seed": "Int64"})
    pd.testing.assert_frame_equal(again, SEEDS, check_dtype=False)


def test_a_figure_leads_to_itself_by_a_link_that_says_so(tmp_path):
    figure = shown(tmp_path, "dots", SEEDS)
    link = figure.select_one("figcaption > a.anchor")
    assert link["href"] == f"#{figure['id']}" == "#dots"
    assert link["aria-label"] == link["title"] == "Link to this figure"


def test_a_picture_says_where_it_comes_from_and_leaves_no_old_data_behind(tmp_path):
    shown(tmp_path, "filters", SEEDS)
    figure = shown(tmp_path, "filters", "the zoo")
    assert "data: the zoo" in figure.figcaption.get_text()
    assert [a["href"] for a in figure.select(".files a")] == ["../figures/filters.svg"]
    assert not (tmp_path / "tiny/figures/filters.csv").exists()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_chapter_numbers_a_figure_by_hand_or_shows_one_without_its_data(chapter):
    for node in ast.walk(ast.parse(Path(f"notebooks/{chapter}.py").read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "figures.show":
            given = {word.arg for word in node.keywords}
            assert len(node.args) + len(given) == 6, ast.unparse(node)
            caption = ast.unparse(node.args[3])
            assert not re.match(r"""f?["']Figure""", caption), caption


def test_vision_is_blue_and_audio_orange_on_the_map():
    first, second = FIGURES["embedding_map"]().axes[0].collections
    colours = {tuple(c) for points in (first, second) for c in points.get_facecolor()[:, :3]}
    assert len(colours) == 2
    assert figures.HUES == {"vision": "#0072B2", "audio": "#D55E00"}


def heard(html):
    """The sound in a page, and its sample rate."""
    (encoded,) = re.findall(r'src="data:audio/wav;base64,([^"]+)"', html)
    return soundfile.read(BytesIO(b64decode(encoded)))


def tone(rate, seconds, peak):
    return peak * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_recording_is_played_from_the_page_itself(rate):
    played = figures.listen(tone(rate, 2, 0.5), rate, "a <tone>", "A & B")._repr_html_()
    assert 'aria-label="a &lt;tone&gt;"' in played
    assert "<figcaption>A &amp; B, 2.0 s</figcaption>" in played
    assert "controls" in played
    samples, played_rate = heard(played)
    assert played_rate == min(rate, 22050)
    assert np.abs(samples - tone(played_rate, 2, 0.5))[100:-100].max() < 1e-3


def test_of_a_long_recording_the_page_plays_the_beginning_and_says_so():
    played = figures.listen(tone(44100, 6, 0.5), 44100, "a tone", "A tone")._repr_html_()
    assert "A tone, the first 4 of 6.0 s" in played
    assert len(heard(played)[0]) == 4 * 22050
    assert len(played) < 250_000


def test_a_recording_beyond_full_scale_is_made_softer_and_never_cut():
    samples, _ = heard(figures.listen(tone(22050, 1, 1.3), 22050, "a tone", "A")._repr_html_())
    assert np.abs(samples - tone(22050, 1, 1)).max() < 1e-3


def test_spectrograms_share_one_scale_of_time():
    first, second, *_ = FIGURES["spectrograms"]().axes
    assert first.get_xlim() == second.get_xlim() == pytest.approx((0, 120 * 0.02))
    starts, ends = zip(*(image.get_extent()[:2] for image in first.images), strict=True)
    assert starts == pytest.approx((0, 30 * 0.02))
    assert ends == pytest.approx((30 * 0.02, 120 * 0.02))


def test_the_contact_sheet_has_each_datasets_photographs_under_its_name():
    sheet = figures.contact_sheet({"v:aer": [grey(200, 300)] * 3, "v:bic": [grey(40, 30)]})
    assert [ax.get_title(loc="left") for ax in sheet.axes] == ["aeroplane  v:aer", "bicycle  v:bic"]
    three, one = (np.asarray(ax.images[0].get_array()) for ax in sheet.axes)
    assert three.shape == one.shape, "pictures of all datasets have one size"
    assert three.shape[0] <= 120
    side = three.shape[0]
    assert (three[:, :side] == three[:, -side:]).all()
    assert (one[:, side:] == 255).all()


@pytest.mark.parametrize("ids", [["v:aer", "v:bic"], ["a:air"]])
def test_patches_of_one_modality_alone_can_be_drawn(ids):
    (panel,) = figures.patch_gallery({i: uniform(3, 256) for i in ids}, 0.25).axes
    assert len(panel.get_yticklabels()) == len(ids)


@pytest.mark.parametrize("dpi", [72, 100, 200])
@pytest.mark.parametrize("crowd", [0.02, 0.2, 1])
def test_numbers_of_crowded_points_cover_neither_each_other_nor_a_point(crowd, dpi):
    rng = np.random.default_rng(0)
    n = 46
    table = pd.DataFrame({"row": "mine", "group": "weights only", "labels": False}, range(n))
    table["ms_per_model"] = 10 ** (crowd * rng.uniform(-1, 1, n))
    for task in ("modality", "dataset_id"):
        table[task] = 0.5 + 0.45 * crowd * rng.uniform(-1, 1, n)
        table[f"{task}_ci_low"], table[f"{task}_ci_high"] = table[task] - 0.01, table[task] + 0.01
    figure = figures.accuracy_and_cost(table)
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without its line
    assert [text.get_text() for text in ax.texts] == [str(i) for i in range(1, n + 1)]
    assert [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])] == []
    middles = ax.transData.transform(np.column_stack([table.ms_per_model, 100 * table.dataset_id]))
    assert [box for box in boxes if any(box.contains(*middle) for middle in middles)] == []
    assert all(ax.bbox.contains(*corner) for box in boxes for corner in box.corners())
