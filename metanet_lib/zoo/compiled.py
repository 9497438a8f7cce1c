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
_ROWS = 16 if get_host_cpu_features().get("avx512f") else 4  # of a tile: what registers hold
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
    for i in range(m):
        for t in range(steps):
            _gather(stored, low, inverse, windows[i, t], windows[i, min(t + 1, steps - 1)], x, gradient)
            _multiply(x, trained[i, :INPUTS], products)
            _between(products, trained[i], running[0][i], running[1][i], momentum, epsilon, left, gradient, b)
            if t == 0:
                losses[i] = _loss(x, left, weights[i], b)
            _finish(x, left, trained[i], gradient, b)
            n = before + t + 1
            _adam(
                trained[i], gradient, moments[i, 0], moments[i, 1],
                f32(learning_rate / (1 - _BETA_1**n)),
                f32(1 / np.sqrt(1 - _BETA_2**n)),
                adam_epsilon,
            )


@njit(**_EXACT)
def _gather(stored, low, inverse, rows, following, x, gradient):
    one_scope = len(low) == 1
    sums = gradient[INPUTS:_UNITS].reshape(-1)
    sums[:] = 0
    for j in range(len(rows)):
        _prefetch(stored, following[j])
        row = rows[j]
        scope = 0 if one_scope else row
        least, factor = low[scope], inverse[scope]
        for c in range(INPUTS):
            x[j, c] = (f32(stored[row, c]) - least) * factor
            sums[c] += x[j, c]


@njit(**_FAST)
def _between(products, trained, running_mean, running_var, momentum, epsilon, left, gradient, b):
    s = f32(2) / f32(b * INPUTS)
    size = f32(b)
    scale, shift = trained[_UNITS, :CODES], trained[_UNITS, CODES:]
    z, decoded = products[:, :CODES], products[:, CODES:]
    d, codes = left[:, :CODES], left[:, CODES:]
    decoder = trained[:INPUTS, CODES:]
    mean = np.zeros(CODES, f32)
    var = np.zeros(CODES, f32)
    inverse = np.zeros(CODES, f32)
    for j in range(b):
        for k in range(CODES):
            mean[k] += z[j, k]
    for k in range(CODES):
        mean[k] /= size
    for j in range(b):
        for k in range(CODES):
            z[j, k] -= mean[k]
            var[k] += z[j, k] * z[j, k]
    for k in range(CODES):
        running_mean[k] += momentum * (mean[k] - running_mean[k])
        running_var[k] += momentum * (var[k] / (size - f32(1)) - running_var[k])
        inverse[k] = f32(1) / np.sqrt(var[k] / size + epsilon)
    for j in range(b):
        for k in range(CODES):
            z[j, k] *= inverse[k]
            codes[j, k] = max(z[j, k] * scale[k] + shift[k], f32(0))
    gram = np.empty((CODES, CODES), f32)
    offset = np.zeros(CODES, f32)
    bias = trained[INPUTS:_UNITS].reshape(-1)
    _multiply(decoder.T, decoder, gram)
    for c in range(INPUTS):
        for k in range(CODES):
            offset[k] += bias[c] * decoder[c, k]
    _multiply(codes, gram, d)
    of_scale = gradient[_UNITS, :CODES]
    of_shift = gradient[_UNITS, CODES:]
    of_scale[:] = 0
    of_shift[:] = 0
    for j in range(b):
        for k in range(CODES):
            d[j, k] = (d[j, k] + offset[k] - decoded[j, k]) * s if codes[j, k] > 0 else f32(0)
            of_shift[k] += d[j, k]
            of_scale[k] += d[j, k] * z[j, k]
    for j in range(b):
        for k in range(CODES):
            d[j, k] = inverse[k] * scale[k] * (d[j, k] - of_shift[k] / size - z[j, k] * (of_scale[k] / size))


@njit(**_FAST)
def _finish(x, left, trained, gradient, b):
    s = f32(2) / f32(b * INPUTS)
    codes = left[:b, CODES:]
    decoder = trained[:INPUTS, CODES:]
    gram = np.empty((CODES, CODES), f32)
    own = np.empty((INPUTS, CODES), f32)
    sums = np.zeros(CODES, f32)
    for j in range(b):
        for k in range(CODES):
            sums[k] += codes[j, k]
    _multiply(codes.T, codes, gram)
    _multiply(decoder, gram, own)
    _multiply(x[:b].T, left[:b], gradient[:INPUTS])
    bias, of_bias = trained[INPUTS:_UNITS].reshape(-1), gradient[INPUTS:_UNITS].reshape(-1)
    for c in range(INPUTS):
        total = f32(b) * bias[c] - of_bias[c]
        for k in range(CODES):
            total += sums[k] * decoder[c, k]
            gradient[c, CODES + k] = s * (own[c, k] + bias[c] * sums[k] - gradient[c, CODES + k])
        of_bias[c] = s * total


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


@intrinsic  # type: ignore[untyped-decorator]
def _multiply(_: Any, a: types.Array, b: types.Array, out: types.Array) -> Any:
    """Write the product ``a b`` into ``out``, a tile of 16 rows and 16 columns at a time.

    ``a [r, n]`` may be transposed; ``b [n, w]`` and ``out [r, w]`` have neighbours in their rows.
    ``r`` and ``w`` are multiples of 16.
    """
    lanes = ir.VectorType(ir.FloatType(), _LANES)
    index = ir.IntType(64)
    flags = ("contract",)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def unpacked(k: int) -> Any:
            array = cgutils.create_struct_proxy(signature.args[k])(context, builder, args[k])
            strides = cgutils.unpack_tuple(builder, array.strides)
            shape = cgutils.unpack_tuple(builder, array.shape)
            start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            return start, strides, shape

        def at(start: Any, offset: Any, kind: Any) -> Any:
            return builder.bitcast(builder.gep(start, [offset]), kind.as_pointer())

        (pa, (a_row, a_term), (rows, terms)) = unpacked(0)
        (pb, (b_row, _), (_, width)) = unpacked(1)
        (po, (o_row, _), _) = unpacked(2)
        zero = ir.Constant(lanes, [0.0] * _LANES)
        undefined = ir.Constant(lanes, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        blocks = builder.udiv(rows, ir.Constant(index, _ROWS))
        columns = builder.udiv(width, ir.Constant(index, _LANES))
        totals = [cgutils.alloca_once(builder, lanes) for _ in range(_ROWS)]
        with cgutils.for_range(builder, blocks) as block, cgutils.for_range(builder, columns) as column:
            row = builder.mul(block.index, ir.Constant(index, _ROWS))
            shift = builder.mul(column.index, ir.Constant(index, 4 * _LANES))
            for total in totals:
                builder.store(zero, total)
            a_block = builder.gep(pa, [builder.mul(row, a_row)])
            b_block = builder.gep(pb, [shift])
            with cgutils.for_range(builder, terms) as term:
                other = builder.load(at(b_block, builder.mul(term.index, b_row), lanes), align=4)
                a_here = builder.gep(a_block, [builder.mul(term.index, a_term)])
                for r, total in enumerate(totals):
                    one = builder.load(at(a_here, builder.mul(a_row, ir.Constant(index, r)), ir.FloatType()))
                    many = builder.shuffle_vector(
                        builder.insert_element(undefined, one, ir.Constant(ir.IntType(32), 0)), undefined, everywhere
                    )
                    product = builder.fmul(many, other, flags=flags)
                    builder.store(builder.fadd(builder.load(total), product, flags=flags), total)
            o_block = builder.gep(po, [builder.add(builder.mul(row, o_row), shift)])
            for r, total in enumerate(totals):
                builder.store(builder.load(total), at(o_block, builder.mul(o_row, ir.Constant(index, r)), lanes), align=4)
        return context.get_dummy_value()

    return types.void(a, b, out), generate


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
