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
# # What if we had decided otherwise?
#
# The paper leaves decisions open, and whoever reruns it must make them: over what is a photograph or a
# spectrogram normalised to 0-1? Is a mel spectrogram one of power or of decibels? How large is a
# batch? By which label do the neighbours vote for a modality? This chapter runs the whole experiment
# once for each choice, at a small size, to see which of them move the two accuracies, and so how much
# of the result is the method's and how much is ours.
#
# In short: the dataset told by 16 numbers moves most with {glue:text}`moved_most_dataset ID, 16 numbers`,
# of new files with {glue:text}`moved_most_dataset ID, new files, 16 numbers`, and the modality with
# {glue:text}`moved_most_modality, 16 numbers`.

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
metanetwork = {"interunit_epochs": 300, "seeds": 3}  # the rest: defaults of MetanetworkParameters
interpret = {}  # defaults of InterpretParameters
study = {
    "per_dataset": 12800,
    "models_fit": 6,
    "models_validation": 3,
    "seeds": 2,
    "files": [6, 24, 48],
}  # the rest: defaults of StudyParameters

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## The variants
#
# Each changes one decision of this run and leaves the others as they are. *Samples seen* changes how
# many patches each model sees, always once. *Modality labels* changes the question alone: section 4.4
# fits the classifier with the dataset ID as the label, so by its letter the neighbours vote on that,
# and the modality is that of the dataset named; it asks the models of this run's own way. Every other
# variant has its own zoo, on the training datasets only, and its own meta-autoencoders; both questions
# are asked of validation models of these datasets. So the accuracies here are to be compared with each
# other, not with those of the chapters before: fewer models, which saw less.

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from metanet_lib import figures
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.open_decisions import StudyParameters, run_study, variants
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.zoo import ZooParameters

size = StudyParameters.of(study)
asked = InterpretParameters.of(interpret)
chosen = variants(PatchParameters.of(patches), ZooParameters.of(zoo), size, asked)
figures.show_table(
    pd.DataFrame(
        {
            "decision": name,
            "this run": next(v.value for v in chosen if v.decision == name and v.usual),
            "the others": ", ".join(v.value for v in chosen if v.decision == name and not v.usual),
        }
        for name in dict.fromkeys(v.decision for v in chosen)
    ),
    "choices_tried",
    "Choices of this run, and the others that are tried",
)

# %%
from metanet_lib.zoo.pipeline import make_corpus

of_run = make_corpus(results, datasets)
rows = run_study(
    results,
    of_run,
    chosen,
    MetanetworkParameters.of({**metanetwork, "seeds": size.seeds}),
    asked,
)
results.save_table(rows, "open_decisions")
print(
    f"{size.models_fit} + {size.models_validation} models of each training dataset, "
    f"{size.per_dataset:,} patches, {size.seeds} seeds of the metanetwork; best seed by reconstruction loss"
)

# %% [markdown]
# ## How the accuracies move

# %% tags=["hide-input"]
from myst_nb import glue

moves = figures.show(
    figures.accuracy_by_decision(rows),
    results,
    "open_decisions",
    "The accuracies for each choice, with 95 % intervals: 16 numbers of the metanetwork (filled, "
    "best seed; small dots, the other seeds) and raw weights (hollow). The run's own choice is bold.",
    alt="Dot plot in panels, modality, dataset ID and dataset ID of new files. One line for each choice of these open "
    f"decisions: {', '.join(rows.decision.unique()).replace('_', ' ')}.",
    data=rows,
)
glue("open_decisions", moves, display=False)
moves

# %% [markdown]
# The same in numbers. The *hub* is the dataset that raw weights name most among nearest neighbours,
# with its share of all neighbours ({glue:text}`even` if all datasets were named alike), and the mean
# squared norm of its models' weights, relative to that of all models.

# %% tags=["hide-input"]
from metanet_lib.interpret import TASKS, percent

kinds = {"metanetwork": "16 numbers", "raw_weights": "raw"}
headline = rows[rows.headline & rows.representation.isin(kinds)]
headline = headline[headline.task != "modality_new_files"].assign(
    representation=lambda r: r.representation.map(kinds),
    column=lambda r: r.task.map(TASKS) + ", " + r.representation,
)
hub = [f"{r.hub}, {percent(r.hub_share)}" for r in headline.itertuples()]
table = (
    headline.assign(
        decision=headline.decision.str.replace("_", " "),
        value=headline.value + headline.usual.map({True: " (this run)", False: ""}),
        hub=hub,
        accuracy=headline.accuracy.map(percent),
        hub_norm=headline.hub_norm.map("{:.2f}".format),
    )
    .pivot_table(
        index=["decision", "value", "hub", "hub_norm"],
        columns="column",
        values="accuracy",
        aggfunc="first",
        sort=False,
    )
    .reset_index()
)
columns = [*headline.column.unique()]
figures.show_table(
    table[["decision", "value", *columns, "hub", "hub_norm"]].rename(
        columns={"hub_norm": "norm of the hub"}
    ),
    "accuracy_by_choice",
    "Accuracy and hub of each choice",
)

# %% [markdown]
# ## Which decision matters most?
#
# For each decision, how far its choices lie apart: the largest accuracy less the smallest. Where there are
# more choices, that is more by chance alone.

# %% tags=["hide-input"]
spread = headline.groupby(["decision", "column"], sort=False).accuracy.agg(np.ptp)
moved = (100 * spread.unstack("column")).map("{:.0f} points".format).reset_index()
figures.show_table(
    moved.assign(decision=moved.decision.str.replace("_", " "))[["decision", *columns]],
    "spread_by_decision",
    "Largest accuracy less the smallest, by decision",
)

# %% [markdown]
# ## A hypothesis: hubs
#
# Why would raw weights fail? Perhaps where they have a hub: a dataset whose models have small weights
# and are therefore near to every model, so that many models get the same answer (chapter
# [4](04_modality.ipynb)). If that is it, then raw weights tell less where the hub's share is larger.
# Over the zoos of this chapter, the largest share goes from {glue:text}`hub_least` to
# {glue:text}`hub_most`, and its rank correlation with what raw weights tell is
# {glue:text}`hub_modality` for the modality and {glue:text}`hub_dataset ID` for the dataset.
#
# The paper's raw weights called every model visual, which a hub would explain. Here they tell the
# modality least often with *{glue:text}`least_raw`*: {glue:text}`least_raw_share`, beside its 50 %.
#
# ## How much is gained?
#
# 16 numbers less raw weights, in points of accuracy, by choice: if that moves as much as the
# accuracies do, then how much the metanetwork gains is in part a matter of decisions about which the
# paper says too little.

# %% tags=["hide-input"]
wide = headline.pivot_table(
    index=["decision", "value", "usual", "hub_share"],
    columns="column",
    values="accuracy",
    sort=False,
).reset_index()
gains = {
    task: 100 * (wide[f"{task}, 16 numbers"] - wide[f"{task}, raw"])
    for task in dict.fromkeys(headline.task.map(TASKS))
}
least_and_most = (
    wide[["decision"]].assign(**gains).groupby("decision", sort=False).agg(["min", "max"])
)
figures.show_table(
    pd.DataFrame(
        {
            "decision": least_and_most.index.str.replace("_", " "),
            **{
                task: [f"{a:.0f} to {b:.0f} points" for a, b in least_and_most[task].to_numpy()]
                for task in gains
            },
        }
    ),
    "gain_by_decision",
    "16 numbers less raw weights, least to most over the choices of a decision",
)

# %% tags=["remove-cell"]
from metanet_lib.interpret.statements import width

zoos = wide[(wide.decision != "modality_labels") & (~wide.usual | ~wide.usual.duplicated())]
least = zoos.loc[zoos["modality, raw"].idxmin()]
of_hub = {
    t: zoos.hub_share.corr(zoos[f"{t}, raw"], method="spearman") for t in ("modality", "dataset ID")
}
for name, value in {
    "even": percent(1 / sum(d.id in chosen[0].zoo.training_datasets for d in of_run)),
    "hub_least": percent(zoos.hub_share.min()),
    "hub_most": percent(zoos.hub_share.max()),
    **{f"hub_{task}": f"{correlation:.2f}" for task, correlation in of_hub.items()},
    "least_raw": f"{least.decision} {least.value}".replace("_", " "),
    "least_raw_share": percent(least["modality, raw"]),
}.items():
    glue(name, value, display=False)
most = {"dataset ID, new files, 16 numbers": "(not asked)"}
for column in columns:
    of_all = spread.xs(column, level="column")
    name = of_all.idxmax()
    its = headline[(headline.decision == name) & (headline.column == column)]
    one, other = (its.loc[i] for i in (its.accuracy.idxmin(), its.accuracy.idxmax()))
    apart = "overlap" if other.bootstrap_low <= one.bootstrap_high else "do not overlap"
    most[column] = (
        f"{name.replace('_', ' ')} ({100 * of_all.max():.0f} points; the intervals of its ends {apart})"
    )
mel = headline[headline.decision == "mel_scale"].pivot(
    index="value", columns="column", values="accuracy"
)
for value, row in mel.iterrows():
    glue(f"mel_{value}", percent(row["dataset ID, 16 numbers"]), display=False)
    glue(f"mel_{value}_modality", percent(row["modality, 16 numbers"]), display=False)
glue("width", width(headline), display=False)
for column, moved_most in most.items():
    glue(f"moved_most_{column}", moved_most, display=False)

# %% [markdown]
# ## What we saw
#
# - The modality told by 16 numbers moves most with {glue:text}`moved_most_modality, 16 numbers`, told
#   by raw weights with {glue:text}`moved_most_modality, raw`.
# - The dataset told by 16 numbers moves most with {glue:text}`moved_most_dataset ID, 16 numbers`, told
#   by raw weights with {glue:text}`moved_most_dataset ID, raw`.
# - Of models of new files, the dataset told by 16 numbers moves most with
#   {glue:text}`moved_most_dataset ID, new files, 16 numbers`.
# - The interval of an accuracy is {glue:text}`width` wide at this size, in the median: a smaller difference
#   between two choices says little.
