"""What a page says of its numbers, chosen by them: no sentence about a result without them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from metanet_lib.interpret.classifier import Task, percent, span


def finding(low: float, high: float) -> str:
    """Say whether one accuracy is told apart from another, by the interval of their difference.

    Examples
    --------
    >>> finding(-0.1, 0.2)
    'not told apart'
    """
    if low > 0:
        return "more often (the interval leaves out 0)"
    return "less often (the interval leaves out 0)" if high < 0 else "not told apart"


def told_apart(differences: Mapping[str, tuple[float, float]]) -> str:
    """Say of several what :func:`finding` says of each, by the intervals of their differences.

    Examples
    --------
    >>> told_apart({"told pairs": (0.1, 0.2), "told all pairs": (-0.1, 0.2)})
    'more often (the interval leaves out 0): told pairs; not told apart: told all pairs'
    """
    found: dict[str, list[str]] = {}
    for name, (low, high) in differences.items():
        found.setdefault(finding(low, high), []).append(name)
    return "; ".join(f"{words}: {listed(names)}" for words, names in found.items())


def reached(low: float, high: float, paper: float) -> str:
    """Say whether an accuracy of the paper's lies within a run's 95 % interval.

    Examples
    --------
    >>> reached(0.2, 0.3, paper=0.254)
    'lies within the interval'
    """
    if low <= paper <= high:
        return "lies within the interval"
    return "is surpassed" if low > paper else "is not reached"


def claim(rows: pd.DataFrame, task: Task) -> str:
    """Say of the headline metanetwork whether the paper's accuracy is :func:`reached`.

    ``rows`` are those of :func:`~metanet_lib.interpret.classifier.assess_all`.

    Examples
    --------
    >>> row = {"task": "modality", "representation": "metanetwork", "headline": True}
    >>> row |= {"bootstrap_low": 0.8, "bootstrap_high": 0.9, "paper_accuracy": 1.0}
    >>> claim(pd.DataFrame([row]), "modality")
    'is not reached'
    """
    chosen = rows[(rows.task == task) & (rows.representation == "metanetwork") & rows.headline]
    row = chosen.iloc[0]
    return reached(row.bootstrap_low, row.bootstrap_high, row.paper_accuracy)


def with_interval(row: Any) -> str:
    """Say an accuracy with its interval, in whole points; ``row`` is one of a table's tuples.

    Examples
    --------
    >>> rows = pd.DataFrame({"accuracy": [0.5], "bootstrap_low": [0.4], "bootstrap_high": [0.6]})
    >>> with_interval(rows.iloc[0]).replace("\N{NO-BREAK SPACE}", " ")
    '50.0 % (40 to 60)'
    """
    interval = span(row.bootstrap_low, row.bootstrap_high, ".0f")
    return f"{percent(row.accuracy)} ({interval})"


def width(rows: pd.DataFrame) -> str:
    """Say how wide the intervals of a table are, in the median of its rows.

    Examples
    --------
    >>> width(pd.DataFrame({"bootstrap_low": [0.1, 0.2], "bootstrap_high": [0.2, 0.4]}))
    '15 points'
    """
    return f"{100 * (rows.bootstrap_high - rows.bootstrap_low).median():.0f} points"


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them.

    Examples
    --------
    >>> listed(["sorting", "size", "k"])
    'sorting, size and k'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
