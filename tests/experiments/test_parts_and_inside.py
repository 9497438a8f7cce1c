"""Claims about variants of the meta-encoder, and about what is inside it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from metanet_lib import catalog, figures
from metanet_lib.data.bank import Bank
from metanet_lib.experiments import inside
from metanet_lib.experiments.parts import (
    AblationParameters,
    ask,
    first_models,
    run_ablations,
    variants,
)
from metanet_lib.interpret import InterpretParameters, asked, assess
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.representations.parts import (
    DenseAutoencoder,
    SortedFilters,
    filters_by_norm,
    untrained,
)
from metanet_lib.zoo import Zoo, ZooParameters, load_zoo, make_shard

IDS = ("v:aer", "v:bic", "a:air", "a:car")
SMALL = MetanetworkParameters(
    channels=(2, 2, 2), dense=8, unitwise_epochs=1, interunit_epochs=2, batch_norm_momentum=0.1
)
SIZES = AblationParameters(sizes=(2, 20), ks=(1, 3, 999), models=(3, 999))
ASK = InterpretParameters(k=5)


def zoo_of(per_dataset, seed):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(len(IDS), 1, 256, 16))
    encoders = centres + generator.normal(size=(len(IDS), per_dataset, 256, 16))
    return Zoo(encoders.reshape(-1, 256, 16).astype(np.float32), np.repeat(IDS, per_dataset))


@pytest.fixture(scope="module")
def zoos():
    return zoo_of(6, seed=1), zoo_of(3, seed=2), zoo_of(2, seed=3)


@pytest.fixture(scope="module")
def metanetworks(zoos):
    return [train(zoos[0].encoders, SMALL, seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def chosen(zoos, metanetworks):
    return variants(metanetworks, zoos[0], SIZES, ASK.k)


@pytest.fixture(scope="module")
def rows(zoos, chosen):
    return run_ablations(chosen, zoos, ASK)


def accuracies(representation, zoos, interpret=ASK):
    fit, validation, new = zoos
    return [
        assess(task, "any", representation, fit, models, interpret).row["accuracy"]
        for task, models in asked(validation, new).items()
    ]


def test_unit_wise_alone_is_what_the_metanetwork_sorts_before_its_inter_unit_part(
    zoos, metanetworks
):
    encoders = zoos[0].encoders
    with torch.no_grad():
        expected = metanetworks[0].model.sorted_embeddings(torch.from_numpy(encoders))
    alone = SortedFilters(metanetworks[0], "axis 1").fit_transform(encoders)
    np.testing.assert_allclose(alone, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("sorting", ["norm", "axis 1", "axis 3"])
def test_a_sorting_forgets_the_order_of_filters_and_no_sorting_keeps_it(
    sorting, zoos, metanetworks
):
    encoders = zoos[0].encoders
    shuffled = encoders[:, :, np.random.default_rng(0).permutation(16)]

    def told_apart(how):
        parts = SortedFilters(metanetworks[0], how)
        return np.abs(parts.fit_transform(encoders) - parts.fit_transform(shuffled)).max()

    assert told_apart(sorting) < 1e-5 < told_apart("none")


def test_filters_by_norm_are_all_there_and_rise():
    encoders = zoo_of(2, seed=3).encoders
    by_norm = filters_by_norm(encoders).reshape(-1, 16, 256)
    norms = np.linalg.norm(by_norm, axis=2)
    assert (np.diff(norms, axis=1) >= 0).all()
    np.testing.assert_array_equal(np.sort(by_norm, axis=None), np.sort(encoders, axis=None))


def test_a_dense_autoencoder_of_one_width_is_linear_and_learns(zoos):
    data = filters_by_norm(zoos[0].encoders)[:, :40]
    longer = replace(SMALL, interunit_epochs=20)
    trained = DenseAutoencoder((8,), longer, seed=0).fit(data)
    together = trained.transform(data[:2]) + trained.transform(data[2:4])
    zero = trained.transform(np.zeros_like(data[:2]))
    np.testing.assert_allclose(together, trained.transform(data[:2] + data[2:4]) + zero, atol=1e-4)
    first, second = DenseAutoencoder((8, 4), longer, 0), DenseAutoencoder((8, 4), longer, 0)
    np.testing.assert_array_equal(first.fit_transform(data), second.fit_transform(data))
    assert first.transform(data).shape == (len(data), 4)


def test_every_question_has_the_runs_own_way_for_each_seed(chosen):
    for question in ("part", "sorting", "size", "k", "models that vote", "models in all"):
        usual = [v.seed for v in chosen if v.question == question and v.usual]
        assert usual == [0, 1], question
    assert {v.variant for v in chosen if v.question == "sorting"} == {
        *("none", "norm", "axis 1", "axis 2", "axis 3")
    }
    assert not any(v.usual for v in chosen if v.seed is None or v.question == "activation")


def test_more_neighbours_or_models_than_there_are_are_left_out(chosen):
    assert {v.k for v in chosen if v.question == "k"} == {1, 3, 5}
    assert {v.models for v in chosen if v.question == "models in all"} == {3, None}


def test_the_runs_own_rows_are_the_papers_experiment(rows, zoos, metanetworks):
    usual = rows[rows.usual]
    for n in metanetworks:
        expected = accuracies(MetaEncoder(n), zoos)
        for _, of_question in usual[usual.seed == n.seed].groupby("question"):
            assert of_question.accuracy.tolist() == expected


def test_each_k_is_what_the_meta_classifier_says_with_it(rows, zoos, metanetworks):
    of_k = rows[rows.question == "k"]
    for k in (1, 3, 5):
        with_k = InterpretParameters(k=k)
        found = of_k[of_k.k == k]
        assert found.accuracy[found.seed == 1].tolist() == accuracies(
            MetaEncoder(metanetworks[1]), zoos, with_k
        )
        assert found.accuracy[found.seed.isna()].tolist() == accuracies(RawWeights(), zoos, with_k)


def test_fewer_models_are_the_first_of_each_dataset_and_a_metanetwork_of_their_own(
    rows, zoos, chosen
):
    fewer = first_models(zoos[0], 3)
    assert len(fewer) == 3 * len(IDS)
    np.testing.assert_array_equal(fewer.encoders[3:6], zoos[0].encoders[6:9])
    assert len(first_models(zoos[0], None)) == len(zoos[0])
    (variant,) = [
        v for v in chosen if v.question == "models in all" and v.models == 3 and v.seed == 1
    ]
    trained = train(fewer.encoders, SMALL, seed=1)
    expected = accuracies(MetaEncoder(trained), (fewer, *zoos[1:]))
    told = pd.DataFrame(ask([variant], zoos, ASK)[0])
    assert told.accuracy.tolist() == expected
    assert told.axes_in_use.tolist() == [trained.axes_in_use(zoos[0].encoders)] * 4
    assert told.n_fit.tolist() == [12] * 4


def test_every_accuracy_has_its_count_its_interval_and_its_size(rows, chosen):
    assert len(rows) == 4 * len(chosen)
    assert ((rows.ci_low <= rows.accuracy) & (rows.accuracy <= rows.ci_high)).all()
    assert (rows.n_correct == (rows.accuracy * rows.n_validation).round()).all()
    sizes = rows[rows.question == "size"].embedding_dim
    assert set(sizes) == {2, 16, 20}
    part = rows[rows.question == "part"].set_index("variant").embedding_dim
    assert part["unit-wise, sorted"].unique() == 48
    assert part["raw weights"].unique() == 4096
    assert set(part.drop(["unit-wise, sorted", "raw weights"])) == {16}


def test_an_untrained_metanetwork_is_where_training_begins(zoos):
    start = untrained(SMALL, seed=1)
    barely = train(zoos[0].encoders, replace(SMALL, learning_rate=1e-30), seed=1)
    for one, other in zip(start.model.parameters(), barely.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-25)


# --- Inside -----------------------------------------------------------------------------------


def picture(rows, columns):
    """A model all of whose filters are this wave."""
    y, x = np.mgrid[:16, :16] * (2 * np.pi / 16)
    wave = np.cos(rows * y + columns * x)
    return np.repeat(wave.reshape(256, 1), 16, axis=1)[None].astype(np.float32)


def test_properties_of_a_filter_are_those_of_its_picture():
    down, along = picture(3, 0), 2 * picture(0, 1) + 1
    first, second = (inside.filter_properties(p).iloc[0] for p in (down, along))
    assert first.frequency == pytest.approx(3 / 16, rel=1e-4)
    assert second.frequency == pytest.approx(1 / 16, rel=1e-4)
    assert (first.direction, second.direction) == pytest.approx((1, -1))
    assert (first["mean"], second["mean"]) == pytest.approx((0, 1), abs=1e-6)
    assert first.norm == pytest.approx(np.linalg.norm(down[0, :, 0]), rel=1e-6)
    assert len(inside.filter_properties(np.concatenate([down, along]))) == 32


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Two datasets' models, trained for a moment, and their parameters."""
    folder = tmp_path_factory.mktemp("zoo")
    parameters = ZooParameters(
        models_fit=2, models_validation=1, training_datasets=("v:aer",), batch_size=32, seed=7
    )
    datasets = [catalog.dataset(i) for i in ("v:aer", "a:air")]
    for i, dataset in enumerate(datasets):
        patches = torch.rand(64, 256, generator=torch.Generator().manual_seed(i))
        bank = folder / "bank.safetensors"
        replace(Bank.of(patches), dataset=dataset.id).save(bank)
        make_shard(bank, folder / f"{dataset.slug}.safetensors", parameters)
    return folder, datasets


def test_initial_weights_come_back_from_the_seed_of_the_shard(shards):
    trained, initial = load_zoo(*shards)[:2], inside.initial_zoo(*shards)
    for after, before in zip(trained, initial, strict=True):
        assert after.datasets.tolist() == before.datasets.tolist()
        share = inside.left_over(after.encoders, before.encoders)
        assert share.shape == (len(after), 16)
        assert (share > 0.95).all(), "two steps change little"
        assert not np.array_equal(after.encoders, before.encoders)


def test_an_untrained_model_is_all_left_over_and_a_strangers_filters_are_not(shards):
    fit, _ = inside.initial_zoo(*shards)
    np.testing.assert_allclose(inside.left_over(fit.encoders, fit.encoders), 1, rtol=1e-5)
    assert inside.left_over(fit.encoders, fit.encoders[::-1]).mean() < 0.02
    np.testing.assert_allclose(inside.left_over(3 * fit.encoders - 1, fit.encoders), 1, rtol=1e-4)


def test_what_an_axis_follows_is_found_and_a_dead_axis_follows_nothing(zoos, metanetworks):
    encoders = np.concatenate([zoos[0].encoders, zoos[1].encoders])
    embedded = metanetworks[0].embed_filters(encoders).reshape(-1, 3)
    alive = embedded.std(0) > 0
    axis = int(np.flatnonzero(alive)[0])
    noise = np.random.default_rng(0).normal(size=len(embedded))
    properties = pd.DataFrame({"itself": embedded[:, axis], "noise": noise})
    table = inside.what_is_encoded(metanetworks[0], encoders, properties)
    assert table.loc["itself", f"axis {axis + 1}"] == pytest.approx(1)
    assert table.loc["itself", "together"] > 0.9
    assert table.loc["noise", "together"] < 0.1
    assert table.drop(columns="together").notna().any().tolist() == alive.tolist()


def test_an_axis_that_is_always_zero_is_dead(zoos, metanetworks):
    n = replace(metanetworks[0], model=untrained(SMALL, 0).model)
    last = n.model.unitwise.encoder[-2]
    with torch.no_grad():
        alive = inside.axis_activity(n, zoos[0].encoders).before
        axis = int(alive.argmax())
        last.weight[axis], last.bias[axis] = 0, -1
    activity = inside.axis_activity(n, zoos[0].encoders)
    assert activity.axis.tolist() == [1, 2, 3]
    assert activity.after[axis] == 0
    assert activity.before.tolist() == alive.tolist(), "the start is drawn again from the seed"
    assert alive[axis] > 0


def test_a_typical_model_of_one_model_is_its_reconstruction(zoos, metanetworks):
    one = first_models(zoos[0], 1)
    typical = inside.typical_models(metanetworks[0], one)
    assert list(typical) == list(IDS)
    np.testing.assert_allclose(
        np.stack(list(typical.values())), metanetworks[0].reconstruct(one.encoders), atol=1e-5
    )


def test_the_nearest_model_to_a_known_one_is_itself(zoos, metanetworks):
    nearest = inside.nearest_models(metanetworks[0], zoos[0], zoos[0].encoders[4], 3)
    assert nearest[0] == 4
    assert len(set(nearest)) == 3


# --- Figures ----------------------------------------------------------------------------------


def test_figures_show_every_seed_and_mark_the_runs_own(rows):
    part = figures.accuracy_by_variant(rows[rows.question == "part"], headline=1)
    modality = part.axes[0]
    dots = [line for line in modality.lines if line.get_marker() == "o"]
    assert len(dots) == len(rows[(rows.question == "part") & (rows.task == "modality")])
    bold = [t.get_text() for t in modality.get_yticklabels() if t.get_fontweight() == "bold"]
    assert bold == ["metanetwork"]
    k = figures.accuracy_by_size(rows[rows.question == "k"], "k", "neighbours", headline=1)
    lines = [line for line in k.axes[1].lines if line.get_marker() == "o"]
    assert len(lines) == 3, "two seeds and raw weights"
    both = rows[rows.question.isin(["models that vote", "models in all"])]
    models = figures.accuracy_by_size(both, "models", "models of each dataset", headline=0)
    assert {line.get_linestyle() for line in models.axes[0].lines[1:]} == {"-", "--"}


def test_figures_of_the_inside_are_drawn(zoos):
    table = pd.DataFrame({"axis 1": [1.0, -0.5], "together": [0.2, float("nan")]}, ["a", "b"])
    texts = [t.get_text() for t in figures.encoded_properties({"seed 0": table}).axes[0].texts]
    assert texts == ["1.00", "0.20", "-0.50", "-"]
    shares = {"v:aer": np.full((2, 16), 0.1), "a:air": np.full((2, 16), 0.5)}
    names = [t.get_text() for t in figures.left_over(shares).axes[0].get_yticklabels()]
    assert names == ["v:aer", "a:air"]
    encoder = zoos[0].encoders[0]
    compared = figures.filters_compared({"a": {"own": encoder, "rebuilt": encoder / 2}})
    assert [t.get_text() for t in compared.axes[0].get_yticklabels()] == ["own", "rebuilt"]
