"""What each part of the method buys."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import WIDTH, panels_of, styled


@styled
def accuracy_by_variant(rows: pd.DataFrame, headline: int) -> Figure:
    """Draw the accuracies of each variant of one question, a dot a seed, with 95 % intervals.

    ``rows`` is what :func:`metanet_lib.experiments.parts.run_ablations` returns; the dots of the
    seed ``headline``, and of variants without one, are filled.

    Examples
    --------
    >>> row = {"seed": 0, "usual": True, "accuracy": 0.3}
    >>> row |= {"bootstrap_low": 0.2, "bootstrap_high": 0.4}
    >>> tasks, variants = ("modality", "dataset_id"), ("sorted", "unsorted")
    >>> rows = pd.DataFrame([{**row, "task": t, "variant": v} for t in tasks for v in variants])
    >>> figure = accuracy_by_variant(rows, headline=0)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['sorted', 'unsorted']
    """
    places = {name: y for y, name in enumerate(rows.variant.unique())}
    figure = Figure(figsize=(WIDTH, 1.1 + 0.36 * len(places)), layout="constrained")
    tasks = panels_of(rows)
    panels = figure.subplots(1, len(tasks), sharey=True)
    for ax, (task, title) in zip(panels, tasks.items(), strict=True):
        for name, y in places.items():
            here = rows[(rows.task == task) & (rows.variant == name)].to_dict("records")
            for row, dy in zip(
                here, 0.15 * (np.arange(len(here)) - (len(here) - 1) / 2), strict=True
            ):
                filled = pd.isna(row["seed"]) or row["seed"] == headline
                colour = "#222222" if filled else "#999999"
                interval = [100 * row["bootstrap_low"], 100 * row["bootstrap_high"]]
                ax.plot(interval, [y + dy] * 2, color=colour, linewidth=0.8)
                fill = colour if filled else "white"
                ax.plot(100 * row["accuracy"], y + dy, "o", color=colour, mfc=fill, markersize=4)
        ax.set(title=title, xlabel="accuracy, %", xlim=(0, 101))
        ax.grid(axis="x", color="#EEEEEE")
    panels[0].set_ylim(len(places) - 0.5, -0.5)
    panels[0].set_yticks(list(places.values()), list(places))
    usual = set(rows.variant[rows.usual])
    for label in panels[0].get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in usual else "normal")
    return figure


@styled
def accuracy_by_size(rows: pd.DataFrame, x: str, label: str, headline: int) -> Figure:
    """Draw the accuracies against a number, the column ``x``: a line a seed.

    ``rows`` is what :func:`metanet_lib.experiments.parts.run_ablations` returns, of questions about
    the same number; the seed ``headline`` has its 95 % interval as a band. A dotted line marks the
    run's own.

    Examples
    --------
    >>> row = {"question": "k", "seed": 0, "accuracy": 0.3}
    >>> row |= {"bootstrap_low": 0.2, "bootstrap_high": 0.4}
    >>> rows = pd.DataFrame(
    ...     [{**row, "task": task, "k": k, "usual": k == 10}
    ...      for task in ("modality", "dataset_id") for k in (5, 10, 20)]
    ... )
    >>> figure = accuracy_by_size(rows, "k", "neighbours asked", headline=0)
    >>> [ax.get_title() for ax in figure.axes]
    ['modality', 'dataset ID']
    """
    looks = {False: ("#222222", "#AAAAAA"), True: ("#009E73", "#009E73")}
    styles = dict(zip(rows.question.unique(), ("-", "--"), strict=False))
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    tasks = panels_of(rows)
    for ax, (task, title) in zip(figure.subplots(1, len(tasks)), tasks.items(), strict=True):
        of_task = rows[rows.task == task].sort_values(x)
        ax.axvline(of_task[x][of_task.usual].iloc[0], color="#BBBBBB", linestyle=":")
        for (question, _), line in of_task.groupby(["question", "seed"], dropna=False):
            raw = bool(line.seed.isna().all())
            main = raw or bool((line.seed == headline).all())
            colour = looks[raw][not main]
            at = line[x].to_numpy(float)
            y = {
                c: 100 * line[c].to_numpy(float)
                for c in ("accuracy", "bootstrap_low", "bootstrap_high")
            }
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
                    at,
                    y["bootstrap_low"],
                    y["bootstrap_high"],
                    color=colour,
                    alpha=0.12,
                    linewidth=0,
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
