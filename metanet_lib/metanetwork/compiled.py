"""A training step on a CPU whose gradients are written by hand.

It computes what :class:`~metanet_lib.metanetwork.step.PlainStep` computes. As tensor operations,
layers as small as these cost more in calls, in tracing the way back and in convolutions made for
larger pictures than in arithmetic. Here each layer of PyTorch has a twin, with buffers that are
allocated once, in the layout of :mod:`~metanet_lib.metanetwork.loops`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from metanet_lib.metanetwork.autoencoders import MetanetworkParameters
from metanet_lib.metanetwork.loops import (
    Floats,
    adam,
    convolve,
    convolve_gradient,
    double,
    double_gradient,
    normalise,
    normalise_gradient,
    pool,
    pool_gradient,
    relu_gradient,
)


class CompiledStep:
    """One training step of an autoencoder, its loss, gradients and Adam.

    Parameters
    ----------
    model
        The autoencoder, on the CPU: layers one after the other, in the order of its modules. Its
        parameters move into a memory of their own, where they change in place.
    p
        Adam's parameters.

    Raises
    ------
    TypeError
        At the first step, if a layer has no twin here.

    Examples
    --------
    >>> step = CompiledStep(nn.Linear(4, 4), MetanetworkParameters())
    >>> x = torch.rand(8, 4)
    >>> bool(step(x) > step(x))
    True
    """

    def __init__(self, model: nn.Module, p: MetanetworkParameters) -> None:
        self._p, self._steps = p, 0
        self._values, self._d_values = _into_one(list(model.parameters()))
        self._moments = _aligned(2, len(self._values))
        self._chains = _Chains(model)

    def __call__(self, x: Tensor) -> Tensor:
        """Make one step on a batch ``[b, d]``; return the loss before it."""
        loss = self._chains.of(x).gradients(x)
        self._steps += 1
        beta_1, beta_2 = self._p.adam_betas
        adam(
            self._values,
            self._d_values,
            self._moments,
            np.float32(self._p.learning_rate / (1 - beta_1**self._steps)),
            np.float32(1 / np.sqrt(1 - beta_2**self._steps)),
            np.float32(self._p.adam_epsilon),
            (np.float32(1 - beta_1), np.float32(beta_2), np.float32(1 - beta_2)),
        )
        return loss


@contextmanager
def compiled(*parts: nn.Module) -> Iterator[None]:
    """Let these parts of a network go through compiled layers, while the network is trained.

    The gradients of their parameters are written, not added to what was there: set them to zero,
    not to None, between steps.

    Parameters
    ----------
    parts
        Layers one after the other, on the CPU, in training; as for :class:`CompiledStep`.

    Raises
    ------
    TypeError
        When a part is gone through, if a layer has no twin here.

    Examples
    --------
    >>> part, x = nn.Linear(4, 4), torch.rand(8, 4)
    >>> with compiled(part):
    ...     part(x).sum().backward()
    >>> part.bias.grad.tolist()
    [8.0, 8.0, 8.0, 8.0]
    """
    for part in parts:
        _into_one(list(part.parameters()))
        vars(part)["forward"] = _Through(part)
    try:
        yield
    finally:
        for part in parts:
            del vars(part)["forward"]


class _Through:
    """What takes the place of a part's ``forward``."""

    def __init__(self, part: nn.Module) -> None:
        self._parameters, self._chains = list(part.parameters()), _Chains(part)

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = _Step.apply(x, self._chains.of(x), *self._parameters)  # type: ignore[no-untyped-call]
        return out


class _Step(torch.autograd.Function):
    """The compiled layers, as a step of a network that PyTorch traces back.

    Parameters are given only to be seen as what the result depends on.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, chain: "_Chain", *parameters: Tensor) -> Tensor:
        context.chain, context.parameters = chain, len(parameters)
        return chain.forward(x)

    @staticmethod
    def backward(context: Any, d_out: Tensor) -> Any:
        return context.chain.backward(d_out), None, *[None] * context.parameters


def _aligned(*shape: int) -> Floats:
    """Return zeros that begin where a cache line does, unlike numpy's: a quarter faster."""
    zeros: Floats = torch.zeros(shape).numpy()
    return zeros


def _into_one(parameters: Sequence[nn.Parameter]) -> tuple[Floats, Floats]:
    """Move parameters and their gradients into one array each; return the two, ``[n]``."""
    sizes = [parameter.numel() for parameter in parameters]
    values, d_values = _aligned(sum(sizes)), _aligned(sum(sizes))
    for parameter, size, end in zip(parameters, sizes, np.cumsum(sizes), strict=True):
        place = parameter.size(), parameter.stride(), int(end) - size
        moved = torch.from_numpy(values).as_strided(*place).copy_(parameter.detach())
        parameter.data, parameter.grad = moved, torch.from_numpy(d_values).as_strided(*place)
    return values, d_values


@dataclass(frozen=True)
class _Numbers:
    """What a layer hands to the next, or a parameter, with the loss's gradient by it."""

    value: Tensor
    gradient: Tensor

    @classmethod
    def empty(cls, *shape: int) -> Self:
        return cls(torch.empty(shape), torch.empty(shape))

    @classmethod
    def of(cls, parameter: Tensor | None) -> Self:
        assert parameter is not None
        assert parameter.grad is not None
        return cls(parameter.detach(), parameter.grad)

    def view(self, *shape: int) -> "_Numbers":
        return _Numbers(self.value.view(shape), self.gradient.view(shape))

    def arrays(self, *shape: int) -> tuple[Floats, Floats]:
        wanted = self.view(*shape) if shape else self
        return wanted.value.numpy(), wanted.gradient.numpy()


class _Chain:
    """The layers of an autoencoder with buffers for batches of one size."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        samples, numbers = x.shape
        self._x = after = _Numbers.empty(numbers, samples)
        self._layers: list[_Layer] = []
        for module in model.modules():
            if not list(module.children()):
                if type(module) not in _TWINS:
                    raise TypeError(f"{type(module).__name__} has no twin that is compiled")
                self._layers.append(_TWINS[type(module)](module, after))
                after = self._layers[-1].after
        self._out = after

    def gradients(self, x: Tensor) -> Tensor:
        """Write the gradients of all parameters; return the loss."""
        self._there(x)
        apart = torch.sub(self._out.value, self._x.value, out=self._out.gradient)
        loss = apart.square().mean()
        apart.mul_(2 / apart.numel())
        self._back()
        return loss

    def forward(self, x: Tensor) -> Tensor:
        """Return what the last layer gives for a batch ``[b, d]``."""
        self._there(x)
        return self._out.value.T.clone()

    def backward(self, d_out: Tensor) -> Tensor:
        """Write the gradients of all parameters; return that of the batch ``[b, d]``."""
        self._out.gradient.copy_(d_out.T)
        self._back()
        return self._x.gradient.T.clone()

    def _there(self, x: Tensor) -> None:
        self._x.value.copy_(x.T)
        for layer in self._layers:
            layer.forward()

    def _back(self) -> None:
        for layer in reversed(self._layers):
            layer.backward()


class _Chains:
    """The chains of an autoencoder, one for each size of a batch."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._of_size: dict[int, _Chain] = {}

    def of(self, x: Tensor) -> _Chain:
        if len(x) not in self._of_size:
            self._of_size[len(x)] = _Chain(self._model, x)
        return self._of_size[len(x)]


class _Layer:
    """The twin of a layer: reads the numbers before it, writes those after it, and back."""

    after: _Numbers

    def __init__(self, module: Any, before: _Numbers) -> None:
        raise NotImplementedError

    def forward(self) -> None:
        """Write the values after it."""

    def backward(self) -> None:
        """Write the gradients before it, and those of its parameters."""


class _Flatten(_Layer):
    def __init__(self, module: nn.Flatten, before: _Numbers) -> None:
        self.after = before.view(-1, before.value.shape[-1])


class _Unflatten(_Layer):
    def __init__(self, module: nn.Unflatten, before: _Numbers) -> None:
        self.after = before.view(*module.unflattened_size, before.value.shape[-1])


class _Dense(_Layer):
    def __init__(self, module: nn.Linear, before: _Numbers) -> None:
        self._before = before
        self.after = _Numbers.empty(module.out_features, before.value.shape[-1])
        self._weight, self._bias = _Numbers.of(module.weight), _Numbers.of(module.bias)

    def forward(self) -> None:
        x, weight, bias = self._before.value, self._weight.value, self._bias.value
        torch.addmm(bias[:, None], weight, x, out=self.after.value)

    def backward(self) -> None:
        d_out = self.after.gradient
        torch.mm(d_out, self._before.value.T, out=self._weight.gradient)
        torch.sum(d_out, 1, out=self._bias.gradient)
        torch.mm(self._weight.value.T, d_out, out=self._before.gradient)


class _Relu(_Layer):
    def __init__(self, module: nn.ReLU, before: _Numbers) -> None:
        self.after = before  # in place
        self._arrays = before.arrays(-1)

    def forward(self) -> None:
        self.after.value.clamp_min_(0)

    def backward(self) -> None:
        relu_gradient(*self._arrays)


class _Normalisation(_Layer):
    def __init__(self, module: nn.BatchNorm2d, before: _Numbers) -> None:
        self.after = _Numbers(torch.empty_like(before.value), before.gradient)
        x, d = before.arrays(module.num_features, -1)
        out, _ = self.after.arrays(module.num_features, -1)
        scale, d_scale = _Numbers.of(module.weight).arrays()
        shift, d_shift = _Numbers.of(module.bias).arrays()
        settings = np.float32(module.eps), np.float32(module.momentum)
        state = module.state_dict()
        running = state["running_mean"].numpy(), state["running_var"].numpy()
        inverse = _aligned(len(x))
        self._batches = state["num_batches_tracked"]
        self._forward = x, scale, shift, *settings, *running, inverse, out
        self._backward = x, inverse, scale, d, d_scale, d_shift

    def forward(self) -> None:
        normalise(*self._forward)
        self._batches += 1

    def backward(self) -> None:
        normalise_gradient(*self._backward)


class _Pooling(_Layer):
    def __init__(self, module: nn.MaxPool2d, before: _Numbers) -> None:
        channels, rows, columns, samples = before.value.shape
        self.after = _Numbers.empty(channels, rows // 2, columns // 2, samples)
        (x, d_x), (out, d_out) = before.arrays(), self.after.arrays()
        self._forward, self._backward = (x, out), (x, out, d_out, d_x)

    def forward(self) -> None:
        pool(*self._forward)

    def backward(self) -> None:
        pool_gradient(*self._backward)


class _Doubling(_Layer):
    def __init__(self, module: nn.Upsample, before: _Numbers) -> None:
        channels, rows, columns, samples = before.value.shape
        self.after = _Numbers.empty(channels, 2 * rows, 2 * columns, samples)
        (x, d_x), (out, d_out) = before.arrays(), self.after.arrays()
        self._forward, self._backward = (x, out), (d_out, d_x)

    def forward(self) -> None:
        double(*self._forward)

    def backward(self) -> None:
        double_gradient(*self._backward)


class _Convolution(_Layer):
    """A convolution adds its input's rows, shifted and weighted; so does its way back.

    Pictures get a border of zeros as wide as the greatest shift, and a shifted row begins at an
    offset into them.
    """

    def __init__(self, module: nn.Conv2d, before: _Numbers) -> None:
        channels, rows, columns, samples = before.value.shape
        outputs, side = module.out_channels, module.kernel_size[0]
        self.after = _Numbers.empty(outputs, rows, columns, samples)
        self._x, d_x = before.arrays()
        self._d_out = self.after.gradient.numpy()
        x, self._x_inside = _bordered(self._x, side // 2)
        d, self._d_inside = _bordered(self._d_out, side // 2)

        stride = (columns + side - 1) * samples
        plane = (rows + side - 1) * stride
        shifts = (np.arange(side)[:, None] * stride + np.arange(side) * samples).ravel()
        offsets = (shifts[:, None] + np.arange(channels) * plane).ravel().astype(np.uint64)
        back = (np.arange(outputs)[:, None] * plane + shifts[::-1]).ravel().astype(np.uint64)

        weight, (bias, d_bias) = _Numbers.of(module.weight), _Numbers.of(module.bias).arrays()
        weights, d_weights = (
            t.permute(0, 2, 3, 1).view(outputs, -1).numpy() for t in (weight.value, weight.gradient)
        )
        self._weights, self._turned = weights.reshape(-1, channels).T, _aligned(channels, len(back))
        in_rows = rows, columns * samples
        out, d_out = self.after.arrays(outputs, *in_rows)
        self._forward = x, stride, offsets, weights, bias, out
        self._gradient = x, stride, offsets, d_out, d_weights, d_bias
        d_x = d_x.reshape(channels, *in_rows)
        self._backward = d, stride, back, self._turned, _aligned(channels), d_x

    def forward(self) -> None:
        np.copyto(self._x_inside, self._x)
        convolve(*self._forward)

    def backward(self) -> None:
        convolve_gradient(*self._gradient)
        np.copyto(self._d_inside, self._d_out)
        np.copyto(self._turned, self._weights)
        convolve(*self._backward)


def _bordered(pictures: Floats, width: int) -> tuple[Floats, Floats]:
    """Return an array ``[n]`` for these pictures with a border of zeros, and their place in it."""
    channels, rows, columns, samples = pictures.shape
    whole = _aligned(channels, rows + 2 * width, columns + 2 * width, samples)
    return whole.ravel(), whole[:, width : width + rows, width : width + columns]


_TWINS: dict[type[nn.Module], type[_Layer]] = {
    nn.Linear: _Dense,
    nn.Conv2d: _Convolution,
    nn.BatchNorm2d: _Normalisation,
    nn.ReLU: _Relu,
    nn.MaxPool2d: _Pooling,
    nn.Upsample: _Doubling,
    nn.Flatten: _Flatten,
    nn.Unflatten: _Unflatten,
}
