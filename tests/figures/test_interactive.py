"""Claims about figures to explore and the gallery: whole, light, and from nowhere else."""

import gzip
import json
import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from htmlcheck import external_requests, images_without_text
from PIL import Image
from plotly.offline import get_plotlyjs

from metanet_lib import catalog
from metanet_lib.figures import gallery, interactive
from metanet_lib.interpret import InterpretParameters, Verdict
from metanet_lib.representations import RawWeights
from metanet_lib.zoo import Zoo

ALL = [d.id for d in catalog.DATASETS]
TRAINING = list(catalog.TRAINING_IDS)


def zoo_of(ids, per_dataset):
    """Models of some datasets; those of one dataset are alike."""
    ids = np.repeat(ids, per_dataset)
    places = np.array([ALL.index(i) for i in ids])
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(41, 256, 16))
    noise = 0.1 * generator.normal(size=(len(ids), 256, 16))
    return Zoo((centres[places] + noise).astype(np.float32), ids)


@pytest.fixture(scope="module")
def validation():
    return zoo_of(ALL, 2)


def confusion_table():
    truth = np.repeat(TRAINING, 3)
    return Verdict({}, truth, np.roll(truth, 1), truth).confusion_table(TRAINING)


@pytest.fixture(scope="module")
def explored(validation):
    """Both figures to explore, parsed."""
    points = np.random.default_rng(0).normal(size=(82, 2))
    of_models = interactive.model_map(
        points, validation.encoders, validation.datasets, TRAINING, "A <map>", "A map"
    )
    tables = {"with": confusion_table(), "without": confusion_table()}
    matrices = interactive.confusions(tables, "fig5", "Two matrices", "Two matrices")
    return {
        "map": BeautifulSoup(of_models._repr_html_(), "html.parser"),
        "matrices": BeautifulSoup(matrices._repr_html_(), "html.parser"),
    }


def carried(soup):
    return json.loads(soup.select_one("script[type='application/json']").get_text())


@pytest.mark.parametrize("name", ["map", "matrices"])
def test_a_figure_to_explore_asks_no_other_site_and_says_what_it_shows(name, explored, tmp_path):
    (tmp_path / "page.html").write_text(str(explored[name]))
    assert external_requests(tmp_path) == []
    own = [s.get_text() for s in explored[name]("script") if s.get("class") != ["plotly"]]
    assert not [script for script in own if "//" in re.sub(r"//.*\n", "", script[:4000])]
    assert explored[name].select_one(".plot")["aria-label"]
    assert "JavaScript" in explored[name].select_one(".unready").get_text()


@pytest.mark.parametrize("name", ["map", "matrices"])
def test_a_figure_to_explore_leads_to_itself(name, explored):
    link = explored[name].select_one("figcaption > a.anchor")
    assert link["href"] == f"#{explored[name].figure['id']}"


@pytest.mark.parametrize("name", ["map", "matrices"])
def test_every_choice_changes_every_trace_and_the_first_is_what_is_drawn(name, explored):
    data = carried(explored[name])
    choices = explored[name].select("input[type=radio]")
    assert {c["value"] for c in choices} == data["updates"].keys()
    assert [c["value"] for c in choices if c.has_attr("checked")]
    for update in data["updates"].values():
        assert all(len(values) == len(data["figure"]["data"]) for values in update.values())


def test_the_library_is_plotlys_own_packed():
    packed = re.search(r'atob\("([^"]+)"\)', interactive.library())[1]
    assert gzip.decompress(b64decode(packed)).decode() == get_plotlyjs()
    assert len(interactive.library()) < 2.5e6


def test_the_map_has_every_model_under_its_dataset(explored):
    data = carried(explored["map"])
    assert [len(trace["x"]) for trace in data["figure"]["data"]] == [2] * 41
    assert data["models"]["sizes"] == [2] * 41
    for i, title in zip(ALL, data["models"]["titles"], strict=True):
        assert f"({i})" in title
        assert ("training" in title) == (i in TRAINING)


def test_the_picture_of_all_filters_has_each_where_the_script_looks_for_it():
    encoders = zoo_of(ALL, 7).encoders
    encoded = interactive.filter_sheet(encoders).removeprefix("data:image/webp;base64,")
    sheet = np.asarray(Image.open(BytesIO(b64decode(encoded))).convert("L"), float)
    for model, filter_ in ((0, 0), (255, 15), (256, 3), (286, 8)):
        x, y = (model // 256 * 16 + filter_) * 8, model % 256 * 8
        own = encoders[model, :, filter_].reshape(8, 2, 8, 2).mean((1, 3))
        found = sheet[y : y + 8, x : x + 8]
        assert np.corrcoef(found.ravel(), own.ravel())[0, 1] > 0.8


def test_a_cell_of_a_matrix_tells_truth_answer_and_counts(explored):
    with_it, _ = carried(explored["matrices"])["figure"]["data"]
    assert with_it["x"] == with_it["y"] == TRAINING
    told = with_it["customdata"][1]
    assert told[1] == ["bicycle (v:bic)", "bicycle (v:bic)", 2, 3]
    assert sum(count for _, _, count, _ in told) == 3
    assert with_it["z"][1][1] == pytest.approx(66.67)


def test_a_confusion_table_counts_every_model_once():
    table = confusion_table()
    assert len(table) == 20 * 20
    assert table.models.sum() == 3 * 20
    assert table.groupby("truth").share.sum().to_numpy() == pytest.approx(1)


def test_models_of_training_datasets_are_named_and_of_unseen_ones_the_neighbours_told(validation):
    answers = gallery.what_it_is_taken_for(
        RawWeights(), zoo_of(TRAINING, 6), validation, InterpretParameters(k=5)
    )
    assert list(dict.fromkeys(answers.dataset)) == ALL
    assert answers.groupby("dataset").share.sum().to_numpy() == pytest.approx(1)
    assert set(answers.answer) <= set(TRAINING)
    first = answers.drop_duplicates("dataset").set_index("dataset")
    assert {i for i in ALL if first.told[i] == "answers"} == set(TRAINING)
    assert (first.answer[TRAINING] == TRAINING).all()


def test_the_gallery_has_all_datasets_light_and_linked(validation, tmp_path):
    patches = np.random.default_rng(0).random((48, 256))
    answers = pd.DataFrame({"told": "answers", "answer": ["v:aer"], "share": 1.0, "models": 2})
    several = [
        gallery.Plate(d, patches, validation.encoders[:3], answers) for d in catalog.DATASETS
    ]
    html = gallery.index(catalog.DATASETS)._repr_html_() + gallery.plates(several)._repr_html_()
    soup = BeautifulSoup(html, "html.parser")
    anchors = {section["id"] for section in soup.select("section.plate")}
    assert anchors == {d.slug for d in catalog.DATASETS}
    assert {a["href"].removeprefix("#") for a in soup.nav("a")} == anchors
    assert len(soup("img")) == 2 * 41
    assert all(image["loading"] == "lazy" for image in soup("img"))
    assert len(html) < 2e6, "even if every patch is noise"
    (tmp_path / "page.html").write_text(html)
    assert images_without_text(tmp_path) == external_requests(tmp_path) == []
