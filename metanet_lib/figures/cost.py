"""What training costs."""

import pandas as pd
from matplotlib.figure import Figure

from metanet_lib.figures.style import WIDTH, styled


@styled
def scaling(rows: pd.DataFrame) -> Figure:
    """Draw seconds of training against models and against patches.

    ``rows`` is what :func:`metanet_lib.experiments.cost.zoo_scaling` returns.

    Examples
    --------
    >>> rows = pd.DataFrame({"models": [1, 2, 1], "patches": [9, 9, 18], "seconds": [1, 2, 2]})
    >>> [ax.get_xlabel() for ax in scaling(rows).axes]
    ['models (9 patches)', 'patches (1 models)']
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    fixed = {"models": "patches", "patches": "models"}
    for ax, (name, other) in zip(figure.subplots(1, 2), fixed.items(), strict=True):
        some = rows[rows[other] == rows[other].min()].sort_values(name)
        x, seconds = some[name].to_numpy(float), some.seconds.to_numpy(float)
        ax.plot([0, x[-1]], [0, seconds[-1]], color="#BBBBBB", linewidth=1)
        ax.plot(x, seconds, "o", color="#222222")
        ax.set(xlabel=f"{name} ({some[other].iloc[0]:,} {other})", ylabel="seconds")
        ax.set(xlim=(0, None), ylim=(0, None))
    return figure
