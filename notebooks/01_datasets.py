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
# # What are the models trained on?
#
# Before we interpret a model we need models whose ability we know. The paper's are trained on 41
# *datasets* of two modalities: 20 classes of photographs from Pascal VOC {cite}`everingham`, 10
# classes of city sounds from UrbanSound8K {cite}`salamon2014` and 11 musical instruments from IRMAS
# {cite}`bosch2014`. This chapter looks at them, and at how a photograph and a sound both become
# something that one architecture can learn: a patch of 16x16 numbers (paper, section 4.2).
#
# In short: both become patches of one form, 256 numbers between 0 and 1; a photograph's have a mean of
# {glue:text}`mean_vision` and a contrast of {glue:text}`contrast_vision`, a sound's {glue:text}`mean_audio` and
# {glue:text}`contrast_audio`.

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {"per_dataset": 128000}  # the rest: defaults of PatchParameters

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %%
from metanet_lib.zoo.pipeline import make_corpus

chosen = make_corpus(results, datasets)

# %% tags=["hide-input"]
from IPython.display import Markdown, display

DEMO = """\
The **demo corpus** is synthetic: dead leaves {cite}`lee2001` for photographs, synthesised sounds for
recordings, in the official layouts of the three corpora and with parameters that differ by class. It
lets anyone run the book without a download. What it says about the method is real; what it says about
photographs is not. `make book CORPUS=folder` reads real photographs and recordings with the same code."""
REAL = """\
The files of this corpus lie in the layouts of Pascal VOC, UrbanSound8K and IRMAS, and their class
labels are those of the three. [The corpora](../book/corpora.md) has their licences, whom to cite, and
how to get and check them."""
Markdown(DEMO if results.is_demo else REAL)

# %% [markdown]
# Here the files are read, and a few patches are drawn from each dataset. What *planes* and *patches*
# are comes below.

# %%
from itertools import islice

import pandas as pd
from tqdm.auto import tqdm

from metanet_lib.data.patches import (
    PatchParameters,
    files_of,
    make_bank,
    planes,
)

parameters = PatchParameters.of(patches)
few = PatchParameters.of({**patches, "per_dataset": 2000})
first_planes, samples, rows, skipped = {}, {}, [], {}
folder = results.corpus_folder
for dataset in tqdm(chosen, unit="dataset"):
    bank = make_bank(folder, dataset.id, few)
    sampled = bank.patches().numpy()
    samples[dataset.id] = sampled[:12]
    first = islice(planes(folder, dataset.id, parameters), 6)
    first_planes[dataset.modality, dataset.id] = list(first)
    skipped.update(bank.skipped)
    _, new = files_of(folder, dataset, parameters)
    rows.append(
        {
            "dataset": dataset.id,
            "title": dataset.title,
            "corpus": dataset.corpus,
            "role": dataset.role,
            "files": bank.files_used,
            "new files": len(new),
            "skipped": len(bank.skipped),
            "extent": bank.extent,
            "places": bank.places,
            "mean": sampled.mean(),
            "contrast": sampled.std(axis=1).mean(),
        }
    )
table = pd.DataFrame(rows)

# %% tags=["hide-input"]
results.save_table(table, "datasets")
modality = table.corpus.map(lambda name: "vision" if name == "voc" else "audio")
amount = table.groupby(modality)[["files", "extent"]].sum().reindex(["vision", "audio"]).fillna(0)
Markdown(
    f"Used, of the **{results.corpus_title}**: {len(table)} datasets; "
    f"{amount.files.vision:,.0f} photographs, {amount.extent.vision / 1e6:,.1f} million pixels (one "
    f"that shows several classes counts for each); {amount.files.audio:,.0f} recordings, "
    f"{amount.extent.audio / 60:,.1f} minutes. Files skipped: {len(skipped):,}."
)

# %% [markdown]
# ## Photographs and sounds as planes
#
# Both modalities are brought to one form, a *plane*:
#
# - a photograph becomes its grey levels, height by width;
# - a recording becomes a mel spectrogram with 16 bands, 16 by number of frames. Mel bands are narrow
#   at low frequencies and wide at high ones, as our hearing is. The paper says no more, so by default a
#   number is the power in a band, not its decibels.
#
# Both are then normalised to 0-1, by default over the whole dataset. A *patch* is a 16x16 window of a
# plane. On a spectrogram, which is only 16 bands high, the window can slide along time only. What this
# run does:

# %% tags=["hide-input"]
Markdown(
    f"Numbers of a spectrogram: **{parameters.mel_scale}**. Least and most of the normalisation: those "
    f"of a **{parameters.normalisation}**."
)

# %% [markdown]
# ## Same files, new files
#
# In the paper all models of a dataset see the same files. Whoever then names the dataset may know what
# its photographs have in common, or know these photographs. To tell, a share of each dataset's files
# (`new_files`) is kept apart: no model of the dataset that fits anything sees them, and models are trained
# on them alone, to be asked about. (A photograph that shows two classes may be new for one and not for the
# other. Their patches are normalised on their own.) What was cut from one recording stays together. A dataset with too few
# recordings to spare keeps none apart, and is left out where new files are asked about.

# %% tags=["hide-input"]
too_few = table[(table["new files"] == 0) & (table.role == "trains")].dataset
Markdown(
    f"Kept apart: {table['new files'].sum():,} of {(table.files + table['new files']).sum():,} files. "
    f"Training datasets with too few: {', '.join(too_few) or 'none'}."
)

# %% [markdown]
# ## The vision datasets
#
# The first photographs of each, in grey levels as the models see them. A photograph counts for every
# class it shows; one whose only objects of the class are marked "difficult" is left out.

# %% tags=["hide-input"]
from metanet_lib import figures

seen = {i: [p.values for p in ps] for (kind, i), ps in first_planes.items() if kind == "vision"}
figures.show(
    figures.contact_sheet(seen),
    results,
    "contact_sheet",
    f"The first six photographs of each vision dataset ({results.corpus_title}), cut to squares.",
    alt=f"{len(seen)} strips of small grey photographs, one for each Pascal VOC class, with the "
    "class's name and the dataset's id above.",
    data="the corpus",
) if seen else Markdown("This run has no vision datasets.")

# %% [markdown]
# ## The audio datasets
#
# The first recordings of each, as the models see them: 16 mel bands, low below, time to the right.

# %% tags=["hide-input"]
gamma = 0.25 if parameters.mel_scale == "power" else 1  # of the pictures only
brightened = f", brightened (to the power of {gamma:g}) to be seen at all" if gamma < 1 else ""
heard = {i: ps[:3] for (kind, i), ps in first_planes.items() if kind == "audio"}
figures.show(
    figures.spectrograms(
        {i: [p.normalised() for p in ps] for i, ps in heard.items()},
        parameters.hop_length / parameters.sample_rate,
        gamma,
    ),
    results,
    "spectrograms",
    f"Mel spectrograms of the first three recordings of each audio dataset ({results.corpus_title}), "
    f"end to end, on one scale of time. Bright is loud: each from its softest to its loudest{brightened}.",
    alt=f"{len(heard)} small panels, one for each class of UrbanSound8K and IRMAS that the corpus has, "
    "with up to three spectrograms side by side.",
    data="the corpus",
) if heard else Markdown("This run has no audio datasets.")

# %% [markdown]
# Some of these datasets to listen to: of each, the longest of the recordings above.

# %% tags=["hide-input"]
from metanet_lib.catalog import dataset as by_id
from metanet_lib.data.corpora import read_waveform

for i in sorted(heard, key=lambda i: i not in ("a:dog", "a:sir", "a:cel"))[:3]:
    longest = max(heard[i], key=lambda plane: plane.extent)
    title = f"{by_id(i).title} ({i})"
    sound = read_waveform(longest.path)
    display(figures.listen(*sound, title, f"{title}, {longest.path.name}"))

# %% [markdown]
# ## The patches
#
# This is all that a model to interpret ever sees of its dataset. Would you know the dataset from
# these?

# %% tags=["hide-input"]
figures.show(
    figures.patch_gallery(samples, gamma),
    results,
    "patches",
    f"Twelve random patches of each dataset ({results.corpus_title}): photographs; and sounds, low "
    f"bands below{brightened}.",
    alt=f"{len(samples)} rows of twelve 16x16 patches. Photograph patches show edges and flat areas, "
    "sound patches show horizontal and vertical stripes.",
    data="the corpus",
)

# %% [markdown]
# ## How large are they?
#
# *Places* counts the different windows a dataset has: patches are sampled from them with
# replacement, a file first and then a place in it, so that a large photograph or a long recording
# does not outweigh the others. *Contrast* is the mean standard deviation within a patch.

# %% tags=["hide-input"]
figures.show_table(
    table.assign(
        extent=[
            f"{row.extent / 1e6:.1f}\N{NO-BREAK SPACE}Mpixel"
            if row.corpus == "voc"
            else f"{row.extent:.0f} s"
            for row in table.itertuples()
        ]
    ).style.format(precision=2, thousands=","),
    "dataset_sizes",
    "Files of each dataset, and its patches",
)

# %% tags=["hide-input"]
unused = pd.DataFrame(skipped.items(), columns=["file", "why it is skipped"])
if skipped:
    display(
        figures.show_table(
            unused.head(10),
            "skipped_files",
            "Files that are skipped, ten at most, and why",
        )
    )
else:
    display(Markdown("No file was skipped."))

# %% [markdown]
# In the paper, 20 of the 41 datasets *train* the meta level: models of these fit the metanetwork and
# the classifier. The other 21 are *unseen*: their models are only ever asked about. The paper does not
# name its 20; unless a profile names others, we take the first of each corpus in its own order:

# %% tags=["hide-input"]
figures.show_table(
    table.groupby(["corpus", "role"], sort=False)
    .agg(datasets=("dataset", "size"), files=("files", "sum"), ids=("dataset", " ".join))
    .reset_index(),
    "datasets_by_role",
    "Datasets and files, by corpus and role",
)

# %% tags=["remove-cell"]
from myst_nb import glue

of_modality = table.assign(modality=modality).groupby("modality")[["mean", "contrast"]].mean()
for kind in ("vision", "audio"):
    there = kind in of_modality.index
    for name in ("mean", "contrast"):
        value = f"{of_modality.loc[kind, name]:.2f}" if there else "(none here)"
        glue(f"{name}_{kind}", value, display=False)

# %% [markdown]
# ## What we saw
#
# - Datasets of two modalities become patches of one form: 256 numbers between 0 and 1. The mean is
#   {glue:text}`mean_vision` in photographs and {glue:text}`mean_audio` in sounds, the contrast
#   {glue:text}`contrast_vision` and {glue:text}`contrast_audio` (datasets counted alike).
# - Can you tell the modality of a patch, and its dataset? What a model knows that has seen many
#   thousands of them is the question of this book.
# - Files that are broken, or smaller than a patch, are skipped and named.
