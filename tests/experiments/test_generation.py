"""Claims about how models that are made of codes are measured."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

from metanet_lib.catalog import dataset
from metanet_lib.data.patches import PatchParameters
from metanet_lib.experiments.generation import (
    BY_PAPER,
    DRAWN,
    ELSEWHERE,
    ITSELF,
    LINEARLY,
    MADE,
    MIXED,
    NO_CODE,
    RANDOM,
    SAMPLED,
    SAMPLED_ELSEWHERE,
    GenerationParameters,
    Held,
    beside_fresh,
    candidates,
    from_few,
    held_out,
    linear_errors,
    made_for_each_other,
    novelty,
    read_again,
    trained_errors,
    way,
)
from metanet_lib.interpret import Generator, InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.zoo import Zoo, ZooParameters

IDS = ("v:aer", "a:air")
RNG = np.random.default_rng(0)
DIRECTIONS_OF = {i: np.linalg.qr(RNG.normal(size=(256, 12))).Q for i in IDS}
SIZE = GenerationParameters(patches=400, models=4, samples=5, steps=20, way=3)


def models(name, n):
    """Models that learned their dataset's twelve directions, with random starts."""
    learned = 4 * DIRECTIONS_OF[name] @ RNG.normal(size=(n, 12, 16))
    return (0.1 * RNG.normal(size=(n, 256, 16)) + learned).astype(np.float32)


def zoo_of(n):
    return Zoo(np.concatenate([models(i, n) for i in IDS]), np.repeat(IDS, n))


def patches(name, n=400):
    """Patches that vary along the dataset's directions, and a little everywhere."""
    along = RNG.normal(size=(n, 12)) @ DIRECTIONS_OF[name].T
    return (along + 0.02 * RNG.normal(size=(n, 256))).astype(np.float32)


FIT, VALIDATION = zoo_of(20), zoo_of(6)
HELD = {name: Held(patches(name), patches(name), "new files") for name in IDS}


@pytest.fixture(scope="module")
def generator():
    return Generator(FunctionalCode(4).fit(FIT.encoders), FIT)


@pytest.fixture(scope="module")
def made(generator):
    few = MetanetworkParameters(channels=(2,), dense=4, unitwise_epochs=1, interunit_epochs=1)
    return candidates(generator, train(FIT.encoders, few, 0), FIT, VALIDATION, HELD, SIZE)


def test_made_models_work_as_trained_ones_do_and_random_ones_do_not(made):
    ratios = beside_fresh(linear_errors(made, HELD)).median()
    assert ratios[ITSELF] == 1
    for name in (MADE, DRAWN, SAMPLED, LINEARLY):
        assert ratios[name] < 1.5
    assert ratios[RANDOM] > 2.5
    assert ratios[BY_PAPER] > 2.5, "hardly trained"
    assert ratios["of the other modality"] > 2
    assert ratios[MADE] < ratios[NO_CODE] < ratios[RANDOM]
    np.testing.assert_array_equal(made[NO_CODE]["v:aer"], made[NO_CODE]["a:air"])
    assert "a model of another dataset" not in ratios, "there is one of each modality"
    assert ratios["principal components of the patches"] <= ratios.min() + 1e-9


def test_what_is_made_of_the_codes_of_another_dataset_is_that_of_the_next_of_its_modality(
    generator,
):
    held = {new: HELD[old] for new, old in (("v:aer", "v:aer"), ("v:bic", "a:air"))}
    fit, validation = (
        Zoo(zoo.encoders, np.where(zoo.datasets == "a:air", "v:bic", zoo.datasets))
        for zoo in (FIT, VALIDATION)
    )
    few = MetanetworkParameters(channels=(2,), dense=4, unitwise_epochs=1, interunit_epochs=1)
    paper = train(FIT.encoders[:2], few, 0)
    both = candidates(Generator(generator.code, fit), paper, fit, validation, held, SIZE)
    for of, elsewhere in ((MADE, ELSEWHERE), (SAMPLED, SAMPLED_ELSEWHERE)):
        np.testing.assert_array_equal(both[elsewhere]["v:aer"], both[of]["v:bic"])
        np.testing.assert_array_equal(both[elsewhere]["v:bic"], both[of]["v:aer"])
    ratios = beside_fresh(linear_errors(both, held)).median()
    assert ratios[ELSEWHERE] > 2 > 1.5 > ratios[MADE]


def test_mixing_filters_changes_the_zoos_read_out_and_not_the_linear_one(made):
    linear = beside_fresh(linear_errors(made, HELD))
    np.testing.assert_allclose(linear[MADE], linear[MIXED], rtol=1e-3)
    small = ZooParameters(batch_size=50)
    trained = trained_errors(made, HELD, small, SIZE)
    assert len(trained) == len(made) * len(IDS)
    ratios = beside_fresh(trained)
    assert (ratios[MADE] != ratios[MIXED]).all()
    pd.testing.assert_frame_equal(trained, trained_errors(made, HELD, small, SIZE))


def test_models_serve_the_dataset_that_they_are_made_for(made):
    table = made_for_each_other(made[SAMPLED], HELD)
    assert table.to_numpy().argmin(0).tolist() == [0, 1]
    assert table.to_numpy().diagonal().tolist() == [1, 1]


def test_copies_are_found_out_and_made_models_are_none(made):
    copies = {name: FIT.of([name]).encoders[:2, :, ::-1] * -3 for name in IDS}
    far = novelty({"copies": copies, SAMPLED: made[SAMPLED], ITSELF: made[ITSELF]}, FIT)
    medians = far.groupby("candidate")[["function", "weights"]].median()
    assert (medians.loc["copies"] < 1e-3).all()
    assert medians.function[SAMPLED] > 0.5 * medians.function[ITSELF] > 0.01
    assert medians.weights[SAMPLED] > 0.5 * medians.weights[ITSELF] > 0.1


def test_readers_are_asked_for_the_dataset_of_each(made):
    code = FunctionalCode(4).fit(FIT.encoders)
    blind = FunctionTransformer(lambda encoders: np.zeros((len(encoders), 1)))
    few = {SAMPLED: made[SAMPLED]}
    rows = read_again({"code": code, "blind": blind}, few, FIT, InterpretParameters(k=5))
    assert rows.share.tolist() == [1, 0.5]
    assert rows.n.tolist() == [10, 10]


def test_the_way_begins_at_the_one_dataset_and_ends_at_the_other(generator):
    rows, encoders = way(generator, FIT, HELD, IDS, SIZE)
    assert encoders.shape == (3, 256, 16)
    for by in ("codes", "codes, linearly", "aligned weights"):
        error = rows[rows.by == by].set_index(["dataset", "share"]).error
        assert error["v:aer", 0] < 0.5 * error["v:aer", 1]
        assert error["a:air", 1] < 0.5 * error["a:air", 0]


def test_a_dataset_of_too_few_models_is_not_asked_about(generator):
    rows = from_few(generator, VALIDATION, HELD, (1, 5, 7), SIZE)
    assert rows.models.tolist() == [1, 5, 1, 5]
    assert (rows.error < 0.5 * rows.random).all()


def test_held_out_patches_are_of_new_files_where_there_are_some(demo_corpus):
    half = PatchParameters(new_files=0.5)
    one, other = (
        held_out(demo_corpus, [dataset("v:aer")], p, 30)["v:aer"] for p in (half, PatchParameters())
    )
    assert one.files == "new files"
    assert other.files == "other places of the same files"
    assert one.fitted.shape == one.measured.shape == (30, 256)
    assert not np.array_equal(one.fitted, one.measured)
