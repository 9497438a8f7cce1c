"""The inside: what filters and the numbers made of them carry."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from metanet_lib.figures.style import WIDTH, hue_of, modality_legend, mosaic, styled


@styled
def encoded_properties(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how axes follow properties: title to what ``inside.what_is_encoded`` returns.

    Examples
    --------
    >>> table = pd.DataFrame({"spread": [0.9, -0.1], "tilt": [0.2, np.nan]}, ["axis 1", "together"])
    >>> [text.get_text() for text in encoded_properties({"seed 0": table}).axes[0].texts]
    ['0.90', '0.20', '-0.10', '-']
    """
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


@styled
def left_over(shares: Mapping[str, np.ndarray]) -> Figure:
    """Draw how much initial weights explain of each filter: dataset id to shares, any shape.

    Examples
    --------
    >>> shares = {"v:aer": np.array([0.5, 0.6]), "a:air": np.array([0.1, 0.2])}
    >>> [label.get_text() for label in left_over(shares).axes[0].get_yticklabels()]
    ['a:air', 'v:aer']
    """
    order = sorted(shares, key=lambda i: float(np.median(shares[i])))
    figure = Figure(figsize=(WIDTH, 0.7 + 0.14 * len(order)), layout="constrained")
    ax = figure.subplots()
    for y, dataset_id in enumerate(order):
        low, first, middle, third, high = np.quantile(
            shares[dataset_id], (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        colour = hue_of(dataset_id)
        ax.plot([100 * low, 100 * high], [y, y], color=colour, linewidth=0.8)
        ax.plot([100 * first, 100 * third], [y, y], color=colour, linewidth=3)
        ax.plot(100 * middle, y, "o", color="white", markeredgecolor=colour, markersize=4)
    ax.set_yticks(range(len(order)), order, fontsize=7)
    ax.set(xlabel="share of a filter's variance that its initial weights explain, %", xlim=(0, 100))
    ax.set_ylim(-0.7, len(order) - 0.3)
    ax.grid(axis="x", color="#EEEEEE")
    modality_legend(figure)
    return figure


@styled
def filters_compared(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw rows of filters one below the other: title to (name to encoder ``[256, 16]``).

    A group has one scale, so that a fainter row is one of smaller weights.

    Examples
    --------
    >>> groups = {"one": {"own": encoders[0], "rebuilt": encoders[1]}, "two": {"own": encoders[2]}}
    >>> len(filters_compared(groups).axes)
    2
    """
    heights = [0.45 + 0.37 * len(group) for group in groups.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(groups), 1, height_ratios=heights))
    for ax, (title, group) in zip(panels, groups.items(), strict=True):
        tiles = np.stack([e.T.reshape(16, 16, 16) for e in group.values()])
        limit = float(np.abs(tiles).max())
        mosaic(ax, tiles, -limit, limit)
        ax.set_yticks([8 + 18 * row for row in range(len(group))], list(group), fontsize=7)
        ax.tick_params(axis="y", length=0)
        ax.set_title(title, loc="left", fontsize=9)
    return figure
