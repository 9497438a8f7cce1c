"""What each step of a run took, as the graph measured it (``benchmark:`` in ``Snakefile``)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

_MEASURED = {"s": "seconds", "cpu_time": "core_seconds", "max_rss": "megabytes"}


def steps(run: Path) -> pd.DataFrame:
    """Return what the steps of a run took, from its folder of results.

    Returns
    -------
    DataFrame
        By step, ``patches``, ``zoo``, ``fits`` and the chapters: ``jobs``, ``seconds`` of all of
        them, one after the other, those of the ``longest``, ``core_seconds``, how long cores worked
        for them, and ``megabytes``, the most memory that one was seen to have.

    Examples
    --------
    >>> steps(folder).columns.tolist()
    ['jobs', 'seconds', 'longest', 'core_seconds', 'megabytes']
    """
    jobs = pd.DataFrame(
        [
            (path.stem if path.stem[0].isdigit() else path.stem.rpartition("_")[0], *measured)
            for path in sorted((run / "times").glob("*.tsv"))
            for measured in pd.read_csv(path, sep="\t", na_values="-")[[*_MEASURED]].to_numpy()
        ],
        columns=["step", *_MEASURED.values()],
    )
    of_step = jobs.groupby("step", sort=False)
    return pd.DataFrame(
        {
            "jobs": of_step.size(),
            "seconds": of_step.seconds.sum(),
            "longest": of_step.seconds.max(),
            "core_seconds": of_step.core_seconds.sum(),
            "megabytes": of_step.megabytes.max(),
        }
    )


def on_nodes(
    took: pd.DataFrame,
    waits: Mapping[str, Sequence[str]],
    cores: Mapping[str, tuple[int, int]],
) -> pd.DataFrame:
    """Work out how long a run would take where no step waits for a free machine.

    The model: every job has a machine of its own, and a step begins when all jobs of those that it
    waits for are done. What of a step kept all its cores busy is as much faster as it has more of
    them there; the rest, in which one core worked, takes as long as before (Amdahl, 1967). Both
    follow from the seconds that the step took and the seconds that cores worked for it. The model
    knows nothing of queues; and it takes for work of one core what a step waited for another that
    ran beside it: the times of steps that ran alone say most.

    Parameters
    ----------
    took
        What :func:`steps` returned.
    waits
        The steps that each step waits for.
    cores
        For each step that can use more cores: how many it had, and how many it has there.

    Returns
    -------
    DataFrame
        By step, ``seconds`` (of its longest job, there) and ``finish`` (after the run began).

    Examples
    --------
    A chapter in which one core of two worked for 20 seconds, and both for 80:

    >>> table = {"seconds": [10.0, 100.0], "longest": [10.0, 100.0], "core_seconds": [10.0, 180.0]}
    >>> took = pd.DataFrame(table, index=["zoo", "chapter"])
    >>> on_nodes(took, {"chapter": ("zoo",)}, {"chapter": (2, 4)}).finish.to_dict()
    {'zoo': 10.0, 'chapter': 70.0}
    """
    worked = took.core_seconds * took.longest / took.seconds
    own = {
        str(step): _with_cores(took.longest[step], worked[step], *cores.get(str(step), (1, 1)))
        for step in took.index
    }

    def finish(step: str) -> float:
        before = [finish(other) for other in waits.get(step, ()) if other in own]
        return own[step] + max(before, default=0.0)

    return pd.DataFrame({"seconds": own, "finish": {step: finish(step) for step in own}})


def _with_cores(seconds: float, core_seconds: float, had: int, has: int) -> float:
    """Return the seconds of a job on other cores than it had; the same if its work is not known."""
    if had == has or math.isnan(core_seconds):
        return float(seconds)
    if had == 1:
        return float(seconds / has)
    alone = min(seconds, max(0.0, had * seconds - core_seconds) / (had - 1))
    return float(alone + max(0.0, core_seconds - alone) / has)
