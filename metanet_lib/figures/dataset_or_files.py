"""A dataset, or its files: accuracies on same and on new files."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import PAPERS, WIDTH, styled, write_beside

_LOOKS = {
    "metanetwork": ("#222222", "o", "metanetwork, headline"),
    "raw_weights": ("#009E73", "s", "raw weights"),
    "spectrum": ("#D55E00", "^", "spectrum"),
    "column_space": ("#0072B2", "D", "column space"),
}


@styled
def same_against_new(rows: pd.DataFrame, ceiling: float | None, chance: float) -> Figure:
    """Draw dataset-ID accuracy on new files against that on the same files, a point each.

    Parameters
    ----------
    rows
        Of tasks ``dataset_id`` and ``dataset_id_new_files``, see
        :func:`metanet_lib.experiments.files.same_and_new`.
    ceiling
        Accuracy of the patches of new files themselves; None if it is not known.
    chance
        Accuracy of guessing.

    Examples
    --------
    >>> tasks = ("dataset_id", "dataset_id_new_files")
    >>> row = {"representation": "spectrum", "bootstrap_low": 0.2, "bootstrap_high": 0.5}
    >>> rows = pd.DataFrame([{**row, "task": task, "accuracy": 0.3} for task in tasks])
    >>> [text.get_text() for text in same_against_new(rows, 0.4, 0.05).axes[0].texts]
    ['the patches themselves', 'chance', 'spectrum']
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    ax = figure.subplots()
    places = {}
    for name, of_name in rows.groupby("representation", sort=False):
        same, new = (
            of_name[of_name.task == task].iloc[0] for task in ("dataset_id", "dataset_id_new_files")
        )
        places[str(name)] = x, y = 100 * same.accuracy, 100 * new.accuracy
        across, up = (
            [[100 * (r.accuracy - r.bootstrap_low)], [100 * (r.bootstrap_high - r.accuracy)]]
            for r in (same, new)
        )
        colour = PAPERS if str(name).startswith("metanetwork") else "#222222"
        ax.errorbar(x, y, np.abs(up), np.abs(across), "o", color=colour, ecolor="#CCCCCC", ms=6)
    if ceiling is not None:
        ax.axhline(100 * ceiling, color="#0072B2", linestyle="--", linewidth=1)
        ax.text(1, 100 * ceiling + 1, "the patches themselves", fontsize=8, color="#0072B2")
    ax.axhline(100 * chance, color="#888888", linestyle=":")
    ax.text(100, 100 * chance + 1, "chance", fontsize=8, color="#666666", ha="right")
    ax.plot([0, 100], [0, 100], color="#DDDDDD", linewidth=1, zorder=0)
    ax.set(
        xlim=(0, 101),
        ylim=(0, 101),
        xlabel="dataset named, same files, %",
        ylabel="dataset named, new files, %",
    )
    write_beside(ax, np.array([*places.values()]), [*places], size=8)
    return figure


@styled
def accuracy_by_files(rows: pd.DataFrame, chance: float) -> Figure:
    """Draw dataset-ID accuracy against the files of each dataset that models fit on.

    ``rows`` are those of :func:`metanet_lib.experiments.open_decisions.run_study` with a column
    ``files``, how many; new files are drawn solid, the same files dashed.

    Examples
    --------
    >>> row = {"representation": "spectrum", "headline": True, "files": 6, "accuracy": 0.3}
    >>> row |= {"bootstrap_low": 0.2, "bootstrap_high": 0.5}
    >>> rows = pd.DataFrame([{**row, "task": t} for t in ("dataset_id", "dataset_id_new_files")])
    >>> accuracy_by_files(rows, chance=0.05).axes[0].get_xlabel()
    'files of each dataset that models fit on'
    """
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    ax = figure.subplots()
    styles = {"dataset_id_new_files": "-", "dataset_id": "--"}
    shown = rows[rows.headline & rows.task.isin(styles)].sort_values("files")
    for (name, task), line in shown.groupby(["representation", "task"]):
        colour, marker, _ = _LOOKS[str(name)]
        ax.plot(
            line.files, 100 * line.accuracy, styles[str(task)], color=colour, marker=marker, ms=5
        )
        if task == "dataset_id_new_files":
            low, high = 100 * line.bootstrap_low, 100 * line.bootstrap_high
            ax.fill_between(line.files, low, high, color=colour, alpha=0.1, linewidth=0)
    ax.axhline(100 * chance, color="#888888", linestyle=":")
    counts = sorted(shown.files.unique())
    ax.set_xscale("log")
    ax.set_xticks(counts, [f"{n:g}" for n in counts])
    ax.minorticks_off()
    ax.set(
        xlabel="files of each dataset that models fit on", ylabel="dataset named, %", ylim=(0, 103)
    )
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=label)
        for name, (colour, marker, label) in _LOOKS.items()
        if name in set(shown.representation)
    ]
    handles += [
        Line2D([], [], color="#666666", linestyle="-", label="new files"),
        Line2D([], [], color="#666666", linestyle="--", label="same files"),
        Line2D([], [], color="#888888", linestyle=":", label="chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure
