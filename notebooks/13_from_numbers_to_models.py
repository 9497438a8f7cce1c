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
# # From 16 numbers to a model
#
# The paper ends with a promise: the meta-decoder could *make* a model for a task, at a place in the space
# of codes where it is interpreted before it exists (section 5.4, after {cite:t}`kanai2019`). This chapter
# makes such models of the functional code of chapter [11](11_a_better_metanetwork.ipynb), and asks four
# things. Do they work? Do they work best where they should? Are they new, or copies? And is a made model
# taken for what it was made for?
#
# In short: a model that is decoded from its 16 numbers leaves {glue:text}`decoded_ratio` times the error of
# trained models, in the median over datasets; one of a sampled code {glue:text}`sampled_ratio` times. A
# reader that is not the code takes {glue:text}`read` of the sampled ones for their dataset.

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
interpret = {}  # defaults of InterpretParameters
generation = {"patches": 4000, "samples": 6, "steps": 200}  # the rest: GenerationParameters

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## How a model is made
#
# 1. **A code.** Of a model that is there; or drawn from the density of a dataset's codes; or on the way
#    between two datasets.
# 2. **What it says a model does.** A function `F`, a matrix of 256x256: which share of each direction in
#    the space of patches a model keeps. It is the mean over the ten models of the zoo whose codes are
#    nearest, as k-nearest neighbours estimate a regression {cite:p}`nadaraya1964`. The functional code has
#    a decoder of its own, linear and without the zoo; it stands beside this one, *decoded linearly*.
# 3. **Which space it spans.** *Decoded*, a code is the most likely model: the 16 strongest directions of
#    `F`. But a trained model keeps its dataset's strong directions, and in the rest of its 16 filters much
#    of its random start (chapter [8](08_what_is_inside.ipynb)). So a model that is to be like a trained
#    one is *drawn*: 16 filters of the normal distribution of covariance `F (1 - F)^-1`, whose draws keep,
#    on average and to first order, what `F` says. Models of sampled codes are drawn.
# 4. **Which filters span it.** A trained model is strong along some directions of its space and weak along
#    others, and mixes them into 16 filters. The strengths are those of one of the ten, the mixing that of
#    another: of one model alone they would give a copy of its weights. A linear decoder cannot see this
#    step.
#
# Nothing is trained. The same code gives another drawn model for another seed, as training does.

# %%
from metanet_lib.interpret import Generator, percent
from metanet_lib.metanetwork import best, load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

chosen = make_corpus(results, datasets)
fit, validation, _ = load_zoo(results.zoo, chosen)
generator, papers = Generator.of(results.folder), best(load(results.metanetwork))
trains = [d for d in chosen if d.id in generator.means]
unseen = [d for d in chosen if d.id not in generator.means]

# %% [markdown]
# ## What a working encoder is
#
# An encoder alone reconstructs nothing; it works if what it keeps of a patch is enough to tell the patch
# by. So a *read-out* is fitted to its 16 answers, and what counts is the share of the patches' variance
# that is left. Two kinds, the same for every candidate:
#
# - **linear**: the patch from the answers by least squares;
# - **the zoo's own**: batch normalisation, ReLU and decoder, trained by the zoo's loss and batches for
#   {glue:text}`steps` steps, the encoder fixed. So few steps need help: the decoder begins and ends at its
#   least squares, and Adam's steps are {glue:text}`faster` times as long as the zoo's.
#
# Patches come from new files, which none of the models compared here has seen, or, where a dataset has too
# few, from other places of the same files: {glue:text}`held`. (A short recording has few windows, so the same
# one may be drawn twice.) One half of
# them fits the read-out, the other measures it; both are of the same files, for the read-out is only the
# measure. Read-outs fitted on some recordings say little of others, which may be a hundred times as loud.

# %%
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.generation import (
    BY_PAPER,
    DRAWN,
    ELSEWHERE,
    ITSELF,
    LINEARLY,
    MADE,
    MIXED,
    NO_CODE,
    RANDOM,
    SAMPLED,
    SAMPLED_ELSEWHERE,
    GenerationParameters,
    beside_fresh,
    candidates,
    from_few,
    held_out,
    linear_errors,
    made_for_each_other,
    novelty,
    read_again,
    trained_errors,
    way,
)
from metanet_lib.zoo import ZooParameters
from metanet_lib.zoo.readout import FASTER

size, how = GenerationParameters.of(generation), PatchParameters.of(patches)
held = held_out(results.corpus_folder, trains, how, size.patches)
made = candidates(generator, papers, fit, validation, held, size)
linear = linear_errors(made, held)
trained = trained_errors(made, held, ZooParameters.of(zoo), size)
_ = results.save_table(linear, "generation_linear")
_ = results.save_table(trained, "generation_trained")

# %% [markdown]
# Beside models that are made stand those that anyone would try first: models of other datasets, the next in
# the list of the same modality and of the other; the nearest model of the zoo; the
# mean of the dataset's models, their filters aligned; the model with noise of half its size; each weight
# from a normal distribution of its own; random weights; and the principal components of the patches
# themselves, which have seen what no other candidate has. And those that show what the code is good for: made
# in the same way of the codes of another dataset, or of no code, after the whole zoo. Decoded models stand there twice: as they
# are, and with their filters mixed by a random rotation, to see what that costs through the ReLU.

# %% tags=["hide-input"]
import pandas as pd

from metanet_lib import catalog, figures


def of_modality(errors):
    """Mean over the datasets of each modality of the median error, and where it lies."""
    by_dataset = errors.groupby(["candidate", "dataset"], sort=False).error.median().unstack(0)
    groups = by_dataset.groupby(catalog.modalities(by_dataset.index), sort=False)
    means = groups.mean().T
    fresh, random = means.loc[ITSELF], means.loc[RANDOM]
    places = (means - fresh) / (random - fresh)
    return means, places.where(random > 1.2 * fresh, axis="columns")


tables = {"linear": of_modality(linear), "zoo's own": of_modality(trained)}
modalities = [m for m in catalog.MODALITIES if m in tables["linear"][0]]
figures.show_table(
    pd.DataFrame(
        {
            "encoder": name,
            **{
                f"{kind}, {m}": f"{100 * means[m][name]:.1f} ({places[m][name]:+.2f})".replace(
                    "(+nan)", ""
                )
                for kind, (means, places) in tables.items()
                for m in modalities
            },
        }
        for name in made
    ),
    "variance_left",
    "Share of variance that models leave, per cent, and (place between trained and random)",
)

# %% [markdown]
# Share of variance left, in per cent: the median over a dataset's models, the mean over datasets. In
# brackets, where that lies if 0 is a trained model and 1 random weights; it is left out where random weights
# leave less than 1.2 times what training does, for there it means nothing. The zoo's own read-out is
# measured for one model of each candidate and dataset, and leaves more than it would after a long training.
#
# Dataset by dataset:

# %% tags=["hide-input"]
ratios = beside_fresh(linear)
figures.show(
    figures.errors_of_candidates(ratios),
    results,
    "generation_errors",
    "Error by the linear read-out beside that of trained models of the same dataset, a point a dataset, "
    "a line their median. Dashed: 1.10 times.",
    alt="A row of points for each candidate on an axis of errors, vision blue and audio orange.",
    data=ratios.rename_axis("dataset").reset_index(),
)

# %% [markdown]
# ## Made for this dataset, or for any?
#
# Every model on every dataset: if those made for one dataset serve another as well, then no more was made
# than an encoder of photographs, or of sounds. Trained models are the measure: of them, on
# {glue:text}`own_trained` of the datasets those of the dataset itself do best.

# %% tags=["hide-input"]
everyone = {
    "trained": made_for_each_other(made[ITSELF], held),
    "of sampled codes": made_for_each_other(made[SAMPLED], held),
}
own_wins = {
    title: (table.to_numpy().argmin(0) == range(len(table))).mean()
    for title, table in everyone.items()
}
figures.show(
    figures.made_and_tested(everyone),
    results,
    "generation_specificity",
    "Error of models for one dataset (rows) on each (columns), as many times the least of the column, which "
    "a white dot marks.",
    alt=f"Two matrices of {len(held)} by {len(held)} datasets: trained models, and models of sampled codes.",
    data=pd.concat(everyone, names=["models", "for"]).reset_index(),
)

# %% [markdown]
# ## New, or a copy?
#
# Audits of other makers of weights found mostly copies and averages of what they had learned from
# {cite:p}`zeng2025`. How far is each made model from the nearest of its dataset's models that fit: in
# function, and in weights, filters aligned? Trained models that nothing was fitted on are the measure.

# %% tags=["hide-input"]
compared = {
    name: made[name]
    for name in (
        ITSELF,
        MADE,
        DRAWN,
        SAMPLED,
        LINEARLY,
        BY_PAPER,
        "the model with noise",
        "mean of aligned models",
        "nearest model of the zoo",
        SAMPLED_ELSEWHERE,
        RANDOM,
    )
    if name in made
}
far = novelty(compared, fit)
_ = results.save_table(far, "generation_novelty")
figures.show(
    figures.how_new(far),
    results,
    "generation_novelty",
    "Distance of each model to the nearest of its dataset's models that fit: a point a model, a line the "
    "median.",
    alt="Rows of points for kinds of models on two axes: distance in function and in weights.",
    data=far,
)

# %% [markdown]
# And for what are they taken? The *spectrum* of the filters (chapter
# [12](12_against_the_others.ipynb)) is another representation than the code, though kin to its second view;
# and what a made model has beside its 16 numbers, how strong and how mixed its filters are, is taken from
# neighbours among the very models that vote. It and the code itself are asked, as ever by a vote of the
# nearest models that fit.

# %% tags=["hide-input"]
from metanet_lib.interpret import InterpretParameters
from metanet_lib.representations.weights import reduced, spectrum

voting = InterpretParameters.of(interpret)
readers = {"spectrum": reduced(spectrum), "functional code": generator.code}
again = read_again(readers, compared, fit, voting)
_ = results.save_table(again, "generation_read_again")
shares = again.pivot(index="candidate", columns="reader", values="share").loc[[*compared]]
figures.show_table(
    pd.DataFrame(
        {
            "models": name,
            **{f"taken for their dataset, by {r}": percent(shares[r][name]) for r in readers},
        }
        for name in shares.index
    ),
    "taken_for_dataset",
    "Share of models that are taken for their dataset, by each reader",
)

# %% [markdown]
# ## From a photograph's model to a sound's
#
# On the line between the mean codes of two datasets, decoded at each step. Between two datasets lie few
# models or none: what is decoded there is like the nearest ones, and changes at once where others are
# nearest. Beside it stand the code's linear decoder, which needs no models near, and two trained models,
# their filters aligned and their weights interpolated.

# %% tags=["hide-input"]
by_modality = {m: [d.id for d in trains if d.modality == m] for m in modalities}
pairs = list(zip(*by_modality.values(), strict=False)) if len(modalities) == 2 else []
ends = ("v:cat", "a:flu") if {"v:cat", "a:flu"} <= set(held) else next(iter(pairs), None)
shown = None
if ends:
    rows, along = way(generator, fit, held, ends, size)
    _ = results.save_table(rows, "generation_way")
    shown = figures.show(
        figures.on_the_way(rows, along, ends),
        results,
        "generation_way",
        f"From {ends[0]} to {ends[1]}. Above: error on both datasets along the way. Below: the filters of the "
        "decoded models on it, each filter in a scale of its own.",
        alt="Above, six lines of errors along the way. Below, rows of sixteen filters that change.",
        data=rows,
    )
shown

# %% [markdown]
# ## A dataset that the meta level never met
#
# Of a dataset none of whose models fits, the mean code of one, two or five of its models is decoded.

# %% tags=["hide-input"]
held_unseen = held_out(results.corpus_folder, unseen, how, size.patches)
few = from_few(generator, validation, held_unseen, (1, 2, 5), size)
_ = results.save_table(few, "generation_unseen")
few["ratio"], few["modality"] = few.error / few.fresh, catalog.modalities(few.dataset)
figures.show_table(
    pd.DataFrame(
        {
            "of how many models": count,
            "modality": m,
            "datasets": len(own),
            "error beside trained, median": f"{own.ratio.median():.2f}",
            "at most 1.10 times": f"{(own.ratio <= 1.1).sum()} of {len(own)}",
            "random beside trained": f"{(own.random / own.fresh).median():.2f}",
        }
        for (count, m), own in few.groupby(["models", "modality"], sort=False)
    ),
    "decoded_of_few",
    "Error of models decoded from the codes of a few, on datasets that the meta level never met",
)

# %% [markdown]
# ## By a command
#
# `metanet generate` makes models of a run's codes, and `metanet interpret` reads them: what is said of a
# model that was made for this dataset?

# %%
from metanet_lib.cli import app as metanet

out = results.folder / "models" / "made.safetensors"
wanted = trains[0].id
lines = [
    ["generate", str(out), "--dataset", wanted, "-n", "2", "--results", str(results.folder)],
    ["interpret", str(out), "--results", str(results.folder)],
]
for words in lines:
    print("metanet", *words, "\n")
    metanet(words, standalone_mode=False)

# %% tags=["hide-input"]
medians = ratios.median()
within = {name: int((ratios[name] <= 1.1).sum()) for name in ratios}
n = len(ratios)
taken = shares["spectrum"]
marks = [
    (
        "decoded models leave at most 1.10 times the error of trained ones: median over datasets",
        (medians, MADE, ELSEWHERE),
        lambda found: found <= 1.1,
        "{:.3f}".format,
    ),
    (
        "the same in 18 of 20 datasets: share of datasets",
        (pd.Series(within) / n, MADE, ELSEWHERE),
        lambda found: found >= 0.9,
        percent,
    ),
    (
        "models of sampled codes leave at most 1.15 times: median over datasets",
        (medians, SAMPLED, SAMPLED_ELSEWHERE),
        lambda found: found <= 1.15,
        "{:.3f}".format,
    ),
    (
        "another reader takes 90 % of these for their dataset: share of models",
        (taken, SAMPLED, SAMPLED_ELSEWHERE),
        lambda found: found >= 0.9,
        percent,
    ),
]
must_hold = pd.DataFrame(
    {
        "asked": asked,
        "found": shape(values[made_for]),
        "holds": "yes" if holds(values[made_for]) else "no",
        "made for another dataset": shape(values[other]) if other in values else "(not asked)",
    }
    for asked, (values, made_for, other), holds, shape in marks
)
_ = results.save_table(must_hold, "generation_marks")

# %% tags=["remove-cell"]
from myst_nb import glue

by_zoo = beside_fresh(trained).median()
where = pd.Series([h.files for h in held.values()]).value_counts()
novel = far.groupby("candidate").function.median()
for name, value in {
    "decoded_ratio": f"{medians[MADE]:.2f}",
    "decoded_within": f"{within[MADE]} of {n}",
    "linear_ratio": f"{medians[LINEARLY]:.2f}",
    "linear_within": f"{within[LINEARLY]} of {n}",
    "paper_ratio": f"{medians[BY_PAPER]:.2f}",
    "paper_within": f"{within[BY_PAPER]} of {n}",
    "drawn_within": f"{within[DRAWN]} of {n}",
    "sampled_ratio": f"{medians[SAMPLED]:.2f}",
    "sampled_within": f"{within[SAMPLED]} of {n}",
    "random_ratio": f"{medians[RANDOM]:.2f}",
    "no_code_ratio": f"{medians[NO_CODE]:.2f}",
    "no_code_within": f"{within[NO_CODE]} of {n}",
    "elsewhere_ratio": f"{medians[ELSEWHERE]:.2f}" if ELSEWHERE in medians else "(not asked)",
    "elsewhere_within": f"{within[ELSEWHERE]} of {n}" if ELSEWHERE in within else "(not asked)",
    "read": percent(shares["spectrum"][SAMPLED]),
    "read_trained": percent(shares["spectrum"][ITSELF]),
    "read_decoded": percent(shares["spectrum"][MADE]),
    "steps": f"{size.steps:,}",
    "faster": str(FASTER),
    "held": " and ".join(f"{what} for {count} datasets" for what, count in where.items()),
    "own_trained": percent(own_wins["trained"]),
    "own_made": percent(own_wins["of sampled codes"]),
    "novel": percent(novel[SAMPLED]),
    "novel_decoded": percent(novel[MADE]),
    "novel_trained": percent(novel[ITSELF]),
    "decoded_by_zoo": f"{by_zoo[MADE]:.2f}",
    "mixed_by_zoo": f"{by_zoo[MIXED]:.2f}",
    "unseen_one": f"{few[few.models == 1].ratio.median():.2f}" if len(few) else "(not asked)",
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## What was asked, and what holds
#
# The marks were set before the chapter was written; the ways to make models were compared by these very
# errors (page [Decisions](../book/decisions.md)). The first two are asked of the most likely models, the
# last two of drawn ones. That a model works is no sign that it was made for its dataset: the last column has
# the same of models made for another dataset, the next of the same modality.

# %% tags=["hide-input"]
figures.show_table(
    must_hold,
    "marks_of_models_made",
    "Marks for models made of codes, and which hold",
)

# %% [markdown]
# ## What we saw
#
# - A model decoded from its 16 numbers leaves {glue:text}`decoded_ratio` times the error of trained models, in
#   the median over datasets, and at most 1.10 times in {glue:text}`decoded_within`. By the linear decoder of
#   the code it is {glue:text}`linear_ratio` times ({glue:text}`linear_within`), by the paper's decoder
#   {glue:text}`paper_ratio` ({glue:text}`paper_within`), of random weights {glue:text}`random_ratio`.
# - What is the code good for? Made in the same way of no code, after the whole zoo, a model leaves
#   {glue:text}`no_code_ratio` times the error ({glue:text}`no_code_within` at most 1.10 times); of the codes
#   of another dataset of its modality, {glue:text}`elsewhere_ratio` times ({glue:text}`elsewhere_within`).
# - Drawn for the same codes, models are at most 1.10 times as bad in {glue:text}`drawn_within`; models of
#   sampled codes, which are drawn too, leave {glue:text}`sampled_ratio` times, {glue:text}`sampled_within` at
#   most 1.10 times.
# - On {glue:text}`own_made` of the datasets the models made for it do best of all made ones; of trained
#   models, on {glue:text}`own_trained`.
# - Copies? The nearest model of the zoo lacks {glue:text}`novel` of the space of a drawn one,
#   {glue:text}`novel_trained` of that of a trained one, and {glue:text}`novel_decoded` of that of a decoded
#   one, which is made of an average.
# - The spectrum takes {glue:text}`read` of the sampled ones for their dataset, {glue:text}`read_trained` of
#   trained models, and {glue:text}`read_decoded` of decoded ones, which have no random start.
# - By the zoo's own read-out, a decoded model leaves {glue:text}`decoded_by_zoo` times the error of a trained
#   one, and {glue:text}`mixed_by_zoo` times with its filters rotated at random. A ReLU sees how filters lie
#   in their space.
# - For datasets that the meta level never met, the code of one model gives a model that leaves
#   {glue:text}`unseen_one` times the error of trained ones.
