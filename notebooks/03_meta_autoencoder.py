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
# # How is a metanetwork trained?
#
# A *metanetwork* is a network whose input is a network. Ours is a **meta-autoencoder**: it reads the
# 256x16 weights of a model to interpret, squeezes them to 16 numbers, and tries to give the weights
# back. Nobody tells it what a model was trained on. If the 16 numbers turn out to tell, they do so
# because that is what sets models apart.
#
# The paper's Figures 1 and 2 set this against another way to look into networks. *Mechanistic*
# interpretability takes one network apart and says what each part does. The paper's way takes many
# networks as they are, and says where each stands among the others. Redrawn:
#
# ::::{grid} 1 1 2 2
# :gutter: 2
#
# :::{grid-item}
# ```{image} /book/_static/parts.svg
# :alt: After Figure 1. A lens on one unit of a network shows the pattern it responds to, a frame about one layer what it holds; what the whole can do stays a question.
# :class: paper
# :width: 100%
# ```
# :::
#
# :::{grid-item}
# ```{image} /book/_static/whole.svg
# :alt: After Figure 2. A meta-encoder gives each of many networks a place on a map; an unknown one gets its place too, and the known ones nearby tell what it can do.
# :class: paper
# :width: 100%
# ```
# :::
# ::::
#
# This chapter trains a meta-autoencoder on the models that fit the meta level (paper, section 4.3), and
# looks at each of its parts: what it is for, and what it does to real filters.
#
# In short: of the variance of 4,096 weights the 16 numbers bring back {glue:text}`reconstruction_share`; from
# seed to seed it is {glue:text}`shares_of_seeds`, and the book's headline is the seed that brings back most.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
metanetwork = {"interunit_epochs": 300, "seeds": 3}  # the rest: defaults of MetanetworkParameters

# %%
from myst_nb import glue

from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## What goes in
#
# The models of the training datasets (20 in the paper), 256x16 weights each. Labels stay outside: they
# are used in the next chapters only, to see whether the numbers tell anything.

# %%
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

fit, validation, _ = load_zoo(results.zoo, make_corpus(results, datasets))
print(f"{len(fit):,} models fit the meta level: encoders {fit.encoders.shape}")
print(f"{16 * len(fit):,} filters")

# %% [markdown]
# ## The three parts
#
# **Unit-wise.** A filter is one column of the encoder, 256 weights that look at a 16x16 patch: a
# small picture. A convolutional autoencoder turns it into three numbers. It has to be convolutional
# because what matters in a filter is what matters in a picture: edges, blobs, stripes, wherever they
# stand. Three numbers are few; the filter's rough look must fit into them.
#
# **Filter sorting.** A model is a *set* of 16 filters. Swap two of them (and the two rows of the
# decoder), and the model computes the same. A representation that changes with the order would waste
# its numbers on nothing, so the 16 triples are put in order of their first number.
#
# **Inter-unit.** The sorted triples make 48 numbers, and a linear autoencoder (48 to 16 to 48, with
# bias) looks for the 16 combinations that vary most from model to model. At its best a linear
# autoencoder finds the same subspace as principal component analysis; how near it comes is a matter of
# its training (chapter [7](07_what_each_part_buys.ipynb) has both).
#
# The paper trains the parts one after the other, for the sorting that stands between them (section 4.3);
# chapter [11](11_a_better_metanetwork.ipynb) trains them as one.

# %% tags=["hide-input"]
from metanet_lib import figures
from metanet_lib.metanetwork import MetanetworkParameters

parameters = MetanetworkParameters.of(metanetwork)
figures.show(
    figures.metanetwork_diagram(parameters),
    results,
    "fig3",
    "Training of the meta-autoencoder: filters to three numbers and back; sorting; "
    "48 numbers to 16 and back.",
    alt="Diagram in three steps. One: a filter of 256 weights goes through convolutions and dense "
    "layers to 3 numbers and back. Two: the 16 filters' triples are sorted. Three: the 48 sorted "
    "numbers go linearly to 16 numbers and back.",
    data="the parameters below",
)

# %% [markdown]
# Every hyper-parameter in one table. The paper gives the shapes, the loss, the optimiser and the
# epochs; the rest is our decision, explained on the page [Decisions](../book/decisions.md).

# %% tags=["hide-input"]
from dataclasses import fields

import pandas as pd

figures.show_table(
    pd.DataFrame(
        {
            "parameter": f.name,
            "value": f"{getattr(parameters, f.name)}",
            "what it is": f.metadata["what"],
        }
        for f in fields(parameters)
    ),
    "metanetwork_parameters",
    "Hyper-parameters of the meta-autoencoder",
)

# %% [markdown]
# ## Training, with several seeds
#
# From other initial weights, the same training on the same models may end somewhere else. So the
# meta-autoencoder is trained several times, each with a seed of its own. The
# **headline** of the book is the seed whose 16 numbers reconstruct the training models' weights
# best. That choice looks at no label, and every seed is shown beside it.

# %%
from metanet_lib.metanetwork import best, save, train_seeds

metanetworks = train_seeds(fit.encoders, parameters, progress=True)
save(metanetworks, results.metanetwork)
headline = best(metanetworks)

# %% tags=["hide-input"]
figures.show(
    figures.training_curves(metanetworks, headline.seed),
    results,
    "training_curves",
    "Loss of both trainings, one line a seed. The headline is the seed with the lowest "
    "reconstruction loss of the weights.",
    alt="Two line plots on a logarithmic axis: the loss of the unit-wise and of the inter-unit "
    "autoencoder over the epochs, one line a seed.",
    data=pd.DataFrame(
        {"seed": n.seed, "training": part, "epoch": epoch, "loss": loss}
        for n in metanetworks
        for part, curve in (("unit-wise", n.unitwise_curve), ("inter-unit", n.interunit_curve))
        for epoch, loss in enumerate(curve, 1)
    ),
)

# %% tags=["hide-input"]
import numpy as np

variance = float(np.var(fit.encoders))
by_seed = pd.DataFrame(
    {
        "seed": n.seed,
        "unit-wise loss": n.unitwise_curve[-1],
        "inter-unit loss": n.interunit_curve[-1],
        "reconstruction loss": n.loss,
        "variance that comes back": f"{100 * (1 - n.loss / variance):.1f} %",
        "of validation models": f"{100 * (1 - n.reconstruction_loss(validation.encoders) / variance):.1f} %",
        "axes in use": n.axes_in_use(fit.encoders),
        "headline": "yes" if n is headline else "",
    }
    for n in metanetworks
)
results.save_table(by_seed, "metanetwork_losses")
figures.show_table(
    by_seed.style.format(precision=5),
    "metanetwork_seeds",
    "Losses of each seed, and the share of the weights' variance that comes back",
)

# %% [markdown]
# *Variance that comes back* compares the weights with what 16 numbers rebuild; a negative share means
# that putting every weight to the mean would have been closer. *Of validation models* says the same of
# these. *Axes in use* counts the filter's three numbers that vary from filter to
# filter, by over a twentieth of the one that varies most.
#
# By the letter of section 4.3.1, ReLU also follows the three numbers ("throughout the network except
# for the output layer"). Where it does, an axis that comes to lie on the wrong side of zero for every
# filter is dead: no gradient wakes it. Chapter [8](08_what_is_inside.ipynb) looks at when axes die, and
# what that costs.

# %% [markdown]
# ## What do the three numbers of a filter encode?
#
# Each point is one filter of a model that fitted the meta level, coloured by what its model was
# trained on. The unit-wise autoencoder never saw the colour.

# %% tags=["hide-input"]
sample = np.random.default_rng(0).permutation(len(fit))[:200]
embedded = headline.embed_filters(fit.encoders[sample])
axes = [f"axis {i + 1}" for i in range(embedded.shape[2])]
figures.show(
    figures.filter_embeddings(embedded, fit.datasets[sample]),
    results,
    "filter_embeddings",
    f"The numbers of each filter, on each pair of axes; filters of {len(sample)} models.",
    alt="Scatter plots of filters by each pair of their embedding's axes. Filters of vision models are "
    "blue, filters of audio models are orange.",
    data=pd.DataFrame(embedded.reshape(-1, len(axes)), columns=axes).assign(
        dataset=np.repeat(fit.datasets[sample], 16)
    ),
)

# %% [markdown]
# ## What does sorting do?
#
# One model's filters, as trained and as sorted, and their three numbers in sorted order. The axis that
# is sorted on is in order by construction. The others need not be: sorting on one axis lines models up
# on that axis only, and section 5.2 of the paper calls it not very sophisticated.

# %% tags=["hide-input"]
example = sample[0]
order = headline.order(fit.encoders[example : example + 1])[0]
figures.show(
    figures.filter_sorting(fit.encoders[example], order, embedded[0]),
    results,
    "filter_sorting",
    f"Filters of one model of {fit.datasets[example]} before and after sorting, and their embeddings.",
    alt="Above, two rows of sixteen small filter pictures, as trained and sorted. Below, one line an "
    f"axis of the embedding: axis {parameters.sort_axis + 1} is in order, the others need not be.",
    data=pd.DataFrame(embedded[0][order], columns=axes).assign(filter=order + 1),
)

# %% [markdown]
# ## What survives 16 numbers?
#
# Filters of models that nothing was fitted on, and what the meta-decoder makes of their 16 numbers.

# %% tags=["hide-input"]
ids = list(dict.fromkeys(fit.datasets))
examples = ids[:: -(-len(ids) // 4)]
first = {i: validation.encoders[validation.datasets == i][:1] for i in examples}
pairs = {i: (headline.in_order(e)[0], headline.reconstruct(e)[0]) for i, e in first.items()}
figures.show(
    figures.rebuilt_filters(pairs),
    results,
    "rebuilt_filters",
    "Sorted filters of some validation models, and the filters rebuilt from the model's 16 numbers. "
    "Gray is zero, white positive, black negative; each model has its own scale.",
    alt=f"{len(pairs)} pairs of rows of sixteen filter pictures: a model's own filters, and those "
    "rebuilt.",
    data="the zoo and the metanetwork",
)

# %% tags=["remove-cell"]
glue("reconstruction_share", f"{100 * (1 - headline.loss / variance):.1f} %", display=False)
shares = [100 * (1 - n.loss / variance) for n in metanetworks]
glue("shares_of_seeds", f"{min(shares):.1f} to {max(shares):.1f} %", display=False)
glue("headline_seed", str(headline.seed), display=False)

# %% [markdown]
# ## What we saw
#
# - The meta-autoencoder has three parts: one for filters, one that forgets their order, one for the
#   model as a whole. Each is trained on weights alone.
# - From seed to seed, {glue:text}`shares_of_seeds` of the weights' variance comes back. The book's
#   headline is the seed that brings back most, {glue:text}`headline_seed`, chosen without a label.
#   Whether it is also the one that recognises most, the next two chapters show.
# - Of the variance of 4,096 weights, the 16 numbers of the headline bring back
#   {glue:text}`reconstruction_share`. Whether that is enough to *recognise* a model is the question of
#   the next two chapters.
