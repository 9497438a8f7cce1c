import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from safetensors import safe_open

from metanet_lib.corpora import CorpusError
from metanet_lib.patches import PatchParameters, load_bank, make_bank, planes, save_bank

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


@pytest.mark.parametrize("dataset_id", ["v:aer", "v:tvm", "a:air", "a:gun", "a:cel", "a:voi"])
def test_every_patch_of_a_bank_is_a_window_of_a_plane_of_its_dataset(demo_corpus, dataset_id):
    bank = make_bank(demo_corpus, dataset_id, FEW)
    assert bank.dataset == dataset_id
    assert bank.patches.shape == (500, 256)
    assert bank.patches.dtype == np.float32
    assert bank.patches.min() >= 0
    assert bank.patches.max() <= 1
    source = planes(demo_corpus, dataset_id, FEW)
    some = {patch.tobytes() for patch in bank.patches[:20]}
    for plane in source.planes:
        windows = sliding_window_view(plane.normalised(), (16, 16)).reshape(-1, 256)
        first = {patch[:1].tobytes() for patch in bank.patches[:20]}
        likely = [w for w in windows if w[:1].tobytes() in first]
        some -= {w.tobytes() for w in likely}
    assert not some


def test_a_bank_is_the_same_each_time_and_another_with_another_seed(demo_corpus):
    one, two = (make_bank(demo_corpus, "v:cow", FEW).patches for _ in range(2))
    other = make_bank(demo_corpus, "v:cow", replace(FEW, seed=1)).patches
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_neighbouring_rows_come_from_files_drawn_independently(tmp_path):
    root = write_photographs(tmp_path, [np.full((20, 20), v, np.uint8) for v in (0, 255)])
    values = make_bank(root, "v:cat", replace(FEW, per_dataset=4000)).patches[:, 0]
    assert set(values) == {0, 1}
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.05


@pytest.mark.parametrize("mel_scale", ["power", "decibel"])
@pytest.mark.parametrize("dataset_id", ["v:per", "a:gun", "a:org"])
def test_banks_of_the_real_corpus_are_finite_and_in_0_to_1(real_corpus, dataset_id, mel_scale):
    bank = make_bank(real_corpus, dataset_id, replace(FEW, mel_scale=mel_scale))
    assert np.isfinite(bank.patches).all()
    assert 0 <= bank.patches.min() < bank.patches.max() <= 1
    if dataset_id == "v:per" or mel_scale == "decibel":  # power is dark but for the loudest
        assert bank.patches.std() > 0.1


def test_dataset_normalisation_takes_the_dataset_minimum_to_0_and_maximum_to_1(tmp_path):
    root = write_photographs(tmp_path, [grey(16, 16, 50, 100), grey(16, 16, 100, 201)])
    dark, bright = (plane.normalised() for plane in planes(root, "v:cat", FEW).planes)
    assert (dark.min(), bright.max()) == (0, 1)
    assert dark.max() < 0.4 < bright.max()
    assert dark == pytest.approx((grey(16, 16, 50, 100) - 50.0) / 150)


def test_file_normalisation_takes_each_file_to_0_and_1(tmp_path):
    root = write_photographs(tmp_path, [grey(16, 16, 50, 100), grey(16, 16, 100, 201)])
    for plane in planes(root, "v:cat", replace(FEW, normalisation="file")).planes:
        assert (plane.normalised().min(), plane.normalised().max()) == (0, 1)


@pytest.mark.parametrize("normalisation", ["dataset", "file"])
def test_a_photograph_of_one_grey_is_0_not_a_division_by_zero(tmp_path, normalisation):
    root = write_photographs(tmp_path, [np.full((20, 20), 77, np.uint8)])
    bank = make_bank(root, "v:cat", replace(FEW, normalisation=normalisation))
    assert not bank.patches.any()


@pytest.mark.parametrize("mel_scale", ["decibel", "power"])
@pytest.mark.parametrize("normalisation", ["dataset", "file"])
def test_silence_is_0_not_a_division_by_zero(tmp_path, mel_scale, normalisation):
    root = write_cellos(tmp_path, [np.zeros(22050)])
    chosen = replace(FEW, mel_scale=mel_scale, normalisation=normalisation)
    assert not make_bank(root, "a:cel", chosen).patches.any()


def test_small_photographs_are_skipped_and_counted_never_padded(tmp_path):
    sizes = [(10, 10), (16, 16), (15, 400), (400, 15), (20, 17)]
    root = write_photographs(tmp_path, [grey(*size) for size in sizes])
    bank = make_bank(root, "v:cat", FEW)
    assert (bank.files_used, bank.files_skipped) == (2, 3)
    assert bank.places == 1 + 5 * 2
    assert bank.extent == 16 * 16 + 20 * 17


def test_short_clips_are_skipped_and_counted_never_padded(tmp_path):
    whole = 2048 + 15 * 512  # samples of 16 whole frames
    root = write_cellos(tmp_path, [noise(1)[: whole - 1], noise(1)[:whole], noise(0.05), []])
    bank = make_bank(root, "a:cel", FEW)
    assert (bank.files_used, bank.files_skipped, bank.places) == (1, 3, 1)
    assert bank.extent == pytest.approx(whole / 22050)
    assert (bank.patches == bank.patches[0]).all()


@pytest.mark.parametrize("kind", ["photographs", "clips"])
def test_a_dataset_without_a_usable_file_is_named_with_the_count(tmp_path, kind):
    if kind == "photographs":
        root, dataset_id = write_photographs(tmp_path, [grey(10, 10)] * 2), "v:cat"
        message = r"v:cat \(cat\): no usable file in .*2 skipped as smaller than 16x16"
    else:
        root, dataset_id = write_cellos(tmp_path, [noise(0.05)] * 3), "a:cel"
        message = r"a:cel \(cello\): no usable file in .*3 skipped as under 16 frames"
    with pytest.raises(CorpusError, match=message):
        make_bank(root, dataset_id, FEW)


def test_spread_over_files_weighs_files_alike_and_over_places_by_their_places(tmp_path):
    small, large = np.zeros((16, 25), np.uint8), np.full((16, 105), 255, np.uint8)  # 10, 90 places
    root = write_photographs(tmp_path, [small, large])
    many = replace(FEW, per_dataset=10_000)
    share = {
        spread: make_bank(root, "v:cat", replace(many, spread=spread)).patches.mean()
        for spread in ("files", "places")
    }
    assert share["files"] == pytest.approx(0.5, abs=0.02)  # four standard errors
    assert share["places"] == pytest.approx(0.9, abs=0.012)


def test_every_place_is_drawn_equally_often(tmp_path):
    ramp = np.arange(18, dtype=np.uint8) + 100 * np.arange(2).repeat(9)[:, None].astype(np.uint8)
    root = write_photographs(tmp_path, [ramp])
    patches = make_bank(root, "v:cat", replace(FEW, per_dataset=9000)).patches
    _, counts = np.unique(patches, axis=0, return_counts=True)
    assert len(counts) == 9
    assert counts == pytest.approx(1000, abs=130)


def test_a_spectrogram_has_16_bands_low_ones_first_and_only_whole_frames(tmp_path):
    t = np.arange(22050) / 22050
    root = write_cellos(tmp_path, [np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 8000 * t)])
    low, high = (plane.values for plane in planes(root, "a:cel", FEW).planes)
    assert low.shape == (16, 1 + (22050 - 2048) // 512)
    assert low.mean(axis=1).argmax() < 3
    assert high.mean(axis=1).argmax() > 12


def test_decibels_end_at_the_dynamic_range_below_the_maximum(tmp_path):
    root = write_cellos(tmp_path, [np.concatenate([noise(1), np.zeros(22050)])])
    for dynamic_range in (40.0, 80.0):
        plane = planes(
            root, "a:cel", replace(FEW, mel_scale="decibel", dynamic_range=dynamic_range)
        ).planes[0]
        assert plane.high - plane.low == pytest.approx(dynamic_range)
        assert not plane.normalised()[:, -1].any()


def test_ten_decibels_less_is_an_eighth_of_eighty_lower(tmp_path):
    root = write_cellos(tmp_path, [noise(1), noise(1) * 10**-0.5, np.zeros(22050)])
    decibels = replace(FEW, mel_scale="decibel")
    loud, soft, _ = (plane.normalised() for plane in planes(root, "a:cel", decibels).planes)
    assert loud - soft == pytest.approx(1 / 8, abs=1e-4)


def test_a_spectrogram_is_the_same_on_any_number_of_threads(tmp_path):
    root = write_cellos(tmp_path, [noise(3)])
    code = (
        "import sys; from metanet_lib.patches import *;"
        "bank = make_bank(sys.argv[1], 'a:cel', PatchParameters(per_dataset=500));"
        "print(hashlib.sha256(bank.patches.data).hexdigest())"
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
    source = planes(root, "a:cel", FEW)
    assert source.extent == pytest.approx(2)
    assert source.planes[0].values.shape == (16, 1 + (44100 - 2048) // 512)


def test_a_saved_bank_is_read_back_and_needs_no_library_of_ours(demo_corpus, tmp_path):
    bank = make_bank(demo_corpus, "a:sir", replace(FEW, spread="places"))
    save_bank(bank, tmp_path / "a-sir.safetensors")
    again = load_bank(tmp_path / "a-sir.safetensors")
    assert np.array_equal(again.patches, bank.patches)
    assert replace(again, patches=None) == replace(bank, patches=None)
    with safe_open(tmp_path / "a-sir.safetensors", framework="pt") as file:
        assert file.keys() == ["patches"]
        assert file.metadata()["dataset"] == "a:sir"
        assert json.loads(file.metadata()["parameters"])["spread"] == "places"
        assert tuple(file.get_tensor("patches").shape) == (500, 256)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("per_dataset", 0),
        ("per_dataset", 1e6),
        ("spread", "clips"),
        ("normalisation", "image"),
        ("mel_scale", "log"),
        ("voc_split", "test"),
        ("voc_difficult", "no"),
        ("dynamic_range", -80.0),
        ("hop_length", 0),
        ("seed", -1),
    ],
)
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"PatchParameters\.{name} must be .*, got"):
        PatchParameters.of({name: value})


def test_an_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown dataset 'v:xyz'"):
        make_bank(tmp_path, "v:xyz", FEW)
