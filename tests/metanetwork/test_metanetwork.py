"""Claims about the meta-autoencoder: its shape is the paper's, and order of filters is nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from metanet_lib import metanetwork
from metanet_lib.metanetwork import MetanetworkParameters

SMALL = MetanetworkParameters(
    channels=(4, 4, 4), dense=16, unitwise_epochs=4, interunit_epochs=20, batch_norm_momentum=0.1
)


@pytest.fixture(scope="module")
def encoders():
    generator = np.random.default_rng(0)
    kinds = generator.normal(0, 0.1, (4, 256, 1))
    noise = generator.normal(0, 0.05, (40, 256, 16))
    return (np.repeat(kinds, 10, 0) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def trained(encoders):
    return metanetwork.train(encoders, SMALL, seed=0)


def kinds(sequence):
    return [type(layer).__name__ for layer in sequence]


def test_the_unitwise_encoder_has_the_papers_layers_and_ends_in_three_numbers():
    encoder = metanetwork.UnitwiseAutoencoder(MetanetworkParameters()).encoder
    names = kinds(encoder)
    assert names.count("Conv2d") == names.count("BatchNorm2d") == names.count("MaxPool2d") == 3
    assert names.count("Linear") == 2
    assert encoder(torch.zeros(5, 256)).shape == (5, 3)
    before_dense = encoder[: names.index("Flatten")]
    assert before_dense(torch.zeros(5, 256)).shape[2:] == (2, 2)


def test_the_decoder_mirrors_the_encoder_and_its_output_is_linear():
    unitwise = metanetwork.UnitwiseAutoencoder(MetanetworkParameters())
    names = kinds(unitwise.decoder)
    assert names.count("Conv2d") == names.count("Upsample") == 3
    assert names.count("Linear") == 2
    assert names[-2:] == ["Conv2d", "Flatten"]
    assert unitwise(torch.zeros(5, 256)).shape == (5, 256)


def test_the_interunit_autoencoder_is_48_16_48_linear_with_bias():
    interunit = metanetwork.InterunitAutoencoder(MetanetworkParameters())
    assert (interunit.encoder.in_features, interunit.encoder.out_features) == (48, 16)
    assert (interunit.decoder.in_features, interunit.decoder.out_features) == (16, 48)
    assert interunit.encoder.bias is not None
    assert not [m for m in interunit.modules() if isinstance(m, nn.ReLU)]


def test_sorting_orders_filters_on_the_first_axis_and_breaks_ties_by_the_next():
    embedded = torch.tensor([[[2.0, 0.0], [1.0, 5.0], [1.0, 4.0], [0.0, 9.0]]])
    assert metanetwork.sort_filters(embedded).tolist() == [[3, 2, 1, 0]]
    assert metanetwork.sort_filters(embedded, axis=1).tolist() == [[0, 2, 1, 3]]
    assert metanetwork.sort_filters(embedded, descending=True).tolist() == [[0, 1, 2, 3]]


def test_the_embedding_ignores_the_order_of_filters(trained, encoders):
    shuffled = encoders[:, :, np.random.default_rng(1).permutation(16)]
    np.testing.assert_allclose(trained.embed(shuffled), trained.embed(encoders), atol=1e-5)


def test_the_embedding_of_a_model_does_not_depend_on_its_company(trained, encoders):
    alone = np.concatenate([trained.embed(e[None]) for e in encoders])
    np.testing.assert_allclose(alone, trained.embed(encoders), atol=1e-5)
    assert trained.embed(encoders).shape == (40, 16)


def test_training_lowers_both_losses(trained):
    for curve in (trained.unitwise_curve, trained.interunit_curve):
        assert curve[-1] < curve[0]
    assert len(trained.unitwise_curve) == SMALL.unitwise_epochs
    assert len(trained.interunit_curve) == SMALL.interunit_epochs


def test_the_same_seed_gives_the_same_metanetwork_and_another_seed_another(trained, encoders):
    again = metanetwork.train(encoders, SMALL, seed=0)
    other = metanetwork.train(encoders, SMALL, seed=1)
    np.testing.assert_array_equal(again.embed(encoders), trained.embed(encoders))
    assert not np.allclose(other.embed(encoders), trained.embed(encoders))


@pytest.mark.parametrize("other", [{"adam_betas": (0.5, 0.9)}, {"upsampling": "bilinear"}])
def test_each_of_these_decisions_makes_another_metanetwork(trained, encoders, other):
    changed = metanetwork.train(encoders, replace(SMALL, **other), seed=0)
    assert changed.unitwise_curve[0] != trained.unitwise_curve[0]


def test_several_seeds_trained_side_by_side_are_what_each_is_alone(encoders):
    two = replace(SMALL, seeds=2, unitwise_epochs=1)
    together = metanetwork.train_seeds(encoders, two)
    assert [n.seed for n in together] == [0, 1]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = [metanetwork.train(encoders, two, n.seed) for n in together]
    embeddings = [
        (a.embed(encoders), b.embed(encoders)) for a, b in zip(together, alone, strict=True)
    ]
    torch.set_num_threads(threads)
    for one, other in embeddings:
        np.testing.assert_array_equal(one, other)


def test_the_best_seed_is_the_one_that_reconstructs_best(trained, encoders):
    short = MetanetworkParameters.of({**SMALL.as_dict(), "unitwise_epochs": 1, "channels": [4]})
    worse = metanetwork.train(encoders, short, seed=3)
    assert worse.loss != trained.loss
    expected = min(worse, trained, key=lambda n: n.loss)
    assert metanetwork.best([worse, trained]) is expected


def test_reconstruction_has_the_shape_of_a_model_and_the_stated_loss(trained, encoders):
    back = trained.reconstruct(encoders)
    assert back.shape == encoders.shape
    order = trained.model.order(trained.model.embed_filters(torch.from_numpy(encoders)))
    in_order = np.take_along_axis(encoders, order.numpy()[:, None], axis=2)
    assert trained.loss == pytest.approx(np.mean((back - in_order) ** 2), rel=1e-4)


def test_metanetworks_come_back_from_disk_as_they_were(trained, encoders, tmp_path):
    path = tmp_path / "metanetwork.safetensors"
    metanetwork.save([trained], path)
    (back,) = metanetwork.load(path)
    np.testing.assert_array_equal(back.embed(encoders), trained.embed(encoders))
    assert (back.seed, back.loss) == (trained.seed, trained.loss)
    assert back.unitwise_curve == trained.unitwise_curve


def test_reading_something_else_is_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="chapter 03_meta_autoencoder makes it"):
        metanetwork.load(tmp_path / "metanetwork.safetensors")
    (tmp_path / "text").write_text("no")
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        metanetwork.load(tmp_path / "text")


def test_bad_weights_are_refused_before_training(encoders):
    with pytest.raises(
        ValueError, match=r"expected encoders \[m, 256, 16\], found \(40, 16, 256\)"
    ):
        metanetwork.train(encoders.transpose(0, 2, 1), SMALL, 0)
    broken = encoders.copy()
    broken[7, 0, 0] = np.nan
    with pytest.raises(ValueError, match="1 models are not finite, first: 7"):
        metanetwork.train(broken, SMALL, 0)


def test_a_diverging_loss_stops_with_a_clear_error(encoders):
    wild = MetanetworkParameters.of({**SMALL.as_dict(), "learning_rate": 1e30, "channels": [4]})
    with pytest.raises(FloatingPointError, match=r"unit-wise, seed 0: the loss is .* in epoch"):
        metanetwork.train(encoders, wild, 0)
