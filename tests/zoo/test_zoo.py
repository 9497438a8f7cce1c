"""Claims about the zoo: the population trainer does what the readable reference does."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from metanet_lib import catalog, zoo
from metanet_lib.data.bank import Bank
from metanet_lib.zoo import (
    Population,
    Shard,
    ZooParameters,
    load_halves,
    load_zoo,
    make_shard,
    train_one,
)


@pytest.fixture(scope="module")
def patches():
    generator = np.random.default_rng(0)
    coarse = generator.random((4000, 4, 4), dtype=np.float32)
    fine = coarse.repeat(4, 1).repeat(4, 2) + 0.1 * generator.random((4000, 16, 16))
    return torch.from_numpy((fine.reshape(4000, 256) / 1.1).astype(np.float32))


@pytest.fixture
def bank(tmp_path, patches):
    path = tmp_path / "bank.safetensors"
    replace(Bank.of(patches), dataset="v:aer").save(path)
    return path


SMALL = ZooParameters(models_fit=3, models_validation=2, models_new=1, batch_size=32, epochs=4)


def relative_difference(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.fixture(params=["compiled", "tensors"])
def engine(request, monkeypatch):
    """Both ways to make a step, on the CPU."""
    if request.param == "tensors":
        monkeypatch.setattr(zoo.population, "CompiledSteps", zoo.population.TensorSteps)


@pytest.mark.usefixtures("engine")
def test_population_matches_the_reference_after_500_adam_steps(patches):
    population = Population(SMALL, "v:aer", range(3))
    population.train(Bank.of(patches))
    tensors = population.tensors()
    for i in range(3):
        reference = train_one(patches, "v:aer", i, SMALL)
        expected = {
            "encoder": reference.encoder.weight.T,
            "decoder": reference.decoder.weight.T,
            "decoder_bias": reference.decoder.bias,
            "batch_norm_scale": reference.batch_norm.weight,
            "batch_norm_shift": reference.batch_norm.bias,
            "batch_norm_mean": reference.batch_norm.running_mean,
            "batch_norm_var": reference.batch_norm.running_var,
        }
        for name, value in expected.items():
            assert relative_difference(tensors[name][i], value.detach()) < 1e-4, name


@pytest.mark.parametrize("scope", ["dataset", "file"])
def test_grey_levels_train_as_the_numbers_they_stand_for(patches, scope):
    levels = (patches * 200 + 20).to(torch.uint8)
    one = torch.tensor([[20.0], [220.0]])
    each = torch.stack([levels.min(1).values.float(), levels.max(1).values.float() + 1])
    limits = one if scope == "dataset" else each
    draws = torch.from_numpy(np.random.default_rng(0).integers(4000, size=5000, dtype=np.int32))
    bank = Bank(levels, limits, draws)
    rows = draws.long()
    low, high = (limits if scope == "dataset" else limits[:, rows])[..., None].unbind()
    assert torch.equal(bank.patches(), (levels[rows] - low) * (1 / (high - low)))
    stored, unpacked = (Population(SMALL, "v:aer", range(2)) for _ in range(2))
    stored.train(bank)
    unpacked.train(Bank.of(bank.patches()))
    assert torch.equal(stored.weights, unpacked.weights)


@pytest.mark.usefixtures("engine")
def test_both_trainers_take_adams_betas_from_the_parameters(patches):
    short = replace(SMALL, epochs=1)
    other = replace(short, adam_betas=(0.5, 0.9))
    population = Population(other, "v:aer", range(1))
    population.train(Bank.of(patches))
    trained = population.tensors()["encoder"][0]
    own, usual = (
        train_one(patches, "v:aer", 0, p).encoder.weight.detach().T for p in (other, short)
    )
    assert relative_difference(trained, own) < 1e-4
    assert relative_difference(trained, usual) > 1e-2
    with pytest.raises(ValueError, match="adam_betas must be two numbers from 0 to below 1"):
        ZooParameters(adam_betas=(0.9, 1.0))


def test_model_trained_alone_equals_model_trained_in_a_population(patches):
    many = Population(SMALL, "v:aer", range(8))
    many.train(Bank.of(patches))
    alone = Population(SMALL, "v:aer", range(5, 6))
    alone.train(Bank.of(patches))
    assert torch.equal(many.weights[5], alone.weights[0])


@pytest.mark.usefixtures("engine")
def test_models_in_another_order_are_the_same_models(patches):
    forth, back = Population(SMALL, "v:aer", range(4)), Population(SMALL, "v:aer", range(3, -1, -1))
    forth.train(Bank.of(patches))
    back.train(Bank.of(patches))
    assert relative_difference(back.weights.flip(0), forth.weights) < 1e-6


def test_a_shard_is_the_same_whether_the_steps_were_compiled_or_come_from_the_cache(bank, tmp_path):
    program = (
        "from sys import argv; from metanet_lib.zoo import *;"
        "make_shard(argv[1], argv[2], ZooParameters(models_fit=1, models_validation=1))"
    )
    shards = [tmp_path / "compiled.safetensors", tmp_path / "cached.safetensors"]
    for shard in shards:
        subprocess.run(
            [sys.executable, "-c", program, str(bank), str(shard)],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            check=True,
        )
    compiled, cached = map(Shard.load, shards)
    assert torch.equal(compiled.encoder, cached.encoder)
    assert torch.equal(compiled.loss_curve, cached.loss_curve)


def test_a_shard_is_the_same_on_any_number_of_threads(bank, tmp_path):
    for threads in (1, 3):
        make_shard(bank, tmp_path / f"{threads}.safetensors", SMALL, threads=threads)
    one, three = (Shard.load(tmp_path / f"{threads}.safetensors") for threads in (1, 3))
    assert relative_difference(three.encoder, one.encoder) < 1e-5


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("batch_size", [2, 7, 24, 33])
def test_a_batch_of_any_size_is_trained_on(patches, batch_size):
    p = replace(SMALL, batch_size=batch_size, epochs=1)
    some = patches[: 20 * batch_size + 1]
    population = Population(p, "v:aer", range(2))
    population.train(Bank.of(some))
    reference = train_one(some, "v:aer", 1, p)
    for mine, expected in (
        (population.weights[1, :16], reference.encoder.weight),
        (population.weights[1, 16:32], reference.decoder.weight.T),
        (population.weights[1, 32], reference.decoder.bias),
    ):
        assert relative_difference(mine, expected.detach()) < 1e-4


def test_models_differ_by_dataset_index_and_seed(patches):
    def encoder(parameters, dataset, index):
        source = zoo.ModelSeed(parameters.seed, dataset, index)
        return zoo.initial_model(source, parameters).encoder.weight.detach()

    first = encoder(SMALL, "v:aer", 0)
    reseeded = ZooParameters(seed=1)
    for other in (
        encoder(SMALL, "v:aer", 1),
        encoder(SMALL, "a:air", 0),
        encoder(reseeded, "v:aer", 0),
    ):
        assert relative_difference(first, other) > 0.5
    assert torch.equal(first, encoder(SMALL, "v:aer", 0))


def test_training_lowers_the_loss_of_every_model(patches):
    curve = Population(SMALL, "v:aer", range(4)).train(Bank.of(patches))
    assert curve.shape == (4, zoo.LOSS_POINTS)
    assert (curve[:, -1] < 0.5 * curve[:, 0]).all()


def test_a_watched_loss_is_the_mean_squared_error_of_the_initial_model(patches):
    curve = Population(SMALL, "v:aer", range(1)).train(Bank.of(patches))
    source = zoo.ModelSeed(SMALL.seed, "v:aer", 0)
    model = zoo.initial_model(source, SMALL).train()
    x = patches[source.order(len(patches))[:32]]
    expected = torch.nn.functional.mse_loss(model(x), x)
    assert curve[0, 0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_large_population_is_trained_in_groups_with_the_same_result(bank, tmp_path, monkeypatch):
    make_shard(bank, tmp_path / "whole.safetensors", SMALL)
    monkeypatch.setattr(zoo.shard, "MODELS_AT_ONCE", 2)
    make_shard(bank, tmp_path / "grouped.safetensors", SMALL)
    whole = Shard.load(tmp_path / "whole.safetensors")
    grouped = Shard.load(tmp_path / "grouped.safetensors")
    assert relative_difference(grouped.encoder, whole.encoder) < 1e-5


def test_a_shard_comes_back_as_written_and_is_not_made_twice(bank, tmp_path, patches):
    path = tmp_path / "zoo" / "v-aer.safetensors"
    assert make_shard(bank, path, SMALL)
    written = path.stat().st_mtime_ns
    assert not make_shard(bank, path, SMALL)
    assert path.stat().st_mtime_ns == written
    shard = Shard.load(path)
    assert (shard.dataset_id, shard.models_fit, len(shard)) == ("v:aer", 3, 5)
    assert shard.encoder.shape == (5, 256, 16)
    model = shard.model(4)
    assert torch.equal(model.encoder.weight.T, shard.encoder[4])
    assert torch.nn.functional.mse_loss(model(patches), patches) < 0.03
    assert [p.name for p in path.parent.iterdir()] == ["v-aer.safetensors"]


def test_a_full_disk_leaves_the_old_shard_and_nothing_half(bank, tmp_path, monkeypatch):
    path = tmp_path / "zoo" / "v-aer.safetensors"
    make_shard(bank, path, SMALL)
    before = path.read_bytes()

    def full(tensors, file, header):
        file.write_bytes(b"the first half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zoo.shard, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        make_shard(bank, path, replace(SMALL, epochs=1))
    assert [p.name for p in path.parent.iterdir()] == ["v-aer.safetensors"]
    assert path.read_bytes() == before


def test_other_parameters_make_the_shard_anew(bank, tmp_path):
    path = tmp_path / "v-aer.safetensors"
    make_shard(bank, path, SMALL)
    assert make_shard(bank, path, ZooParameters(models_fit=1, models_validation=1, epochs=1))
    assert len(Shard.load(path)) == 2


def test_models_of_new_files_come_last_and_learn_from_the_bank_of_these_alone(tmp_path, patches):
    same, new = (replace(Bank.of(p), dataset="v:aer") for p in (patches, 1 - patches))
    paths = {name: tmp_path / name / "v-aer.safetensors" for name in ("both", "one", "other")}
    for name, banks in (("both", (same, new)), ("one", (same,)), ("other", (new,))):
        same_bank, *apart = banks
        same_bank.save(tmp_path / f"{name}.safetensors", *apart)
    make_shard(tmp_path / "both.safetensors", paths["both"], SMALL)
    make_shard(tmp_path / "one.safetensors", paths["one"], SMALL)
    more = replace(SMALL, models_validation=3)  # so that one of them has the number of the new one
    make_shard(tmp_path / "other.safetensors", paths["other"], more)
    both, one, other = (Shard.load(path) for path in paths.values())
    assert (len(both), both.models_new, len(one), one.models_new) == (6, 1, 5, 0)
    assert relative_difference(both.encoder[:5], one.encoder) < 1e-5
    assert relative_difference(both.encoder[5], other.encoder[5]) < 1e-5
    fit, validation, unseen = load_zoo(tmp_path / "both", [catalog.dataset("v:aer")])
    assert (len(fit), len(validation), len(unseen)) == (3, 2, 1)
    np.testing.assert_array_equal(unseen.encoders[0], both.encoder[5].numpy())


@pytest.fixture
def halved(tmp_path, patches):
    """A file with banks of two halves; and their patches, then all, then those of new files."""
    of = [patches, 1 - patches, patches.flip(1), patches.flip(0)]
    first, second, whole, new = (replace(Bank.of(p), dataset="v:aer") for p in of)
    whole.save(tmp_path / "halved.safetensors", new, [first, second])
    return tmp_path / "halved.safetensors", of


def test_models_that_fit_learn_from_halves_in_turn_and_those_that_validate_from_all(
    halved, tmp_path
):
    bank, (first, second, whole, new) = halved
    make_shard(bank, tmp_path / "v-aer.safetensors", SMALL)
    shard = Shard.load(tmp_path / "v-aer.safetensors")
    assert shard.halves.tolist() == [0, 1, 0]
    for i, seen in enumerate([first, second, first, whole, whole, new]):
        alone = Population(SMALL, "v:aer", range(i, i + 1))
        alone.train(Bank.of(seen))
        assert relative_difference(alone.tensors()["encoder"][0], shard.encoder[i]) < 1e-5
    assert load_halves(tmp_path, [catalog.dataset("v:aer")]).tolist() == [0, 1, 0]


def test_a_shard_of_halves_is_the_same_on_any_threads_and_not_made_twice(halved, tmp_path):
    bank, _ = halved
    more = replace(SMALL, models_fit=7)
    paths = [tmp_path / str(threads) / "v-aer.safetensors" for threads in (1, 3)]
    for path, threads in zip(paths, (1, 3), strict=True):
        assert make_shard(bank, path, more, threads=threads)
        assert not make_shard(bank, path, more)
    one, three = map(Shard.load, paths)
    assert one.header == three.header
    assert all(torch.equal(getattr(one, n), getattr(three, n)) for n in zoo.shard.TENSORS)


def test_without_halves_no_shard_speaks_of_them_and_an_older_one_is_read(bank, tmp_path):
    path = tmp_path / "v-aer.safetensors"
    make_shard(bank, path, SMALL)
    shard = Shard.load(path)
    assert "half_patches" not in shard.header
    assert shard.halves.tolist() == [-1, -1, -1]


@pytest.fixture
def one_diverges(monkeypatch):
    """Model 1 of every shard that is made diverges."""
    whole = Population.train

    def spoil(population, *arguments):
        if 1 in population.indices:
            population.weights[list(population.indices).index(1)] = float("nan")
        return whole(population, *arguments)

    monkeypatch.setattr(Population, "train", spoil)


@pytest.mark.usefixtures("one_diverges")
def test_a_model_of_a_half_that_diverged_is_left_out_of_the_halves_too(halved, tmp_path):
    make_shard(halved[0], tmp_path / "v-aer.safetensors", SMALL)
    assert load_halves(tmp_path, [catalog.dataset("v:aer")]).tolist() == [0, 0]


def test_an_unseen_dataset_has_validation_models_only():
    assert SMALL.models("v:aer") == (3, 2, 1)
    assert SMALL.models("v:tvm") == (0, 2, 0)


@pytest.mark.usefixtures("engine")
def test_a_diverging_model_does_not_touch_its_neighbours(patches):
    alone, beside = (Population(SMALL, "v:aer", range(3)) for _ in range(2))
    beside.weights[1] = float("nan")
    alone.train(Bank.of(patches))
    curve = beside.train(Bank.of(patches))
    assert torch.equal(beside.weights[[0, 2]], alone.weights[[0, 2]])
    assert curve[1].isnan().all()


@pytest.mark.usefixtures("one_diverges")
def test_a_diverging_model_is_reported_and_left_out_of_the_zoo(bank, tmp_path, capsys):
    make_shard(bank, tmp_path / "v-aer.safetensors", SMALL)
    assert "v:aer: of 5 models, these diverged: [1] (seed 0)" in capsys.readouterr().err
    fit, validation, _ = load_zoo(tmp_path, [catalog.dataset("v:aer")])
    assert (len(fit), len(validation)) == (2, 2)


def test_patches_that_no_model_can_learn_from_are_an_error_and_leave_no_shard(patches, tmp_path):
    broken = replace(Bank.of(patches * float("nan")), dataset="v:aer")
    broken.save(tmp_path / "bank.safetensors")
    with pytest.raises(FloatingPointError, match=r"v:aer: of 5 .*: \[0, 1, 2, 3, 4\]"):
        make_shard(tmp_path / "bank.safetensors", tmp_path / "v-aer.safetensors", SMALL)
    assert not (tmp_path / "v-aer.safetensors").exists()


def test_too_few_patches_for_a_batch_is_an_error(patches):
    with pytest.raises(ValueError, match="20 patches are fewer than one batch of 32"):
        Population(SMALL, "v:aer", range(1)).train(Bank.of(patches[:20]))


def test_a_damaged_or_foreign_shard_is_a_clear_error(tmp_path, bank):
    with pytest.raises(FileNotFoundError, match="no such shard"):
        Shard.load(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("not a shard")
    with pytest.raises(ValueError, match=r"text\.safetensors: not a readable safetensors"):
        Shard.load(tmp_path / "text.safetensors")
    with pytest.raises(ValueError, match="not a shard of the zoo: it lacks encoder"):
        Shard.load(bank)


def test_loading_a_zoo_names_the_missing_shard(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"v-aer\.safetensors"):
        load_zoo(tmp_path)


def test_a_misspelt_parameter_is_refused():
    with pytest.raises(ValueError, match="has no parameter batchsize"):
        ZooParameters.of({"batchsize": 3})
    with pytest.raises(ValueError, match="batch_size must be at least 2"):
        ZooParameters(batch_size=1)
    with pytest.raises(ValueError, match="unknown dataset 'v:xyz'"):
        ZooParameters(training_datasets=("v:xyz",))
