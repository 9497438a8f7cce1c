"""Two words that numba lacks: a product whose sums stay in registers, and a request to the memory.

Both are written in the language of numba's own compiler. A change here is not noticed by the caches
of compiled functions, ``metanet_lib/*/__pycache__``: they have to go.
"""

from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from metanet_lib.zoo.vectors import LANES, NUMBER, VECTOR, spread

_TILE = 16 if get_host_cpu_features().get("avx512f") else 4  # vectors that registers hold
_CACHE_LINE = 64  # bytes
TILE_ROWS = 16
"""The rows of every tile divide this."""


def product(width: int, scattered: bool = False) -> Any:
    """Return a product for numba, ``multiply(a, b, out)``: it writes ``a b`` into ``out``.

    ``a [r, n]`` may be transposed; ``b [n, width]`` and ``out [r, width]`` hold rows of neighbours.
    It is fastest where :data:`TILE_ROWS` divides ``r``. If ``scattered``, it is
    ``multiply(a, b, offsets, out)``: row ``t`` of the right side begins at ``b[offsets[t]]``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> multiply, out = product(width=16), np.empty((16, 16), np.float32)
    >>> a, b = np.ones((16, 5), np.float32), np.ones((5, 16), np.float32)
    >>> njit(lambda a, b, out: multiply(a, b, out))(a, b, out)
    >>> print(out.min(), out.max())
    5.0 5.0
    """
    index, byte = ir.IntType(64), ir.IntType(8)
    vectors = range(width // LANES)  # of a row
    zero = ir.Constant(VECTOR, [0.0] * LANES)

    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        views = [
            cgutils.create_struct_proxy(kind)(context, build, value)
            for kind, value in zip(signature.args, args, strict=True)
        ]
        starts = [build.bitcast(view.data, byte.as_pointer()) for view in views]
        strides = [cgutils.unpack_tuple(build, view.strides) for view in views]
        (a_row, a_term), (b_term, *_), (out_row, _) = strides[0], strides[1], strides[-1]
        length, terms = cgutils.unpack_tuple(build, views[0].shape)

        def at(start: Any, row: Any, stride: Any, v: int = 0, kind: Any = VECTOR) -> Any:
            offset = build.add(build.mul(row, stride), index(4 * LANES * v))
            return build.bitcast(build.gep(start, [offset]), kind.as_pointer())

        def row_of_b(term: Any) -> Any:
            if scattered:
                term = build.load(at(starts[2], term, strides[2][0], kind=index))
            return [build.load(at(starts[1], term, b_term, v), align=4) for v in vectors]

        def tile(first: Any, rows: range) -> None:
            of_a, of_out = at(starts[0], first, a_row), at(starts[-1], first, out_row)
            of_a, of_out = (build.bitcast(p, byte.as_pointer()) for p in (of_a, of_out))
            totals = {(r, v): cgutils.alloca_once(build, VECTOR) for r in rows for v in vectors}
            for total in totals.values():
                build.store(zero, total)
            with cgutils.for_range(build, terms) as term:
                right = row_of_b(term.index)
                column = build.bitcast(at(of_a, term.index, a_term), byte.as_pointer())
                for r in rows:
                    many = spread(build, build.load(at(column, index(r), a_row, kind=NUMBER)))
                    for v in vectors:
                        added = build.fmul(many, right[v], flags=("contract",))
                        total = build.load(totals[r, v])
                        total = build.fadd(total, added, flags=("contract",))
                        build.store(total, totals[r, v])
            for (r, v), total in totals.items():
                build.store(build.load(total), at(of_out, index(r), out_row, v), align=4)

        rows = max(1, _TILE // len(vectors))
        whole = build.sub(length, build.urem(length, index(rows)))
        with cgutils.for_range_slice(build, index(0), whole, index(rows)) as (first, _):
            tile(first, range(rows))
        with cgutils.for_range_slice(build, whole, length, index(1)) as (first, _):
            tile(first, range(1))
        return context.get_dummy_value()

    if scattered:
        return intrinsic(lambda _, a, b, offsets, out: (types.void(a, b, offsets, out), generate))
    return intrinsic(lambda _, a, b, out: (types.void(a, b, out), generate))


def _prefetch(_: Any, array: types.Array, row: types.Integer) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        view = cgutils.create_struct_proxy(signature.args[0])(context, build, args[0])
        byte, word, index = ir.IntType(8).as_pointer(), ir.IntType(32), ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        ask = cgutils.get_or_insert_function(build.module, kind, "llvm.prefetch.p0")
        place = context.cast(build, args[1], signature.args[1], types.intp)
        stride, _ = cgutils.unpack_tuple(build, view.strides)
        start = build.gep(build.bitcast(view.data, byte), [build.mul(place, stride)])
        lines = cgutils.for_range_slice(build, index(0), stride, index(_CACHE_LINE))
        with lines as (line, _):
            there = build.gep(start, [line])
            build.call(ask, [there, word(0), word(2), word(1)])  # to read; level 2; data
        return context.get_dummy_value()

    return types.void(array, row), generate


prefetch: Any = intrinsic(_prefetch)
"""``prefetch(array, row)`` asks for a row, so that it is in the cache when it is needed."""
