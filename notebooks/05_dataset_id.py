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
# # Can the 16 numbers tell the dataset?
#
# Vision or audio is a coarse question. A patch of a cat and a patch of a car are both 16x16 pixels of
# a photograph, and a model that encodes patches sees little else. Do 16 numbers, made from weights
# alone, still tell which of the training datasets a model was trained on (paper, section 4.5.2)?
#
# In short: with the meta-encoder the vote names {glue:text}`dataset_id_metanetwork`, on raw weights
# {glue:text}`dataset_id_raw_weights`, by chance {glue:text}`chance`; of models of new files
# {glue:text}`dataset_id_new_metanetwork`. The paper's 25.4 %, of its own corpora,
# {glue:text}`claim_dataset_id`.

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
# ## The question
#
# The same meta-classifier as before, asked for one of {glue:text}`n_ids` dataset ids (20 in the
# paper). Only validation models of the training datasets can be asked about: the classifier cannot
# name a dataset it has never met. It is asked twice, about models of the very files that the fitted
# models saw, as in the paper, and about models of new files. Chance is {glue:text}`chance`, and
# {glue:text}`chance_within` for a classifier that knows the modality and guesses within it.

# %% tags=["hide-input"]
from metanet_lib.experiments.reference import accuracies_beside
from metanet_lib.interpret import InterpretParameters, assess_all, result_table
from metanet_lib.metanetwork import load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

parameters = InterpretParameters.of(interpret)
zoos = fit, validation, new = load_zoo(results.zoo, make_corpus(results, datasets))
metanetworks = load(results.metanetwork)
rows, every_verdict = assess_all("dataset_id", metanetworks, zoos, parameters)
verdicts = {name: v for (task, name), v in every_verdict.items() if task == "dataset_id"}
reference = accuracies_beside(results, "accuracy")
figures.show_table(
    result_table(rows[rows.headline], reference),
    "dataset_id_accuracy",
    "Accuracy of dataset-ID prediction, headline seed",
)

# %% [markdown]
# Every seed; the headline was chosen by reconstruction loss, without labels.

# %% tags=["hide-input"]
same = rows[rows.task == "dataset_id"]
figures.show(
    figures.accuracy_by_seed(same, chance=1 / len(set(fit.datasets))),
    results,
    "dataset_id_by_seed",
    "Accuracy of dataset-ID prediction for every seed of the metanetwork and for the raw weights. Chance: "
    f"1 in {len(set(fit.datasets))}.",
    alt="Dot plot of dataset-ID accuracy with 95 percent intervals: one line for each seed of the "
    "metanetwork and one for raw weights, with the paper's accuracies marked by diamonds.",
    data=same,
)

# %% [markdown]
# ## Which datasets are taken for which?
#
# Rows are the truth, columns the answer; models of the same files. The two blocks are vision (above and
# left) and audio.

# %% tags=["hide-input"]
ids = list(dict.fromkeys(fit.datasets))
confusions = {name: verdict.confusion_table(ids) for name, verdict in verdicts.items()}
figures.show(
    figures.confusion(verdicts["metanetwork"].confusion(ids), ids, "With the meta-encoder"),
    results,
    "fig5",
    "Dataset-ID prediction with the meta-encoder: per cent of the validation models of each "
    "true dataset (row) that were given each answer (column).",
    alt=f"Confusion matrix of {len(ids)} datasets, with the meta-encoder. Correct answers lie on the "
    "diagonal.",
    data=confusions["metanetwork"],
)

# %% tags=["hide-input"]
figures.show(
    figures.confusion(verdicts["raw_weights"].confusion(ids), ids, "Without the meta-encoder"),
    results,
    "fig6",
    "The same as Figure 5 on the 4,096 raw weights, without the meta-encoder.",
    alt=f"Confusion matrix of {len(ids)} datasets, on raw weights. Correct answers lie on the diagonal.",
    data=confusions["raw_weights"],
)

# %% [markdown]
# Both again, to explore: point at a cell, or tap it, for the names and the counts.

# %% tags=["hide-input"]
from metanet_lib.figures import interactive

interactive.confusions(
    {
        "with the meta-encoder": confusions["metanetwork"],
        "without": confusions["raw_weights"],
    },
    "fig5",
    "Figures 5 and 6 to explore.",
    alt="The confusion matrices of Figures 5 and 6, above, in which each cell can be asked for its "
    "truth, its answer and its count of models.",
)

# %% [markdown]
# ## A dataset, or its files?
#
# All models of the paper's zoo, those that fit and those that are asked about, see the same files. A
# representation that recognised a few dozen photographs, and nothing of what they show, would do as
# well. Models of new files tell the two apart: here each dataset with how often its models were named
# right. The [next chapter](06_dataset_or_files.ipynb) looks into it.

# %% tags=["hide-input"]
from metanet_lib.interpret import percent

if len(new):
    right = {
        title: pd.Series(v.correct).groupby(v.datasets).mean()
        for title, v in (
            ("same files", every_verdict["dataset_id", "metanetwork"]),
            ("new files", every_verdict["dataset_id_new_files", "metanetwork"]),
        )
    }
    by_files = pd.DataFrame(right).reindex(ids).rename_axis("dataset").reset_index()
    left_out = [i for i in ids if i not in set(new.datasets)]
    print("too few files to keep new ones apart:", ", ".join(left_out) or "no dataset")
else:
    by_files = pd.DataFrame({"dataset": ids})
figures.show_table(
    by_files.style.format(percent, subset=by_files.columns[1:], na_rep="not asked"),
    "right_by_files",
    "Share of each dataset's models that are named right, of the same files and of new ones",
)

# %% [markdown]
# ## Read with care
#
# How much of a wrong answer is right? A model whose dataset is missed may still be placed in the
# right modality, or in the right corpus.

# %% tags=["hide-input"]
from metanet_lib import catalog

near = []
for name, verdict in verdicts.items():
    truth = [catalog.dataset(i) for i in verdict.truth]
    answer = [catalog.dataset(i) for i in verdict.predicted]
    shares = verdict.confusion(ids).diagonal()
    near.append(
        {
            "k-NN on": name.replace("_", " "),
            "right dataset": percent((verdict.truth == verdict.predicted).mean()),
            "right corpus": percent(
                sum(t.corpus == a.corpus for t, a in zip(truth, answer, strict=True)) / len(truth)
            ),
            "right modality": percent(
                sum(t.modality == a.modality for t, a in zip(truth, answer, strict=True))
                / len(truth)
            ),
            "datasets never named right": int((shares == 0).sum()),
            "different answers given": len(set(verdict.predicted)),
        }
    )
figures.show_table(
    pd.DataFrame(near),
    "right_in_part",
    "Share of answers with the right dataset, corpus and modality",
)

# %% [markdown]
# In the paper every diagonal element is at least 10 % with the meta-encoder. Here:

# %% tags=["hide-input"]
diagonal = pd.DataFrame(
    {
        "dataset": ids,
        "title": [catalog.dataset(i).title for i in ids],
        **{
            name.replace("_", " "): [percent(s) for s in verdict.confusion(ids).diagonal()]
            for name, verdict in verdicts.items()
        },
    }
)
figures.show_table(
    diagonal,
    "right_by_dataset",
    "Share of each dataset's models that are named right, with the meta-encoder and without",
)

# %% [markdown]
# ## Both results in one table
#
# The two tasks, with and without the meta-encoder: the paper, the reference run of the paper's own
# size where one is kept ([Status](../book/status.md) tells of it), and this run. The files
# `tables/accuracy.csv` and `tables/accuracy_by_seed.csv` of this run's results hold the same.

# %% tags=["hide-input"]
by_seed = pd.concat([pd.read_csv(results.table("modality_by_seed")), rows], ignore_index=True)
accuracy = by_seed[by_seed.headline].drop(columns="headline")
results.save_table(by_seed, "accuracy_by_seed")
results.save_table(accuracy, "accuracy")
paper_vs_this_run = figures.show_table(
    result_table(accuracy, reference),
    "paper_vs_this_run",
    "Accuracy of both tasks, with and without the meta-encoder",
)
glue("paper_vs_this_run", paper_vs_this_run, display=False)
paper_vs_this_run

# %% tags=["remove-cell"]
from metanet_lib.interpret import in_words
from metanet_lib.interpret.statements import claim

of_modality = pd.Series(catalog.modalities(ids), ids).value_counts()
right = [1 / of_modality[m] for m in catalog.modalities(verdicts["metanetwork"].truth)]
glue("n_ids", str(len(ids)), display=False)
glue("chance", percent(1 / len(ids)), display=False)
glue("chance_within", percent(sum(right) / len(right)), display=False)
for row in same[same.headline].to_dict("records"):
    name = row["representation"]
    glue(f"dataset_id_{name}", percent(row["accuracy"]), display=False)
    glue(f"dataset_id_new_{name}", in_words(rows, "dataset_id_new_files", name), display=False)
glue("claim_dataset_id", claim(rows, "dataset_id"), display=False)
seeds = same.accuracy[same.seed.notna()]
glue("dataset_id_seeds", ", ".join(percent(a) for a in seeds), display=False)

# %% [markdown]
# ## What we saw
#
# - With the meta-encoder, the dataset is named with {glue:text}`dataset_id_metanetwork` accuracy; from
#   raw weights, with {glue:text}`dataset_id_raw_weights`. Seed by seed: {glue:text}`dataset_id_seeds`.
# - That is of models of the same files. Of models of new files, with
#   {glue:text}`dataset_id_new_metanetwork`, and from raw weights with
#   {glue:text}`dataset_id_new_raw_weights`; chance is {glue:text}`chance`.
# - The numbers of this run and the paper's are not from the same zoo: the page
#   [Decisions](../book/decisions.md) lists what the paper leaves open and what was chosen.
