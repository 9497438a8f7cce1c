"""Claims of the table *Fixed choices* in ``book/decisions.md``: the code does what it says."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from torch import nn

from metanet_lib.catalog import dataset
from metanet_lib.data.corpora import read_image, read_waveform
from metanet_lib.data.patches import PatchParameters, make_bank, planes, split_files
from metanet_lib.interpret import Familiarity, InterpretParameters, meta_classifier
from metanet_lib.metanetwork import (
    MetaAutoencoder,
    MetanetworkParameters,
    fit_autoencoder,
    initialise,
    training,
)
from metanet_lib.representations import RawWeights
from metanet_lib.zoo import Autoencoder, ModelSeed, ZooParameters, initial_model, train_one

CHECKS: dict[str, Callable[[Path], None]] = {}


def check(row):
    """Name the row of the table that a function checks."""
    return lambda function: CHECKS.setdefault(row, function)


def rows_of_the_table() -> list[str]:
    """First column of the table under the heading *Fixed choices*."""
    text = Path("book/decisions.md").read_text().partition("## Fixed choices")[2]
    table = text.partition("\n## ")[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()
            if line.startswith("| ") and not line.startswith("| what")]  # fmt: skip


def test_every_row_of_the_table_is_checked():
    assert rows_of_the_table() == list(CHECKS)


@check("grey levels")
def _(folder):
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(colours).save(folder / "colours.png")
    luma = colours @ [0.299, 0.587, 0.114]
    assert np.abs(read_image(folder / "colours.png") - luma).max() <= 1


@check("grey before normalisation")
def _(folder):
    corpus = folder / "VOCdevkit" / "VOC2012"
    for part in ("ImageSets/Main", "JPEGImages"):
        (corpus / part).mkdir(parents=True)
    (corpus / "ImageSets/Main/cat_trainval.txt").write_text("a  1\n")
    blue = np.zeros((16, 32, 3), np.uint8)
    blue[:, 16:, 2] = 255  # grey level 29
    Image.fromarray(blue).save(corpus / "JPEGImages/a.jpg", "PNG")
    assert make_bank(folder, "v:cat", PatchParameters(per_dataset=100)).patches().max() == 1


@check("channels of a recording")
def _(folder):
    soundfile.write(folder / "two.wav", [[0.5, 0.25]] * 10, 8000, subtype="FLOAT")
    assert read_waveform(folder / "two.wav").samples.tolist() == [0.375] * 10


@check("the mel spectrogram")
def _(folder):
    where = folder / "IRMAS-TrainingData" / "cel"
    where.mkdir(parents=True)
    sound = np.random.default_rng(0).normal(size=22050).astype(np.float32) / 10
    soundfile.write(where / "a.wav", sound, 22050, subtype="FLOAT")
    (plane,) = planes(folder, "a:cel", PatchParameters())
    hertz = np.arange(1025) * 22050 / 2048
    # Slaney's scale: linear below 1000 Hz (15 mels), logarithmic above, 27 mels to a factor 6.4.
    top = 15 + 27 * np.log(11025 / 1000) / np.log(6.4)
    mels = np.linspace(0, top, 18)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    rise = (hertz - edges[:16, None]) / np.diff(edges)[:16, None]
    fall = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    bands = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:16]))[:, None]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    power = np.abs(np.fft.rfft(sound[:2048] * hann)) ** 2
    assert plane.values[:, 0] == pytest.approx(bands @ power, rel=1e-3)


@check("patches with replacement")
def _(folder):
    CHECKS["grey before normalisation"](folder)  # writes a photograph of 17 places
    bank = make_bank(folder, "v:cat", PatchParameters(per_dataset=100))
    assert (bank.places, len(bank)) == (17, 100)


@check("new files of few")
def _(folder):
    def split(n):
        files = [SimpleNamespace(recording=str(i)) for i in range(n)]
        both = split_files(files, dataset("v:aer"), PatchParameters(new_files=0.25))
        return [len(part) for part in both]

    assert split(7) == [7, 0]
    assert split(8) == [6, 2]


@check("biases of the zoo's autoencoder")
def _(folder):
    model = Autoencoder()
    assert model.encoder.bias is None
    assert model.decoder.bias.shape == (256,)


@check("biases at the start")
def _(folder):
    of_zoo = initial_model(ModelSeed(0, "v:aer", 0), ZooParameters())
    of_meta = MetaAutoencoder(MetanetworkParameters())
    initialise(of_meta, torch.Generator().manual_seed(0))
    layers = [m for m in of_meta.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert not of_zoo.decoder.bias.any()
    assert len(layers) == 12
    assert not any(layer.bias.any() for layer in layers)


@check("the last, incomplete batch")
def _(folder):
    patches = torch.rand(70, 256)
    steps = {"zoo": [], "meta": []}

    class Counted(torch.optim.Adam):
        def step(self, *given):
            steps["zoo"].append(given)
            return super().step(*given)

    class CountedStep(training.CompiledStep):
        def __call__(self, x):
            steps["meta"].append(len(x))
            return super().__call__(x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", Counted)
        patch.setattr(training, "CompiledStep", CountedStep)
        train_one(patches, "v:aer", 0, ZooParameters(batch_size=32))
        p, generator = MetanetworkParameters(batch_size=32), torch.Generator().manual_seed(0)
        fit_autoencoder(nn.Linear(256, 256), patches, 1, p, generator, "linear")
    assert len(steps["zoo"]) == 2
    assert steps["meta"] == [32, 32, 6]


@check("a convolution of the metanetwork")
def _(folder):
    encoder = MetaAutoencoder(MetanetworkParameters()).unitwise.encoder
    block = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert [type(layer).__name__ for layer in encoder[1:13]] == 3 * block
    assert {layer.padding for layer in encoder if isinstance(layer, nn.Conv2d)} == {"same"}
    assert {layer.kernel_size for layer in encoder if isinstance(layer, nn.MaxPool2d)} == {2}


@check("votes, and ties")
def _(folder):
    at = np.zeros((5, 256, 16), np.float32)
    at[:, 0, 0] = [1, 2, 3, 4, 9]
    labels = np.array(["b", "b", "a", "a", "c"])
    classifier = meta_classifier(RawWeights(), InterpretParameters(k=4)).fit(at, labels)
    asked = np.zeros((1, 256, 16), np.float32)  # the two of b are nearer
    assert classifier.predict(asked).tolist() == ["a"]


@check("unlike anything seen")
def _(folder):
    models = np.random.default_rng(0).normal(size=(5, 256, 16)).astype(np.float32)
    familiar = Familiarity(dimensions=3).fit(models)
    basis = np.linalg.qr(models[0]).Q
    shuffled = familiar._directions[1:] @ (basis @ basis.T).ravel()
    known = np.square(shuffled).sum(1) / 16  # shares of the column space
    assert len(known) == 32
    assert familiar.more(models)[1][0] == pytest.approx(4 * known.std(), rel=1e-3)


@pytest.mark.parametrize("row", CHECKS)
def test_a_fixed_choice_is_as_the_table_says(row, tmp_path):
    CHECKS[row](tmp_path)
