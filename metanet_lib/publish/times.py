"""What each step of a run took, as the graph measured it (``benchmark:`` in ``Snakefile``)."""

from pathlib import Path

import pandas as pd


def steps(run: Path) -> pd.DataFrame:
    """Return what the steps of a run took, from its folder of results.

    Returns
    -------
    DataFrame
        By step, ``patches``, ``zoo`` and the chapters: ``jobs``, ``seconds`` and ``cpu_seconds`` of
        all of them, and ``megabytes``, the most memory that one had.

    Examples
    --------
    >>> steps(folder).columns.tolist()
    ['jobs', 'seconds', 'cpu_seconds', 'megabytes']
    """
    jobs = pd.DataFrame(
        [
            (path.stem if path.stem[0].isdigit() else path.stem.rpartition("_")[0], *measured)
            for path in sorted((run / "times").glob("*.tsv"))
            for measured in pd.read_csv(path, sep="\t", na_values="-")[
                ["s", "cpu_time", "max_rss"]
            ].to_numpy()
        ],
        columns=["step", "seconds", "cpu_seconds", "megabytes"],
    )
    of_step = jobs.groupby("step", sort=False)
    return pd.DataFrame(
        {
            "jobs": of_step.size(),
            "seconds": of_step.seconds.sum(),
            "cpu_seconds": of_step.cpu_seconds.sum(),
            "megabytes": of_step.megabytes.max(),
        }
    )
