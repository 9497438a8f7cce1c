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
# # What was this model trained on?
#
# Someone hands you a file with 256x16 weights and nothing else. This chapter plays both parts. It
# trains such models from scratch, with a loop that anyone would write, on patches drawn anew: on the demo
# corpus of new photographs and recordings, else of the files that the zoo's models learned from. Then it forgets where they came from and asks. With a model of your own, start
# at "Ask" below.
#
# In short: of such models the functional code names {glue:text}`fresh_functional`, the paper's metanetwork
# {glue:text}`fresh_paper`. Of the zoo's models with at least {glue:text}`sure_votes`, it is
# {glue:text}`sure_functional`; of a hundred untrained ones {glue:text}`flagged_untrained` are called unlike
# anything seen.

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

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## Patches that the zoo never saw
#
# One dataset that trains the meta level, whose name can be found, and one that does not: of that, the
# modality can be right, but the name cannot. On the demo corpus, photographs and sounds are computed
# anew, with another seed. A real corpus has only so many files: if the run uses all of them, other
# patches of the same files are what is left, and the last column says so.

# %%
import pandas as pd

from metanet_lib.data.patches import PatchParameters
from metanet_lib.zoo import ZooParameters
from metanet_lib.zoo.pipeline import fresh_banks, make_corpus

SEED = 1000  # of all that is new here: none of the run's own

chosen = make_corpus(results, datasets)
parameters = ZooParameters.of({**zoo, "seed": SEED})
known = [d for d in chosen if d.id in parameters.training_datasets][:1]
unseen = [d for d in chosen if d.id not in parameters.training_datasets][-1:]
banks = fresh_banks(results, known + unseen, PatchParameters.of(patches), SEED)

# %% tags=["hide-input"]
from metanet_lib import figures

figures.show_table(
    pd.DataFrame(
        {
            "dataset": d.id,
            "title": d.title,
            "modality": d.modality,
            "in the zoo": "its models vote" if d in known else "none of its models votes",
            "patches": f"{len(banks[d.id][0]):,}",
            "what is new": banks[d.id][1],
        }
        for d in known + unseen
    ),
    "datasets_of_new_models",
    "Datasets that the new models are trained on",
)

# %% [markdown]
# ## Train
#
# `train_one` is the plain PyTorch loop of chapter 2: forward, backward, Adam. The seed is another
# than the zoo's. What is kept is the whole autoencoder, in a file as PyTorch's own names have it.

# %%
import torch
from safetensors.torch import save_file

from metanet_lib.store import write_atomically
from metanet_lib.zoo import Population, train_one

torch.set_num_threads(1)  # the products are too small to be shared
first, *_ = banks
model = train_one(banks[first][0].patches(), first, 0, parameters)
files = {first: results.folder / "models" / "first.safetensors"}
with write_atomically(files[first]) as temporary:
    save_file(model.state_dict(), temporary)
print({name: list(tensor.shape) for name, tensor in model.state_dict().items()})

# %% [markdown]
# And a few of each dataset with the book's own trainer, which does the same to many at once: the first
# of the first dataset is the model above once more. One of the other dataset is kept, as a bare NumPy
# file.

# %%
import numpy as np

several = {}
for dataset_id, (bank, _) in banks.items():
    population = Population(parameters, dataset_id, range(4))
    population.train(bank)
    several[dataset_id] = population.tensors()["encoder"].numpy()
for dataset_id in list(banks)[1:]:
    files[dataset_id] = results.folder / "models" / "second.npy"
    with write_atomically(files[dataset_id]) as temporary:
        np.save(temporary, several[dataset_id][0])

# %% [markdown]
# ## Ask
#
# In the first file two tensors have 4,096 weights. The library takes the one that is named encoder,
# turns it, for PyTorch keeps it as 16x256, and refuses what it cannot be sure of. Models are compared by
# the functional code of chapter [11](11_a_better_metanetwork.ipynb), unless another representation is
# asked for.

# %%
from metanet_lib.interpret import CHANCE, STORED, Interpreter, InterpretParameters, percent

voting = InterpretParameters.of(interpret)
interpreter = Interpreter.of(results.folder, voting)
for path in files.values():
    print(*interpreter.read(path), sep="\n")

# %% [markdown]
# *Nearest* are models of the zoo, each with its dataset, its number in the shard of that dataset, and
# its distance in the numbers of the code. They vote. The label with most votes is the answer, and of labels with
# as many votes the first by name, so look at the votes: of the zoo's validation models,
# {glue:text}`tied_dataset` of the votes for a dataset end in such a tie (models of the training
# datasets), and {glue:text}`tied_modality` of those for a modality (all models). The command does the
# same; `--plot` draws the picture below, `--json` answers a program, and `--representation` chooses by
# what models are compared.

# %%
from metanet_lib.cli import app as metanet

words = ["interpret", *map(str, files.values()), "--results", str(results.folder)]
print("metanet", *words, "\n")
metanet(words, standalone_mode=False)

# %% [markdown]
# The map shows the first two principal components of the zoo's embeddings. (t-SNE, the map of
# chapter 4, has no place for a model that was not there when it was drawn.)

# %% tags=["hide-input"]
own = {i: interpreter.read(path)[0] for i, path in files.items()}
figures.show(
    figures.interpreted_models(interpreter, list(own.values())),
    results,
    "interpreted_models",
    "Filters of the new models, and their places among the models of the zoo. The colour of a star is "
    "the answer. The models were trained on " + " and ".join(files) + ", in this order.",
    alt="Above, a row of sixteen filter pictures for each new model. Below, a map of the zoo's models, "
    "vision blue and audio orange, with the new models as stars.",
    data="the new models and the zoo",
)

# %% [markdown]
# ## By the functional code and by the paper's
#
# The same question to two interpreters, about all models that were trained above: one compares models
# by the functional code, the other by the run's best metanetwork, as the paper does. Each cell is an
# answer, with its votes.

# %% tags=["hide-input"]
interpreters = {
    "functional": interpreter,
    "paper": Interpreter.of(results.folder, voting, representation="paper"),
}
k = voting.k
fresh = [(d, i) for d in known + unseen for i in range(len(several[d.id]))]
encoders = np.stack([several[d.id][i] for d, i in fresh])
by_both = {
    name: by.interpret(encoders, [d.id for d, _ in fresh]) for name, by in interpreters.items()
}
side_by_side = pd.DataFrame({"model": f"{d.id}, number {i}", "truth": d.modality} for d, i in fresh)
side_by_side["in the zoo"] = ["yes" if d in known else "no" for d, _ in fresh]
for name, told in by_both.items():
    side_by_side[f"modality, by {STORED[name]}"] = [
        f"{a.modality} ({a.modality_votes[a.modality]} of {k})" for a in told
    ]
    side_by_side[f"dataset, by {STORED[name]}"] = [
        f"{a.dataset} ({a.dataset_votes[a.dataset]} of {k})" for a in told
    ]
results.save_table(side_by_side, "interpreted_by_both")
figures.show_table(
    side_by_side,
    "answers_by_both",
    "Answers for the new models, and their votes, by two representations",
)

# %% [markdown]
# The dataset of a model that is not *in the zoo* cannot be named; of the others the name is its dataset's.
# By the functional code, {glue:text}`fresh_functional`; by the paper's metanetwork,
# {glue:text}`fresh_paper`. These are few models: below, there are more.
#
# ## What is not a model of the zoo's kind?
#
# The first model again, in three disguises, and two that were never trained. *Turned*: the same weights
# as 256x16, in a NumPy file. *Other order of filters*: the same model, its filters shuffled; nothing of
# what it does has changed. *Other order of inputs*: the same weights, but each filter's pixels
# shuffled, all filters alike: no pictures any more. *Untrained*: random weights, as training
# starts from. *White noise*: each weight drawn from a normal distribution.

# %%
from metanet_lib.zoo import ModelSeed

encoder = next(iter(own.values())).encoder
rng = np.random.default_rng(SEED)
untrained = ModelSeed(SEED, "v:aer", 1).glorot().numpy().T
turned = results.folder / "models" / "turned.npy"
with write_atomically(turned) as temporary:
    np.save(temporary, encoder)
disguises = {
    "turned": interpreter.read(turned)[0].encoder,
    "other order of filters": encoder[:, rng.permutation(16)],
    "other order of inputs": encoder[rng.permutation(256)],
    "untrained": untrained,
    "white noise": rng.normal(size=(256, 16)).astype(np.float32),
}
asked = [*own.values(), *interpreter.interpret(np.stack([*disguises.values()]), [*disguises])]


# %% tags=["hide-input"]
def in_excess(share):
    """A share by which one thing is more than another."""
    return percent(share, "+.2f")


table = pd.DataFrame(
    {
        "model": name,
        "modality": answer.modality,
        "votes for it": answer.modality_votes[answer.modality],
        "dataset": answer.dataset,
        "votes for that": answer.dataset_votes[answer.dataset],
        "distance": answer.distance,
        "more than shuffled": answer.more_than_shuffled,
        "unlike anything seen": "yes" if answer.unlike_anything_seen else "no",
    }
    for name, answer in zip([*(f"trained on {i}" for i in own), *disguises], asked, strict=True)
)
results.save_table(table, "interpreted_models")
figures.show_table(
    table.style.format({"distance": "{:.2f}", "more than shuffled": in_excess}),
    "answers_in_disguise",
    "Answers for the new models, and for models in disguise",
)

# %% [markdown]
# *Distance* is that to the last neighbour that votes. The first two disguises change nothing and have to
# give the same answer; the others get one as well, because a vote always names somebody.
#
# **Unlike anything seen** is found without asking anybody. What the zoo's models have in common are a
# few directions in the space of all projectors on column spaces: their mean and 16 principal
# components. Some share of any model's column space lies there. *More than shuffled* is by how much this
# share is larger than it is with the model's inputs shuffled (the mean over {glue:text}`orders` orders).
# If it is not, then it does not matter to the zoo which input is which pixel, and it knows nothing of this
# model. A difference of up to {glue:text}`deviations` standard deviations over these orders counts as none.
#
# ## When to believe it
#
# One model proves little. Here are all models of the zoo that nothing was fitted on, the new ones
# beside the zoo's of the same datasets, and three hundred that learned nothing, or of which shuffling
# the inputs, each model's in an order of its own, left nothing.

# %% tags=["hide-input"]
from metanet_lib.zoo import load_zoo

_, validation, of_new_files = load_zoo(results.zoo, chosen)
some = rng.choice(len(validation), 100, replace=len(validation) < 100)
random = np.stack([ModelSeed(SEED, "v:aer", i).glorot().numpy().T for i in range(100)])
trains = np.isin(validation.datasets, interpreter.zoo.datasets)
groups = {
    f"zoo: {modality}, {kind}": validation.encoders[(validation.modalities == modality) & of_kind]
    for modality in ("vision", "audio")
    for kind, of_kind in (("training datasets", trains), ("unseen datasets", ~trains))
}
for modality in ("vision", "audio"):
    of_modality = of_new_files.modalities == modality
    groups[f"zoo: {modality}, new files"] = of_new_files.encoders[of_modality]
for i, (_, what) in banks.items():
    groups |= {f"zoo: {i}": validation.of([i]).encoders, f"{i}, {what}": several[i]}
groups |= {
    "untrained": random,
    "shuffled inputs": np.stack([validation.encoders[i][rng.permutation(256)] for i in some]),
    "white noise": rng.normal(size=(100, 256, 16)).astype(np.float32),
}
answers = {
    name: interpreter.interpret(encoders, [name] * len(encoders))
    for name, encoders in groups.items()
    if len(encoders)
}
shares = pd.DataFrame(
    {
        "models": name,
        "how many": len(told),
        "called vision": np.mean([a.modality == "vision" for a in told]),
        "called audio": np.mean([a.modality == "audio" for a in told]),
        "mean votes for it": np.mean([a.modality_votes[a.modality] for a in told]),
        "unlike anything seen": np.mean([a.unlike_anything_seen for a in told]),
        "median distance": np.median([a.distance for a in told]),
        "median more than shuffled": np.median([a.more_than_shuffled for a in told]),
    }
    for name, told in answers.items()
)
results.save_table(shares, "interpreted_groups")
of_all = dict.fromkeys(("called vision", "called audio", "unlike anything seen"), percent)
of_all |= {"mean votes for it": "{:.1f}", "median distance": "{:.2f}"}
figures.show_table(
    shares.style.format({**of_all, "median more than shuffled": in_excess}),
    "answers_by_group",
    "Share of each answer, and how sure it is, by group of models",
)

# %% [markdown]
# **New files.** The zoo's validation models of a training dataset saw the very files that the voting
# models saw. If models of new files get other answers, or fewer votes, then part of what is recognised
# is these files and not the class; and the accuracies of chapters 4 and 5 are those of new models, not
# of new photographs and recordings. The fewer files a dataset has (chapter 1 counts them), the more
# each of them counts. Chapter [6](06_dataset_or_files.ipynb) asks about models of new files.
#
# **Unlike anything seen** is said of {glue:text}`flagged_untrained` of the untrained models,
# {glue:text}`flagged_shuffled` of those with shuffled inputs and {glue:text}`flagged_noise` of white
# noise; and of {glue:text}`flagged_validation` of the zoo's validation models, of all datasets, and
# {glue:text}`flagged_new` of those of new files. It is no test of whether a model was trained at all: it
# can be right about one that learned what the zoo knows nothing of. A weight that training does not push
# stays where it began (chapter 2). A hypothesis: where patches are dark, much of the start stays, and
# what little is learned of one file is not what other files teach.
#
# **Votes.** How sure is an answer that nearly all votes are for? Models of the training datasets are
# asked for their dataset. *Sure* are answers with at least {glue:text}`sure_votes`.

# %% tags=["hide-input"]
import math

sure_votes = math.ceil(0.8 * k)
of_training = validation.of(sorted(set(interpreter.zoo.datasets)))
lines = []
for name, by in interpreters.items():
    for files, models in {"same files": of_training, "new files": of_new_files}.items():
        told = by.interpret(models.encoders, models.datasets)
        is_right = np.array([a.dataset == a.name for a in told], bool)
        is_sure = np.array([a.dataset_votes[a.dataset] >= sure_votes for a in told], bool)
        lines.append(
            {
                "by": STORED[name],
                "files": files,
                "asked": len(told),
                "right": int(is_right.sum()),
                "sure": int(is_sure.sum()),
                "right of these": int(is_right[is_sure].sum()),
            }
        )
votes = pd.DataFrame(lines)
results.save_table(votes, "interpreted_votes")
figures.show_table(
    votes,
    "sure_and_right",
    "Answers about models of training datasets: right, sure, and both",
)

# %% tags=["remove-cell"]
from myst_nb import glue


def right(told):
    """How many of these answers about the new models have the modality, and how many the name."""
    modality = [a.modality == d.modality for a, (d, _) in zip(told, fresh, strict=True)]
    name = [a.dataset == d.id for a, (d, _) in zip(told, fresh, strict=True) if d in known]
    return f"{sum(modality)} of {len(modality)} modalities and {sum(name)} of {len(name)} names are right"


def flagged(told):
    """The share of these answers that say so."""
    return percent(np.mean([a.unlike_anything_seen for a in told])) if told else "none (none made)"


def sure(name, files):
    """How often answers with nearly all votes are right."""
    line = votes[(votes["by"] == STORED[name]) & (votes["files"] == files)].iloc[0]
    some, of_these, n = line["sure"], line["right of these"], line["asked"]
    share = f" ({percent(of_these / some)})" if some else ""
    return f"{some} of {n} answers, of which {of_these}{share} are right"


def tied(votes):
    """Share of votes in which the first label has no more than the second."""
    firsts = [sorted(v.values(), reverse=True)[:2] for v in votes]
    return percent(np.mean([len(two) == 2 and two[0] == two[1] for two in firsts]))


of_zoo = interpreter.interpret(validation.encoders, [*validation.datasets])
of_new = interpreter.interpret(of_new_files.encoders, of_new_files.datasets)
own_answer, *alike = (a.dataset_votes for a in (asked[0], *asked[len(own) : len(own) + 2]))
share = shares.set_index("models")
for name, value in {
    "fresh_functional": right(by_both["functional"]),
    "fresh_paper": right(by_both["paper"]),
    "orders": f"{interpreter.familiarity.orders}",
    "deviations": f"{CHANCE:g}",
    "tied_dataset": tied(a.dataset_votes for a, t in zip(of_zoo, trains, strict=True) if t),
    "tied_modality": tied(a.modality_votes for a in of_zoo),
    "same_answer": f"{sum(votes == own_answer for votes in alike)} of {len(alike)}",
    "untrained_audio": percent(share["called audio"]["untrained"]),
    "flagged_untrained": flagged(answers["untrained"]),
    "flagged_shuffled": flagged(answers["shuffled inputs"]),
    "flagged_noise": flagged(answers["white noise"]),
    "flagged_validation": flagged(of_zoo),
    "flagged_new": flagged(of_new),
    "sure_votes": f"{sure_votes} of {k} votes",
    "sure_functional": sure("functional", "same files"),
    "sure_functional_new": sure("functional", "new files"),
    "sure_paper": sure("paper", "same files"),
    "sure_paper_new": sure("paper", "new files"),
}.items():
    glue(name, value, display=False)

# %% [markdown]
# ## What we saw
#
# - A file with weights, three lines of Python or one command, and an answer with its witnesses.
# - Of the new models, by the functional code {glue:text}`fresh_functional`; by the paper's metanetwork,
#   {glue:text}`fresh_paper`.
# - Stored otherwise, or with its filters in another order, the first model got the same votes
#   {glue:text}`same_answer` times.
# - At least {glue:text}`sure_votes` for one dataset have, by the functional code,
#   {glue:text}`sure_functional`; on new files, {glue:text}`sure_functional_new`. By the paper's
#   metanetwork, {glue:text}`sure_paper`; on new files, {glue:text}`sure_paper_new`.
# - Of a hundred untrained models, {glue:text}`flagged_untrained` were called unlike anything seen, of a
#   hundred with shuffled inputs {glue:text}`flagged_shuffled`, and of white noise
#   {glue:text}`flagged_noise`; of the zoo's validation models {glue:text}`flagged_validation`, and of
#   those of new files {glue:text}`flagged_new`. A vote alone does not tell: {glue:text}`untrained_audio`
#   of the untrained ones were called audio.
