"""Measure how fast the zoo is trained, on all cores.

Writes ``results/bench/zoo.csv``: every engine of ``metanet_lib.bench`` at batches of 32, 128 and
512, medians of several repeats. Then trains one dataset of the demo corpus at the paper's size, 600
models on 1,000,000 patches, and writes ``results/bench/dataset.csv``: patches, models, seconds, and
the peak memory of the process. Run it as ``make bench``; it takes ten minutes on two cores.
"""

import resource
import time
from pathlib import Path

import pandas as pd

from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import demo
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.experiments.cost import BenchParameters, zoo_speed
from metanet_lib.workers import cores
from metanet_lib.zoo import ZooParameters, make_shard

CORPUS, OUT, DATASET = Path("data/demo"), Path("results/bench"), "v:aer"


def peak_memory() -> float:
    """Return the most memory this process has held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure, and write the two tables."""
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


if __name__ == "__main__":
    main()
