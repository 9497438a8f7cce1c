"""Sixteen numbers at a time, for numba.

numba has no such values: it leaves it to its compiler to see which neighbours can be worked on
together, and where arrays might overlap the compiler asks, before every sixteen, whether they do. A
value that holds all sixteen needs no asking, and stays in a register from one loop to the next.

A change here is not noticed by the caches of compiled functions, ``metanet_lib/*/__pycache__``:
they have to go.

Examples
--------
>>> import numpy as np
>>> from numba import njit
>>> double = njit(lambda x: store(x, (0,), load(x, (0,)) + load(x, (0,))))
>>> x = np.arange(18, dtype=np.float32)
>>> double(x)
>>> print(x[14:])
[28. 30. 16. 17.]
"""

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

LANES = 16
"""How many numbers a vector has."""

NUMBER, VECTOR = ir.FloatType(), ir.VectorType(ir.FloatType(), LANES)
_SAME_PLACE = ir.VectorType(ir.IntType(32), LANES)
_FAST = ("reassoc", "contract", "arcp", "nsz")  # sums in any order
_UNALIGNED = 4  # bytes: a row may begin at any number


class Vector(types.Type):
    """The type of sixteen float32 numbers in numba's functions; they are added, multiplied etc.

    Examples
    --------
    >>> Vector()
    Vector
    """

    def __init__(self) -> None:
        super().__init__("Vector")


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, VECTOR)  # type: ignore[no-untyped-call]


_vector = Vector()


def spread(build: Any, number: Any) -> Any:
    """Return the compiler's word for a vector that holds ``number`` sixteen times.

    Examples
    --------
    >>> build = ir.IRBuilder(ir.Function(ir.Module(), ir.FunctionType(NUMBER, []), "one")
    ...     .append_basic_block())
    >>> print(spread(build, ir.Constant(NUMBER, 1.0)).type)
    <16 x float>
    """
    undefined = ir.Constant(VECTOR, ir.Undefined)
    one = build.insert_element(undefined, number, ir.IntType(32)(0))
    return build.shuffle_vector(one, undefined, ir.Constant(_SAME_PLACE, [0] * LANES))


def _load(_: Any, array: types.Array, place: types.BaseTuple) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        return build.load(_at(context, build, signature, args), align=_UNALIGNED)

    return _vector(array, place), generate


def _store(_: Any, array: types.Array, place: types.BaseTuple, value: Vector) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        build.store(args[2], _at(context, build, signature, args), align=_UNALIGNED)
        return context.get_dummy_value()

    return types.void(array, place, value), generate


def _at(context: Any, build: Any, signature: Any, args: Any) -> Any:
    """Return a pointer to the vector that begins at a place of an array."""
    array, place = signature.args[:2]
    view = context.make_array(array)(context, build, args[0])
    indices = [
        context.cast(build, index, kind, types.intp)
        for index, kind in zip(cgutils.unpack_tuple(build, args[1]), place, strict=True)
    ]
    pointer = cgutils.get_item_pointer(context, build, array, view, indices)
    return build.bitcast(pointer, VECTOR.as_pointer())


def _fill(_: Any, number: types.Number) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        return spread(build, context.cast(build, args[0], signature.args[0], types.float32))

    return _vector(number), generate


def _root(_: Any, value: Vector) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR])
        root = cgutils.get_or_insert_function(build.module, kind, "llvm.sqrt.v16f32")
        return build.call(root, args, fastmath=_FAST)

    return _vector(value), generate


def _total(_: Any, value: Vector) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(NUMBER, [NUMBER, VECTOR])
        add = cgutils.get_or_insert_function(build.module, kind, "llvm.vector.reduce.fadd.v16f32")
        return build.call(add, [ir.Constant(NUMBER, 0.0), *args], fastmath=_FAST)

    return types.float32(value), generate


def _where_positive(_: Any, sign: Vector, value: Vector) -> Any:
    def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(VECTOR, [0.0] * LANES)
        return build.select(build.fcmp_ordered(">", args[0], zero), args[1], zero)

    return _vector(sign, value), generate


load: Any = intrinsic(_load)
"""``load(array, (i, j))``: the sixteen neighbours from that place on, float32."""
store: Any = intrinsic(_store)
"""``store(array, (i, j), vector)`` writes them there."""
fill: Any = intrinsic(_fill)
"""``fill(number)``: a vector of sixteen times that number."""
root: Any = intrinsic(_root)
"""``root(vector)``: the square roots."""
total: Any = intrinsic(_total)
"""``total(vector)``: the sum of the sixteen, in any order."""
where_positive: Any = intrinsic(_where_positive)
"""``where_positive(sign, vector)``: the vector's numbers where those of ``sign`` are above 0."""


def _operator(sign: Any, name: str) -> None:
    def apply(_: Any, a: Vector, b: Vector) -> Any:
        def generate(context: Any, build: Any, signature: Any, args: Any) -> Any:
            return getattr(build, name)(*args, flags=_FAST)

        return _vector(a, b), generate

    applied: Any = intrinsic(apply)

    def result(a: Any, b: Any) -> Any:
        return applied(a, b)

    @overload(sign, inline="always")
    def _(a: Any, b: Any) -> Any:
        return result if isinstance(a, Vector) and isinstance(b, Vector) else None


for _sign, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_sign, _name)
