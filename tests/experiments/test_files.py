"""What is asked about new files, and how much of them can be named at all."""

import numpy as np
import pytest
from PIL import Image

from metanet_lib import catalog, figures
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.files import SIMPLE, ceiling, same_and_new
from metanet_lib.experiments.open_decisions import (
    StudyParameters,
    variants_of_files,
    variants_of_zoos,
)
from metanet_lib.interpret import InterpretParameters
from metanet_lib.zoo import Zoo, ZooParameters

K = InterpretParameters(k=3)
NAMES = ("cat", "dog")


def zoo_of(centres, noise, seed, per_dataset=5):
    rng = np.random.default_rng(seed)
    encoders = centres[:, None] + noise * rng.normal(size=(len(centres), per_dataset, 256, 16))
    ids = catalog.TRAINING_IDS[: len(centres)]
    return Zoo(encoders.reshape(-1, 256, 16).astype(np.float32), np.repeat(ids, per_dataset))


def test_what_knows_files_only_is_right_about_the_same_and_wrong_about_new_ones():
    files, others = (np.random.default_rng(s).normal(size=(4, 256, 16)) for s in (0, 1))
    fit, same, new = (zoo_of(c, 0.3, s) for c, s in ((files, 1), (files, 2), (others, 3)))
    rows, verdicts = same_and_new({"column space": SIMPLE["column space"]}, (fit, same, new), K)
    accuracy = rows.set_index("task").accuracy
    assert accuracy["dataset_id"] == 1
    assert accuracy["dataset_id_new_files"] < 0.7
    assert verdicts["dataset_id", "column space"].correct.all()
    drawn = figures.same_against_new(rows[rows.task.str.startswith("dataset")], 0.5, 0.25)
    assert len(drawn.axes[0].texts) == 3


@pytest.fixture
def photographs(tmp_path):
    """Sixteen photographs of a class: of one finely grained, of the other coarsely."""
    year = tmp_path / "VOCdevkit" / "VOC2012"
    (year / "ImageSets" / "Main").mkdir(parents=True)
    (year / "JPEGImages").mkdir()
    rng = np.random.default_rng(0)
    for name, grain in zip(NAMES, (1, 4), strict=True):
        for i in range(16):
            tiles = rng.integers(0, 256, (64 // grain, 64 // grain), np.uint8)
            picture = np.kron(tiles, np.ones((grain, grain), np.uint8))
            Image.fromarray(picture).save(year / "JPEGImages" / f"{name}{i}.jpg", "PNG")
        lines = "".join(f"{name}{i}  1\n" for i in range(16))
        (year / "ImageSets" / "Main" / f"{name}_trainval.txt").write_text(lines)
    return tmp_path


def test_what_patches_of_new_files_tell_is_found_and_the_statistic_is_chosen_without_them(
    photographs,
):
    datasets = [d for d in catalog.DATASETS if d.name in NAMES and d.corpus == "voc"]
    table = ceiling(photographs, datasets, PatchParameters(), K, samples=(10, 4), size=64)
    assert set(table.files) == {"held out of the same files", "new files"}
    (chosen,) = set(table[table.chosen].representation)
    held_out = table[table.files != "new files"].set_index("representation").accuracy
    assert held_out[chosen] == held_out.max()
    assert table[table.chosen].accuracy.min() == 1, "the grain tells"


def test_no_dataset_with_files_enough_gives_an_empty_table(demo_corpus):
    some = [catalog.dataset("v:cat")]
    assert ceiling(demo_corpus, some, PatchParameters(), K, (4, 2), 64).empty


def test_the_zoos_differ_in_every_seed_and_share_the_runs_own():
    zoos = variants_of_zoos(PatchParameters(seed=5), ZooParameters(seed=7), StudyParameters())
    assert [(v.patches.seed, v.zoo.seed) for v in zoos] == [(5, 7), (6, 8), (7, 9)]
    assert [v.usual for v in zoos] == [True, False, False]
    files = variants_of_files(PatchParameters(seed=5), ZooParameters(seed=7), StudyParameters(), 20)
    assert [(v.value, v.patches.most_files) for v in files] == [("6", 6), ("12", 12), ("all", 0)]
    assert files[-1].slug == zoos[0].slug == "usual"
