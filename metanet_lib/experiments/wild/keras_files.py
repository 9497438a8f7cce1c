"""Keras files (HDF5) as layers.

Such a file holds arrays, and a text that names the layers and how they are linked. Of the layers,
those that stand in the listed networks are known. A ``Lambda`` holds code, which is never run: the
one that is listed is known by its name, ``clipped_relu``, and is 0 to 20 by its author's own text.

Needs the package ``h5py`` (the extra ``wild``).
"""

import io
import json
import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanet_lib.experiments.wild.layers import Layer, Layers, beginning

_ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "linear": "same"}
_CLIPPED = re.compile(r"clipped_relu_\d+")
_PLAIN = ("InputLayer", "Dropout", "SpatialDropout2D")


def read_keras(content: bytes) -> Layers:
    """Translate a Keras file, from its first two-dimensional convolution on.

    Raises
    ------
    ValueError
        If it is no such file, does not tell its layers, or has no such convolution; or if the
        package ``h5py`` is missing.

    Examples
    --------
    >>> read_keras(b"no model")
    Traceback (most recent call last):
    ValueError: ...
    """
    try:
        import h5py
    except ImportError as error:
        raise ValueError("Keras files need the package h5py; `make wild` installs it") from error
    try:
        file = h5py.File(io.BytesIO(content), "r")
    except OSError as error:
        raise ValueError(f"expected an HDF5 file, found another ({error})") from error
    with file:
        if "model_config" not in file.attrs or "model_weights" not in file:
            raise ValueError("expected a Keras network with its layers, found none")
        told = json.loads(file.attrs["model_config"])["config"]
        listed = told["layers"] if isinstance(told, dict) else told
        weights = {x["config"]["name"]: _weights(file["model_weights"], x["config"]["name"])
                   for x in listed if x["config"].get("name") in file["model_weights"]}  # fmt: skip
    layers: list[Layer] = []
    before = "input"
    for x in listed:
        name = x["config"]["name"]
        linked = [str(link[0]) for link in (x.get("inbound_nodes") or [[]])[0]]
        inputs = tuple(linked or ([] if x["class_name"] == "InputLayer" else [before]))
        layers += _layers(x["class_name"], x["config"], inputs, weights.get(name, {}))
        before = name
    return beginning(layers)


def _weights(group: Any, layer: str) -> dict[str, Tensor]:
    """Return the arrays of a layer by the end of their names, such as ``kernel``."""
    found: dict[str, Tensor] = {}

    def visit(name: str, item: Any) -> None:
        if hasattr(item, "shape"):
            found[name.split("/")[-1].removesuffix(":0")] = torch.tensor(
                np.asarray(item), dtype=torch.float32
            )

    group[layer].visititems(visit)
    return found


def _layers(
    kind: str, config: dict[str, Any], inputs: tuple[str, ...], w: dict[str, Tensor]
) -> list[Layer]:
    """Translate one layer of Keras, maybe to several; to none if it is not known."""
    name = config["name"]
    activation = _ACTIVATIONS.get(config.get("activation", "linear"))
    planes = config.get("data_format", "channels_last") == "channels_last"
    if not inputs or activation is None or not planes:
        return []
    if kind == "Conv2D":
        tensors = (w["kernel"].permute(3, 2, 0, 1), *([w["bias"]] if "bias" in w else []))
        inner = Layer("convolution", inputs, f"{name}/units", tensors, **_geometry(config))
        return [inner, Layer(activation, (inner.output,), name)]
    if kind == "SeparableConv2D":
        deep = w["depthwise_kernel"].permute(2, 3, 0, 1).flatten(0, 1)[:, None]
        each = Layer("convolution", inputs, f"{name}/each", (deep,), **_geometry(config),
                     groups=w["depthwise_kernel"].shape[2])  # fmt: skip
        tensors = (w["pointwise_kernel"].permute(3, 2, 0, 1), *([w["bias"]] if "bias" in w else []))
        mixed = Layer("convolution", (each.output,), f"{name}/units", tensors)
        return [each, mixed, Layer(activation, (mixed.output,), name)]
    if kind == "BatchNormalization":
        scale = (w["moving_variance"] + config["epsilon"]).rsqrt()
        scale = scale * w["gamma"] if "gamma" in w else scale
        shift = w.get("beta", torch.zeros_like(scale)) - w["moving_mean"] * scale
        return [Layer("normalisation", inputs, name, (scale, shift))]
    if kind == "MaxPooling2D":
        return [Layer("pooling", inputs, name, **_geometry(config))]
    if kind == "Activation":
        return [Layer(activation, inputs, name)]
    if kind == "Lambda" and _CLIPPED.fullmatch(name):
        return [Layer("limits", inputs, name, numbers=(0.0, 20.0))]
    if kind == "Add" and len(inputs) == 2:
        return [Layer("add", inputs, name)]
    return [Layer("same", inputs, name)] if kind in _PLAIN else []


def _geometry(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "kernel": tuple(config.get("kernel_size") or config["pool_size"]),
        "stride": tuple(config["strides"]),
        "dilation": tuple(config.get("dilation_rate", (1, 1))),
        "padding": "same" if config["padding"] == "same" else (0, 0, 0, 0),
    }
