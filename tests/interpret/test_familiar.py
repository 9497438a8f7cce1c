"""Claims about what is unlike anything that a zoo knows."""

import numpy as np
import pytest

from metanet_lib.interpret import Familiarity

SIDE = 16


def pictures(n, rng, extent=2.0):
    """Models of smooth filters, each with a random start that training left in it."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)) * SIDE
    white = np.fft.fft2(rng.normal(size=(n, 16, SIDE, SIDE)))
    smooth = np.fft.ifft2(white * np.exp(-((frequency / extent) ** 2))).real
    smooth /= smooth.std(axis=(2, 3), keepdims=True)
    start = 0.2 * rng.normal(size=(n, 256, 16))
    return (smooth.reshape(n, 16, 256).transpose(0, 2, 1) + start).astype(np.float32)


@pytest.fixture(scope="module")
def zoo():
    return pictures(120, np.random.default_rng(0))


@pytest.fixture(scope="module")
def familiarity(zoo):
    return Familiarity().fit(zoo)


def noise(n):
    return np.random.default_rng(1).normal(size=(n, 256, 16)).astype(np.float32)


def test_white_noise_and_shuffled_models_are_unusual_and_new_pictures_are_not(familiarity):
    rng = np.random.default_rng(2)
    new = pictures(50, rng)
    shuffled = np.stack([model[rng.permutation(256)] for model in new])
    flagged = []
    for each in (new, noise(50), shuffled):
        more, by_chance = familiarity.more(each)
        flagged.append((more < by_chance).mean())
    assert flagged == [0, 1, 1]


def test_pictures_of_another_kind_are_known_less_but_more_than_noise(familiarity):
    other, _ = familiarity.more(pictures(20, np.random.default_rng(3), extent=6))
    own, _ = familiarity.more(pictures(20, np.random.default_rng(3)))
    of_noise, _ = familiarity.more(noise(50))
    assert of_noise.max() < other.min() < other.max() < own.min()


def by_hand(zoo, models):
    """The definition, word by word: models are shuffled, and projectors are compared."""

    def vectors(encoders):
        basis = np.linalg.qr(encoders.astype(np.float64)).Q
        rows, columns = np.triu_indices(256)
        twice = np.where(rows == columns, 1, np.sqrt(2))
        return (basis @ basis.transpose(0, 2, 1))[:, rows, columns] * twice

    of_zoo = vectors(zoo)
    _, _, components = np.linalg.svd(of_zoo - of_zoo.mean(0), full_matrices=False)
    basis = np.linalg.qr(np.vstack([of_zoo.mean(0), components[:16]]).T).Q

    def known(encoders):
        return np.square(vectors(encoders) @ basis).sum(1) / 16

    rng = np.random.default_rng(0)
    orders = [rng.permutation(256) for _ in range(32)]
    shuffled = [known(models[:, np.argsort(order)]) for order in orders]
    return known(models) - np.mean(shuffled, 0), 4 * np.std(shuffled, 0)


def test_it_is_what_its_definition_says(familiarity, zoo):
    models = pictures(5, np.random.default_rng(4))
    np.testing.assert_allclose(familiarity.more(models), by_hand(zoo, models), atol=1e-4)


def test_neither_mixing_filters_nor_the_size_of_weights_changes_it(familiarity):
    models = pictures(5, np.random.default_rng(5))
    mixing = np.random.default_rng(6).normal(size=(5, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(
        familiarity.more(100 * models @ mixing), familiarity.more(models), atol=1e-4
    )


def test_many_models_are_taken_in_parts_and_none_are_no_trouble(familiarity, zoo):
    many = np.tile(zoo, (3, 1, 1))
    np.testing.assert_allclose(familiarity.more(many), np.tile(familiarity.more(zoo), 3), atol=1e-6)
    assert [each.shape for each in familiarity.more(zoo[:0])] == [(0,), (0,)]


def test_too_few_models_are_refused(zoo):
    with pytest.raises(ValueError, match=r"expected at least 3 models, .*found 2"):
        Familiarity().fit(zoo[:2])
