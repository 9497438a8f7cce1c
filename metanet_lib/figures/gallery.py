"""A plate for each dataset: its patches, filters of its models, and what these are taken for.

The pictures are small, compressed and part of the page, so that all 41 fit on one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.base import TransformerMixin

from metanet_lib.catalog import Dataset, dataset
from metanet_lib.figures import HUES, Shown
from metanet_lib.figures.interactive import data_uri
from metanet_lib.figures.shown import anchor
from metanet_lib.interpret import InterpretParameters, meta_classifier, percent
from metanet_lib.zoo import Zoo

COLUMNS = 16
"""Tiles in a row of a plate's pictures."""
_QUALITY = 75  # of the pictures, 0-100
_NAMED = 4  # answers that a plate lists, at most

_LOOK = """<style>
.plate { margin: 1.5rem 0 2.5rem; scroll-margin-top: 4rem; }
.plate h3 { margin: 0 0 .5rem; }
.plate h3 small { font-weight: 400; font-size: .9rem; }
.plate .pictures { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
.plate figure { flex: 1 1 18rem; max-width: 26rem; margin: 0; }
.plate img { width: 100%; height: auto; image-rendering: pixelated; }
.plate :is(figcaption, p) { font-size: .9rem; margin: .2rem 0 !important; }
.plate figcaption { color: inherit !important; text-align: left; }
</style>"""


@dataclass(frozen=True)
class Plate:
    """What is shown of a dataset.

    Attributes
    ----------
    dataset
        The dataset.
    patches
        Some of its patches ``[rows * 16, 256]``, in 0..1.
    encoders
        Some of its models ``[rows, 256, 16]``: a row of filters each.
    answers
        Its rows of :func:`what_it_is_taken_for`.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((32, 256))
    >>> Plate(dataset("v:aer"), patches, encoders[:2], pd.DataFrame()).dataset.title
    'aeroplane'
    """

    dataset: Dataset
    patches: np.ndarray
    encoders: np.ndarray
    answers: pd.DataFrame


def what_it_is_taken_for(
    representation: TransformerMixin, fit: Zoo, validation: Zoo, parameters: InterpretParameters
) -> pd.DataFrame:
    """Return what the validation models of each dataset are taken for.

    Models of a training dataset are named by the meta-classifier. It cannot name an unseen dataset,
    so of the models of those the nearest neighbours are told.

    Returns
    -------
    DataFrame
        Columns ``dataset``, ``told`` (``answers`` or ``neighbours``), ``answer`` (a training
        dataset), ``share`` and ``models`` (validation models of the dataset); the largest shares
        of a dataset first.

    Examples
    --------
    >>> from metanet_lib.representations import RawWeights
    >>> taken = what_it_is_taken_for(RawWeights(), zoo, zoo, InterpretParameters(k=3))
    >>> set(taken["told"])
    {'answers'}
    """
    classifier = meta_classifier(representation, parameters).fit(fit.encoders, fit.datasets)
    embeddings = classifier[:-1].transform(validation.encoders)
    predicted = classifier[-1].predict(embeddings)
    named = fit.datasets[classifier[-1].kneighbors(embeddings, return_distance=False)]
    rows = []
    for i in dict.fromkeys(validation.datasets):
        here = validation.datasets == i
        trains = i in set(fit.datasets)
        answers = pd.Series((predicted if trains else named)[here].ravel())
        shares = answers.value_counts(normalize=True)
        rows.append(
            pd.DataFrame(
                {
                    "dataset": i,
                    "told": "answers" if trains else "neighbours",
                    "answer": shares.index,
                    "share": shares.to_numpy(),
                    "models": int(here.sum()),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def index(datasets: Sequence[Dataset]) -> Shown:
    """Return links to the plates of these datasets, one line for each modality.

    Examples
    --------
    >>> "v-aer" in index([dataset("v:aer")])._repr_html_()
    True
    """
    lines = []
    for modality in dict.fromkeys(d.modality for d in datasets):
        links = ", ".join(_link(d) for d in datasets if d.modality == modality)
        lines.append(f"<p><b {_hued(modality)}>{modality}</b>: {links}</p>")
    return Shown(f'<nav aria-label="the datasets">{"".join(lines)}</nav>')


def plates(several: Sequence[Plate], gamma: float = 1) -> Shown:
    """Return the plates, one below the other.

    ``gamma`` brightens the audio patches, see :func:`~metanet_lib.figures.datasets.spectrograms`.

    Examples
    --------
    >>> from metanet_lib.representations import RawWeights
    >>> taken = what_it_is_taken_for(RawWeights(), zoo, zoo, InterpretParameters(k=3))
    >>> patches = np.random.default_rng(0).random((32, 256))
    >>> answers = taken[taken["dataset"] == "v:aer"]
    >>> plate = Plate(dataset("v:aer"), patches, encoders[:2], answers)
    >>> "aeroplane" in plates([plate])._repr_html_()
    True
    """
    return Shown(_LOOK + "".join(_plate(plate, gamma) for plate in several))


def _plate(plate: Plate, gamma: float) -> str:
    d, rows = plate.dataset, len(plate.encoders)
    patches = plate.patches.reshape(-1, COLUMNS, 16, 16)
    if d.modality == "audio":  # low bands below, as in a spectrogram
        patches = patches[:, :, ::-1] ** gamma
    filters = plate.encoders.transpose(0, 2, 1).reshape(rows, COLUMNS, 16, 16)
    limits = np.abs(filters).max((1, 2, 3), keepdims=True)
    told = plate.answers.iloc[0].told
    role = "training dataset" if told == "answers" else "unseen dataset"
    pictures = (
        (patches, "patches", f"{patches.shape[0] * COLUMNS} patches of {d.title}"),
        (0.5 + 0.5 * filters / limits, "filters", f"the filters of {rows} models of {d.title}"),
    )
    return (
        f'<section class="plate" id="{d.slug}"><h3 {_hued(d.modality)}>'
        f"{escape(d.title)} <small>{d.id}, {d.modality}, {role}</small>"
        f"{anchor(d.slug, 'plate')}</h3>"
        '<div class="pictures">'
        + "".join(
            f'<figure><img loading="lazy" decoding="async" alt="{escape(alt)}" '
            f"{_picture(tiles)}><figcaption>{caption}</figcaption></figure>"
            for tiles, caption, alt in pictures
        )
        + f"</div><p>{_told(plate.answers)}</p></section>"
    )


def _told(answers: pd.DataFrame) -> str:
    first = answers.iloc[0]
    whose = f"Its {first.models} validation models"
    verb = "were taken for" if first.told == "answers" else "have their nearest neighbours among"
    named = ", ".join(
        f"{_link(dataset(str(row.answer)))}\N{NO-BREAK SPACE}{percent(float(row.share))}"
        for _, row in answers.head(_NAMED).iterrows()
    )
    more = len(answers) - _NAMED
    return f"{whose} {verb} {named}{f' and {more} more' if more > 0 else ''}."


def _hued(modality: str) -> str:
    """Return the attributes of an element with a modality's hue at its side."""
    return f'class="hued" style="border-color: {HUES[modality]}"'


def _link(d: Dataset) -> str:
    return f'<a href="#{d.slug}">{escape(d.title)}</a>'


def _picture(tiles: np.ndarray) -> str:
    """Return the source and size of a picture of tiles ``[rows, 16, 16, 16]`` in 0..1."""
    rows = len(tiles)
    sheet = np.full((rows * 18 - 2, COLUMNS * 18 - 2), 1.0)
    for row in range(rows):
        for column in range(COLUMNS):
            sheet[row * 18 :, column * 18 :][:16, :16] = tiles[row, column]
    picture = Image.fromarray((255 * sheet).round().astype(np.uint8))
    return f'width="{picture.width}" height="{picture.height}" src="{data_uri(picture, _QUALITY)}"'
