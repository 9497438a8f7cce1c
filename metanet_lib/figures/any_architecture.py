"""Networks of other shapes: how often the zoo's models name what they learned."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import WIDTH, styled

_STATES = {"trained": ("#0072B2", "o"), "untrained": ("#888888", "x"),
           "shuffled weights": ("#CC79A7", "+")}  # fmt: skip
_TASKS = {"modality": "modality named, %", "dataset_id": "dataset named, %"}


@styled
def accuracy_by_architecture(rows: pd.DataFrame, chance: dict[str, float]) -> Figure:
    """Draw modality and dataset-ID accuracy of each architecture in each state.

    Parameters
    ----------
    rows
        ``title`` (of the architecture), ``state``, and for both tasks ``<task>``, ``<task>_low``
        and ``<task>_high``.
    chance
        Accuracy of guessing, by task.

    Examples
    --------
    >>> row = {f"{task}{end}": 0.5 for task in ("modality", "dataset_id")
    ...        for end in ("", "_low", "_high")}
    >>> rows = pd.DataFrame([{"title": "tanh", "state": "trained", **row}])
    >>> figure = accuracy_by_architecture(rows, {"modality": 0.5, "dataset_id": 0.05})
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['tanh']
    """
    titles = list(dict.fromkeys(rows.title))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.27 * len(titles)), layout="constrained")
    for ax, (task, label) in zip(figure.subplots(1, 2, sharey=True), _TASKS.items(), strict=True):
        for state, (colour, marker) in _STATES.items():
            of_state = rows[rows.state == state]
            y = [titles.index(title) for title in of_state.title]
            middle = 100 * of_state[task]
            if state == "trained":
                ends = np.stack(
                    [
                        middle - 100 * of_state[f"{task}_low"],
                        100 * of_state[f"{task}_high"] - middle,
                    ]
                )
                ax.errorbar(middle, y, xerr=np.abs(ends), fmt="none", ecolor="#BBBBBB")
            ax.plot(middle, y, marker, color=colour, markersize=6, linestyle="")
        ax.axvline(100 * chance[task], color="#888888", linestyle=":")
        ax.set(xlabel=label, xlim=(-2, 102))
        ax.set_yticks(range(len(titles)), titles)
    figure.axes[0].invert_yaxis()
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=state)
        for state, (colour, marker) in _STATES.items()
    ]
    handles.append(Line2D([], [], color="#888888", linestyle=":", label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


@styled
def accuracy_in_the_wild(rows: pd.DataFrame) -> Figure:
    """Draw the accuracy over families of networks from public packages, and of the controls.

    Parameters
    ----------
    rows
        ``question``, ``accuracy``, ``low`` and ``high``; of several draws a row each.

    Examples
    --------
    >>> rows = pd.DataFrame({"question": ["a", "b", "b"], "accuracy": 0.5, "low": 0.3, "high": 0.7})
    >>> figure = accuracy_in_the_wild(rows)
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['a', 'b']
    """
    questions = list(dict.fromkeys(rows.question))
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(questions)), layout="constrained")
    ax = figure.subplots()
    for i, question in enumerate(questions):
        of_question = rows[rows.question == question]
        shift = 0.2 * (np.arange(len(of_question)) - (len(of_question) - 1) / 2)
        middle = 100 * of_question.accuracy.to_numpy()
        ends = [middle - 100 * of_question.low, 100 * of_question.high - middle]
        colour = _STATES["trained"][0] if i == 0 else "#555555"
        ax.errorbar(middle, i + shift, xerr=np.abs(ends), fmt="o", color=colour, ecolor="#BBBBBB",
                    markersize=5)  # fmt: skip
    ax.axvline(50, color="#888888", linestyle=":")
    ax.set(xlabel="families of sounds and of pictures told apart, %", xlim=(-2, 102))
    ax.set_yticks(range(len(questions)), questions)
    ax.invert_yaxis()
    return figure
