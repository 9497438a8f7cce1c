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
