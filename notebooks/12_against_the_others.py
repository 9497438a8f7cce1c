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
# # How does it stand against the others?
#
# Others have turned trained networks into vectors before, and simpler things can be tried than a network
# that reads networks. This chapter puts all of them on one protocol, beside the paper's 16 numbers, and
# asks each the paper's two questions: which modality, which dataset? And what does the answer cost, and
# what must one be given to get it?
#
# In short: of {glue:text}`fair` rows of others' methods that see weights alone and no labels, {glue:text}`fair_better`
# name the dataset more often than the paper's 16 numbers ({glue:text}`papers_accuracy`), by an interval without 0; the best,
# *{glue:text}`fair_best`*, names {glue:text}`fair_best_accuracy`. On new files it is {glue:text}`fair_better_new`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters
metanetwork = {"interunit_epochs": 300, "seeds": 3}  # the rest: defaults of MetanetworkParameters
interpret = {}  # defaults of InterpretParameters
peers = {"deep_seeds": 1}  # the rest: defaults of PeersParameters
beyond = {"seeds": 3, "steps": 150}

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %% [markdown]
# ## One protocol
#
# - **Fitted** on the models that fit the meta level, of the training datasets. No label is shown
#   unless the row says *labels*.
# - **Asked** by the same k-NN vote as in chapters [4](04_modality.ipynb) and [5](05_dataset_id.ipynb):
#   the modality of the validation models of all datasets, the dataset of those of the training
#   datasets, and both of models of new files.
# - **Seeds.** Where something is random, it is fitted several times, and two statistics tell of that: the
#   mean over the seeds, which every row has; and the seed that rebuilds the fit models best, the paper's
#   way to choose without labels, for every row that rebuilds models. Both are shown where there are both,
#   and the tables are sorted by the mean. The worst and the best seed are always shown.
# - **Two widths.** A representation of others is as wide as its module says (*full width*), and the
#   same fit is also read *in 16 numbers*, as many as the paper's: its first 16 principal components,
#   found on the fit models.
# - **The same training.** A deep representation of others reads each model as often as the metanetwork in its
#   two trainings together, and as many in one step as its inter-unit part. (The trained steps of chapter
#   [11](11_a_better_metanetwork.ipynb) read it less often, and were not tuned.) Learned probes are trained for as many epochs as by their
#   authors.
# - **The same care.** The settings of every row that trains a network were chosen once, with as many
#   trials for each, the paper's too, and never on validation models: see [below](settings-chosen-once).
# - **Time** is that which one core works: to fit, once; and for each validation model, to embed it and
#   to find its neighbours. The training of the metanetwork, done in chapter
#   [3](03_meta_autoencoder.ipynb), is worked out from measured steps.
#
# The representations come in groups by what they may look at. *Weights only* see the 256x16 matrix, as
# the paper demands. A *black box* is run on inputs that have nothing to do with its dataset, and only
# its answers are seen. With *data access*, patches of the model's own dataset are seen as well, which
# the paper rules out: the data are what is to be found out.

# %%
import pandas as pd

from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.files import ceiling_of, chosen_statistic
from metanet_lib.experiments.leaderboard import (
    differences,
    leaderboard,
    run,
    training_seconds,
    training_steps,
)
from metanet_lib.experiments.peers import PeersParameters
from metanet_lib.experiments.peers import peers as all_peers
from metanet_lib.experiments.peers.beyond import BeyondParameters
from metanet_lib.experiments.peers.beyond import beyond as steps_beyond
from metanet_lib.experiments.peers.simple import paper
from metanet_lib.experiments.rank import extra
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters, load
from metanet_lib.zoo import load_zoo
from metanet_lib.zoo.pipeline import make_corpus

size, asked_how = PeersParameters.of(peers), InterpretParameters.of(interpret)
of_patches = PatchParameters.of(patches)
chosen = make_corpus(results, datasets)
fit, _, new = load_zoo(results.zoo, chosen)
net = MetanetworkParameters.of(metanetwork)
seconds, steps = training_seconds(net, len(fit)), training_steps(net, len(fit))
statistic = chosen_statistic(ceiling_of(results, chosen, fit, new, of_patches, asked_how))
ours = steps_beyond(BeyondParameters.of(beyond), net)
rows_of = [
    paper(load(results.metanetwork), seconds),
    *all_peers(size, net, steps, statistic),
    *extra(size),
    *ours,
]
by_seed = run(results, chosen, rows_of, of_patches, size, asked_how)
table = leaderboard(rows_of, by_seed)
results.save_table(by_seed, "leaderboard_by_seed")
results.save_table(table, "leaderboard")
apart = differences(rows_of, by_seed, "dataset_id").set_index("row")
has_new = "dataset_id_new_files" in table
if has_new:
    apart_new = differences(rows_of, by_seed, "dataset_id_new_files").set_index("row")
print(
    f"{len(table)} rows of {len(rows_of)} representations, fitted "
    f"{sum(len(peer.runs(size)) for peer in rows_of)} times; {steps:,} steps for a deep one"
)

# %% [markdown]
# ## The table
#
# Accuracies are in per cent, means over the seeds, by which the rows of each group are sorted, with 95 %
# intervals of a bootstrap that draws datasets anew. *New files* asks for the dataset ID of models of files that nothing was fitted on
# (chapter [6](06_dataset_or_files.ipynb)). *Given* is what a row needs beside the weights, *numbers* the
# length of its embedding. A row opens to how it works, why it lands where it does, its seeds and its
# distance to the paper's row, paired by dataset: an interval without 0 tells the two apart. A head sorts.

# %% tags=["hide-input", "full-width"]
from markdown_it import MarkdownIt

from metanet_lib import figures
from metanet_lib.interpret import percent, span

seen_in_fitting = {peer.name for peer in rows_of if peer.sees == "patches in fitting"}
by_name = {row.name: row for peer in rows_of for row in peer.rows()}


def more_than_papers(told):
    """How much more often than the paper's a row is right, with its interval, in points."""
    return f"{100 * told.difference:+.1f} ({100 * told.low:+.1f} to {100 * told.high:+.1f})"


def given(row):
    """What a row needs beside weights, in words."""
    needs = {"labels": "labels", "data": "patches", "forward_passes": "forward passes"}
    given = ", ".join(word for need, word in needs.items() if row[need]) or "nothing"
    return f"{given} (in fitting)" if row["row"] in seen_in_fitting else given


def behind(row):
    """What a row opens to: names and HTML."""
    text = {"How": by_name[row["row"]].how, "Why it lands there": by_name[row["row"]].why}
    chosen = row["dataset_id_best_reconstruction"]
    seeds = f"{row['n_seeds']}: dataset ID {span(row['dataset_id_min'], row['dataset_id_max'])}"
    return {
        **{
            name: MarkdownIt().renderInline(said.replace(".ipynb)", ".html)"))
            for name, said in text.items()
        },
        "Seeds, worst to best": seeds if row["n_seeds"] > 1 else "1",
        **(
            {}
            if pd.isna(chosen)
            else {"Dataset ID of the seed that rebuilds best": percent(chosen)}
        ),
        "More often right than the paper's, points": more_than_papers(apart.loc[row["row"]])
        + (f"; of new files {more_than_papers(apart_new.loc[row['row']])}" if has_new else ""),
        "Given, numbers, cost": f"{given(row)}; {row['dimension']:,} numbers; fitted in "
        f"{row['fit_seconds']:,.1f} s, {row['ms_per_model']:.2f} ms a model",
    }


records = table.to_dict("records")
figures.standings(
    table,
    [*map(given, records)],
    [*map(behind, records)],
    "all_representations",
    "Accuracy of every representation, per cent with 95 % intervals, and its cost",
)

# %% tags=["hide-input"]
from IPython.display import Markdown

cited = dict.fromkeys(key for row in by_name.values() for key in row.cite.split(",") if key)
Markdown(f"The rows are, or are after, the work of {{cite}}`{','.join(cited)}`.")

# %% [markdown]
# Where the training is long, `peers.deep_seeds` says how many seeds there are, to save time; with one, the
# mean and the chosen seed are the same, and how much hangs on the seed is not known.
#
# The file `tables/leaderboard.csv` of this run's results has all columns, and
# `tables/leaderboard_by_seed.csv` every fit.

# %% [markdown]
# ## Accuracy and cost

# %% tags=["hide-input"]
from metanet_lib.figures import interactive

figures.show(
    figures.accuracy_and_cost(table),
    results,
    "leaderboard",
    "Accuracy against the time to embed one model and find its neighbours, one point a "
    "representation, numbered as in the table: of the chosen seed where there is one, else the mean. "
    f"Chance is {percent(1 / len(set(fit.datasets)))} for the dataset ID.",
    alt="Two scatter plots with a logarithmic axis of time: accuracy of dataset ID, with numbered "
    "points, and of modality. Circles see weights only; other markers see more.",
    data=table,
)

# %% [markdown]
# The same to explore, by the mean over seeds: point at a representation, and it tells its name.

# %% tags=["hide-input"]
interactive.accuracy_and_cost(
    table,
    "leaderboard",
    "Accuracy and cost to explore. Circles see weights only, squares are run as black boxes, diamonds "
    "see data; hollow ones were told labels. The paper's is red.",
    alt="A scatter plot with a logarithmic axis of time and a point for each representation.",
)

# %% [markdown]
# (settings-chosen-once)=
# ## Settings, chosen once
#
# Each row that trains a network had the same number of trials, two settings with two values each, the
# paper's method too (the row *settings chosen*; the paper's own row keeps the settings of chapter
# [3](03_meta_autoencoder.ipynb)). A trial fits the row on three quarters of the *fit* models of each
# training dataset of a demo zoo of the quick size, with a quarter of the training (TASK2VEC and MODEL2VEC, whose
# training is short, with all of it), and asks it for the dataset of the last quarter. What names most
# models won, the earlier one where two are equal. So labels of fit models were looked at; models that
# validate took no part. It was done once, by `benchmarks/choose.py`, and the winners stand in a file of
# the library, from which the rows above are made.

# %% tags=["hide-input"]
from metanet_lib.experiments.peers.choices import choices

settings = choices()
settings["row"] = settings["row"].map({peer.name: peer.title for peer in rows_of})
figures.show_table(
    settings.rename(columns=lambda name: name.replace("_", " ")),
    "settings_chosen",
    "Settings that the trials chose",
)

# %% [markdown]
# The rows without a network have no such settings. What changes before these trials chose, and how, is told
# on the page of [decisions](../book/decisions.md).
#
# Everything else that a representation is made with stands here, as this run had it: its authors' value
# where they name one, else ours; the paper's metanetworks stand in chapter [3](03_meta_autoencoder.ipynb).
# In a profile, `peers.settings` puts another in its place, such as
# `{sane: {temperature: 0.2}}`.

# %% tags=["hide-input", "hide-output"]
figures.show_table(
    pd.DataFrame(
        {
            "row": peer.name,
            "made with": ", ".join(f"{name} = {value}" for name, value in peer.settings().items()),
        }
        for peer in rows_of
        if peer.settings() and peer.name != "metanetwork"
    ),
    "settings_of_run",
    "Settings of each representation in this run",
)

# %% [markdown]
# ## Where the paper's method stands
#
# Two representations are told apart here if the 95 % interval of their difference leaves out 0: datasets
# are drawn anew, and both answer for the same models.

# %% tags=["hide-input"]
papers = table.set_index("row").loc["metanetwork"]
others = table[~table.row.isin(["metanetwork", "metanetwork_tuned", *(p.name for p in ours)])]
standing = pd.DataFrame(
    {
        "group": group,
        "labels": told,
        "name the dataset more often than the paper's": ", ".join(better.title),
        "not told apart": ", ".join(alike.title),
        "less often": ", ".join(worse.title),
    }
    for (group, told), some in others.groupby(["group", "labels"], sort=False)
    for better in [some[some.row.map(apart.low) > 0]]
    for worse in [some[some.row.map(apart.high) < 0]]
    for alike in [some.drop([*better.index, *worse.index])]
)
figures.show_table(
    standing.assign(labels=standing.labels.map({True: "told", False: "none"})),
    "beside_the_paper",
    "Representations told apart from the paper's, by group",
)

# %% [markdown]
# ## Read with care
#
# - The representations without a network use what we know of these models: a single layer whose inputs
#   are patches from random places. The paper asks for a way that carries over to any network; a Gram
#   matrix or a spectrum of filters does not, or not as it stands.
# - How the learned probes are pooled was chosen among four ways with validation models of a real corpus,
#   and whoever chooses which simple things to try has seen such models before.
# - None of these is its authors' code. A title that says *after* follows a method of that name, but not in
#   every part; every deviation is listed in the module of the representation.
# - The others' methods were made for other networks, larger and deeper. A low place here says how they
#   do on these models, and no more.

# %% tags=["remove-cell"]
from myst_nb import glue

with_author = {row.name for peer in rows_of if peer.cite for row in peer.rows()}
of_weights = others[(others.group == "weights only") & ~others.labels]
fair = of_weights[of_weights.row.isin(with_author)]
plain = of_weights[~of_weights.row.isin(with_author)].sort_values("dataset_id").iloc[-1]
best = fair.loc[fair.dataset_id.idxmax()]
fair_new = fair.loc[fair.dataset_id_new_files.idxmax()] if has_new else None
cheaper = fair[(fair.fit_seconds < papers.fit_seconds) & (fair.dataset_id > papers.dataset_id)]
for name, value in {
    "fair": len(fair),
    "fair_better": int((fair.row.map(apart.low) > 0).sum()),
    "fair_better_new": f"{int((fair.row.map(apart_new.low) > 0).sum())}"
    if has_new
    else "(not asked)",
    "fair_best_new": fair_new.title if has_new else "(not asked)",
    "fair_best_new_accuracy": percent(fair_new.dataset_id_new_files) if has_new else "(not asked)",
    "papers_new": percent(papers.dataset_id_new_files) if has_new else "(not asked)",
    "fair_best": best.title,
    "fair_best_accuracy": percent(best.dataset_id),
    "plain_best": plain.title,
    "plain_best_accuracy": percent(plain.dataset_id),
    "fair_better_mean": int((fair.dataset_id_mean > papers.dataset_id_mean).sum()),
    "papers_accuracy": percent(papers.dataset_id),
    "papers_mean": percent(papers.dataset_id_mean),
    "tuned_mean": percent(table.set_index("row").dataset_id_mean["metanetwork_tuned"]),
    "papers_span": span(papers.dataset_id_min, papers.dataset_id_max) + "\N{NO-BREAK SPACE}%",
    "papers_seconds": f"{papers.fit_seconds:,.0f}",
    "cheaper": len(cheaper),
}.items():
    glue(name, str(value), display=False)

# %% [markdown]
# ## What we saw
#
# - Of the {glue:text}`fair` rows of others' methods that see weights alone and no labels, at full width or in
#   16 numbers, {glue:text}`fair_better` name the dataset more often than the paper's 16 numbers
#   ({glue:text}`papers_accuracy`): the interval of the difference, paired by dataset, is above 0. The
#   best of them is *{glue:text}`fair_best`* with {glue:text}`fair_best_accuracy`. Of what is read off the
#   weights by no method of anybody's, *{glue:text}`plain_best`* names {glue:text}`plain_best_accuracy`.
# - Of models of new files, {glue:text}`fair_better_new` do so. The best there is
#   *{glue:text}`fair_best_new`* with {glue:text}`fair_best_new_accuracy`; the paper's 16 numbers name
#   {glue:text}`papers_new`.
# - By the mean over seeds, the one statistic that every row has, the paper's have {glue:text}`papers_mean`,
#   and {glue:text}`fair_better_mean` of the {glue:text}`fair` have more. With settings chosen by as many
#   trials as the others', the paper's method has {glue:text}`tuned_mean`.
# - {glue:text}`cheaper` of them do better, by the number alone, and are fitted in less time than the
#   {glue:text}`papers_seconds` seconds that one metanetwork trains.
# - The paper's method depends on its seed: {glue:text}`papers_span`, from the worst to the best.
# - What a representation must do is look past the order of the filters and past their random starts.
#   For one matrix, a few lines of linear algebra do the first exactly. Among the networks, some do it
#   by construction (their layers, or their sets, do not see the order), some have to learn it, and the
#   paper's sorts filters. How well each does the second, the table says.
