import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from metanet_lib import catalog
from metanet_lib.data import corpora
from metanet_lib.data.corpora import CorpusError, Source
from metanet_lib.data.patches import PatchParameters, make_bank, read_plane


def files(root, dataset_id, **options):
    return corpora.files(root, catalog.dataset(dataset_id), **options)


def names(root, dataset_id, **options):
    return [source.path.name for source in files(root, dataset_id, **options)]


def problems(root, dataset_id):
    sources = corpora.files(root, catalog.dataset(dataset_id))
    return {s.path.name: s.problem for s in sources if s.problem}


@pytest.fixture
def voc(tmp_path):
    """A Pascal VOC of four photographs, one of them not there."""
    year = tmp_path / "VOCdevkit" / "VOC2012"
    (year / "JPEGImages").mkdir(parents=True)
    (year / "ImageSets" / "Main").mkdir(parents=True)
    for name in ("a", "b", "c"):
        Image.new("L", (20, 20)).save(year / "JPEGImages" / f"{name}.jpg")
    listing = year / "ImageSets" / "Main" / "cat_trainval.txt"
    listing.write_text("b  1\na -1\nc  0\n")
    return tmp_path, listing


@pytest.fixture
def urbansound8k(tmp_path):
    """An UrbanSound8K of one clip, with every value of its table in quotes."""
    folder = tmp_path / "UrbanSound8K"
    (folder / "audio" / "fold3").mkdir(parents=True)
    soundfile.write(folder / "audio" / "fold3" / "7-8-0-0.wav", np.zeros(100), 8000)
    table = folder / "metadata" / "UrbanSound8K.csv"
    table.parent.mkdir()
    table.write_text('"slice_file_name","fold","class"\n"7-8-0-0.wav","3","siren"\n')
    return tmp_path, table


@pytest.mark.parametrize("dataset", catalog.DATASETS, ids=lambda d: d.id)
def test_every_dataset_of_the_demo_has_files_always_in_the_same_order(demo_corpus, dataset):
    files = corpora.files(demo_corpus, dataset)
    assert len(files) >= 3
    assert len(set(files)) == len(files)
    assert files == corpora.files(demo_corpus, dataset)


@pytest.mark.parametrize("dataset", catalog.DATASETS, ids=lambda d: d.id)
def test_every_dataset_of_the_real_corpus_is_read(real_corpus, dataset):
    path = corpora.files(real_corpus, dataset)[-1].path
    if dataset.modality == "vision":
        assert min(corpora.read_image(path).shape) > 100
    else:
        samples, sample_rate = corpora.read_waveform(path)
        assert 0 < len(samples) <= 4.1 * sample_rate
        assert 0 < abs(samples).max() <= 1


def test_the_real_corpus_has_as_many_files_as_its_listings_say(real_corpus):
    counts = {"v:aer": 9, "v:per": 44, "v:tvm": 12, "a:air": 15, "a:str": 15, "a:cel": 12}
    assert {i: len(names(real_corpus, i)) for i in counts} == counts


def test_train_and_val_together_are_trainval(demo_corpus):
    train, val = (set(names(demo_corpus, "v:bus", voc_split=s)) for s in ("train", "val"))
    assert train
    assert val
    assert not train & val
    assert train | val == set(names(demo_corpus, "v:bus"))


def test_a_photograph_counts_by_its_flag_and_a_difficult_one_only_if_asked(voc):
    root, _ = voc
    assert names(root, "v:cat") == ["b.jpg"]
    assert names(root, "v:cat", voc_difficult=True) == ["b.jpg", "c.jpg"]


def test_voc2007_is_read_where_there_is_no_voc2012(voc):
    root, listing = voc
    listing.parents[2].rename(root / "VOCdevkit" / "VOC2007")
    assert names(root, "v:cat") == ["b.jpg"]


def test_quoted_tables_are_read(urbansound8k):
    root, _ = urbansound8k
    assert names(root, "a:sir") == ["7-8-0-0.wav"]


def test_irmas_is_found_within_its_own_folder_too(demo_corpus, tmp_path):
    source = demo_corpus / "IRMAS-TrainingData" / "cel"
    shutil.copytree(source, tmp_path / "IRMAS" / "IRMAS-TrainingData" / "cel")
    assert names(tmp_path, "a:cel") == names(demo_corpus, "a:cel")


def test_the_bracketed_names_of_irmas_are_listed_hidden_files_are_not(tmp_path):
    folder = tmp_path / "IRMAS-TrainingData" / "cel"
    folder.mkdir(parents=True)
    clips = ["008__[cel][nod][cla]0058__1.wav", "[cel][jaz_blu]0141__2.wav", "[cel][dru]1__3.wav"]
    for name in [*clips, "._[cel][nod][cla]0058__1.wav", "README.txt"]:
        (folder / name).touch()
    assert names(tmp_path, "a:cel") == sorted(clips)


def test_a_clip_of_irmas_names_its_song_or_is_its_own(tmp_path):
    folder = tmp_path / "IRMAS-TrainingData" / "cel"
    folder.mkdir(parents=True)
    songs = {
        "027__[cel][nod][cla]8002__1.wav": "8002",
        "[cel][nod][cla]8002__3.wav": "8002",
        "[cel][jaz_blu]0141__12.wav": "0141",
        "027__[cel][nod].wav": "027__[cel][nod]",
        "solo.wav": "solo",
    }
    for name in songs:
        (folder / name).touch()
    assert {s.path.name: s.recording for s in files(tmp_path, "a:cel")} == songs


def recordings(root, dataset_id, **options):
    """The names of a dataset's files, by the recording that they were cut from."""
    found = {}
    for source in files(root, dataset_id, **options):
        found.setdefault(source.recording, []).append(source.path.name)
    return found


def test_files_of_one_recording_share_its_name_and_no_others_do(demo_corpus):
    for name, photographs in recordings(demo_corpus, "v:boa", voc_region="box").items():
        assert set(photographs) == {f"{name}.jpg"}
    coolers, flutes = (recordings(demo_corpus, i) for i in ("a:air", "a:flu"))
    assert all(clip.startswith(f"{name}-0-0-") for name, clips in coolers.items() for clip in clips)
    assert all(f"]{name}__" in clip for name, clips in flutes.items() for clip in clips)
    assert all(max(map(len, clips.values())) > 1 for clips in (coolers, flutes))


def test_recordings_of_the_real_corpus_are_those_that_its_names_tell(real_corpus):
    jackhammers = recordings(real_corpus, "a:jac")
    assert jackhammers["156893"] == ["156893-7-11-0.wav", "156893-7-7-0.wav"]
    assert len(jackhammers) == 8
    assert set(recordings(real_corpus, "a:cla")) == {f"{8000 + n}" for n in range(1, 13)}
    people = recordings(real_corpus, "v:per", voc_region="box")
    assert len(people) == 44
    assert max(map(len, people.values())) == 7


def test_a_corpus_that_lacks_datasets_is_refused_with_their_ids_and_reasons(demo_corpus, tmp_path):
    shutil.copytree(demo_corpus / "VOCdevkit", tmp_path / "VOCdevkit")
    shutil.copytree(demo_corpus / "IRMAS-TrainingData", tmp_path / "IRMAS-TrainingData")
    shutil.rmtree(tmp_path / "IRMAS-TrainingData" / "vio")
    (tmp_path / "VOCdevkit/VOC2012/ImageSets/Main/cat_trainval.txt").write_text("")
    with pytest.raises(CorpusError) as error:
        corpora.chosen(tmp_path)
    message = str(error.value)
    assert "of all 41 datasets, 12 are missing:" in message
    assert "a:air, a:car, a:chi, a:dog, a:dri, a:eng, a:gun, a:jac, a:sir, a:str: " in message
    assert "UrbanSound8K.csv: no such table" in message
    assert "a:vio: " in message
    assert "v:cat: no file" in message
    assert "datasets: available" in message
    there = [d.id for d in corpora.chosen(tmp_path, "available")]
    assert len(there) == 29
    assert not {"v:cat", "a:vio", "a:air"} & set(there)


def test_an_empty_folder_has_no_datasets_to_run_on(tmp_path):
    with pytest.raises(CorpusError, match="41 are missing"):
        corpora.chosen(tmp_path, "available")


def test_a_run_takes_all_datasets_or_those_available(tmp_path):
    with pytest.raises(ValueError, match="datasets must be 'all' or 'available', got 'some'"):
        corpora.chosen(tmp_path, "some")


@pytest.mark.parametrize(
    ("dataset_id", "missing"),
    [("v:aer", "VOCdevkit"), ("a:air", r"UrbanSound8K\.csv"), ("a:cel", "IRMAS-TrainingData")],
)
def test_a_missing_corpus_is_named_with_what_to_do(tmp_path, dataset_id, missing):
    with pytest.raises(CorpusError, match=rf"{missing}.*unpack .* into "):
        names(tmp_path, dataset_id)


def test_a_missing_listing_is_named(voc):
    with pytest.raises(CorpusError, match=r"dog_trainval\.txt: no such listing"):
        names(voc[0], "v:dog")


def test_a_listed_photograph_that_is_not_there_is_named_with_its_listing(voc):
    root, listing = voc
    listing.write_text("b  1\nz  1\n")
    assert list(problems(root, "v:cat")) == ["z.jpg"]
    assert "no such file, though line 2 of VOCdevkit/" in problems(root, "v:cat")["z.jpg"]
    assert names(root, "v:cat") == ["b.jpg", "z.jpg"]


def test_a_line_that_is_no_id_and_flag_is_named_by_its_number(voc):
    root, listing = voc
    listing.write_text("b  1\na maybe\n")
    with pytest.raises(CorpusError, match=r"cat_trainval\.txt, line 2: .*found 'a maybe'"):
        names(root, "v:cat")


def test_a_missing_column_is_named_with_its_table(urbansound8k):
    root, table = urbansound8k
    table.write_text("slice_file_name,class\n7-8-0-0.wav,siren\n")
    with pytest.raises(CorpusError, match=r"UrbanSound8K\.csv: .*missing is fold"):
        names(root, "a:sir")


def test_a_listed_clip_that_is_not_there_is_named_with_its_table(urbansound8k):
    root, table = urbansound8k
    table.write_text("slice_file_name,fold,class\nx.wav,3,siren\n")
    assert "no such file, though line 2 of UrbanSound8K/" in problems(root, "a:sir")["x.wav"]


@pytest.mark.parametrize("row", ["../7-8-0-0.wav,3", "7-8-0-0.wav,3/../..", ",3", "7-8-0-0.wav,"])
def test_a_table_cannot_lead_out_of_its_corpus(urbansound8k, row):
    root, table = urbansound8k
    table.write_text(f"slice_file_name,fold,class\n{row},siren\n")
    with pytest.raises(
        CorpusError, match=r"UrbanSound8K\.csv, line 2: expected the name of a clip"
    ):
        names(root, "a:sir")


def test_a_listing_cannot_lead_out_of_its_corpus(voc):
    root, listing = voc
    listing.write_text("../../secret 1\n")
    with pytest.raises(CorpusError, match=r"cat_trainval\.txt, line 1: expected an id"):
        names(root, "v:cat")


def test_colours_become_luma(tmp_path):
    picture = Image.new("RGB", (20, 17), (255, 0, 0))
    picture.paste((0, 255, 0), (10, 0, 20, 17))
    picture.save(tmp_path / "p.png")
    grey = corpora.read_image(tmp_path / "p.png")
    assert grey.dtype == np.uint8
    assert grey.shape == (17, 20)
    assert grey[0, 0] == round(0.299 * 255)
    assert grey[0, -1] == round(0.587 * 255)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("L", (30, 20)).save(tmp_path / "p.jpg", exif=exif)
    assert corpora.read_image(tmp_path / "p.jpg").shape == (30, 20)


def test_channels_become_one_by_their_mean(tmp_path):
    stereo = np.stack([np.full(50, 0.5), np.full(50, -0.25)], 1)
    soundfile.write(tmp_path / "s.wav", stereo, 8000, subtype="FLOAT")
    samples, sample_rate = corpora.read_waveform(tmp_path / "s.wav")
    assert sample_rate == 8000
    assert samples.dtype == np.float32
    assert samples == pytest.approx(np.full(50, 0.125))


@pytest.mark.parametrize("content", [b"", b"no picture, no sound"], ids=["empty", "text"])
@pytest.mark.parametrize("read", [corpora.read_image, corpora.read_waveform])
def test_an_unreadable_file_is_named(tmp_path, read, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"broken: expected a .*cannot read it"):
        read(path)


def test_a_photograph_cut_short_is_named(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "cut.jpg"
    Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(CorpusError, match=r"cut\.jpg: expected a photograph"):
        corpora.read_image(path)


def test_a_recording_with_nan_is_named(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(CorpusError, match=r"nan\.wav: .*NaN"):
        corpora.read_waveform(tmp_path / "nan.wav")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "1", "I;16"])
def test_pictures_of_every_kind_give_the_same_grey(tmp_path, mode):
    levels = np.tile(np.array([0, 255], np.uint8), (20, 10))
    grey = Image.fromarray(levels)
    if mode == "I;16":
        picture = Image.fromarray(levels.astype(np.uint16) * 257)
    else:
        picture = (grey.convert("RGB") if mode == "CMYK" else grey).convert(mode)
    path = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    picture.save(path)
    assert np.array_equal(corpora.read_image(path), levels)


def test_16_bit_grey_is_scaled_not_cut_off(tmp_path):
    values = np.array([[0, 256, 257, 65534, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "p.png")
    assert corpora.read_image(tmp_path / "p.png").tolist() == [[0, 0, 1, 254, 255]]


ENCODINGS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "MS_ADPCM", "IMA_ADPCM"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (192000, 6)])
def test_recordings_of_every_encoding_rate_and_channels_are_read(
    tmp_path, encoding, rate, channels
):
    if "ADPCM" in encoding and channels > 2:
        pytest.skip("ADPCM has at most two channels")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    sound = np.repeat(tone[:, None], channels, axis=1)
    soundfile.write(tmp_path / "s.wav", sound, rate, subtype=encoding)
    samples, sample_rate = corpora.read_waveform(tmp_path / "s.wav")
    assert sample_rate == rate
    assert np.abs(samples[:rate] - tone).mean() < 0.02  # ADPCM has four bits a sample


# --- The real corpus's broken and unusual inputs -----------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("truncated.jpg", "expected a photograph, cannot read it (image file is truncated"),
        ("text_named.jpg", "expected a photograph, cannot read it (cannot identify"),
        ("pixel_1x1.jpg", "it has 1x1 pixels, too small for a patch of 16x16"),
        ("small_10x10.jpg", "it has 10x10 pixels, too small for a patch of 16x16"),
        ("zero_byte.wav", "expected a recording, cannot read it ("),
        ("header_only.wav", "it holds no samples, whatever its header says"),
        ("header_claims_data.wav", "it holds no samples, whatever its header says"),
        ("nan_float32.wav", "it holds NaN or infinite samples"),
        ("silence.wav", "it is silent throughout: nothing to learn"),
        ("short_50ms_8k.wav", "it lasts 0.050 s, too short for a patch of 16 frames (0.441 s)"),
    ],
)
def test_a_bad_file_is_skipped_and_named_and_the_rest_is_used(
    real_corpus, demo_corpus, tmp_path, name, message
):
    dataset_id, root = ("v:cat" if name.endswith(".jpg") else "a:cel"), tmp_path / "corpus"
    shutil.copytree(demo_corpus / "VOCdevkit", root / "VOCdevkit")
    shutil.copytree(demo_corpus / "IRMAS-TrainingData" / "cel", root / "IRMAS-TrainingData" / "cel")
    if dataset_id == "v:cat":
        year = root / "VOCdevkit" / "VOC2012"
        shutil.copy(real_corpus / "bad" / name, year / "JPEGImages" / name)
        with open(year / "ImageSets" / "Main" / "cat_trainval.txt", "a") as listing:
            listing.write(f"{Path(name).stem}  1\n")
    else:
        shutil.copy(real_corpus / "bad" / name, root / "IRMAS-TrainingData" / "cel" / name)
    before = make_bank(demo_corpus, dataset_id, PatchParameters(per_dataset=100))
    bank = make_bank(root, dataset_id, PatchParameters(per_dataset=100))
    assert bank.files_used == before.files_used
    (skipped,) = bank.skipped
    assert skipped[0].endswith(name)
    assert message in skipped[1]
    assert torch.equal(bank.limits, before.limits)


def test_cmyk_palette_and_16_bit_pictures_become_grey_levels(real_corpus):
    for name in ("cmyk.jpg", "palette_alpha.png", "gray16.png"):
        grey = corpora.read_image(real_corpus / "bad" / name)
        assert grey.shape == (48, 64)
        assert grey.dtype == np.uint8
        assert len(np.unique(grey)) > 10
    with Image.open(real_corpus / "bad" / "gray16.png") as deep:
        assert np.array_equal(grey, np.asarray(deep) // 257)


def test_a_table_without_a_column_is_named_with_the_column(real_corpus):
    with pytest.raises(CorpusError, match=r"UrbanSound8K\.csv: .*missing is fold"):
        names(real_corpus / "bad" / "us8k_missing_column", "a:dog")


def test_a_row_without_its_clip_is_named_and_the_other_clips_are_used(real_corpus):
    root = real_corpus / "bad" / "us8k_missing_file"
    for dataset_id, clips in (("a:dog", 1), ("a:sir", 1), ("a:car", 0)):
        sources = corpora.files(root, catalog.dataset(dataset_id))
        assert sum(source.problem is None for source in sources) == clips
    assert "line 4 of UrbanSound8K/" in problems(root, "a:car")["900003-1-0-0.wav"]


def test_a_line_without_its_photograph_is_named_and_the_others_are_used(real_corpus):
    root = real_corpus / "bad" / "voc_missing_image"
    bank = make_bank(root, "v:cat", PatchParameters(per_dataset=100))
    assert bank.files_used >= 1
    ((name, reason),) = bank.skipped
    assert name.endswith("2099_000003.jpg")
    assert "no such file, though line 3 of" in reason
    assert make_bank(root, "v:dog", PatchParameters(per_dataset=100)).skipped == ()


def test_every_encoding_of_one_siren_is_the_same_sound(real_corpus):
    parameters = PatchParameters(mel_scale="decibel")
    folder = real_corpus / "UrbanSound8K_format_variants"
    spectrograms = {}
    for path in sorted(folder.glob("*.wav")):
        sound = read_plane(Source(path), catalog.dataset("a:sir"), parameters)
        spectrograms[path.stem] = sound.values
    assert len(spectrograms) == 7
    expected = spectrograms["pcm_s24_44100_stereo"]
    for name, values in spectrograms.items():
        frames = min(values.shape[1], expected.shape[1])
        low = 6 if "11025" in name else 14  # bands within half the lowest sample rate
        apart = values[:low, :frames] - expected[:low, :frames]  # some are softer, all over
        assert np.median(np.abs(apart - np.median(apart))) < 1, name
