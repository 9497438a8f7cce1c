"""What the 16 numbers tell of the modality: the map of models, and the accuracy of every seed."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import HUES, PAPERS, WIDTH, hues_of, styled


@styled
def embedding_map(points: np.ndarray, datasets: np.ndarray, training: Collection[str]) -> Figure:
    """Draw Figure 4: the validation models on a t-SNE map ``[m, 2]``.

    ``datasets`` has the dataset of each model; those in ``training`` are drawn as circles, the
    unseen ones as triangles.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> datasets = np.array(["v:aer", "a:air", "v:she"])
    >>> known, unseen = embedding_map(points, datasets, ["v:aer", "a:air"]).axes[0].collections
    >>> len(known.get_offsets()), len(unseen.get_offsets())
    (2, 1)
    """
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    ax = figure.subplots()
    trains = np.isin(datasets, list(training))
    hues = np.array(hues_of(datasets))
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


@styled
def accuracy_by_seed(rows: pd.DataFrame, chance: float) -> Figure:
    """Draw the accuracy of one task for every seed of the metanetwork and for the raw weights.

    ``rows`` has columns ``representation``, ``seed``, ``accuracy``, ``bootstrap_low``,
    ``bootstrap_high``, ``headline`` and ``paper_accuracy``; the raw weights have no seed.

    Examples
    --------
    >>> row = {"accuracy": 0.3, "bootstrap_low": 0.2, "bootstrap_high": 0.4}
    >>> row |= {"paper_accuracy": 0.254}
    >>> meta = {**row, "representation": "metanetwork", "seed": 0, "headline": True}
    >>> rows = pd.DataFrame([meta, {**meta, "seed": 1, "headline": False}])
    >>> figure = accuracy_by_seed(rows, chance=0.05)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['metanetwork, seed 0 (headline)', 'metanetwork, seed 1']
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.32 * len(rows)), layout="constrained")
    ax = figure.subplots()
    labels = []
    for y, row in enumerate(rows.to_dict("records")):
        meta = row["representation"] == "metanetwork"
        name = f"metanetwork, seed {int(row['seed'])}" if meta else "raw weights"
        labels.append(name + (" (headline)" if row["headline"] and meta else ""))
        colour = "#222222" if row["headline"] else "#AAAAAA"
        ax.plot(
            [100 * row["bootstrap_low"], 100 * row["bootstrap_high"]],
            [y, y],
            color=colour,
            linewidth=2,
        )
        ax.plot(100 * row["accuracy"], y, "o", color=colour)
        ax.plot(100 * row["paper_accuracy"], y, "D", color=PAPERS, markersize=5)
    ax.axvline(100 * chance, color="#888888", linestyle=":")
    ax.text(100 * chance, -0.6, "chance", fontsize=7, color="#666666", ha="center", va="bottom")
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlim=(0, 101), ylim=(len(rows) - 0.4, -0.6), xlabel="accuracy, % (bar: 95 % interval)")
    ax.legend(
        handles=[
            Line2D([], [], marker="o", linestyle="", color="#222222", label="this run"),
            Line2D([], [], marker="D", linestyle="", color=PAPERS, label="the paper"),
        ],
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
    return figure
