"""What the 16 numbers tell of the dataset: who is taken for whom."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from metanet_lib.figures.style import WIDTH, hue_of, styled


@styled
def confusion(matrix: np.ndarray, ids: Sequence[str], title: str) -> Figure:
    """Draw Figure 5 or 6: a confusion matrix ``[n, n]`` of shares, each row a true dataset.

    Examples
    --------
    >>> figure = confusion(np.array([[0.8, 0.2], [0.0, 1.0]]), ["v:aer", "a:air"], "Two datasets")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['80', '20', '100']
    """
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
            label.set_color(hue_of(dataset_id))
    ax.set(xlabel="predicted dataset", ylabel="true dataset", title=title)
    figure.colorbar(image, label="share of the true dataset's models", shrink=0.8)
    return figure
