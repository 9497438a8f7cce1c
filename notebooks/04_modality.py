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
# # Can the 16 numbers tell vision from audio?
#
# Take a model that nothing was fitted on. Squeeze it to 16 numbers with the frozen meta-encoder, ask
# the nearest models of the training datasets (ten in the paper) what *they* were trained on, and
# believe the majority. That is the paper's **meta-classifier** (section 4.4): a meta-encoder, then
# k-NN {cite}`cover1967`.
#
# The classifier is deliberately the simplest one. If neighbours in 16 numbers share an ability, the
# numbers carry it; a clever classifier could make up for a poor representation.
#
# In short: with the meta-encoder the vote names the modality of {glue:text}`modality_metanetwork`, on raw
# weights of {glue:text}`modality_raw_weights`; of models of new files, {glue:text}`modality_new_metanetwork`. The
# paper's 100 %, of its own corpora, {glue:text}`claim_modality`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
interpret = {}  # defaults of InterpretParameters

# %%
import pandas as pd
from myst_nb import glue

from metanet_lib import figures
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## The concatenated model
#
# A representation is a scikit-learn transformer, so the paper's concatenated model is a pipeline. The
# baseline is the same pipeline with the flattened weights, 4,096 numbers, in place of the
# meta-encoder.

# %%
from metanet_lib.interpret import InterpretParameters, meta_classifier, percent
from metanet_lib.metanetwork import best, load
from metanet_lib.representations import MetaEncoder
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

parameters = InterpretParameters.of(interpret)
zoos = fit, validation, new = load_zoo(results.zoo, make_corpus(results, datasets))
metanetworks = load(results.metanetwork)
headline = best(metanetworks)
meta_classifier(MetaEncoder(headline), parameters)

# %% [markdown]
# ## The question
#
# Is a model's training dataset pictures or sounds? The meta-classifier is fitted on the models of the
# training datasets and answers for the validation models of all datasets (20 and 41 in the paper). Of
# the models it is asked about, {glue:text}`unmet` were trained on datasets whose models it has never
# met.
#
# It is also asked about models of *new files*. A part of each training dataset's photographs and
# recordings was kept apart (chapter [1](01_datasets.ipynb)), and models were trained on these alone;
# no model of the same dataset that fits anything has seen them.

# %%
from metanet_lib.interpret import assess_all

rows, verdicts = assess_all("modality", metanetworks, zoos, parameters)
results.save_table(rows, "modality_by_seed")
for verb, zoo in (("fitted", fit), ("asked, same files", validation), ("asked, new files", new)):
    print(f"{verb} on {len(zoo):,} models of {len(set(zoo.datasets))} datasets")

# %% [markdown]
# ## The answer
#
# With the headline seed (the one that reconstructs the weights best, chosen without labels), beside
# the paper's numbers, and those of the reference run of the paper's own size where one is kept
# ([Status](../book/status.md) tells of it). The models of one dataset are right or wrong together, so intervals are those of
# a bootstrap that draws datasets anew, as many of either modality, and models within them
# {cite}`efron1994`. It cannot know of a doubt that no dataset shows: where all are right, it is a point.
# So an interval is never narrower than Wilson's {cite}`wilson1927`, which takes every model for a witness
# of its own (`ci_low` and `ci_high` in the table's file).

# %% tags=["hide-input"]
from metanet_lib.experiments.reference import accuracies_beside
from metanet_lib.interpret import result_table

figures.show_table(
    result_table(rows[rows.headline], accuracies_beside(results, "accuracy")),
    "modality_accuracy",
    "Accuracy of modality prediction, headline seed",
)

# %% [markdown]
# And every seed, because the method is sensitive to its own:

# %% tags=["hide-input"]
same = rows[rows.task == "modality"]
share_vision = float((validation.modalities == "vision").mean())
figures.show(
    figures.accuracy_by_seed(same, chance=max(share_vision, 1 - share_vision)),
    results,
    "modality_by_seed",
    "Accuracy of modality prediction for every seed of the metanetwork and for the raw weights. Chance: always "
    "answering with the more frequent modality.",
    alt="Dot plot of modality accuracy with 95 percent intervals: one line for each seed of the "
    "metanetwork and one for raw weights, with the paper's accuracies marked by diamonds.",
    data=same,
)

# %% [markdown]
# ## What kind of mistakes are made?
#
# The paper's raw-weight classifier called *every* model visual (section 4.5.1). What is answered here,
# for models of training and of unseen datasets?

# %% tags=["hide-input"]
from metanet_lib.catalog import MODALITIES

answers = pd.DataFrame(
    {
        "k-NN on": name,
        "true modality": modality,
        "dataset": kind,
        "models": int(chosen.sum()),
        "called vision": int((verdict.predicted[chosen] == "vision").sum()),
        "called audio": int((verdict.predicted[chosen] == "audio").sum()),
    }
    for (task, name), verdict in verdicts.items()
    if task == "modality"
    for modality in MODALITIES
    for kind, known in (("training", True), ("unseen", False))
    for chosen in [
        (verdict.truth == modality) & (pd.Series(validation.datasets).isin(fit.datasets) == known)
    ]
)
figures.show_table(
    answers,
    "modality_answers",
    "Answers for models of training and of unseen datasets",
)

# %% [markdown]
# ## Do raw weights have a hub?
#
# A hypothesis about the paper's raw weights, with which one answer was given to all. In 4,096
# dimensions two models with independent random starts are far apart, whatever they were trained on. If
# the starts were all there is, the squared distance would be about the sum of the squared norms, and
# the nearest neighbour the model with the smallest norm. Such a *hub* would be everyone's neighbour,
# and its label everyone's answer. The neighbours that all validation models name on raw weights here,
# by dataset, and how large the weights of these datasets' models are:

# %% tags=["hide-input"]
from metanet_lib.interpret import neighbours_by_dataset

squared_norms = pd.Series((fit.encoders**2).sum((1, 2))).groupby(fit.datasets).mean()
hubs = pd.DataFrame(
    {
        "share of all neighbours": neighbours_by_dataset(fit, validation, parameters),
        "mean squared norm": squared_norms,
        "rank of the norm, smallest first": squared_norms.rank().astype(int),
    }
).fillna({"share of all neighbours": 0.0})
hubs = hubs.sort_values("share of all neighbours", ascending=False).rename_axis("dataset")
figures.show_table(
    hubs.head(5)
    .reset_index()
    .style.format({"share of all neighbours": percent, "mean squared norm": "{:.1f}"}),
    "raw_weight_hubs",
    "The five datasets most often among the neighbours on raw weights",
)

# %% [markdown]
# The largest share is {glue:text}`hub_share`, where {glue:text}`hub_even` would be even. The rank
# correlation of share and norm over the datasets is {glue:text}`hub_norm`; the hypothesis says -1.
#
# ## The map
#
# t-SNE {cite}`maaten2008` draws the validation models' 16 numbers on a plane so that neighbours stay
# neighbours. Distances between far groups mean nothing; whether the colours mix does.

# %% tags=["hide-input"]
from sklearn.manifold import TSNE

embeddings = headline.embed(validation.encoders)
perplexity = min(parameters.perplexity, (len(embeddings) - 1) / 3)
points = TSNE(2, perplexity=perplexity, random_state=parameters.seed).fit_transform(embeddings)
training = set(fit.datasets)
figures.show(
    figures.embedding_map(points, validation.datasets, training),
    results,
    "fig4",
    f"t-SNE (perplexity {perplexity:.0f}) of the validation models' embeddings. One point is "
    "one model; triangles are models of datasets that the metanetwork never met.",
    alt="Map of the validation models. Vision models are blue, audio models orange; circles mark "
    "training datasets and triangles unseen ones.",
    data=pd.DataFrame(
        {
            "dataset": validation.datasets,
            "modality": validation.modalities,
            "role": ["trains" if i in training else "unseen" for i in validation.datasets],
            "x": points[:, 0],
            "y": points[:, 1],
        }
    ),
)

# %% [markdown]
# The same map to explore. Point at a model, or tap it, or go from model to model by keyboard: its 16
# filters appear, in sorted order, and all models of its dataset stand out. Do those of one dataset
# stay together?

# %% tags=["hide-input"]
from metanet_lib.figures import interactive

interactive.model_map(
    points,
    headline.in_order(validation.encoders),
    validation.datasets,
    training,
    "Figure 4 to explore. The filters are shown at half their size; gray is zero, white positive, "
    "black negative, each model on its own scale.",
    alt="The map of Figure 4, above, in which each model can be asked for its dataset and filters.",
)

# %% tags=["remove-cell"]
from metanet_lib.interpret import in_words
from metanet_lib.interpret.statements import claim

share, norm = hubs["share of all neighbours"], hubs["mean squared norm"]
glue("hub_share", percent(share.max()), display=False)
glue("hub_even", percent(1 / len(hubs)), display=False)
glue("hub_norm", f"{share.corr(norm, method='spearman'):.2f}", display=False)
unmet = ~pd.Series(validation.datasets).isin(fit.datasets)
glue("unmet", f"{unmet.sum():,} of {len(unmet):,}", display=False)
for row in same[same.headline].to_dict("records"):
    name = row["representation"]
    glue(f"modality_{name}", percent(row["accuracy"]), display=False)
    glue(f"modality_new_{name}", in_words(rows, "modality_new_files", name), display=False)
glue("claim_modality", claim(rows, "modality"), display=False)
glue(
    "modality_seeds", ", ".join(percent(a) for a in same.accuracy[same.seed.notna()]), display=False
)

# %% [markdown]
# ## What we saw
#
# - With the meta-encoder, modality is predicted with {glue:text}`modality_metanetwork` accuracy; from
#   raw weights, with {glue:text}`modality_raw_weights`. Seed by seed: {glue:text}`modality_seeds`.
# - Of models of new files, with {glue:text}`modality_new_metanetwork`; from raw weights, with
#   {glue:text}`modality_new_raw_weights`.
# - {glue:text}`unmet` of the models of the same files were trained on datasets that neither the
#   metanetwork nor the classifier had met: their answers can only be right by the modality.
# - The next chapter asks the harder question: *which* dataset?
