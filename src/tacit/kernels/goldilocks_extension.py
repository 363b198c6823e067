"""The quadratic extension F_p[X] / (X^2 - 7) of the Goldilocks field: arrays (n, 2) of a0 + a1 X.

Its 2^128 elements are what a proof draws its challenges from: the field itself has too few. X^2 - 7 is irreducible,
since 7 generates the multiplicative group and so is no square. Words in and out are as in `goldilocks`; addition
and subtraction are `goldilocks.add` and `goldilocks.subtract` on the same arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.kernels import goldilocks
from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.arrays import Array, address, apart, readable, writable
from tacit.kernels.goldilocks import Words
from tacit.kernels.lanes import (
    LANES,
    Builder,
    Value,
    address_type,
    compiled,
    constant,
    emitted,
    load,
    shuffle,
    store,
    vector,
)

NON_RESIDUE = 7  # X^2


def multiply(x: Words, y: Words, out: Words | None = None) -> Words:
    """x * y, element by element, for arrays (n, 2); one of them may be a single element (1, 2)."""
    x, y = _elements("x", x), _elements("y", y)
    shape = np.broadcast_shapes(x.shape, y.shape)
    result = np.empty(shape, dtype=np.uint64) if out is None else writable("out", out, np.uint64, shape)
    x, y = (apart(np.ascontiguousarray(np.broadcast_to(operand, shape)), result) for operand in (x, y))
    _multiply(address(result), address(x), address(y), len(result))
    return result


def invert(x: Words) -> Words:
    """1 / x, element by element, for an array (n, 2); `ZeroDivisionError` if any is zero.

    1 / (a0 + a1 X) = (a0 - a1 X) / (a0^2 - 7 a1^2), and that norm is zero for zero alone.
    """
    x = _elements("x", x)
    real, other = np.ascontiguousarray(x[:, 0]), np.ascontiguousarray(x[:, 1])
    squares = goldilocks.multiply(goldilocks.square(other), NON_RESIDUE)
    inverse = goldilocks.invert(goldilocks.subtract(goldilocks.square(real), squares))
    conjugate = goldilocks.multiply(goldilocks.negate(other), inverse)
    return np.stack([goldilocks.multiply(real, inverse), conjugate], axis=1)


def _elements(name: str, array: Array) -> Words:
    words = readable(name, array, np.uint64, 2)
    if words.shape[1] != 2:
        raise ValueError(f"{name} must have shape (n, 2), not {words.shape}")
    return words


def _product(lanes: int) -> Callable[[int, int, int], None]:
    """Karatsuba on `lanes` elements: three products instead of four, and one by the constant 7."""

    @emitted(address_type, address_type, address_type)
    def write(builder: Builder, out: Value, x: Value, y: Value) -> None:
        (x0, x1), (y0, y1) = _split(builder, x, lanes), _split(builder, y, lanes)
        low = field.canonical(builder, field.multiply(builder, x0, y0))
        high = field.canonical(builder, field.multiply(builder, x1, y1))
        cross = field.multiply(builder, field.add(builder, x0, x1), field.add(builder, y0, y1))
        cross = field.subtract_bounded(builder, field.subtract_bounded(builder, cross, low), high)
        seven = field.multiply(builder, high, constant(high.type, NON_RESIDUE))
        _join(builder, field.add_bounded(builder, seven, low), cross, out, lanes)

    return write


def _split(builder: Builder, where: Value, lanes: int) -> tuple[Value, Value]:
    """The real and the other halves of `lanes` elements that lie interleaved at an address."""
    both = load(builder, where, vector(2 * lanes))
    return shuffle(builder, both, both, range(0, 2 * lanes, 2)), shuffle(builder, both, both, range(1, 2 * lanes, 2))


def _join(builder: Builder, real: Value, other: Value, where: Value, lanes: int) -> None:
    order = [half * lanes + lane for lane in range(lanes) for half in range(2)]
    real, other = field.canonical(builder, real), field.canonical(builder, other)
    store(builder, shuffle(builder, real, other, order), where)


_multiply_eight, _multiply_one = _product(LANES), _product(1)


@compiled
def _multiply(out: int, x: int, y: int, count: int) -> None:
    body = count - count % LANES
    for i in range(0, body, LANES):
        _multiply_eight(out + 16 * i, x + 16 * i, y + 16 * i)
    for i in range(body, count):
        _multiply_one(out + 16 * i, x + 16 * i, y + 16 * i)
