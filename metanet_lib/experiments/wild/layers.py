"""A network as layers that PyTorch runs: what files of three kinds are translated to.

A file of weights is data. What it says about layers is translated to :class:`Layer`, of the few
kinds that stand in networks on pictures and spectrograms, and no other code is run. A network need
not be translated to its end: it is cut soon (:mod:`metanet_lib.experiments.wild.cut`).

Conventions: planes are float32 ``[n, channels, rows, columns]``; sizes, strides and the like are
pairs, rows before columns; padding is ``(top, left, bottom, right)``, or ``"same"``, by which there
are as many places as the stride leaves, the odd one added below and right (Keras).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]
Padding = tuple[int, int, int, int] | Literal["same"]


@dataclass(frozen=True)
class Layer:
    """One step from planes to planes.

    Attributes
    ----------
    kind
        ``convolution``, ``normalisation``, ``pooling`` (largest), ``mean pooling``, ``add``,
        ``subtract``, ``multiply``, ``larger``, ``join``, ``same``, or of :data:`ACTIVATIONS`.
    inputs
        The names of what it takes.
    output
        The name of what it gives.
    tensors
        Weights: of a convolution ``[out, in / groups, rows, columns]`` and maybe a bias ``[out]``;
        of normalisation scale and shift ``[channels]``; or a constant.
    kernel, stride, dilation, padding, groups
        As in the module's conventions.
    roof
        Whether pooling has a place for a rest at the end.
    numbers
        Of an activation: its slope, or its limits.

    Examples
    --------
    >>> half = Layer("multiply", ("x",), "y", (torch.tensor(0.5),))
    >>> half(torch.ones(1, 1, 2, 2)).tolist()
    [[[[0.5, 0.5], [0.5, 0.5]]]]
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    tensors: tuple[Tensor, ...] = ()
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    groups: int = 1
    roof: bool = False
    numbers: tuple[float, ...] = ()

    def __call__(self, *planes: Tensor) -> Tensor:
        """Return what the layer gives."""
        x = planes[0]
        others = (*planes[1:], *self.tensors)
        if self.kind == "convolution":
            bias = self.tensors[1] if len(self.tensors) > 1 else None
            padded = self._padded(x, 0.0)
            weights = self.tensors[0]
            return F.conv2d(padded, weights, bias, self.stride, 0, self.dilation, self.groups)
        if self.kind == "normalisation":
            scale, shift = (t.reshape(-1, 1, 1) for t in self.tensors)
            return x * scale + shift
        if self.kind == "pooling":
            x = self._padded(x, -torch.inf)
            return F.max_pool2d(x, self.kernel, self.stride, 0, self.dilation, self.roof)
        if self.kind == "mean pooling":
            x = self._padded(x, 0.0)
            return F.avg_pool2d(x, self.kernel, self.stride, 0, self.roof)
        if self.kind == "add":
            return x + others[0]
        if self.kind == "subtract":
            return x - others[0]
        if self.kind == "multiply":
            return x * others[0]
        if self.kind == "larger":
            return torch.maximum(x, others[0])
        if self.kind == "join":
            return torch.cat(planes, 1)
        if self.kind == "same":
            return x
        return _activated(self.kind, x, self.numbers, self.tensors)

    def _padded(self, x: Tensor, value: float) -> Tensor:
        top, left, bottom, right = self._same(x) if isinstance(self.padding, str) else self.padding
        return F.pad(x, (left, right, top, bottom), value=value)

    def _same(self, x: Tensor) -> tuple[int, int, int, int]:
        """Return the padding that leaves as many places as the stride does."""
        sides = []
        for i in range(2):
            n, stride = x.shape[2 + i], self.stride[i]
            reach = (self.kernel[i] - 1) * self.dilation[i] + 1
            more = max((-(-n // stride) - 1) * stride + reach - n, 0)
            sides.append((more // 2, more - more // 2))
        (top, bottom), (left, right) = sides
        return top, left, bottom, right


ACTIVATIONS = ("relu", "leaky", "parametric", "sigmoid", "tanh", "hard sigmoid", "hard swish",
               "limits")  # fmt: skip
"""Kinds of layers that take each number for itself."""


def _activated(
    kind: str, x: Tensor, numbers: tuple[float, ...], tensors: tuple[Tensor, ...]
) -> Tensor:
    if kind == "relu":
        return x.relu()
    if kind == "leaky":
        return F.leaky_relu(x, numbers[0])
    if kind == "parametric":
        return F.prelu(x, tensors[0].flatten())
    if kind == "sigmoid":
        return x.sigmoid()
    if kind == "tanh":
        return x.tanh()
    if kind == "hard sigmoid":
        return (numbers[0] * x + numbers[1]).clamp(0, 1)
    if kind == "hard swish":
        return F.hardswish(x)
    if kind == "limits":
        return x.clamp(*numbers)
    raise ValueError(f"unknown kind of layer {kind!r}")


@dataclass(frozen=True)
class Layers:
    """The beginning of a network: layers in an order in which they can be run.

    Attributes
    ----------
    entry
        The name of the planes that the first convolution takes; what lies before it is gone.
    channels
        How many planes these are.
    layers
        What follows, as far as it was understood.

    Examples
    --------
    >>> blur = Layer("convolution", ("x",), "y", (torch.ones(2, 1, 3, 3) / 9,), kernel=(3, 3))
    >>> Layers("x", 1, (blur,)).run(torch.rand(4, 1, 16, 16), "y").shape
    torch.Size([4, 2, 14, 14])
    """

    entry: str
    channels: int
    layers: tuple[Layer, ...] = field(repr=False)

    def run(self, planes: Tensor, output: str) -> Tensor:
        """Return what stands under a name when planes ``[n, channels, rows, columns]`` enter."""
        known = {self.entry: planes}
        for layer in self._needed(output):
            known[layer.output] = layer(*(known[name] for name in layer.inputs))
        return known[output]

    def until(self, output: str) -> "Layers":
        """Return only the layers that this output needs."""
        return replace(self, layers=tuple(self._needed(output)))

    def with_tensors(self, changed: Mapping[str, tuple[Tensor, ...]]) -> "Layers":
        """Return the same layers, the tensors of some replaced, by the name of their output."""
        layers = (replace(x, tensors=changed.get(x.output, x.tensors)) for x in self.layers)
        return replace(self, layers=tuple(layers))

    def _needed(self, output: str) -> Sequence[Layer]:
        needed, chosen = {output}, []
        for layer in reversed(self.layers):
            if layer.output in needed:
                needed |= set(layer.inputs)
                chosen.append(layer)
        return chosen[::-1]


def first_convolution(layers: Sequence[Layer]) -> Layer:
    """Return the first two-dimensional convolution: its kernel is larger than 1 both ways.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> wide = Layer("convolution", ("a",), "b", (torch.ones(1, 1, 1, 9),), kernel=(1, 9))
    >>> square = Layer("convolution", ("b",), "c", (torch.ones(2, 1, 3, 3),), kernel=(3, 3))
    >>> first_convolution([wide, square]).output
    'c'
    """
    first = next((x for x in layers if x.kind == "convolution" and min(x.kernel) > 1), None)
    if first is None:
        raise ValueError("expected a convolution over rows and columns, found none")
    return first


def beginning(layers: Sequence[Layer]) -> Layers:
    """Return the part of a network that begins at its :func:`first_convolution`.

    Only layers that depend on what it takes, and on nothing else, are kept. Errors are those of
    :func:`first_convolution`.

    Examples
    --------
    >>> wide = Layer("convolution", ("a",), "b", (torch.ones(1, 1, 1, 9),), kernel=(1, 9))
    >>> square = Layer("convolution", ("b",), "c", (torch.ones(2, 1, 3, 3),), kernel=(3, 3))
    >>> beginning([wide, square, Layer("relu", ("c",), "d")]).entry
    'b'
    """
    first = first_convolution(layers)
    entry, kept = first.inputs[0], []
    known = {entry}
    for layer in layers:
        if known.issuperset(layer.inputs) and layer.output not in known:
            known.add(layer.output)
            kept.append(layer)
    return Layers(entry, first.tensors[0].shape[1] * first.groups, tuple(kept))
