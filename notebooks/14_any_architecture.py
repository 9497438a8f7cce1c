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
# # Any architecture
#
# The book's models all have one shape. What somebody calls *my model* has another: more layers, other
# units, convolutions, attention. Section 5.3 of the paper asks for a metanetwork that takes in any of them.
# This chapter trains networks of {glue:text}`n_architectures` other shapes on patches of the datasets and
# lets the zoo's models say what each was trained on.
#
# In short: of the other shapes' networks, the modality of {glue:text}`modality` is named and the dataset of
# {glue:text}`dataset_id`; guessing names {glue:text}`chance`, and the zoo's own validation models have
# {glue:text}`own`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters
interpret = {}  # defaults of InterpretParameters
architectures = {"networks": 1, "patches": 4000, "steps": 1000, "probes": 64}

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## One matrix for all
#
# How much the answers of a network change as its input does, its Jacobian `J` tells. The *average gradient
# outer product* is the mean of `Jᵀ J` over inputs {cite}`radhakrishnan2024`: 256x256, however many layers
# and units there are, in whatever order. The Jacobian of an encoder without layers, `x W`, is `Wᵀ` at every
# input, so its matrix is `W Wᵀ`, of which the column space is that of the filters. What reads a model of
# the zoo can read any network.
#
# The inputs are *probes* that belong to no dataset: white noise, which favours no frequency, and pink
# noise, which is smooth; each fills a random part of the range of patches. Where PyTorch can differentiate
# a network, the matrix is exact. A network that can only be run is asked about small differences.

# %%
import torch

from metanet_lib.representations.gradients import agop, agop_by_differences, probes
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

chosen = make_corpus(results, datasets)
fit, validation, _ = load_zoo(results.zoo, chosen)
weights = torch.from_numpy(fit.encoders[0])
gram, windows = weights @ weights.T, probes("white", 8)
ways = {
    "differentiated": agop(lambda x: x @ weights, windows),
    "by differences": agop_by_differences(lambda x: x @ weights, windows),
}
for name, matrix in ways.items():
    apart = float((matrix - gram).norm() / gram.norm())
    print(f"a model of the zoo, {name}: {apart:.1e} from its Gram matrix, relative")

# %% [markdown]
# The 16 directions to which a network is most sensitive then have the shape of a model.
#
# ## Chosen on models that vote
#
# A network that was trained otherwise may have kept more of its random start than the zoo's models did. What
# is kept spreads over all inputs alike: it shortens what a model does and turns it little. So beside
# *what it does*, the first view of the functional code of chapter [11](11_a_better_metanetwork.ipynb), stands
# *its direction*: the same without what a model with no preference among inputs has, at unit length. (The
# second view, of single filters, means nothing here.) Both are reduced to 16 principal components. Which of the
# two is asked below is decided on the fit models alone. Four of five vote on the fifth, to whose weights
# some of a random start is added; the dataset is named of:

# %%
import pandas as pd

from metanet_lib.experiments.architectures.questions import choose_view
from metanet_lib.interpret import InterpretParameters, percent, span

asked_how = InterpretParameters.of(interpret)
view, tried = choose_view(fit, asked_how)

# %% tags=["hide-input"]
from metanet_lib import figures

figures.show_table(
    pd.DataFrame(
        {
            "compared by": name + (" (chosen)" if of_name.chosen.any() else ""),
            **{
                f"{row.start:g} of a start added": percent(row.accuracy)
                for row in of_name.itertuples()
            },
        }
        for name, of_name in tried.groupby("view", sort=False)
    ),
    "views_tried",
    "Dataset-ID accuracy of fit models, by view",
)

# %% [markdown]
# ## Networks of other shapes
#
# Each learns from patches drawn anew of the files that the zoo's fit models learn from. All networks of a shape
# are trained at once. The first has the zoo's own shape, and stands beside the others to tell what another
# training changes. A vision transformer {cite}`dosovitskiy2021` is very small; a denoiser sees patches with noise; a classifier tells patches of its dataset
# from those of the other datasets of its modality. *Units* are what the encoder gives out: the layer
# before the last, before its activation. All begin with a first layer of a tenth of the usual size, beside
# which what is learned shows sooner, for they make fewer steps than the zoo's models.

# %%
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.architectures.networks import ARCHITECTURES
from metanet_lib.experiments.architectures.questions import (
    HEADLINE,
    STATES,
    ArchitecturesParameters,
    ask,
    study,
    together,
)

size = ArchitecturesParameters.of(architectures)
train_on = [d for d in chosen if d.id in set(fit.datasets)]
read = study(results.corpus_folder, train_on, PatchParameters.of(patches), size)

# %%
of_zoo = validation.of([d.id for d in train_on])
others = [name for name in ARCHITECTURES if name != "zoo"]


def all_others(state, reading):
    """The networks of all other shapes, in a state, read in one way."""
    return together([read[name, state, reading] for name in others])


groups = {(name, state): read[name, state, HEADLINE] for name in ARCHITECTURES for state in STATES}
groups |= {("all others", state): all_others(state, HEADLINE) for state in STATES}
table, verdicts = ask(view, fit, groups, asked_how)
table.insert(0, "architecture", [name for name, _ in table.group])
table.insert(1, "state", [state for _, state in table.pop("group")])
titles = {name: a.title for name, a in ARCHITECTURES.items()} | {"all others": "all others"}
table.insert(2, "title", table.architecture.map(titles))
_ = results.save_table(table, "architectures")

# %% tags=["hide-input"]


def interval(row, task):
    """An accuracy with its interval, in per cent."""
    low, high = 100 * row[f"{task}_low"], 100 * row[f"{task}_high"]
    return f"{100 * row[task]:.0f} ({low:.0f}\N{EN DASH}{high:.0f})"


by_state = {state: table[table.state == state].set_index("architecture") for state in STATES}
figures.show_table(
    pd.DataFrame(
        {
            "network": titles[name],
            "modality": interval(row, "modality"),
            "dataset ID": interval(row, "dataset_id"),
            **{
                f"{state}: modality, ID, unlike": f"{100 * other.modality:.0f}, "
                f"{100 * other.dataset_id:.0f}, {100 * other.unlike:.0f}"
                for state in STATES[1:]
                for other in [by_state[state].loc[name]]
            },
        }
        for name, row in by_state["trained"].iterrows()
    ),
    "accuracy_by_network",
    "Accuracy, per cent, of trained, untrained and shuffled networks, by architecture",
)

# %% [markdown]
# In per cent, with 95 % intervals that draw datasets anew. *Untrained* has the same shape and random
# weights; *shuffled weights* are those of the trained network, the numbers of each layer in another order.
# *Unlike* is the share of which it is said that they are unlike anything seen (chapter
# [15](15_interpret_your_model.ipynb)). Chance is {glue:text}`chance`.

# %% tags=["hide-input"]
by_chance = {"modality": 0.5, "dataset_id": 1 / len(train_on)}
figures.show(
    figures.accuracy_by_architecture(table, by_chance),
    results,
    "architectures",
    "How often the zoo's models name the modality and the dataset of networks of other shapes, with 95 % "
    "intervals of the trained ones that draw datasets anew.",
    alt="Two panels with a line for each architecture: modality left, dataset ID right. Points for trained "
    "networks, untrained ones and those with shuffled weights; a dotted line at chance.",
    data=table,
)

# %% [markdown]
# ## Which step loses most
#
# From a model of the zoo to a network of another shape there are steps, and each may lose something: the
# training is another; gradients at probes stand for weights; other units are read; the shape is another.
# Beside the gradients stand the paper's two proposals. *Feature visualisation* takes the inputs that excite
# the units most, as filters {cite}`olah2017`. The *canonical form* is a student of the zoo's shape,
# 256-16-256, that learns what the network answers to probes; it is read by its weights.

# %%
steps = {
    "the zoo's validation models, their weights": of_zoo,
    "the zoo's shape, trained here: weights": read["zoo", "trained", "weights"],
    "the zoo's shape: gradients of units, white probes": read["zoo", "trained", HEADLINE],
    "other shapes: gradients of units, white probes": all_others("trained", HEADLINE),
    "other shapes: gradients of units, pink probes": all_others("trained", "units, pink"),
    "other shapes: gradients of answers, white probes": all_others("trained", "answers, white"),
    "other shapes: feature visualisation": all_others("trained", "features"),
    "other shapes: canonical form": all_others("trained", "canonical form"),
}
of_steps, _ = ask(view, fit, {(name,): networks for name, networks in steps.items()}, asked_how)
of_steps["group"] = [name for (name,) in of_steps.group]
_ = results.save_table(of_steps, "architectures_steps")

# %% tags=["hide-input"]
figures.show_table(
    pd.DataFrame(
        {
            "what is read": row["group"],
            "networks": row["networks"],
            "modality": interval(row, "modality"),
            "dataset ID": interval(row, "dataset_id"),
            "unlike anything seen": f"{100 * row['unlike']:.0f}",
        }
        for row in of_steps.to_dict("records")
    ),
    "accuracy_by_step",
    "Accuracy and share unlike anything seen, per cent, by what is read",
)

# %% [markdown]
# ## Marks set beforehand
#
# These were set before any network of another shape was asked about. How the networks are trained was then
# tried with their answers before the eyes ([Decisions](/book/decisions.md)), so what is found is rather too
# high than too low. A mark that is missed stays here.

# %% tags=["hide-input"]
own, there, training, probing = (of_steps.iloc[i] for i in (0, 3, 1, 2))
of_all = by_state["trained"].loc["all others"]
random = by_state["untrained"].loc["all others"]
each = by_state["trained"].loc[others]
worst_modality, worst_id = each.modality.idxmin(), each.dataset_id.idxmin()
marks = pd.DataFrame(
    {
        "mark": mark,
        "asked for": f"{least}",
        "found": found,
        "met": "yes" if met else "no",
    }
    for mark, least, found, met in (
        ("modality, over all", "95 %", percent(of_all.modality), of_all.modality >= 0.95),
        (
            "modality of each better than chance",
            "more than 50 %",
            f"{percent(each.modality.min())} ({titles[worst_modality]})",
            each.modality.min() > 0.5,
        ),
        (
            "dataset ID of each better than chance",
            f"more than {percent(by_chance['dataset_id'])}",
            f"{percent(each.dataset_id.min())} ({titles[worst_id]})",
            each.dataset_id.min() > by_chance["dataset_id"],
        ),
        (
            "dataset ID, over all, three times chance",
            percent(3 * by_chance["dataset_id"]),
            percent(of_all.dataset_id),
            of_all.dataset_id >= 3 * by_chance["dataset_id"],
        ),
        (
            "goal: half of the zoo's own models",
            percent(own.dataset_id / 2),
            percent(of_all.dataset_id),
            of_all.dataset_id >= own.dataset_id / 2,
        ),
        (
            "untrained: unlike anything seen, or dataset ID at chance",
            "80 % are flagged, or chance is in the interval",
            f"{percent(random.unlike)} flagged, dataset ID {interval(random, 'dataset_id')}",
            random.unlike >= 0.8
            or random.dataset_id_low <= by_chance["dataset_id"] <= random.dataset_id_high,
        ),
    )
)
results.save_table(marks, "architectures_marks")
figures.show_table(
    marks,
    "marks_of_architectures",
    "Marks for networks of other shapes, and which are met",
)

# %% tags=["remove-cell"]
from myst_nb import glue

losses = {
    "another training": own.dataset_id - training.dataset_id,
    "gradients at probes in place of weights": training.dataset_id - probing.dataset_id,
    "another shape": probing.dataset_id - there.dataset_id,
}
largest = max(losses, key=losses.get)
by_reading = of_steps.set_index("group").dataset_id
for name, value in {
    "n_architectures": str(len(others)),
    "modality": percent(of_all.modality),
    "dataset_id": percent(of_all.dataset_id),
    "chance": f"{percent(by_chance['modality'])} and {percent(by_chance['dataset_id'])}",
    "own": f"{percent(own.modality)} and {percent(own.dataset_id)}",
    "best": titles[each.dataset_id.idxmax()],
    "best_id": percent(each.dataset_id.max()),
    "worst": titles[worst_id],
    "worst_id": percent(each.dataset_id.min()),
    "costliest": f"'{largest}' costs most: {100 * losses[largest]:.0f} points of dataset ID"
    if losses[largest] > 0
    else "none costs dataset ID",
    "pink": percent(by_reading["other shapes: gradients of units, pink probes"]),
    "features": percent(by_reading["other shapes: feature visualisation"]),
    "canonical": percent(by_reading["other shapes: canonical form"]),
    "untrained": percent(random.unlike),
    "shuffled": percent(by_state["shuffled weights"].loc["all others"].unlike),
    "met": f"{(marks.met == 'yes').sum()} of {len(marks)}",
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## Networks that nobody here made
#
# All of these networks we trained ourselves. Packages that anybody can fetch hold others, trained by their
# authors on spectrograms or on pictures. {glue:text}`wild_networks` networks of {glue:text}`wild_families`
# families, {glue:text}`wild_sounds` of sounds and {glue:text}`wild_pictures` of pictures, are listed in
# `wild/networks.csv`, each with its package, digest and licence. Nothing of a package is run: weights are
# taken out as data. Is a network one of sounds, or of pictures?
#
# How they are asked was settled before any of them was read. Each is cut where its units see about 16x16, and
# read once, as above: gradients of units at white probes, grey in all channels; windows of spectrograms lie
# as the zoo's do. The view is the one that the fit models choose, and the same neighbours vote. Families count,
# not files, for those of one author are alike; hard cases are named with their reasons. *Yes* asks for an
# accuracy over families of which the 95 % interval lies above one half, and that shuffled weights and the
# shape of the first convolution alone do not reach.
#
# The archives are large, and reading takes half an hour, so what follows was recorded (`make wild` does it
# anew).

# %%
from metanet_lib.experiments.wild import rule
from metanet_lib.experiments.wild.recorded import recorded

wild = recorded()
summary = rule.summary(wild.primary)
_ = results.save_table(summary, "architectures_wild")
wild

# %% tags=["hide-input"]
once = wild.primary[(wild.primary.state == "trained") & (wild.primary.lie == rule.LIES[0])]
families = rule.by_family(once)
by_name = once.groupby("family", sort=False)
hard_cases = set(once.family[once.hard != ""])
votes, strange = by_name.votes_sound.mean() / InterpretParameters().k, by_name.unlike.mean()
figures.show_table(
    pd.DataFrame(
        {
            "family": row.family + (" (hard)" if row.family in hard_cases else ""),
            "trained on": f"{row.trained_on}s",
            "networks": row.networks,
            "votes for sounds": percent(votes[row.family]),
            "right": percent(row.right),
            "unlike anything seen": percent(strange[row.family]),
        }
        for row in families.itertuples()
    ),
    "wild_by_family",
    "Networks that nobody here made, by family",
)

# %% tags=["hide-input"]
figures.show(
    figures.accuracy_in_the_wild(summary),
    results,
    "architectures_wild",
    "How often the zoo's models tell networks of sounds from networks of pictures that nobody here made, over "
    "families, and the controls: 95 % intervals that draw families anew; a point for each draw.",
    alt="A line for each question: the zoo's models, the same without hard cases and with axes as they lie, "
    "shuffled and random weights, the shape alone, and a regression that learns from the other families. "
    "Points with intervals; a dotted line at 50 per cent.",
    data=summary,
)

# %% tags=["remove-cell"]
asked_of = summary.set_index("question")
answer = asked_of.loc["the zoo's models"]
shape, learnt = (asked_of.loc[q] for q in ("shape alone", "learnt from the others"))
shuffles, draws = (asked_of.accuracy[q] for q in ("shuffled weights", "random weights"))
yes = rule.is_yes((answer.accuracy, answer.low, answer.high), shape.accuracy, list(shuffles))


def with_interval(row):
    """An accuracy with its interval, in per cent."""
    return f"{percent(row.accuracy)} ({span(row.low, row.high, '.0f')})"


why = [
    reason
    for reason, holds in (
        ("its interval holds one half", answer.low <= 0.5),
        (f"the shape alone tells {percent(shape.accuracy)}", shape.accuracy >= answer.accuracy),
        (
            f"shuffled weights reach {percent(shuffles.max())}",
            shuffles.max() >= answer.accuracy,
        ),
    )
    if holds
]
turned = wild.primary[wild.primary.lie == rule.LIES[0]]
by_all = turned.assign(sound=turned.answer == "sound").groupby(["state", "trained_on", "family"])
said_sound = by_all.sound.mean().groupby(["state", "trained_on"]).mean()
alike = said_sound.min() > 0.8 or said_sound.max() < 0.2
learnt_shuffled = asked_of.accuracy["learnt, shuffled weights"]
second = [zoo for zoo in wild.about["zoos"] if zoo != wild.about["primary"]]
others_say = [with_interval(rule.summary(wild.of(zoo)).iloc[0]) for zoo in second]
for name, value in {
    "wild_networks": str(len(once)),
    "wild_families": str(len(families)),
    "wild_sounds": str((families.trained_on == "sound").sum()),
    "wild_pictures": str((families.trained_on == "picture").sum()),
    "wild": with_interval(answer),
    "wild_verdict": "yes" if yes else "no: " + "; ".join(why),
    "wild_easy": with_interval(asked_of.loc["the same, without hard cases"]),
    "wild_lying": with_interval(asked_of.loc["the same, axes as they lie"]),
    "wild_shape": with_interval(shape),
    "wild_shuffled": f"{percent(shuffles.min())} to {percent(shuffles.max())}",
    "wild_random": f"{percent(draws.min())} to {percent(draws.max())}",
    "wild_learnt": with_interval(learnt),
    "wild_of_sounds": percent(said_sound["trained", "sound"]),
    "wild_of_pictures": percent(said_sound["trained", "picture"]),
    "wild_of_shuffled": percent(said_sound["shuffled"].mean()),
    "wild_of_random": percent(said_sound["random"].mean()),
    "wild_reason": "The answer is nearly the same for all, trained or not: it tells of what "
    "convolutions have in common when they are read in this way, not of what was learned."
    if alike
    else "The answers differ with the weights.",
    "wild_learnt_shuffled": f"{percent(learnt_shuffled.min())} to {percent(learnt_shuffled.max())}",
    "wild_unlike": percent(answer.unlike),
    "wild_unlike_shuffled": percent(asked_of.unlike["shuffled weights"].mean()),
    "wild_second": ", ".join(others_say),
}.items():
    glue(name, value, display=False)

# %% [markdown]
# The models of the recorded run's first zoo tell {glue:text}`wild` of the families apart. By the rule, the answer is
# *{glue:text}`wild_verdict`*. They say *sounds* of {glue:text}`wild_of_sounds` of the families of sounds and of
# {glue:text}`wild_of_pictures` of those of pictures; with shuffled weights, of
# {glue:text}`wild_of_shuffled`; with random ones, of {glue:text}`wild_of_random`. {glue:text}`wild_reason`
#
# Without the hard cases it is {glue:text}`wild_easy`, with axes as they lie in each network
# {glue:text}`wild_lying`; by the models of the other zoo, {glue:text}`wild_second`. Shuffled weights give
# {glue:text}`wild_shuffled`, random ones {glue:text}`wild_random`, the shape of the first convolution
# {glue:text}`wild_shape`. A regression on the same numbers that learns from all families but the one it is
# asked about has {glue:text}`wild_learnt`; where the weights are shuffled, {glue:text}`wild_learnt_shuffled`
# from draw to draw. Of these networks {glue:text}`wild_unlike` are flagged as unlike anything seen, of those
# with shuffled weights {glue:text}`wild_unlike_shuffled`.

# %% [markdown]
# ## What we saw
#
# - One matrix, from gradients at probes that belong to no dataset, stands for a network of any shape; of a
#   linear encoder it is `W Wᵀ`.
# - Of {glue:text}`n_architectures` other shapes, the dataset is named most often for *{glue:text}`best`*
#   ({glue:text}`best_id`) and least for *{glue:text}`worst`* ({glue:text}`worst_id`); over all,
#   {glue:text}`dataset_id`, with pink probes {glue:text}`pink`.
# - Of the steps from the zoo's own networks to these, {glue:text}`costliest`.
# - Read by feature visualisation, {glue:text}`features`; by the canonical form, {glue:text}`canonical`.
# - Unlike anything seen are {glue:text}`untrained` of the untrained networks, and
#   {glue:text}`shuffled` of those with shuffled weights.
# - Of the marks, {glue:text}`met` are met.
# - Of networks that nobody here made, sounds and pictures are told apart {glue:text}`wild`: by the rule that
#   was settled before, *{glue:text}`wild_verdict`*.
