"""Choose which view of a model the functional code takes, once, where no run of the book looks.

A demo corpus of its own, with another seed, so that none of its files is in any run, is split as
every corpus is; of each training dataset 20 models fit, 50 of the same files and 50 of new ones are
asked, in the size of the ``quick`` profile. Each candidate is reduced to 16 principal components
and asked by the same k-NN vote. Of the views that are not told apart from the best on new files, by
the paired interval, the one that names most models of the same files is taken.

Run it as ``python benchmarks/candidates.py``; the zoo takes ten minutes of two cores. It writes
``candidates.csv``, which chapter 11 shows.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from metanet_lib.catalog import DATASETS
from metanet_lib.data.corpora import demo
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.files import same_and_new
from metanet_lib.experiments.peers.choices import CANDIDATES
from metanet_lib.interpret import InterpretParameters, paired_interval
from metanet_lib.representations.functional import function
from metanet_lib.representations.weights import gram, projector, reduced, spectrum
from metanet_lib.store import Results
from metanet_lib.zoo import ZooParameters, load_zoo
from metanet_lib.zoo.pipeline import make_zoo

SEED = 7
"""Of the corpus, and of the zoo."""


def root_spectrum(encoders: np.ndarray) -> np.ndarray:
    """Return the root of the mean absolute spectrum of the filters, ``[m, 256]``."""
    roots: np.ndarray = np.sqrt(spectrum(encoders))
    return roots


def two_views(encoders: np.ndarray) -> np.ndarray:
    """Return the column space and the root spectrum, each scaled as a whole, side by side."""
    views = [projector(encoders), root_spectrum(encoders)]
    return np.concatenate([view / np.linalg.norm(view, axis=1).mean() for view in views], axis=1)


VIEWS = {
    "Gram matrix": gram,
    "spectrum": spectrum,
    "root of the spectrum": root_spectrum,
    "column space": projector,
    "column space and root of the spectrum": two_views,
    **{
        f"column space, changes over places times {share}": partial(function, locality=share)
        for share in (0.7, 0.5, 0.25, 0.0)
    },
}


def main() -> None:
    """Train the zoo, ask every candidate, write the table."""
    profile = yaml.safe_load(Path("profiles/quick.yaml").read_text())
    corpus = Path("data") / f"demo-{SEED}"
    results = Results("candidates", str(corpus))
    sizes = replace(
        ZooParameters.of(profile["zoo"]), models_validation=50, models_new=50, seed=SEED
    )
    datasets = [d for d in DATASETS if d.id in sizes.training_datasets]
    demo.write(corpus, SEED, datasets=datasets)
    make_zoo(results, datasets, PatchParameters.of(profile["patches"]), sizes)
    rows, verdicts = same_and_new(
        {name: reduced(view) for name, view in VIEWS.items()},
        load_zoo(results.zoo, datasets),
        InterpretParameters.of(profile["interpret"]),
    )
    new = {name: verdicts["dataset_id_new_files", name] for name in VIEWS}
    best = max(new.values(), key=lambda verdict: verdict.correct.mean())
    apart = {
        name: paired_interval(verdict.correct, best.correct, verdict.datasets)[1] < 0
        for name, verdict in new.items()
    }
    as_good = {name: verdicts["dataset_id", name].correct.mean() for name in new if not apart[name]}
    rows = rows.rename(columns={"representation": "candidate"})
    rows["worse_on_new_files"] = rows.candidate.map(apart)
    rows["chosen"] = rows.candidate == max(as_good, key=lambda name: as_good[name])
    kept = ["candidate", "task", "n_fit", "n_validation", "n_correct", "accuracy"]
    kept += ["bootstrap_low", "bootstrap_high", "worse_on_new_files", "chosen"]
    rows[kept].to_csv(CANDIDATES, index=False)
    print(pd.read_csv(CANDIDATES).to_string())


if __name__ == "__main__":
    main()
