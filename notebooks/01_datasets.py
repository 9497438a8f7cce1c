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

# %% tags=["parameters"]
profile = "quick"  # names the results
corpus = "demo"  # "demo", or the folder of the real corpora
datasets = "all"  # "all" 41, or "available": those that the corpus has
patches = {  # how photographs and sounds become patches: see PatchParameters
    "per_dataset": 128000,
    "voc_split": "trainval",
    "voc_difficult": False,
    "voc_region": "image",
    "spread": "files",
    "normalisation": "dataset",
    "sample_rate": 22050,
    "n_fft": 2048,
    "hop_length": 512,
    "mel_scale": "power",
    "dynamic_range": 80.0,
    "seed": 0,
}

# %%
from metanet_lib.store import Results

results = Results(profile, corpus)
results

# %%
from IPython.display import Markdown

from metanet_lib.pipeline import make_corpus

chosen = make_corpus(results, datasets)

# %% tags=["hide-input"]
DEMO = """\
The **demo corpus** is synthetic: dead leaves {cite}`lee2001` for photographs, synthesised sounds for
recordings, in the official layouts of the three corpora and with parameters that differ by class. It
lets anyone run the book without a download. What it says about the method is real; what it says about
photographs is not. `make book CORPUS=folder` reads real photographs and recordings with the same code."""
REAL = """\
What this page shows are files found in the layouts of Pascal VOC, UrbanSound8K and IRMAS. Their terms,
whom to cite, and how to get and check them, is on the page [The corpora](../book/corpora.md)."""
Markdown(DEMO if results.is_demo else REAL)

# %% [markdown]
# ## Photographs and sounds as planes
#
# Both modalities are brought to one form, a *plane*:
#
# - a photograph becomes its grey levels, height by width;
# - a recording becomes a mel spectrogram with 16 bands, 16 by number of frames. Mel bands are narrow
#   at low frequencies and wide at high ones, as our hearing is. The paper says no more, so a number
#   is the power in a band, not its decibels: most of a recording is dark, and the loud stands out.
#
# Both are then normalised to 0-1 over the whole dataset. A *patch* is a 16x16 window of a plane. On a
# spectrogram, which is only 16 bands high, the window can slide along time only.

# %%
from itertools import islice

import pandas as pd
from tqdm.auto import tqdm

from metanet_lib.patches import PatchParameters, make_bank, planes

parameters = PatchParameters.of(patches)
few = PatchParameters.of({**patches, "per_dataset": 2000})
some_planes, samples, rows, skipped = {}, {}, [], {}
for dataset in tqdm(chosen, unit="dataset"):
    bank = make_bank(results.corpus_folder, dataset.id, few)
    sampled = bank.patches().numpy()
    some_planes[dataset.id] = list(islice(planes(results.corpus_folder, dataset.id, parameters), 6))
    samples[dataset.id] = sampled[:12]
    skipped.update(bank.skipped)
    rows.append(
        {
            "dataset": dataset.id,
            "title": dataset.title,
            "corpus": dataset.corpus,
            "role": dataset.role,
            "files": bank.files_used,
            "skipped": len(bank.skipped),
            "extent": bank.extent,
            "places": bank.places,
            "mean": sampled.mean(),
            "contrast": sampled.std(axis=1).mean(),
        }
    )
table = pd.DataFrame(rows)
results.save_table(table, "datasets")

# %% tags=["hide-input"]
of_voc = table.corpus == "voc"
Markdown(
    f"Read for this page, from the **{results.corpus_title}**: {len(table)} datasets; "
    f"{table.files[of_voc].sum():,} photographs with {table.extent[of_voc].sum() / 1e6:,.1f} million "
    f"pixels (one that shows several classes counts for each), {table.files[~of_voc].sum():,} "
    f"recordings that last {table.extent[~of_voc].sum() / 60:,.1f} minutes. "
    f"{len(skipped)} files were skipped."
)

# %% [markdown]
# ## The vision datasets
#
# The first six photographs of each, in grey levels. A photograph counts for every class it shows; one
# whose only objects of the class are marked "difficult" is left out.

# %% tags=["hide-input"]
from metanet_lib import figures
from metanet_lib.catalog import dataset as by_id

photographs = {
    i: [p.values for p in several]
    for i, several in some_planes.items()
    if by_id(i).modality == "vision"
}
if photographs:
    shown = figures.show(
        figures.contact_sheet(photographs),
        results,
        "contact_sheet",
        f"Six photographs of each vision dataset ({results.corpus_title}), cut to squares.",
        alt="Strips of six grey photographs, one strip for each Pascal VOC class, with its name and "
        "the dataset's id above.",
    )
else:
    shown = Markdown("This run has no vision datasets.")
shown

# %% [markdown]
# ## The audio datasets
#
# Three recordings of each, as the models see them: 16 mel bands, low below, time to the right.

# %% tags=["hide-input"]
gamma = 0.25 if parameters.mel_scale == "power" else 1  # of the pictures only
heard = {
    i: [p.normalised() for p in several[:3]]
    for i, several in some_planes.items()
    if by_id(i).modality == "audio"
}
if heard:
    shown = figures.show(
        figures.spectrograms(heard, parameters.hop_length / parameters.sample_rate, gamma),
        results,
        "spectrograms",
        f"Mel spectrograms of three recordings of each audio dataset ({results.corpus_title}), "
        "each from its softest to its loudest. Bright is loud. Brightness is the power to the "
        f"{gamma:g}, to be seen at all.",
        alt="Rows of small spectrograms, three for each class of UrbanSound8K and IRMAS: ten city "
        "sounds and eleven instruments.",
    )
else:
    shown = Markdown("This run has no audio datasets.")
shown

# %% [markdown]
# And as we hear them: the first recording of three datasets.

# %% tags=["hide-input"]
from IPython.display import display

from metanet_lib.corpora import read_waveform

wanted = [i for i in ("a:dog", "a:sir", "a:cel") if i in heard] or list(heard)[:3]
for i in wanted:
    path = some_planes[i][0].path
    title = f"{by_id(i).title} ({i})"
    display(figures.listen(read_waveform(path), title, f"{title}: {path.name}"))

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
    "Twelve random patches of each of the 41 datasets. Left: vision. Right: audio, low bands below, "
    f"brightened as above (to the power of {gamma:g}).",
    alt="Forty-one rows of twelve 16x16 patches. Photograph patches show edges and flat areas, sound "
    "patches show horizontal and vertical stripes.",
)

# %% [markdown]
# ## How large are they?
#
# *Places* counts the different windows a dataset has: patches are sampled from them with
# replacement, a file first and then a place in it, so that a large photograph or a long recording
# does not outweigh the others. *Contrast* is the mean standard deviation within a patch.

# %% tags=["hide-input"]
table.assign(
    extent=[
        f"{row.extent / 1e6:.1f} Mpixel" if row.corpus == "voc" else f"{row.extent:.0f} s"
        for row in table.itertuples()
    ]
).style.hide().format(precision=2, thousands=",")

# %% [markdown]
# Files that could not be used, and why. They are left out and the rest of their dataset is used.

# %% tags=["hide-input"]
unused = pd.DataFrame(skipped.items(), columns=["file", "why it is skipped"])
unused.style.hide() if len(unused) else Markdown("There are none.")

# %% [markdown]
# Twenty of the 41 *train* the meta level: models of these fit the metanetwork and the classifier. The
# other 21 are *unseen*: their models are only ever asked about. The paper does not name its twenty; we
# take the first of each corpus in its own order.

# %% tags=["hide-input"]
table.groupby(["corpus", "role"], sort=False).agg(
    datasets=("dataset", "size"), files=("files", "sum"), ids=("dataset", " ".join)
).reset_index().style.hide()

# %% [markdown]
# ## What we saw
#
# - 41 datasets of two modalities become patches of one form: 256 numbers between 0 and 1.
# - Modality is easy to see in a patch, the dataset hardly ever. A model that has seen many thousands
#   of them may know more.
# - Files smaller than a patch are skipped and counted; nothing is padded.
