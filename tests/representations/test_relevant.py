"""Claims about directions that are told which models belong together."""

from functools import partial

import numpy as np
import pytest

from metanet_lib.representations.relevant import projected_out, whitened, within

GENERATOR = np.random.default_rng(0)
DATASETS = np.repeat(np.arange(10), 6)
PAIRS = np.arange(60) // 2
KINDS = GENERATOR.normal(size=(10, 4))


def numbers_of(accident):
    """Four numbers tell the dataset; of four others, far larger, nothing does."""
    told = KINDS[DATASETS] + 0.1 * GENERATOR.normal(size=(60, 4))
    numbers = np.concatenate([told, accident * GENERATOR.normal(size=(60, 4))], axis=1)
    return numbers - numbers.mean(0)


NUMBERS = numbers_of(accident=10)


def share_that_tells(directions):
    """How much of the directions lies in the numbers that tell the dataset."""
    return np.square(directions[:4]).sum() / np.square(directions).sum()


WAYS = [partial(whitened, smoothing=1e-4), partial(projected_out, removed=4)]


@pytest.mark.parametrize("find", WAYS)
def test_pairs_that_do_not_say_of_which_dataset_they_are_find_what_tells_datasets(find):
    assert share_that_tells(find(NUMBERS, PAIRS, 4)) > 0.95
    components = np.linalg.svd(NUMBERS, full_matrices=False)[2][:4].T
    assert share_that_tells(components) < 0.05


@pytest.mark.parametrize("find", WAYS)
def test_pairs_drawn_at_random_find_no_more_than_nothing_does(find):
    strangers = GENERATOR.permutation(60) // 2
    of_pairs, of_strangers = (share_that_tells(find(NUMBERS, g, 4)) for g in (PAIRS, strangers))
    assert of_strangers < of_pairs


@pytest.mark.parametrize("find", WAYS)
def test_what_groups_are_called_and_models_without_one_change_nothing(find):
    names = GENERATOR.permutation(100)[PAIRS]
    np.testing.assert_allclose(find(NUMBERS, names, 4), find(NUMBERS, PAIRS, 4), atol=1e-9)
    some = np.where(PAIRS < 20, PAIRS, -1)
    np.testing.assert_allclose(within(NUMBERS, some), within(NUMBERS[:40], some[:40]))


def test_the_covariance_within_groups_is_that_of_the_accident_whatever_their_size():
    groups = np.repeat(np.arange(1500), [2, 3, 4] * 500)
    numbers = 5 * GENERATOR.normal(size=(1500, 2))[groups]
    numbers += GENERATOR.normal(size=(len(groups), 2)) * [1, 2]
    np.testing.assert_allclose(within(numbers, groups), [[1, 0], [0, 4]], atol=0.3)


def test_without_two_that_belong_together_there_is_nothing_to_look_past():
    with pytest.raises(ValueError, match="at least two models that belong together, found none"):
        whitened(NUMBERS, np.arange(60))
    with pytest.raises(ValueError, match="found none"):
        projected_out(NUMBERS, np.full(60, -1))
