"""Claims about what a better metanetwork is asked beside the four tasks."""

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from metanet_lib import catalog
from metanet_lib.experiments.beyond import floor_and_unseen, space_kept
from metanet_lib.experiments.leaderboard import assess_peer
from metanet_lib.experiments.peers.beyond import BeyondParameters, beyond
from metanet_lib.experiments.peers.choices import candidates
from metanet_lib.interpret import InterpretParameters
from metanet_lib.metanetwork import MetanetworkParameters
from metanet_lib.representations.functional import FunctionalCode
from metanet_lib.zoo import Zoo

TRAINS = [d.id for d in catalog.DATASETS[:10]]
UNSEEN = [d.id for d in catalog.DATASETS[10:15]]
GENERATOR = np.random.default_rng(0)
PLACES = {name: GENERATOR.normal(size=256) for name in (*TRAINS, *UNSEEN)}


def zoo_of(ids, per_dataset):
    """Models that are told apart by where all their filters lie."""
    encoders = [
        PLACES[i][:, None] + 0.1 * GENERATOR.normal(size=(256, 16))
        for i in ids
        for _ in range(per_dataset)
    ]
    return Zoo(np.array(encoders, np.float32), np.repeat(ids, per_dataset))


SEEN = {"seen": FunctionTransformer(lambda encoders: encoders.mean(2))}


def test_shuffled_labels_bring_the_vote_to_chance_and_unseen_datasets_vote_among_themselves():
    fit, validation = zoo_of(TRAINS, 12), zoo_of([*TRAINS, *UNSEEN], 6)
    rows = floor_and_unseen(SEEN, fit, validation, InterpretParameters()).set_index("question")
    assert rows.accuracy["labels shuffled"] < 0.3
    assert rows.n_validation["labels shuffled"] == 60
    assert rows.accuracy["unseen datasets"] == 1
    assert (rows.n_validation["unseen datasets"], rows.k["unseen datasets"]) == (15, 3)


def test_datasets_of_too_few_models_are_not_asked_about():
    fit, validation = zoo_of(TRAINS, 12), zoo_of([*TRAINS, *UNSEEN], 3)
    rows = floor_and_unseen(SEEN, fit, validation, InterpretParameters())
    assert list(rows.question) == ["labels shuffled"]


def test_the_space_kept_is_that_of_the_filters_whatever_their_mixing():
    models = GENERATOR.normal(size=(4, 256, 16))
    mixed = models @ GENERATOR.normal(size=(4, 16, 16))
    np.testing.assert_allclose(space_kept(mixed, models), 1)
    halves = np.concatenate([models[..., :8], GENERATOR.normal(size=(4, 256, 8))], axis=2)
    assert (space_kept(halves, models) > 0.5).all()
    assert (space_kept(halves, models) < 0.6).all()


def test_the_functional_code_weighs_its_views_as_was_chosen():
    (chosen,) = candidates().query("chosen").candidate.unique()
    code = FunctionalCode()
    views = f"changes over places x {code.locality}, spectra of filters x {code.spectra_weight}"
    assert chosen == views + (", by neighbours" if code.neighbours else "")


def test_patches_are_seen_in_fitting_and_never_in_answering():
    fit, validation = zoo_of(TRAINS[:4], 6), zoo_of(TRAINS[:4], 2)
    shape = MetanetworkParameters(channels=(2,), dense=4)
    (peer,) = (p for p in beyond(BeyondParameters(1, 2), shape) if p.name == "task_aware")
    zoos = fit, validation, fit.of([])
    patches = GENERATOR.random((len(fit), 20, 256), np.float32)
    told = InterpretParameters(k=3)
    rows = assess_peer(peer, 0, zoos, told, [patches, None, None])
    assert [row["task"] for row in rows] == ["modality", "dataset_id"]
    with pytest.raises(AssertionError):
        assess_peer(peer, 0, zoos, told, [None, patches, None])
