"""The representations side by side."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import WIDTH, styled


@styled
def accuracy_and_cost(table: pd.DataFrame) -> Figure:
    """Draw each representation's accuracies against the time it takes for a model.

    ``table`` is what :func:`metanet_lib.experiments.leaderboard.leaderboard` returns; its rows are
    numbered from 1. The marker tells the group, hollow ones were told labels, and the
    paper's has a colour.

    Examples
    --------
    >>> row = {"row": "metanetwork", "group": "weights only", "labels": False, "ms_per_model": 2.0}
    >>> for task in ("modality", "dataset_id"):
    ...     row |= {task: 0.3, f"{task}_ci_low": 0.2, f"{task}_ci_high": 0.4}
    >>> [ax.get_title() for ax in accuracy_and_cost(pd.DataFrame([row])).axes]
    ['dataset ID', 'modality']
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
