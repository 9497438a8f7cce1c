"""Where a network is cut: where its units see about 16x16.

A unit of a convolution sees a rectangle of the planes that enter, its *receptive field*. It begins
as 1x1 and grows, at each layer, by ``(kernel - 1) x dilation`` steps; a step is as many places of
the entering planes as the strides so far have made of it. Where layers meet, the larger counts.

**The rule**, one for all networks. They begin at the planes that their first two-dimensional
convolution takes (:func:`~metanet_lib.experiments.wild.layers.beginning`). They are cut behind the
convolution of which the field is nearest to 16x16: the smallest sum of ``|log(rows / 16)|`` and
``|log(columns / 16)|``, of equals the last. Its units are read before their activation; batch
normalisation right behind it belongs to it. A cut that a window of 16x16 does not pass, for want of
padding, is none.
"""

import math
from dataclasses import dataclass

import torch

from metanet_lib.experiments.wild.layers import Layer, Layers, Pair
from metanet_lib.metanetwork import SIDE


@dataclass(frozen=True)
class Cut:
    """A network up to where it is cut.

    Attributes
    ----------
    layers
        Those that are needed.
    output
        The name of the units.
    field
        Their receptive field, rows and columns.
    shape
        Of the units at a window of 16x16: channels, rows, columns.

    Examples
    --------
    >>> square = Layer("convolution", ("x",), "y", (torch.ones(2, 1, 5, 5),), kernel=(5, 5))
    >>> found = cut(Layers("x", 1, (square,)))
    >>> found.field, found.shape
    ((5, 5), (2, 12, 12))
    """

    layers: Layers
    output: str
    field: Pair
    shape: tuple[int, int, int]


def fields(network: Layers) -> dict[str, Pair]:
    """Return the receptive field of everything in a network, by name.

    Examples
    --------
    >>> square = Layer("convolution", ("x",), "y", (torch.ones(1, 1, 3, 3),), kernel=(3, 3))
    >>> halves = Layer("pooling", ("y",), "z", kernel=(2, 2), stride=(2, 2))
    >>> again = Layer("convolution", ("z",), "u", (torch.ones(1, 1, 3, 3),), kernel=(3, 3))
    >>> fields(Layers("x", 1, (square, halves, again)))
    {'x': (1, 1), 'y': (3, 3), 'z': (4, 4), 'u': (8, 8)}
    """
    seen, step = {network.entry: (1, 1)}, {network.entry: (1, 1)}
    for x in network.layers:
        size = [max(seen[name][i] for name in x.inputs) for i in range(2)]
        far = [max(step[name][i] for name in x.inputs) for i in range(2)]
        grown = [size[i] + (x.kernel[i] - 1) * x.dilation[i] * far[i] for i in range(2)]
        seen[x.output] = (grown[0], grown[1])
        step[x.output] = (far[0] * x.stride[0], far[1] * x.stride[1])
    return seen


def cut(network: Layers) -> Cut:
    """Cut a network by the rule of this module.

    Raises
    ------
    ValueError
        If a window of 16x16 passes no convolution.

    Examples
    --------
    >>> square = Layer("convolution", ("x",), "y", (torch.ones(1, 1, 9, 9),), kernel=(9, 9))
    >>> again = Layer("convolution", ("y",), "z", (torch.ones(1, 1, 9, 9),), kernel=(9, 9))
    >>> cut(Layers("x", 1, (square, again))).output  # 17x17 does not fit without padding
    'y'
    """
    sizes = fields(network)
    shapes = _shapes(network)
    best, found = math.inf, None
    units: set[str] = set()  # outputs of convolutions, normalised or not
    for x in network.layers:
        if x.kind in ("same", "add") and len(x.inputs) == 1 and x.inputs[0] in units:
            units.add(x.output)  # a bias that stands apart
        if x.kind == "convolution" or (x.kind == "normalisation" and x.inputs[0] in units):
            units.add(x.output)
            apart = sum(abs(math.log(side / SIDE)) for side in sizes[x.output])
            if x.output in shapes and apart <= best + 1e-12:
                best, found = apart, x.output
    if found is None:
        raise ValueError(f"expected a convolution that a window {SIDE}x{SIDE} passes, found none")
    return Cut(network.until(found), found, sizes[found], shapes[found])


def _shapes(network: Layers) -> dict[str, tuple[int, int, int]]:
    """Return channels, rows and columns of what a window of 16x16 reaches, by name."""
    known = {network.entry: torch.zeros(1, network.channels, SIDE, SIDE)}
    for x in network.layers:
        if known.keys() >= set(x.inputs) and _passes(x, known[x.inputs[0]]):
            try:
                known[x.output] = x(*(known[name] for name in x.inputs))
            except RuntimeError:  # planes of different sizes meet: a window is too small for it
                continue
    return {name: (p.shape[1], p.shape[2], p.shape[3]) for name, p in known.items()}


def _passes(layer: Layer, planes: torch.Tensor) -> bool:
    """Return whether planes are at least as large as what a layer looks at, padding counted."""
    if layer.padding == "same":
        return True
    top, left, bottom, right = layer.padding
    rows, columns = planes.shape[2] + top + bottom, planes.shape[3] + left + right
    reach = [(layer.kernel[i] - 1) * layer.dilation[i] + 1 for i in range(2)]
    return rows >= reach[0] and columns >= reach[1]
