"""What each step of a run took, as the graph measured it (``benchmark:`` in ``Snakefile``)."""

from pathlib import Path

import pandas as pd


def steps(run: Path) -> pd.DataFrame:
    """Return what the steps of a run took, from its folder of results.

    Returns
    -------
    DataFrame
        By step, ``patches``, ``zoo`` and the chapters: ``jobs``, ``seconds`` of all of them, one
        after the other, those of the ``longest``, and ``megabytes``, the most memory that one was
        seen to have.

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
