"""The meta-autoencoder: what it is, how it is trained, and what its codes keep."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from metanet_lib.figures.style import WIDTH, hues_of, modality_legend, mosaic, styled, two_rows_each
from metanet_lib.metanetwork import Metanetwork, MetanetworkParameters


@styled
def metanetwork_diagram(p: MetanetworkParameters) -> Figure:
    r"""Draw Figure 3: how the meta-autoencoder is trained.

    Examples
    --------
    >>> texts = metanetwork_diagram(MetanetworkParameters(embedding=16)).axes[0].texts
    >>> "16\nnumbers" in [text.get_text() for text in texts]
    True
    """
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


@styled
def training_curves(metanetworks: Sequence[Metanetwork], chosen: int) -> Figure:
    """Draw the losses of both trainings for every seed; ``chosen`` is the headline's seed.

    Examples
    --------
    >>> unitwise, interunit = training_curves([metanetwork], chosen=0).axes
    >>> unitwise.get_title(), interunit.get_title()
    ('unit-wise', 'inter-unit')
    """
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


@styled
def filter_embeddings(embedded: np.ndarray, datasets: np.ndarray) -> Figure:
    """Draw embedded filters ``[m, 16, 3]`` on each pair of axes, coloured by modality.

    Examples
    --------
    >>> len(filter_embeddings(metanetwork.embed_filters(encoders), zoo.datasets).axes)
    3
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    points, colours = embedded.reshape(-1, embedded.shape[-1]), np.repeat(hues_of(datasets), 16)
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
    modality_legend(figure)
    return figure


@styled
def filter_sorting(encoder: np.ndarray, order: np.ndarray, embedded: np.ndarray) -> Figure:
    """Draw one model before and after sorting.

    ``encoder`` is ``[256, 16]``, ``order`` ``[16]``, and ``embedded``, its filters, ``[16, 3]``.

    Examples
    --------
    >>> embedded = metanetwork.embed_filters(encoders[:1])[0]
    >>> figure = filter_sorting(encoders[0], np.argsort(embedded[:, 0]), embedded)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['as trained', 'sorted']
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(1, 1.4))
    tiles = encoder.T.reshape(16, 16, 16)
    limit = np.abs(encoder).max()
    mosaic(top, np.stack([tiles, tiles[order]]), -limit, limit)
    top.set_yticks([8, 26], ["as trained", "sorted"])
    top.tick_params(axis="y", length=0)
    for axis in range(embedded.shape[1]):
        bottom.plot(
            range(1, 17), embedded[order, axis], "o-", markersize=3, label=f"axis {axis + 1}"
        )
    bottom.set(xlabel="place after sorting", ylabel="embedding", xticks=range(1, 17))
    bottom.legend(ncols=3, fontsize=7)
    return figure


@styled
def rebuilt_filters(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw sorted filters above what 16 numbers rebuild: id to two encoders ``[256, 16]``.

    Examples
    --------
    >>> own, rebuilt = encoders[0], metanetwork.reconstruct(encoders[:1])[0]
    >>> len(rebuilt_filters({"v:aer": (own, rebuilt)}).axes)
    1
    """
    drawn = {}
    for dataset_id, both in pairs.items():
        limit = float(np.abs(both[0]).max())
        drawn[dataset_id] = (np.stack([e.T.reshape(16, 16, 16) for e in both]), -limit, limit)
    return two_rows_each(drawn, "filters")
