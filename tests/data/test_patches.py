import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import CorpusError
from metanet_lib.data.patches import PatchParameters, make_bank, planes

FEW = PatchParameters(per_dataset=500)


def write_photographs(root, arrays):
    """Write Pascal VOC with these grey levels (uint8) as its cats, without loss."""
    year = root / "VOCdevkit" / "VOC2012"
    listing = year / "ImageSets" / "Main" / "cat_trainval.txt"
    listing.parent.mkdir(parents=True)
    (year / "JPEGImages").mkdir()
    for i, array in enumerate(arrays):  # PNG by content: the reader looks at that
        Image.fromarray(array).save(year / "JPEGImages" / f"{i}.jpg", "PNG")
    listing.write_text("".join(f"{i}  1\n" for i in range(len(arrays))))
    return root


def write_cellos(root, sounds, rate=22050):
    """Write IRMAS with these waveforms as its cellos."""
    folder = root / "IRMAS-TrainingData" / "cel"
    folder.mkdir(parents=True)
    for i, sound in enumerate(sounds):
        soundfile.write(folder / f"{i}.wav", sound, rate, subtype="FLOAT")
    return root


def noise(seconds, amplitude=0.1, rate=22050):
    return amplitude * np.random.default_rng(0).normal(size=int(seconds * rate))


def grey(height, width, low=0, high=256):
    return np.random.default_rng(0).integers(low, high, (height, width), dtype=np.uint8)


def cats(tmp_path, arrays, **changes):
    """A bank of 500 patches (or as ``changes`` say) of these photographs."""
    return make_bank(write_photographs(tmp_path, arrays), "v:cat", replace(FEW, **changes))


def scaled(values, low, high):
    if values.dtype == np.uint8:  # as a bank keeps grey levels
        return (values - np.float32(low)) * (np.float32(1) / np.float32(high - low))
    return (values - np.float32(low)) / np.float32(high - low)


@pytest.mark.parametrize("dataset_id", ["v:cat", "a:cel"])
@pytest.mark.parametrize("normalisation", ["dataset", "file"])
def test_every_patch_of_a_bank_is_a_normalised_window_of_a_file(
    tmp_path, dataset_id, normalisation
):
    if dataset_id == "v:cat":
        root = write_photographs(tmp_path, [grey(16, 30, 50, 100), grey(40, 17, 90, 201)])
    else:
        root = write_cellos(tmp_path, [noise(1), noise(1, 0.3)])
    some = replace(FEW, normalisation=normalisation)
    there = list(planes(root, dataset_id, some))
    limits = [(p.values.min(), p.values.max()) for p in there]
    if normalisation == "dataset":
        limits = [(min(low for low, _ in limits), max(high for _, high in limits))] * 2
    windows = {
        scaled(window, *limit).tobytes()
        for plane, limit in zip(there, limits, strict=True)
        for window in plane.windows.reshape(-1, 256)
    }
    patches = make_bank(root, dataset_id, some).patches().numpy()
    assert patches.shape == (500, 256)
    assert patches.dtype == np.float32
    assert {patch.tobytes() for patch in patches} <= windows


def test_a_bank_is_the_same_each_time_on_any_threads_and_another_with_another_seed(demo_corpus):
    one, two = (make_bank(demo_corpus, "v:cow", FEW, threads).patches() for threads in (1, 3))
    other = make_bank(demo_corpus, "v:cow", replace(FEW, seed=1)).patches()
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_neighbouring_rows_come_from_files_drawn_independently(tmp_path):
    dark, bright = grey(20, 20, 0, 10), grey(20, 20, 245, 256)
    values = cats(tmp_path, [dark, bright], per_dataset=4000).patches().numpy()[:, 0] > 0.5
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.05


@pytest.mark.parametrize("mel_scale", ["power", "decibel"])
@pytest.mark.parametrize("dataset_id", ["v:per", "a:gun", "a:org"])
def test_banks_of_the_real_corpus_are_finite_and_in_0_to_1(real_corpus, dataset_id, mel_scale):
    patches = make_bank(real_corpus, dataset_id, replace(FEW, mel_scale=mel_scale)).patches()
    assert patches.isfinite().all()
    assert 0 <= patches.min() < patches.max() <= 1
    if dataset_id == "v:per" or mel_scale == "decibel":  # power is dark but for the loudest
        assert patches.std() > 0.1


def test_a_window_drawn_often_is_kept_once_and_grey_levels_stay_bytes(tmp_path):
    bank = cats(tmp_path, [grey(17, 17)])
    assert len(bank) == 500
    assert bank.windows.shape == (4, 256)
    assert bank.windows.dtype == torch.uint8
    assert set(bank.draws.tolist()) == {0, 1, 2, 3}


def test_small_photographs_are_skipped_and_named_never_padded(tmp_path):
    sizes = [(10, 10), (16, 16), (15, 400), (400, 15), (20, 17)]
    bank = cats(tmp_path, [grey(*size) for size in sizes])
    assert bank.files_used == 2
    assert [name for name, _ in bank.skipped] == [
        f"VOCdevkit/VOC2012/JPEGImages/{i}.jpg" for i in (0, 2, 3)
    ]
    assert bank.skipped[1][1] == "it has 400x15 pixels, too small for a patch of 16x16"
    assert bank.places == 1 + 5 * 2
    assert bank.extent == 16 * 16 + 20 * 17


def test_short_clips_are_skipped_and_named_never_padded(tmp_path):
    whole = 2048 + 15 * 512  # samples of 16 whole frames
    root = write_cellos(tmp_path, [noise(1)[: whole - 1], noise(1)[:whole], noise(0.05), []])
    bank = make_bank(root, "a:cel", FEW)
    assert (bank.files_used, bank.places) == (1, 1)
    reasons = [reason for _, reason in bank.skipped]
    assert ["too short" in reason for reason in reasons] == [True, True, False]
    assert "it holds no samples" in reasons[2]
    assert bank.extent == pytest.approx(whole / 22050)
    assert (bank.patches() == bank.patches()[0]).all()


@pytest.mark.parametrize("mel_scale", ["decibel", "power"])
def test_silence_and_flat_grey_are_skipped_there_is_nothing_to_learn(tmp_path, mel_scale):
    sounds = write_cellos(tmp_path / "a", [np.zeros(22050), noise(1)])
    heard = make_bank(sounds, "a:cel", replace(FEW, mel_scale=mel_scale))
    seen = cats(tmp_path / "v", [np.full((20, 20), 77, np.uint8), grey(20, 20)])
    for bank in (heard, seen):
        assert bank.files_used == 1
        assert "nothing to learn" in bank.skipped[0][1]


def test_other_draws_stand_in_for_those_of_a_file_that_breaks_when_decoded(tmp_path):
    root = write_photographs(tmp_path, [grey(20, 20, 0, 100), grey(20, 20, 0, 255)])
    path = root / "VOCdevkit/VOC2012/JPEGImages/1.jpg"
    path.write_bytes(path.read_bytes()[:-200])  # its header still gives its size
    bank = make_bank(root, "v:cat", FEW)
    assert bank.files_used == 1
    assert bank.skipped[0][0].endswith("1.jpg")
    assert len(bank) == 500
    assert bank.limits.flatten().tolist() == [0, 99]


def test_a_dataset_is_used_even_if_the_only_draw_fell_on_a_file_that_breaks(tmp_path):
    root = write_photographs(tmp_path, [grey(20, 20)] * 4)
    for i in range(3):
        path = root / f"VOCdevkit/VOC2012/JPEGImages/{i}.jpg"
        path.write_bytes(path.read_bytes()[:-200])
    for seed in range(5):
        bank = make_bank(root, "v:cat", replace(FEW, per_dataset=1, seed=seed))
        assert (len(bank), bank.files_used, len(bank.skipped)) == (1, 1, 3)


@pytest.mark.parametrize("kind", ["photographs", "clips"])
def test_a_dataset_without_a_usable_file_is_named_with_its_files_and_reasons(tmp_path, kind):
    if kind == "photographs":
        root, dataset_id = write_photographs(tmp_path, [grey(10, 10)] * 2), "v:cat"
        message = (
            r"v:cat \(cat\): no usable file in [\s\S]*found 2 .*\n.*0\.jpg: .*\n.*1\.jpg: .*small"
        )
    else:
        root, dataset_id = write_cellos(tmp_path, [noise(0.05)] * 3), "a:cel"
        message = r"a:cel \(cello\): no usable file in [\s\S]*found 3 .*\n.*0\.wav: .*too short"
    with pytest.raises(CorpusError, match=message):
        make_bank(root, dataset_id, FEW)


def test_spread_over_files_weighs_files_alike_and_over_places_by_their_places(tmp_path):
    small, large = grey(16, 25, 0, 10), grey(16, 105, 245, 256)  # 10, 90 places
    root = write_photographs(tmp_path, [small, large])
    many = replace(FEW, per_dataset=10_000)
    share = {
        spread: (make_bank(root, "v:cat", replace(many, spread=spread)).patches()[:, 0] > 0.5)
        .float()
        .mean()
        for spread in ("files", "places")
    }
    assert share["files"] == pytest.approx(0.5, abs=0.02)  # four standard errors
    assert share["places"] == pytest.approx(0.9, abs=0.012)


def test_every_place_is_drawn_equally_often(tmp_path):
    draws = cats(tmp_path, [grey(18, 18)], per_dataset=9000).draws
    assert draws.bincount().numpy() == pytest.approx(np.full(9, 1000), abs=130)


def test_patches_of_boxes_lie_within_the_boxes_of_the_class(tmp_path):
    left = np.concatenate([grey(40, 30, 0, 10), grey(40, 30, 200, 256)], axis=1)
    root = write_photographs(tmp_path, [left, left])
    year = root / "VOCdevkit/VOC2012"
    (year / "Annotations").mkdir()
    thing = (
        "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>1</ymin>"
        "<xmax>{}</xmax><ymax>40</ymax></bndbox></object>"
    )
    cat, dog = thing.format("cat", 0, "1.0", 30), thing.format("dog", 0, 31, 60)
    hidden, tiny = thing.format("cat", 1, 31, 60), thing.format("cat", 0, 50, 60)
    (year / "Annotations/0.xml").write_text(f"<annotation>{cat}{dog}{hidden}{tiny}</annotation>")
    (year / "Annotations/1.xml").write_text("<annotation><object>")
    boxes = replace(FEW, voc_region="box")
    bank = make_bank(root, "v:cat", boxes)
    assert bank.files_used == 1
    assert bank.windows.max() < 10
    assert [reason for _, reason in bank.skipped] == [
        "its box has 11x40 pixels, too small for a patch of 16x16",
        "cannot read its boxes in 1.xml (no element found: line 1, column 20)",
    ]
    assert make_bank(root, "v:cat", replace(boxes, voc_difficult=True)).windows.max() > 200


def test_a_spectrogram_has_16_bands_low_ones_first_and_only_whole_frames(tmp_path):
    t = np.arange(22050) / 22050
    root = write_cellos(tmp_path, [np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 8000 * t)])
    low, high = (plane.values for plane in planes(root, "a:cel", FEW))
    assert low.shape == (16, 1 + (22050 - 2048) // 512)
    assert low.mean(axis=1).argmax() < 3
    assert high.mean(axis=1).argmax() > 12


def test_centred_frames_start_and_end_in_silence_and_are_counted_by_the_header(tmp_path):
    root = write_cellos(tmp_path, [np.ones(22050) * 0.1 + noise(1)])
    whole, centred = (
        next(planes(root, "a:cel", replace(FEW, center=center))).values for center in (False, True)
    )
    assert centred.shape[1] == 1 + 22050 // 512 > whole.shape[1]
    assert np.allclose(centred[:, 2 : 2 + whole.shape[1]], whole, rtol=1e-3)  # 1024 = 2 x 512
    bank = make_bank(root, "a:cel", replace(FEW, center=True, spread="places"))
    assert bank.places == centred.shape[1] - 15


def test_decibels_end_at_the_dynamic_range_below_the_maximum(tmp_path):
    root = write_cellos(tmp_path, [np.concatenate([noise(1), np.zeros(22050)])])
    decibels = replace(FEW, mel_scale="decibel", per_dataset=2000)
    (plane,) = planes(root, "a:cel", decibels)
    for dynamic_range in (40.0, 80.0):
        patches = make_bank(root, "a:cel", replace(decibels, dynamic_range=dynamic_range)).patches()
        lower = (plane.values - plane.values.max()) / dynamic_range
        assert patches.min() == 0
        assert patches.max() == 1
        heights = np.unique(patches.numpy().round(3))
        assert np.isin(heights, np.unique(np.clip(1 + lower, 0, 1).round(3))).mean() > 0.99


def test_ten_decibels_less_is_an_eighth_of_eighty_lower(tmp_path):
    root = write_cellos(tmp_path, [noise(1), noise(1) * 10**-0.5])
    loud, soft = planes(root, "a:cel", replace(FEW, mel_scale="decibel"))
    assert loud.values - soft.values == pytest.approx(10, abs=1e-3)


def test_a_spectrogram_is_the_same_on_any_number_of_threads(tmp_path):
    root = write_cellos(tmp_path, [noise(3)])
    code = (
        "import hashlib, sys; from metanet_lib.data.patches import *;"
        "bank = make_bank(sys.argv[1], 'a:cel', PatchParameters(per_dataset=500));"
        "print(hashlib.sha256(bank.patches().numpy().data).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(root)],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(digests) == 1


def test_a_clip_of_another_sample_rate_is_resampled(tmp_path):
    root = write_cellos(tmp_path, [noise(2, rate=44100)], rate=44100)
    (plane,) = planes(root, "a:cel", FEW)
    assert plane.extent == pytest.approx(2)
    assert plane.values.shape == (16, 1 + (44100 - 2048) // 512)


def test_a_saved_bank_is_read_back_and_needs_no_library_of_ours(demo_corpus, tmp_path):
    path = tmp_path / "a-sir.safetensors"
    bank = make_bank(demo_corpus, "a:sir", replace(FEW, spread="places"))
    bank.save(path)
    again = Bank.load(path)
    assert torch.equal(again.patches(), bank.patches())
    assert again.facts() == {**bank.facts(), "sha256": again.sha256}
    assert again.parameters["spread"] == "places"
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == {"windows", "limits", "draws"}
        assert file.metadata()["dataset"] == "a:sir"
        assert json.loads(file.metadata()["parameters"])["spread"] == "places"


def test_a_bank_that_is_cut_short_absent_or_something_else_is_named(tmp_path):
    path = tmp_path / "v-cat.safetensors"
    cats(tmp_path, [grey(20, 20)]).save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"v-cat\.safetensors: not a readable safetensors file"):
        Bank.load(path)
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors: no such bank"):
        Bank.load(tmp_path / "none.safetensors")
    save_file({"patches": torch.zeros(2, 256)}, path)
    with pytest.raises(ValueError, match=r"v-cat\.safetensors: not a bank of patches"):
        Bank.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("per_dataset", 0),
        ("per_dataset", 1e6),
        ("spread", "clips"),
        ("normalisation", "image"),
        ("mel_scale", "log"),
        ("voc_split", "test"),
        ("voc_region", "segment"),
        ("voc_difficult", "no"),
        ("dynamic_range", -80.0),
        ("hop_length", 0),
        ("new_files", "half"),
        ("seed", -1),
        ("seed", True),
    ],
)
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"PatchParameters\.{name} must be .*, got"):
        PatchParameters.of({name: value})


def test_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown dataset 'v:xyz'"):
        make_bank(tmp_path, "v:xyz", FEW)
