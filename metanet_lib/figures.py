"""Every figure of the book, one function each, in one visual language.

A function returns a Matplotlib ``Figure``; :func:`show` stores it with a run's results (SVG, PNG,
and the numbers drawn as CSV) and gives what a page displays: the picture with its caption, its
alternative text and links to its files. Vision is always blue and audio always orange, a pair that
colour-blind readers tell apart.
"""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec

import librosa
import numpy as np
import pandas as pd
import soundfile
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageOps

from metanet_lib import catalog
from metanet_lib.interpreter import Answer, Interpreter
from metanet_lib.metanetwork import Metanetwork, MetanetworkParameters
from metanet_lib.store import Results, write_figure

HUES: dict[str, str] = {"vision": "#0072B2", "audio": "#D55E00"}
"""Vision's and audio's colour, in every figure."""
WIDTH = 7.2
"""Width of a figure, inches."""

_STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 200,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "image.cmap": "gray",
    "legend.frameon": False,
    "svg.hashsalt": "metanet",
}

P = ParamSpec("P")


def _styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in the book's style, whatever the reader's own settings are."""

    @wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(["default", _STYLE]):
            return function(*args, **kwargs)

    return draw


class Shown:
    """A stored figure as a page displays it."""

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
    """
    drawn = data if isinstance(data, pd.DataFrame) else None
    with style.context(["default", _STYLE]):
        svg = results.save_figure(figure, name, drawn).read_bytes()
    source = f"data: {escape(str(data))}" if drawn is None else file_link(name, "csv", "data (CSV)")
    return Shown(
        f'<figure class="metanet" id="{name}"><img alt="{escape(alt)}" '
        f'src="data:image/svg+xml;base64,{b64encode(svg).decode()}">'
        f"<figcaption>{_number(name)}{escape(caption)} "
        f'<small class="files">{file_link(name, "svg", "picture (SVG)")} · {source}</small>'
        "</figcaption></figure>"
    )


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file of its own, ``.png`` or ``.svg``."""
    with style.context(["default", _STYLE]):
        write_figure(figure, path)


def file_link(name: str, suffix: str, text: str) -> str:
    """Return the HTML of a link to a figure's file."""
    return f'<a href="../figures/{name}.{suffix}">{text}</a>'


def _number(name: str) -> str:
    """Return the number that the paper gives, or a place for the one that the site will give."""
    paper = name.removeprefix("fig")
    known = f"Figure {paper}." if paper.isdecimal() else ""
    return f'<b class="number" data-figure="{name}">{known}</b> '


# --- Chapter 01: the datasets -----------------------------------------------------------------


_THUMBNAIL, _GAP = 72, 4  # side of a picture on the contact sheet, and the gap to the next, pixels


@_styled
def contact_sheet(pictures: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw a strip of photographs for each vision dataset.

    ``pictures`` has for each dataset id some grey levels ``[height, width]``, uint8; each is cut to
    a square about its centre.
    """
    figure, axes = _grid(len(pictures), columns=2, height=0.8)
    most = max(map(len, pictures.values()))
    for ax, (dataset_id, several) in zip(axes, pictures.items(), strict=False):
        strip = np.full((_THUMBNAIL, most * (_THUMBNAIL + _GAP) - _GAP), 255, np.uint8)
        for i, picture in enumerate(several):
            square = ImageOps.fit(Image.fromarray(picture), (_THUMBNAIL, _THUMBNAIL))
            strip[:, i * (_THUMBNAIL + _GAP) :][:, :_THUMBNAIL] = np.asarray(square)
        ax.imshow(strip, vmin=0, vmax=255, interpolation="none")
        _name(ax, dataset_id)
        ax.spines[:].set_visible(False)
    return figure


@_styled
def spectrograms(
    planes: Mapping[str, Sequence[np.ndarray]], seconds_per_frame: float, gamma: float = 1
) -> Figure:
    """Draw a few mel spectrograms for each audio dataset, end to end, all to one scale of time.

    ``planes`` has for each dataset id some spectrograms ``[16, frames]`` in 0..1. ``gamma`` below 1
    brightens what is dark: a power spectrogram is black without it.
    """
    columns = 3
    longest = seconds_per_frame * max(
        sum(plane.shape[1] for plane in several) for several in planes.values()
    )
    figure, axes = _grid(len(planes), columns, height=0.95)
    for i, (ax, (dataset_id, several)) in enumerate(zip(axes, planes.items(), strict=False)):
        end = 0.0
        for plane in several:
            start, end = end, end + plane.shape[1] * seconds_per_frame
            ax.imshow(
                plane**gamma,
                origin="lower",
                aspect="auto",
                interpolation="none",
                vmin=0,
                vmax=1,
                extent=(start, end, 0, plane.shape[0]),
                cmap="magma",
            )
            ax.axvline(end, color="white", linewidth=2)
        _name(ax, dataset_id)
        ax.set_xlim(0, longest)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.tick_params(labelsize=7)
        ax.spines["left"].set_visible(False)
        ax.spines["bottom"].set_color("#CCCCCC")
        if i % columns == 0:
            ax.set_yticks([0, 16])
            ax.set_ylabel("mel band", fontsize=7)
        if i + columns < len(planes):
            ax.tick_params(axis="x", labelbottom=False)
        else:
            ax.set_xlabel("seconds", fontsize=7)
    return figure


def listen(
    samples: np.ndarray, sample_rate: int, name: str, caption: str, seconds: float = 4.0
) -> Shown:
    """Return the beginning of a recording as a page plays it: the sound is in the page itself.

    Parameters
    ----------
    samples
        The recording, float32 ``[n]`` in -1..1; made softer if it goes beyond.
    sample_rate
        Its samples a second, Hz; played at 22,050 Hz at most.
    name
        What is heard, for those who cannot see the caption.
    caption
        What the reader sees below the player; the length is added.
    seconds
        How much of it is played, at most.
    """
    length, rate = len(samples) / sample_rate, min(sample_rate, 22050)
    played = samples[: int(seconds * sample_rate)]
    if rate < sample_rate:
        played = librosa.resample(played, orig_sr=sample_rate, target_sr=rate)
    wav = BytesIO()
    soundfile.write(wav, played / max(1, np.abs(played).max()), rate, "PCM_16", format="WAV")
    how_long = (
        f"{length:.1f} s" if length <= seconds else f"the first {seconds:g} of {length:.1f} s"
    )
    return Shown(
        f'<figure class="metanet"><audio controls preload="metadata" aria-label="{escape(name)}" '
        f'src="data:audio/wav;base64,{b64encode(wav.getvalue()).decode()}"></audio>'
        f"<figcaption>{escape(caption)}, {how_long}</figcaption></figure>"
    )


@_styled
def patch_gallery(patches: Mapping[str, np.ndarray], gamma: float = 1) -> Figure:
    """Draw a row of patches ``[n, 256]`` for each dataset, vision left and audio right.

    ``gamma`` brightens the audio patches, see :func:`spectrograms`.
    """
    there = set(catalog.modalities(patches))
    modalities = [m for m in catalog.MODALITIES if m in there]
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(1, len(modalities), squeeze=False)[0]
    for ax, modality in zip(panels, modalities, strict=True):
        rows = {i: p for i, p in patches.items() if catalog.dataset(i).modality == modality}
        tiles = np.stack([p.reshape(-1, 16, 16) for p in rows.values()])
        if modality == "audio":  # low bands below, as in a spectrogram
            tiles = tiles[:, :, ::-1] ** gamma
        _mosaic(ax, tiles, 0, 1)
        ax.set_yticks(
            [8 + 18 * r for r in range(len(rows))],
            [f"{catalog.dataset(i).title}  {i}" for i in rows],
        )
        ax.tick_params(axis="y", length=0, labelsize=7)
        ax.set_title(f"{modality}: 16x16 patches", color=HUES[modality])
    return figure


# --- Chapter 02: the zoo ----------------------------------------------------------------------


@_styled
def loss_curves(curves: pd.DataFrame) -> Figure:
    """Draw training losses: a column ``step``, and one for each dataset."""
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    ax = figure.subplots()
    for dataset_id in curves.columns.drop("step"):
        ax.plot(curves.step, curves[dataset_id], color=_hue(dataset_id), alpha=0.5, linewidth=0.8)
    ax.set(yscale="log", xscale="log", xlabel="training step", ylabel="mean squared error")
    ax.set_title("Every dataset's models learn: median loss, one line a dataset")
    _modality_legend(figure)
    return figure


@_styled
def final_losses(losses: pd.DataFrame) -> Figure:
    """Draw each model's final loss; ``losses`` has columns ``dataset`` and ``loss``."""
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    ax = figure.subplots()
    order = losses.groupby("dataset").loss.median().sort_values().index
    for y, dataset_id in enumerate(order):
        values = losses.loss[losses.dataset == dataset_id]
        ax.plot(values, [y] * len(values), "|", color=_hue(str(dataset_id)), alpha=0.7)
    ax.set_yticks(range(len(order)), order, fontsize=7)
    ax.set(xlabel="mean squared error on its own patches, end of training", xscale="log")
    ax.grid(axis="x", alpha=0.3)
    _modality_legend(figure)
    return figure


@_styled
def filter_gallery(encoders: Mapping[str, np.ndarray], columns: int = 2) -> Figure:
    """Draw the 16 filters of one model for each dataset: id to encoder ``[256, 16]``."""
    rows = -(-len(encoders) // columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 0.42 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).T.ravel()
    for ax, (dataset_id, encoder) in zip(axes, encoders.items(), strict=False):
        limit = np.abs(encoder).max()
        _mosaic(ax, encoder.T.reshape(1, 16, 16, 16), -limit, limit)
        ax.set_yticks([8], [dataset_id])
        ax.tick_params(axis="y", length=0, labelcolor=_hue(dataset_id))
    for ax in axes[len(encoders) :]:
        ax.set_axis_off()
    return figure


@_styled
def reconstructions(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], gamma: float = 1) -> Figure:
    """Draw patches above their reconstructions: dataset id to two arrays ``[n, 256]``.

    ``gamma`` brightens the audio patches, see :func:`spectrograms`.
    """
    drawn = {}
    for dataset_id, both in pairs.items():
        tiles = np.stack(both).reshape(2, -1, 16, 16)
        if catalog.dataset(dataset_id).modality == "audio":  # low bands below, as above
            tiles = tiles[:, :, ::-1].clip(0, 1) ** gamma
        drawn[dataset_id] = (tiles, 0.0, 1.0)
    return _two_rows_each(drawn, "patch")


# --- Chapter 03: the meta-autoencoder ---------------------------------------------------------


@_styled
def metanetwork_diagram(p: MetanetworkParameters) -> Figure:
    """Draw Figure 3: how the meta-autoencoder is trained."""
    figure = Figure(figsize=(WIDTH, 3.7))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 100), ylim=(0, 51))
    ax.set_axis_off()
    three, all_filters = p.filter_embedding, 16 * p.filter_embedding

    def box(x: float, y: float, width: float, text: str, colour: str) -> None:
        ax.add_patch(
            FancyBboxPatch(
                (x, y - 4),
                width,
                8,
                boxstyle="round,pad=0,rounding_size=1",
                facecolor=colour,
                edgecolor="#444444",
                linewidth=0.8,
            )
        )
        ax.text(x + width / 2, y, text, ha="center", va="center", fontsize=8)

    def arrow(start: tuple[float, float], end: tuple[float, float], bend: float = 0) -> None:
        ax.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=9,
                color="#444444",
                linewidth=0.9,
                connectionstyle=f"arc3,rad={bend}",
            )
        )

    data, part, code = "#EEEEEE", "#CCE3F0", "#FBE3C8"
    ax.text(1, 48, "1  Unit-wise, one filter at a time", fontsize=9, weight="bold")
    widths = "-".join(map(str, p.channels))
    box(1, 38, 13, "filter\n256 = 16x16", data)
    box(19, 38, 22, f"convolutions {widths}\nbatch norm, max pooling\n2 dense", part)
    box(46, 38, 9, f"{three}\nnumbers", code)
    box(60, 38, 22, "2 dense, upsampling,\nconvolutions mirrored", part)
    box(87, 38, 12, "filter\nagain", data)
    ax.text(1, 28, "2  Filter sorting", fontsize=9, weight="bold")
    box(1, 20, 22, f"16 filters x {three}\nin the order they came", data)
    box(28, 20, 22, f"16 filters x {three}\nsorted on axis {p.sort_axis + 1}", data)
    ax.text(55, 28, "3  Inter-unit, one model at a time", fontsize=9, weight="bold")
    box(55, 20, 9, f"{all_filters}", data)
    box(69, 20, 11, f"{p.embedding}\nnumbers", code)
    box(85, 20, 14, f"{all_filters}\nagain", data)
    for start, end in ((14, 19), (41, 46), (55, 60), (82, 87)):
        arrow((start, 38), (end, 38))
    for start, end in ((23, 28), (50, 55), (64, 69), (80, 85)):
        arrow((start, 20), (end, 20))
    ax.text(66.5, 22, "linear", ha="center", fontsize=6.5)
    ax.text(82.5, 22, "linear", ha="center", fontsize=6.5)
    arrow((50, 34), (14, 24.5), bend=-0.08)
    for x, y in [(71.0, 31.5), (77.0, 13.0)]:
        ax.text(x, y, "mean squared error, Adam", fontsize=7, color="#555555", ha="center")
    ax.text(
        50,
        4,
        f"The meta-encoder is the left half of both, then frozen: 256 x 16 weights become "
        f"{p.embedding} numbers.",
        ha="center",
        fontsize=8,
        style="italic",
    )
    return figure


@_styled
def training_curves(metanetworks: Sequence[Metanetwork], chosen: int) -> Figure:
    """Draw the losses of both trainings for every seed; ``chosen`` is the headline's seed."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    parts = (("unit-wise", "unitwise_curve"), ("inter-unit", "interunit_curve"))
    for ax, (title, curve) in zip(figure.subplots(1, 2), parts, strict=True):
        for n in metanetworks:
            headline = n.seed == chosen
            values = getattr(n, curve)
            ax.plot(
                range(1, len(values) + 1),
                values,
                color="#222222" if headline else "#AAAAAA",
                linewidth=1.6 if headline else 1,
                zorder=3 if headline else 2,
                label=f"seed {n.seed}" + (" (headline)" if headline else ""),
            )
        ax.set(title=title, xlabel="epoch", ylabel="mean squared error", yscale="log")
        ax.legend(fontsize=7)
    return figure


@_styled
def filter_embeddings(embedded: np.ndarray, datasets: np.ndarray) -> Figure:
    """Draw embedded filters ``[m, 16, 3]`` on each pair of axes, coloured by modality."""
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    points, colours = embedded.reshape(-1, embedded.shape[-1]), np.repeat(_hues(datasets), 16)
    shuffled = np.random.default_rng(0).permutation(len(points))
    pairs = [(0, 1), (0, 2), (1, 2)][: max(1, points.shape[1] * (points.shape[1] - 1) // 2)]
    for ax, (x, y) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
        ax.scatter(
            points[shuffled, x],
            points[shuffled, y],
            s=2,
            alpha=0.4,
            linewidths=0,
            c=colours[shuffled],
            rasterized=True,
        )
        ax.set(xlabel=f"axis {x + 1}", ylabel=f"axis {y + 1}")
    _modality_legend(figure)
    return figure


@_styled
def filter_sorting(encoder: np.ndarray, order: np.ndarray, embedded: np.ndarray) -> Figure:
    """Draw one model before and after sorting.

    ``encoder`` is ``[256, 16]``, ``order`` ``[16]``, and ``embedded``, its filters, ``[16, 3]``.
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(1, 1.4))
    tiles = encoder.T.reshape(16, 16, 16)
    limit = np.abs(encoder).max()
    _mosaic(top, np.stack([tiles, tiles[order]]), -limit, limit)
    top.set_yticks([8, 26], ["as trained", "sorted"])
    top.tick_params(axis="y", length=0)
    for axis in range(embedded.shape[1]):
        bottom.plot(
            range(1, 17), embedded[order, axis], "o-", markersize=3, label=f"axis {axis + 1}"
        )
    bottom.set(xlabel="place after sorting", ylabel="embedding", xticks=range(1, 17))
    bottom.legend(ncols=3, fontsize=7)
    return figure


@_styled
def rebuilt_filters(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw sorted filters above what 16 numbers rebuild: id to two encoders ``[256, 16]``."""
    drawn = {}
    for dataset_id, both in pairs.items():
        limit = float(np.abs(both[0]).max())
        drawn[dataset_id] = (np.stack([e.T.reshape(16, 16, 16) for e in both]), -limit, limit)
    return _two_rows_each(drawn, "filters")


# --- Chapters 04 and 05: interpretation -------------------------------------------------------


@_styled
def embedding_map(points: np.ndarray, datasets: np.ndarray, training: Collection[str]) -> Figure:
    """Draw Figure 4: the validation models on a t-SNE map ``[m, 2]``.

    ``datasets`` has the dataset of each model; those in ``training`` are drawn as circles, the
    unseen ones as triangles.
    """
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    ax = figure.subplots()
    trains = np.isin(datasets, list(training))
    hues = np.array(_hues(datasets))
    for chosen, marker in ((trains, "o"), (~trains, "^")):
        x, y = points[chosen].T
        ax.scatter(x, y, c=hues[chosen], marker=marker, s=14, alpha=0.75, linewidths=0)
    ax.set(xlabel="t-SNE, first axis (no unit)", ylabel="t-SNE, second axis (no unit)")
    handles = [
        Line2D([], [], marker=m, linestyle="", color=c, label=text)
        for m, c, text in (
            ("o", HUES["vision"], "vision, training dataset"),
            ("^", HUES["vision"], "vision, unseen dataset"),
            ("o", HUES["audio"], "audio, training dataset"),
            ("^", HUES["audio"], "audio, unseen dataset"),
        )
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure


@_styled
def confusion(matrix: np.ndarray, ids: Sequence[str], title: str) -> Figure:
    """Draw Figure 5 or 6: a confusion matrix ``[n, n]`` of shares, each row a true dataset."""
    figure = Figure(figsize=(WIDTH, 5.8), layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(matrix, vmin=0, vmax=1, cmap="viridis")
    for row, column in zip(*np.nonzero(matrix), strict=True):
        share = matrix[row, column]
        ax.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            fontsize=6,
            color="black" if share > 0.6 else "white",
        )
    ax.set_xticks(range(len(ids)), ids, rotation=90)
    ax.set_yticks(range(len(ids)), ids)
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        for label, dataset_id in zip(labels, ids, strict=True):
            label.set_color(_hue(dataset_id))
    ax.set(xlabel="predicted dataset", ylabel="true dataset", title=title)
    figure.colorbar(image, label="share of the true dataset's models", shrink=0.8)
    return figure


@_styled
def accuracy_by_seed(rows: pd.DataFrame, chance: float) -> Figure:
    """Draw the accuracy of one task for every meta-seed and for the raw weights.

    ``rows`` has columns ``representation``, ``seed``, ``accuracy``, ``ci_low``, ``ci_high``,
    ``headline`` and ``paper_accuracy``; the raw weights have no seed.
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.32 * len(rows)), layout="constrained")
    ax = figure.subplots()
    labels = []
    for y, row in enumerate(rows.to_dict("records")):
        meta = row["representation"] == "metanetwork"
        name = f"metanetwork, seed {int(row['seed'])}" if meta else "raw weights"
        labels.append(name + (" (headline)" if row["headline"] and meta else ""))
        colour = "#222222" if row["headline"] else "#AAAAAA"
        ax.plot([100 * row["ci_low"], 100 * row["ci_high"]], [y, y], color=colour, linewidth=2)
        ax.plot(100 * row["accuracy"], y, "o", color=colour)
        ax.plot(100 * row["paper_accuracy"], y, "D", color="#CC79A7", markersize=5)
    ax.axvline(100 * chance, color="#888888", linestyle=":")
    ax.text(100 * chance, -0.6, "chance", fontsize=7, color="#666666", ha="center", va="bottom")
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlim=(0, 101), ylim=(len(rows) - 0.4, -0.6), xlabel="accuracy, % (bar: 95 % interval)")
    ax.legend(
        handles=[
            Line2D([], [], marker="o", linestyle="", color="#222222", label="this run"),
            Line2D([], [], marker="D", linestyle="", color="#CC79A7", label="the paper"),
        ],
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
    return figure


# --- Chapter 06: what each part buys ----------------------------------------------------------

_TASKS = {"modality": "modality", "dataset_id": "dataset ID"}


@_styled
def accuracy_by_variant(rows: pd.DataFrame, headline: int) -> Figure:
    """Draw both accuracies for each variant of one question, a dot a seed.

    ``rows`` is what :func:`metanet_lib.ablation.run_ablations` returns; the dots of the seed
    ``headline``, and of variants without one, are filled.
    """
    places = {name: y for y, name in enumerate(rows.variant.unique())}
    figure = Figure(figsize=(WIDTH, 1.1 + 0.36 * len(places)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for ax, (task, title) in zip(panels, _TASKS.items(), strict=True):
        for name, y in places.items():
            here = rows[(rows.task == task) & (rows.variant == name)].to_dict("records")
            for row, dy in zip(
                here, 0.15 * (np.arange(len(here)) - (len(here) - 1) / 2), strict=True
            ):
                filled = pd.isna(row["seed"]) or row["seed"] == headline
                colour = "#222222" if filled else "#999999"
                interval = [100 * row["ci_low"], 100 * row["ci_high"]]
                ax.plot(interval, [y + dy] * 2, color=colour, linewidth=0.8)
                fill = colour if filled else "white"
                ax.plot(100 * row["accuracy"], y + dy, "o", color=colour, mfc=fill, markersize=4)
        ax.set(title=title, xlabel="accuracy, % (bar: 95 % interval)", xlim=(0, 101))
        ax.grid(axis="x", color="#EEEEEE")
    panels[0].set_ylim(len(places) - 0.5, -0.5)
    panels[0].set_yticks(list(places.values()), list(places))
    usual = set(rows.variant[rows.usual])
    for label in panels[0].get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in usual else "normal")
    return figure


@_styled
def accuracy_by_size(rows: pd.DataFrame, x: str, label: str, headline: int) -> Figure:
    """Draw both accuracies against a number, the column ``x``: a line a seed.

    ``rows`` is what :func:`metanet_lib.ablation.run_ablations` returns, of questions about the
    same number; the seed ``headline`` has its 95 % interval as a band. A dotted line marks the
    run's own.
    """
    looks = {False: ("#222222", "#AAAAAA"), True: ("#009E73", "#009E73")}
    styles = dict(zip(rows.question.unique(), ("-", "--"), strict=False))
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    for ax, (task, title) in zip(figure.subplots(1, 2), _TASKS.items(), strict=True):
        of_task = rows[rows.task == task].sort_values(x)
        ax.axvline(of_task[x][of_task.usual].iloc[0], color="#BBBBBB", linestyle=":")
        for (question, _), line in of_task.groupby(["question", "seed"], dropna=False):
            raw = bool(line.seed.isna().all())
            main = raw or bool((line.seed == headline).all())
            colour = looks[raw][not main]
            at = line[x].to_numpy(float)
            y = {c: 100 * line[c].to_numpy(float) for c in ("accuracy", "ci_low", "ci_high")}
            ax.plot(
                at,
                y["accuracy"],
                marker="o",
                markersize=3,
                color=colour,
                linewidth=1.6 if main else 0.9,
                linestyle=styles[question],
                zorder=3 if main else 2,
            )
            if main:
                ax.fill_between(
                    at, y["ci_low"], y["ci_high"], color=colour, alpha=0.12, linewidth=0
                )
        values = sorted(of_task[x].unique())
        ax.set_xscale("log")
        ax.set_xticks(values, [f"{v:,}" for v in values])
        ax.minorticks_off()
        ax.set(title=title, xlabel=label, ylabel="accuracy, %", ylim=(0, 103))
        ax.grid(axis="y", color="#EEEEEE")
    handles = [
        Line2D([], [], color="#222222", label=f"metanetwork, seed {headline} (headline)"),
        Line2D([], [], color="#AAAAAA", label="other seeds"),
    ]
    if rows.seed.isna().any():
        handles.append(Line2D([], [], color="#009E73", label="raw weights"))
    if len(styles) > 1:
        handles += [
            Line2D([], [], color="#222222", linestyle=s, label=q) for q, s in styles.items()
        ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    return figure


@_styled
def encoded_properties(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how axes follow properties: title to what ``anatomy.what_is_encoded`` returns."""
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for ax, (title, table) in zip(panels, tables.items(), strict=True):
        values = table.to_numpy(float)
        image = ax.imshow(values, vmin=-1, vmax=1, cmap="PuOr", aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            text = "-" if np.isnan(value) else f"{value:.2f}"
            dark = abs(value) > 0.6
            ax.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
        ax.set_xticks(range(len(table.columns)), table.columns, rotation=45, ha="right", fontsize=8)
        ax.set_yticks(range(len(table)), table.index)
        ax.set_title(title)
        ax.axvline(len(table.columns) - 1.5, color="white", linewidth=3)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    figure.colorbar(image, ax=panels, label="correlation; together: R²", shrink=0.9)
    return figure


@_styled
def left_over(shares: Mapping[str, np.ndarray]) -> Figure:
    """Draw how much initial weights explain of each filter: dataset id to shares, any shape."""
    order = sorted(shares, key=lambda i: float(np.median(shares[i])))
    figure = Figure(figsize=(WIDTH, 0.7 + 0.14 * len(order)), layout="constrained")
    ax = figure.subplots()
    for y, dataset_id in enumerate(order):
        low, first, middle, third, high = np.quantile(
            shares[dataset_id], (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        colour = _hue(dataset_id)
        ax.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=0.8)
        ax.plot([100 * first, 100 * third], [y, y], color=colour, linewidth=3)
        ax.plot(100 * middle, y, "o", color="white", markeredgecolor=colour, markersize=4)
    ax.set_yticks(range(len(order)), order, fontsize=7)
    ax.set(xlabel="share of a filter's variance that its initial weights explain, %", xlim=(0, 100))
    ax.set_ylim(-0.7, len(order) - 0.3)
    ax.grid(axis="x", color="#EEEEEE")
    _modality_legend(figure)
    return figure


@_styled
def filters_compared(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw rows of filters one below the other: title to (name to encoder ``[256, 16]``).

    A group has one scale, so that a fainter row is one of smaller weights.
    """
    heights = [0.45 + 0.37 * len(group) for group in groups.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(groups), 1, height_ratios=heights))
    for ax, (title, group) in zip(panels, groups.items(), strict=True):
        tiles = np.stack([e.T.reshape(16, 16, 16) for e in group.values()])
        limit = float(np.abs(tiles).max())
        _mosaic(ax, tiles, -limit, limit)
        ax.set_yticks([8 + 18 * row for row in range(len(group))], list(group), fontsize=7)
        ax.tick_params(axis="y", length=0)
        ax.set_title(title, loc="left", fontsize=9)
    return figure


# --- Chapter 07: against the others -----------------------------------------------------------


@_styled
def accuracy_and_cost(table: pd.DataFrame) -> Figure:
    """Draw each representation's accuracies against the time it takes for a model.

    ``table`` is what :func:`metanet_lib.leaderboard.leaderboard` returns; its rows are numbered
    from 1. The marker tells the group, hollow ones were told labels, and the paper's has a colour.
    """
    markers = dict(zip(dict.fromkeys(table.group), "osD", strict=False))
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    tasks = (("dataset_id", "dataset ID"), ("modality", "modality"))
    for ax, (task, title) in zip(panels, tasks, strict=True):
        for number, row in enumerate(table.to_dict("records"), 1):
            colour = "#CC79A7" if row["row"] == "metanetwork" else "#222222"
            at, accuracy = row["ms_per_model"], 100 * row[task]
            interval = [100 * row[f"{task}_ci_low"], 100 * row[f"{task}_ci_high"]]
            ax.plot([at, at], interval, color=colour, linewidth=0.8, alpha=0.5)
            ax.plot(
                at,
                accuracy,
                markers[row["group"]],
                color=colour,
                markerfacecolor="white" if row["labels"] else colour,
            )
            if task == "dataset_id":
                ax.annotate(
                    str(number), (at, accuracy), (5, 3), textcoords="offset points", fontsize=7
                )
        ax.set(title=title, xscale="log", xlabel="milliseconds a model")
        ax.grid(color="#EEEEEE")
    panels[0].set(ylabel="accuracy, % (line: 95 % interval)", ylim=(0, 103))
    handles = [
        Line2D([], [], marker=m, linestyle="", color="#222222", label=group)
        for group, m in markers.items()
    ]
    handles += [
        Line2D([], [], marker="o", linestyle="", color="#CC79A7", label="the paper's"),
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color="#222222",
            markerfacecolor="white",
            label="told labels",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
    return figure


# --- Chapter 08: open decisions ---------------------------------------------------------------


@_styled
def open_decisions(rows: pd.DataFrame) -> Figure:
    """Draw both accuracies for each choice of each open decision.

    ``rows`` is what :func:`metanet_lib.study.run_study` returns.
    """
    kinds = {"metanetwork": ("#222222", "16 numbers"), "raw_weights": ("#009E73", "raw weights")}
    tasks = {"modality": "modality", "dataset_id": "dataset ID"}
    choices = rows[["decision", "value", "usual"]].drop_duplicates().to_numpy().tolist()
    decisions = [decision for decision, _, _ in choices]
    places = [i + 0.8 * len(set(decisions[: i + 1])) for i in range(len(choices))]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * places[-1]), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for ax, (task, title) in zip(panels, tasks.items(), strict=True):
        for place, (decision, value, _) in zip(places, choices, strict=True):
            here = rows[(rows.task == task) & (rows.decision == decision) & (rows.value == value)]
            for offset, (kind, (colour, _)) in zip((-0.17, 0.17), kinds.items(), strict=True):
                y, of_kind = place + offset, here[here.representation == kind]
                (row,) = of_kind[of_kind.headline].to_dict("records")
                interval = [100 * row["ci_low"], 100 * row["ci_high"]]
                ax.plot(interval, [y, y], color=colour, linewidth=1)
                fill = colour if kind == "metanetwork" else "white"
                ax.plot(100 * row["accuracy"], y, "o", color=colour, markerfacecolor=fill)
                others = of_kind[~of_kind.headline].accuracy
                ax.plot(100 * others, [y] * len(others), ".", color=colour, alpha=0.35)
        ax.set(title=title, xlabel="accuracy, %", xlim=(0, 101))
        ax.grid(axis="x", color="#EEEEEE")
    panels[0].set_ylim(places[-1] + 0.6, places[0] - 1.2)
    panels[0].set_yticks(places, [value for _, value, _ in choices])
    for label, (_, _, usual) in zip(panels[0].get_yticklabels(), choices, strict=True):
        label.set_fontweight("bold" if usual else "normal")
    for decision in dict.fromkeys(decisions):
        first = places[decisions.index(decision)]
        name = decision.replace("_", " ")
        panels[0].text(1, first - 0.75, name, fontsize=8, color="#555555", va="center")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=c, label=name, markerfacecolor=fill)
        for (c, name), fill in zip(kinds.values(), ("#222222", "white"), strict=True)
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=2)
    return figure


# --- Chapter 09: cost -------------------------------------------------------------------------


@_styled
def scaling(rows: pd.DataFrame) -> Figure:
    """Draw seconds of training against models and against patches.

    ``rows`` is what :func:`metanet_lib.bench.zoo_scaling` returns.
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    fixed = {"models": "patches", "patches": "models"}
    for ax, (name, other) in zip(figure.subplots(1, 2), fixed.items(), strict=True):
        some = rows[rows[other] == rows[other].min()].sort_values(name)
        x, seconds = some[name].to_numpy(float), some.seconds.to_numpy(float)
        ax.plot([0, x[-1]], [0, seconds[-1]], color="#BBBBBB", linewidth=1)
        ax.plot(x, seconds, "o", color="#222222")
        ax.set(xlabel=f"{name} ({some[other].iloc[0]:,} {other})", ylabel="seconds")
        ax.set(xlim=(0, None), ylim=(0, None))
    return figure


# --- Chapter 10: a model of one's own ---------------------------------------------------------

_MOST_SHOWN = 8  # models whose filters are drawn


@_styled
def interpreted_models(interpreter: Interpreter, answers: Sequence[Answer]) -> Figure:
    """Draw the filters of models, and their places on a map of the zoo.

    The map shows the first two principal components of the zoo's embeddings. Unlike t-SNE, that is
    a plane on which a new model has a place without moving the others. A model that lies beyond it
    is drawn at its edge.
    """
    shown = answers[:_MOST_SHOWN]
    figure = Figure(figsize=(WIDTH, 4.4 + 0.62 * len(shown)), layout="constrained")
    *rows, ax = figure.subplots(len(shown) + 1, 1, height_ratios=[*[0.62] * len(shown), 4.4])
    for number, (row, answer) in enumerate(zip(rows, shown, strict=True), 1):
        limit = np.abs(answer.encoder).max()
        _mosaic(row, answer.encoder.T.reshape(1, 16, 16, 16), -limit, limit)
        note = ", unlike anything seen" if answer.unlike_anything_seen else ""
        title = f"{number}  {Path(answer.name).name}: {answer.modality}, {answer.dataset}{note}"
        row.set_title(title, loc="left", fontsize=8, color=HUES[answer.modality])
    plane, zoo = interpreter.plane, interpreter.plane.transform(interpreter.embeddings)
    hues = np.array(_hues(interpreter.zoo.datasets))
    ax.scatter(*zoo.T, c=hues, s=9, alpha=0.45, linewidths=0)
    low, high = zoo.min(0), zoo.max(0)
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    points = plane.transform(np.stack([answer.embedding for answer in answers]))
    for number, (point, answer) in enumerate(zip(points, answers, strict=True), 1):
        at = point.clip(low, high)
        marker = "*" if (at == point).all() else "X"
        size = 170 if len(answers) <= _MOST_SHOWN else 40
        fill = HUES[answer.modality]
        ax.scatter(*at, c=fill, s=size, marker=marker, edgecolors="black", zorder=3, clip_on=False)
        if number <= len(shown):
            ax.annotate(str(number), at, (5, 5), textcoords="offset points", zorder=4)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    first, second = plane.explained_variance_ratio_
    ax.set_xlabel(f"first principal component of the zoo's embeddings ({first:.0%} of variance)")
    ax.set_ylabel(f"second ({second:.0%})")
    ax.set_title(
        "Principal components, fitted on the zoo alone. Far apart here is far apart; close here "
        f"may differ in the other {1 - first - second:.0%}.",
        fontsize=7.5,
    )
    names = {
        "o": "model of the zoo",
        "*": "interpreted model, by its answer",
        "X": "beyond the map",
    }
    handles = [
        Line2D([], [], marker=m, linestyle="", color="#777777", label=name, markersize=7)
        for m, name in names.items()
    ]
    handles += [Line2D([], [], marker="s", linestyle="", color=c, label=m) for m, c in HUES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
    return figure


# --- Helpers ----------------------------------------------------------------------------------


def _hue(dataset_id: str) -> str:
    return HUES[catalog.dataset(dataset_id).modality]


def _hues(datasets: np.ndarray) -> list[str]:
    return [_hue(i) for i in datasets]


def _modality_legend(figure: Figure) -> None:
    handles = [Line2D([], [], marker="o", linestyle="", color=c, label=m) for m, c in HUES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)


def _grid(n: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    """Return a figure with ``n`` axes in rows; further axes are hidden, ticks are off."""
    rows = -(-n // columns)
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    axes: np.ndarray = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, ax in enumerate(axes):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_visible(i < n)
    return figure, axes


def _name(ax: Axes, dataset_id: str) -> None:
    dataset = catalog.dataset(dataset_id)
    title = f"{dataset.title}  {dataset_id}"
    ax.set_title(title, fontsize=8.5, color=HUES[dataset.modality], loc="left")


def _two_rows_each(drawn: Mapping[str, tuple[np.ndarray, float, float]], name: str) -> Figure:
    """Draw two rows for each dataset: id to tiles ``[2, n, 16, 16]`` and their lowest and highest.

    The first row is called ``name``, the second "rebuilt".
    """
    figure = Figure(figsize=(WIDTH, 0.4 + 0.75 * len(drawn)), layout="constrained")
    for ax, (dataset_id, (tiles, low, high)) in zip(
        np.atleast_1d(figure.subplots(len(drawn), 1)), drawn.items(), strict=True
    ):
        _mosaic(ax, tiles, low, high)
        ax.set_yticks([8, 26], [name, "rebuilt"], fontsize=7)
        ax.set_title(dataset_id, color=_hue(dataset_id), loc="left", fontsize=9)
    return figure


def _mosaic(ax: Axes, tiles: np.ndarray, low: float, high: float) -> None:
    """Draw tiles ``[rows, columns, 16, 16]`` as one picture with thin gaps; hides the x axis."""
    rows, columns = tiles.shape[:2]
    picture = np.full((rows * 18 - 2, columns * 18 - 2), np.nan)
    for row in range(rows):
        for column in range(columns):
            picture[row * 18 :, column * 18 :][:16, :16] = tiles[row, column]
    ax.imshow(picture, vmin=low, vmax=high, interpolation="none")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
