"""A cut network in the shape of a model, by the reading that chapter 14 has as its headline.

A window of the probes, 0 to 1, is put between the least and the greatest that the network's planes
hold, and repeated in all of its channels. All units of the cut are read, of all places that the
window has. As :mod:`metanet_lib.interpret.networks` does, the average gradient outer product is
taken by differentiation, or by differences where there are more units than a window has numbers.

Three states are read: ``trained``; ``shuffled``, the numbers of each convolution in another order;
``random``, convolutions drawn anew (normal, He et al. 2015), without biases and normalisation.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from metanet_lib.experiments.architectures.questions import HEADLINE
from metanet_lib.experiments.wild.cut import Cut
from metanet_lib.experiments.wild.layers import Layer
from metanet_lib.interpret.networks import PROBES
from metanet_lib.metanetwork import SIDE
from metanet_lib.representations.gradients import agop, agop_by_differences, probes
from metanet_lib.zoo import INPUTS

STATES = ("trained", "shuffled", "random")
"""The states in which networks are read."""


def read(network: Cut, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Return the average gradient outer product of a cut network, ``[256, 256]``.

    Rows and columns of windows lie as the network's own (:func:`aligned` turns them).

    Parameters
    ----------
    network
        Its beginning.
    low, high
        What its planes hold where a probe is 0, and where it is 1.

    Examples
    --------
    >>> from metanet_lib.experiments.wild.cut import cut
    >>> from metanet_lib.experiments.wild.layers import Layers
    >>> weights = torch.rand(5, 1, 16, 16)
    >>> whole = Layer("convolution", ("x",), "y", (weights,), kernel=(16, 16))
    >>> matrix = read(cut(Layers("x", 1, (whole,))))
    >>> bool(np.allclose(matrix, weights.flatten(1).T @ weights.flatten(1), atol=1e-4))
    True
    """
    channels = network.layers.channels

    def units(windows: Tensor) -> Tensor:
        planes = (low + (high - low) * windows).reshape(-1, 1, SIDE, SIDE)
        return network.layers.run(planes.expand(-1, channels, -1, -1), network.output).flatten(1)

    windows = probes(HEADLINE.split(", ")[1], PROBES)
    few = int(np.prod(network.shape)) <= INPUTS
    with torch.no_grad():
        matrix = agop(units, windows) if few else agop_by_differences(units, windows)
    out: np.ndarray = matrix.numpy()
    return out


def aligned(matrix: np.ndarray, axes: str) -> np.ndarray:
    """Return such a matrix with windows as those of the zoo's sounds: low bands first, then time.

    Parameters
    ----------
    matrix
        ``[256, 256]``.
    axes
        How the network's planes lie, of :data:`~metanet_lib.experiments.wild.listed.AXES`.

    Examples
    --------
    >>> matrix = np.zeros((256, 256))
    >>> matrix[1, 1] = 1  # the second frame of the first band, or the other way round
    >>> np.argwhere(aligned(matrix, "time x frequency")).tolist()
    [[16, 16]]
    """
    places = np.arange(INPUTS).reshape(SIDE, SIDE)
    if axes == "time x frequency":
        places = places.T
    elif axes == "frequency x time, high first":
        places = places[::-1]
    order = places.ravel()
    out: np.ndarray = matrix[np.ix_(order, order)]
    return out


def in_state(network: Cut, state: str, draw: int = 0) -> Cut:
    """Return a network in one of :data:`STATES`; ``draw`` is the seed of what is random.

    Examples
    --------
    >>> from metanet_lib.experiments.wild.cut import cut
    >>> from metanet_lib.experiments.wild.layers import Layers
    >>> square = Layer("convolution", ("x",), "y", (torch.rand(2, 1, 3, 3),), kernel=(3, 3))
    >>> network = cut(Layers("x", 1, (square,)))
    >>> moved = in_state(network, "shuffled").layers.layers[0].tensors[0]
    >>> bool(torch.equal(moved.flatten().sort().values, square.tensors[0].flatten().sort().values))
    True
    """
    if state == "trained":
        return network
    generator = torch.Generator().manual_seed(draw)
    change = {"shuffled": _shuffled, "random": _random}[state]
    changed: Mapping[str, tuple[Tensor, ...]] = {
        layer.output: change(layer, generator) for layer in network.layers.layers if layer.tensors
    }
    return replace(network, layers=network.layers.with_tensors(changed))


def _shuffled(layer: Layer, generator: torch.Generator) -> tuple[Tensor, ...]:
    if layer.kind != "convolution":
        return layer.tensors
    weights, *bias = layer.tensors
    order = torch.randperm(weights.numel(), generator=generator)
    return (weights.flatten()[order].view_as(weights), *bias)


def _random(layer: Layer, generator: torch.Generator) -> tuple[Tensor, ...]:
    if layer.kind == "convolution":
        weights, *bias = layer.tensors
        size = float((2 / weights[0].numel()) ** 0.5)
        drawn = size * torch.randn(weights.shape, generator=generator)
        return (drawn, *(torch.zeros_like(b) for b in bias))
    if layer.kind == "normalisation":
        return torch.ones_like(layer.tensors[0]), torch.zeros_like(layer.tensors[1])
    if layer.kind == "add":
        return (torch.zeros_like(layer.tensors[0]),)
    return layer.tensors
