"""What a network of any shape attends to: a 256x256 matrix, from its answers to inputs of nothing.

How much the answers of a network change as its input does, its Jacobian ``J`` tells, one row an
answer. The *average gradient outer product*, AGOP, is the mean of ``Jᵀ J`` over inputs: 256x256,
whatever lies in between and in whatever order the answers come (Radhakrishnan et al. 2024). An
encoder ``x W`` has the same Jacobian ``Wᵀ`` at every input, so its AGOP is ``W Wᵀ``, and what reads
that of a model of the zoo can read any network.

No patch is needed, but inputs are: *probes*, which belong to no dataset (:func:`probes`). A network
that PyTorch can differentiate is read by :func:`agop`, exactly; one that can only be run, by
:func:`agop_by_differences`. :func:`as_encoders` gives what an AGOP stands for the shape of a model.

Conventions: windows are float32 ``[n, 256]`` or ``[n, 1, 16, 16]``, patches' range 0..1. A network
is a callable that takes them and gives ``[n, ...]``, each answer from its own window alone: of a
PyTorch module, in evaluation mode.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import vjp

from metanet_lib.representations.functional import LOCALITY
from metanet_lib.representations.probes import noise
from metanet_lib.representations.views import function
from metanet_lib.zoo import CODES, INPUTS

Network = Callable[[Tensor], Tensor]

FAMILIES: dict[str, float] = {"white": 0.0, "pink": 1.0}
"""The probes, and how their amplitude falls with frequency: to the power of this."""
STEP = 1e-2
"""Half the distance of two inputs whose answers are compared, in the patches' range 0..1."""

_AT_ONCE = 128  # windows of which gradients are held at a time
_FEWEST = 1e-6  # share of the largest direction's energy below which one is rounding


def probes(family: str, n: int, seed: int = 0) -> Tensor:
    """Return probes, float32 ``[n, 256]``, in patches' range 0..1.

    White noise favours no frequency; pink noise is smooth, with the spectrum that pictures and
    sounds have on average. Each probe fills a part of the range, between two random limits: the
    range is a whole dataset's, so a patch may be dark, bright or dull, and a unit that is silent
    at every bright probe would not be seen.

    Parameters
    ----------
    family
        Of :data:`FAMILIES`.
    n
        How many.
    seed
        Of the noise.

    Raises
    ------
    ValueError
        If there is no such family.

    Examples
    --------
    >>> windows = probes("pink", 5)
    >>> windows.shape, bool(windows.min() >= 0), bool(windows.max() <= 1)
    (torch.Size([5, 256]), True, True)
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown probes {family!r}; expected one of {', '.join(FAMILIES)}")
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.uniform(size=(2, n, 1)).astype(np.float32), axis=0)
    return torch.from_numpy(low + (high - low) * noise(n, FAMILIES[family], rng))


def agop(network: Network, windows: Tensor) -> Tensor:
    """Return the AGOP of a network ``[256, 256]``, by automatic differentiation.

    One pass backwards for each answer, all windows at once. It can itself be mapped over many
    networks of one shape with ``torch.func.vmap``.

    Parameters
    ----------
    network
        PyTorch operations, windows to answers ``[n, ...]``.
    windows
        The probes, ``[n, 256]`` or as the network takes them, such as ``[n, 1, 16, 16]``.

    Examples
    --------
    >>> weights, windows = torch.from_numpy(encoders[0]), probes("white", 8)
    >>> linear = agop(lambda x: x @ weights, windows)
    >>> bool(torch.allclose(linear, weights @ weights.T, atol=1e-3))
    True
    """
    total = windows.new_zeros(INPUTS, INPUTS)
    for some in windows.split(_AT_ONCE):
        answers, backwards = _backwards(network, some)
        for unit in torch.eye(answers.shape[1]):
            (slopes,) = backwards(unit.expand_as(answers))
            rows = slopes.flatten(1)
            total = total + rows.T @ rows
    return total / len(windows)


@torch.no_grad()
def agop_by_differences(network: Network, windows: Tensor, step: float = STEP) -> Tensor:
    """Return the AGOP of a network ``[256, 256]`` that can only be run, by central differences.

    It is asked about two inputs for each of the 256 numbers of a window. Of a network with kinks,
    such as ReLU, a difference across one is between the slopes on its two sides.

    Parameters
    ----------
    network
        Anything that takes windows and gives ``[n, ...]``.
    windows
        The probes, as in :func:`agop`.
    step
        How far to both sides.

    Examples
    --------
    >>> weights, windows = torch.from_numpy(encoders[0]), probes("white", 2)
    >>> linear = agop_by_differences(lambda x: x @ weights, windows)
    >>> bool(torch.allclose(linear, weights @ weights.T, rtol=1e-2, atol=1e-1))
    True
    """
    each = step * torch.eye(INPUTS).reshape(INPUTS, *windows.shape[1:])
    total = torch.zeros(INPUTS, INPUTS)
    for window in windows:
        higher, lower = (network(window + sign * each).reshape(INPUTS, -1) for sign in (1, -1))
        columns = (higher - lower) / (2 * step)
        total += columns @ columns.T
    return total / len(windows)


def features(network: Network, windows: Tensor, steps: int = 30) -> Tensor:
    """Return inputs that excite the units of a network, less the probes they began as.

    Feature visualisation (paper, section 5.3; Olah et al. 2017): each window climbs towards more of
    one unit, the first to the first and so on round, within 0..1.

    Parameters
    ----------
    network
        PyTorch operations, windows to units ``[n, ...]``.
    windows
        Where to begin, ``[n, 256]``.
    steps
        Each a tenth of a grey level long, on average over the window.

    Examples
    --------
    >>> weights = torch.from_numpy(encoders[0])
    >>> climbed = features(lambda x: x @ weights, probes("pink", 16), steps=2)
    >>> climbed.shape, bool(((climbed * weights.T).sum(1) > 0).all())
    (torch.Size([16, 256]), True)
    """
    x = windows
    for _ in range(steps):
        answers, backwards = _backwards(network, x)
        unit = torch.arange(len(windows)) % answers.shape[1]
        (slope,) = backwards(torch.eye(answers.shape[1])[unit].expand_as(answers))
        length = slope.flatten(1).norm(dim=1).clamp_min(1e-12)
        shape = (-1, *(1 for _ in windows.shape[1:]))
        x = (x + 0.1 * INPUTS**0.5 * slope / length.reshape(shape)).clamp(0, 1)
    return x - windows


def as_encoders(matrices: np.ndarray) -> np.ndarray:
    """Return AGOPs ``[m, 256, 256]`` in the shape of models, float32 ``[m, 256, 16]``.

    The columns are the 16 directions to which a network is most sensitive, each as long as the
    network is sensitive to it: of all ``W``, the one whose ``W Wᵀ`` is nearest to the AGOP. Of a
    network that is sensitive to fewer, the rest is of rounding and says nothing
    (:func:`directions` counts).

    Raises
    ------
    ValueError
        If a matrix has another shape or is not finite.

    Examples
    --------
    >>> grams = encoders @ encoders.transpose(0, 2, 1)
    >>> models = as_encoders(grams)
    >>> bool(np.allclose(models @ models.transpose(0, 2, 1), grams, atol=1e-3))
    True
    """
    energy, vectors = _spectrum(matrices)
    energy = np.maximum(energy, _FEWEST * energy[:, -1:])
    kept = np.sqrt(energy[:, None, : -CODES - 1 : -1]) * vectors[:, :, : -CODES - 1 : -1]
    out: np.ndarray = kept.astype(np.float32)
    return out


def directions(matrices: np.ndarray) -> np.ndarray:
    """Return to how many directions of its windows each network is sensitive, ``[m]``.

    Errors are those of :func:`as_encoders`.

    Examples
    --------
    >>> directions(encoders[:2] @ encoders[:2].transpose(0, 2, 1)).tolist()
    [16, 16]
    """
    energy, _ = _spectrum(matrices)
    count: np.ndarray = (energy > _FEWEST * energy[:, -1:]).sum(1)
    return count


def direction(encoders: np.ndarray) -> np.ndarray:
    """Return what networks do, up to how much, float32 ``[m, 32896]``.

    The first view that the functional code has, less what a network without any preference among
    inputs has, at unit length. What a network keeps of its random start spreads over all inputs
    alike: it shortens the function, and turns it little.

    Parameters
    ----------
    encoders
        ``[m, 256, 16]``.

    Examples
    --------
    >>> vectors = direction(encoders)
    >>> vectors.shape, bool(np.allclose(np.square(vectors).sum(1), 1, atol=1e-4))
    ((24, 32896), True)
    """
    rows, columns = np.triu_indices(INPUTS)
    told = function(encoders, LOCALITY) - np.where(rows == columns, CODES / INPUTS, 0).astype(
        np.float32
    )
    length: np.ndarray = np.linalg.norm(told, axis=1, keepdims=True)
    out: np.ndarray = told / np.maximum(length, 1e-12)
    return out


def _backwards(
    network: Network, windows: Tensor
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]:
    """Return the answers ``[n, a]``, and what takes weights of them to gradients of windows."""
    answers, backwards, *_ = vjp(lambda x: network(x).flatten(1), windows)
    return answers, backwards


def _spectrum(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrices = np.asarray(matrices, np.float64)
    if matrices.ndim != 3 or matrices.shape[1:] != (INPUTS, INPUTS):
        raise ValueError(f"expected AGOPs [m, {INPUTS}, {INPUTS}], found {matrices.shape}")
    if not np.isfinite(matrices).all():
        raise ValueError("expected finite AGOPs; the network answers probes with NaN or infinity")
    return np.linalg.eigh(matrices)
