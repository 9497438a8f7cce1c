"""ONNX files as layers.

An ONNX file is a graph of operations of known names, with its constants. It is only parsed; what
it says is translated, operation by operation. One that is not known here ends what can be read
behind it, which is no matter as long as the cut lies before it.

Needs the package ``onnx`` (the extra ``wild``).
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from metanet_lib.experiments.wild.layers import Layer, Layers, Padding, beginning

if TYPE_CHECKING:
    import onnx

_ONE_TO_ONE = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard swish",
    "Identity": "same",
    "Dropout": "same",
    "Concat": "join",
}
_WITH_CONSTANT = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Max": "larger"}


def read_onnx(content: bytes) -> Layers:
    """Translate an ONNX file, from its first two-dimensional convolution on.

    Raises
    ------
    ValueError
        If it is no ONNX file, keeps its weights elsewhere, or has no such convolution; or if the
        package ``onnx`` is missing.

    Examples
    --------
    >>> read_onnx(b"no model")
    Traceback (most recent call last):
    ValueError: ...
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ValueError("ONNX files need the package onnx; `make wild` installs it") from error
    try:
        graph = onnx.load_model_from_string(content).graph
    except DecodeError as error:
        raise ValueError(f"expected an ONNX file, found another ({error})") from error
    constants = _constants(graph)
    layers = []
    for node in graph.node:
        layer = _layer(node, constants)
        if layer is not None:
            layers.append(layer)
    return beginning(layers)


def _constants(graph: "onnx.GraphProto") -> dict[str, Tensor]:
    """Return all constants of a graph by name."""
    from onnx import TensorProto, numpy_helper

    protos = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            given = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            protos |= dict(zip(node.output, given, strict=False))
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in protos.values()):
        raise ValueError("expected the weights in the file, found that they lie in another")
    found = {}
    for name, tensor in protos.items():
        if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE):
            found[name] = torch.tensor(numpy_helper.to_array(tensor), dtype=torch.float32)
    return found


def _layer(node: "onnx.NodeProto", constants: dict[str, Tensor]) -> Layer | None:
    """Translate one operation, if it is known and its weights are constants."""
    a = {x.name: _value(x) for x in node.attribute}
    planes = tuple(name for name in node.input if name and name not in constants)
    given = tuple(constants[name] for name in node.input if name in constants)
    kind, output = node.op_type, node.output[0]
    if not planes:
        return None
    if kind == "Conv" and len(planes) == 1 and given[0].dim() == 4:
        kernel = given[0].shape[2:]
        groups = a.get("group", 1)
        return Layer("convolution", planes, output, given, **_geometry(a, kernel), groups=groups)
    if kind in ("MaxPool", "AveragePool"):
        pads = a.get("pads", [0, 0, 0, 0])
        if kind == "AveragePool" and any(pads) and not a.get("count_include_pad"):
            return None
        name = "pooling" if kind == "MaxPool" else "mean pooling"
        roof = bool(a.get("ceil_mode", 0))
        return Layer(name, planes, output, **_geometry(a, a["kernel_shape"]), roof=roof)
    if kind == "BatchNormalization" and len(given) == 4:
        scale, shift, mean, variance = given
        scale = scale / (variance + a.get("epsilon", 1e-5)).sqrt()
        return Layer("normalisation", planes, output, (scale, shift - mean * scale))
    if kind == "LeakyRelu":
        return Layer("leaky", planes, output, numbers=(a.get("alpha", 0.01),))
    if kind == "PRelu" and len(given) == 1:
        return Layer("parametric", planes, output, given)
    if kind == "HardSigmoid":
        line = (a.get("alpha", 0.2), a.get("beta", 0.5))
        return Layer("hard sigmoid", planes, output, numbers=line)
    if kind == "Clip" and len(given) == 2:
        return Layer("limits", planes, output, numbers=(float(given[0]), float(given[1])))
    if kind == "Clip" and "min" in a and "max" in a:
        return Layer("limits", planes, output, numbers=(a["min"], a["max"]))
    if kind == "Div" and node.input[0] == planes[0] and len(given) == 1:
        return Layer("multiply", planes, output, (1 / given[0],))
    if kind == "Concat" and a.get("axis") != 1:
        return None
    if kind in _ONE_TO_ONE:
        return Layer(_ONE_TO_ONE[kind], planes, output)
    if kind in _WITH_CONSTANT and len(planes) + len(given) == 2:
        if kind == "Sub" and node.input[0] != planes[0]:
            return None
        return Layer(_WITH_CONSTANT[kind], planes, output, given)
    return None


def _geometry(a: dict[str, Any], kernel: Any) -> dict[str, Any]:
    padding: Padding = tuple(a.get("pads", [0, 0, 0, 0]))
    if a.get("auto_pad", b"NOTSET") == b"SAME_UPPER":
        padding = "same"
    return {
        "kernel": tuple(kernel),
        "stride": tuple(a.get("strides", [1, 1])),
        "dilation": tuple(a.get("dilations", [1, 1])),
        "padding": padding,
    }


def _value(attribute: "onnx.AttributeProto") -> Any:
    from onnx import helper

    return helper.get_attribute_value(attribute)
