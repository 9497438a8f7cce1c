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
# # A dataset, or its files?
#
# Every model of a dataset, in the paper those too that are asked about, learned from the same
# photographs or recordings. So when 16 numbers name the dataset, what did they recognise: cats, or
# these pictures of cats? Models of *new files* tell (chapter [1](01_datasets.ipynb) says which files
# were kept apart). They differ in one more thing: their patches are scaled by the least and the largest value
# of their own files, which a single loud recording sets. This chapter asks about them, asks how much there was to be told at all, how many
# files make a dataset, and whether another zoo would have said the same.
#
# In short: the metanetwork names {glue:text}`dataset_id_metanetwork` of the models of the same files, and
# {glue:text}`dataset_id_new_files_metanetwork` of those of new ones; the patches of new files themselves are
# named by {glue:text}`ceiling`. Over zoos of other seeds it goes from {glue:text}`zoos_dataset_id`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}
zoo = {"models_fit": 20, "models_validation": 8, "models_new": 8, "epochs": 8, "batch_size": 128}
metanetwork = {"interunit_epochs": 300, "seeds": 3}
interpret = {}
study = {
    "per_dataset": 12800,
    "models_fit": 6,
    "models_validation": 3,
    "seeds": 2,
    "files": [6, 24, 48],
}

# %%
import pandas as pd
from myst_nb import glue

from metanet_lib import figures
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## Same files, new files
#
# The metanetwork's 16 numbers, raw weights, and four ways to read a model that train no network
# (chapter [12](12_against_the_others.ipynb) says what they are), fitted as always and asked twice.

# %%
from metanet_lib.experiments.files import SIMPLE, ceiling_of, same_and_new
from metanet_lib.interpret import InterpretParameters, paired_interval, percent
from metanet_lib.metanetwork import best, load
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

asked_how = InterpretParameters.of(interpret)
chosen = make_corpus(results, datasets)
zoos = fit, validation, new = load_zoo(results.zoo, chosen)
metanetworks = load(results.metanetwork)
headline = best(metanetworks)
representations = {
    "metanetwork": MetaEncoder(headline),
    **{f"metanetwork, seed {n.seed}": MetaEncoder(n) for n in metanetworks if n is not headline},
    **SIMPLE,
    "raw weights": RawWeights(),
}
rows, verdicts = same_and_new(representations, zoos, asked_how)
results.save_table(rows, "same_and_new_files")
ids = list(dict.fromkeys(fit.datasets))
chance = 1 / len(ids)
has_new = len(new) > 0
print(f"{len(validation):,} models of the same files, {len(new):,} of new files")

# %% tags=["hide-input"]
from metanet_lib.interpret import TASKS
from metanet_lib.interpret.statements import with_interval

figures.show_table(
    pd.DataFrame(
        {
            "k-NN on": name,
            **{TASKS[row.task]: with_interval(row) for row in of_name.itertuples()},
        }
        for name, of_name in rows.groupby("representation", sort=False)
    ),
    "same_and_new_accuracy",
    "Accuracy on the same files and on new ones, with 95 % intervals",
)

# %% [markdown]
# In brackets 95 % intervals of a bootstrap that draws datasets anew, and models within them.
#
# ## How much is there to be told?
#
# Perhaps new photographs of cats are so unlike the old that nobody could take them for the same
# class. So the patches themselves are asked, with no model between: samples of patches of the same
# files vote on samples of new files, by one of five plain statistics. Which statistic is the best is
# chosen within the same files, by holding out some of *them*.

# %%
from metanet_lib.data.patches import PatchParameters
from metanet_lib.zoo import ZooParameters

of_patches, of_zoo = PatchParameters.of(patches), ZooParameters.of(zoo)
training = [d for d in chosen if d.id in ids]
told = ceiling_of(results, chosen, fit, new, of_patches, asked_how)
_ = results.save_table(told, "ceiling")

# %% tags=["hide-input"]
from IPython.display import Markdown

ceiling_row = None
if len(told):
    ceiling_row = told[told.chosen & (told.files == "new files")].iloc[0]
figures.show_table(
    pd.DataFrame(
        {
            "statistic of the patches": name + (" (chosen)" if of_name.chosen.any() else ""),
            **{
                f"{row.files}, of {row.datasets} datasets": with_interval(row)
                for row in of_name.itertuples()
            },
        }
        for name, of_name in told.groupby("representation", sort=False)
    ),
    "patches_themselves",
    "Dataset-ID accuracy of samples of patches, with 95 % intervals",
) if len(told) else Markdown("No dataset here has files enough to be split twice.")

# %% [markdown]
# Both in one plane: what is named of the same files across, what of new files up. On the diagonal a
# representation would know datasets as well as files.

# %% tags=["hide-input"]
of_datasets = rows[rows.task.isin(["dataset_id", "dataset_id_new_files"])]
figures.show(
    figures.same_against_new(
        of_datasets, None if ceiling_row is None else ceiling_row.accuracy, chance
    ),
    results,
    "same_against_new",
    "Dataset-ID accuracy on the same files and on new ones, with 95 % intervals. Dashed: what the "
    "patches of the new files tell themselves, by the statistic chosen within the same files.",
    alt="Scatter plot: one point for each representation, accuracy on the same files across and on new "
    "files up, with lines for chance and for the patches themselves.",
    data=of_datasets,
) if has_new else Markdown("This run has no models of new files.")

# %% [markdown]
# ## How many files make a dataset?
#
# The experiment once more with fewer and fewer of the same files; the new files are always the same
# ones. There are as many models and patches as in chapter [9](09_open_decisions.ipynb)'s study, but each
# model makes as many passes over its patches as in this run. Accuracies are those of a small study:
# compare them with each other.

# %%
from metanet_lib.data.patches import files_of
from metanet_lib.experiments.open_decisions import (
    StudyParameters,
    run_study,
    variants_of_files,
    variants_of_zoos,
)
from metanet_lib.metanetwork import MetanetworkParameters

size = StudyParameters.of(study)
same_files = [len(files_of(results.corpus_folder, d, of_patches)[0]) for d in training]
variants = [
    *variants_of_files(of_patches, of_zoo, size, max(same_files)),
    *variants_of_zoos(of_patches, of_zoo, size),
]
meta = MetanetworkParameters.of({**metanetwork, "seeds": size.seeds})
studied = run_study(results, chosen, variants, meta, asked_how)
_ = results.save_table(studied, "files_and_zoos")

# %% tags=["hide-input"]
by_files = studied[studied.decision == "files"]
most = sum(same_files) / len(same_files)
by_files = by_files.assign(files=pd.to_numeric(by_files.value, errors="coerce").fillna(most))
figures.show(
    figures.accuracy_by_files(by_files, chance),
    results,
    "accuracy_by_files",
    "Dataset-ID accuracy by the files of each dataset that models fit on (all of them: their mean "
    "number). Solid: models of new files, with 95 % intervals; dashed: of the same files.",
    alt="Line plot: accuracy against files of each dataset on a logarithmic axis, a colour for each "
    "representation, solid for new files and dashed for the same files.",
    data=by_files,
)

# %% [markdown]
# ## Would another zoo say the same?
#
# One zoo is one throw of the dice: which files are new, which patches are drawn, where models start.
# Here are zoos with other seeds of all three, at the size of the study. A run on another machine, where
# sums are rounded otherwise, is one more such throw: expect it to differ by no less.

# %% tags=["hide-input"]
of_zoos = studied[(studied.decision == "zoo") & studied.headline]
spread = of_zoos.pivot_table(index=["task", "representation"], columns="value", values="accuracy")
spread = spread.reindex([t for t in TASKS if t in set(of_zoos.task)], level="task")
widths = spread.max(axis=1) - spread.min(axis=1)
figures.show_table(
    pd.DataFrame(
        {
            "task": TASKS[task],
            "k-NN on": name.replace("_", " "),
            **{f"zoo {seed}": percent(value) for seed, value in line.items()},
            "most less least": percent(widths[task, name]),
        }
        for (task, name), line in spread.iterrows()
    ),
    "zoos_compared",
    "Accuracy in zoos with other seeds, at the size of the study",
)

# %% tags=["remove-cell"]
simple = [*SIMPLE]


def said(name, task):
    row = rows[(rows.representation == name) & (rows.task == task)]
    return with_interval(row.iloc[0]) if len(row) else "(not asked)"


for name in ("metanetwork", "column space", "spectrum"):
    for task in ("dataset_id", "dataset_id_new_files"):
        glue(f"{task}_{name}", said(name, task), display=False)
glue("chance", percent(chance), display=False)
glue(
    "ceiling",
    "(not asked)" if ceiling_row is None else with_interval(ceiling_row),
    display=False,
)
zoo_range = "(not asked)"
for task in ("dataset_id", "dataset_id_new_files"):
    if task in spread.index.get_level_values("task"):
        line = spread.loc[(task, "metanetwork")]
        zoo_range = f"{percent(line.min())} to {percent(line.max())}"
    glue(f"zoos_{task}", zoo_range, display=False)
first_alone = "(not asked)"
if has_new:
    pair = [verdicts["dataset_id_new_files", n] for n in ("column space", "metanetwork")]
    low, high = paired_interval(*(v.correct for v in pair), pair[0].datasets)
    first_alone = f"{100 * low:.0f} to {100 * high:.0f} points"
glue("column_space_less_metanetwork", first_alone, display=False)

# %% [markdown]
# ## What we saw
#
# - **Files.** The metanetwork names the dataset of {glue:text}`dataset_id_metanetwork` of the models of
#   the same files, and of {glue:text}`dataset_id_new_files_metanetwork` of those of new files; chance
#   is {glue:text}`chance`.
# - **What there is.** The patches of the new files themselves are named by
#   {glue:text}`ceiling`; models of new files, from their column space, by
#   {glue:text}`dataset_id_new_files_column space` (of the same files:
#   {glue:text}`dataset_id_column space`). The column space less the metanetwork on new files, paired by
#   dataset, 95 % interval: {glue:text}`column_space_less_metanetwork`.
# - **Other zoos.** At the size of the study the metanetwork's accuracy on the same files goes from
#   {glue:text}`zoos_dataset_id` over the zoos, on new files from
#   {glue:text}`zoos_dataset_id_new_files`.
