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
patches = {  # how photographs and sounds become patches: see PatchParameters
    "per_dataset": 128000,
    "voc_split": "trainval",
    "voc_difficult": False,
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

# %% [markdown]
# The **demo corpus** is synthetic: dead leaves {cite}`lee2001` for photographs, synthesised sounds
# for recordings, in the official layouts of the three corpora and with parameters that differ by
# class. It lets anyone run the book without a download. What it says about the method is real; what
# it says about photographs is not. `make book CORPUS=folder` reads real photographs and recordings
# with the same code.

# %%
from metanet_lib.pipeline import make_corpus

make_corpus(results)

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
import pandas as pd
from tqdm.auto import tqdm

from metanet_lib.catalog import DATASETS
from metanet_lib.patches import PatchParameters, planes, sample

parameters = PatchParameters.of(patches)
gamma = 0.25 if parameters.mel_scale == "power" else 1  # of the pictures only
pictures, samples, rows = {}, {}, []
for dataset in tqdm(DATASETS, unit="dataset"):
    source = planes(results.corpus_folder, dataset.id, parameters)
    bank = sample(source, PatchParameters.of({**patches, "per_dataset": 2000}))
    pictures[dataset.id] = source.planes[0].normalised()
    samples[dataset.id] = bank.patches[:12]
    rows.append(
        {
            "dataset": dataset.id,
            "title": dataset.title,
            "corpus": dataset.corpus,
            "role": dataset.role,
            "files": bank.files_used,
            "skipped": bank.files_skipped,
            "extent": bank.extent,
            "places": bank.places,
            "mean": bank.patches.mean(),
            "contrast": bank.patches.std(axis=1).mean(),
        }
    )
datasets = pd.DataFrame(rows)
results.save_table(datasets, "datasets")
print(
    f"{datasets.files.sum():,} files used, {datasets.skipped.sum():,} skipped as too small or too short"
)

# %% [markdown]
# ## The vision datasets
#
# One photograph of each. An image counts for every class it shows; images whose only objects of the
# class are marked "difficult" are left out.

# %% tags=["hide-input"]
from metanet_lib import figures
from metanet_lib.catalog import dataset as by_id

figures.show(
    figures.contact_sheet({i: p for i, p in pictures.items() if by_id(i).modality == "vision"}),
    results,
    "contact_sheet",
    f"One picture of each vision dataset ({results.corpus_title}), normalised grey levels.",
    alt="Twenty grey pictures, one for each Pascal VOC class, with the dataset's id above each.",
)

# %% [markdown]
# ## The audio datasets
#
# One recording of each, as the models see it: 16 mel bands, low below, time to the right.

# %% tags=["hide-input"]
figures.show(
    figures.spectrograms(
        {i: p for i, p in pictures.items() if by_id(i).modality == "audio"},
        parameters.hop_length / parameters.sample_rate,
        gamma,
    ),
    results,
    "spectrograms",
    f"Mel spectrogram of one recording of each audio dataset ({results.corpus_title}). "
    f"Bright is loud; time in seconds. Brightness is the power to the {gamma:g}, to be seen at all.",
    alt="Twenty-one small spectrograms, one for each class of UrbanSound8K and IRMAS: ten city sounds "
    "and eleven instruments.",
)

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
shown = datasets.assign(
    extent=[
        f"{row.extent / 1e6:.1f} Mpixel" if row.corpus == "voc" else f"{row.extent:.0f} s"
        for row in datasets.itertuples()
    ]
)
shown.style.hide().format(precision=2, thousands=",")

# %% [markdown]
# Twenty of the 41 *train* the meta level: models of these fit the metanetwork and the classifier. The
# other 21 are *unseen*: their models are only ever asked about. The paper does not name its twenty; we
# take the first of each corpus in its own order.

# %% tags=["hide-input"]
datasets.groupby(["corpus", "role"], sort=False).agg(
    datasets=("dataset", "size"), files=("files", "sum"), ids=("dataset", " ".join)
).reset_index().style.hide()

# %% [markdown]
# ## What we saw
#
# - 41 datasets of two modalities become patches of one form: 256 numbers between 0 and 1.
# - Modality is easy to see in a patch, the dataset hardly ever. A model that has seen many thousands
#   of them may know more.
# - Files smaller than a patch are skipped and counted; nothing is padded.
