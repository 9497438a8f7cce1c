"""Claims about the benchmark of the zoo's training: its engines train the same models."""

import numpy as np
import torch

from metanet_lib.data.bank import Bank
from metanet_lib.experiments.cost import train_stacked, zoo_speed
from metanet_lib.zoo import ZooParameters, train_one


def some_bank(n=4000):
    coarse = np.random.default_rng(0).integers(0, 256, (n, 4, 4), dtype=np.uint8)
    windows = torch.from_numpy(coarse.repeat(4, 1).repeat(4, 2).reshape(n, 256))
    draws = torch.arange(n, dtype=torch.int32)
    return Bank(windows, torch.tensor([[0.0], [255.0]]), draws)


def test_stacked_modules_train_as_the_reference_does():
    patches, p = some_bank().patches(), ZooParameters(batch_size=32)
    stacked = train_stacked(patches, "v:aer", range(3), p)
    for i in range(3):
        reference = train_one(patches, "v:aer", i, p)
        for name, value in reference.named_parameters():
            apart = (stacked[name][i] - value.detach()).norm() / value.detach().norm()
            assert apart < 1e-3, name


def test_every_engine_is_measured_at_every_batch_size():
    speed = zoo_speed(some_bank(), ZooParameters(), (16, 32), threads=2, seconds=0.02, repeats=2)
    engines = ["serial", "vmap", "population", "library", "tiles"]
    assert speed.groupby("batch_size").engine.agg(list).tolist() == [engines, engines]
    assert (speed.seconds_per_million_patches_min <= speed.seconds_per_million_patches).all()
    assert (speed.seconds_per_million_patches <= speed.seconds_per_million_patches_max).all()
    assert (speed.times_serial[speed.engine == "serial"] == 1).all()


def test_the_ceiling_is_the_faster_of_two_matrix_rates():
    speed = zoo_speed(some_bank(), ZooParameters(), (16, 64), threads=1, seconds=0.02, repeats=2)
    matrices = speed[speed.engine.isin(["library", "tiles"])]
    assert (matrices.groupby("batch_size").fraction_of_ceiling.max() == 1).all()
