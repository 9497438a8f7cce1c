"""Claims about models of halves of the files, and about what is told of them."""

import numpy as np
import pandas as pd

from metanet_lib import catalog
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.halves import (
    BOTH,
    CODE,
    COMPONENTS,
    FILES,
    GROUPS,
    HALVES,
    LABELS,
    PAIRS,
    WAYS,
    chosen_ways,
    pairs_of_two,
    what_pairs_buy,
)
from metanet_lib.experiments.open_decisions import (
    StudyParameters,
    train_variants,
    variants_of_halves,
    variants_of_zoos,
)
from metanet_lib.interpret import InterpretParameters
from metanet_lib.store import Results
from metanet_lib.zoo import Zoo, ZooParameters, load_halves, load_zoo

GENERATOR = np.random.default_rng(0)
TRAINS = [d.id for d in catalog.DATASETS[:6]]
KINDS = {name: GENERATOR.normal(size=(256, 1)) for name in TRAINS}
ACCIDENTS = GENERATOR.normal(size=(256, 12))


def zoo_of(halves):
    """Models of each dataset, one for each half named: one filter tells which, eight which half.

    What files leave behind lies in few directions, the same for all datasets.
    """
    files = {(i, h): GENERATOR.choice(12, 8, replace=False) for i in TRAINS for h in set(halves)}
    encoders = [
        np.concatenate(
            [KINDS[i], ACCIDENTS[:, files[i, h]], GENERATOR.normal(size=(256, 7))], axis=1
        )
        for i in TRAINS
        for h in halves
    ]
    return Zoo(np.array(encoders, np.float32), np.repeat(TRAINS, len(halves)))


SEEN = np.arange(12) % 4


def test_no_model_is_in_two_pairs_and_the_two_of_one_saw_no_file_in_common():
    datasets, halves = np.repeat(TRAINS, 12), np.tile(SEEN, 6)
    order = GENERATOR.permutation(72)
    datasets, halves = datasets[order], halves[order]
    pairs = pd.Series(pairs_of_two(datasets, halves))
    assert pairs.value_counts().eq(2).all()
    assert pairs.nunique() == 36
    for _, places in pairs.groupby(pairs).groups.items():
        assert len(set(datasets[places])) == 1
        assert sorted(halves[places] % 2) == [0, 1]
        assert len(set(halves[places] // 2)) == 1


def test_a_model_whose_other_half_nobody_saw_is_in_no_pair():
    datasets = np.repeat(TRAINS[:2], 3)
    assert pairs_of_two(datasets, np.array([0, 1, 2, 0, 0, 1])).tolist() == [0, 0, -1, 1, -1, 1]


def test_how_pairs_are_used_is_asked_of_every_half_and_of_models_that_fit_alone():
    fit, halves = zoo_of(SEEN), np.tile(SEEN, 6)
    table = chosen_ways(fit, halves, {PAIRS: pairs_of_two(fit.datasets, halves)})
    assert list(table.way) == list(WAYS)
    assert set(table.n_asked) == {len(fit)}
    assert table.accuracy[table.chosen].item() == table.accuracy.max()


def test_where_no_pair_is_left_once_a_half_is_kept_out_the_first_way_is_taken():
    fit, halves = zoo_of(SEEN[:2]), np.tile(SEEN[:2], 6)
    table = chosen_ways(fit, halves, {PAIRS: pairs_of_two(fit.datasets, halves)})
    assert set(table.n_asked) == {0}
    assert table.way[table.chosen].tolist() == [next(iter(WAYS))]


def test_pairs_look_past_files_that_the_zoo_shows():
    usual, halved = zoo_of([0] * 12), zoo_of(SEEN)
    zoos = usual, zoo_of([0, 0]), zoo_of([7, 8, 9])
    rows, ways = what_pairs_buy(zoos, halved, np.tile(SEEN, 6), InterpretParameters(k=3))
    assert set(ways.representation) == {PAIRS, GROUPS}
    new = rows[rows.task == "dataset_id_new_files"].set_index(["zoo", "representation"])
    assert set(new.index) == {
        (zoo, name)
        for zoo in (FILES, HALVES, BOTH)
        for name in (CODE, COMPONENTS, PAIRS, GROUPS, LABELS)
    }
    assert new.accuracy[HALVES, PAIRS] > max(
        new.accuracy[HALVES, COMPONENTS], new.accuracy[FILES, PAIRS]
    )
    assert tuple(new.loc[(FILES, CODE), ["low", "high"]]) == (0, 0), "beside itself"
    assert (new.loc[FILES, ["more_low", "more_high"]] == 0).all(axis=None)
    gained = new.accuracy[HALVES, PAIRS] - new.accuracy[FILES, CODE]
    assert new.low[HALVES, PAIRS] <= gained <= new.high[HALVES, PAIRS]


def test_two_models_of_each_dataset_are_enough_to_ask():
    fit, some = zoo_of([0, 1]), zoo_of([0])
    rows, ways = what_pairs_buy(
        (fit, some, some), fit, np.tile([0, 1], 6), InterpretParameters(k=3)
    )
    assert rows.accuracy.notna().all()
    assert not ways.n_asked.any()


def test_where_no_dataset_has_files_enough_nothing_is_asked():
    fit = zoo_of([0, 0])
    rows, ways = what_pairs_buy((fit, fit, fit), fit, np.full(12, -1), InterpretParameters(k=3))
    assert rows.empty
    assert ways.empty


def test_the_zoo_of_halves_has_the_models_that_fit_alone_and_is_not_trained_twice(
    demo_corpus, tmp_path
):
    results = Results("tiny", str(demo_corpus), tmp_path)
    ids = ("v:aer", "a:air")
    zoo = ZooParameters(training_datasets=ids, batch_size=64)
    size = StudyParameters(per_dataset=512, models_fit=4, models_validation=1, halves=2)
    patches = PatchParameters(new_files=0)
    both = variants_of_halves(patches, zoo, size)
    usual = variants_of_zoos(patches, zoo, size)[0]
    assert (both[0].slug, both[0].patches, both[0].zoo) == (usual.slug, usual.patches, usual.zoo)
    datasets = [catalog.dataset(i) for i in ids]
    folders = train_variants(results, datasets, both)
    written = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    assert train_variants(results, datasets, both) == folders
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")} == written
    of_few_files = [-1] * 4
    assert load_halves(folders[1], datasets).tolist() == [0, 1, 0, 1, *of_few_files]
    assert load_halves(folders[0], datasets).tolist() == [-1] * 8
    (fit, _, _), (halved, _, _) = (load_zoo(folder, datasets) for folder in folders)
    assert fit.datasets.tolist() == halved.datasets.tolist()
    assert (
        np.isclose(fit.encoders, halved.encoders).all((1, 2)).tolist() == [False] * 4 + [True] * 4
    )
