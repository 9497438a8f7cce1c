"""What each step of a run took, as the graph measured it (``benchmark:`` in ``Snakefile``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd


def steps(run: Path) -> pd.DataFrame:
    """Return what the steps of a run took, from its folder of results.

    Returns
    -------
    DataFrame
        By step, ``patches``, ``zoo``, ``fits`` and the chapters: ``jobs``, ``seconds`` of all of
        them, one after the other, those of the ``longest``, and ``megabytes``, the most memory that
        one was seen to have.

    Examples
    --------
    >>> steps(folder).columns.tolist()
    ['jobs', 'seconds', 'longest', 'megabytes']
    """
    jobs = pd.DataFrame(
        [
            (path.stem if path.stem[0].isdigit() else path.stem.rpartition("_")[0], *measured)
            for path in sorted((run / "times").glob("*.tsv"))
            for measured in pd.read_csv(path, sep="\t", na_values="-")[["s", "max_rss"]].to_numpy()
        ],
        columns=["step", "seconds", "megabytes"],
    )
    of_step = jobs.groupby("step", sort=False)
    return pd.DataFrame(
        {
            "jobs": of_step.size(),
            "seconds": of_step.seconds.sum(),
            "longest": of_step.seconds.max(),
            "megabytes": of_step.megabytes.max(),
        }
    )


def on_nodes(
    took: pd.DataFrame,
    waits: Mapping[str, Sequence[str]],
    faster: Mapping[str, float],
) -> pd.DataFrame:
    """Work out how long a run would take where no step waits for a free machine.

    The model: every job has a machine of its own, a step begins when all jobs of those that it
    waits for are done, and what works side by side is as much faster as there are more cores. It
    knows nothing of queues, or of a last job that is longer than its share: no run is faster.

    Parameters
    ----------
    took
        What :func:`steps` returned.
    waits
        The steps that each step waits for.
    faster
        How many times as fast a step is there, if not the same.

    Returns
    -------
    DataFrame
        By step, ``seconds`` (of its longest job, there) and ``finish`` (after the run began).

    Examples
    --------
    >>> took = pd.DataFrame({"longest": [10.0, 40.0]}, index=["zoo", "chapter"])
    >>> on_nodes(took, {"chapter": ("zoo",)}, {"chapter": 4}).finish.to_dict()
    {'zoo': 10.0, 'chapter': 20.0}
    """
    own: dict[str, float] = {
        str(step): float(seconds) / faster.get(str(step), 1)
        for step, seconds in took.longest.items()
    }

    def finish(step: str) -> float:
        before = [finish(other) for other in waits.get(step, ()) if other in own]
        return own[step] + max(before, default=0.0)

    return pd.DataFrame({"seconds": own, "finish": {step: finish(step) for step in own}})
