"""The training steps of a population on a CPU, compiled by numba.

They compute what :class:`~metanet_lib.zoo.population.TensorSteps` computes, one model after the
other: all that a model's steps read and write then stays in the core's own cache.

Everything is a matrix of few columns, 16 or 32 neighbours in memory. What is trained is one matrix
of 265 rows of 32, and so are its gradient and Adam's moments. Row ``c < 256`` holds what belongs to
input ``c``: 16 weights of the encoder, then 16 of the decoder. Eight rows hold the bias, the last
one scale and shift. A batch becomes a matrix of as many rows; so each product, wide or small, gives
rows of 16 or 32 numbers, and is made of tiles of 16 columns that stay in registers from the first
term to the last (:func:`_multiply`). Libraries of matrix products reach less than half of
the rate at such shapes.
"""

from typing import Any

import numpy as np
import torch
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from metanet_lib.data.bank import Bank
from metanet_lib.zoo.model import CODES, INPUTS, ZooParameters
from metanet_lib.zoo.stack import Stack

Floats = NDArray[np.float32]
f32 = np.float32

_WIDE = 2 * CODES
_UNITS = INPUTS + INPUTS // _WIDE  # the row of scale and shift, the last
_BETA_1, _BETA_2 = 0.9, 0.999  # of Adam
_LANES = 16  # columns of a tile
_TILE = 16 if get_host_cpu_features().get("avx512f") else 4  # vectors
_CACHE_LINE = 64  # bytes
_EXACT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_FAST = {**_EXACT, "fastmath": {"reassoc", "contract", "arcp", "nsz"}}  # sums in any order


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
    >>> train = CompiledSteps(stack, ZooParameters(batch_size=8), Bank.of(torch.rand(64, 256)))
    >>> train(torch.arange(48, dtype=torch.int32).view(2, 3, 8)).shape
    torch.Size([2])
    """

    def __init__(self, stack: Stack, p: ZooParameters, bank: Bank) -> None:
        self._stack = stack
        m, low, high = len(stack.weights), *bank.limits
        self._bank = bank.windows.numpy(), low.numpy(), (1 / (high - low)).numpy()
        self._trained = torch.empty(m, _UNITS + 1, _WIDE)
        self._moments = torch.zeros(m, 2, _UNITS + 1, _WIDE).numpy()
        padded = -(-p.batch_size // 16) * 16
        shapes = (padded, INPUTS), (padded, _WIDE), (padded, _WIDE), (_UNITS + 1, _WIDE)
        self._buffers = [torch.zeros(shape).numpy() for shape in shapes]
        self._steps = 0
        self._settings = (
            f32(p.batch_norm_momentum),
            f32(p.batch_norm_epsilon),
            p.learning_rate,
            f32(p.adam_epsilon),
        )

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
        for here, there in parts:
            here.copy_(there)
        running = stack.running_mean.squeeze(2), stack.running_var.squeeze(2)
        _train(
            self._bank,
            windows.numpy(),
            self._steps,
            self._settings,
            stack.weights.numpy(),
            trained.numpy(),
            self._moments,
            (running[0].numpy(), running[1].numpy()),
            tuple(self._buffers),
            losses.numpy(),
        )
        for here, there in parts:
            there.copy_(here)
        self._steps += windows.shape[1]
        return losses


@njit(**_FAST)  # type: ignore[untyped-decorator]
def _train(bank, windows, before, settings, weights, trained, moments, running, buffers, losses):
    stored, low, inverse = bank
    momentum, epsilon, learning_rate, adam_epsilon = settings
    x, products, left, gradient = buffers
    m, steps, b = windows.shape
    sums = np.empty(INPUTS, f32)
    for i in range(m):
        for t in range(steps):
            following = windows[i, min(t + 1, steps - 1)]
            sums[:] = 0
            for j in range(0, b, 8):
                _gather(stored, low, inverse, windows[i, t, j:j+8], x[j:j+8])
                for k in range(j, min(j + 8, b)):
                    _prefetch(stored, following[k])
                _multiply_wide(x[j:j+8], trained[i], products[j:j+8])
                _sum(x[j:j+8], sums)
            _between(products, trained[i], running[0][i], running[1][i], momentum, epsilon, left, gradient, b)
            if t == 0:
                losses[i] = _loss(x, left, weights[i], b)
            _finish(x, left, trained[i], sums, gradient, b)
            n = before + t + 1
            _adam(
                trained[i], gradient, moments[i, 0], moments[i, 1],
                f32(learning_rate / (1 - _BETA_1**n)),
                f32(1 / np.sqrt(1 - _BETA_2**n)),
                adam_epsilon,
            )


@njit(**_EXACT)
def _gather(stored, low, inverse, rows, x):
    one_scope = len(low) == 1
    for j in range(len(rows)):
        row = rows[j]
        scope = 0 if one_scope else row
        least, factor = low[scope], inverse[scope]
        for c in range(INPUTS):
            x[j, c] = (f32(stored[row, c]) - least) * factor


@njit(**_FAST)
def _sum(x, sums):
    for c in range(INPUTS):
        sums[c] += (x[0, c] + x[1, c] + x[2, c] + x[3, c]) + (x[4, c] + x[5, c] + x[6, c] + x[7, c])


@njit(**_FAST)
def _between(products, trained, running_mean, running_var, momentum, epsilon, left, gradient, b):
    s, size = f32(2) / f32(b * INPUTS), f32(b)
    mean, var = np.zeros(CODES, f32), np.zeros(CODES, f32)
    for j in range(0, len(products), 4):
        for k in range(CODES):
            mean[k] += (products[j, k] + products[j+1, k]) + (products[j+2, k] + products[j+3, k])
    for k in range(CODES):
        mean[k] /= size
    for j in range(b):
        for k in range(CODES):
            products[j, k] -= mean[k]
            var[k] += products[j, k] * products[j, k]
    inverse = np.empty(CODES, f32)
    for k in range(CODES):
        running_mean[k] += momentum * (mean[k] - running_mean[k])
        running_var[k] += momentum * (var[k] / (size - f32(1)) - running_var[k])
        inverse[k] = f32(1) / np.sqrt(var[k] / size + epsilon)
    for j in range(b):
        for k in range(CODES):
            products[j, k] *= inverse[k]
            left[j, CODES + k] = max(products[j, k] * trained[_UNITS, k] + trained[_UNITS, CODES + k], f32(0))
    gram = np.empty((CODES, CODES), f32)
    offset = np.zeros(CODES, f32)
    bias = trained[INPUTS:_UNITS].reshape(-1)
    decoder = trained[:INPUTS, CODES:]
    _multiply_square(decoder.T, decoder, gram)
    for c in range(0, INPUTS, 4):
        for k in range(CODES):
            offset[k] += (bias[c] * trained[c, CODES + k] + bias[c+1] * trained[c+1, CODES + k]) + (bias[c+2] * trained[c+2, CODES + k] + bias[c+3] * trained[c+3, CODES + k])
    _multiply_square(left[:, CODES:], gram, left)
    of_scale, of_shift = np.zeros(CODES, f32), np.zeros(CODES, f32)
    for j in range(b):
        for k in range(CODES):
            d = (left[j, k] + offset[k] - products[j, CODES + k]) * s
            d = d if left[j, CODES + k] > 0 else f32(0)
            left[j, k] = d
            of_shift[k] += d
            of_scale[k] += d * products[j, k]
    for k in range(CODES):
        gradient[_UNITS, k] = of_scale[k]
        gradient[_UNITS, CODES + k] = of_shift[k]
        inverse[k] *= trained[_UNITS, k]
        of_scale[k] /= size
        of_shift[k] /= size
    for j in range(b):
        for k in range(CODES):
            left[j, k] = inverse[k] * (left[j, k] - of_shift[k] - products[j, k] * of_scale[k])


@njit(**_FAST)
def _finish(x, left, trained, sums, gradient, b):
    s = f32(2) / f32(b * INPUTS)
    codes = left[:b, CODES:]
    decoder = trained[:INPUTS, CODES:]
    gram = np.empty((CODES, CODES), f32)
    own = np.empty((INPUTS, CODES), f32)
    of_codes = np.zeros(CODES, f32)
    for j in range(0, len(left), 4):
        for k in range(CODES):
            of_codes[k] += (left[j, CODES + k] + left[j+1, CODES + k]) + (left[j+2, CODES + k] + left[j+3, CODES + k])
    _multiply_square(codes.T, codes, gram)
    _multiply_square(decoder, gram, own)
    _multiply_wide(x[:b].T, left[:b], gradient)
    bias, of_bias = trained[INPUTS:_UNITS].reshape(-1), gradient[INPUTS:_UNITS].reshape(-1)
    for c in range(INPUTS):
        total = f32(0)
        for k in range(CODES):
            total += of_codes[k] * trained[c, CODES + k]
            gradient[c, CODES + k] = s * (own[c, k] + bias[c] * of_codes[k] - gradient[c, CODES + k])
        of_bias[c] = s * (total + f32(b) * bias[c] - sums[c])


@njit(**_FAST)
def _adam(trained, gradient, first, second, step, unbias, epsilon):
    for r in range(_UNITS + 1):
        for c in range(_WIDE):
            g = gradient[r, c]
            mean = first[r, c] + (g - first[r, c]) * f32(1 - _BETA_1)
            square = second[r, c] * f32(_BETA_2) + g * g * f32(1 - _BETA_2)
            first[r, c], second[r, c] = mean, square
            trained[r, c] -= step * mean / (np.sqrt(square) * unbias + epsilon)


@njit(**_FAST)
def _loss(x, left, weights, b):
    total = f32(0)
    error = np.empty(INPUTS, f32)
    for j in range(b):
        for c in range(INPUTS):
            error[c] = weights[_WIDE, c] - x[j, c]
        for k in range(CODES):
            for c in range(INPUTS):
                error[c] += left[j, CODES + k] * weights[CODES + k, c]
        for c in range(INPUTS):
            total += error[c] * error[c]
    return total / f32(b * INPUTS)


def _product(width: int) -> Any:
    vectors = width // _LANES
    tile_rows = _TILE // vectors
    number, lanes, index = ir.FloatType(), ir.VectorType(ir.FloatType(), _LANES), ir.IntType(64)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
    undefined, zero = ir.Constant(lanes, ir.Undefined), ir.Constant(lanes, [0.0] * _LANES)
    fused = {"flags": ("contract",)}

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply(_: Any, a: types.Array, b: types.Array, out: types.Array) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def unpacked(k: int) -> Any:
                array = cgutils.create_struct_proxy(signature.args[k])(context, builder, args[k])
                start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
                return start, *cgutils.unpack_tuple(builder, array.strides), array.shape

            def at(start: Any, row: Any, stride: Any, vector: int = 0, kind: Any = lanes) -> Any:
                row = index(row) if isinstance(row, int) else row
                offset = builder.add(builder.mul(row, stride), index(4 * _LANES * vector))
                return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())

            a_start, a_row, a_term, shape = unpacked(0)
            b_start, b_term, _, _ = unpacked(1)
            out_start, out_row, _, _ = unpacked(2)
            rows, terms = cgutils.unpack_tuple(builder, shape)
            totals = [[cgutils.alloca_once(builder, lanes) for _ in range(vectors)] for _ in range(tile_rows)]
            tiles = builder.udiv(rows, index(tile_rows))
            with cgutils.for_range(builder, tiles) as tile:
                row = builder.mul(tile.index, index(tile_rows))
                a_tile = at(a_start, row, a_row, kind=ir.IntType(8))
                out_tile = at(out_start, row, out_row, kind=ir.IntType(8))
                for total in sum(totals, []):
                    builder.store(zero, total)
                with cgutils.for_range(builder, terms) as term:
                    others = [builder.load(at(b_start, term.index, b_term, v), align=4) for v in range(vectors)]
                    a_here = at(a_tile, term.index, a_term, kind=ir.IntType(8))
                    for r in range(tile_rows):
                        one = builder.load(at(a_here, r, a_row, kind=number))
                        first = builder.insert_element(undefined, one, ir.IntType(32)(0))
                        many = builder.shuffle_vector(first, undefined, everywhere)
                        for total, other in zip(totals[r], others):
                            term_ = builder.fmul(many, other, **fused)
                            builder.store(builder.fadd(builder.load(total), term_, **fused), total)
                for r in range(tile_rows):
                    for v in range(vectors):
                        builder.store(builder.load(totals[r][v]), at(out_tile, r, out_row, v), align=4)
            return context.get_dummy_value()

        return types.void(a, b, out), generate

    return multiply


_multiply_wide, _multiply_square = _product(_WIDE), _product(CODES)


@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(_: Any, array: types.Array, row: types.Integer) -> Any:
    """Ask for a row of an array, so that it is in the second-level cache when it is needed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = cgutils.create_struct_proxy(signature.args[0])(context, builder, args[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0"
        )
        stride = cgutils.unpack_tuple(builder, view.strides)[0]
        at = context.cast(builder, args[1], signature.args[1], types.intp)
        start = builder.gep(builder.bitcast(view.data, byte), [builder.mul(at, stride)])
        size = INPUTS * array.dtype.bitwidth // 8
        for line in range(0, size, _CACHE_LINE):
            there = builder.gep(start, [ir.Constant(ir.IntType(64), line)])
            builder.call(prefetch, [there, word(0), word(2), word(1)])
        return context.get_dummy_value()

    return types.void(array, row), generate
