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
# # What does each part buy?
#
# The meta-encoder has three parts and a dozen numbers that somebody chose. Which of them does the
# work? This chapter takes parts out, makes them smaller or larger, and asks the paper's own two
# questions each time; then it opens the metanetwork and looks at what is inside.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
interpret = {  # the meta-classifier: see InterpretParameters
    "k": 10,
    "modality_labels": "modality",
    "perplexity": 30.0,
    "seed": 0,
}
ablation = {  # what is tried beside the run's own: see AblationParameters
    "sizes": [2, 4, 8, 16, 32, 64],
    "ks": [1, 2, 3, 5, 10, 20, 50],
    "models": [5, 10],
}

# %%
import numpy as np
import pandas as pd
from myst_nb import glue

from metanet_lib import figures
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## How is it measured?
#
# Every *variant* of the meta-encoder goes before the same k-NN, on the same models, and is asked the
# same two questions as the metanetwork in chapters [4](04_modality.ipynb) and
# [5](05_dataset_id.ipynb). The run's own metanetworks are not trained again: what follows the
# unit-wise part is cheap, so variants of sorting and of size share the trained unit-wise part, seed by
# seed. Only the question *how many models?* trains whole metanetworks.

# %%
from metanet_lib.experiments.parts import AblationParameters, run_ablations, variants
from metanet_lib.interpret import InterpretParameters, percent
from metanet_lib.metanetwork import best, load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

parameters = InterpretParameters.of(interpret)
chosen_datasets = make_corpus(results, datasets)
fit, validation = load_zoo(results.zoo, chosen_datasets)
metanetworks = load(results.metanetwork)
headline = best(metanetworks)
chosen = variants(metanetworks, fit, AblationParameters.of(ablation), parameters.k)
rows = run_ablations(chosen, fit, validation, parameters)
results.save_table(rows, "ablation")
print(f"{len(chosen)} variants, {len(metanetworks)} seeds, {len(fit):,} models that fit")

# %% [markdown]
# In all figures below, black is the headline's seed (the one that rebuilds the weights best, chosen
# without labels) or a variant without randomness; the other seeds are gray. What the run uses is bold
# or dotted.

# %% tags=["hide-input"]
questions = dict(list(rows.groupby("question", sort=False)))


def told(variant, task="dataset_id", question="part"):
    """Say a variant's accuracy: the headline's seed, and then every seed."""
    found = questions[question]
    found = found[(found.variant == variant) & (found.task == task)]
    main = found[found.seed.isna() | (found.seed == headline.seed)].accuracy.iloc[0]
    others = ", ".join(percent(a) for a in found.accuracy)
    return percent(main) + (f" (seed by seed: {others})" if len(found) > 1 else "")


# %% [markdown]
# ## Which part does the work?
#
# - **metanetwork**: all three parts, 16 numbers;
# - **unit-wise, sorted**: without the inter-unit part, the 48 sorted numbers as they are;
# - **unit-wise, sorted, PCA**: principal components of these 48 in place of the trained inter-unit
#   part, which is linear and looks for the same 16 directions;
# - **filters by norm, PCA**: without the unit-wise part. The 16 filters are sorted by the norm of
#   their weights (there is no first axis to sort on), and the 4,096 weights go to 16 numbers linearly;
# - **one autoencoder**: no parts at all. The whole matrix, its filters in the order they came, goes
#   through two dense layers (ReLU between them) to 16 numbers, and mirrored back;
# - **PCA**: the same, linear;
# - **untrained metanetwork**: all parts in place, with the weights they had before training;
# - **raw weights**: the paper's baseline.

# %% tags=["hide-input"]
figures.show(
    figures.accuracy_by_variant(questions["part"], headline.seed),
    results,
    "ablation_parts",
    "Accuracy with parts of the meta-encoder taken out or replaced, one dot a seed.",
    alt="Dot plot in two panels, modality and dataset ID, with 95 percent intervals: one line for each "
    "of eight variants of the meta-encoder, from the whole metanetwork down to raw weights.",
    data=questions["part"],
)

# %% tags=["hide-input"]
names = {"modality": "modality", "dataset_id": "dataset ID"}
table = questions["part"].assign(task=questions["part"].task.map(names))
pd.DataFrame(
    {
        "variant": variant,
        "numbers": of_variant.embedding_dim.iloc[0],
        **{
            f"{task}: every seed": ", ".join(percent(a) for a in of_task.accuracy)
            for task, of_task in of_variant.groupby("task", sort=False)
        },
    }
    for variant, of_variant in table.groupby("variant", sort=False)
).style.hide()

# %% [markdown]
# ## Does the sorting matter?
#
# The same trained unit-wise part, several ways to put a model's triples in order, and for each a new
# inter-unit part. *None* leaves them as they came, which means nothing.

# %% tags=["hide-input"]
figures.show(
    figures.accuracy_by_variant(questions["sorting"], headline.seed),
    results,
    "ablation_sorting",
    "Accuracy by how a model's filters are sorted before the inter-unit part, one dot a seed.",
    alt="Dot plot in two panels with 95 percent intervals: one line for each way of sorting filters: "
    "none, by norm, and on each axis of their embedding.",
    data=questions["sorting"],
)

# %% [markdown]
# A sorting on an axis that is dead in a seed (see below) falls back on the
# other axes.
#
# ## How many numbers for a model?

# %% tags=["hide-input"]
figures.show(
    figures.accuracy_by_size(
        questions["size"], "embedding_dim", "numbers for a model", headline.seed
    ),
    results,
    "ablation_size",
    "Accuracy by the size of the embedding. The inter-unit part is linear: more numbers than the "
    f"{16 * headline.model.parameters_.filter_embedding} that it reads add nothing new.",
    alt="Two line plots, modality and dataset ID: accuracy against the numbers for a model on a "
    "logarithmic axis, one line a seed.",
    data=questions["size"],
)

# %% [markdown]
# ## How many neighbours should vote?

# %% tags=["hide-input"]
figures.show(
    figures.accuracy_by_size(questions["k"], "k", "neighbours that vote (k)", headline.seed),
    results,
    "ablation_k",
    "Accuracy by the number of neighbours, on 16 numbers and on raw weights.",
    alt="Two line plots, modality and dataset ID: accuracy against k on a logarithmic axis, one gray or "
    "black line a seed of the metanetwork and a green one for raw weights.",
    data=questions["k"],
)

# %% [markdown]
# ## Who trains hundreds of models?
#
# The paper trains 500 models of each dataset for the meta level alone. What do fewer do? A solid line
# keeps the metanetwork of this run, trained on all models, and lets fewer of them vote. A dashed line
# trains the metanetwork anew on those fewer models (with as many epochs, so with fewer steps).

# %% tags=["hide-input"]
of_models = pd.concat([questions["models that vote"], questions["models in all"]])
figures.show(
    figures.accuracy_by_size(of_models, "models", "models of each training dataset", headline.seed),
    results,
    "ablation_models",
    "Accuracy by the models of each training dataset: those that vote only (solid), or all that the "
    "meta level ever sees (dashed).",
    alt="Two line plots, modality and dataset ID: accuracy against models of each dataset on a "
    "logarithmic axis; solid and dashed lines for the metanetwork, green ones for raw weights.",
    data=of_models,
)

# %% [markdown]
# With fewer models of a dataset than neighbours that vote, a part of the votes must be wrong, so that
# the left end of the dataset's panel is also a matter of k.
#
# How much each *model* must see (one pass over so many patches? more? in batches of which size?) is
# answered by zoos of their own: the choices *samples seen* and *batch size* of chapter
# [8](08_open_decisions.ipynb).
#
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
    return {names[r.task]: percent(r.accuracy) for r in of_seed.itertuples()}


activity = {n.seed: axis_activity(n, fit.encoders[sample]) for n in metanetworks}
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
).style.hide()

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
other_way = questions["activation"]
same_size = questions["models in all"]
same_size = same_size[same_size.models == other_way.models.iloc[0]]
by_activation = pd.concat([same_size.assign(variant=own_activation), other_way])
pd.DataFrame(
    {
        "after the three numbers": r.variant,
        "models of each dataset": r.models,
        "seed": r.seed,
        "axes in use": r.axes_in_use,
        "task": names[r.task],
        "accuracy": f"{percent(r.accuracy)} ({r.n_correct}/{r.n_validation})",
        "95 % interval": f"{percent(r.ci_low)} to {percent(r.ci_high)}",
    }
    for r in by_activation.sort_values("task", kind="stable").itertuples()
).style.hide()

# %% [markdown]
# ## How much of a filter is left over from its start?
#
# Every model starts from random weights of its own, and a short training may leave much of them where
# they were. That part says nothing about the dataset. The seed in a shard's header draws the initial
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
from metanet_lib.interpret import TASKS, assess
from metanet_lib.representations import RawWeights
from metanet_lib.zoo import Zoo

moved = [
    Zoo(after.encoders - before.encoders, after.datasets)
    for after, before in ((fit, initial_fit), (validation, initial_validation))
]
verdicts = {
    (task, name): assess(task, name, RawWeights(), *zoos, parameters).row
    for task in TASKS
    for name, zoos in (
        ("raw weights", (fit, validation)),
        ("raw weights less initial weights", moved),
    )
}
pd.DataFrame(
    {
        "task": names[task],
        "k-NN on": name,
        "accuracy": f"{percent(r['accuracy'])} ({r['n_correct']}/{r['n_validation']})",
        "95 % interval": f"{percent(r['ci_low'])} to {percent(r['ci_high'])}",
    }
    for (task, name), r in verdicts.items()
).style.hide()

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
pd.DataFrame(
    {"pairs": name, "mean correlation": f"{likeness[which].mean():.3f}"}
    for name, which in alike.items()
    if which.any()
).style.hide()

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
    for place, j in enumerate(nearest_models(headline, fit, encoder, 3), 1):
        group[f"neighbour {place}, {fit.datasets[j]}"] = headline.in_order(fit.encoders[j][None])[0]
    groups[f"a model of {validation.datasets[i]}"] = group
figures.show(
    figures.filters_compared(groups),
    results,
    "neighbours",
    "Two validation models, what 16 numbers rebuild of them, and their three nearest neighbours. The "
    "five rows of a model share one scale.",
    alt="For each of two models five rows of sixteen filter pictures: its own, rebuilt, and those of "
    "three neighbours, with the dataset of each.",
    data="the zoo and the metanetwork",
)

# %% [markdown]
# ## All the numbers that somebody chose
#
# Every hyper-parameter of the method with its value in this run, and who chose it. The reasons are on
# the page [Decisions](../book/decisions.md).

# %% tags=["hide-input"]
import json
from dataclasses import fields

from metanet_lib.zoo import Shard, ZooParameters

header = Shard.load(results.shard(chosen_datasets[0].slug)).header
used = {
    "models to interpret": ZooParameters.of(json.loads(header["zoo"])),
    "metanetwork": headline.model.parameters_,
    "meta-classifier": parameters,
}


def chosen_by(reason):
    return "the paper" if reason.startswith("section") else "us"


def shown(value):
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


hyper_parameters = pd.DataFrame(
    {
        "of": part,
        "parameter": f.name,
        "what it is": f.metadata["what"],
        "default": shown(f.default),
        "chosen by": chosen_by(f.metadata["why"]),
        "this run": shown(getattr(values, f.name)),
    }
    for part, values in used.items()
    for f in fields(values)
)
hyper_parameters.style.hide()

# %% tags=["remove-cell"]
from metanet_lib.catalog import MODALITIES

for variant in questions["part"].variant.unique():
    for task in TASKS:
        glue(f"{task}_{variant}", told(variant, task), display=False)


def extremes(question, x):
    """Say for which value of a number the headline's dataset-ID accuracy is least and most."""
    of_seed = questions[question]
    of_seed = of_seed[(of_seed.seed == headline.seed) & (of_seed.task == "dataset_id")]
    low, high = (of_seed.loc[i] for i in (of_seed.accuracy.idxmin(), of_seed.accuracy.idxmax()))
    return f"{percent(low.accuracy)} (at {low[x]}) to {percent(high.accuracy)} (at {high[x]})"


glue("by_size", extremes("size", "embedding_dim"), display=False)
glue("by_k", extremes("k", "k"), display=False)
glue("by_models_vote", extremes("models that vote", "models"), display=False)
glue("by_models_all", extremes("models in all", "models"), display=False)
glue("by_sorting", extremes("sorting", "variant"), display=False)
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
ours = (hyper_parameters["chosen by"] == "us").sum()
glue("ours", f"{ours} of {len(hyper_parameters)}", display=False)

# %% [markdown]
# ## What we saw
#
# - **Parts.** The dataset is named by the whole metanetwork with
#   {glue:text}`dataset_id_metanetwork`; by the 48 sorted numbers of the unit-wise part with
#   {glue:text}`dataset_id_unit-wise, sorted`; without the unit-wise part with
#   {glue:text}`dataset_id_filters by norm, PCA`; by one autoencoder of the whole matrix with
#   {glue:text}`dataset_id_one autoencoder`; by a metanetwork that was never trained with
#   {glue:text}`dataset_id_untrained metanetwork`; and by raw weights with
#   {glue:text}`dataset_id_raw weights`. For the modality, in the same order:
#   {glue:text}`modality_metanetwork`; {glue:text}`modality_unit-wise, sorted`;
#   {glue:text}`modality_filters by norm, PCA`; {glue:text}`modality_one autoencoder`;
#   {glue:text}`modality_untrained metanetwork`; {glue:text}`modality_raw weights`.
# - **Numbers.** The headline's dataset-ID accuracy goes from {glue:text}`by_sorting` with the sorting,
#   from {glue:text}`by_size` with the size of the embedding, from {glue:text}`by_k` with k, and with the
#   models of each dataset from {glue:text}`by_models_vote` where fewer vote, or from
#   {glue:text}`by_models_all` where the metanetwork too sees fewer.
# - **Inside.** Of the axes of all seeds, {glue:text}`dead` are dead after training, and
#   {glue:text}`died` of the dead were alive before it. The seed with the fewest axes in use names
#   the dataset with {glue:text}`fewest_axes`, that with the most with {glue:text}`most_axes`. Initial weights explain
#   {glue:text}`left_over_vision` of a vision filter and {glue:text}`left_over_audio` of an audio filter
#   (medians). With initial weights taken away, raw weights name the dataset with
#   {glue:text}`dataset_id_moved raw weights less initial weights` in place of
#   {glue:text}`dataset_id_moved raw weights`.
# - **Choices.** {glue:text}`ours` hyper-parameters of the method are our choice, not the paper's.
# - A difference of a few points is within the intervals, and seeds differ too: look at all dots
#   before believing one.
