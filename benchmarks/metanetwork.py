"""Measure how fast the meta level is trained: the plain step beside the compiled one.

Each step is measured on one thread, at the paper's shapes and batches of 32, in time that the
thread works; the two take turns. Writes ``results/bench/metanetwork.csv``: medians of the repeats,
with the least and the most, and how often the compiled step goes into the plain one. Run it as
``make bench``; it takes half a minute.
"""

import copy
import sys
import time
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from torch import nn

from metanet_lib.metanetwork import (
    CompiledStep,
    MetaAutoencoder,
    MetanetworkParameters,
    PlainStep,
    initialise,
)

PARAMETERS = MetanetworkParameters()
REPEATS, STEPS = 9, {"unit-wise": 300, "inter-unit": 6000}


def microseconds(step: PlainStep | CompiledStep, batches: torch.Tensor, steps: int) -> float:
    """Return the time of a step, of many in a row."""
    start = time.thread_time()
    for i in range(steps):
        step(batches[i % len(batches)])
    return 1e6 * (time.thread_time() - start) / steps


def measured(part: str, model: nn.Module, numbers: int) -> list[dict[str, object]]:
    """Measure both steps on one part of the meta-autoencoder: a row of the table for each."""
    batches = torch.randn(100, PARAMETERS.batch_size, numbers) / 16
    ways = {
        "plain": PlainStep(copy.deepcopy(model), PARAMETERS),
        "compiled": CompiledStep(model, PARAMETERS),
    }
    for step in ways.values():
        microseconds(step, batches, STEPS[part] // 10)  # compiles, and warms up
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, step in ways.items():
            times[way].append(microseconds(step, batches, STEPS[part]))
    faster = {
        way: [plain / own for plain, own in zip(times["plain"], times[way], strict=True)]
        for way in ways
    }
    return [
        {
            "training": part,
            "way": way,
            "batch_size": PARAMETERS.batch_size,
            "microseconds_per_step": round(median(times[way]), 1),
            "microseconds_per_step_min": round(min(times[way]), 1),
            "microseconds_per_step_max": round(max(times[way]), 1),
            "times_the_plain_step": round(median(faster[way]), 2),
            "times_the_plain_step_min": round(min(faster[way]), 2),
            "times_the_plain_step_max": round(max(faster[way]), 2),
        }
        for way in ways
    ]


def main() -> None:
    """Measure both parts of the meta-autoencoder, write the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MetaAutoencoder(PARAMETERS)
    initialise(model, torch.Generator().manual_seed(0))
    rows = measured("unit-wise", model.unitwise.train(), 256)
    rows += measured("inter-unit", model.interunit.train(), 48)
    print(pd.DataFrame(rows).T.to_string(header=False), file=sys.stderr)
    out = Path("results/bench/metanetwork.csv")
    out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(out, index=False)
    print(f"written to {out}")


if __name__ == "__main__":
    main()
