"""The compiled part of `sumcheck` for products of any number of tables: one factor after another.

Arguments and sums are as in `sumcheck_loops`. A product lies in a room of its own, of twice eight words, while its
factors pass by.
"""

from __future__ import annotations

from collections.abc import Callable

from tacit.kernels import extension_lanes as extension
from tacit.kernels.extension_lanes import Pair, load_extension
from tacit.kernels.lanes import (
    LANES,
    Builder,
    Value,
    address_type,
    broadcast,
    compiled,
    emitted,
    integers_at,
    load,
    store,
    vector,
)
from tacit.kernels.sumcheck_loops import REST, SUM_WORDS, accumulate, halves


def _times_line(lanes: int) -> Callable[..., None]:
    """product *= a line at a number; the product lies as `lanes` real words and then as many others."""

    @emitted(*[address_type] * 4)
    def write(builder: Builder, product: Value, half: Value, table: Value, number: Value) -> None:
        low, high = halves(builder, load_extension, table, half, lanes)
        slope = extension.subtract(builder, high, low)
        at = extension.add(builder, low, extension.multiply(builder, slope, broadcast(builder, number, vector(lanes))))
        real, other = extension.multiply(builder, _planar(builder, product, lanes), at)
        store(builder, real, product)
        store(builder, other, product, offset=8 * lanes)

    return write


def _start_product(lanes: int) -> Callable[..., None]:
    """product = a table's elements, as they are where the lines begin."""

    @emitted(*[address_type] * 2)
    def write(builder: Builder, product: Value, table: Value) -> None:
        real, other = load_extension(builder, table, lanes)
        store(builder, real, product)
        store(builder, other, product, offset=8 * lanes)

    return write


def _add_product(lanes: int) -> Callable[..., None]:
    """Add a product to a sum."""

    @emitted(*[address_type] * 2)
    def write(builder: Builder, sums: Value, product: Value) -> None:
        accumulate(builder, sums, 0, _planar(builder, product, lanes), lanes)

    return write


def _planar(builder: Builder, where: Value, lanes: int) -> Pair:
    return load(builder, where, vector(lanes)), load(builder, where, vector(lanes), offset=8 * lanes)


_start_eight, _start_one = _start_product(LANES), _start_product(1)
_times_eight, _times_one = _times_line(LANES), _times_line(1)
_finish_eight, _finish_one = _add_product(LANES), _add_product(1)


@compiled
def weighted_many(
    sums: int, half: int, begin: int, end: int, weights: int, tables: int, count: int, places: int, room: int
) -> None:
    """The sum of weight * product of `count` tables, at 0, 1, ..., `places` - 1; `tables` are their addresses."""
    where = integers_at(tables)
    body = end - (end - begin) % LANES
    for place in range(places):
        to = sums + 8 * SUM_WORDS * place
        for i in range(16 * begin, 16 * body, 16 * LANES):
            _start_eight(room, weights + i)
            for table in range(count):
                _times_eight(room, half, where[table] + i, place)
            _finish_eight(to, room)
        for i in range(16 * body, 16 * end, 16):
            _start_one(room, weights + i)
            for table in range(count):
                _times_one(room, half, where[table] + i, place)
            _finish_one(to + REST, room)
