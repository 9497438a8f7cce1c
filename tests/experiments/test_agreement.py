"""Claims about the comparison of the zoo's two trainers: it sees agreement, and its absence."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metanet_lib.data.bank import Bank
from metanet_lib.experiments import agreement
from metanet_lib.zoo import ZooParameters, train_one

PARAMETERS = ZooParameters(batch_size=32)


@pytest.fixture(scope="module")
def bank():
    coarse = np.random.default_rng(0).random((2000, 4, 4), dtype=np.float32)
    return Bank.of(torch.from_numpy(coarse.repeat(4, 1).repeat(4, 2).reshape(2000, 256)))


def test_the_two_trainers_agree_and_other_models_do_not(bank):
    table = agreement.trainers_apart(bank, PARAMETERS, "v:aer", range(1, 3))
    assert table.model.tolist() == [1, 2]
    assert set(table.steps) == {2000 // 32}
    assert (table.apart < 1e-4).all()
    assert (table.filters > 0.9999).all()
    assert np.allclose(table.loss_alone, table.loss_together, rtol=1e-4)
    assert (table.others_apart > 1).all()


def test_a_trainer_that_goes_another_way_is_seen(bank, monkeypatch):
    faster = replace(PARAMETERS, learning_rate=2 * PARAMETERS.learning_rate)
    monkeypatch.setattr(
        agreement, "train_one", lambda patches, i, model, _: train_one(patches, i, model, faster)
    )
    table = agreement.trainers_apart(bank, PARAMETERS, "v:aer", range(2))
    assert (table.apart > 0.01).all()
    assert not np.allclose(table.loss_alone, table.loss_together, rtol=1e-2)
