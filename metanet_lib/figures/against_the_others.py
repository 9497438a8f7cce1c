"""The representations side by side."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.shown import Shown, below_title
from metanet_lib.figures.style import COMPARED, PAPERS, WIDTH, styled, write_beside
from metanet_lib.interpret import TASKS


def standings(
    table: pd.DataFrame,
    given: Sequence[str],
    behind: Sequence[Mapping[str, str]],
    name: str,
    title: str,
) -> Shown:
    """Return the comparison as one table: bars with intervals, and each row opens.

    The site lets a reader sort it and leave out rows (``book/_static/standings.js``); without
    scripts, and in print, it is a plain table.

    Parameters
    ----------
    table
        What :func:`metanet_lib.experiments.leaderboard.leaderboard` returns: its rows are numbered
        from 1. Bars are means over seeds, lines their intervals.
    given
        What each row needs beside weights, in a word or two.
    behind
        What stands behind each row: names and HTML.
    name, title
        As for :func:`~metanet_lib.figures.shown.show_table`.

    Examples
    --------
    >>> row = {"row": "mine", "title": "Mine", "group": "weights only", "dimension": 16}
    >>> row |= {"fit_seconds": 1.0, "ms_per_model": 0.1, "dataset_id_mean": 0.5}
    >>> row |= {"dataset_id_mean_low": 0.4, "dataset_id_mean_high": 0.6}
    >>> table, behind = pd.DataFrame([row]), [{"How": "by hand"}]
    >>> html = standings(table, ["nothing"], behind, "all_rows", "Every row")._repr_html_()
    >>> "--low:40.0" in html, "<dt>How</dt><dd>by hand</dd>" in html
    (True, True)
    """
    tasks = [task for task in COMPARED if f"{task}_mean" in table]
    heads = ["", "representation", "group", "given", "numbers", *(TASKS[task] for task in tasks)]
    heads += ["fit, s", "ms a model"]
    lines = []
    rows = zip(table.to_dict("records"), given, behind, strict=True)
    for number, (row, needs, told) in enumerate(rows, 1):
        more = "".join(f"<dt>{escape(name)}</dt><dd>{html}</dd>" for name, html in told.items())
        cells = [
            f"<td>{number}</td>",
            f'<th scope="row"><details><summary>{escape(row["title"])}</summary><dl>{more}</dl>'
            "</details></th>",
            f'<td class="rest">{escape(row["group"])}</td>',
            f'<td class="rest">{escape(needs)}</td>',
            f'<td class="rest" data-sort="{row["dimension"]}">{row["dimension"]:,}</td>',
            *(_bar(row, task) for task in tasks),
            *(
                f'<td class="rest" data-sort="{row[name]}">{row[name]:,.{digits}f}</td>'
                for name, digits in (("fit_seconds", 1), ("ms_per_model", 2))
            ),
        ]
        marks = f'data-group="{escape(row["group"])}" data-given="{escape(needs)}" '
        marks += f'data-numbers="{"16" if row["dimension"] == 16 else "another number"}"'
        mine = ' class="papers"' if row["row"] == "metanetwork" else ""
        lines.append(f"<tr{mine} {marks}>{''.join(cells)}</tr>")
    rest = {"group", "given", "numbers", "fit, s", "ms a model"}
    head = "".join(
        f'<th scope="col"{" class=rest" * (title in rest)}>{title}</th>' for title in heads
    )
    return below_title(
        f'<table class="standings"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>",
        name,
        title,
    )


def _bar(row: Mapping[Any, Any], task: str) -> str:
    """Return a cell with an accuracy in per cent as a number, a bar and its interval."""
    share, low, high = (100 * row[f"{task}_{name}"] for name in ("mean", "mean_low", "mean_high"))
    return (
        f'<td class="bar" data-sort="{share:.3f}" style="--at:{share:.1f};--low:{low:.1f};'
        f'--high:{high:.1f}">{share:.1f} <small>{low:.0f}\N{EN DASH}{high:.0f}</small></td>'
    )


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
        for row in table.to_dict("records"):
            colour = PAPERS if row["row"] == "metanetwork" else "#222222"
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
        ax.set(title=title, xscale="log", xlabel="milliseconds a model")
        ax.grid(color="#EEEEEE")
    panels[0].set(ylabel="accuracy, % (line: 95 % interval)", ylim=(0, 103))
    handles = [
        Line2D([], [], marker=m, linestyle="", color="#222222", label=group)
        for group, m in markers.items()
    ]
    handles += [
        Line2D([], [], marker="o", linestyle="", color=PAPERS, label="the paper's"),
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
    places = np.column_stack([table.ms_per_model, 100 * table.dataset_id])
    write_beside(panels[0], places, [str(n) for n in range(1, len(table) + 1)], size=7)
    return figure
