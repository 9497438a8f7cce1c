"""Claims about the deep peers: what order, labels and seeds may change and what not."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from metanet_lib.representations import hyper, sets
from metanet_lib.representations.equivariant import (
    EquivariantAutoencoder,
    EquivariantClassifier,
    EquivariantLinear,
)
from metanet_lib.representations.hyper import SANE, HyperRepresentation
from metanet_lib.representations.sets import SetAutoencoder

SMALL = {"steps": 9, "batch_size": 16, "width": 16}
PEERS = [
    SetAutoencoder(**SMALL),
    HyperRepresentation(embedding=5, **SMALL),
    SANE(embedding=5, **SMALL),
    EquivariantAutoencoder(embedding=5, **SMALL),
    EquivariantClassifier(embedding=5, **SMALL),
]
INVARIANT = [peer for peer in PEERS if type(peer) is not HyperRepresentation]
UNSUPERVISED = [peer for peer in PEERS if not peer.supervised]


def name(peer):
    return type(peer).__name__


@pytest.fixture(scope="module")
def labels():
    return np.repeat(["a:air", "a:car", "v:aer", "v:bic"], 12)


@pytest.fixture(scope="module")
def encoders():
    """Models of four kinds, which differ in the directions that their filters prefer."""
    generator = np.random.default_rng(0)
    kinds = generator.normal(0, 1, (4, 3, 256))
    filters = generator.normal(0, 0.1, (48, 16, 3)) @ np.repeat(kinds, 12, 0)
    noise = generator.normal(0, 0.02, (48, 16, 256))
    return (filters + noise).transpose(0, 2, 1).astype(np.float32)


@pytest.fixture(scope="module")
def trained(encoders, labels):
    return {name(peer): clone(peer).fit(encoders, labels) for peer in PEERS}


def shuffled(encoders):
    generator = np.random.default_rng(1)
    return np.stack([encoder[:, generator.permutation(16)] for encoder in encoders])


@pytest.mark.parametrize("peer", PEERS, ids=name)
def test_a_peer_turns_encoders_into_finite_float32_embeddings(peer, trained, encoders):
    embeddings = trained[name(peer)].transform(encoders)
    assert embeddings.shape == (48, 3 * 16 if isinstance(peer, SetAutoencoder) else 5)
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    assert embeddings.std(0).min() > 0


@pytest.mark.parametrize("peer", INVARIANT, ids=name)
def test_the_embedding_ignores_the_order_of_filters(peer, trained, encoders):
    fitted = trained[name(peer)]
    before, after = fitted.transform(encoders), fitted.transform(shuffled(encoders))
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_equivariant_layers_permute_their_outputs_as_their_inputs_are(layers):
    torch.manual_seed(0)
    network = nn.Sequential(
        *(m for _ in range(layers) for m in (EquivariantLinear(8, 8), nn.ReLU()))
    )
    units, order = torch.randn(4, 16, 8), torch.randperm(16)
    torch.testing.assert_close(
        network(units[:, order]), network(units)[:, order], atol=1e-5, rtol=0
    )


def test_an_equivariant_layer_is_more_than_a_layer_for_each_filter():
    units = torch.zeros(1, 16, 8)
    layer = EquivariantLinear(8, 8)
    before = layer(units)
    units[0, 3] = 1
    assert not torch.allclose(layer(units)[0, 0], before[0, 0])


def test_the_equivariant_autoencoder_gives_filters_back_in_the_order_they_came(trained, encoders):
    network = trained["EquivariantAutoencoder"].model_
    filters, order = torch.randn(4, 16, 256), torch.randperm(16)
    with torch.no_grad():
        torch.testing.assert_close(
            network.reconstruct(filters[:, order]),
            network.reconstruct(filters)[:, order],
            atol=1e-5,
            rtol=0,
        )


def test_the_set_loss_ignores_the_order_of_both_sets():
    one, other = torch.randn(3, 16, 256), torch.randn(3, 16, 256)
    loss = sets.matched_error(one, other)
    order, another = torch.randperm(16), torch.randperm(16)
    torch.testing.assert_close(sets.matched_error(one[:, order], other[:, another]), loss)
    torch.testing.assert_close(sets.matched_error(one, one[:, order]), torch.tensor(0.0))


def test_the_set_loss_is_the_least_over_all_matches():
    one, other = torch.randn(2, 16, 256), torch.randn(2, 16, 256)
    least = sets.matched_error(one, other)
    for _ in range(20):
        assert nn.functional.mse_loss(one, other[:, torch.randperm(16)]) >= least


def test_the_contrast_is_small_when_the_views_of_each_model_agree_and_large_when_they_do_not():
    views = torch.eye(8)
    agree = hyper.nt_xent(views, views, temperature=0.1)
    swapped = hyper.nt_xent(views, views.roll(1, 0), temperature=0.1)
    # by hand: a view, its partner at cosine 1, and 14 others at cosine 0
    assert agree.item() == pytest.approx(np.log(1 + 14 * np.exp(-10)), rel=1e-3)
    assert swapped > agree + 5


def test_a_permuted_view_holds_the_same_filters_and_each_model_has_its_own_order():
    filters = torch.arange(32.0).view(2, 16, 1).expand(2, 16, 256)
    view = hyper.permuted(filters)
    torch.testing.assert_close(view.sort(1).values, filters)
    assert not torch.equal(view[0], view[1] - 16)


def test_erasing_takes_one_run_of_stated_length_from_about_half_of_the_models():
    ones = hyper.erased(torch.ones(2000, 16, 4)).flatten(1)
    lost = 1 - ones.mean(1)
    hit = lost > 0
    assert 0.4 < hit.float().mean() < 0.6
    assert lost[hit].min() >= 0.02 - 1 / 64
    assert lost[hit].max() <= 0.33 + 1 / 64
    assert (ones.diff(dim=1).abs().sum(1) <= 2).all()


@pytest.mark.parametrize("peer", UNSUPERVISED, ids=name)
def test_an_unsupervised_peer_never_looks_at_labels(peer, trained, encoders):
    blind = clone(peer).fit(encoders).transform(encoders)
    np.testing.assert_array_equal(blind, trained[name(peer)].transform(encoders))


def test_the_supervised_peer_learns_the_labels_and_asks_for_them(encoders, labels):
    peer = EquivariantClassifier(**{**SMALL, "steps": 120, "learning_rate": 3e-3})
    train, test = np.arange(48) % 3 > 0, np.arange(48) % 3 == 0
    embed = peer.fit(encoders[train], labels[train]).transform
    knn = KNeighborsClassifier(3).fit(embed(encoders[train]), labels[train])
    assert knn.score(embed(encoders[test]), labels[test]) > 0.8
    with pytest.raises(ValueError, match=r"EquivariantClassifier is supervised"):
        peer.fit(encoders)


@pytest.mark.parametrize("peer", UNSUPERVISED, ids=name)
def test_training_longer_lowers_the_loss(peer, trained, encoders):
    longer = clone(peer).set_params(steps=60).fit(encoders)
    assert longer.loss_ < trained[name(peer)].loss_


@pytest.mark.parametrize("peer", PEERS, ids=name)
def test_a_peer_takes_as_many_steps_as_it_is_told(peer, encoders, labels, monkeypatch):
    taken, step = [], torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *a, **k: taken.append(1) or step(*a, **k))
    clone(peer).set_params(steps=7).fit(encoders, labels)
    assert len(taken) == 7


@pytest.mark.parametrize("peer", UNSUPERVISED, ids=name)
def test_the_loss_is_the_error_with_which_models_come_back_and_no_contrast(peer, trained, encoders):
    fitted = trained[name(peer)]
    if isinstance(peer, SANE):
        encoders = fitted.order_.transform(encoders).reshape(encoders.shape)
    filters = (encoders.transpose(0, 2, 1) - fitted.mean_) / fitted.scale_
    filters, model = torch.from_numpy(filters), fitted.model_
    with torch.no_grad():
        if isinstance(peer, SetAutoencoder):
            expected = sets.matched_error(model.decode(model.encode(filters)), filters)
        elif isinstance(peer, EquivariantAutoencoder):
            expected = (model.reconstruct(filters) - filters).square().mean()
        else:
            expected = (model.decode(model.latent(filters)) - filters).square().mean()
    assert fitted.loss_ == pytest.approx(expected.item(), rel=1e-5)


def test_a_peer_that_is_told_labels_rebuilds_nothing_and_has_no_loss(trained):
    assert not hasattr(trained["EquivariantClassifier"], "loss_")


@pytest.mark.parametrize("peer", PEERS, ids=name)
def test_the_seed_alone_decides_and_the_global_randomness_stays_as_it_was(
    peer, trained, encoders, labels
):
    torch.manual_seed(123)
    state = torch.get_rng_state()
    again = clone(peer).fit(encoders, labels)
    assert torch.equal(torch.get_rng_state(), state)
    other = clone(peer).set_params(seed=1).fit(encoders, labels)
    first = trained[name(peer)].transform(encoders)
    np.testing.assert_array_equal(again.transform(encoders), first)
    assert getattr(again, "loss_", None) == getattr(trained[name(peer)], "loss_", None)
    assert not np.allclose(other.transform(encoders), first)


@pytest.mark.parametrize("peer", PEERS, ids=name)
def test_bad_weights_are_refused(peer, trained, encoders, labels):
    with pytest.raises(ValueError, match=r"expected encoders \[m, 256, 16\]"):
        clone(peer).fit(encoders.transpose(0, 2, 1), labels)
    with pytest.raises(ValueError, match=r"expected encoders \[m, 256, 16\]"):
        trained[name(peer)].transform(encoders[0])
    broken = encoders.copy()
    broken[7, 0, 0] = np.nan
    with pytest.raises(ValueError, match="1 models are not finite, first: 7"):
        clone(peer).fit(broken, labels)


def test_a_diverging_loss_stops_with_a_clear_error(encoders):
    wild = EquivariantAutoencoder(**SMALL, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="EquivariantAutoencoder, seed 0: the loss is"):
        wild.fit(encoders)
