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
# # What is inside?
#
# A metanetwork that names datasets must hold on to something in the weights. This chapter opens it:
# what its three numbers of a filter follow, why an axis of them may die, what training leaves of a
# filter's random start, and what 16 numbers look like when they are unfolded again.
#
# In short: {glue:text}`dead` of the axes of a filter's three numbers are dead after training; of a trained
# filter its random start explains {glue:text}`left_over_vision` in vision models and
# {glue:text}`left_over_audio` in audio models.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
interpret = {}  # defaults of InterpretParameters

# %%
import numpy as np
import pandas as pd
from myst_nb import glue

from metanet_lib import figures
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# The metanetworks, one a seed, are those of chapter [3](03_meta_autoencoder.ipynb); how often each
# names the dataset, and metanetworks with another function after the three numbers, come from chapter
# [7](07_what_each_part_buys.ipynb).

# %%
from metanet_lib.interpret import TASKS, InterpretParameters, percent
from metanet_lib.metanetwork import best, load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

parameters = InterpretParameters.of(interpret)
chosen_datasets = make_corpus(results, datasets)
fit, validation, _ = load_zoo(results.zoo, chosen_datasets)
metanetworks = load(results.metanetwork)
headline = best(metanetworks)
rows = pd.read_csv(results.table("ablation"), dtype={"seed": "Int64", "axes_in_use": "Int64"})

# %% [markdown]
# ## What do the three numbers of a filter encode?
#
# A filter is a small picture, so one can ask for plain properties: the *norm* of its weights, their
# *mean*, its mean spatial *frequency* (from its power spectrum), its *direction* (does it change along
# the columns of the patch, which are mel bands in sounds, or along the rows, which are time?), and how
# much of it is *left over* from its initial weights (more on that below). The boxes give Spearman's
# correlation with each of the three numbers; *together* says how much of the property's variance all
# three numbers predict (the ten nearest filters, of other models).

# %% tags=["hide-input"]
from metanet_lib.experiments.inside import (
    filter_properties,
    initial_zoo,
    left_over,
    what_is_encoded,
)

sample = np.sort(np.random.default_rng(0).permutation(len(fit))[:200])
initial_fit, initial_validation = initial_zoo(results.zoo, chosen_datasets)
shares = left_over(fit.encoders, initial_fit.encoders)
properties = filter_properties(fit.encoders[sample]).assign(left_over=shares[sample].ravel())
properties = properties.rename(columns={"left_over": "left over"})
encoded = {
    f"seed {n.seed}": what_is_encoded(n, fit.encoders[sample], properties) for n in metanetworks
}
figures.show(
    figures.encoded_properties(encoded),
    results,
    "encoded_properties",
    f"How a filter's three numbers follow its properties, filters of {len(sample)} models. A dash: the "
    "axis is the same number for all filters.",
    alt="One table of coloured boxes for each seed: properties of a filter in rows, axes of its "
    "embedding in columns, with the correlation written in each box.",
    data=pd.concat(encoded, names=["seed", "property"]).reset_index(),
)

# %% [markdown]
# ## Why does a seed collapse?
#
# With ReLU after the three numbers, an axis that is zero for every filter is *dead*: it tells nothing,
# and no gradient wakes it. Was it dead from the start, or did it die in training? The initial weights
# of a seed can be drawn again, so the page can look: the share of filters for which each axis is not
# zero, before the first step and after the last. Whether a dead axis costs accuracy, the last columns
# tell.

# %% tags=["hide-input"]
from metanet_lib.experiments.inside import axis_activity


def both_accuracies(n):
    of_seed = rows[(rows.question == "part") & rows.usual & (rows.seed == n.seed)]
    return {TASKS[r.task]: percent(r.accuracy) for r in of_seed.itertuples()}


activity = {n.seed: axis_activity(n, fit.encoders[sample]) for n in metanetworks}
figures.show_table(
    pd.DataFrame(
        {
            "seed": n.seed,
            **{
                f"axis {a.axis}: on before, after": f"{percent(a.before)}, {percent(a.after)}"
                for a in activity[n.seed].itertuples()
            },
            "axes in use": n.axes_in_use(fit.encoders),
            "reconstruction loss": f"{n.loss:.5f}",
            **both_accuracies(n),
        }
        for n in metanetworks
    ),
    "axes_by_seed",
    "Share of filters for which each axis is on, before training and after, by seed",
)

# %% tags=["hide-input"]
both = pd.concat([pd.DataFrame({"seed": s, **a}) for s, a in activity.items()])
dead = both[both.after == 0]
died = int((dead.before > 0).sum())
print(
    f"of {len(both)} axes in {len(activity)} seeds, {len(dead)} are dead after training; "
    f"{died} of these were on for some filters before it"
)

# %% [markdown]
# Without ReLU there, no axis can die that way. Metanetworks trained anew with the other function
# after the three numbers, beside the run's own function, on as many models each:

# %% tags=["hide-input"]
own_activation = headline.model.parameters_.embedding_activation
other_way = rows[rows.question == "activation"]
same_size = rows[(rows.question == "models in all") & (rows.models == other_way.models.iloc[0])]
by_activation = pd.concat([same_size.assign(variant=own_activation), other_way])
figures.show_table(
    pd.DataFrame(
        {
            "after the three numbers": r.variant,
            "models of each dataset": r.models,
            "seed": r.seed,
            "axes in use": r.axes_in_use,
            "task": TASKS[r.task],
            "accuracy": f"{percent(r.accuracy)} ({r.n_correct}/{r.n_validation})",
            "95 % interval": f"{percent(r.bootstrap_low)} to {percent(r.bootstrap_high)}",
        }
        for r in by_activation.sort_values("task", kind="stable").itertuples()
    ),
    "activations_compared",
    "Axes in use and accuracy, by the function after the three numbers",
)

# %% [markdown]
# ## How much of a filter is left over from its start?
#
# Every model starts from random weights of its own, and a short training may leave much of them where
# they were. What is left says nothing about the dataset. The seed in a shard's header draws the initial
# weights again, so one can compare filter by filter: the squared correlation of a filter's 256 weights
# before and after training. For filters that have nothing to do with each other it is about 1/255.

# %% tags=["hide-input"]
figures.show(
    figures.left_over({i: shares[fit.datasets == i] for i in dict.fromkeys(fit.datasets)}),
    results,
    "left_over",
    "Share of a filter's variance that its initial weights explain, by dataset: median, quartiles "
    "(thick) and the middle 90 % (thin) of all filters of the models that fit.",
    alt="One line for each training dataset, blue for vision and orange for audio, with the median "
    "share of left-over initial weights.",
    data=pd.DataFrame(shares, fit.datasets).rename_axis("dataset").reset_index(),
)

# %% tags=["hide-input"]
examples = [np.flatnonzero(fit.modalities == m)[0] for m in dict.fromkeys(fit.modalities)]
figures.show(
    figures.filters_compared(
        {
            f"a model of {fit.datasets[i]}": {
                "before training": initial_fit.encoders[i],
                "after training": fit.encoders[i],
            }
            for i in examples
        }
    ),
    results,
    "before_and_after",
    "The filters of one model of each modality before and after training. Gray is zero.",
    alt="For each modality two rows of sixteen filter pictures: noise before training, and the same "
    "filters after it.",
    data="the zoo, and its initial weights drawn again",
)

# %% [markdown]
# Does the left-over noise hide the dataset from raw weights? Nobody who is handed a model has its
# initial weights, but this page has: the raw weights *less their initial weights*, asked the same
# questions.

# %% tags=["hide-input"]
from metanet_lib.interpret import assess
from metanet_lib.representations import RawWeights
from metanet_lib.zoo import Zoo

moved = [
    Zoo(after.encoders - before.encoders, after.datasets)
    for after, before in ((fit, initial_fit), (validation, initial_validation))
]
verdicts = {
    (task, name): assess(task, name, RawWeights(), *zoos, parameters).row
    for task in ("modality", "dataset_id")
    for name, zoos in (
        ("raw weights", (fit, validation)),
        ("raw weights less initial weights", moved),
    )
}
figures.show_table(
    pd.DataFrame(
        {
            "task": TASKS[task],
            "k-NN on": name,
            "accuracy": f"{percent(r['accuracy'])} ({r['n_correct']}/{r['n_validation']})",
            "95 % interval": f"{percent(r['bootstrap_low'])} to {percent(r['bootstrap_high'])}",
        }
        for (task, name), r in verdicts.items()
    ),
    "less_initial_weights",
    "Accuracy on raw weights, and on raw weights less their initial weights",
)

# %% [markdown]
# ## Can one see an ability?
#
# The meta-decoder turns 16 numbers back into 16 filters. So one can ask for the filters of the *mean*
# embedding of a dataset's models: a typical model that nobody trained, as the metanetwork sees it.

# %% tags=["hide-input"]
from metanet_lib.experiments.inside import nearest_models, typical_models

typical = typical_models(headline, fit)
figures.show(
    figures.filter_gallery(typical),
    results,
    "typical_models",
    "The 16 filters decoded from the mean embedding of each training dataset, headline seed. Each "
    "dataset has its own scale.",
    alt="One row of sixteen filter pictures for each of the training datasets.",
    data="the zoo and the metanetwork",
)

# %% [markdown]
# How different are these pictures from each other? The correlation between the typical models of two
# datasets, all 4,096 weights, on average over pairs:

# %% tags=["hide-input"]
likeness = np.corrcoef(np.stack([e.ravel() for e in typical.values()]))
modality = np.array([d[0] for d in typical])
pairs = ~np.eye(len(typical), dtype=bool)
same = modality[:, None] == modality
alike = {
    "two vision datasets": pairs & same & (modality == "v"),
    "two audio datasets": pairs & same & (modality == "a"),
    "one of each": ~same,
}
figures.show_table(
    pd.DataFrame(
        {"pairs": name, "mean correlation": f"{likeness[which].mean():.3f}"}
        for name, which in alike.items()
        if which.any()
    ),
    "typical_models_alike",
    "Correlation between the typical models of two datasets",
)

# %% [markdown]
# And what are *neighbours*? Below, a validation model of each modality as it is, as its 16 numbers
# rebuild it, and the three models that are nearest to it in 16 numbers, those that would vote first.

# %% tags=["hide-input"]
asked = [np.flatnonzero(validation.modalities == m)[0] for m in dict.fromkeys(fit.modalities)]
groups = {}
for i in asked:
    encoder = validation.encoders[i]
    group = {
        "its filters, sorted": headline.in_order(encoder[None])[0],
        "rebuilt": headline.reconstruct(encoder[None])[0],
    }
    nearest = nearest_models(headline, fit, encoder, 3, parameters.metric)
    for place, j in enumerate(nearest, 1):
        group[f"neighbour {place}, {fit.datasets[j]}"] = headline.in_order(fit.encoders[j][None])[0]
    groups[f"a model of {validation.datasets[i]}"] = group
figures.show(
    figures.filters_compared(groups),
    results,
    "neighbours",
    "A validation model of each modality, what 16 numbers rebuild of it, and its three nearest "
    "neighbours. The five rows of a model share one scale.",
    alt="For each model five rows of sixteen filter pictures: its own, rebuilt, and those of three "
    "neighbours, with the dataset of each.",
    data="the zoo and the metanetwork",
)

# %% tags=["remove-cell"]
from metanet_lib.catalog import MODALITIES
from metanet_lib.interpret.statements import width

for m in MODALITIES:
    of_modality = shares[fit.modalities == m]
    middle = percent(float(np.median(of_modality))) if len(of_modality) else "(none here)"
    glue(f"left_over_{m}", middle, display=False)
glue("dead", f"{len(dead)} of {len(both)}", display=False)
glue("died", f"{died}", display=False)
by_axes = sorted(metanetworks, key=lambda n: n.axes_in_use(fit.encoders))
for name, n in (("fewest", by_axes[0]), ("most", by_axes[-1])):
    of_seed = f"{both_accuracies(n)['dataset ID']} (seed {n.seed}, {n.axes_in_use(fit.encoders)})"
    glue(f"{name}_axes", of_seed, display=False)
for (task, name), r in verdicts.items():
    glue(f"{task}_moved {name}", percent(r["accuracy"]), display=False)
glue("width", width(pd.DataFrame(verdicts.values())), display=False)

# %% [markdown]
# ## What we saw
#
# - **Dead axes.** Of the axes of all seeds, {glue:text}`dead` are dead after training, and
#   {glue:text}`died` of the dead were alive before it. The seed with the fewest axes in use names
#   the dataset with {glue:text}`fewest_axes`, that with the most with {glue:text}`most_axes`.
# - **Left over.** Initial weights explain {glue:text}`left_over_vision` of a vision filter and
#   {glue:text}`left_over_audio` of an audio filter (medians). With initial weights taken away, raw
#   weights name the dataset with {glue:text}`dataset_id_moved raw weights less initial weights` in
#   place of {glue:text}`dataset_id_moved raw weights`.
# - **Doubt.** The intervals of these accuracies of raw weights are {glue:text}`width` wide in the
#   median: a difference that is smaller says little.
