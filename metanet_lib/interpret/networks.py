"""Read networks of any shape that somebody else trained: by what they answer, not by their weights.

A network needs a place for 16x16 windows; what lies behind it is its own affair. It is given as

- an ONNX file, which is run by onnxruntime (an optional extra) and asked about small differences;
- ``package.module:function``, of which the function returns a PyTorch module. It is imported, so
  its code runs, and only because the user names it. Its gradients are taken.

Its average gradient outer product (:mod:`metanet_lib.representations.gradients`) then has the shape
of a model. No other file is opened that could hold code: a pickle is never one of a network.
"""

import importlib
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from metanet_lib.metanetwork import SIDE
from metanet_lib.representations.gradients import (
    Network,
    agop,
    agop_by_differences,
    as_encoders,
    directions,
    probes,
)
from metanet_lib.zoo import CODES, INPUTS

PROBES = 64
"""White probes at which a network is read."""
LARGEST = 500 * 2**20
"""Bytes of an ONNX file, at most."""
MOST_ANSWERS = 65_536
"""Numbers that a network may answer to one window."""

_NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class ReadNetwork:
    """A network as it was read.

    Attributes
    ----------
    source
        The file, or the function.
    window
        The shape in which it took windows.
    way
        ``differentiated`` or ``by differences``.
    answers
        How many numbers it answers to a window; all are read.
    directions
        To how many directions of the window they are sensitive.
    encoder
        The network in the shape of a model, float32 ``[256, 16]``.

    Examples
    --------
    >>> net = ReadNetwork("my.net:make", (256,), "differentiated", 10, 10, encoders[0])
    >>> print(net)
    my.net:make, differentiated: 10 answers to 64 white probes of 256; sensitive to 10 directions \
(fewer than 16: its votes mean less)
    """

    source: str
    window: tuple[int, ...]
    way: str
    answers: int
    directions: int
    encoder: np.ndarray

    def __str__(self) -> str:
        few = f" (fewer than {CODES}: its votes mean less)" if self.directions < CODES else ""
        return (
            f"{self.source}, {self.way}: {self.answers:,} answers to {PROBES} white probes of "
            f"{'x'.join(map(str, self.window))}; sensitive to {self.directions} directions{few}"
        )


def is_network(source: str) -> bool:
    """Return whether this names a network and not a file of weights.

    Examples
    --------
    >>> [is_network(source) for source in ("net.onnx", "my.net:make", "encoder.npy")]
    [True, True, False]
    """
    return source.endswith(".onnx") or bool(_NAMED.fullmatch(source))


def read_network(source: str, window: Sequence[int] = (1, SIDE, SIDE)) -> ReadNetwork:
    """Read a network by its gradients at probes.

    Parameters
    ----------
    source
        An ONNX file, or ``package.module:function``.
    window
        The shape of its input without the axis that counts windows: ``(256,)``, ``(16, 16)``, or
        with an axis of channels, before or after, in each of which the grey window is repeated.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the window has no place for 16x16 numbers, the network none for the window, onnxruntime
        is missing, the file is too large or no ONNX model, the function makes no PyTorch module, or
        the answers are too many, not finite or blind to the window.

    Examples
    --------
    >>> _ = (folder / "mynet.py").write_text('''from torch import nn
    ... def make():
    ...     return nn.Linear(256, 20)
    ... ''')
    >>> sys.path.insert(0, str(folder))
    >>> read_network("mynet:make", (256,)).directions
    20
    """
    shape = _checked_window(window)
    named = bool(_NAMED.fullmatch(source)) and not source.endswith(".onnx")
    network = _module(source) if named else _onnx(Path(source))

    def placed(windows: Tensor) -> Tensor:
        return network(_placed(windows, shape)).flatten(1)

    windows = probes("white", PROBES)
    count = _answers(source, placed, windows[:1], shape)
    way, matrix = "by differences", None
    if named and count <= INPUTS:
        with suppress(RuntimeError, NotImplementedError):  # what it is made of has no derivative
            matrix, way = agop(placed, windows).detach(), "differentiated"
    if matrix is None:
        matrix = agop_by_differences(placed, windows)
    try:
        found = int(directions(matrix[None].numpy())[0])
        encoder = as_encoders(matrix[None].numpy())[0]
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    if not found:
        raise ValueError(
            f"{source}: expected answers that depend on the window, found the same for all "
            f"{PROBES} probes, which are between 0 and 1; does it take another range?"
        )
    return ReadNetwork(source, shape, way, count, found, encoder)


def _checked_window(window: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(window)
    sides = [i for i in range(len(shape) - 1) if shape[i : i + 2] == (SIDE, SIDE)]
    flat = shape == (INPUTS,)
    channels = len(shape) == 3 and len(sides) == 1 and min(shape) > 0
    if not (flat or shape == (SIDE, SIDE) or channels):
        raise ValueError(
            "expected a window 256, 16,16, or with channels 1,16,16 or 16,16,1, found "
            f"{','.join(map(str, shape))}: no place for 16x16 windows"
        )
    return shape


def _placed(windows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Put windows ``[n, 256]`` in the shape that a network takes, grey in every channel."""
    if len(shape) < 3:
        return windows.reshape(-1, *shape)
    last = shape[:2] == (SIDE, SIDE)
    grey = windows.reshape(-1, SIDE, SIDE, 1) if last else windows.reshape(-1, 1, SIDE, SIDE)
    return grey.expand(-1, *shape)


def _answers(source: str, network: Network, window: Tensor, shape: tuple[int, ...]) -> int:
    """Return how many answers there are to one window."""
    try:
        with torch.no_grad():
            count = network(window).shape[1]
    except Exception as error:  # of whatever kind: the network decides
        raise ValueError(
            f"{source}: expected a network with a place for windows [n, "
            f"{', '.join(map(str, shape))}], found one that refuses them ({error}); --window gives "
            "the shape of its input"
        ) from error
    if count > MOST_ANSWERS:
        raise ValueError(
            f"{source}: expected at most {MOST_ANSWERS:,} answers to a window, found {count:,}; "
            "cut the network at an earlier layer"
        )
    return count


def _module(source: str) -> Network:
    """Import a function that the user names, and return the PyTorch module that it makes."""
    module, _, function = source.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` has it: what lies in this folder can be named
    try:
        made = getattr(importlib.import_module(module), function)()
    except Exception as error:  # of whatever kind: it is their code
        raise ValueError(
            f"{source}: expected a function that makes a network, found one that does not "
            f"({type(error).__name__}: {error})"
        ) from error
    if not isinstance(made, nn.Module):
        raise ValueError(
            f"{source}: expected a function that returns a torch.nn.Module, found "
            f"{type(made).__name__}"
        )
    return made.eval().requires_grad_(False)


def _onnx(path: Path) -> Network:
    """Return what runs an ONNX file, a few windows at a time."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected an ONNX model")
    if path.stat().st_size > LARGEST:
        raise ValueError(
            f"{path}: expected at most {LARGEST:,} bytes, found {path.stat().st_size:,}; cut the "
            "network at an earlier layer"
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            f"{path}: reading it needs onnxruntime, which is not installed; "
            "`pip install onnxruntime`, or the extra `onnx` of metanet_lib"
        ) from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its own kinds, which are not exported
        raise ValueError(f"{path}: expected an ONNX model, found none ({error})") from error
    first, *more = session.get_inputs()
    if more:
        raise ValueError(f"{path}: expected a network of one input, found {1 + len(more)}")
    alone = first.shape[:1] == [1]

    def answers(windows: Tensor) -> Tensor:
        given = windows.contiguous().numpy()
        parts = np.split(given, len(given)) if alone else [given]
        out = [session.run(None, {first.name: part})[0] for part in parts]
        return torch.from_numpy(np.concatenate(out).astype(np.float32))

    return answers
