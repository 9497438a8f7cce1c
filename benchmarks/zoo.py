"""Measure how fast the zoo is trained, on all cores.

Writes ``results/bench/zoo.csv``: every engine of ``metanet_lib.experiments.cost`` at batches of 32,
128 and 512, medians of several repeats. Then trains one dataset of the demo corpus at the paper's
size, 600 models on 1,000,000 patches, and writes ``results/bench/dataset.csv``: patches, models,
seconds, and the peak memory of the process. Last, ``results/bench/agreement.csv``: how far the
plain loop and the population are apart after a training at the paper's size. Run it as ``make
bench``; it takes some ten minutes on two cores.
"""

import resource
import time
from pathlib import Path

import pandas as pd
import torch

from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import demo
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.experiments.agreement import trainers_apart
from metanet_lib.experiments.cost import BenchParameters, zoo_speed
from metanet_lib.workers import cores
from metanet_lib.zoo import ZooParameters, make_shard

CORPUS, OUT, DATASET = Path("data/demo"), Path("results/bench"), "v:aer"
COMPARED = (DATASET, "a:air")
"""The datasets of which two models each are trained in both ways."""


def peak_memory() -> float:
    """Return the most memory this process has held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def agreement() -> pd.DataFrame:
    """Train a few models at the paper's size in both ways, and compare them."""
    torch.set_num_threads(1)  # the products are too small to be shared
    compared = {
        i: trainers_apart(make_bank(CORPUS, i, PatchParameters()), ZooParameters(), i, range(2))
        for i in COMPARED
    }
    return pd.concat(compared, names=["dataset"]).reset_index("dataset")


def main() -> None:
    """Measure, and write the three tables."""
    threads = cores()
    OUT.mkdir(parents=True, exist_ok=True)
    demo.write(CORPUS)
    bank, shard = OUT / "bank.safetensors", OUT / "shard.safetensors"
    start = time.perf_counter()
    make_bank(CORPUS, DATASET, PatchParameters()).save(bank)
    patch_seconds = time.perf_counter() - start
    size = BenchParameters()
    speed = zoo_speed(
        Bank.load(bank),
        ZooParameters(),
        threads=threads,
        seconds=size.seconds,
        repeats=size.repeats,
    )
    speed.to_csv(OUT / "zoo.csv", index=False)
    print(speed.round(3).to_string(index=False))

    shard.unlink(missing_ok=True)
    start = time.perf_counter()
    make_shard(bank, shard, ZooParameters(), threads=threads, progress=True)
    whole = {
        "dataset": DATASET,
        "models": 600,
        "patches": len(Bank.load(bank)),
        "batch_size": ZooParameters().batch_size,
        "threads": threads,
        "seconds_patches": round(patch_seconds, 1),
        "seconds_training": round(time.perf_counter() - start, 1),
        "peak_memory_gib": round(peak_memory(), 2),
        "shard_mb": round(shard.stat().st_size / 1e6, 1),
    }
    pd.DataFrame([whole]).to_csv(OUT / "dataset.csv", index=False)
    print(whole)
    bank.unlink()
    shard.unlink()

    both = agreement()
    both.to_csv(OUT / "agreement.csv", index=False)
    print(both.to_string(index=False))


if __name__ == "__main__":
    main()
