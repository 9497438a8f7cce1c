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
# # What does each dataset look like, to us and to its models?
#
# A page to leaf through. For each dataset: what its models saw, what became of their filters, and
# what other models they are taken for on their 16 numbers. Is a wrong answer a foolish one, or does
# the dataset named look alike?
#
# In short: for {glue:text}`own_first` training datasets the most frequent answer is the dataset itself, and
# for {glue:text}`same_corpus_answers` one of the same corpus.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters
interpret = {}  # defaults of InterpretParameters

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% tags=["hide-input"]
from metanet_lib.figures import gallery
from metanet_lib.zoo.pipeline import make_corpus

chosen = make_corpus(results, datasets)
gallery.index(chosen)

# %% [markdown]
# ## What is shown
#
# **Patches**: drawn at random, as the models see them. **Filters**: a row of 16 for each model; gray is
# zero, white positive, black negative, each model on its own scale. Models of a dataset start from
# other random weights, so what is alike from row to row is what they have learned.
#
# **What they are taken for**: models of a training dataset are named by the meta-classifier of
# chapter [5](05_dataset_id.ipynb), which may answer with their own. An unseen dataset cannot be named;
# of its models we tell to which training datasets their nearest neighbours belong.

# %% tags=["hide-input"]
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import best, load
from metanet_lib.representations import MetaEncoder
from metanet_lib.zoo import load_zoo

fit, validation, _ = load_zoo(results.zoo, chosen)
headline = best(load(results.metanetwork))
parameters = InterpretParameters.of(interpret)
answers = gallery.what_it_is_taken_for(MetaEncoder(headline), fit, validation, parameters)
results.save_table(answers, "gallery")
print(
    f"{len(fit):,} models fit the classifier, {len(validation):,} are shown to it; k = {parameters.k}"
)

# %% tags=["hide-input"]
from metanet_lib.data.patches import PatchParameters, make_bank

ROWS = 3
few = PatchParameters.of({**patches, "per_dataset": ROWS * gallery.COLUMNS})
plates = [
    gallery.Plate(
        dataset,
        make_bank(results.corpus_folder, dataset.id, few).patches().numpy(),
        headline.in_order(validation.encoders[validation.datasets == dataset.id][:ROWS]),
        answers[answers.dataset == dataset.id],
    )
    for dataset in chosen
]

# %% [markdown]
# ## Vision

# %% tags=["hide-input"]
gamma = 0.25 if few.mel_scale == "power" else 1  # of the pictures of sounds only
gallery.plates([plate for plate in plates if plate.dataset.modality == "vision"])

# %% [markdown]
# ## Audio
#
# A patch has its low bands below, time runs to the right, and dark sounds are brightened.

# %% tags=["hide-input"]
gallery.plates([plate for plate in plates if plate.dataset.modality == "audio"], gamma)

# %% tags=["remove-cell"]
from myst_nb import glue

from metanet_lib import catalog

first = answers.drop_duplicates("dataset")
for told in ("answers", "neighbours"):
    of_kind = first[first.told == told]
    alike = [
        catalog.dataset(row.dataset).corpus == catalog.dataset(row.answer).corpus
        for row in of_kind.itertuples()
    ]
    glue(f"same_corpus_{told}", f"{sum(alike)} of {len(alike)}", display=False)
own = first[first.told == "answers"]
glue("own_first", f"{(own.dataset == own.answer).sum()} of {len(own)}", display=False)

# %% [markdown]
# ## What we saw
#
# - For {glue:text}`own_first` training datasets the most frequent answer is the dataset itself, and
#   for {glue:text}`same_corpus_answers` one of the same corpus.
# - For {glue:text}`same_corpus_neighbours` unseen datasets most neighbours come from one dataset of the
#   same corpus. [The table of all shares](../tables/gallery.csv).
