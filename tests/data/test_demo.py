import csv
import hashlib
import re
import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest
import soundfile
from PIL import Image

from metanet_lib import catalog, workers
from metanet_lib.data import corpora
from metanet_lib.data.corpora import CorpusError, demo
from metanet_lib.data.corpora.demo.sounds import CITY
from metanet_lib.data.patches import PatchParameters, make_bank


@pytest.fixture
def three(monkeypatch):
    """Let the demo be of three datasets only, one from each corpus, with few files."""
    datasets = tuple(catalog.dataset(i) for i in ("v:boa", "a:dog", "a:flu"))
    monkeypatch.setattr(demo, "DATASETS", datasets)
    monkeypatch.setattr(demo, "FILES", 3)


@pytest.fixture
def small(three, monkeypatch):
    """Let the demo be of three datasets, made in this process."""
    monkeypatch.setattr(
        demo,
        "side_by_side",
        lambda function, each, *_, **__: [function(*arguments) for arguments in each],
    )


@pytest.fixture(scope="module")
def in_full(tmp_path_factory):
    """Datasets with all their files; the city sounds are one of the longest and of the shortest."""
    datasets = [catalog.dataset(i) for i in ("v:tvm", "a:air", "a:gun", "a:flu")]
    root = tmp_path_factory.mktemp("full") / "demo"
    demo.write(root, progress=False, datasets=datasets)
    return {d.id: corpora.files(root, d) for d in datasets}, root


def contents(root):
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_photographs_lie_as_in_voc2012(demo_corpus):
    year = demo_corpus / "VOCdevkit" / "VOC2012"
    images = sorted(p.stem for p in (year / "JPEGImages").glob("*.jpg"))
    assert all(re.fullmatch(r"\d{4}_\d{6}", i) for i in images)
    assert sorted(p.stem for p in (year / "Annotations").glob("*.xml")) == images
    main = year / "ImageSets" / "Main"
    assert (main / "trainval.txt").read_text().split() == images
    assert len(list(main.iterdir())) == 3 * 21
    for listing in main.glob("*_trainval.txt"):
        lines = listing.read_text().splitlines()
        assert all(re.fullmatch(r"\d{4}_\d{6} (-1| 0| 1)", line) for line in lines)
        assert [line.split()[0] for line in lines] == images


def test_annotations_agree_with_the_pictures_and_the_listings(demo_corpus):
    year = demo_corpus / "VOCdevkit" / "VOC2012"
    flags = {}
    for d in catalog.DATASETS[:20]:
        lines = (year / "ImageSets" / "Main" / f"{d.name}_trainval.txt").read_text().splitlines()
        flags |= {(i, d.name): int(flag) for i, flag in map(str.split, lines)}
    for path in (year / "Annotations").iterdir():
        annotation = ET.parse(path).getroot()
        with Image.open(year / "JPEGImages" / annotation.findtext("filename")) as picture:
            width, height, depth = (int(e.text) for e in annotation.find("size"))
            assert picture.size == (width, height)
            assert len(picture.getbands()) == depth
        for found in annotation.iter("object"):
            xmin, ymin, xmax, ymax = (int(e.text) for e in found.find("bndbox"))
            assert 1 <= xmin < xmax <= width
            assert 1 <= ymin < ymax <= height
            expected = (0, 1) if found.findtext("difficult") == "1" else (1,)
            assert flags[path.stem, found.findtext("name")] in expected


def test_city_sounds_lie_as_in_urbansound8k(demo_corpus):
    folder = demo_corpus / "UrbanSound8K"
    with open(folder / "metadata" / "UrbanSound8K.csv", newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)
    columns = "slice_file_name fsID start end salience fold classID class"
    assert table.fieldnames == columns.split()
    clips = {p.relative_to(folder / "audio").as_posix() for p in folder.glob("audio/*/*.wav")}
    assert clips == {f"fold{row['fold']}/{row['slice_file_name']}" for row in rows}
    fold_of = {}
    for row in rows:
        fs_id, class_id, _occurrence, _slice = row["slice_file_name"][:-4].split("-")
        assert (fs_id, class_id) == (row["fsID"], row["classID"])
        assert catalog.DATASETS[20 + int(class_id)].name == row["class"]
        assert fold_of.setdefault(fs_id, row["fold"]) == row["fold"]
        info = soundfile.info(folder / "audio" / f"fold{row['fold']}" / row["slice_file_name"])
        seconds = float(row["end"]) - float(row["start"])
        assert 1 <= seconds <= demo.SECONDS
        assert info.duration == pytest.approx(seconds, abs=0.001)


def test_music_lies_as_in_irmas(demo_corpus):
    for d in catalog.DATASETS[30:]:
        clips = list((demo_corpus / "IRMAS-TrainingData" / d.name).iterdir())
        name = rf"\[{d.name}\]\[(dru|nod)\]\[\w+\]\d{{4}}__[123]\.wav"
        assert clips
        assert all(re.fullmatch(name, p.name) for p in clips)
        for info in map(soundfile.info, clips):
            assert (info.duration, info.subtype) == (demo.SECONDS, "PCM_16")


def test_every_dataset_has_enough_files_to_ask_how_many_make_one(in_full):
    listings, root = in_full
    for dataset_id, sources in listings.items():
        bank = make_bank(root, dataset_id, PatchParameters(per_dataset=100, new_files=0))
        assert bank.files_used == len(sources) >= demo.FILES >= 48
        assert not bank.skipped


def test_clips_come_from_many_recordings_that_are_in_one_fold_each(in_full):
    listings, _ = in_full
    least = {"v:tvm": demo.FILES, "a:air": 24, "a:gun": 24, "a:flu": 21}
    for dataset_id, sources in listings.items():
        assert len({source.recording for source in sources}) >= least[dataset_id]
    city = [source for i in ("a:air", "a:gun") for source in listings[i]]
    folds = {(source.recording, source.path.parent.name) for source in city}
    assert len(folds) == len({source.recording for source in city})
    assert {fold for _, fold in folds} == {f"fold{n}" for n in range(1, 11)}


def test_no_other_city_sound_gives_more_clips_or_some_that_are_too_short_for_patches():
    longest = CITY["air_conditioner"].seconds
    seconds = [sound.seconds for sound in CITY.values()]
    assert all(1 <= low <= longest[0] and high <= longest[1] for low, high in seconds)


def test_a_few_clips_of_each_class_have_the_formats_of_the_originals(in_full):
    listings, _ = in_full
    city = {(rate, channels) for rate in (44100, 48000) for channels in (1, 2)}
    for dataset_id, originals in {"a:air": city, "a:gun": city, "a:flu": {(44100, 2)}}.items():
        infos = [soundfile.info(source.path) for source in listings[dataset_id]]
        formats = [(info.samplerate, info.channels) for info in infos]
        assert set(formats) == originals | {(22050, 1)}
        assert formats.count((22050, 1)) > 0.75 * len(formats)


def test_most_photographs_are_of_160_pixels_or_more(in_full):
    sides = [min(corpora.image_size(source.path)) for source in in_full[0]["v:tvm"]]
    assert np.median(sides) >= 160


def test_the_whole_corpus_takes_less_than_250_mb_if_all_datasets_are_as_those(in_full):
    size = {i: sum(s.path.stat().st_size for s in sources) for i, sources in in_full[0].items()}
    assert 20 * size["v:tvm"] + 10 * size["a:air"] + 11 * size["a:flu"] < 250e6


def test_no_sound_of_the_demo_is_clipped_or_silent(demo_corpus):
    for path in demo_corpus.rglob("*.wav"):
        samples, _ = soundfile.read(path, dtype="float32")
        assert 0.001 < abs(samples).max() < 0.99


def test_banks_of_two_datasets_differ_more_than_two_banks_of_one(demo_corpus):
    def spectrum(dataset_id, seed):
        parameters = PatchParameters(per_dataset=3000, seed=seed)
        x = make_bank(demo_corpus, dataset_id, parameters).patches().numpy()
        return np.log(np.linalg.eigvalsh(np.cov(x[:, ::3].T))[-8:])

    ids = ("v:aer", "v:bus", "v:she", "v:mot", "a:air", "a:jac", "a:sir", "a:flu")
    first, second = ({i: spectrum(i, seed) for i in ids} for seed in (0, 1))
    within = max(abs(first[i] - second[i]).max() for i in ids)
    between = min(abs(first[i] - first[j]).max() for i, j in combinations(ids, 2))
    assert between > 1.5 * within


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        demo.write(tmp_path / name, seed, progress=False)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    media = [name for name in a if name.endswith((".jpg", ".wav")) and name in c]
    assert media
    assert all(a[name] != c[name] for name in media)


def test_one_process_and_two_write_the_same_bytes(three, tmp_path, monkeypatch):
    for processes in (1, 2):
        monkeypatch.setattr(workers, "cores", lambda processes=processes: processes)
        demo.write(tmp_path / str(processes), progress=False)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_dataset_does_not_depend_on_the_others(small, tmp_path, monkeypatch):
    demo.write(tmp_path / "three", progress=False)
    monkeypatch.setattr(demo, "DATASETS", demo.DATASETS[2:])
    demo.write(tmp_path / "one", progress=False)
    flutes = [contents(tmp_path / name / "IRMAS-TrainingData") for name in ("three", "one")]
    assert flutes[0] == flutes[1]


def test_some_datasets_alone_have_the_files_that_they_have_in_the_whole_corpus(small, tmp_path):
    demo.write(tmp_path / "all", progress=False)
    some = [catalog.dataset(i) for i in ("v:boa", "a:dog")]
    demo.write(tmp_path / "some", progress=False, datasets=some)
    whole, part = (contents(tmp_path / name) for name in ("all", "some"))
    media = {name for name in whole if name.endswith((".jpg", ".wav")) and "IRMAS" not in name}
    assert {name for name in part if name.endswith((".jpg", ".wav"))} == media
    assert all(part[name] == whole[name] for name in media)


def test_a_finished_demo_is_left_alone_and_a_lost_readme_restored(small, tmp_path):
    root = tmp_path / "demo"
    demo.write(root, progress=False)
    before = contents(root)
    assert "synthetic" in (root / "README.txt").read_text().lower()
    written = (root / "demo.json").stat().st_mtime_ns
    (root / "README.txt").unlink()
    demo.write(root, progress=False)
    assert contents(root) == before
    assert (root / "demo.json").stat().st_mtime_ns == written


def test_a_demo_of_another_seed_is_replaced(small, tmp_path):
    root = tmp_path / "demo"
    for seed in (0, 1):
        demo.write(root, seed, progress=False)
    assert "seed    1" in (root / "README.txt").read_text()


def test_a_folder_with_anything_else_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "VOCdevkit").mkdir()
    (tmp_path / "VOCdevkit" / "mine.txt").write_text("precious")
    with pytest.raises(CorpusError, match="found VOCdevkit; choose another folder"):
        demo.write(tmp_path, progress=False)
    assert (tmp_path / "VOCdevkit" / "mine.txt").read_text() == "precious"


def test_a_file_added_to_a_demo_is_kept(small, tmp_path):
    demo.write(tmp_path / "demo", 0, progress=False)
    (tmp_path / "demo" / "mine.txt").write_text("precious")
    with pytest.raises(CorpusError, match=r"found mine\.txt"):
        demo.write(tmp_path / "demo", 1, progress=False)


def test_a_write_that_fails_leaves_no_demo(small, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(demo, "_write_table", fail)
        with pytest.raises(OSError, match="disk full"):
            demo.write(tmp_path / "demo", progress=False)
    assert not (tmp_path / "demo").exists()
    demo.write(tmp_path / "demo", progress=False)
    assert [p.name for p in tmp_path.iterdir()] == [".demo.lock", "demo"]
