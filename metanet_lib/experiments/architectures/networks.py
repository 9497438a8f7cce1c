"""The other architectures: what else one might train on the same patches.

Each is an *encoder*, windows ``[n, 256]`` to *units* ``[n, u]`` before their activation, and a
*head*, units to answers: 256 numbers, the patch again, or one, whether the patch is of the
network's dataset. All are small; none is of the zoo's shape but the first, which stands beside
them to tell what of a difference the shape makes, and what another training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from metanet_lib.metanetwork import SIDE, initialise
from metanet_lib.zoo import CODES, INPUTS

Duty = Literal["rebuild", "denoise", "classify"]

START = 0.1
"""Size of the first layer's random start, in Glorot's: what is learned shows sooner beside it."""


@dataclass(frozen=True)
class Architecture:
    """A shape of network and what it is trained to do.

    Attributes
    ----------
    name
        As the tables have it.
    title
        As the pages have it.
    build
        Makes one: an encoder and a head.
    duty
        ``rebuild`` the patch, rebuild it where noise lies on it (``denoise``), or ``classify``
        patches of the dataset against those of others.

    Examples
    --------
    >>> network = ARCHITECTURES["tanh"].network()
    >>> network.units(torch.rand(5, 256)).shape, network(torch.rand(5, 256)).shape
    (torch.Size([5, 16]), torch.Size([5, 256]))
    """

    name: str
    title: str
    build: Callable[[], tuple[nn.Module, nn.Module]]
    duty: Duty = "rebuild"

    def network(self, seed: int = 0) -> "EncoderAndHead":
        """Return one with random weights; the global random state is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            network = EncoderAndHead(*self.build())
        initialise(network, torch.Generator().manual_seed(seed))
        first = next(p for p in network.encoder.parameters() if p.dim() > 1 and len(p) > 1)
        with torch.no_grad():
            first.mul_(START)
        return network


class EncoderAndHead(nn.Module):
    """An encoder, whose units are read, and a head.

    Examples
    --------
    >>> EncoderAndHead(nn.Linear(256, 16), nn.Linear(16, 1))(torch.rand(3, 256)).shape
    torch.Size([3, 1])
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def units(self, windows: Tensor) -> Tensor:
        """Return the units ``[n, u]`` of windows ``[n, 256]``."""
        out: Tensor = self.encoder(windows)
        return out

    def forward(self, windows: Tensor) -> Tensor:
        """Return the answers ``[n, 256]`` or ``[n, 1]``."""
        out: Tensor = self.head(self.encoder(windows))
        return out


class Attention(nn.Module):
    """A block of a transformer on tokens ``[n, t, width]`` (Dosovitskiy et al. 2021, smaller).

    Examples
    --------
    >>> Attention(8, heads=2)(torch.rand(3, 16, 8)).shape
    torch.Size([3, 16, 8])
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.three, self.one = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.each = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        n, t, width = tokens.shape
        parts = self.three(self.before(tokens)).reshape(n, t, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2) / key.shape[-1] ** 0.5).softmax(-1)
        tokens = tokens + self.one((weights @ value).transpose(1, 2).reshape(n, t, width))
        out: Tensor = tokens + self.each(self.between(tokens))
        return out


class Tokens(nn.Module):
    """Windows ``[n, 256]`` to tokens ``[n, 4, width]``: one for each 8x8 square, with its place.

    Examples
    --------
    >>> Tokens(8)(torch.rand(3, 256)).shape
    torch.Size([3, 4, 8])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.square = nn.Linear(64, width)
        self.place = nn.Parameter(0.1 * torch.randn(4, width))

    def forward(self, windows: Tensor) -> Tensor:
        """Return the tokens."""
        squares = windows.reshape(-1, 2, 8, 2, 8).transpose(2, 3).reshape(-1, 4, 64)
        out: Tensor = self.square(squares) + self.place
        return out


def student(answers: int) -> Architecture:
    """Return the canonical form of a network with so many answers: the zoo's encoder, and a head.

    Examples
    --------
    >>> student(1).network()(torch.rand(3, 256)).shape
    torch.Size([3, 1])
    """
    return Architecture("student", "the canonical form", partial(_zoos, answers))


def _zoos(answers: int = INPUTS) -> tuple[nn.Module, nn.Module]:
    encoder = nn.Sequential(nn.Linear(INPUTS, CODES, bias=False), nn.BatchNorm1d(CODES))
    return encoder, _head(nn.ReLU, CODES, answers)


def _plain() -> tuple[nn.Module, nn.Module]:
    return nn.Linear(INPUTS, CODES), _head(nn.LeakyReLU, CODES)


def _deep() -> tuple[nn.Module, nn.Module]:
    return _dense(nn.GELU, INPUTS, 64, 32, CODES), _head(nn.GELU, CODES)


def _wide() -> tuple[nn.Module, nn.Module]:
    return nn.Sequential(nn.Linear(INPUTS, 64), nn.BatchNorm1d(64)), _head(nn.ReLU, 64)


def _tanh() -> tuple[nn.Module, nn.Module]:
    return _dense(nn.Tanh, INPUTS, 64, CODES), _head(nn.Tanh, CODES)


def _normed() -> tuple[nn.Module, nn.Module]:
    encoder = nn.Sequential(nn.Linear(INPUTS, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 32))
    return encoder, _head(nn.GELU, 32)


def _convolutional() -> tuple[nn.Module, nn.Module]:
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
        nn.Conv2d(1, 16, 4, stride=4),
        nn.GELU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(16 * SIDE, CODES),
    )
    return encoder, _head(nn.GELU, CODES)


def _transformer() -> tuple[nn.Module, nn.Module]:
    width = 32
    encoder = nn.Sequential(
        Tokens(width), Attention(width, heads=2), nn.Flatten(), nn.Linear(4 * width, CODES)
    )
    return encoder, _head(nn.GELU, CODES)


def _classifier() -> tuple[nn.Module, nn.Module]:
    return _dense(nn.GELU, INPUTS, 64, 32), _head(nn.GELU, 32, 1)


def _dense(activation: type[nn.Module], *widths: int) -> nn.Module:
    """Return dense layers with activations between them."""
    pairs = [(nn.Linear(ins, outs), activation()) for ins, outs in pairwise(widths)]
    return nn.Sequential(*[*chain.from_iterable(pairs)][:-1])


def _head(activation: type[nn.Module], units: int, answers: int = INPUTS) -> nn.Module:
    return nn.Sequential(activation(), nn.Linear(units, answers))


ARCHITECTURES: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture("zoo", "the zoo's, trained here", _zoos),
        Architecture("plain", "leaky ReLU, no batch normalisation", _plain),
        Architecture("deep", "deeper, 256-64-32-16", _deep),
        Architecture("wide", "wider, 256-64", _wide),
        Architecture("tanh", "tanh, 256-64-16", _tanh),
        Architecture("normed", "GELU and layer normalisation, 256-32", _normed),
        Architecture("convolutional", "convolutional", _convolutional),
        Architecture("transformer", "vision transformer", _transformer),
        Architecture("denoiser", "denoiser, 256-16", _plain, "denoise"),
        Architecture("classifier", "classifier, 256-64-32-1", _classifier, "classify"),
    )
}
"""All that are trained, by name; the first is of the zoo's own shape."""
