"""Claims about the functional code, and about the metanetworks that are trained as one."""

import numpy as np
import pytest
import torch

from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.representations.end_to_end import (
    KINDS,
    EndToEnd,
    encoding_error,
    projection_error,
)
from metanet_lib.representations.functional import (
    LOCALITY,
    FunctionalCode,
    RefinedFunctionalCode,
    Views,
    apart_from_neighbours,
)
from metanet_lib.representations.views import function, spectra, square, stationary

FEW = MetanetworkParameters(channels=(2, 4), unitwise_epochs=1, interunit_epochs=1)


@pytest.fixture(scope="module")
def encoders():
    """Smooth filters of three kinds, eight models each, with random mixings and noise."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    models = []
    for kind in range(3):
        waves = [
            np.cos((kind + 1) * (a * x + b * y) / 8 + phase)
            for a in range(3)
            for b in range(3)
            for phase in (0, np.pi / 2)
        ][:16]
        basis = np.stack([w.ravel() for w in waves], axis=1)
        for _ in range(8):
            noise = 0.3 * generator.standard_normal((256, 16))
            models.append(basis @ generator.standard_normal((16, 16)) + noise)
    return np.array(models, np.float32)


def projector(models):
    basis = np.linalg.qr(models.astype(np.float64)).Q
    return basis @ basis.transpose(0, 2, 1)


def test_no_order_sign_or_scale_of_filters_changes_the_code_and_no_mixing_what_they_do(encoders):
    generator = np.random.default_rng(1)
    orders = encoders[:, :, generator.permutation(16)]
    scales = encoders * generator.uniform(0.1, 10, 16) * generator.choice([-1, 1], 16)
    mixings = encoders @ (generator.standard_normal((16, 16)) + 4 * np.eye(16))
    whole = FunctionalCode(8, spectra_weight=1)
    of_function = FunctionalCode(8, spectra_weight=0, neighbours=0)
    for code, changes in (whole, (orders, scales)), (of_function, (orders, scales, mixings)):
        expected = code.fit(encoders).transform(encoders)
        for changed in changes:
            found = code.transform(changed.astype(np.float32))
            np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    mixed = whole.transform(mixings.astype(np.float32))
    assert np.abs(mixed - whole.transform(encoders)).max() > 0.1 * mixed.std()


def test_the_spectra_know_frequencies_and_neither_places_nor_strengths():
    y, x = np.mgrid[:16, :16]
    wave = np.cos(2 * np.pi * (3 * x + y) / 16)
    models = np.tile(wave.reshape(256, 1), 16)[None]
    moved = np.roll(models.reshape(1, 16, 16, 16), 5, axis=1).reshape(1, 256, 16)
    there = np.flatnonzero(spectra(models)[0] > 0.5)
    assert there.tolist() == [1 * 16 + 3, 15 * 16 + 13]
    np.testing.assert_allclose(spectra(3 * moved), spectra(models), atol=1e-3)


def test_directions_in_which_neighbours_differ_are_passed_over():
    generator = np.random.default_rng(0)
    kinds = np.repeat(6 * generator.normal(size=(8, 3)), 12, axis=0)
    accidents = generator.normal(size=(96, 3)) * [1, 1, 4]
    numbers = np.concatenate([kinds + 0.1 * generator.normal(size=(96, 3)), accidents], axis=1)
    numbers -= numbers.mean(0)
    chosen = apart_from_neighbours(numbers, neighbours=5, kept=3)
    of_kinds = np.square(np.linalg.qr(chosen).Q[:3]).sum()
    leading = np.linalg.eigh(numbers.T @ numbers)[1][:, -3:]
    assert of_kinds > 2.9
    assert np.square(leading[:3]).sum() < 2.1  # the loud accident is the first component


def test_the_average_over_places_is_that_of_every_pair_of_pixels_a_displacement_apart(encoders):
    whole, averaged = projector(encoders[:1])[0], square(stationary(encoders[:1]))[0]
    row, column = np.divmod(np.arange(256), 16)
    for dy, dx in ((0, 0), (0, 3), (2, -5), (15, 15), (1, 0)):
        apart = (row[:, None] - row == dy) & (column[:, None] - column == dx)
        np.testing.assert_allclose(averaged[apart], whole[apart].mean(), atol=1e-6)


def test_the_distance_of_functions_is_that_of_projectors_with_their_rests_weighed(encoders):
    two, p = encoders[[0, 20]], projector(encoders[[0, 20]])
    averages = square(stationary(two)).astype(np.float64)
    for locality in (0.0, 0.5, 1.0):
        weighed = averages + locality * (p - averages)
        expected = np.linalg.norm(weighed[0] - weighed[1])
        found = function(two, locality)
        assert np.linalg.norm(found[0] - found[1]) == pytest.approx(expected, rel=1e-4)


def test_the_code_is_the_closed_optimum_that_no_other_16_numbers_rebuild_better_from(encoders):
    code = FunctionalCode(4, spectra_weight=0, neighbours=0).fit(encoders)
    functions = function(encoders, LOCALITY)
    centred = functions - functions.mean(0)
    left = np.linalg.svd(centred, compute_uv=False)[4:]
    assert code.loss_ == pytest.approx((left**2).sum() / len(encoders), rel=1e-3)


def test_a_model_comes_back_that_does_much_of_what_the_model_did(encoders):
    code = FunctionalCode(16).fit(encoders)
    decoded = code.inverse_transform(code.transform(encoders))
    own = np.square(np.linalg.qr(decoded).Q.transpose(0, 2, 1) @ np.linalg.qr(encoders).Q)
    another = np.square(
        np.linalg.qr(decoded).Q.transpose(0, 2, 1) @ np.linalg.qr(np.roll(encoders, 8, 0)).Q
    )
    assert own.sum() > 1.5 * another.sum()


def test_a_code_comes_back_from_its_file_and_a_foreign_file_is_named(encoders, tmp_path):
    code = FunctionalCode(4, locality=0.25).fit(encoders)
    code.save(tmp_path / "code.safetensors")
    again = FunctionalCode.load(tmp_path / "code.safetensors")
    np.testing.assert_array_equal(again.transform(encoders), code.transform(encoders))
    assert (again.locality, again.loss_) == (0.25, code.loss_)
    with pytest.raises(FileNotFoundError, match="no functional code"):
        FunctionalCode.load(tmp_path / "absent.safetensors")
    torch_file = tmp_path / "foreign.safetensors"
    from safetensors.numpy import save_file

    save_file({"weights": encoders}, torch_file)
    with pytest.raises(ValueError, match=r"foreign\.safetensors: expected a functional code.*weig"):
        FunctionalCode.load(torch_file)


def test_the_models_that_fit_are_known_and_not_read_again(encoders, monkeypatch):
    code = FunctionalCode(4).fit(encoders)
    known = code.transform(encoders)
    np.testing.assert_allclose(code.transform(encoders[1:]), known[1:], rtol=1e-4, atol=1e-4)
    changed = encoders.copy()
    changed[0, 0, 0] += 1
    assert np.abs(code.transform(changed)[0] - known[0]).max() > 1e-3
    monkeypatch.setattr(Views, "transform", None)
    np.testing.assert_array_equal(code.transform(encoders.copy()), known)


def test_training_on_begins_at_the_optimum_and_rebuilds_more(encoders):
    start = RefinedFunctionalCode(4, steps=1, learning_rate=1e-9).fit(encoders)
    closed = FunctionalCode(4, spectra_weight=0, neighbours=0).fit(encoders)
    assert start.loss_ == pytest.approx(closed.loss_, rel=1e-3)
    assert RefinedFunctionalCode(4, steps=100).fit(encoders).loss_ < closed.loss_


@pytest.mark.parametrize("kind", KINDS)
def test_each_metanetwork_learns_is_the_same_again_and_goes_both_ways(kind, encoders):
    samples = np.random.default_rng(0).random((len(encoders), 32, 256), dtype=np.float32)
    shown = (encoders, samples) if kind == "task" else encoders
    losses = [EndToEnd(kind, FEW, steps).fit(shown).loss_ for steps in (1, 40)]
    assert losses[1] < losses[0]
    one, same = (EndToEnd(kind, FEW, 3, seed=5).fit(shown) for _ in range(2))
    codes = one.transform(encoders)
    np.testing.assert_array_equal(codes, same.transform(encoders))
    assert one.inverse_transform(codes).shape == encoders.shape
    other = encoders[:, :, np.random.default_rng(2).permutation(16)]
    np.testing.assert_allclose(one.transform(other), codes, atol=1e-4)


def test_the_losses_forget_what_does_not_matter_and_nothing_else(encoders):
    models = torch.from_numpy(encoders)
    mixed = models @ (torch.rand(16, 16) + 4 * torch.eye(16))
    assert projection_error(mixed, models).item() == pytest.approx(0, abs=1e-4)
    assert projection_error(models.roll(8, 0), models).item() > 0.2
    torch.manual_seed(0)
    directions = torch.linalg.qr(torch.randn(1, 256, 64)).Q
    strengths = 1 / torch.arange(1, 65)
    patches = (torch.randn(1, 4000, 64) * strengths) @ directions.transpose(1, 2)
    left = (strengths[16:].square().sum() / strengths.square().sum()).item()
    mixed = directions[..., :16] @ (torch.rand(16, 16) + 4 * torch.eye(16))
    assert encoding_error(mixed, patches).item() == pytest.approx(left, rel=0.1)
    assert encoding_error(directions[..., 16:32], patches).item() > 0.9
