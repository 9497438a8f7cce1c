"""The open decisions, had they fallen otherwise."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import WIDTH, panels_of, styled


@styled
def accuracy_by_decision(rows: pd.DataFrame) -> Figure:
    """Draw the accuracies for each choice of each open decision.

    ``rows`` is what :func:`metanet_lib.experiments.open_decisions.run_study` returns.

    Examples
    --------
    >>> row = {"decision": "mel_scale", "usual": True, "headline": True}
    >>> row |= {"accuracy": 0.3, "bootstrap_low": 0.2, "bootstrap_high": 0.4}
    >>> rows = pd.DataFrame(
    ...     [{**row, "value": value, "task": task, "representation": kind}
    ...      for value in ("power", "decibel") for task in ("modality", "dataset_id")
    ...      for kind in ("metanetwork", "raw_weights")]
    ... )
    >>> [label.get_text() for label in accuracy_by_decision(rows).axes[0].get_yticklabels()]
    ['power', 'decibel']
    """
    kinds = {"metanetwork": ("#222222", "16 numbers"), "raw_weights": ("#009E73", "raw weights")}
    tasks = panels_of(rows)
    choices = rows[["decision", "value", "usual"]].drop_duplicates().to_numpy().tolist()
    decisions = [decision for decision, _, _ in choices]
    places = [i + 0.8 * len(set(decisions[: i + 1])) for i in range(len(choices))]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * places[-1]), layout="constrained")
    panels = figure.subplots(1, len(tasks), sharey=True)
    for ax, (task, title) in zip(panels, tasks.items(), strict=True):
        for place, (decision, value, _) in zip(places, choices, strict=True):
            here = rows[(rows.task == task) & (rows.decision == decision) & (rows.value == value)]
            for offset, (kind, (colour, _)) in zip((-0.17, 0.17), kinds.items(), strict=True):
                y, of_kind = place + offset, here[here.representation == kind]
                (row,) = of_kind[of_kind.headline].to_dict("records")
                interval = [100 * row["bootstrap_low"], 100 * row["bootstrap_high"]]
                ax.plot(interval, [y, y], color=colour, linewidth=1)
                fill = colour if kind == "metanetwork" else "white"
                ax.plot(100 * row["accuracy"], y, "o", color=colour, markerfacecolor=fill)
                others = of_kind[~of_kind.headline].accuracy
                ax.plot(100 * others, [y] * len(others), ".", color=colour, alpha=0.35)
        ax.set(title=title, xlabel="accuracy, %", xlim=(0, 101))
        ax.grid(axis="x", color="#EEEEEE")
    panels[0].set_ylim(places[-1] + 0.6, places[0] - 1.2)
    panels[0].set_yticks(places, [value for _, value, _ in choices])
    for label, (_, _, usual) in zip(panels[0].get_yticklabels(), choices, strict=True):
        label.set_fontweight("bold" if usual else "normal")
    for decision in dict.fromkeys(decisions):
        first = places[decisions.index(decision)]
        name = decision.replace("_", " ")
        panels[0].text(1, first - 0.75, name, fontsize=8, color="#555555", va="center")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=c, label=name, markerfacecolor=fill)
        for (c, name), fill in zip(kinds.values(), ("#222222", "white"), strict=True)
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=2)
    return figure
