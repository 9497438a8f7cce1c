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
# # What do the models to interpret learn?
#
# The paper interprets the smallest model that can be said to have learned something: an autoencoder
# with 256 inputs, 16 codes and 256 outputs {cite}`hinton2006`. Its encoder is a 256x16 matrix whose 16
# columns are *filters*, pictures of 16x16 that say what each code responds to. The paper trains
# hundreds of them on each dataset: the **model zoo** (section 4.1). This chapter trains one and looks
# inside.
#
# In short: of its error a model keeps {glue:text}`fell_to` in training (the median over datasets), and its
# weights still correlate with its random start by {glue:text}`left`.

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

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## The model
#
# Dense without bias, batch normalisation {cite}`ioffe2015`, ReLU; then dense with bias. Normalisation
# and ReLU help the training but are left out of what is interpreted: *the model to interpret is the
# encoder's matrix alone*.

# %%
import inspect

from IPython.display import Code

from metanet_lib.zoo import Autoencoder

Code(inspect.getsource(Autoencoder), language="python")

# %% [markdown]
# It is trained to give a patch back from its 16 codes: Glorot uniform initial weights
# {cite}`glorot2010`, mean squared error, Adam {cite}`kingma2014`; in the paper, one pass over a million
# patches. The table has the passes and batches of this run.

# %% tags=["hide-input"]
from dataclasses import fields

import pandas as pd

from metanet_lib import figures
from metanet_lib.zoo import ZooParameters

parameters = ZooParameters.of(zoo)
figures.show_table(
    pd.DataFrame(
        {
            "parameter": f.name,
            "value": f"{getattr(parameters, f.name)}",
            "what it is": f.metadata["what"],
        }
        for f in fields(parameters)
        if f.name != "training_datasets"
    ),
    "model_parameters",
    "Parameters by which the models to interpret are trained",
)

# %% [markdown]
# ## The population
#
# Models of one dataset differ in their initial weights and in the order of their patches; those of *new
# files* (chapter [1](01_datasets.ipynb)) also in the files that they saw. They are trained together,
# and one tensor holds all of them. On a GPU, one batched product does for all models what one product
# does for one; a core of a CPU trains one model after the other, each in its cache. `make book` has
# trained the zoo before this chapter runs; run on its own, the chapter trains what is missing.

# %%
from metanet_lib.data.patches import PatchParameters
from metanet_lib.zoo.pipeline import make_corpus, make_zoo

chosen = make_corpus(results, datasets)
sampling = PatchParameters.of(patches)
make_zoo(results, chosen, sampling, parameters)

# %% tags=["hide-input"]
from metanet_lib.zoo import Shard

shards = {d.id: Shard.load(results.shard(d.slug)) for d in chosen}
models = pd.DataFrame(
    {
        "datasets": role,
        "number": len(of_role),
        "models that fit": sum(s.models_fit for s in of_role),
        "models that validate": sum(len(s) - s.models_fit for s in of_role),
    }
    for role in ("training", "unseen")
    for of_role in [[s for s in shards.values() if (s.models_fit > 0) == (role == "training")]]
)
figures.show_table(
    models.style.format(thousands=","),
    "zoo_sizes",
    "Models of the zoo, of training and of unseen datasets",
)

# %% [markdown]
# Is the fast way right? Eight models of the first dataset, trained once by the plain PyTorch loop, one
# by one, and once in a population, from the same start on the same batches:

# %%
from metanet_lib.data.patches import make_bank
from metanet_lib.experiments.agreement import trainers_apart

few = ZooParameters.of({**zoo, "epochs": 4, "batch_size": 32})
first = chosen[0].id
some = make_bank(results.corpus_folder, first, PatchParameters.of({**patches, "per_dataset": 4000}))
agreement = trainers_apart(some, few, first, range(8))
apart = sorted(agreement.apart)
print(f"relative difference of the weights after {agreement.steps[0]} Adam steps, model by model:")
print(", ".join(f"{difference:.0e}" for difference in apart))

# %% [markdown]
# Half of the models differ by less than {glue:text}`apart_half`, the most by {glue:text}`apart_most`.
# The two ways add in another order, so they round otherwise. A model may go further apart where a
# code's input lies within a rounding error of zero: ReLU bends there, and one way counts a patch that
# the other does not. Chapter [10](10_cost.ipynb) has the same at the paper's size, where `make bench`
# was run. Two models with starts of their own differ by {glue:text}`others_apart`.

# %% [markdown]
# ## Do they learn?

# %% tags=["hide-input"]
import numpy as np
import torch

steps = parameters.epochs * (sampling.per_dataset // parameters.batch_size)
curves = pd.DataFrame({i: s.loss_curve.median(0).values.numpy() for i, s in shards.items()})
curves.insert(0, "step", np.linspace(1, steps, len(curves)))
figures.show(
    figures.loss_curves(curves),
    results,
    "loss_curves",
    "Training loss: the median of each dataset's models, one line a dataset.",
    alt=f"Line plot with logarithmic axes: the mean squared error on {len(shards)} datasets during "
    "training; vision in blue, audio in orange.",
    data=curves,
)

# %% tags=["hide-input"]
losses = (
    pd.DataFrame(
        {
            "dataset": i,
            "model": range(len(s)),
            "loss": s.loss_curve[:, -10:].mean(1).numpy(),
        }
        for i, s in shards.items()
    )
    .explode(["model", "loss"], ignore_index=True)
    .astype({"model": int, "loss": float})
)
results.save_table(losses, "zoo_losses")
figures.show(
    figures.final_losses(losses),
    results,
    "final_losses",
    "Loss at the end of training (mean of the last ten points of the curve), one tick a model.",
    alt="Strip plot with one row for each dataset, sorted by loss, and one tick for each model.",
    data=losses,
)

# %% [markdown]
# Of the variance of these losses (their logarithms), {glue:text}`between` lies between datasets, and
# the rest between models of one dataset. But the loss is not in the encoder's weights. What is?

# %% [markdown]
# ## What do the filters look like?
#
# The 16 filters of one model of each training dataset.

# %% tags=["hide-input"]
of_training = {i: s.encoder[0].numpy() for i, s in shards.items() if s.models_fit}
figures.show(
    figures.filter_gallery(of_training),
    results,
    "filters",
    "Filters of one model for each training dataset: gray is zero, white positive, black negative. "
    "Each model has its own scale.",
    alt=f"{len(of_training)} rows of sixteen 16x16 filter pictures, one row for a model of each "
    "training dataset.",
    data="the zoo",
)

# %% [markdown]
# Training starts from random weights, and a weight that no patch pushes stays where it began. How much
# of the start is still in the filters?

# %% tags=["hide-input"]
from metanet_lib.zoo import ModelSeed, initial_model


def kept(dataset_id, shard):
    """Correlation of a dataset's first trained encoder with its own start."""
    start = initial_model(ModelSeed(parameters.seed, dataset_id, 0), parameters).encoder.weight.T
    both = torch.stack([start.detach().flatten(), shard.encoder[0].flatten()])
    return torch.corrcoef(both)[0, 1].item()


start = pd.DataFrame(
    {"dataset": i, "modality": d.modality, "correlation": kept(i, shards[i])}
    for i, d in ((d.id, d) for d in chosen)
)
figures.show_table(
    start.groupby("modality", sort=False)
    .correlation.agg(["min", "median", "max"])
    .reset_index()
    .style.format(precision=2),
    "kept_of_start",
    "Correlation of a trained encoder with its own random start, first model of each dataset",
)

# %% [markdown]
# Two models of one dataset have independent starts, so what is left of them says nothing about the
# dataset. A hypothesis: it keeps raw weights from telling more, and a metanetwork has to look past it.
# Chapter [8](08_what_is_inside.ipynb) takes the starts away and asks again.

# %% [markdown]
# ## What comes back from 16 codes?

# %% tags=["hide-input"]
gamma = 0.25 if sampling.mel_scale == "power" else 1  # of the pictures only
pairs = {}
training = [i for i, s in shards.items() if s.models_fit]
for dataset_id in training[:: -(-len(training) // 4)]:
    few_patches = make_bank(
        results.corpus_folder,
        dataset_id,
        PatchParameters.of({**patches, "per_dataset": 16, "seed": 1}),
    ).patches()
    with torch.no_grad():
        rebuilt = shards[dataset_id].model(0, parameters)(few_patches)
    pairs[dataset_id] = (few_patches.numpy(), rebuilt.numpy())
figures.show(
    figures.reconstructions(pairs, gamma),
    results,
    "reconstructions",
    "Patches and what a model trained on their dataset gives back. Audio patches are brightened (to "
    f"the power of {gamma:g}), which also shows errors that the mean squared error hardly sees.",
    alt=f"{len(pairs)} pairs of rows: sixteen patches, and below each the same patch rebuilt from 16 "
    "codes.",
    data="the corpus and the zoo",
)

# %% tags=["remove-cell"]
from myst_nb import glue

from metanet_lib.interpret import percent

logs = np.log(losses.set_index("dataset").loss)
within = logs - logs.groupby("dataset").mean()
ends = curves.drop(columns="step").iloc[[0, -1]]
shares = {i: 1 - ((x - y) ** 2).mean() / x.var() for i, (x, y) in pairs.items()}
for name, value in {
    "apart_half": f"{np.median(apart):.0e}",
    "apart_most": f"{max(apart):.0e}",
    "others_apart": f"{agreement.others_apart.median():.1f}",
    "between": percent(1 - within.var(ddof=0) / logs.var(ddof=0)),
    "fell": f"{(ends.iloc[1] < ends.iloc[0]).sum()} of {len(shards)}",
    "fell_to": f"{(ends.iloc[1] / ends.iloc[0]).median():.2f}",
    "share_back": f"{percent(min(shares.values()))} and {percent(max(shares.values()))}",
    "left": f"{start.correlation.min():.2f} to {start.correlation.max():.2f}",
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## What we saw
#
# - A zoo of small models, each on one dataset; models of the same files of it differ only in their
#   randomness.
# - The loss falls on {glue:text}`fell` datasets, to {glue:text}`fell_to` of what it was (median). Of
#   the patches shown above, 16 codes bring back between {glue:text}`share_back` of the variance.
# - A trained encoder's correlation with its own random start is {glue:text}`left`. That part says
#   nothing about the dataset.
