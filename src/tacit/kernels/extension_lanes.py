"""The quadratic extension on vectors: what `sumcheck` is emitted from, as `goldilocks_lanes` is for the field itself.

An operand is a vector of base elements, or a pair (real, other) of such vectors for elements of the extension; words
are *any*, that is they stand for themselves modulo p. In memory an element of the extension is two words side by side.
"""

from __future__ import annotations

from typing import TypeAlias

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.lanes import Builder, Value, constant, load, shuffle, store, vector

Pair: TypeAlias = tuple[Value, Value]
Operand: TypeAlias = Value | Pair  # Value is Any: a pair is told apart by being a tuple

BASE_BYTES, EXTENSION_BYTES = 8, 16  # of one element


def load_base(builder: Builder, where: Value, lanes: int, offset: int | Value = 0) -> Value:
    """`lanes` base elements that lie at an address."""
    return load(builder, where, vector(lanes), offset=offset)


def load_extension(builder: Builder, where: Value, lanes: int, offset: int | Value = 0) -> Pair:
    """`lanes` elements of the extension that lie at an address."""
    both = load(builder, where, vector(2 * lanes), offset=offset)
    return shuffle(builder, both, both, range(0, 2 * lanes, 2)), shuffle(builder, both, both, range(1, 2 * lanes, 2))


def store_extension(builder: Builder, x: Pair, where: Value, lanes: int) -> None:
    """Write `lanes` elements of the extension, in canonical words."""
    order = [half * lanes + lane for lane in range(lanes) for half in range(2)]
    real, other = field.canonical(builder, x[0]), field.canonical(builder, x[1])
    store(builder, shuffle(builder, real, other, order), where)


def add(builder: Builder, x: Operand, y: Operand) -> Operand:
    """x + y of two operands of one kind."""
    if isinstance(x, tuple):
        return field.add(builder, x[0], y[0]), field.add(builder, x[1], y[1])
    return field.add(builder, x, y)


def subtract(builder: Builder, x: Operand, y: Operand) -> Operand:
    """x - y of two operands of one kind."""
    if isinstance(x, tuple):
        return field.subtract(builder, x[0], y[0]), field.subtract(builder, x[1], y[1])
    return field.subtract(builder, x, y)


def multiply(builder: Builder, x: Operand, y: Operand) -> Operand:
    """x * y of operands of any kinds: of the extension if one of them is."""
    if isinstance(x, tuple) and isinstance(y, tuple):
        return _karatsuba(builder, x, y)
    if isinstance(x, tuple):
        return field.multiply(builder, x[0], y), field.multiply(builder, x[1], y)
    if isinstance(y, tuple):
        return field.multiply(builder, x, y[0]), field.multiply(builder, x, y[1])
    return field.multiply(builder, x, y)


def _karatsuba(builder: Builder, x: Pair, y: Pair) -> Pair:
    """Three products instead of four."""
    low = field.canonical(builder, field.multiply(builder, x[0], y[0]))
    high = field.canonical(builder, field.multiply(builder, x[1], y[1]))
    cross = field.multiply(builder, field.add(builder, x[0], x[1]), field.add(builder, y[0], y[1]))
    cross = field.subtract_bounded(builder, field.subtract_bounded(builder, cross, low), high)
    return field.add_bounded(builder, _seven_times(builder, high), low), cross


def _seven_times(builder: Builder, x: Value) -> Value:
    """7 x for a canonical x: 8 x, whose three uppermost bits are worth 2^32 - 1 each, less x."""
    kind = x.type
    carried = builder.lshr(x, constant(kind, 61))
    carried = builder.sub(builder.shl(carried, constant(kind, 32)), carried)
    eight = field.add_bounded(builder, builder.shl(x, constant(kind, 3)), carried)
    return field.subtract_bounded(builder, eight, x)
