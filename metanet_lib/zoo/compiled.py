"""The training step of a population on a CPU, compiled by numba.

It computes what :class:`~metanet_lib.zoo.population.TensorStep` computes, with the same two wide
products. What lies between them is a dozen passes over the batch as tensor operations; here each
model's rows are read while they are in the cache.
"""

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from metanet_lib.data.bank import Bank
from metanet_lib.zoo.model import CODES, INPUTS, ZooParameters
from metanet_lib.zoo.stack import Stack

Floats = NDArray[np.float32]
f32 = np.float32

_EXACT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_FAST = {**_EXACT, "fastmath": {"reassoc", "contract", "arcp", "nsz"}}  # sums in any order


class CompiledStep:
    """One training step of a population, in buffers that are allocated once.

    Parameters
    ----------
    stack
        The models, on the CPU; changed in place.
    p
        How to train.
    bank
        The patches.

    Examples
    --------
    >>> from metanet_lib.zoo import ModelSeed
    >>> stack = Stack([ModelSeed(0, "v:aer", i) for i in range(2)])
    >>> step = CompiledStep(stack, ZooParameters(batch_size=8), Bank.of(torch.rand(64, 256)))
    >>> step(torch.arange(16, dtype=torch.int32).view(2, 8), watch=True)
    >>> step.loss().shape
    torch.Size([2])
    """

    def __init__(self, stack: Stack, p: ZooParameters, bank: Bank) -> None:
        self._weights = stack.weights
        m, b = len(self._weights), p.batch_size
        normalisation = ("scale", "shift", "running_mean", "running_var")
        self._units = [getattr(stack, name).view(m, CODES).numpy() for name in normalisation]
        low, high = bank.limits
        self._windows = bank.windows.numpy()
        self._low, self._inverse = low.numpy(), (1 / (high - low)).numpy()
        self._x = torch.empty(m, b, INPUTS)
        self._products = torch.empty(m, 2 * CODES, b)
        self._left = torch.ones(m, 2 * CODES + 1, b)  # the last row is the code that is always 1
        self._normal = np.empty((m, CODES, b), f32)
        self._d_weights = torch.empty_like(self._weights)
        self._d_units = np.empty((m, 2, CODES), f32)
        self._moments = np.zeros((2, *self._weights.shape), f32)
        self._unit_moments = np.zeros((2, m, 2, CODES), f32)
        self._steps = 0
        self._settings = f32(p.batch_norm_momentum), f32(p.batch_norm_epsilon)
        self._learning_rate, self._epsilon = p.learning_rate, f32(p.adam_epsilon)
        self._betas = p.adam_betas

    def __call__(self, windows: Tensor, watch: bool = False) -> None:
        """Make one step on these windows of the bank, int32 ``[m, batch_size]``."""
        x, weights, left = self._x.numpy(), self._weights.numpy(), self._left.numpy()
        _gather(self._windows, self._low, self._inverse, windows.numpy(), x)
        torch.bmm(self._weights[:, : 2 * CODES], self._x.transpose(1, 2), out=self._products)
        _between(
            self._products.numpy(),
            weights,
            *self._units,
            *self._settings,
            left,
            self._normal,
            self._d_units,
        )
        if watch:
            codes, decoder = self._left[:, CODES:], self._weights[:, CODES:]
            self._loss = torch.baddbmm(self._x, codes.transpose(1, 2), decoder, beta=-1)
        torch.bmm(self._left, self._x, out=self._d_weights)
        self._steps += 1
        beta_1, beta_2 = self._betas
        _adam(
            weights,
            *self._units[:2],
            left,
            self._d_weights.numpy(),
            self._d_units,
            self._moments,
            self._unit_moments,
            f32(self._learning_rate / (1 - beta_1**self._steps)),
            f32(1 / np.sqrt(1 - beta_2**self._steps)),
            self._epsilon,
            (f32(1 - beta_1), f32(beta_2), f32(1 - beta_2)),
        )

    def loss(self) -> Tensor:
        """Return the loss ``[m]`` of the last watched step's batch, before that step."""
        return self._loss.square().mean((1, 2))


@njit(**_EXACT)  # type: ignore[untyped-decorator]
def _gather(
    windows: NDArray[Any], low: Floats, inverse: Floats, rows: NDArray[np.int32], x: Floats
) -> None:
    """Write windows ``rows [m, b]``, normalised, into ``x [m, b, 256]``."""
    one_scope = len(low) == 1
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            row = rows[i, j]
            scope = 0 if one_scope else row
            least, factor = low[scope], inverse[scope]
            for c in range(INPUTS):
                x[i, j, c] = (f32(windows[row, c]) - least) * factor


@njit(**_FAST)  # type: ignore[untyped-decorator]
def _between(
    products: Floats,
    weights: Floats,
    scale: Floats,
    shift: Floats,
    running_mean: Floats,
    running_var: Floats,
    momentum: f32,
    epsilon: f32,
    left: Floats,
    normal: Floats,
    d_units: Floats,
) -> None:
    """From the first wide product to the left side of the second.

    Reads ``products [m, 32, b]``: pre-activations and ``D X^T``. Writes ``left [m, 33, b]``: the
    gradients of the pre-activations, the codes, ones; and ``d_units``, the gradients of scale and
    shift. Keeps the running mean and variance.
    """
    m, _, b = products.shape
    s = f32(2) / f32(b * INPUTS)
    inverse = np.empty(CODES, f32)
    gram = np.empty((CODES, CODES + 1), f32)
    d = np.empty(b, f32)
    for i in range(m):
        decoder = weights[i, CODES:]
        for k in range(CODES):
            z, n, codes = products[i, k], normal[i, k], left[i, CODES + k]
            total = f32(0)
            for j in range(b):
                total += z[j]
            mean = total / f32(b)
            total = f32(0)
            for j in range(b):
                n[j] = z[j] - mean
                total += n[j] * n[j]
            running_mean[i, k] += momentum * (mean - running_mean[i, k])
            running_var[i, k] += momentum * (total / f32(b - 1) - running_var[i, k])
            inverse[k] = f32(1) / np.sqrt(total / f32(b) + epsilon)
            for j in range(b):
                n[j] *= inverse[k]
                codes[j] = max(n[j] * scale[i, k] + shift[i, k], f32(0))
        for k in range(CODES):
            for r in range(CODES + 1):
                total = f32(0)
                for c in range(INPUTS):
                    total += decoder[k, c] * decoder[r, c]
                gram[k, r] = total
        for k in range(CODES):
            decoded, n = products[i, CODES + k], normal[i, k]
            codes, d_z = left[i, CODES + k], left[i, k]
            for j in range(b):
                d[j] = gram[k, CODES] - decoded[j]
            for r in range(0, CODES, 4):  # four at a time: d is read and written less often
                g0, g1, g2, g3 = gram[k, r], gram[k, r + 1], gram[k, r + 2], gram[k, r + 3]
                a0, a1 = left[i, CODES + r], left[i, CODES + r + 1]
                a2, a3 = left[i, CODES + r + 2], left[i, CODES + r + 3]
                for j in range(b):
                    d[j] += g0 * a0[j] + g1 * a1[j] + g2 * a2[j] + g3 * a3[j]
            of_shift, of_scale = f32(0), f32(0)
            for j in range(b):
                d[j] = d[j] * s if codes[j] > 0 else f32(0)
                of_shift += d[j]
                of_scale += d[j] * n[j]
            factor = inverse[k] * scale[i, k]
            for j in range(b):
                d_z[j] = factor * (d[j] - of_shift / f32(b) - n[j] * (of_scale / f32(b)))
            d_units[i, 0, k], d_units[i, 1, k] = of_scale, of_shift


@njit(**_FAST)  # type: ignore[untyped-decorator]
def _adam(
    weights: Floats,
    scale: Floats,
    shift: Floats,
    left: Floats,
    d_weights: Floats,
    d_units: Floats,
    moments: Floats,
    unit_moments: Floats,
    step: f32,
    unbias: f32,
    epsilon: f32,
    decays: tuple[f32, f32, f32],
) -> None:
    """Finish the gradient of the decoder and make Adam's step (Kingma and Ba 2014).

    ``d_weights [m, 33, 256]`` holds the second wide product, ``left X``; the decoder's gradient is
    ``s (A A^T D - A X)``.
    """
    m, _, b = left.shape
    s = f32(2) / f32(b * INPUTS)
    gram = np.empty((CODES + 1, CODES + 1), f32)
    decoder = np.empty((CODES + 1, INPUTS), f32)
    for i in range(m):
        codes = left[i, CODES:]
        for k in range(CODES + 1):
            for r in range(k, CODES + 1):
                total = f32(0)
                for j in range(b):
                    total += codes[k, j] * codes[r, j]
                gram[k, r] = gram[r, k] = total
        decoder[:] = weights[i, CODES:]
        for k in range(CODES + 1):
            d = d_weights[i, CODES + k]
            for c in range(INPUTS):
                d[c] = gram[k, CODES] * decoder[CODES, c] - d[c]
            for r in range(0, CODES, 4):
                g0, g1, g2, g3 = gram[k, r], gram[k, r + 1], gram[k, r + 2], gram[k, r + 3]
                d0, d1, d2, d3 = decoder[r], decoder[r + 1], decoder[r + 2], decoder[r + 3]
                for c in range(INPUTS):
                    d[c] += g0 * d0[c] + g1 * d1[c] + g2 * d2[c] + g3 * d3[c]
            for c in range(INPUTS):
                d[c] *= s
        for k in range(2 * CODES + 1):
            of_row = moments[0, i, k], moments[1, i, k]
            _update(weights[i, k], d_weights[i, k], *of_row, step, unbias, epsilon, decays)
        for k, values in enumerate((scale[i], shift[i])):
            of_units = unit_moments[0, i, k], unit_moments[1, i, k]
            _update(values, d_units[i, k], *of_units, step, unbias, epsilon, decays)


@njit(**_FAST)  # type: ignore[untyped-decorator]
def _update(
    values: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    step: f32,
    unbias: f32,
    epsilon: f32,
    decays: tuple[f32, f32, f32],
) -> None:
    new_mean, old_square, new_square = decays
    for c in range(len(values)):
        g = gradient[c]
        mean = first[c] + (g - first[c]) * new_mean
        square = second[c] * old_square + g * g * new_square
        first[c], second[c] = mean, square
        values[c] -= step * mean / (np.sqrt(square) * unbias + epsilon)
