# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does it cost?
#
# The paper's zoo is 41 datasets, hundreds of models each, a million patches for every model. How long
# does that take one after the other with the usual loop, and how long side by side? This chapter
# measures, on the machine that made this page, how fast our trainer is beside the usual ways and beside
# what the hardware could do at best, and works out what the whole paper costs.
#
# In short: trained side by side on {glue:text}`threads_here` cores, a model takes {glue:text}`times_serial_32`
# times less than in the usual loop on one, at batches of 32, and {glue:text}`times_serial_128` times less at 128; the paper's zoo would take this machine
# {glue:text}`paper_hours` hours.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters
zoo = {
    "models_fit": 20,
    "models_validation": 8,
    "models_new": 8,
    "epochs": 8,
    "batch_size": 128,
}  # the rest: defaults of ZooParameters
bench = {"seconds": 0.4, "repeats": 3}  # the rest: defaults of BenchParameters

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% tags=["hide-input"]
import platform

import torch
from IPython.display import Markdown

from metanet_lib.workers import cores

threads = cores()
gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
Markdown(
    f"Measured on a machine with {threads} CPU cores ({platform.machine()}, "
    f"{torch.backends.cpu.get_cpu_capability()}) and {gpu or 'no GPU'}, with PyTorch "
    f"{torch.__version__.partition('+')[0]}. "
    + ("" if gpu else "**The GPU path of the trainer was not measured here.**")
)

# %% [markdown]
# ## What a step of training needs
#
# A model's step on a batch of *b* patches is five products of *b* x 256 x 16 if it is done as it is
# written: codes, reconstruction, and three for the gradients. But the loss
# is a square, and the reconstruction never has to be formed. Write *A* for the codes, *D* for the
# decoder with its bias as one more row, *X* for the patches: the gradients need *A*ᵀ(*AD* - *X*) and
# (*AD* - *X*)*D*ᵀ, which expand into products with the small squares *A*ᵀ*A* and *DD*ᵀ. What is left
# are two wide products with the patches, one forward and one back, of *b* x 256 x 32 each.
#
# No training can be faster than these two products, and they no faster than the machine multiplies
# matrices, whatever for. That rate is the **ceiling**. It is measured twice, once with PyTorch's
# library on one large matrix a core and once with the products that our trainer is made of; the faster
# counts.

# %% [markdown]
# ## Three ways to train
#
# - *serial*: the plain PyTorch loop of chapter [2](02_model_zoo.ipynb), one model at a time, one thread;
# - *vmap*: PyTorch's own way to train many modules at once, stacked and mapped over, on all cores;
# - *population*: ours. One population a core, compiled; all that a model's step reads and writes stays
#   in the core's cache;
# - *library* and *tiles*: the two matrix rates, no training.
#
# All on the same patches, in turns, in one run; medians. *Times serial* is the median of the ratios
# within a turn. What counts is the time for a million patches
# through one model, which is the paper's training of one model.

# %%
from metanet_lib.data.patches import PatchParameters, make_bank
from metanet_lib.experiments.cost import BenchParameters, zoo_scaling, zoo_speed
from metanet_lib.zoo import ZooParameters
from metanet_lib.zoo.pipeline import make_corpus

size = BenchParameters.of(bench)
parameters = ZooParameters.of(zoo)
first = make_corpus(results, datasets)[0]
bank = make_bank(
    results.corpus_folder, first.id, PatchParameters.of({**patches, "per_dataset": 128000})
)
speed = zoo_speed(bank, parameters, threads=threads, seconds=size.seconds, repeats=size.repeats)
results.save_table(speed, "zoo_speed")

# %% tags=["hide-input"]
from metanet_lib import figures
from metanet_lib.interpret import percent

serial = speed[speed.engine == "serial"].set_index("batch_size").seconds_per_million_patches
shown = speed.assign(
    spread=[
        f"{row.seconds_per_million_patches_min:.2f} to {row.seconds_per_million_patches_max:.2f}"
        for row in speed.itertuples()
    ],
)
columns = {
    "batch_size": "batch",
    "engine": "way",
    "threads": "threads",
    "seconds_per_million_patches": "seconds a model",
    "spread": "least to most",
    "times_serial": "times serial",
    "gflops": "GFLOP/s",
    "fraction_of_ceiling": "of the ceiling",
}
shown = shown[[*columns]].rename(columns=columns)
figures.show_table(
    shown.style.format(
        {"seconds a model": "{:.2f}", "times serial": "{:.1f}", "GFLOP/s": "{:.0f}"}
        | {"of the ceiling": percent}
    ),
    "speed_by_way",
    "Time to train a model on a million patches, and arithmetic a second, by batch and way",
)

# %% [markdown]
# *Seconds a model* are for a million patches, with all threads at work, so the time of one model is
# shared by the threads. GFLOP/s count the work of the two wide products for every way alike.

# %% [markdown]
# ## Twice the models, twice the patches
#
# Is the cost a straight line in both? It should be: a core trains one model after the other, many steps
# of each at a time, so a model should cost the same beside 15 others as beside hundreds.

# %% tags=["hide-input"]
scaling = zoo_scaling(
    bank,
    parameters,
    models=[16 * threads * k for k in (1, 2, 4, 8)],
    patches=[int(20_000 * size.seconds) * k for k in (1, 2, 4, 8)],
    threads=threads,
)
figures.show(
    figures.scaling(scaling),
    results,
    "scaling",
    "Time to train against the number of models (left) and of patches (right), measured, with the "
    "straight line through the largest.",
    alt="Two line plots: measured times, and a straight line through zero and the largest.",
    data=scaling,
)

# %% tags=["hide-input"]
import numpy as np


def doubled(name, other):
    """How many times as long twice as much takes: the slope through all measured times."""
    some = scaling[scaling[other] == scaling[other].min()]
    return 2 ** np.polyfit(np.log2(some[name]), np.log2(some.seconds), 1)[0]


twice_models, twice_patches = doubled("models", "patches"), doubled("patches", "models")
print(f"twice the models: {twice_models:.2f} times as long; twice the patches: {twice_patches:.2f}")

# %% [markdown]
# ## What the whole paper costs
#
# The paper's 20 training datasets with 600 models and 21 unseen ones with 100 each, a million patches
# for every model, in batches of 32. The meta level: 160,000 filters, 50 epochs, for each seed.

# %% tags=["hide-input"]
import pandas as pd

from metanet_lib.experiments.cost import metanetwork_speed
from metanet_lib.metanetwork import MetanetworkParameters

ours = speed[speed.engine == "population"].set_index("batch_size").seconds_per_million_patches
models = 20 * 600 + 21 * 100
of_zoo = models * ours[32]
paper = MetanetworkParameters()
of_filters, of_models = metanetwork_speed(paper)
of_meta = 20 * 500 * (16 * paper.unitwise_epochs * of_filters + paper.interunit_epochs * of_models)
bytes_of_a_model = 4 * (2 * 256 * 16 + 256 + 4 * 16 + 100)
cost = pd.DataFrame(
    [
        (f"zoo, {threads} cores of this machine", of_zoo / 3600, "hours"),
        ("zoo, usual loop, one core", models * serial[32] / 3600, "hours"),
        ("zoo, 41 cluster jobs of as many cores", 600 * ours[32] / 3600, "hours"),
        ("one dataset of 600 models", 600 * ours[32] / 60, "minutes"),
        ("meta level, one seed, one core", of_meta / 60, "minutes"),
        ("disk: all shards", models * bytes_of_a_model / 1e6, "MB"),
        ("disk: one bank of a million photographs' patches", 1e6 * (256 + 4) / 1e6, "MB"),
    ],
    columns=["what", "amount", "unit"],
)
results.save_table(cost, "cost")
figures.show_table(
    cost.style.format(precision=1),
    "paper_worked_out",
    "Cost of the whole paper, worked out",
)

# %% [markdown]
# These are worked out from the measurements above, not run. Patches are made once for each dataset; what
# they take beside that, the table below has.
#
# ## What it took
#
# The paper does not say what it cost. A run of its size that is kept to compare with says how long each
# of its steps took, on its own machine, its jobs one after the other, and how long cores worked for it;
# beside that, what the measurements above promise for this one.

# %% tags=["hide-input"]
from metanet_lib.experiments.reference import Reference

reference = Reference.beside(results)
with_new = (models + 20 * 100) / models  # the book's zoo has models of new files, too
promised = {"zoo": threads * of_zoo * with_new, "03_meta_autoencoder": paper.seeds * of_meta}
if reference:
    measures = ["seconds", "longest", "core_seconds", "megabytes"]  # an old run has not all
    steps = pd.DataFrame(reference.provenance["steps"]).reindex(measures).T
    steps = steps.rename_axis("step").reset_index()
    took = pd.DataFrame(
        {
            "step": [step.replace("_", " ") for step in steps.step],
            "paper": "not said",
            "reference run, hours": steps.seconds / 3600,
            "core time, hours": steps.core_seconds / 3600,
            "this machine, core time worked out, hours": [
                f"{promised[step] / 3600:.1f}" if step in promised else "" for step in steps.step
            ],
            "memory of a job, MB": steps.megabytes,
        }
    )
    made = reference.provenance
    shown = figures.show_table(
        took.style.format({"memory of a job, MB": "{:,.0f}"}, precision=2, na_rep="not kept"),
        "steps_of_reference",
        f"Time and memory of each step of the reference run: {made['corpus']}, {made['executed']}, "
        f"{made['machine']}",
    )
else:
    shown = Markdown("No such run is kept here.")
shown

# %% [markdown]
# On a cluster each dataset is a job of its own, and each chapter too; what is fitted for the comparisons is
# dealt out to ten jobs. Had that run never waited for a free node of four cores, what would it have taken?
# The longest job of each step counts, and a step begins when all that it waits for is done. How much of a
# step kept all cores busy follows from the seconds that it took and the seconds that cores worked for it:
# that part is as much faster as it has more cores, the rest takes as long as before (Amdahl's law). It
# knows nothing of queues, so a run may be slower; and what a step waited for another, with which it shared
# the cores of the reference machine, it takes for work of one core, so a run may be faster.

# %% tags=["hide-input"]
from metanet_lib.publish.graph import WAITS, cores_used
from metanet_lib.publish.times import on_nodes

if reference:
    cores_there = 4
    used = cores_used(made["cores"], cores_there)
    on_cluster = on_nodes(steps.set_index("step"), WAITS, used)
    in_minutes = on_cluster.rename(index=lambda step: step.replace("_", " ")) / 60
    in_minutes.columns = ["longest job, minutes", "done after, minutes"]
    shown = figures.show_table(
        in_minutes.rename_axis("step").reset_index().style.format(precision=1),
        "steps_on_cluster",
        f"The steps of the reference run on nodes of {cores_there} cores, worked out",
    )
shown

# %% [markdown]
# ## One dataset at the paper's size
#
# `make bench` trains one dataset whole, 600 models on 1,000,000 patches, and notes the time and the
# memory. If it has been run on this machine, here is what it found:

# %% tags=["hide-input"]
from pathlib import Path

measured = Path("results/bench/dataset.csv")
if measured.is_file():
    whole = figures.show_table(
        pd.read_csv(measured).style.format(precision=2),
        "one_dataset_whole",
        "One dataset trained at the paper's size",
    )
else:
    whole = Markdown("It has not been run here.")
whole

# %% [markdown]
# It also trains models of a dataset of each modality at the paper's size in both ways, with the plain
# loop and in a population. After so many steps, how far *apart* are the encoders, relative to their
# norm? What is the least correlation of a *filter* with itself? And the losses? For comparison,
# *others* says how far apart two models are that start from other weights.

# %% tags=["hide-input"]
agreement = Path("results/bench/agreement.csv")
if agreement.is_file():
    both = pd.read_csv(agreement).rename(columns=lambda name: name.replace("_", " "))
    both = figures.show_table(
        both.style.format(precision=4).format("{:.0e}", subset=["apart"]),
        "trainers_compared",
        "Encoders trained by the plain loop and in a population, compared",
    )
else:
    both = Markdown("It has not been run here.")
both

# %% tags=["remove-cell"]
from myst_nb import glue

times = speed[speed.engine == "population"].set_index("batch_size").times_serial
for name, value in {
    "threads_here": f"{threads}",
    "times_serial_32": f"{times[32]:.0f}",
    "times_serial_128": f"{times[128]:.0f}",
    "paper_hours": f"{of_zoo / 3600:.1f}",
    "loop_days": f"{models * serial[32] / 86400:.1f}",
    "twice_models": f"{twice_models:.2f}",
    "twice_patches": f"{twice_patches:.2f}",
    "reference_cost": f"took {steps.seconds.sum() / 3600:.1f} hours, its jobs one after the other, and on "
    f"nodes of {cores_there} cores would take {on_cluster.finish.max() / 60:.0f} minutes at best"
    if reference
    else "is not kept here",
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## What we saw
#
# - Trained in populations on {glue:text}`threads_here` cores, a model takes {glue:text}`times_serial_32` times
#   less than in the usual loop on one, at batches of 32, and {glue:text}`times_serial_128` times less at 128.
# - Twice the models take {glue:text}`twice_models` times as long, twice the patches
#   {glue:text}`twice_patches` times; a straight line would be 2.
# - The paper's whole zoo would take this machine about {glue:text}`paper_hours` hours; in the usual
#   loop, on one core, {glue:text}`loop_days` days.
# - The reference run of the paper's own size {glue:text}`reference_cost`.
