"""The Goldilocks field on vectors: what `goldilocks`, `goldilocks_extension` and `ntt` are emitted from.

p = 2^64 - 2^32 + 1, so modulo p: 2^64 = 2^32 - 1 (called EPSILON here) and 2^96 = -1. A product of 128 bits, cut into
a low word, and a high word of halves h1 and h0, is therefore low - h1 + h0 * EPSILON.

Three kinds of operand, since most corrections can be left out inside a longer computation:

- *any*: any word; it stands for itself modulo p;
- *bounded*: at most p, so that one correction suffices when it is added to or subtracted from any word;
- *canonical*: in [0, p), what every public function gives.
"""

from __future__ import annotations

from tacit.kernels.lanes import Builder, Value, constant

MODULUS = 2**64 - 2**32 + 1
EPSILON = 2**32 - 1


def multiply(builder: Builder, x: Value, y: Value) -> Value:
    """x * y: any times any gives any.

    Four products of 32-bit halves. LLVM has no vector product of 64 bits by 64 into 128, and its own expansion of
    the low 64 bits beside the high ones was a third slower than putting them together from these halves.
    """
    half, shift = constant(x.type, EPSILON), constant(x.type, 32)
    x0, x1 = builder.and_(x, half), builder.lshr(x, shift)
    y0, y1 = builder.and_(y, half), builder.lshr(y, shift)
    low, high = builder.mul(x0, y0), builder.mul(x1, y1)
    middle = builder.add(builder.mul(x1, y0), builder.lshr(low, shift))  # cannot carry: (2^32-1)^2 + 2^32-1 < 2^64
    rest = builder.add(builder.mul(x0, y1), builder.and_(middle, half))
    low = builder.or_(builder.shl(rest, shift), builder.and_(low, half))
    high = builder.add(builder.add(high, builder.lshr(middle, shift)), builder.lshr(rest, shift))
    return reduce(builder, low, high)


def reduce(builder: Builder, low: Value, high: Value) -> Value:
    """low + 2^64 * high: any from any."""
    half, shift = constant(low.type, EPSILON), constant(low.type, 32)
    upper, lower = builder.lshr(high, shift), builder.and_(high, half)
    difference = subtract_bounded(builder, low, upper)
    return add_bounded(builder, difference, builder.sub(builder.shl(lower, shift), lower))


def times_fourth_root(builder: Builder, x: Value) -> Value:
    """x * 2^48, which is a square root of -1 since 2^96 = -1: any from any, by shifts alone."""
    return reduce(builder, builder.shl(x, constant(x.type, 48)), builder.lshr(x, constant(x.type, 16)))


def add_bounded(builder: Builder, x: Value, y: Value) -> Value:
    """x + y: any plus bounded gives any. A carry out of 64 bits is worth EPSILON, and adding that cannot carry."""
    total = builder.add(x, y)
    carried = builder.icmp_unsigned("<", total, y)
    return builder.select(carried, builder.add(total, constant(x.type, EPSILON)), total)


def subtract_bounded(builder: Builder, x: Value, y: Value) -> Value:
    """x - y: any minus bounded gives any."""
    difference = builder.sub(x, y)
    borrowed = builder.icmp_unsigned("<", x, y)
    return builder.select(borrowed, builder.sub(difference, constant(x.type, EPSILON)), difference)


def canonical(builder: Builder, x: Value) -> Value:
    """x in [0, p): from any, since every word is below 2p. Of x and x - p modulo 2^64 it is the smaller one."""
    less = builder.sub(x, constant(x.type, MODULUS))
    return builder.select(builder.icmp_unsigned("<", less, x), less, x)


def add(builder: Builder, x: Value, y: Value) -> Value:
    """x + y: any from any."""
    return add_bounded(builder, x, canonical(builder, y))


def subtract(builder: Builder, x: Value, y: Value) -> Value:
    """x - y: any from any."""
    return subtract_bounded(builder, x, canonical(builder, y))
