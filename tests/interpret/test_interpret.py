"""Claims about the meta-classifier, its accuracies and their intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from metanet_lib import catalog, interpret
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters, train
from metanet_lib.representations import MetaEncoder, RawWeights
from metanet_lib.zoo import Zoo


def zoo_of(ids, per_dataset, seed):
    """Models whose weights lie around one point for each dataset."""
    generator = np.random.default_rng(seed)
    position = {d.id: i for i, d in enumerate(catalog.DATASETS)}
    centres = np.random.default_rng(0).normal(size=(41, 256, 16))
    encoders = [
        centres[position[i]] + 0.1 * generator.normal(size=(256, 16))
        for i in ids
        for _ in range(per_dataset)
    ]
    return Zoo(np.array(encoders, np.float32), np.repeat(ids, per_dataset))


@pytest.fixture(scope="module")
def fit():
    return zoo_of(catalog.TRAINING_IDS, 10, seed=1)


@pytest.fixture(scope="module")
def validation():
    return zoo_of([d.id for d in catalog.DATASETS], 2, seed=2)


def test_dataset_id_is_asked_of_the_training_datasets_only_and_modality_of_all(fit, validation):
    parameters = InterpretParameters()
    modality = interpret.assess(
        "modality", "raw_weights", RawWeights(), fit, validation, parameters
    )
    dataset_id = interpret.assess(
        "dataset_id", "raw_weights", RawWeights(), fit, validation, parameters
    )
    assert modality.row["n_validation"] == 82
    assert dataset_id.row["n_validation"] == 40
    assert set(dataset_id.truth) == set(catalog.TRAINING_IDS)
    assert dataset_id.row["accuracy"] == 1.0
    assert dataset_id.row["embedding_dim"] == 4096
    assert dataset_id.row["paper_accuracy"] == 0.0785


def test_modality_can_be_read_off_the_predicted_dataset(fit, validation):
    of_training = validation.of(catalog.TRAINING_IDS)
    parameters = InterpretParameters(modality_labels="dataset_id")
    verdict = interpret.assess(
        "modality", "raw_weights", RawWeights(), fit, of_training, parameters
    )
    assert verdict.row["accuracy"] == 1.0
    assert set(verdict.predicted) == {"vision", "audio"}


def test_rows_of_a_confusion_matrix_are_shares_of_a_truth():
    truth, predicted = np.array(["a", "a", "b", "b"]), np.array(["a", "b", "b", "b"])
    verdict = interpret.Verdict({}, truth, predicted, truth)
    np.testing.assert_array_equal(verdict.confusion(["a", "b"]), [[0.5, 0.5], [0, 1]])


def test_more_neighbours_than_models_is_a_clear_error(fit, validation):
    with pytest.raises(ValueError, match="k = 500 neighbours asked of 200 models"):
        interpret.assess(
            "modality", "raw_weights", RawWeights(), fit, validation, InterpretParameters(k=500)
        )


def test_the_wilson_interval_is_wilsons():
    # Wilson (1927) for 508 of 2000, the paper's 25.4 %, worked out by hand
    n, p, z = 2000, 0.254, 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = interpret.wilson_interval(508, 2000)
    assert (low, high) == pytest.approx((centre - half, centre + half))
    assert interpret.wilson_interval(4100, 4100)[1] == 1.0


def test_the_concatenated_model_is_a_pipeline_and_its_representations_clone(fit):
    pipeline = interpret.meta_classifier(RawWeights())
    assert isinstance(pipeline[-1], KNeighborsClassifier)
    assert pipeline[-1].n_neighbors == 10
    assert isinstance(clone(pipeline)[0], RawWeights)


def test_neighbours_by_the_cosine_do_not_depend_on_a_models_scale(fit):
    longer = fit.encoders * 2.0 ** np.random.default_rng(0).integers(0, 4, (len(fit), 1, 1))
    same = {}
    for metric in ("euclidean", "cosine"):
        classifier = interpret.meta_classifier(RawWeights(), InterpretParameters(metric=metric))
        near, far = (
            classifier.fit(fit.encoders, fit.datasets)[-1].kneighbors(
                RawWeights().transform(asked), return_distance=False
            )
            for asked in (fit.encoders, longer.astype(np.float32))
        )
        same[metric] = np.array_equal(near, far)
    assert same == {"euclidean": False, "cosine": True}


def test_the_frozen_meta_encoder_is_not_changed_by_fitting_or_labels(fit):
    small = MetanetworkParameters(channels=(4,), dense=8, unitwise_epochs=1, interunit_epochs=1)
    encoder = MetaEncoder(train(fit.encoders[:20], small, seed=0))
    before = encoder.transform(fit.encoders)
    after = encoder.fit(fit.encoders, fit.datasets).transform(fit.encoders)
    np.testing.assert_array_equal(before, after)
    assert after.shape == (200, 16)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected encoders \[m, 256, 16\]"):
        RawWeights().transform(np.zeros((3, 16, 256)))


def test_the_result_table_says_counts_shares_and_the_papers_number():
    row = {
        "task": "dataset_id",
        "representation": "raw_weights",
        "n_validation": 2000,
        "n_correct": 157,
        "accuracy": 0.0785,
        "bootstrap_low": 0.0675,
        "bootstrap_high": 0.0911,
        "paper_accuracy": 0.0785,
    }
    shown = interpret.result_table(pd.DataFrame([row])).iloc[0]
    assert shown["this run"] == "7.8\N{NO-BREAK SPACE}% (157/2,000)"
    assert shown["paper"] == "7.85\N{NO-BREAK SPACE}%"
