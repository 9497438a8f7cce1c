"""Figures to explore: drawn in the reader's browser, without a network.

Each repeats a printed figure of ``metanet_lib.figures``, which stays its text alternative and
its result on disk, and adds what paper cannot: what lies under the pointer, and other colours. It
is one piece of HTML that carries its data, ``interactive.js``, and the Plotly library as the
``plotly`` package ships it, so an executed chapter shows it in Jupyter too. The library is the bulk
of it: it is packed, and the site (:mod:`metanet_lib.publish.site`) keeps one copy for all pages.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from colorsys import hls_to_rgb
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

from metanet_lib import catalog
from metanet_lib.figures import COMPARED, HUES, Shown
from metanet_lib.figures.shown import anchor
from metanet_lib.figures.style import PAPERS
from metanet_lib.interpret import TASKS

Update = Mapping[str, Sequence[Any]]
"""A change of a Plotly figure: a path, such as ``marker.color``, to one value for each trace."""
Choices = Mapping[str, Mapping[str, Update]]
"""What the reader may choose: a question to its answers, the first of them drawn at first."""

_MARKS = ("circle", "square", "diamond")
_FILTER = 8  # side of a filter as it is shown, pixels: half of its own, so that pages stay light
_QUALITY = 60  # of the picture of all filters, 0-100
_LOOK = """<style>
.explore { overflow-x: visible !important; }
.explore fieldset { border: 0; margin: 0; padding: 0; }
.explore :is(legend, label) { font-size: .9rem; margin: 0 .8rem 0 0; }
.explore legend { float: left; width: auto; font-weight: 600; }
.explore label { display: inline-block; }
.explore .stage { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; }
.explore .stage[hidden] { display: none; }
.explore .plot { flex: 1 1 22rem; min-width: 0; height: 30rem; }
.explore .panel { flex: 0 1 15rem; margin: 0 auto; font-size: .9rem; }
.explore .panel :is(output, label, input) { display: block; width: 100%; }
.explore .panel output { min-height: 3em; }
.explore .panel canvas { max-width: 100%; }
</style>"""


def model_map(
    points: np.ndarray,
    encoders: np.ndarray,
    datasets: np.ndarray,
    training: Collection[str],
    caption: str,
    alt: str,
) -> Shown:
    """Return Figure 4 to explore: pointing at a model shows its dataset and its filters.

    Parameters
    ----------
    points
        The map ``[m, 2]``.
    encoders
        The models ``[m, 256, 16]``, their filters in the order in which they are to be seen.
    datasets
        The dataset of each model ``[m]``.
    training
        The training datasets: circles; the models of others are triangles.
    caption, alt
        What stands below it, and what it shows in words.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(24, 2))
    >>> shown = model_map(points, encoders, zoo.datasets, ["v:aer"], "A map.", "A map of models.")
    >>> "fig4-explore" in shown._repr_html_()
    True
    """
    ids = list(dict.fromkeys(datasets))
    of_each = [np.flatnonzero(datasets == i) for i in ids]
    seen = [i in training for i in ids]
    titles = [
        f"{catalog.dataset(i).title} ({i}), {catalog.dataset(i).modality}, "
        f"{'training' if trains else 'unseen'} dataset"
        for i, trains in zip(ids, seen, strict=True)
    ]
    by_modality = [HUES[catalog.dataset(i).modality] for i in ids]
    traces = [
        go.Scatter(
            x=points[models, 0].round(2).tolist(),
            y=points[models, 1].round(2).tolist(),
            mode="markers",
            marker={"color": colour, "size": 7, "symbol": "circle" if trains else "triangle-up"},
            hovertemplate=f"{escape(title)}<extra></extra>",
        )
        for models, title, colour, trains in zip(of_each, titles, by_modality, seen, strict=True)
    ]
    choices: Choices = {
        "Colour": {
            "by modality": {"marker.color": by_modality},
            "by dataset": {"marker.color": _many_colours(len(ids))},
        },
        "Show": {
            "all datasets": {"visible": [True] * len(ids)},
            "training": {"visible": seen},
            "unseen": {"visible": [not trains for trains in seen]},
        },
    }
    axis = {"showticklabels": False, "zeroline": False, "gridcolor": "rgba(128,128,128,.2)"}
    layout = go.Layout(
        xaxis={"title": "t-SNE, first axis", **axis},
        yaxis={"title": "t-SNE, second axis", **axis},
        margin={"l": 30, "r": 10, "t": 10, "b": 35},
    )
    models = {
        "titles": titles,
        "sizes": list(map(len, of_each)),
        "side": _FILTER,
        "picture": filter_sheet(encoders[np.concatenate(of_each)]),
    }
    return _explore("fig4-explore", traces, layout, choices, caption, alt, models)


def confusions(tables: Mapping[str, pd.DataFrame], name: str, caption: str, alt: str) -> Shown:
    """Return confusion matrices to explore: pointing at a cell shows truth, answer and counts.

    Parameters
    ----------
    tables
        For each matrix, what to call it and its
        :meth:`metanet_lib.interpret.classifier.Verdict.confusion_table`.
    name
        Name of the figure, such as ``fig5``.
    caption, alt
        What stands below it, and what it shows in words.

    Examples
    --------
    >>> from metanet_lib.interpret import Verdict
    >>> verdict = Verdict({}, zoo.datasets, zoo.datasets, zoo.datasets)
    >>> table = verdict.confusion_table(["v:aer", "v:bic", "a:air"])
    >>> "fig5-explore" in confusions({"all": table}, "fig5", "Answers.", "A matrix.")._repr_html_()
    True
    """
    traces, visible = [], np.eye(len(tables), dtype=bool).tolist()
    for shown, table in zip(visible[0], tables.values(), strict=True):
        square = table.pivot_table(
            index="truth", columns="answer", values=["models", "share"], sort=False
        )
        ids = list(square.index)
        titles = [f"{catalog.dataset(i).title} ({i})" for i in ids]
        counts = square["models"].loc[ids, ids].to_numpy(int)
        totals = counts.sum(1)
        told = [
            [[truth, answer, int(n), int(total)] for answer, n in zip(titles, row, strict=True)]
            for truth, row, total in zip(titles, counts, totals, strict=True)
        ]
        traces.append(
            go.Heatmap(
                z=(100 * square["share"].loc[ids, ids].to_numpy()).round(2).tolist(),
                x=ids,
                y=ids,
                customdata=told,
                hovertemplate="truth: %{customdata[0]}<br>answer: %{customdata[1]}<br>"
                "%{z:.1f} %: %{customdata[2]} of %{customdata[3]} models<extra></extra>",
                zmin=0,
                zmax=100,
                colorscale="Viridis",
                colorbar={"title": "%", "thickness": 10},
                visible=shown,
            )
        )
    answers = {title: {"visible": row} for title, row in zip(tables, visible, strict=True)}
    axis = {"tickfont": {"size": 10}, "dtick": 1, "showgrid": False}
    layout = go.Layout(
        xaxis={"title": "answer", "tickangle": -90, **axis},
        yaxis={"title": "truth", "autorange": "reversed", **axis},
        margin={"l": 60, "r": 10, "t": 10, "b": 60},
    )
    return _explore(f"{name}-explore", traces, layout, {"Answers": answers}, caption, alt)


def accuracy_and_cost(table: pd.DataFrame, name: str, caption: str, alt: str) -> Shown:
    """Return accuracy against cost to explore: pointing at a representation names it.

    Parameters
    ----------
    table
        As for :func:`~metanet_lib.figures.against_the_others.accuracy_and_cost`; its rows are
        numbered from 1.
    name
        Name of the figure.
    caption, alt
        What stands below it, and what it shows in words.

    Examples
    --------
    >>> row = {"row": "mine", "title": "Mine", "group": "weights only", "labels": False}
    >>> row |= {"ms_per_model": 0.1, "modality_mean": 1.0, "dataset_id_mean": 0.5}
    >>> shown = accuracy_and_cost(pd.DataFrame([row]), "cost", "Cost.", "A plot.")
    >>> "1. Mine" in shown._repr_html_()
    True
    """
    numbered = table.assign(number=range(1, len(table) + 1))
    groups = list(numbered.groupby("group", sort=False))
    accuracies = {
        TASKS[task]: [(100 * rows[f"{task}_mean"]).round(1).tolist() for _, rows in groups]
        for task in COMPARED
        if f"{task}_mean" in table
    }
    first = next(iter(accuracies.values()))
    traces = [
        go.Scatter(
            x=rows.ms_per_model.round(4).tolist(),
            y=shares,
            mode="markers",
            marker={
                "size": 10,
                "symbol": [f"{mark}{'-open' * told}" for told in rows.labels],
                "color": [PAPERS if row == "metanetwork" else "#4b6b88" for row in rows.row],
            },
            customdata=[f"{n}. {escape(t)}" for n, t in zip(rows.number, rows.title, strict=True)],
            hovertemplate=f"%{{customdata}}<br>{group}: %{{y}} %, %{{x}} ms a model<extra></extra>",
        )
        for (group, rows), shares, mark in zip(groups, first, _MARKS, strict=False)
    ]
    choices = {"Accuracy": {title: {"y": values} for title, values in accuracies.items()}}
    grid = {"gridcolor": "rgba(128,128,128,.2)", "zeroline": False}
    layout = go.Layout(
        xaxis={"title": "milliseconds a model", "type": "log", "dtick": "D2", **grid},
        yaxis={"title": "accuracy, %, mean over seeds", "range": [0, 103], **grid},
        margin={"l": 45, "r": 10, "t": 10, "b": 40},
    )
    return _explore(f"{name}-explore", traces, layout, choices, caption, alt)


def filter_sheet(encoders: np.ndarray) -> str:
    """Return one picture of all filters as a data URI: a row of 16 for each model.

    ``encoders`` is ``[m, 256, 16]``. A filter has half its height and width, and each model its own
    scale, gray for zero. The models go down the picture, in columns of 256.

    Examples
    --------
    >>> filter_sheet(encoders).split(",")[0]
    'data:image/webp;base64'
    """
    m = len(encoders)
    half = encoders.reshape(m, _FILTER, 2, _FILTER, 2, 16).mean((2, 4))
    scaled = 127.5 + 127.5 * half / np.abs(half).max((1, 2, 3), keepdims=True)
    strips = scaled.transpose(0, 1, 3, 2).reshape(m, _FILTER, 16 * _FILTER)
    columns = [strips[start : start + 256].reshape(-1, 16 * _FILTER) for start in range(0, m, 256)]
    sheet = np.full((len(columns[0]), len(columns) * 16 * _FILTER), 128, np.uint8)
    for i, column in enumerate(columns):
        sheet[: len(column), i * 16 * _FILTER :][:, : 16 * _FILTER] = column.round()
    return data_uri(Image.fromarray(sheet), _QUALITY)


def data_uri(picture: Image.Image, quality: int) -> str:
    """Return a picture, compressed as WebP, as a page carries it.

    Examples
    --------
    >>> data_uri(Image.new("L", (8, 8)), quality=60).split(",")[0]
    'data:image/webp;base64'
    """
    file = BytesIO()
    picture.save(file, "WEBP", quality=quality, method=6)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


@cache
def library() -> str:
    """Return a script that unpacks the Plotly library: the promise ``window.metanetPlotly``.

    Examples
    --------
    >>> library().splitlines()[0]
    '/* plotly.js, copyright Plotly, Inc., MIT license; packed by gzip */'
    """
    packed = b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
    return (
        "/* plotly.js, copyright Plotly, Inc., MIT license; packed by gzip */\n"
        "window.metanetPlotly ??= (async () => {\n"
        f'const packed = Uint8Array.from(atob("{packed}"), (c) => c.charCodeAt(0));\n'
        'const text = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));\n'
        "const module = { exports: {} };\n"
        'new Function("module", "define", await new Response(text).text())(module);\n'
        "return module.exports;\n})();"
    )


def _explore(
    name: str,
    traces: Sequence[go.Scatter | go.Heatmap],
    layout: go.Layout,
    choices: Choices,
    caption: str,
    alt: str,
    models: Mapping[str, Any] | None = None,
) -> Shown:
    """Return a figure, its choices, and the script that draws it."""
    layout.update(
        template="none",
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    payload = {
        "figure": json.loads(go.Figure(list(traces), layout).to_json()),
        "updates": {a: update for answers in choices.values() for a, update in answers.items()},
        "models": models,
    }
    questions = "".join(
        f"<fieldset><legend>{escape(question)}</legend>"
        + "".join(
            f'<label><input type="radio" name="{name}-{question}" value="{escape(answer)}"'
            f"{' checked' if i == 0 else ''}> {escape(answer)}</label>"
            for i, answer in enumerate(answers)
        )
        + "</fieldset>"
        for question, answers in choices.items()
    )
    panel = (
        '<div class="panel"><output></output><canvas width="232" height="232" role="img" '
        'aria-label="the 16 filters of the model chosen"></canvas><label>model by model '
        f'<input type="range" min="0" max="{sum(models["sizes"]) - 1}" value="0"></label></div>'
        if models
        else ""
    )
    script = Path(__file__).with_suffix(".js").read_text()
    return Shown(
        f'{_LOOK}<figure class="metanet explore" id="{name}"><p class="unready">Drawn by your '
        "browser, if it runs JavaScript; the printed figure shows the same.</p>"
        f'<form hidden>{questions}</form><div class="stage" hidden>'
        f'<div class="plot" role="img" aria-label="{escape(alt)}"></div>{panel}</div>'
        f"<figcaption>{escape(caption)}{anchor(name, 'figure')}</figcaption>"
        f'<script type="application/json">{_in_script(payload)}</script>'
        f'<script class="plotly">{library()}</script>'
        f'<script>{script}\nexplore("{name}");</script></figure>'
    )


def _in_script(payload: Any) -> str:
    return json.dumps(payload, separators=(",", ":")).replace("</", "<\\/")


def _many_colours(n: int) -> list[str]:
    """Return ``n`` colours, neighbours far apart; more than anybody can tell from each other."""
    wheel = [hls_to_rgb((i * 0.381966) % 1, (0.48, 0.64)[i % 2], 0.75) for i in range(n)]
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in wheel]
