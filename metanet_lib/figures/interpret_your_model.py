"""Models from outside, and what the interpreter answers of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from metanet_lib.figures.style import HUES, WIDTH, hues_of, mosaic, styled
from metanet_lib.interpret import Answer, Interpreter, percent

_MOST_SHOWN = 8  # models whose filters are drawn


@styled
def interpreted_models(interpreter: Interpreter, answers: Sequence[Answer]) -> Figure:
    """Draw the filters of models, and their places on a map of the zoo.

    The map shows the first two principal components of the zoo's embeddings. Unlike t-SNE, that is
    a plane on which a new model has a place without moving the others. A model that lies beyond it
    is drawn at its edge.

    Examples
    --------
    >>> from metanet_lib.interpret import InterpretParameters
    >>> from metanet_lib.representations.functional import FunctionalCode
    >>> code, numbers = FunctionalCode().fit(zoo.encoders), np.tile(np.arange(8), 3)
    >>> interpreter = Interpreter(code, "functional", zoo, numbers, InterpretParameters(k=3))
    >>> answers = interpreter.interpret(encoders[:2], ["mine", "yours"])
    >>> len(interpreted_models(interpreter, answers).axes)
    3
    """
    shown = answers[:_MOST_SHOWN]
    figure = Figure(figsize=(WIDTH, 4.4 + 0.62 * len(shown)), layout="constrained")
    *rows, ax = figure.subplots(len(shown) + 1, 1, height_ratios=[*[0.62] * len(shown), 4.4])
    for number, (row, answer) in enumerate(zip(rows, shown, strict=True), 1):
        limit = np.abs(answer.encoder).max()
        mosaic(row, answer.encoder.T.reshape(1, 16, 16, 16), -limit, limit)
        note = ", unlike anything seen" if answer.unlike_anything_seen else ""
        title = f"{number}  {Path(answer.name).name}: {answer.modality}, {answer.dataset}{note}"
        row.set_title(title, loc="left", fontsize=8, color=HUES[answer.modality])
    plane, zoo = interpreter.plane, interpreter.plane.transform(interpreter.embeddings)
    hues = np.array(hues_of(interpreter.zoo.datasets))
    ax.scatter(*zoo.T, c=hues, s=9, alpha=0.45, linewidths=0)
    low, high = zoo.min(0), zoo.max(0)
    low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
    points = plane.transform(np.stack([answer.embedding for answer in answers]))
    for number, (point, answer) in enumerate(zip(points, answers, strict=True), 1):
        at = point.clip(low, high)
        marker = "*" if (at == point).all() else "X"
        size = 170 if len(answers) <= _MOST_SHOWN else 40
        fill = HUES[answer.modality]
        ax.scatter(*at, c=fill, s=size, marker=marker, edgecolors="black", zorder=3, clip_on=False)
        if number <= len(shown):
            ax.annotate(str(number), at, (5, 5), textcoords="offset points", zorder=4)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    first, second = plane.explained_variance_ratio_
    ax.set_xlabel(
        f"first principal component of the zoo's embeddings ({percent(first)} of variance)"
    )
    ax.set_ylabel(f"second ({percent(second)})")
    ax.set_title(
        "Principal components, fitted on the zoo alone. Far apart here is far apart; close here "
        f"may differ in the other {percent(1 - first - second)}.",
        fontsize=7.5,
    )
    names = {
        "o": "model of the zoo",
        "*": "interpreted model, by its answer",
        "X": "beyond the map",
    }
    handles = [
        Line2D([], [], marker=m, linestyle="", color="#777777", label=name, markersize=7)
        for m, name in names.items()
    ]
    handles += [Line2D([], [], marker="s", linestyle="", color=c, label=m) for m, c in HUES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
    return figure
