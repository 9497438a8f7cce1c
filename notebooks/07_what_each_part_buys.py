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
# The meta-encoder has three parts and many numbers that somebody chose. Which of them does the work?
# This chapter takes parts out, makes them smaller or larger, and asks the paper's own two
# questions each time. The [next](08_what_is_inside.ipynb) opens the metanetwork and looks inside.
#
# In short: the whole metanetwork names the dataset of {glue:text}`dataset_id_whole`, in the mean of its seeds.
# The others, beside it and paired by dataset: {glue:text}`dataset_id_others`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
interpret = {}  # defaults of InterpretParameters
ablation = {"models": [5, 10]}  # the rest: defaults of AblationParameters

# %%
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
zoos = fit, _, _ = load_zoo(results.zoo, chosen_datasets)
metanetworks = load(results.metanetwork)
headline = best(metanetworks)
chosen = variants(metanetworks, fit, AblationParameters.of(ablation), parameters.k)
rows = run_ablations(chosen, zoos, parameters)
by_dataset = rows.pop("by_dataset")
results.save_table(rows, "ablation")
print(f"{len(chosen)} variants, {len(metanetworks)} seeds, {len(fit):,} models that fit")

# %% [markdown]
# In all figures below, black is the headline's seed (the one that rebuilds the weights best, chosen
# without labels) or a variant without randomness; the other seeds are gray. What the run uses is bold
# or dotted.

# %% tags=["hide-input"]
questions = dict(list(rows.groupby("question", sort=False)))


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
    alt="Dot plot, a panel each for modality, dataset ID and dataset ID of new files, with 95 percent "
    "intervals: one line for each "
    f"of {questions['part'].variant.nunique()} variants of the meta-encoder, from the whole metanetwork "
    "down to raw weights.",
    data=questions["part"],
)

# %% tags=["hide-input"]
from metanet_lib.interpret import TASKS

table = questions["part"].assign(task=questions["part"].task.map(TASKS))
figures.show_table(
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
    ),
    "parts_by_seed",
    "Accuracy of each variant of the meta-encoder, every seed",
)

# %% [markdown]
# Of the dataset: what the paper says, what the reference run of its own size found, where one is kept
# ([Status](../book/status.md) tells of it), and this run; of several seeds the mean, of their intervals
# too.

# %% tags=["hide-input"]
from metanet_lib.experiments.reference import accuracies, accuracies_beside
from metanet_lib.interpret import PAPER_ACCURACY

kept, ours = (
    accuracies_beside(results, "ablation"),
    accuracies(results.folder / "tables", "ablation"),
)
of_paper = {
    name.replace("_", " "): a for (task, name), a in PAPER_ACCURACY.items() if task == "dataset_id"
}
figures.show_table(
    pd.DataFrame(
        {
            "dataset ID": variant,
            "paper": percent(of_paper[variant]) if variant in of_paper else "",
            "reference run": kept.get((f"part: {variant}", "dataset_id"), ""),
            "this run": ours[f"part: {variant}", "dataset_id"],
        }
        for variant in questions["part"].variant.unique()
    ),
    "parts_beside_paper",
    "Dataset-ID accuracy of each variant, beside the paper's",
)

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
    alt="Dot plot, a panel each for modality, dataset ID and dataset ID of new files, with 95 percent "
    "intervals: one line for each way of sorting filters: "
    "none, by norm, and on each axis of their embedding.",
    data=questions["sorting"],
)

# %% [markdown]
# A sorting on an axis that is dead in a seed (chapter [8](08_what_is_inside.ipynb)) falls back on the
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
    alt="Line plots, a panel each for modality, dataset ID and dataset ID of new files: "
    "accuracy against the numbers for a model on a "
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
    alt="Line plots, a panel each for modality, dataset ID and dataset ID of new files: "
    "accuracy against k on a logarithmic axis, one gray or "
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
    alt="Line plots, a panel each for modality, dataset ID and dataset ID of new files: "
    "accuracy against models of each dataset on a "
    "logarithmic axis; solid and dashed lines for the metanetwork, green ones for raw weights.",
    data=of_models,
)

# %% [markdown]
# With fewer models of a dataset than neighbours that vote, a part of the votes must be wrong, so that
# the left end of the dataset's panel is also a matter of k.
#
# How much each *model* must see (one pass over so many patches? more? in batches of which size?) is
# answered by zoos of their own: the choices *samples seen* and *batch size* of chapter
# [9](09_open_decisions.ipynb).

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
figures.show_table(
    hyper_parameters,
    "who_chose",
    "Hyper-parameters of the method, and who chose them",
)

# %% tags=["remove-cell"]
from metanet_lib.experiments.parts import WHOLE
from metanet_lib.interpret import paired_interval, shares_right
from metanet_lib.interpret.statements import told_apart, width

for task, of_task in questions["part"].groupby("task"):
    shares = {
        variant: shares_right(by_dataset[of_variant.index])
        for variant, of_variant in of_task.groupby("variant", sort=False)
    }
    whole, models_of = shares.pop(WHOLE)
    apart = {
        f"'{name}'": paired_interval(own, whole, models_of) for name, (own, _) in shares.items()
    }
    glue(f"{task}_whole", percent(whole.mean()), display=False)
    glue(f"{task}_others", told_apart(apart), display=False)


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
ours = (hyper_parameters["chosen by"] == "us").sum()
glue("width", width(rows[rows.task == "dataset_id"]), display=False)
glue("ours", f"{ours} of {len(hyper_parameters)}", display=False)

# %% [markdown]
# ## What we saw
#
# - **Parts.** In the mean of its seeds, the whole metanetwork names the dataset of
#   {glue:text}`dataset_id_whole`. How often do the others, in the mean of theirs, by the interval of the
#   difference, paired by dataset? {glue:text}`dataset_id_others`. The modality it names of
#   {glue:text}`modality_whole`; the others: {glue:text}`modality_others`.
# - **Numbers.** The headline's dataset-ID accuracy goes from {glue:text}`by_sorting` with the sorting,
#   from {glue:text}`by_size` with the size of the embedding, from {glue:text}`by_k` with k, and with the
#   models of each dataset from {glue:text}`by_models_vote` where fewer vote, or from
#   {glue:text}`by_models_all` where the metanetwork too sees fewer.
# - **Choices.** {glue:text}`ours` hyper-parameters of the method are our choice, not the paper's.
# - **Doubt.** The interval of a dataset-ID accuracy of this chapter is {glue:text}`width` wide in the
#   median, and seeds differ too: look at all dots before believing a difference.
