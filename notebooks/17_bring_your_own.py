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
# # Bring your own
#
# You have a way to turn a trained network into numbers. Where does it stand? Twenty lines and one command
# put it on the protocol of chapter [12](12_against_the_others.ipynb), among its rows.
#
# In short: the start that the command prints, the strengths of filters, comes out on place
# {glue:text}`start_place` of {glue:text}`rows` and names the dataset of {glue:text}`start_accuracy`. A
# second try comes out on place {glue:text}`second_place`, with {glue:text}`second_accuracy`
# ({glue:text}`second_new` on new files).

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## A start that runs
#
# `metanet rank --template > my_method.py` writes it: a scikit-learn transformer of encoders.

# %%
from IPython.display import Code

from metanet_lib.experiments.rank import TEMPLATE

file = results.folder / "models" / "my_method.py"
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text(TEMPLATE)
Code(TEMPLATE, language="python")

# %% [markdown]
# `fit` sees the models that fit the meta level, `[m, 256, 16]`, and `transform` turns any models into
# numbers `[m, d]`, as many as you like. `metanet rank my_method.py:MyRepresentation --results results/quick`
# fits it, asks it about models of the same files and of new ones, and prints its row between its neighbours,
# with the paired difference to each. From Python it is:

# %%
from metanet_lib.experiments.rank import from_file, rank

start = rank(from_file(f"{file}:MyRepresentation"), results.folder, seeds=3)
print(start)

# %% [markdown]
# ## A second try
#
# Strengths forget which places of a patch a filter looks at. The products of a model's weights with
# themselves, `W Wᵀ`, tell of pairs of places, and are the same in whatever order the filters stand. Reduced to
# 16 principal components, they are as many numbers as the paper's.

# %%
products = '''
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA


class Products(TransformerMixin, BaseEstimator):
    """The products of a model's weights with themselves, in 16 principal components."""

    def fit(self, encoders, labels=None):
        self.pca_ = PCA(16, random_state=0).fit(self.products(encoders))
        return self

    def transform(self, encoders):
        return self.pca_.transform(self.products(encoders))

    def products(self, encoders):
        squares = encoders @ encoders.transpose(0, 2, 1)  # [m, 256, 256]
        return squares.reshape(len(squares), -1) / np.linalg.norm(squares, axis=(1, 2))[:, None]
'''
file.write_text(TEMPLATE + products)
second = rank(from_file(f"{file}:Products"), results.folder, seeds=3)
print(second)

# %% [markdown]
# ## Other ways in
#
# - **Embeddings made elsewhere**, in another language or on another machine:
#   `metanet zoo export results/quick OUT` writes the zoo as a data set, with an index that has a line for each
#   model and a card that shows how to read it without this library. A CSV with the columns `file` and `row` of
#   that index, and your numbers beside them, is ranked by `metanet rank --embeddings table.csv`.
# - **In every table of a run**: a profile's `peers: extra: [my_method.py:Products]` adds the row to the
#   comparison, and chapter [12](12_against_the_others.ipynb) shows it, with a place in the figure.
# - **For a program**: `--json`.
#
# ## What makes a comparison fair
#
# - *No labels*: `fit` is not told the datasets. `--labels` tells them, and then the row says so: it is to be
#   compared with rows that were told, too.
# - *The same models*: what fits, what validates and which files are new is the run's affair, not yours. Rank
#   on a run that you did not choose settings on; `zoo.seed` and `patches.seed` in a profile make another.
# - *Seeds*: if something is random, give `__init__` a parameter called `seed`. It is fitted with several, and
#   its row is their mean.
# - *As many numbers*: some rows stand in the table twice, at full width and in 16 numbers. Compare like with
#   like.
# - *Both tasks*: a representation that knows files by heart does well on the same files and poorly on new
#   ones (chapter [6](06_dataset_or_files.ipynb)). An interval of the difference that leaves out 0 tells two
#   rows apart; one that does not, does not.
#
# Errors name your file: numbers of a wrong shape, or not finite. Where your code fails, such as a `fit` that
# looks at labels it was not given, they name the line too.

# %% tags=["remove-cell"]
from myst_nb import glue

from metanet_lib.interpret import percent

for name, ranked in {"start": start, "second": second}.items():
    row = ranked.table[ranked.table.row == "yours"].iloc[0]
    glue(f"{name}_place", str(ranked.place), display=False)
    glue(f"{name}_accuracy", percent(row.dataset_id_mean), display=False)
    new = row.get("dataset_id_new_files_mean")
    glue(f"{name}_new", "(not asked)" if new is None else percent(new), display=False)
glue("rows", str(len(start.table)), display=False)
