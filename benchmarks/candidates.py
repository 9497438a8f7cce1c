"""Choose how the functional code weighs its views, once, where no run of the book looks.

A demo corpus of its own, with another seed, so that none of its files is in any run, is split as
every corpus is; of each training dataset 20 models fit, 50 of the same files and 50 of new ones are
asked, in the size of the ``quick`` profile, by the same k-NN vote, in 16 numbers each. Of the
candidates that are not told apart from the best on new files, by the paired interval, the one that
names most models of the same files is taken.

Run it as ``python benchmarks/candidates.py``; the zoo takes ten minutes of two cores. It writes
``candidates.csv``, which chapter 11 shows.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml
from sklearn.base import TransformerMixin

from metanet_lib.catalog import DATASETS
from metanet_lib.data.corpora import demo
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.files import same_and_new
from metanet_lib.experiments.peers.choices import CANDIDATES
from metanet_lib.interpret import InterpretParameters, paired_interval
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.representations.views import spectra, stationary
from metanet_lib.representations.weights import gram, projector, reduced, spectrum
from metanet_lib.store import Results
from metanet_lib.zoo import ZooParameters, load_zoo
from metanet_lib.zoo.pipeline import make_zoo

SEED = 7
"""Of the corpus, and of the zoo."""


def code(locality: float, spectra_weight: float = 0, neighbours: int = 0) -> FunctionalCode:
    """Return a functional code with these weights, and so many neighbours."""
    return FunctionalCode(16, locality, spectra_weight, neighbours)


TRIED: dict[str, TransformerMixin] = {
    "Gram matrix": reduced(gram),
    "spectrum": reduced(spectrum),
    "spectra of filters": reduced(spectra),
    "column space": reduced(projector),
    "column space averaged over places": reduced(stationary),
    **{f"changes over places x {share}": code(share) for share in (0.7, 0.5, 0.25)},
    **{
        f"changes over places x {share}, spectra of filters x {weight}{by}": code(share, weight, k)
        for share in (0.7, 0.5)
        for weight in (0, 0.25, 0.35, 0.5, 1)
        for k, by in ((0, ""), (10, ", by neighbours"))
        if weight or k
    },
}
"""Candidates by name."""


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
        TRIED,
        load_zoo(results.zoo, datasets),
        InterpretParameters.of(profile["interpret"]),
    )
    new = {name: verdicts["dataset_id_new_files", name] for name in TRIED}
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
