"""Claims about read-outs of encoders that are fixed."""

import numpy as np
import pytest
import torch

from metanet_lib.zoo import (
    Moments,
    ZooParameters,
    linear_error,
    train_readouts,
    trained_error,
)

GENERATOR = np.random.default_rng(0)
DIRECTIONS = np.linalg.qr(GENERATOR.normal(size=(256, 40))).Q
STRENGTHS = 1 / np.arange(1, 41)
PATCHES = (GENERATOR.normal(size=(3000, 40)) * STRENGTHS @ DIRECTIONS.T).astype(np.float32) + 0.5
ZOO = ZooParameters(batch_size=100)


def moments():
    return Moments.of(PATCHES[:1500]), Moments.of(PATCHES[1500:])


def encoders(mixing=None):
    """The best encoder of the patches, the next best, and a random one."""
    mixing = np.eye(16) if mixing is None else mixing
    some = (
        DIRECTIONS[:, :16] @ mixing,
        DIRECTIONS[:, 16:32] @ mixing,
        GENERATOR.normal(size=(256, 16)),
    )
    return np.array(some, np.float32)


def test_the_linear_error_is_that_of_least_squares_on_the_patches():
    made = encoders()
    found = linear_error(made, *moments())
    fitted, measured = PATCHES[:1500].astype(float), PATCHES[1500:].astype(float)
    mean = fitted.mean(0)
    for encoder, error in zip(made.astype(float), found, strict=True):
        readout, *_ = np.linalg.lstsq((fitted - mean) @ encoder, fitted - mean, rcond=None)
        left = measured - mean - (measured - mean) @ encoder @ readout
        expected = np.square(left).sum() / np.square(measured - measured.mean(0)).sum()
        assert error == pytest.approx(expected, rel=1e-4)
    assert found[0] == pytest.approx((STRENGTHS[16:] ** 2).sum() / (STRENGTHS**2).sum(), rel=0.1)


def test_no_mixing_of_filters_changes_the_linear_error():
    mixing = GENERATOR.normal(size=(16, 16)) + 4 * np.eye(16)
    one, other = (linear_error(encoders(m)[:2], *moments()) for m in (None, mixing))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_training_opens_the_relu_and_leaves_the_encoder_and_the_order_of_encoders():
    made, held = encoders(), torch.from_numpy(PATCHES[1500:])
    errors = []
    for steps in (1, 300):
        stack = train_readouts(made, torch.from_numpy(PATCHES[:1500]), ZOO, steps)
        np.testing.assert_array_equal(stack.tensors()["encoder"].numpy(), made)
        errors.append(trained_error(stack, held, ZOO.batch_norm_epsilon))
    assert (errors[1][:1] < 0.7 * errors[0][:1]).all()
    assert errors[1][0] < errors[1][2] < errors[1][1]
    assert (errors[1] > linear_error(made, *moments())).all()


def test_a_readout_depends_on_its_encoder_and_seed_alone():
    made, patches = encoders(), torch.from_numpy(PATCHES[:500])
    together = train_readouts(made, patches, ZOO, 5, seed=3).weights
    alone = train_readouts(made[1:2], patches, ZOO, 5, seed=3).weights
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-4)
    again = train_readouts(made, patches, ZOO, 5, seed=3).weights
    np.testing.assert_array_equal(together, again)


def test_fewer_patches_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="99 patches are fewer than one batch of 100"):
        train_readouts(encoders(), torch.from_numpy(PATCHES[:99]), ZOO, 1)
