"""Claims about the figures: labelled, in one language, stored and shown with words."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import soundfile

from metanet_lib import catalog, figures
from metanet_lib.corpora import Waveform
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.store import Results

ALL = [d.id for d in catalog.DATASETS]
TRAINING = list(catalog.TRAINING_IDS)
SEEDS = pd.DataFrame(
    {
        "representation": ["metanetwork", "metanetwork", "raw_weights"],
        "seed": pd.array([0, 1, None], dtype="Int64"),
        "accuracy": [0.3, 0.2, 0.1],
        "ci_low": [0.2, 0.1, 0.05],
        "ci_high": [0.4, 0.3, 0.15],
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
    "loss_curves": lambda: figures.loss_curves({i: uniform(3, 256) for i in ALL}, 1000),
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
    "accuracy_by_seed": lambda: figures.accuracy_by_seed(SEEDS, 0.05),
}


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_stored_as_svg_and_png_and_drawn_alike_twice(name, tmp_path):
    results = Results("tiny", root=tmp_path)
    svg = results.folder / f"figures/{name}.svg"
    figures.show(FIGURES[name](), results, name, "caption", "alt")
    first = svg.read_bytes()
    figures.show(FIGURES[name](), results, name, "caption", "alt")
    assert svg.read_bytes() == first
    assert svg.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["loss_curves", "final_losses", "embedding_map", "confusion"])
def test_axes_are_labelled(name):
    assert all(ax.get_xlabel() for ax in FIGURES[name]().axes if ax.get_label() != "<colorbar>")


def test_a_shown_figure_has_its_caption_and_its_alternative_text(tmp_path):
    results = Results("tiny", root=tmp_path)
    html = figures.show(
        FIGURES["confusion"](), results, "fig5", "Figure 5. A <caption>.", 'What "it" shows'
    )._repr_html_()
    assert "<figcaption>Figure 5. A &lt;caption&gt;.</figcaption>" in html
    assert 'alt="What &quot;it&quot; shows"' in html
    assert "data:image/svg+xml;base64," in html


def test_vision_is_blue_and_audio_orange_on_the_map():
    first, second = FIGURES["embedding_map"]().axes[0].collections
    colours = {tuple(c) for points in (first, second) for c in points.get_facecolor()[:, :3]}
    assert len(colours) == 2
    assert figures.HUES == {"vision": "#0072B2", "audio": "#D55E00"}


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_recording_is_played_from_the_page_itself(rate):
    tone = (1.2 * np.sin(np.arange(6 * rate) / 20)).astype(np.float32)
    html = figures.listen(Waveform(tone, rate), "a <tone>", "What is heard.")._repr_html_()
    assert 'aria-label="a &lt;tone&gt;"' in html
    assert "<figcaption>What is heard.</figcaption>" in html
    (encoded,) = re.findall(r'src="data:audio/wav;base64,([^"]+)"', html)
    samples, played_rate = soundfile.read(BytesIO(b64decode(encoded)))
    assert played_rate == min(rate, 22050)
    assert len(samples) == 4 * played_rate
    assert abs(samples).max() <= 1
