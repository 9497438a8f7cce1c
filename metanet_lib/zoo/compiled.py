"""The training steps of a population on a CPU, compiled by numba.

They compute what :class:`~metanet_lib.zoo.population.TensorSteps` computes, with the same products,
one model after the other: what a model's steps read and write stays in its core's cache.

Everything is a matrix of few columns, 16 or 32. All that is trained is one matrix of 265 rows of
32, and so are its gradient and each of Adam's moments: row ``c < 256`` holds what belongs to input
``c``, 16 weights of the encoder and 16 of the decoder; eight rows hold the bias; the last holds
scale and shift. A batch of ``b`` patches becomes ``[b, 32]``: 16 pre-activations and 16 of
``X D``; then, on the way back, 16 gradients and 16 codes. So the rows of every product are of 16 or
32 numbers, and a few rows fit into the registers of a core, where they stay from the first term of
their sums to the last. At such shapes that is several times as fast as a library's products.
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
from metanet_lib.zoo.tiles import TILE_ROWS, prefetch, product
from metanet_lib.zoo.vectors import fill, load, root, store, total, where_positive

Floats = NDArray[np.float32]
f32 = np.float32

_WIDE = 2 * CODES
_UNITS = INPUTS + INPUTS // _WIDE  # the row of scale and shift, the last
_ROWS = 8  # of a batch that are gathered and multiplied at a time
_multiply_wide, _multiply_square = product(_WIDE), product(CODES)
_FAST: dict[str, Any] = {  # sums in any order
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}
# As functions of their own they would be compiled twice, and which of the two runs, with which
# order of sums, would depend on whether `_train` comes from the cache.
_PART = {**_FAST, "inline": "always"}


class CompiledSteps:
    """The training steps of a population, in buffers that are allocated once.

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
    >>> make_steps = CompiledSteps(stack, ZooParameters(batch_size=8), Bank.of(torch.rand(64, 256)))
    >>> make_steps(torch.arange(48, dtype=torch.int32).view(2, 3, 8)).shape
    torch.Size([2])
    """

    def __init__(self, stack: Stack, p: ZooParameters, bank: Bank) -> None:
        m, (low, high) = len(stack.weights), bank.limits
        self._stack = stack
        self._bank = bank.windows.numpy(), low.numpy(), (1 / (high - low)).numpy()
        self._trained = torch.empty(m, _UNITS + 1, _WIDE)
        self._moments = torch.zeros(m, 2, _UNITS + 1, _WIDE).numpy()
        rows = -(-p.batch_size // TILE_ROWS) * TILE_ROWS  # the last ones remain zero
        shapes = (rows, INPUTS), (rows, _WIDE), (rows, _WIDE), (_UNITS + 1, _WIDE)
        self._buffers = tuple(torch.zeros(shape).numpy() for shape in shapes)
        self._steps = 0
        self._norm = f32(p.batch_norm_momentum), f32(p.batch_norm_epsilon)
        self._adam = p.learning_rate, f32(p.adam_epsilon), *p.adam_betas

    def __call__(self, windows: Tensor) -> Tensor:
        """Make steps on these windows of the bank, int32 ``[m, steps, batch_size]``.

        Returns the loss ``[m]`` of the first step's batch, before that step.
        """
        stack, trained, losses = self._stack, self._trained, torch.empty(len(windows))
        parts = (
            (trained[:, :INPUTS], stack.weights[:, :_WIDE].transpose(1, 2)),
            (trained[:, INPUTS:_UNITS].view(-1, INPUTS), stack.weights[:, _WIDE]),
            (trained[:, _UNITS, :CODES, None], stack.scale),
            (trained[:, _UNITS, CODES:, None], stack.shift),
        )
        for ours, theirs in parts:
            ours.copy_(theirs)
        _train(
            self._bank,
            windows.contiguous().numpy(),
            self._steps,
            (self._norm, self._adam),
            stack.weights.numpy(),
            (stack.running_mean[..., 0].numpy(), stack.running_var[..., 0].numpy()),
            trained.numpy(),
            self._moments,
            self._buffers,
            losses.numpy(),
        )
        for ours, theirs in parts:
            theirs.copy_(ours)
        self._steps += windows.shape[1]
        return losses


@njit(cache=True, nogil=True, **_FAST)  # type: ignore[untyped-decorator]
def _train(
    bank: tuple[NDArray[Any], Floats, Floats],
    windows: NDArray[np.int32],
    before: int,
    settings: tuple[tuple[f32, f32], tuple[float, f32, float, float]],
    weights: Floats,
    running: tuple[Floats, Floats],
    trained: Floats,
    moments: Floats,
    buffers: tuple[Floats, Floats, Floats, Floats],
    losses: Floats,
) -> None:
    """Make all steps of one model, then those of the next.

    The windows of a model's next batch are asked for while it works on this one: a row at random
    takes the memory as long as its products take the core.
    """
    x, products, left, gradient = buffers
    norm, (learning_rate, epsilon, beta_1, beta_2) = settings
    sum_x = np.empty(INPUTS, f32)
    m, steps, b = windows.shape
    for i in range(m):
        for t in range(steps):
            batch, following = windows[i, t], windows[i, min(t + 1, steps - 1)]
            sum_x[:] = 0
            for j in range(0, b, _ROWS):
                rows = x[j : j + _ROWS]
                _gather(bank, batch[j : j + _ROWS], rows)
                for row in following[j : j + _ROWS]:
                    prefetch(bank[0], row)
                _multiply_wide(rows, trained[i], products[j : j + _ROWS])
                _add_rows(rows, sum_x)
            _between(products, trained[i], b, norm, running[0][i], running[1][i], left, gradient)
            if t == 0:
                losses[i] = _loss(x, left, weights[i], b)
            _back(x, left, trained[i], b, sum_x, gradient)
            n = before + t + 1
            step = f32(learning_rate / (1 - beta_1**n))
            unbias = f32(1 / np.sqrt(1 - beta_2**n))
            decays = f32(1 - beta_1), f32(beta_2), f32(1 - beta_2)
            _update(
                trained[i], gradient, moments[i, 0], moments[i, 1], step, unbias, epsilon, decays
            )


@njit(**_PART)  # type: ignore[untyped-decorator]
def _gather(
    bank: tuple[NDArray[Any], Floats, Floats], windows: NDArray[np.int32], x: Floats
) -> None:
    """Write windows of the bank, normalised, into the rows of ``x``."""
    stored, low, inverse = bank
    one_scope = len(low) == 1
    for j in range(len(windows)):
        row = windows[j]
        scope = 0 if one_scope else row
        least, factor = low[scope], inverse[scope]
        for c in range(INPUTS):
            x[j, c] = (f32(stored[row, c]) - least) * factor


@njit(**_PART)  # type: ignore[untyped-decorator]
def _add_rows(x: Floats, total: Floats) -> None:
    """Add the eight rows of ``x`` to ``total``."""
    for c in range(INPUTS):
        first = (x[0, c] + x[1, c]) + (x[2, c] + x[3, c])
        total[c] += first + ((x[4, c] + x[5, c]) + (x[6, c] + x[7, c]))


@njit(**_PART)  # type: ignore[untyped-decorator]
def _between(
    products: Floats,
    trained: Floats,
    b: int,
    norm: tuple[f32, f32],
    running_mean: Floats,
    running_var: Floats,
    left: Floats,
    gradient: Floats,
) -> None:
    """From the first wide product to the left side of the second.

    Reads ``products``: pre-activations, which are normalised in place, and ``X D``. Writes
    ``left``: the gradients of the pre-activations, and the codes; and the gradients of scale and
    shift. Keeps the running mean and variance.
    """
    size, none = f32(b), fill(f32(0))
    share, momentum = fill(f32(1) / size), fill(norm[0])
    mean = _sum_rows(products, 0) * share
    var = none
    for j in range(b):
        z = load(products, (j, 0)) - mean
        store(products, (j, 0), z)
        var = var + z * z
    was, unbiased = load(running_mean, (0,)), var * fill(f32(1) / (size - f32(1)))
    store(running_mean, (0,), was + momentum * (mean - was))
    was = load(running_var, (0,))
    store(running_var, (0,), was + momentum * (unbiased - was))
    inverse = fill(f32(1)) / root(var * share + fill(norm[1]))
    scale, shift = load(trained, (_UNITS, 0)), load(trained, (_UNITS, CODES))
    for j in range(b):
        z = load(products, (j, 0)) * inverse
        store(products, (j, 0), z)
        shifted = z * scale + shift
        store(left, (j, CODES), where_positive(shifted, shifted))

    gram, of_bias = np.empty((CODES, CODES), f32), none
    bias, decoder = trained[INPUTS:_UNITS].reshape(-1), trained[:INPUTS, CODES:]
    _multiply_square(decoder.T, decoder, gram)
    for c in range(INPUTS):
        of_bias = of_bias + fill(bias[c]) * load(trained, (c, CODES))
    _multiply_square(left[:, CODES:], gram, left)
    d_scale, d_shift, s = none, none, fill(f32(2) / f32(b * INPUTS))
    for j in range(b):
        d = (load(left, (j, 0)) + of_bias - load(products, (j, CODES))) * s
        d = where_positive(load(left, (j, CODES)), d)
        store(left, (j, 0), d)
        d_shift = d_shift + d
        d_scale = d_scale + d * load(products, (j, 0))
    store(gradient, (_UNITS, 0), d_scale)
    store(gradient, (_UNITS, CODES), d_shift)
    inverse, d_scale, d_shift = inverse * scale, d_scale * share, d_shift * share
    for j in range(b):
        d = load(left, (j, 0)) - d_shift - load(products, (j, 0)) * d_scale
        store(left, (j, 0), inverse * d)


@njit(**_PART)  # type: ignore[untyped-decorator]
def _sum_rows(rows: Floats, first: int) -> Any:
    """Return the sums of 16 columns, from the ``first``, as a vector."""
    added = fill(f32(0))
    for j in range(len(rows)):
        added = added + load(rows, (j, first))
    return added


@njit(**_PART)  # type: ignore[untyped-decorator]
def _loss(x: Floats, left: Floats, weights: Floats, b: int) -> f32:
    """Return the mean squared error of the codes' reconstruction."""
    error, total = np.empty(INPUTS, f32), f32(0)
    for j in range(b):
        for c in range(INPUTS):
            error[c] = weights[_WIDE, c] - x[j, c]
        for k in range(CODES):
            for c in range(INPUTS):
                error[c] += left[j, CODES + k] * weights[CODES + k, c]
        for c in range(INPUTS):
            total += error[c] * error[c]
    return total / f32(b * INPUTS)


@njit(**_PART)  # type: ignore[untyped-decorator]
def _back(
    x: Floats, left: Floats, trained: Floats, b: int, sum_x: Floats, gradient: Floats
) -> None:
    """Write the gradients of encoder, decoder and bias.

    The second wide product is ``X^T left``; the decoder's gradient is ``s (D A^T A - X^T A)``,
    with the bias as one more column of ``D`` and a code that is always 1.
    """
    s, size = f32(2) / f32(b * INPUTS), f32(b)
    gram, own = np.empty((CODES, CODES), f32), np.empty((INPUTS, CODES), f32)
    codes, decoder = left[:b, CODES:], trained[:INPUTS, CODES:]
    bias, d_bias = trained[INPUTS:_UNITS].reshape(-1), gradient[INPUTS:_UNITS].reshape(-1)
    sum_codes, factor = _sum_rows(left, CODES), fill(s)
    _multiply_square(codes.T, codes, gram)
    _multiply_square(decoder, gram, own)
    _multiply_wide(x[:b].T, left[:b], gradient)
    for c in range(INPUTS):
        d = load(own, (c, 0)) + fill(bias[c]) * sum_codes - load(gradient, (c, CODES))
        store(gradient, (c, CODES), factor * d)
        of_codes = total(sum_codes * load(trained, (c, CODES)))
        d_bias[c] = s * (of_codes + size * bias[c] - sum_x[c])


@njit(**_PART)  # type: ignore[untyped-decorator]
def _update(
    trained: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    step: f32,
    unbias: f32,
    epsilon: f32,
    decays: tuple[f32, f32, f32],
) -> None:
    """Make Adam's step (Kingma and Ba 2014)."""
    new_mean, old_square, new_square = decays
    for r in range(_UNITS + 1):
        for c in range(_WIDE):
            g = gradient[r, c]
            mean = first[r, c] + (g - first[r, c]) * new_mean
            square = second[r, c] * old_square + g * g * new_square
            first[r, c], second[r, c] = mean, square
            trained[r, c] -= step * mean / (np.sqrt(square) * unbias + epsilon)
