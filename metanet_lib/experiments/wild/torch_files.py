"""PyTorch files as layers.

Such a file holds tensors by name and does not say how they are linked. So the first layers of each
listed network stand here, in :data:`CHAINS`, as its author's text describes them: the facts, none
of the code. Files are opened with ``weights_only``: one that holds more than tensors is refused.
"""

import io
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from metanet_lib.experiments.wild.layers import Layer, Layers, Padding, Pair, beginning

Maker = Callable[[str, str, Mapping[str, Tensor]], list[Layer]]
"""Makes layers between two names, with the tensors of a file."""

_EPSILON = 1e-5  # of batch normalisation, PyTorch's own


def read_torch(content: bytes, chain: str) -> Layers:
    """Link the tensors of a PyTorch file by a chain, from its first convolution on.

    Parameters
    ----------
    content
        The file.
    chain
        Of :data:`CHAINS`.

    Raises
    ------
    ValueError
        If there is no such chain, if the file holds more than tensors, or if it lacks one that the
        chain names.

    Examples
    --------
    >>> weights, file = {"conv1.weight": torch.ones(10, 3, 3, 3)}, io.BytesIO()
    >>> torch.save(weights, file)
    >>> read_torch(file.getvalue(), "facenet P-net")
    Traceback (most recent call last):
    ValueError: expected a tensor conv1.bias, which the chain 'facenet P-net' names, found none
    """
    if chain not in CHAINS:
        raise ValueError(f"unknown chain {chain!r}; expected one of {', '.join(CHAINS)}")
    try:
        stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # of whatever kind: what the file holds decides
        raise ValueError(
            "expected tensors by name, found a file that is cut short or holds more, which is not "
            "opened: a pickle can run code"
        ) from error
    tensors = dict(_flat(stored))
    layers: list[Layer] = []
    try:
        for i, make in enumerate(CHAINS[chain]):
            layers += make(str(i), str(i + 1), tensors)
    except KeyError as error:
        raise ValueError(
            f"expected a tensor {error.args[0]}, which the chain {chain!r} names, found none"
        ) from error
    return beginning(layers)


def _flat(stored: object, name: str = "") -> list[tuple[str, Tensor]]:
    if isinstance(stored, Tensor):
        return [(name, stored.float())]
    parts = stored.items() if isinstance(stored, Mapping) else ()
    return [found for key, value in parts for found in _flat(value, f"{name}.{key}".lstrip("."))]


# --- The makers -------------------------------------------------------------------------------


def _conv(
    name: str,
    stride: int | Pair = 1,
    padding: int | Padding = 0,
    groups: int = 1,
    bias: bool = True,
) -> Maker:
    steps = (stride, stride) if isinstance(stride, int) else stride
    around = (padding,) * 4 if isinstance(padding, int) else padding

    def make(before: str, after: str, tensors: Mapping[str, Tensor]) -> list[Layer]:
        given = [tensors[f"{name}.{part}"] for part in (["weight", "bias"] if bias else ["weight"])]
        layer = Layer(
            "convolution",
            (before,),
            after,
            tuple(given),
            kernel=(given[0].shape[2], given[0].shape[3]),
            stride=steps,
            padding=around,
            groups=groups,
        )
        return [layer]

    return make


def _norm(name: str) -> Maker:
    def make(before: str, after: str, tensors: Mapping[str, Tensor]) -> list[Layer]:
        scale = tensors[f"{name}.weight"] * (tensors[f"{name}.running_var"] + _EPSILON).rsqrt()
        shift = tensors[f"{name}.bias"] - tensors[f"{name}.running_mean"] * scale
        return [Layer("normalisation", (before,), after, (scale, shift))]

    return make


def _plain(kind: str, *numbers: float) -> Maker:
    return lambda before, after, tensors: [Layer(kind, (before,), after, numbers=numbers)]


def _prelu(name: str) -> Maker:
    return lambda before, after, tensors: [
        Layer("parametric", (before,), after, (tensors[f"{name}.weight"],))
    ]


def _pool(kernel: int, stride: int, roof: bool = False) -> Maker:
    return lambda before, after, tensors: [
        Layer("pooling", (before,), after, (), (kernel, kernel), (stride, stride), roof=roof)
    ]


def _add(earlier: int) -> Maker:
    """Add what came before the layer of this number."""
    return lambda before, after, tensors: [Layer("add", (before, str(earlier)), after)]


# --- The chains -------------------------------------------------------------------------------


def _double(name: str) -> list[Maker]:
    """Two convolutions of a U-net."""
    return [
        _conv(f"{name}.0", padding=1),
        _norm(f"{name}.1"),
        _plain("relu"),
        _conv(f"{name}.3", padding=1),
        _norm(f"{name}.4"),
        _plain("relu"),
    ]


def _inverted(name: str, stride: int, groups: int, first: int = 0) -> list[Maker]:
    """Return a block of a MobileNet: it widens unless ``first`` is 3, filters, and narrows."""
    widen = [
        _conv(f"{name}.0", bias=False),
        _norm(f"{name}.1"),
        _plain("limits", 0, 6),
    ]
    rest = [
        _conv(f"{name}.{3 - first}", stride, 1, groups, bias=False),
        _norm(f"{name}.{4 - first}"),
        _plain("limits", 0, 6),
        _conv(f"{name}.{6 - first}", bias=False),
        _norm(f"{name}.{7 - first}"),
    ]
    return rest if first else widen + rest


def _mobilenet() -> list[Maker]:
    chain = [
        _conv("features.0.0", 2, 1, bias=False),
        _norm("features.0.1"),
        _plain("limits", 0, 6),
        *_inverted("features.1.conv", 1, 32, first=3),
        *_inverted("features.2.conv", 2, 96),
    ]
    earlier = len(chain)
    chain += [*_inverted("features.3.conv", 1, 144), _add(earlier)]
    return [*chain, *_inverted("features.4.conv", 2, 144)]


def _causal(
    name: str, parts: tuple[str, str, str], stride: int, above: int, below: int, first: bool = False
) -> list[Maker]:
    """Return a block of DeepFilterNet; time is padded above and below, bands on both sides."""
    deep, mixed, norm = (f"{name}.{part}" for part in parts)
    each = _conv(deep, (1, stride), (above, 1, below, 1), 1 if first else 64, bias=False)
    across = [] if first else [_conv(mixed, bias=False)]
    return [each, *across, _norm(norm), _plain("relu")]


_FIRST, _SECOND = ("sconv", "1x1conv", "norm"), ("0", "1", "2")

CHAINS: dict[str, list[Maker]] = {
    "facenet P-net": [
        _conv("conv1"),
        _prelu("prelu1"),
        _pool(2, 2, roof=True),
        _conv("conv2"),
        _prelu("prelu2"),
        _conv("conv3"),
    ],
    "facenet R- and O-net": [
        _conv("conv1"),
        _prelu("prelu1"),
        _pool(3, 2, roof=True),
        _conv("conv2"),
        _prelu("prelu2"),
        _pool(3, 2, roof=True),
        _conv("conv3"),
    ],
    "deepCR mask": [
        *_double("module.inc.conv.conv"),
        _pool(2, 2),
        *_double("module.down1.mpconv.1.conv"),
    ],
    "deep-sort MobileNetV2": _mobilenet(),
    "DeepFilterNet": [
        *_causal("enc.erb_conv0", _FIRST, 1, 0, 1, first=True),
        *_causal("enc.erb_conv1", _FIRST, 2, 0, 1),
        *_causal("enc.erb_conv2", _FIRST, 2, 1, 0),
        *_causal("enc.erb_conv3", _FIRST, 1, 1, 0),
    ],
    "DeepFilterNet2": [
        *_causal("enc.erb_conv0", ("1", "", "2"), 1, 2, 0, first=True),
        *_causal("enc.erb_conv1", _SECOND, 2, 0, 0),
        *_causal("enc.erb_conv2", _SECOND, 2, 0, 0),
        *_causal("enc.erb_conv3", _SECOND, 1, 0, 0),
    ],
    "distillmos": [
        _conv("model.cnn.cnn.0", 1, (0, 1, 0, 1)),
        _plain("leaky", 0.1),
        _conv("model.cnn.cnn.2", (2, 1), (0, 1, 0, 1)),
        _plain("leaky", 0.1),
        _conv("model.cnn.cnn.4", (2, 1), (0, 1, 0, 1)),
        _plain("leaky", 0.1),
        _conv("model.cnn.cnn.6", (2, 1), (0, 1, 0, 1)),
        _plain("leaky", 0.1),
        _conv("model.cnn.cnn.8", (2, 1), (0, 1, 0, 1)),
    ],
}
"""The first layers of each listed network, by the name that ``wild/networks.csv`` gives them."""
