"""The models to interpret: how they learn, their filters, and what they rebuild."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from metanet_lib import catalog
from metanet_lib.figures.style import WIDTH, hue_of, modality_legend, mosaic, styled, two_rows_each


@styled
def loss_curves(curves: pd.DataFrame) -> Figure:
    """Draw training losses: a column ``step``, and one for each dataset.

    Examples
    --------
    >>> curves = pd.DataFrame({"step": [1, 2, 3], "v:aer": [9, 4, 1], "a:air": [8, 4, 2]})
    >>> len(loss_curves(curves).axes[0].lines)
    2
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    ax = figure.subplots()
    for dataset_id in curves.columns.drop("step"):
        ax.plot(curves.step, curves[dataset_id], color=hue_of(dataset_id), alpha=0.5, linewidth=0.8)
    ax.set(yscale="log", xscale="log", xlabel="training step", ylabel="mean squared error")
    ax.set_title("Every dataset's models learn: median loss, one line a dataset")
    modality_legend(figure)
    return figure


@styled
def final_losses(losses: pd.DataFrame) -> Figure:
    """Draw each model's final loss; ``losses`` has columns ``dataset`` and ``loss``.

    Examples
    --------
    >>> losses = pd.DataFrame({"dataset": ["v:aer", "v:aer", "a:air"], "loss": [3, 4, 1]})
    >>> [label.get_text() for label in final_losses(losses).axes[0].get_yticklabels()]
    ['a:air', 'v:aer']
    """
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    ax = figure.subplots()
    order = losses.groupby("dataset").loss.median().sort_values().index
    for y, dataset_id in enumerate(order):
        values = losses.loss[losses.dataset == dataset_id]
        ax.plot(values, [y] * len(values), "|", color=hue_of(str(dataset_id)), alpha=0.7)
    ax.set_yticks(range(len(order)), order, fontsize=7)
    ax.set(xlabel="mean squared error on its own patches, end of training", xscale="log")
    ax.grid(axis="x", alpha=0.3)
    modality_legend(figure)
    return figure


@styled
def filter_gallery(encoders: Mapping[str, np.ndarray], columns: int = 2) -> Figure:
    """Draw the 16 filters of one model for each dataset: id to encoder ``[256, 16]``.

    Examples
    --------
    >>> len(filter_gallery({"v:aer": encoders[0], "v:bic": encoders[8]}).axes)
    2
    """
    rows = -(-len(encoders) // columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 0.42 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).T.ravel()
    for ax, (dataset_id, encoder) in zip(axes, encoders.items(), strict=False):
        limit = np.abs(encoder).max()
        mosaic(ax, encoder.T.reshape(1, 16, 16, 16), -limit, limit)
        ax.set_yticks([8], [dataset_id])
        ax.tick_params(axis="y", length=0, labelcolor=hue_of(dataset_id))
    for ax in axes[len(encoders) :]:
        ax.set_axis_off()
    return figure


@styled
def reconstructions(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], gamma: float = 1) -> Figure:
    """Draw patches above their reconstructions: dataset id to two arrays ``[n, 256]``.

    ``gamma`` brightens the audio patches, see :func:`~metanet_lib.figures.datasets.spectrograms`.

    Examples
    --------
    >>> patches = np.random.default_rng(0).random((5, 256))
    >>> len(reconstructions({"v:aer": (patches, patches / 2)}).axes)
    1
    """
    drawn = {}
    for dataset_id, both in pairs.items():
        tiles = np.stack(both).reshape(2, -1, 16, 16)
        if catalog.dataset(dataset_id).modality == "audio":  # low bands below, as above
            tiles = tiles[:, :, ::-1].clip(0, 1) ** gamma
        drawn[dataset_id] = (tiles, 0.0, 1.0)
    return two_rows_each(drawn, "patch")
