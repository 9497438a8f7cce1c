"""Claims about representations that run models on probes, and about those that see data."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from metanet_lib.representations.learned_probes import Know2Vec, LearnedProbes, _ProbeNetwork
from metanet_lib.representations.pairwise import GromovWasserstein, gw_distance, metric_spaces
from metanet_lib.representations.probes import (
    CKA,
    ActivationCodes,
    cka_embedding,
    codes,
    dead_leaves,
    hamming_embedding,
    noise,
    shared_probes,
)
from metanet_lib.representations.with_data import MeLA, Model2Vec, PatchStatistics, Task2Vec

N_PATCHES = 16
UNSUPERVISED = [
    CKA(n_probes=48),
    ActivationCodes(n_probes=48),
    GromovWasserstein(n_probes=12, landmarks=5),
    PatchStatistics(embedding=4),
    Task2Vec(epochs=1),
    Model2Vec(references=5, epochs=1),
    MeLA(epochs=1),
]
SUPERVISED = [LearnedProbes(n_probes=16, epochs=2), Know2Vec(n_probes=48, components=4)]
SEES = {PatchStatistics: "patches", Task2Vec: "patches", MeLA: "patches", Model2Vec: "both"}
EVERY = UNSUPERVISED + SUPERVISED


def name(representation):
    return type(representation).__name__


@pytest.fixture(scope="module")
def zoo():
    """Models of three datasets: their filters and patches are smooth to three degrees."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["v:aer", "v:bic", "a:air"], 10)
    exponents = np.repeat([0.0, 1.0, 2.0], 10)
    encoders = np.stack([noise(16, e, rng).T - 0.5 for e in exponents])
    samples = np.stack([noise(N_PATCHES, e, rng) for e in exponents])
    return encoders, samples, labels


def shown(representation, encoders, samples):
    sees = SEES.get(type(representation), "weights")
    return {"weights": encoders, "patches": samples, "both": (encoders, samples)}[sees]


def first(n, seen):
    return tuple(part[:n] for part in seen) if isinstance(seen, tuple) else seen[:n]


def test_the_generator_of_probes_is_linear_so_a_basis_of_codes_tells_all():
    network = _ProbeNetwork(20, 8, 4, [6], 3).double()
    parameters = [network.latent, *network.generator.parameters()]
    probes = network.probes()
    each = torch.sigmoid(network.generator(network.latent)).flatten(1)
    assert torch.allclose(probes, each, rtol=0, atol=1e-12)
    goal = torch.rand_like(each)
    slopes, of_each = (
        torch.autograd.grad((made - goal).pow(2).sum(), parameters) for made in (probes, each)
    )
    for found, expected in zip(slopes, of_each, strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("representation", EVERY, ids=name)
def test_the_order_of_filters_and_of_patches_changes_nothing(representation, zoo):
    encoders, samples, labels = zoo
    fitted = clone(representation).fit(shown(representation, encoders, samples), labels)
    rng = np.random.default_rng(1)
    permuted = rng.permuted(np.arange(16)[None].repeat(len(encoders), 0), axis=1)
    shuffled = np.take_along_axis(encoders, permuted[:, None], axis=2)
    expected = fitted.transform(shown(representation, encoders, samples))
    # Task2Vec draws one output for each place in the sample, so its patches keep their order
    turned = samples if isinstance(representation, Task2Vec | Model2Vec) else samples[:, ::-1]
    found = fitted.transform(shown(representation, shuffled, turned.copy()))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert expected.dtype == np.float32
    assert np.isfinite(expected).all()
    assert len(np.unique(expected.round(4), axis=0)) > 15, "an embedding tells models apart"


class Untouchable:
    """Labels that cannot be looked at."""

    def __getattribute__(self, attribute):
        raise AssertionError(f"the labels were looked at: {attribute}")


@pytest.mark.parametrize("representation", UNSUPERVISED, ids=name)
def test_an_unsupervised_representation_does_not_look_at_labels(representation, zoo):
    encoders, samples, _ = zoo
    seen = shown(representation, encoders, samples)
    with_labels = clone(representation).fit(seen, Untouchable()).transform(seen)
    np.testing.assert_array_equal(clone(representation).fit(seen).transform(seen), with_labels)


@pytest.mark.parametrize("representation", SUPERVISED, ids=name)
def test_a_supervised_representation_follows_the_labels(representation, zoo):
    encoders, _, labels = zoo
    mixed = np.random.default_rng(2).permutation(labels)
    by_labels = clone(representation).fit(encoders, labels).transform(encoders)
    by_others = clone(representation).fit(encoders, mixed).transform(encoders)
    assert not np.allclose(by_labels, by_others)


@pytest.mark.parametrize("representation", EVERY, ids=name)
def test_a_seed_gives_the_same_embeddings_and_a_model_alone_that_of_the_many(representation, zoo):
    encoders, samples, labels = zoo
    seen = shown(representation, encoders, samples)
    fitted = clone(representation).fit(seen, labels)
    again = clone(representation).fit(seen, labels).transform(seen)
    np.testing.assert_array_equal(fitted.transform(seen), again)
    np.testing.assert_allclose(
        fitted.transform(first(1, seen)), again[:1], atol=1e-5 * np.abs(again).max()
    )


def test_products_of_cka_embeddings_are_linear_cka():
    # Kornblith et al. (2019), equation for linear CKA, on the answers themselves
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20, 5))
    y += x
    a, b = x - x.mean(0), y - y.mean(0)
    cka = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
    u, v = cka_embedding(np.stack([x, y])).astype(float)
    assert u @ v == pytest.approx(cka, abs=1e-6)
    assert ((u - v) ** 2).sum() == pytest.approx(2 - 2 * cka, abs=1e-6)


def test_cka_does_not_depend_on_rotation_scale_or_shift_of_the_answers():
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(1, 30, 16))
    rotation, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    np.testing.assert_allclose(
        cka_embedding(3 * answers @ rotation + rng.normal(size=16)),
        cka_embedding(answers),
        atol=1e-6,
    )


def test_activation_codes_are_compared_by_the_share_of_units_that_differ():
    answers = np.array([[[1.0, 0, 0, 2], [1, 0, 3, 0], [0, 0, 0, 0]]])
    np.testing.assert_allclose(hamming_embedding(answers), [[0.5, 0.5, 0.5]])


def test_gromov_wasserstein_is_zero_to_itself_and_to_a_permuted_copy_and_not_to_others():
    rng = np.random.default_rng(0)
    one, other = metric_spaces(rng.uniform(size=(2, 20, 16)))
    order = rng.permutation(20)
    assert gw_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert gw_distance(one, one[order][:, order]) == pytest.approx(0, abs=1e-6)
    assert gw_distance(one, other) > 0.05
    assert gw_distance(one, other) == pytest.approx(gw_distance(other, one), rel=0.1)


def test_gromov_wasserstein_does_not_depend_on_rotation_or_scale_of_the_answers():
    rng = np.random.default_rng(0)
    answers = rng.normal(size=(1, 12, 16))
    rotation, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    np.testing.assert_allclose(metric_spaces(5 * answers @ rotation), metric_spaces(answers))


def test_codes_are_those_of_the_autoencoder_in_training_without_scale_and_shift(zoo):
    import torch

    from metanet_lib.zoo import Autoencoder, ZooParameters

    encoders, probes = zoo[0], shared_probes(60)
    model = Autoencoder(ZooParameters(batch_norm_epsilon=1e-12)).train()
    with torch.no_grad():
        model.encoder.weight.copy_(torch.from_numpy(encoders[0].T))
        expected = model.codes(torch.from_numpy(probes)).numpy()
    np.testing.assert_allclose(codes(probes, encoders[:1])[0], expected, atol=1e-4)
    np.testing.assert_allclose(codes(probes, 7 * encoders), codes(probes, encoders), atol=1e-4)


def test_a_filter_of_zeros_answers_nothing(zoo):
    encoders = zoo[0].copy()
    encoders[:, :, 3] = 0
    answers = codes(shared_probes(30), encoders)
    assert (answers[:, :, 3] == 0).all()
    assert np.isfinite(answers).all()


def test_probes_are_in_0_to_1_and_pink_noise_and_dead_leaves_are_smoother_than_white_noise():
    rng = np.random.default_rng(0)
    kinds = [noise(200, 0, rng), noise(200, 1, rng), dead_leaves(200, rng)]
    probes = shared_probes(64, seed=3)
    assert probes.shape == (64, 256)
    assert all(kind.min() >= 0 and kind.max() <= 1 for kind in [*kinds, probes])
    np.testing.assert_array_equal(probes, shared_probes(64, seed=3))

    def roughness(pictures):
        pictures = pictures.reshape(-1, 16, 16)
        return np.mean(np.diff(pictures, axis=2) ** 2) / pictures.var(axis=(1, 2)).mean()

    white, pink, leaves = map(roughness, kinds)
    assert white == pytest.approx(2, rel=0.1)
    assert pink < 0.7 * white
    assert leaves < 0.5 * white


def test_the_fisher_information_is_the_mean_squared_gradient_of_each_filter(zoo):
    import torch

    samples = zoo[1]
    fitted = Task2Vec(widths=(8, 4), epochs=1, seed=5).fit(samples)
    noise_drawn = torch.randn(
        samples.shape[1:], generator=torch.Generator().manual_seed(fitted.seed)
    )
    squares = [torch.zeros_like(layer.weight) for layer in fitted.layers_[:-1]]
    for patch, drawn in zip(torch.from_numpy(samples[0]), noise_drawn, strict=True):
        fitted.layers_.zero_grad()
        (fitted._activations(patch[None])[-1] * drawn).sum().backward()
        for total, layer in zip(squares, fitted.layers_, strict=False):
            total += layer.weight.grad**2 / len(samples[0])
    expected = torch.cat([total.mean(1) for total in squares]).add(1e-6).log()
    np.testing.assert_allclose(fitted.transform(samples[:1])[0], expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("representation", EVERY, ids=name)
def test_models_or_samples_of_another_shape_are_refused(representation, zoo):
    encoders, samples, labels = zoo
    wrong = shown(representation, encoders[:, :100], samples[:, :, :100])
    with pytest.raises(ValueError, match=r"expected (encoders|samples)"):
        clone(representation).fit(wrong, labels)
