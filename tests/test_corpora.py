import shutil

import numpy as np
import pytest
import soundfile
from PIL import Image

from metanet_lib import catalog, corpora
from metanet_lib.corpora import CorpusError


def names(root, dataset_id, **options):
    return [p.name for p in corpora.files(root, catalog.dataset(dataset_id), **options)]


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
    path = corpora.files(real_corpus, dataset)[-1]
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
    with pytest.raises(CorpusError, match=r"z\.jpg: no such file, though .*cat_trainval\.txt"):
        names(root, "v:cat")


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
    with pytest.raises(CorpusError, match=r"fold3/x\.wav: no such file, though .*8K\.csv"):
        names(root, "a:sir")


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
