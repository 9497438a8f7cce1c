"""Claims about what the gradients of a network tell, whatever its shape."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.representations.gradients import (
    FAMILIES,
    agop,
    agop_by_differences,
    as_encoders,
    direction,
    directions,
    features,
    probes,
)

GENERATOR = np.random.default_rng(0)
MODELS = GENERATOR.normal(size=(6, 256, 16)).astype(np.float32)


def network(seed=0, activation=nn.Tanh):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(256, 32), activation(), nn.Linear(32, 20)).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_of_a_linear_encoder_the_agop_is_its_gram_matrix(family):
    weights = torch.from_numpy(MODELS[0])
    expected = weights @ weights.T
    found = agop(lambda x: x @ weights, probes(family, 5))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    by_differences = agop_by_differences(lambda x: x @ weights, probes(family, 5))
    torch.testing.assert_close(by_differences, expected, rtol=1e-3, atol=2e-2)


def test_derivatives_and_differences_agree():
    windows, tanh = probes("pink", 10), network()
    exact, black_box = agop(tanh, windows), agop_by_differences(tanh, windows)
    assert (exact - black_box).abs().max() < 1e-3 * exact.abs().max()


def test_pictures_are_read_as_flat_windows_are():
    convolution = nn.Sequential(nn.Conv2d(1, 3, 5, stride=2), nn.GELU()).eval()
    windows = probes("white", 4)
    pictures = windows.reshape(-1, 1, 16, 16)
    flat = agop(lambda x: convolution(x.reshape(-1, 1, 16, 16)), windows)
    torch.testing.assert_close(agop(convolution, pictures), flat)
    differences = agop_by_differences(convolution, pictures)
    assert (differences - flat).abs().max() < 1e-3 * flat.abs().max()


def test_a_network_is_read_in_a_stack_as_alone():
    windows, several = probes("white", 6), [network(i) for i in range(3)]
    parameters, buffers = stack_module_state(several)
    shape = network()
    stacked = vmap(lambda p, b: agop(lambda x: functional_call(shape, (p, b), (x,)), windows))
    for of_stack, alone in zip(stacked(parameters, buffers), several, strict=True):
        torch.testing.assert_close(of_stack, agop(alone, windows), rtol=1e-4, atol=1e-6)


def test_probes_are_the_same_in_every_run_and_fill_the_range_of_patches():
    for family in FAMILIES:
        windows = probes(family, 200)
        assert torch.equal(windows, probes(family, 200))
        assert windows.min() >= 0
        assert windows.max() <= 1
        darkest, brightest = windows.amax(1).min(), windows.amin(1).max()
        assert darkest < 0.3 < 0.7 < brightest
    with pytest.raises(ValueError, match="unknown probes 'brown'; expected one of white, pink"):
        probes("brown", 1)


def test_an_agop_does_what_the_model_does_that_it_is_of():
    code = FunctionalCode(4, spectra_weight=0, neighbours=0).fit(MODELS)
    read = as_encoders(MODELS @ MODELS.transpose(0, 2, 1))
    np.testing.assert_allclose(code.transform(read), code.transform(MODELS), atol=1e-3)


def test_directions_are_counted_and_what_is_no_agop_is_refused():
    few = MODELS[:1].copy()
    few[..., 5:] = 0
    assert directions(few @ few.transpose(0, 2, 1)).tolist() == [5]
    assert directions(np.zeros((1, 256, 256))).tolist() == [0]
    with pytest.raises(ValueError, match=r"expected AGOPs \[m, 256, 256\], found \(1, 16, 256\)"):
        as_encoders(np.zeros((1, 16, 256)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        as_encoders(np.full((1, 256, 256), np.nan))


def test_a_random_start_turns_the_direction_less_than_it_changes_the_function():
    smooth = np.cumsum(MODELS, axis=1)
    noisy = smooth + 2 * GENERATOR.normal(size=smooth.shape).astype(np.float32)
    one, other = direction(smooth), direction(noisy)
    assert ((one * other).sum(1) > 0.3).all()
    np.testing.assert_allclose(direction(3 * smooth), one, atol=1e-4)


def test_features_climb_within_the_range_of_patches():
    windows, tanh = probes("pink", 20), network()
    climbed = windows + features(tanh, windows, steps=5)
    assert climbed.min() >= -1e-6
    assert climbed.max() <= 1 + 1e-6
    before, after = (tanh(x).diagonal() for x in (windows, climbed))
    assert (after > before).all()
