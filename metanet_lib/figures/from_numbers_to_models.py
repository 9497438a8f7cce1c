"""From 16 numbers to a model: errors of made models, whom they serve, and the way between two."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from metanet_lib import catalog
from metanet_lib.figures.style import HUES, WIDTH, hue_of, hues_of, modality_legend, mosaic, styled

_MOST = 4.0  # times the error of trained models, at the edge of the picture


@styled
def errors_of_candidates(ratios: pd.DataFrame) -> Figure:
    """Draw how many times the error of trained models each candidate has, a point a dataset.

    ``ratios`` has a row for each dataset and a column for each candidate.

    Examples
    --------
    >>> ratios = pd.DataFrame({"decoded": [1.1, 0.9], "random": [2, 9]}, ["v:aer", "a:air"])
    >>> [label.get_text() for label in errors_of_candidates(ratios).axes[0].get_yticklabels()]
    ['random', 'decoded']
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * ratios.shape[1]), layout="constrained")
    ax = figure.subplots()
    offset = {"vision": 0.14, "audio": -0.14}
    places = [offset[m] for m in catalog.modalities(ratios.index)]
    for y, name in enumerate(ratios.columns[::-1]):
        values = ratios[name].clip(1 / _MOST, _MOST)
        ax.scatter(
            values, y + np.array(places), c=hues_of(ratios.index.to_numpy()), s=12, alpha=0.7
        )
        ax.plot([values.median()] * 2, [y - 0.35, y + 0.35], color="#222222", linewidth=1.5)
    ax.axvline(1, color="#888888", linestyle=":")
    ax.axvline(1.1, color="#009E73", linestyle="--", linewidth=1)
    ax.set_yticks(range(ratios.shape[1]), ratios.columns[::-1], fontsize=8)
    ax.set_xscale("log")
    ticks = [0.25, 0.5, 0.7, 1, 1.5, 2, 3, 4]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel(
        "error, times that of trained models of the dataset (logarithmic, cut at the edges)"
    )
    modality_legend(figure)
    return figure


@styled
def made_and_tested(tables: dict[str, pd.DataFrame]) -> Figure:
    """Draw errors of models for one dataset on each: title to a table, rows made for, columns on.

    Examples
    --------
    >>> ids = ["v:aer", "a:air"]
    >>> table = pd.DataFrame([[1, 2], [1.5, 1]], ids, ids)
    >>> [ax.get_title() for ax in made_and_tested({"trained": table}).axes[:1]]
    ['trained']
    """
    figure = Figure(figsize=(WIDTH, 4.1), layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for ax, (title, table) in zip(panels, tables.items(), strict=True):
        image = ax.imshow(table.to_numpy(), vmin=1, vmax=2, cmap="viridis_r")
        best = table.to_numpy().argmin(0)
        ax.plot(range(len(best)), best, "o", color="white", markeredgecolor="#222222", ms=4)
        ax.set_xticks(range(len(table.columns)), table.columns, rotation=90, fontsize=6)
        ax.set_yticks(range(len(table)), table.index, fontsize=6)
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            for label in labels:
                label.set_color(hue_of(label.get_text()))
        ax.set(xlabel="measured on", ylabel="models for", title=title)
    figure.colorbar(
        image, ax=panels, label="error, times the least there", shrink=0.7, extend="max"
    )
    return figure


@styled
def on_the_way(rows: pd.DataFrame, encoders: np.ndarray, ends: Sequence[str]) -> Figure:
    """Draw the way from one dataset to another: errors on both, and filters along it.

    Parameters
    ----------
    rows
        What :func:`metanet_lib.experiments.generation.way` returns.
    encoders
        The models on the way, ``[way, 256, 16]``.
    ends
        Ids of the two datasets.

    Examples
    --------
    >>> row = {"dataset": "v:aer", "by": "codes", "error": 0.1}
    >>> rows = pd.DataFrame([{**row, "share": share} for share in (0.0, 1.0)])
    >>> len(on_the_way(rows, encoders[:2], ("v:aer", "a:air")).axes)
    2
    """
    steps = len(encoders)
    figure = Figure(figsize=(WIDTH, 2.9 + 0.33 * steps), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[2.5, 0.33 * steps])
    styles: dict[str, Any] = {
        "codes": "solid",
        "codes, linearly": "dashed",
        "aligned weights": "dotted",
    }
    for (dataset, by), line in rows.groupby(["dataset", "by"], sort=False):
        style, hue = styles[str(by)], hue_of(str(dataset))
        above.plot(line.share, 100 * line.error, linestyle=style, color=hue, marker="o", ms=3)
    above.set(
        xlabel=f"share of the way from {ends[0]} to {ends[1]}",
        ylabel="variance left, %",
        yscale="log",
    )
    for axis in (above.yaxis.set_major_formatter, above.yaxis.set_minor_formatter):
        axis(StrMethodFormatter("{x:g}"))
    handles = [Line2D([], [], color=hue_of(end), label=f"measured on {end}") for end in ends] + [
        Line2D([], [], color="#666666", linestyle=s, label=f"by {by}") for by, s in styles.items()
    ]
    above.legend(handles=handles, fontsize=7)
    tiles = encoders.transpose(0, 2, 1).reshape(steps, 16, 16, 16)
    limits = np.abs(tiles).max((1, 2, 3), keepdims=True)
    mosaic(below, tiles / limits, -1, 1)
    shares = np.linspace(0, 1, steps)
    below.set_yticks([8 + 18 * i for i in range(steps)], [f"{s:.2f}" for s in shares], fontsize=7)
    below.set_ylabel("share of the way")
    return figure


@styled
def how_new(table: pd.DataFrame) -> Figure:
    """Draw how far models are from the nearest that fits: in function and in weights.

    ``table`` is what :func:`metanet_lib.experiments.generation.novelty` returns.

    Examples
    --------
    >>> row = {"candidate": "sampled", "dataset": "v:aer", "function": 0.2, "weights": 0.9}
    >>> [ax.get_xlabel() for ax in how_new(pd.DataFrame([row, row])).axes]
    ['share of the column space that the nearest lacks', 'distance of aligned filters']
    """
    names = list(dict.fromkeys(table.candidate))[::-1]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.3 * len(names)), layout="constrained")
    titles = {
        "function": "share of the column space that the nearest lacks",
        "weights": "distance of aligned filters",
    }
    hues = [HUES[m] for m in catalog.modalities(table.dataset)]
    for ax, (column, title) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
        y = table.candidate.map(names.index) + _spread(table.candidate)
        ax.scatter(table[column], y, c=hues, s=3, alpha=0.4, linewidths=0)
        medians = table.groupby("candidate")[column].median()
        for place, name in enumerate(names):
            ax.plot([medians[name]] * 2, [place - 0.4, place + 0.4], color="#222222")
        ax.set_yticks(range(len(names)), names, fontsize=8)
        ax.set(xlabel=title, xlim=(-0.02, None))
    modality_legend(figure)
    return figure


def _spread(names: pd.Series) -> np.ndarray:
    """Return places beside the middle of a row, -0.3 to 0.3, one after the other of each name."""
    counted = names.groupby(names).cumcount() + 1
    of_all = names.groupby(names).transform("size") + 1
    places: np.ndarray = (0.6 * counted / of_all - 0.3).to_numpy()
    return places
