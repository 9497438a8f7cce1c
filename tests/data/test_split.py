"""Files are split by recording into those that models fit on and new ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metanet_lib import catalog
from metanet_lib.data.bank import Bank
from metanet_lib.data.corpora import Source
from metanet_lib.data.patches import (
    PatchParameters,
    dataset_files,
    make_bank,
    make_half_banks,
    make_new_bank,
    split_files,
    split_halves,
)

CAT, DOG, CELLO = (catalog.dataset(i) for i in ("v:cat", "v:dog", "a:cel"))
P = PatchParameters()


def files(recordings, of_each=1):
    return [
        Source(Path(f"{r}-{i}"), recording=f"r{r}")
        for r in range(recordings)
        for i in range(of_each)
    ]


def names(sources):
    return {source.path.name for source in sources}


def test_every_file_falls_on_one_side_and_a_recording_on_one_side_whole():
    sources = files(20, of_each=3)
    same, new = split_files(sources, CELLO, P)
    assert names(same) | names(new) == names(sources)
    assert not {s.recording for s in same} & {s.recording for s in new}
    assert len(new) == 3 * 5, "a quarter of the recordings"


def test_the_split_follows_from_the_seed_and_the_names_not_from_the_order():
    sources = files(40)
    _, new = split_files(sources, CAT, P)
    _, turned = split_files(sources[::-1], CAT, P)
    _, other = split_files(sources, CAT, replace(P, seed=1))
    assert names(new) == names(turned) != names(other)


def test_a_photograph_of_two_classes_mostly_falls_on_the_same_side_in_both():
    sources = files(40)
    of_cats, of_dogs = (
        split_files(some, d, P)[1] for some, d in ((sources, CAT), (sources[4:], DOG))
    )
    shared = names(of_dogs) & names(sources[4:])
    assert len(shared & names(of_cats)) >= len(shared) - 1


@pytest.mark.parametrize(("recordings", "share", "new"), [(7, 0.25, 0), (8, 0.25, 2), (40, 0, 0)])
def test_a_dataset_of_too_few_files_keeps_none_apart(recordings, share, new):
    same, apart = split_files(files(recordings), CAT, replace(P, new_files=share))
    assert (len(same), len(apart)) == (recordings - new, new)


def test_fewer_files_are_among_the_more_and_the_new_ones_stay():
    sources = files(40)
    cut = [split_files(sources, CAT, replace(P, most_files=n)) for n in (6, 12, 0)]
    assert [len(same) for same, _ in cut] == [6, 12, 30]
    assert names(cut[0][0]) < names(cut[1][0]) < names(cut[2][0])
    assert names(cut[0][1]) == names(cut[2][1])


def test_the_banks_of_same_and_of_new_files_have_no_window_in_common(demo_corpus):
    half = PatchParameters(per_dataset=400, new_files=0.5)
    same, new = make_bank(demo_corpus, "v:cat", half), make_new_bank(demo_corpus, "v:cat", half)
    listed = len(dataset_files(demo_corpus, CAT, half))
    assert same.files_used + new.files_used == listed
    windows = [{w.tobytes() for w in np.asarray(b.windows)} for b in (same, new)]
    assert len(windows[0] & windows[1]) < 0.02 * len(windows[1]), "flat ones may be alike"
    assert make_new_bank(demo_corpus, "v:cat", PatchParameters(per_dataset=10)) is None


def test_a_file_holds_both_banks_and_one_without_new_files_says_so(demo_corpus, tmp_path):
    half = PatchParameters(per_dataset=50, new_files=0.5)
    same, new = make_bank(demo_corpus, "v:cat", half), make_new_bank(demo_corpus, "v:cat", half)
    same.save(tmp_path / "both.safetensors", new)
    same.save(tmp_path / "one.safetensors")
    assert Bank.load(tmp_path / "both.safetensors").patches().equal(same.patches())
    assert Bank.load_new(tmp_path / "both.safetensors").patches().equal(new.patches())
    assert Bank.load_new(tmp_path / "one.safetensors") is None


def test_halves_come_in_twos_that_share_no_recording_and_have_them_all():
    same, _ = split_files(files(28, of_each=2), CELLO, P)
    halves = split_halves(same, CELLO, replace(P, halves=6))
    assert [len(half) for half in halves] == [20, 22] * 3, "of 21 recordings of two files each"
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        assert not {s.recording for s in first} & {s.recording for s in second}
        assert names(first) | names(second) == names(same)
    assert len({frozenset(names(half)) for half in halves}) == 6


def test_a_half_follows_from_the_seed_and_the_names_and_not_from_how_many_there_are():
    four, two = (split_halves(files(40), CAT, replace(P, halves=n)) for n in (4, 2))
    turned = split_halves(files(40)[::-1], CAT, replace(P, halves=2))
    (other, _) = split_halves(files(40), CAT, replace(P, halves=2, seed=1))
    assert [names(half) for half in four[:2]] == [names(half) for half in two]
    assert [names(half) for half in turned] == [names(half) for half in two]
    assert names(other) != names(two[0])


def test_by_default_and_of_too_few_files_there_are_no_halves():
    assert P.halves == 0
    assert split_halves(files(40), CAT, P) == []
    assert split_halves(files(3), CAT, replace(P, halves=2)) == []


def test_a_bank_of_a_half_has_windows_of_its_files_alone_and_as_many_patches(demo_corpus):
    p = PatchParameters(per_dataset=400, new_files=0, halves=2)
    first, second = make_half_banks(demo_corpus, "v:cat", p)
    whole = make_bank(demo_corpus, "v:cat", p)
    assert len(first) == len(second) == len(whole) == 400
    assert first.files_used + second.files_used == whole.files_used
    windows = [{w.tobytes() for w in np.asarray(b.windows)} for b in (first, second)]
    assert len(windows[0] & windows[1]) < 0.02 * len(windows[1]), "flat ones may be alike"
    (again, _) = make_half_banks(demo_corpus, "v:cat", p, threads=3)
    assert again.patches().equal(first.patches())


def test_a_file_holds_the_banks_of_halves_beside_the_others(demo_corpus, tmp_path):
    p = PatchParameters(per_dataset=50, new_files=0.5, halves=2, seed=3)
    bank, new = make_bank(demo_corpus, "v:cat", p), make_new_bank(demo_corpus, "v:cat", p)
    halves = make_half_banks(demo_corpus, "v:cat", replace(p, new_files=0))
    bank.save(tmp_path / "halves.safetensors", new, halves)
    bank.save(tmp_path / "none.safetensors", new)
    read = Bank.load_halves(tmp_path / "halves.safetensors")
    assert [half.files_used for half in read] == [half.files_used for half in halves]
    assert all(a.patches().equal(b.patches()) for a, b in zip(read, halves, strict=True))
    assert Bank.load(tmp_path / "halves.safetensors").patches().equal(bank.patches())
    assert Bank.load_new(tmp_path / "halves.safetensors").patches().equal(new.patches())
    assert Bank.load_halves(tmp_path / "none.safetensors") == []
