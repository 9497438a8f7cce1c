"""Intervals of accuracies, when the models of a dataset are right or wrong together."""

import numpy as np
import pytest

from metanet_lib.interpret import bootstrap_interval, paired_interval, wilson_interval

DATASETS = np.repeat([f"d{i:02d}" for i in range(20)], 8)


def width(interval):
    return interval[1] - interval[0]


def test_independent_models_have_intervals_like_wilsons():
    correct = np.random.default_rng(0).random(160) < 0.4
    bootstrap = bootstrap_interval(correct, DATASETS)
    wilson = wilson_interval(int(correct.sum()), 160)
    assert width(bootstrap) == pytest.approx(width(wilson), rel=0.5)
    assert bootstrap[0] < correct.mean() < bootstrap[1]


def test_models_that_are_right_together_count_as_one_witness():
    together = np.repeat(np.arange(20) < 8, 8)
    alone = np.tile(np.arange(8) < 3.2, 20)
    assert width(bootstrap_interval(together, DATASETS)) > 2.5 * width(wilson_interval(64, 160))
    assert width(bootstrap_interval(alone, DATASETS)) < width(
        bootstrap_interval(together, DATASETS)
    )


def test_the_interval_of_datasets_covers_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        chances = rng.beta(1, 1.5, 20)  # of each dataset; 0.4 on average
        correct = rng.random(160) < np.repeat(chances, 8)
        low, high = bootstrap_interval(correct, DATASETS)
        hits += low <= 0.4 <= high
    assert 0.9 <= hits / 200 <= 0.995


def test_how_many_datasets_are_of_either_modality_is_not_drawn():
    datasets = np.repeat([f"{m}:d{i:02d}" for m in "va" for i in range(10)], 8)
    by_modality = np.repeat([1, 0], 80)  # one modality always right, the other never
    assert bootstrap_interval(by_modality, datasets) == wilson_interval(80, 160)
    assert width(bootstrap_interval(by_modality, DATASETS)) > 2 * width(wilson_interval(80, 160))
    assert paired_interval(by_modality, np.zeros(160), datasets) == (0.5, 0.5)


def test_where_all_are_right_the_interval_still_has_a_width():
    assert bootstrap_interval(np.ones(160), DATASETS) == wilson_interval(160, 160)


def test_a_difference_in_every_dataset_is_found_where_single_intervals_overlap():
    rng = np.random.default_rng(2)
    chances = np.repeat(rng.random(20), 8)
    worse = rng.random(160) < chances * 0.8
    better = worse | (rng.random(160) < 0.15)
    low, high = paired_interval(better, worse, DATASETS)
    assert 0 < low < (better.mean() - worse.mean()) < high
    assert bootstrap_interval(better, DATASETS)[0] < bootstrap_interval(worse, DATASETS)[1]


def test_a_representation_beside_itself_differs_by_nothing():
    correct = np.random.default_rng(3).random(160) < 0.5
    assert paired_interval(correct, correct, DATASETS) == (0, 0)
