"""Vectors over an extension of degree 48, each element times a public weight of bits.

The extension is R[X] / f with f = X^48 + X^5 + X^3 + X^2 + 1 and R the integers modulo 2^64 or modulo 2. A vector of n
elements is 48 planes of coefficients: words (48, n) over Z_2^64, packed bits (48, ceil(n / 64)) over Z_2. A weight has
coefficients 0 and 1, so a product is 48 additions of the vector, each shifted by one place more and only where the
weight's bit is set, and then the places from 48 on are folded down by f.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils

from tacit.kernels.arrays import address, readable, writable
from tacit.kernels.lanes import (
    LANES,
    Builder,
    Value,
    address_type,
    compiled,
    constant,
    emitted,
    load,
    store,
    vector,
    word_type,
    words_at,
)

Words = npt.NDArray[np.uint64]

DEGREE = 48
TAPS = (0, 2, 3, 5)  # X^48 is minus the sum of these powers
PLACES = 2 * DEGREE - 1  # coefficients of a product before it is reduced
STEP = 8 * LANES  # bytes of a vector


def weigh(vectors: Words, weights: Words) -> None:
    """vectors *= weights over Z_2^64, in place: uint64 (48, n), and packed bits (48, ceil(n / 64))."""
    values = writable("vectors", vectors, np.uint64, (DEGREE, np.shape(vectors)[-1]))
    bits = readable("weights", weights, np.uint64, 2)
    if bits.shape != (DEGREE, -(-values.shape[1] // 64)):
        raise ValueError(
            f"{values.shape[1]} weights have shape {(DEGREE, -(-values.shape[1] // 64))}, not {bits.shape}"
        )
    room = np.empty((PLACES + DEGREE) * LANES, dtype=np.uint64)
    _weigh(address(values), address(bits), values.shape[1], bits.shape[1], address(room))


def weigh_bits(vectors: Words, weights: Words) -> None:
    """vectors *= weights over Z_2, in place: both packed bits (48, w)."""
    values = writable("vectors", vectors, np.uint64, (DEGREE, np.shape(vectors)[-1]))
    bits = readable("weights", weights, np.uint64, 2)
    if bits.shape != values.shape:
        raise ValueError(f"vectors have shape {values.shape} and weights {bits.shape}")
    room = np.empty((PLACES + 2 * DEGREE) * LANES, dtype=np.uint64)
    _weigh_bits(address(values), address(bits), values.shape[1], address(room))


def _rows(builder: Builder, count: int, body: Callable[[Value], None]) -> None:
    """A loop whose body is given the number of the row."""
    with cgutils.for_range(builder, ir.Constant(ir.IntType(64), count)) as loop:
        body(loop.index)


def _times(builder: Builder, index: Value, step: Value | int) -> Value:
    return builder.mul(index, ir.Constant(ir.IntType(64), step) if isinstance(step, int) else step)


@emitted(address_type, address_type, address_type, word_type)
def _add_where(builder: Builder, sums: Value, values: Value, step: Value, mask: Value) -> None:
    """sums[i] += values[i] in the lanes whose bit of `mask` is set, for 48 vectors `step` bytes apart."""
    kind = vector(LANES)
    lanes = builder.bitcast(builder.trunc(mask, ir.IntType(LANES)), vector(LANES, 1))

    def body(row: Value) -> None:
        value = load(builder, values, kind, offset=_times(builder, row, step))
        total = load(builder, sums, kind, offset=_times(builder, row, STEP))
        chosen = builder.select(lanes, value, constant(kind, 0))
        store(builder, builder.add(total, chosen), sums, offset=_times(builder, row, STEP))

    _rows(builder, DEGREE, body)


@emitted(address_type, address_type, address_type, address_type)
def _flip_where(builder: Builder, sums: Value, values: Value, step: Value, mask: Value) -> None:
    """sums[i] ^= values[i] & the vector at `mask`, for 48 vectors `step` bytes apart."""
    kind = vector(LANES)
    chosen = load(builder, mask, kind)

    def body(row: Value) -> None:
        value = builder.and_(load(builder, values, kind, offset=_times(builder, row, step)), chosen)
        total = load(builder, sums, kind, offset=_times(builder, row, STEP))
        store(builder, builder.xor(total, value), sums, offset=_times(builder, row, STEP))

    _rows(builder, DEGREE, body)


def _reduction(field: bool) -> Callable[[int, int, int], None]:
    @emitted(address_type, address_type, address_type)
    def write(builder: Builder, out: Value, step: Value, sums: Value) -> None:
        """Fold the places from 94 down to 48 of a product by f, and write the 48 below, `step` bytes apart."""
        kind = vector(LANES)
        take = builder.xor if field else builder.sub
        places = [load(builder, sums, kind, offset=STEP * place) for place in range(PLACES)]
        for place in range(PLACES - 1, DEGREE - 1, -1):
            for tap in TAPS:
                places[place - DEGREE + tap] = take(places[place - DEGREE + tap], places[place])
        for row in range(DEGREE):
            store(builder, places[row], out, offset=_times(builder, ir.Constant(ir.IntType(64), row), step))

    return write


_reduce, _reduce_bits = _reduction(field=False), _reduction(field=True)


# Eight elements (words) at a time are moved side by side first: 48 rows whose distance is a power of two would fall on
# the same few places of the cache.


@compiled
def _weigh(vectors: int, weights: int, count: int, weight_words: int, room: int) -> None:
    spare = room + STEP * PLACES
    for first in range(0, count, LANES):
        wide = min(LANES, count - first)
        _move(spare, STEP, vectors + 8 * first, 8 * count, wide)
        _clear(room, PLACES * LANES)
        for place in range(DEGREE):
            bits = words_at(weights + 8 * (place * weight_words + first // 64))[0] >> np.uint64(first % 64)
            _add_where(room + STEP * place, spare, STEP, bits)
        _reduce(spare, STEP, room)
        _move(vectors + 8 * first, 8 * count, spare, STEP, wide)


@compiled
def _weigh_bits(vectors: int, weights: int, count: int, room: int) -> None:
    spare = room + STEP * PLACES
    masks = spare + STEP * DEGREE
    for first in range(0, count, LANES):
        wide = min(LANES, count - first)
        _move(spare, STEP, vectors + 8 * first, 8 * count, wide)
        _move(masks, STEP, weights + 8 * first, 8 * count, wide)
        _clear(room, PLACES * LANES)
        for place in range(DEGREE):
            _flip_where(room + STEP * place, spare, STEP, masks + STEP * place)
        _reduce_bits(spare, STEP, room)
        _move(vectors + 8 * first, 8 * count, spare, STEP, wide)


@compiled
def _clear(out: int, count: int) -> None:
    target = words_at(out)
    for i in range(count):
        target[i] = 0


@compiled
def _move(out: int, out_step: int, source: int, step: int, wide: int) -> None:
    """`wide` words of each of 48 rows."""
    for row in range(DEGREE):
        target, values = words_at(out + row * out_step), words_at(source + row * step)
        for i in range(wide):
            target[i] = values[i]
