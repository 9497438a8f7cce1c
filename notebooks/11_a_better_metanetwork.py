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
# # A better metanetwork
#
# Section 5.2 of the paper says what would make its metanetwork better: one optimisation of the whole,
# something better than sorting, a loss that knows what a model can do. This chapter builds it, step by step,
# and asks each step the book's questions.
#
# In short, dataset ID of the same files and of new ones: the paper's 16 numbers
# {glue:text}`paper_same` and {glue:text}`paper_new` (the worst of its seeds {glue:text}`paper_worst`);
# the *functional code*, where the steps lead, {glue:text}`functional_same` and
# {glue:text}`functional_new`. It is 16 numbers too, sees no label and no patch, and has no seed.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters
zoo = {"models_fit": 20, "models_validation": 8, "models_new": 8, "epochs": 8, "batch_size": 128}
metanetwork = {"interunit_epochs": 300, "seeds": 3}  # the rest: defaults of MetanetworkParameters
interpret = {}  # defaults of InterpretParameters
peers = {"deep_seeds": 1}  # the rest: defaults of PeersParameters
beyond = {"seeds": 3, "steps": 150}
study = {
    "per_dataset": 12800,
    "models_fit": 6,
    "models_validation": 3,
    "seeds": 2,
    "files": [6, 24, 48],
}

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## The steps
#
# 1. **The paper's**: filters to 3 numbers each, by an autoencoder; sorted; 48 numbers to 16, by another.
# 2. **One optimisation of the whole.** Both trained as one: the error of the weights that come back
#    reaches all layers.
# 3. **No sorting.** The convolutions' answers are pooled over a model's filters, so the encoder cannot
#    see their order; each decoded filter is compared with the one that matches it best, so the loss
#    cannot either. With it, the numbers for a filter grow from 3 to 32, and no ReLU follows them: what
#    this step buys is not the sorting's alone.
# 4. **A loss of what models do.** Two models whose filters span the same space encode equally well, for
#    a decoder undoes any mixing of filters. So the loss compares the projectors `P = Q Qᵀ` on the two
#    spaces, `‖P - P′‖²`. No patch is needed.
# 5. **Its closed optimum.** For a linear autoencoder of `P` that loss has its least value at the
#    principal components of `P`: the *column space* of the other chapters. Nothing is trained.
# 6. **How inputs vary: averaged over places.** Patches come from random places, so what a model does at
#    one place of the window it would as soon do at another. `P` is averaged over all places; of its
#    32,896 numbers 481 differ.
# 7. **In between.** The average counts in full, and what changes from place to place
#    {glue:text}`locality` times.
# 8. **Trained on from there**, by a network that begins at that optimum.
# 9. **Two views.** What the space does not tell is how a model shares it out among its filters. So the
#    frequencies at which the filters lie stand beside it, {glue:text}`spectra` times as strong, whatever
#    the order, the place, the sign and the strength of each: the models' exact symmetries are kept.
# 10. **By neighbours.** Components keep what varies most, accident or not. But two trainings on one
#     dataset mostly are neighbours, so what parts a model from its {glue:text}`neighbours` nearest is
#     mostly accident. Of {glue:text}`components` components of both views, the 16 directions are kept
#     that vary most over all models beside how much they vary between neighbours: discriminant analysis
#     {cite}`fisher1936`, with neighbours in place of labels. This is the **functional code**.
# 11. **A loss of how models encode.** The paper's own proposal: the network of step 3, whose loss is how
#     badly the decoded model encodes patches of the model's dataset. Patches are seen when it is fitted;
#     when it answers, weights alone.
#
# Steps 2, 3, 4, 8 and 11 are trained, to say what training adds, and not as long as the paper's parts: each
# model is read {glue:text}`passes` times, the paper's read it {glue:text}`papers_passes` times. They have the
# paper's settings; none was tuned. Step 9 builds on step 7.
#
# Beside them stand both views without the bottleneck, what supervised discriminants make of them, and what is
# named when labels are shuffled.

# %%
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.leaderboard import differences, leaderboard, run
from metanet_lib.experiments.peers import PeersParameters
from metanet_lib.experiments.peers.beyond import FUNCTIONAL, BeyondParameters
from metanet_lib.experiments.peers.beyond import beyond as steps_beyond
from metanet_lib.experiments.peers.simple import paper, simple
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters, load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

size, asked_how = PeersParameters.of(peers), InterpretParameters.of(interpret)
chosen = make_corpus(results, datasets)
zoos = fit, validation, new = load_zoo(results.zoo, chosen)
net = MetanetworkParameters.of(metanetwork)
ours = steps_beyond(BeyondParameters.of(beyond), net)
known = [
    paper(load(results.metanetwork), seconds=None),
    *(peer for peer in simple(size) if peer.name == "projector"),
]
of_patches = PatchParameters.of(patches)
ours_by_seed = run(results, chosen, ours, of_patches, size, asked_how)
_ = results.save_table(ours_by_seed, "beyond_by_seed")

# %%
import pandas as pd

rows_of = [*known, *ours]
by_seed = pd.concat([run(results, chosen, known, of_patches, size, asked_how), ours_by_seed])
table = leaderboard(rows_of, by_seed).set_index("row")
order = [
    "metanetwork",
    "joint",
    "sets",
    "functional_trained",
    "projector",
    "functional_averaged",
    "functional_weighed",
    "functional_refined",
    "functional_two_views",
    "functional",
    "task_aware",
    "functional_full",
    "functional_discriminants",
]
table = table.loc[order].reset_index()
_ = results.save_table(table, "beyond")

# %% tags=["hide-input"]
from metanet_lib import figures
from metanet_lib.interpret import percent

has_new = "dataset_id_new_files" in table
tasks = {
    "dataset_id": "dataset ID",
    "dataset_id_new_files": "of new files",
    "modality": "modality",
    "modality_new_files": "of new files ",
}
tasks = {task: title for task, title in tasks.items() if task in table}
beside = ("functional_full", "functional_discriminants")
table["number"] = [
    "ab"[beside.index(name)] if name in beside else str(number)
    for number, name in enumerate(table.row, 1)
]
given = {"functional_discriminants": "labels", "task_aware": "patches, in fitting"}


def over_seeds(row, task):
    """The mean over seeds, and the worst and the best where there are several."""
    mean, low, high = (100 * row[f"{task}_{which}"] for which in ("mean", "min", "max"))
    return f"{mean:.1f}" if row["n_seeds"] == 1 else f"{mean:.1f} ({low:.1f}\N{EN DASH}{high:.1f})"


figures.show_table(
    pd.DataFrame(
        {
            "": row["number"],
            "representation": row["title"],
            "given": given.get(row["row"], "weights"),
            **{title: over_seeds(row, task) for task, title in tasks.items()},
        }
        for row in table.to_dict("records")
    ),
    "beyond_accuracy",
    "Accuracy of each representation, per cent, mean over seeds and (worst to best)",
)

# %% [markdown]
# Accuracies in per cent: the mean over seeds, and in brackets the worst and the best of them where there
# are several. All have 16 numbers but the last two, which have {glue:text}`dimensions`. Chance is {glue:text}`chance` for the dataset ID.
#
# ## One plane
#
# A metanetwork has two duties: to name what a model learned from files that others learned from too, and
# what one learned from files that nobody else did. What is best at the one need not be at the other.

# %% tags=["hide-input"]
from metanet_lib.experiments.files import ceiling_of

told = ceiling_of(results, chosen, fit, new, of_patches, asked_how)
of_patches_themselves = None
if len(told):
    of_patches_themselves = told[told.chosen & (told.files == "new files")].accuracy.item()
points = pd.DataFrame(
    {
        "task": task,
        "representation": row["number"],
        "accuracy": row[task],
        "bootstrap_low": row[f"{task}_bootstrap_low"],
        "bootstrap_high": row[f"{task}_bootstrap_high"],
    }
    for row in table.to_dict("records")
    for task in ("dataset_id", "dataset_id_new_files")
    if has_new
)
plane = None
if has_new:
    chance = 1 / len(set(fit.datasets))
    plane = figures.show(
        figures.same_against_new(points, of_patches_themselves, chance),
        results,
        "beyond",
        "Dataset-ID accuracy on the same files and on new ones, numbered as in the table, with 95 % "
        "intervals that draw datasets anew; where there are several seeds, of the one that rebuilds best by its own loss. Dashed: "
        "what the patches of the new files themselves tell.",
        alt="A plane with one point a representation: same files across, new files up.",
        data=points,
    )
plane

# %% [markdown]
# ## Chosen where no run looks
#
# How the functional code weighs its views, and whether neighbours choose its directions, was chosen once,
# on a demo corpus of its own whose files are in no run (`benchmarks/candidates.py`): of the candidates that
# are not told apart from the best on new files, the one that names most models of the same files. (What was
# worth trying was thought of with validation models of other zoos before the eyes; and these candidates are
# more than the four trials that each row of chapter [12](12_against_the_others.ipynb) had.) The candidates,
# each in 16 numbers:

# %% tags=["hide-input"]
from metanet_lib.experiments.peers.choices import candidates
from metanet_lib.interpret.statements import with_interval

asked_there = candidates()
figures.show_table(
    pd.DataFrame(
        {
            "candidate": name + (" (chosen)" if of_name.chosen.any() else ""),
            **{
                "same files" if row.task == "dataset_id" else "new files": with_interval(row)
                for row in of_name.itertuples()
                if row.task.startswith("dataset_id")
            },
            "new files, beside the best": "worse"
            if of_name.worse_on_new_files.any()
            else "not told apart",
        }
        for name, of_name in asked_there.groupby("candidate", sort=False)
    ),
    "candidates_asked",
    "Dataset-ID accuracy of the candidates, with 95 % intervals",
)

# %% [markdown]
# ## The floor, and datasets that nobody fitted
#
# With the labels of the models that vote shuffled, the vote has to come down to chance. And of the
# datasets that the meta level never met, half of the validation models vote here on the other half: a
# code that only stored the training datasets' names would fail. (Datasets of fewer than four validation
# models are not asked about.)

# %%
from metanet_lib.experiments.beyond import floor_and_unseen
from metanet_lib.experiments.fits import functional_code
from metanet_lib.representations import MetaEncoder

code = functional_code(results, fit.encoders)
codes = {
    "functional code": code,
    **{f"metanetwork, seed {n.seed}": MetaEncoder(n) for n in load(results.metanetwork)},
}
floor = floor_and_unseen(codes, fit, validation, asked_how)
results.save_table(floor, "beyond_floor")
figures.show_table(
    pd.DataFrame(
        {
            "k-NN on": name,
            **{
                f"{row.question}, {row.k} neighbours vote": f"{percent(row.accuracy)} of "
                f"{row.n_validation:,}"
                for row in of_name.itertuples()
            },
        }
        for name, of_name in floor.groupby("representation", sort=False)
    ),
    "floor_and_unseen",
    "Accuracy with labels shuffled, and on datasets that nobody fitted",
)

# %% [markdown]
# ## And back
#
# The decoder of the functional code writes a model: the 16 directions in which the decoded function is
# largest. How much of the space that a validation model's filters span does its decoded model span? The
# same is asked of the paper's decoder, and of another model of the dataset in place of a decoded one.

# %%
import numpy as np

from metanet_lib.experiments.beyond import space_kept
from metanet_lib.metanetwork import best

asked = validation.of(sorted(set(fit.datasets)))
another = np.array([np.flatnonzero(fit.datasets == name)[0] for name in asked.datasets])
papers = best(load(results.metanetwork))
decoded = {
    "decoded from the functional code": code.inverse_transform(code.transform(asked.encoders)),
    "decoded by the paper's metanetwork": papers.reconstruct(asked.encoders),
    "another model of the dataset": fit.encoders[another],
    "random weights": np.random.default_rng(0).normal(size=asked.encoders.shape),
}
kept = {name: space_kept(models, asked.encoders) for name, models in decoded.items()}

# %% tags=["hide-input"]
figures.show_table(
    pd.DataFrame(
        {
            "in place of the model": name,
            **{m: percent(shares[asked.modalities == m].mean()) for m in ("vision", "audio")},
        }
        for name, shares in kept.items()
    ),
    "space_kept",
    "Share of the space of a model's filters that others span in its place",
)

# %% [markdown]
# ## Halves of the files
#
# All models that fit saw all of their dataset's same files, so nothing in the zoo shows what of a model is
# its files'. Here is a zoo that does show it. Each model that fits saw one of {glue:text}`halves` random
# halves, two by two without a common file. The models that are asked about are those of the usual zoo,
# both zoos of the size of chapter [6](06_dataset_or_files.ipynb)'s study. Now something has to be told to
# look past files:
#
# - nothing: both views in 16 components, and the functional code, as above;
# - *pairs of two*: of two models, that they saw halves of the same files. No model is in two pairs, so
#   nobody is told which pairs belong together, nor how many datasets there are;
# - *all pairs*: who follows them from model to model finds the datasets, though not their names. That is
#   nearly labels;
# - *the dataset* of each model: discriminants, as above. A ceiling.
#
# Pairs are weak supervision: who trains models knows them, who finds some does not. What parts the two of
# a pair is accident, and is made to count less: relevant component analysis {cite}`barhillel2003`, on the
# components that the functional code begins with. The same pairs are told of the usual zoo, whose models
# all saw the same files. How pairs are used was chosen on the models that fit: one half after the
# other was kept out, and those of the half without a common file named its models. Last, halves only say
# what is accident, and models of all files vote; that takes both zoos, twice the models.

# %%
from metanet_lib.experiments.halves import what_pairs_buy
from metanet_lib.experiments.open_decisions import (
    StudyParameters,
    train_variants,
    variants_of_halves,
)
from metanet_lib.zoo import ZooParameters, load_halves

training = [d for d in chosen if d.id in set(fit.datasets)]
both = variants_of_halves(of_patches, ZooParameters.of(zoo), StudyParameters.of(study))
of_all, of_halves = train_variants(results, training, both)
halved, _, _ = load_zoo(of_halves, training)
which_half = load_halves(of_halves, training)
asked_of_both, ways = what_pairs_buy(load_zoo(of_all, training), halved, which_half, asked_how)
_ = results.save_table(asked_of_both, "beyond_halves")

# %% tags=["hide-input"]
from IPython.display import Markdown

from metanet_lib.experiments.halves import BOTH, CODE, FILES, HALVES
from metanet_lib.interpret.statements import told_apart

figures.show_table(
    pd.DataFrame(
        {
            "": name,
            **{f"{r.zoo}: {tasks[r.task]}": with_interval(r) for r in of_name.itertuples()},
        }
        for name, of_name in asked_of_both.groupby("representation", sort=False)
    ),
    "halves_and_pairs",
    "Dataset-ID accuracy by what models that fit saw, and by what is told, with 95 % intervals",
) if len(asked_of_both) else Markdown("No dataset here has files enough to be halved.")

# %% tags=["remove-cell"]
from myst_nb import glue


def beside_code(task, of_zoo, ends=("low", "high")):
    """What is told apart from the functional code, or from what another pair of ends is beside."""
    lines = [r for r in asked_of_both.itertuples() if (r.task, r.zoo) == (task, of_zoo)]
    lines = [r for r in lines if (r.zoo, r.representation) != (FILES, CODE)]
    apart_by_name = {r.representation: tuple(getattr(r, e) for e in ends) for r in lines}
    return told_apart(apart_by_name) or "(not asked)"


for ending, task in (("same", "dataset_id"), ("new", "dataset_id_new_files")):
    glue(f"halves_{ending}", beside_code(task, HALVES, ("more_low", "more_high")), display=False)
    glue(f"pairs_of_halves_{ending}", beside_code(task, HALVES), display=False)
    glue(f"halves_tell_{ending}", beside_code(task, BOTH), display=False)
    glue(f"pairs_of_all_{ending}", beside_code(task, FILES), display=False)
taken = [f"{r.representation}: {r.way}" for r in ways.itertuples() if r.chosen]
glue("halves", int(which_half.max()) + 1, display=False)
glue("ways", "; ".join(taken) or "(not asked)", display=False)

# %% [markdown]
# What was chosen: {glue:text}`ways`.
#
# How often each is right, after halves, beside itself after all files:
#
# - new files: {glue:text}`halves_new`;
# - same files: {glue:text}`halves_same`.
#
# And beside the functional code after all files, the label-free answer of this chapter:
#
# - after halves, new files: {glue:text}`pairs_of_halves_new`;
# - after halves, same files: {glue:text}`pairs_of_halves_same`;
# - halves tell and all files vote, new files: {glue:text}`halves_tell_new`;
# - halves tell and all files vote, same files: {glue:text}`halves_tell_same`;
# - after all files, new files: {glue:text}`pairs_of_all_new`;
# - after all files, same files: {glue:text}`pairs_of_all_same`.
#
# A study is small: *not told apart* says that these models cannot tell, and no more.

# %% tags=["remove-cell"]
from metanet_lib.interpret.statements import finding

row = table.set_index("row")
new_task = "dataset_id_new_files" if has_new else "dataset_id"
apart = {
    other: differences(rows_of, by_seed, new_task, other).set_index("row").loc[FUNCTIONAL]
    for other in ("metanetwork", "projector")
}


def new_of(name):
    """Accuracy of dataset ID on new files, in words."""
    return percent(row.dataset_id_new_files[name]) if has_new else "(not asked)"


of_question = floor.set_index(["question", "representation"]).accuracy
trained = ["joint", "sets", "functional_trained", "task_aware"]
for name, value in {
    "passes": f"{BeyondParameters.of(beyond).steps * net.batch_size / len(fit):.1f}",
    "papers_passes": f"{net.unitwise_epochs + net.interunit_epochs}",
    "locality": f"{code.locality:g}",
    "spectra": f"{code.spectra_weight:g}",
    "neighbours": code.neighbours,
    "components": code.components,
    "dimensions": " and ".join(f"{row.dimension[name]:,}" for name in beside),
    "chance": percent(1 / len(set(fit.datasets))),
    "paper_same": percent(row.dataset_id["metanetwork"]),
    "paper_worst": percent(row.dataset_id_min["metanetwork"]),
    "paper_new": new_of("metanetwork"),
    "functional_same": percent(row.dataset_id[FUNCTIONAL]),
    "functional_new": new_of(FUNCTIONAL),
    "functional_modality": percent(row.modality[FUNCTIONAL]),
    "beside_papers": finding(apart["metanetwork"].low, apart["metanetwork"].high),
    "beside_column_space": finding(apart["projector"].low, apart["projector"].high),
    "column_space_new": new_of("projector"),
    "column_space": percent(row.dataset_id["projector"]),
    "best_trained": row.title[row.dataset_id_mean[trained].idxmax()],
    "best_trained_same": percent(row.dataset_id_mean[trained].max()),
    "refined": percent(row.dataset_id_mean["functional_refined"]),
    "full": percent(row.dataset_id["functional_full"]),
    "told": percent(row.dataset_id["functional_discriminants"]),
    "told_new": new_of("functional_discriminants"),
    "patches_new": percent(of_patches_themselves) if of_patches_themselves else "(not asked)",
    "shuffled": percent(of_question["labels shuffled", "functional code"]),
    "unseen": percent(of_question["unseen datasets", "functional code"])
    if ("unseen datasets", "functional code") in of_question
    else "(not asked)",
    "kept": percent(kept["decoded from the functional code"].mean()),
    "kept_paper": percent(kept["decoded by the paper's metanetwork"].mean()),
    "kept_another": percent(kept["another model of the dataset"].mean()),
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## What we saw
#
# - The functional code names the dataset of {glue:text}`functional_same` of the models of the same files
#   and of {glue:text}`functional_new` of those of new ones. The paper's names {glue:text}`paper_same` and
#   {glue:text}`paper_new`, the column space {glue:text}`column_space` and {glue:text}`column_space_new`;
#   paired by dataset, it is right on new files, beside the paper's, {glue:text}`beside_papers`; beside the
#   column space, {glue:text}`beside_column_space`. It tells the modality of {glue:text}`functional_modality`. Nothing
#   in it is random, so its worst seed is its best.
# - Of the metanetworks that are trained as one, *{glue:text}`best_trained`* names most:
#   {glue:text}`best_trained_same` of the same files. Training on from the closed optimum gives
#   {glue:text}`refined`.
# - All numbers of both views name {glue:text}`full`; told the labels, discriminants name {glue:text}`told` of the same files
#   and {glue:text}`told_new` of new ones. One plain statistic of the patches of the new files themselves
#   tells {glue:text}`patches_new`.
# - Of datasets that the meta level never met it names {glue:text}`unseen`; with labels shuffled
#   {glue:text}`shuffled`.
# - Of the space that a model's filters span, the model decoded from its 16 numbers keeps
#   {glue:text}`kept`; the paper's decoder keeps {glue:text}`kept_paper`, another model of the dataset
#   {glue:text}`kept_another`.
