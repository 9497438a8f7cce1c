"""Claims about the compiled training step: it does what the plain one does.

How far they agree: the gradients of one batch to rounding, and training as long as rounding decides
nothing. It decides where a ReLU's input is 0 to rounding, or two pixels of a pooling are equal: the
gradient then goes another way, and from there the weights part. The plain step parts from itself
just so when its pictures lie otherwise in memory. And the bias of a convolution before a batch
normalisation has no effect: its gradient is 0 but for rounding, which Adam with the paper's small
epsilon makes steps of. A large epsilon does not, so with it all numbers can be compared.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from metanet_lib.metanetwork import (
    CompiledStep,
    InterunitAutoencoder,
    MetanetworkParameters,
    PlainStep,
    UnitwiseAutoencoder,
    compiled,
    fit_autoencoder,
    initialise,
    training,
)

PAPER = MetanetworkParameters()
SHAPES = {
    "paper": PAPER,
    "one width": replace(PAPER, channels=(5,), kernel=5, batch_norm_momentum=0.1),
    "two widths": replace(PAPER, channels=(3, 6), kernel=1, embedding_activation="linear"),
    "four widths": replace(PAPER, channels=(4, 8, 8, 7), dense=9, filter_embedding=5, kernel=7),
}


def samples(n, numbers=256):
    generator = torch.Generator().manual_seed(5)
    kinds = torch.randn(8, numbers, generator=generator) / 10
    return kinds.repeat(n // 8 + 1, 1)[:n] + torch.randn(n, numbers, generator=generator) / 16


def twins(model):
    """A model and its copy, with the same initial weights, in training mode."""
    initialise(model, torch.Generator().manual_seed(0))
    return model.train(), copy.deepcopy(model).train()


def relative(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


@pytest.fixture(params=["unit-wise " + name for name in SHAPES] + ["inter-unit", "dense"])
def model_and_parameters(request):
    if request.param == "inter-unit":
        return InterunitAutoencoder(PAPER), PAPER, 48
    if request.param == "dense":
        layers = [nn.Linear(40, 9), nn.ReLU(), nn.Linear(9, 40)]
        return nn.Sequential(nn.Sequential(*layers[:2]), layers[2]), PAPER, 40
    p = SHAPES[request.param.removeprefix("unit-wise ")]
    return UnitwiseAutoencoder(p), p, 256


@pytest.mark.parametrize("batch", [32, 19])
def test_gradients_are_exact_to_single_precision(model_and_parameters, batch):
    model, p, numbers = model_and_parameters
    model, exact = twins(model)
    exact.double()
    x = samples(batch, numbers)
    loss, expected = CompiledStep(model, p)(x), PlainStep(exact, p)(x.double())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    largest = max(parameter.grad.norm() for parameter in exact.parameters())
    for (name, found), wanted in zip(model.named_parameters(), exact.parameters(), strict=True):
        apart = (found.grad - wanted.grad).norm()
        # PyTorch's own gradients in single precision are up to 8e-4 from the exact ones.
        assert apart <= 1e-3 * wanted.grad.norm() + 1e-5 * largest, name


def test_of_equal_pixels_the_first_gets_the_gradient_as_in_pytorch():
    model, exact = twins(UnitwiseAutoencoder(PAPER))
    exact.double()
    x = torch.linspace(-1, 1, 8)[:, None].expand(8, 256).contiguous()  # pictures of one grey each
    CompiledStep(model, PAPER)(x)
    PlainStep(exact, PAPER)(x.double())
    first, wanted = next(model.parameters()), next(exact.parameters())
    assert relative(first.grad, wanted.grad) < 1e-3


def test_ten_steps_end_in_the_same_weights_and_running_statistics(model_and_parameters):
    model, p, numbers = model_and_parameters
    p = replace(p, adam_epsilon=1e-2)
    model, plain = twins(model)
    before = copy.deepcopy(model.state_dict())
    compiled_step, plain_step = CompiledStep(model, p), PlainStep(plain, p)
    x = samples(320, numbers)
    for batch in x.split(32):
        assert compiled_step(batch).item() == pytest.approx(plain_step(batch).item(), rel=1e-4)
    found, expected = model.state_dict(), plain.state_dict()
    assert list(found) == list(expected)
    buffers = [name for name, _ in model.named_buffers()]
    for group in [*buffers, ".weight", ".bias"]:  # of the biases, some have no effect
        was, is_now, should_be = (
            torch.cat([t.double().flatten() for name, t in state.items() if name.endswith(group)])
            for state in (before, found, expected)
        )
        assert (is_now - should_be).norm() <= 1e-3 * (should_be - was).norm(), group
    with torch.no_grad():
        assert relative(model.eval()(x), plain.eval()(x)) < 1e-3


@pytest.mark.parametrize("n", [100, 97, 1])
def test_training_is_the_plain_loops_whatever_the_last_batch(n, monkeypatch):
    model, plain = twins(UnitwiseAutoencoder(PAPER))

    def curve(model):
        order = torch.Generator().manual_seed(1)
        return fit_autoencoder(model, samples(n), 5, PAPER, order, "unit-wise")

    found = curve(model)
    monkeypatch.setattr(training, "CompiledStep", PlainStep)
    np.testing.assert_allclose(found, curve(plain), rtol=1e-2)
    batches = model.state_dict()["encoder.2.num_batches_tracked"]
    assert batches == plain.state_dict()["encoder.2.num_batches_tracked"]
    assert not model.training


def test_a_layer_without_a_twin_is_refused_by_name():
    with pytest.raises(TypeError, match="Sigmoid has no twin that is compiled"):
        CompiledStep(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), PAPER)(torch.rand(8, 4))


def test_layers_that_are_compiled_within_a_network_give_the_gradients_that_pytorch_gives():
    model = UnitwiseAutoencoder(SHAPES["two widths"])
    model, exact = twins(model)
    exact.double()
    x = samples(24).requires_grad_()
    x_exact = x.detach().double().requires_grad_()
    with compiled(model.encoder, model.decoder):
        for _ in range(2):  # what is there is not added to
            model(x).sin().mean().backward()
    exact(x_exact).sin().mean().backward()
    for (name, found), wanted in zip(model.named_parameters(), exact.parameters(), strict=True):
        assert torch.allclose(found.grad.double(), wanted.grad, rtol=1e-3, atol=1e-6), name
    assert relative(x.grad.double() / 2, x_exact.grad) < 1e-5
    model.zero_grad()
    model(x.detach()).sum().backward()  # afterwards it is as before
    assert all(parameter.grad is not None for parameter in model.parameters())
