"""The loops of a compiled training step, by numba: what each computes, and its gradients.

Numbers lie ``[channels, rows, columns, samples]``: the samples of a batch are neighbours in memory,
and every inner loop runs over them, or over a row of pixels with them. Gradients are those of the
loss: ``d_x`` is the gradient with respect to ``x``.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metanet_lib.zoo.tiles import product

Floats = NDArray[np.float32]
Offsets = NDArray[np.uint64]
f32 = np.float32
u64 = np.uint64
_WIDE = 64  # numbers of a row that are multiplied at a time
_multiply = product(_WIDE, scattered=True)

_FAST: dict[str, Any] = {  # sums in any order
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}


@njit(**_FAST)  # type: ignore[untyped-decorator]
def convolve(
    x: Floats, stride: int, offsets: Offsets, weights: Floats, bias: Floats, out: Floats
) -> None:
    """Write sums of stretches of ``x``, each from another place and with a weight of its own.

    Parameters
    ----------
    x
        ``[n]``: pictures with a border of zeros, one after the other.
    stride
        Numbers from a row of a picture to the next.
    offsets
        ``[t]``: where the stretches for the first row begin. Unsigned, or numba would ask of each
        index whether it is negative.
    weights, bias
        ``[m, t]`` and ``[m]``.
    out
        ``[m, rows, length]``.

    Examples
    --------
    >>> x, offsets, out = np.arange(5, dtype=f32), np.array([0, 2], u64), np.empty((1, 1, 3), f32)
    >>> convolve(x, 0, offsets, np.array([[1, 10]], f32), np.ones(1, f32), out)
    >>> out.tolist()
    [[[21.0, 32.0, 43.0]]]
    """
    outputs, rows, length = out.shape
    whole = length // _WIDE * _WIDE
    for i in range(rows):
        first, end = u64(i * stride), u64(i * stride + length)
        for j in range(0, whole, _WIDE):
            _multiply(weights, x[i * stride + j :], offsets, out[:, i, j : j + _WIDE])
        for m in range(outputs):
            row = out[m, i]
            row[whole:] = 0
            row += bias[m]
            for t in range(len(offsets)):
                w, o = weights[m, t], offsets[t]
                for left in range(first + u64(whole), end):
                    row[left - first] += w * x[o + left]


@njit(**_FAST)  # type: ignore[untyped-decorator]
def convolve_gradient(
    x: Floats, stride: int, offsets: Offsets, d_out: Floats, d_weights: Floats, d_bias: Floats
) -> None:
    """Write the gradients of the weights and the bias of :func:`convolve`.

    Examples
    --------
    >>> x, offsets, d_out = np.arange(5, dtype=f32), np.array([0, 2], u64), np.ones((1, 1, 3), f32)
    >>> d_weights, d_bias = np.empty((1, 2), f32), np.empty(1, f32)
    >>> convolve_gradient(x, 0, offsets, d_out, d_weights, d_bias)
    >>> d_weights.tolist(), d_bias.tolist()
    ([[3.0, 9.0]], [3.0])
    """
    outputs, rows, length = d_out.shape
    d_weights[:] = 0
    for m in range(outputs):
        d_bias[m] = d_out[m].sum()
    for i in range(rows):
        first, end = u64(i * stride), u64(i * stride + length)
        for t in range(0, len(offsets) - 7, 8):  # eight at a time: d is read less often
            o0, o1, o2, o3 = offsets[t], offsets[t + 1], offsets[t + 2], offsets[t + 3]
            o4, o5, o6, o7 = offsets[t + 4], offsets[t + 5], offsets[t + 6], offsets[t + 7]
            for m in range(outputs):
                d, w = d_out[m, i], d_weights[m]
                w0 = w1 = w2 = w3 = w4 = w5 = w6 = w7 = f32(0)
                for j in range(first, end):
                    of_j = d[j - first]
                    w0 += of_j * x[o0 + j]
                    w1 += of_j * x[o1 + j]
                    w2 += of_j * x[o2 + j]
                    w3 += of_j * x[o3 + j]
                    w4 += of_j * x[o4 + j]
                    w5 += of_j * x[o5 + j]
                    w6 += of_j * x[o6 + j]
                    w7 += of_j * x[o7 + j]
                for k, total in enumerate((w0, w1, w2, w3, w4, w5, w6, w7)):
                    w[t + k] += total
        for t in range(len(offsets) // 8 * 8, len(offsets)):
            for m in range(outputs):
                d, total, o0 = d_out[m, i], f32(0), offsets[t]
                for j in range(first, end):
                    total += d[j - first] * x[o0 + j]
                d_weights[m, t] += total


@njit(**_FAST)  # type: ignore[untyped-decorator]
def normalise(
    x: Floats,
    scale: Floats,
    shift: Floats,
    epsilon: f32,
    momentum: f32,
    running_mean: Floats,
    running_var: Floats,
    inverse: Floats,
    out: Floats,
) -> None:
    """Normalise each channel of ``x [channels, n]``, and keep its running mean and variance.

    Leaves in ``x`` what is multiplied with ``scale [channels]`` and moved by ``shift [channels]``,
    and in ``inverse [channels]`` by what ``x`` was multiplied.

    Examples
    --------
    >>> x, out = np.array([[[1, 3]], [[0, 0]]], f32)
    >>> scale, shift, mean, var, inverse = np.ones((5, 1), f32)
    >>> normalise(x, scale, shift, f32(0), f32(0.5), mean, var, inverse, out)
    >>> x.tolist(), out.tolist(), mean.tolist(), var.tolist()
    ([[-1.0, 1.0]], [[0.0, 2.0]], [1.5], [1.5])
    """
    channels, n = x.shape
    for c in range(channels):
        total = f32(0)
        for j in range(n):
            total += x[c, j]
        mean = total / f32(n)
        total = f32(0)
        for j in range(n):
            x[c, j] -= mean
            total += x[c, j] * x[c, j]
        inverse[c] = f32(1) / np.sqrt(total / f32(n) + epsilon)
        for j in range(n):
            x[c, j] *= inverse[c]
            out[c, j] = x[c, j] * scale[c] + shift[c]
        running_mean[c] += momentum * (mean - running_mean[c])
        running_var[c] += momentum * (total / f32(n - 1) - running_var[c])


@njit(**_FAST)  # type: ignore[untyped-decorator]
def normalise_gradient(
    normal: Floats, inverse: Floats, scale: Floats, d: Floats, d_scale: Floats, d_shift: Floats
) -> None:
    """Turn the gradient ``d [channels, n]`` of what :func:`normalise` writes to that of ``x``.

    ``normal`` and ``inverse`` are what it left.

    Examples
    --------
    >>> normal, d = np.array([[[-1, 1]], [[1, 2]]], f32)
    >>> inverse, scale, d_scale, d_shift = np.ones((4, 1), f32)
    >>> normalise_gradient(normal, inverse, scale, d, d_scale, d_shift)
    >>> d.tolist(), d_scale.tolist(), d_shift.tolist()
    ([[0.0, 0.0]], [1.0], [3.0])
    """
    channels, n = normal.shape
    for c in range(channels):
        of_scale = of_shift = f32(0)
        for j in range(n):
            of_scale += d[c, j] * normal[c, j]
            of_shift += d[c, j]
        d_scale[c], d_shift[c] = of_scale, of_shift
        factor, of_scale, of_shift = inverse[c] * scale[c], of_scale / f32(n), of_shift / f32(n)
        for j in range(n):
            d[c, j] = factor * (d[c, j] - of_shift - normal[c, j] * of_scale)


@njit(**_FAST)  # type: ignore[untyped-decorator]
def pool(x: Floats, out: Floats) -> None:
    """Write the greatest of each 2x2 pixels of ``x [channels, rows, columns, samples]``.

    Examples
    --------
    >>> out = np.empty((1, 1, 1, 1), f32)
    >>> pool(np.array([1, 3, 3, 2], f32).reshape(1, 2, 2, 1), out)
    >>> out.item()
    3.0
    """
    channels, rows, columns, samples = out.shape
    for c in range(channels):
        for i in range(rows):
            for k in range(columns):
                upper, lower = x[c, 2 * i], x[c, 2 * i + 1]
                left, right = 2 * k, 2 * k + 1
                for j in range(samples):
                    above = max(upper[left, j], upper[right, j])
                    out[c, i, k, j] = max(above, max(lower[left, j], lower[right, j]))


@njit(**_FAST)  # type: ignore[untyped-decorator]
def pool_gradient(x: Floats, out: Floats, d_out: Floats, d_x: Floats) -> None:
    """Give the gradient of each 2x2 pixels to the first of the greatest, and 0 to the others.

    What is given is taken from ``d_out``.

    Examples
    --------
    >>> x, d_x = np.array([[1, 3, 3, 2], [0, 0, 0, 0]], f32).reshape(2, 1, 2, 2, 1)
    >>> out, d_out = np.array([3, 5], f32).reshape(2, 1, 1, 1, 1)
    >>> pool_gradient(x, out, d_out, d_x)
    >>> d_x.ravel().tolist()
    [0.0, 5.0, 0.0, 0.0]
    """
    channels, rows, columns, samples = x.shape
    for c in range(channels):
        for i in range(rows):
            for k in range(columns):
                greatest, left = out[c, i // 2, k // 2], d_out[c, i // 2, k // 2]
                of_x, d = x[c, i, k], d_x[c, i, k]
                for j in range(samples):
                    given = left[j] if of_x[j] == greatest[j] else f32(0)
                    d[j] = given
                    left[j] -= given


@njit(**_FAST)  # type: ignore[untyped-decorator]
def double(x: Floats, out: Floats) -> None:
    """Write each pixel of ``x [channels, rows, columns, samples]`` into 2x2 pixels.

    Examples
    --------
    >>> out = np.empty((1, 2, 4, 1), f32)
    >>> double(np.array([1, 2], f32).reshape(1, 1, 2, 1), out)
    >>> out[0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    channels, rows, columns, samples = out.shape
    for c in range(channels):
        for i in range(rows):
            for k in range(columns):
                pixel, copy = x[c, i // 2, k // 2], out[c, i, k]
                for j in range(samples):
                    copy[j] = pixel[j]


@njit(**_FAST)  # type: ignore[untyped-decorator]
def double_gradient(d_out: Floats, d_x: Floats) -> None:
    """Add up the gradients of each 2x2 pixels.

    Examples
    --------
    >>> d_x = np.empty((1, 1, 2, 1), f32)
    >>> double_gradient(np.arange(8, dtype=f32).reshape(1, 2, 4, 1), d_x)
    >>> d_x.ravel().tolist()
    [10.0, 18.0]
    """
    channels, rows, columns, samples = d_x.shape
    for c in range(channels):
        for i in range(rows):
            for k in range(columns):
                upper, lower = d_out[c, 2 * i], d_out[c, 2 * i + 1]
                left, right = 2 * k, 2 * k + 1
                for j in range(samples):
                    above = upper[left, j] + upper[right, j]
                    d_x[c, i, k, j] = above + (lower[left, j] + lower[right, j])


@njit(**_FAST)  # type: ignore[untyped-decorator]
def relu_gradient(out: Floats, d: Floats) -> None:
    """Keep the gradients ``d [n]`` where the output is not 0.

    Examples
    --------
    >>> d = np.ones(3, f32)
    >>> relu_gradient(np.array([0, 2, 0], f32), d)
    >>> d.tolist()
    [0.0, 1.0, 0.0]
    """
    for j in range(len(d)):
        d[j] = d[j] if out[j] > 0 else f32(0)


@njit(**_FAST)  # type: ignore[untyped-decorator]
def adam(
    values: Floats,
    d_values: Floats,
    moments: Floats,
    step: f32,
    unbias: f32,
    epsilon: f32,
    decays: tuple[f32, f32, f32],
) -> None:
    """Make Adam's step on ``values [n]`` (Kingma and Ba 2014), with ``moments [2, n]``.

    ``step`` is the step size over the first moments' bias, ``unbias`` the square root of one over
    the second's; ``decays`` are, of the betas, one less the first, the second, and one less it.

    Examples
    --------
    >>> values, d_values, moments = np.ones(1, f32), np.full(1, 7, f32), np.zeros((2, 1), f32)
    >>> decays = f32(0.1), f32(0.999), f32(0.001)
    >>> adam(values, d_values, moments, f32(0.5 / 0.1), f32(0.001**-0.5), f32(0), decays)
    >>> values.round(4).tolist()
    [0.5]
    """
    new_mean, old_square, new_square = decays
    for j in range(len(values)):
        d = d_values[j]
        mean = moments[0, j] + (d - moments[0, j]) * new_mean
        square = moments[1, j] * old_square + d * d * new_square
        moments[0, j], moments[1, j] = mean, square
        values[j] -= step * mean / (np.sqrt(square) * unbias + epsilon)
