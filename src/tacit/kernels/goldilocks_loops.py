"""The compiled part of `goldilocks`: eight words at a time, the rest one at a time.

Arguments are addresses, and `count` a number of words; a `step` is how many bytes an operand moves on for each word.
"""

from __future__ import annotations

from collections.abc import Callable

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.lanes import LANES, Builder, Value, address_type, compiled, emitted, load, store, vector, words_at

CHAINS = 4 * LANES  # dependent products that run side by side: enough to hide one product's latency


def _lanewise(operation: Callable[..., Value], lanes: int) -> Callable[[int, int, int], None]:
    """An operation of the field on `lanes` words: from two addresses to a third."""

    @emitted(address_type, address_type, address_type)
    def write(builder: Builder, out: Value, x: Value, y: Value) -> None:
        kind = vector(lanes)
        result = operation(builder, load(builder, x, kind), load(builder, y, kind))
        store(builder, field.canonical(builder, result), out)

    return write


def _accumulate(lanes: int) -> Callable[[int, int, int], None]:
    """Add the products of `lanes` words to as many sums, which may be any words."""

    @emitted(address_type, address_type, address_type)
    def write(builder: Builder, total: Value, x: Value, y: Value) -> None:
        kind = vector(lanes)
        product = field.multiply(builder, load(builder, x, kind), load(builder, y, kind))
        store(builder, field.add(builder, load(builder, total, kind), product), total)

    return write


_add_eight, _add_one = _lanewise(field.add, LANES), _lanewise(field.add, 1)
_subtract_eight, _subtract_one = _lanewise(field.subtract, LANES), _lanewise(field.subtract, 1)
_multiply_eight, _multiply_one = _lanewise(field.multiply, LANES), _lanewise(field.multiply, 1)
_accumulate_eight, _accumulate_one = _accumulate(LANES), _accumulate(1)


@compiled
def add(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    """out[i] = x[i] + y[i]."""
    body = count - count % LANES
    for i in range(0, body, LANES):
        _add_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _add_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def subtract(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    """out[i] = x[i] - y[i]."""
    body = count - count % LANES
    for i in range(0, body, LANES):
        _subtract_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _subtract_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def multiply(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    """out[i] = x[i] * y[i]."""
    body = count - count % LANES
    for i in range(0, body, LANES):
        _multiply_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _multiply_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def dot(sums: int, x: int, y: int, count: int) -> None:
    """Add to 8 sums the products in 8 lanes, and to a ninth those that are left over."""
    body = count - count % LANES
    for i in range(0, body, LANES):
        _accumulate_eight(sums, x + 8 * i, y + 8 * i)
    for i in range(body, count):
        _accumulate_one(sums + 8 * LANES, x + 8 * i, y + 8 * i)


@compiled
def extend_powers(words: int, factors: int, count: int) -> None:
    """words[i] = words[i - 32] * the factor, from i = 32 on."""
    body = count - count % LANES
    for i in range(CHAINS, body, LANES):
        _multiply_eight(words + 8 * i, words + 8 * (i - CHAINS), factors)
    for i in range(max(CHAINS, body), count):
        _multiply_one(words + 8 * i, words + 8 * (i - CHAINS), factors)


@compiled
def multiply_up(out: int, x: int, count: int) -> None:
    """out[i] = x[i] * out[i - 32], from i = 32 on."""
    body = count - count % LANES
    for i in range(CHAINS, body, LANES):
        _multiply_eight(out + 8 * i, x + 8 * i, out + 8 * (i - CHAINS))
    for i in range(max(CHAINS, body), count):
        _multiply_one(out + 8 * i, x + 8 * i, out + 8 * (i - CHAINS))


@compiled
def invert_down(out: int, x: int, inverses: int, count: int) -> None:
    """From the products in `out` and the inverses of each chain's last one, the inverses of every x, in `out`."""
    body = count - count % LANES
    for i in range(count - 1, max(CHAINS, body) - 1, -1):
        inverse = inverses + 8 * (i % CHAINS)
        _multiply_one(out + 8 * i, inverse, out + 8 * (i - CHAINS))
        _multiply_one(inverse, inverse, x + 8 * i)
    for i in range(body - LANES, CHAINS - LANES, -LANES):
        inverse = inverses + 8 * (i % CHAINS)
        _multiply_eight(out + 8 * i, inverse, out + 8 * (i - CHAINS))
        _multiply_eight(inverse, inverse, x + 8 * i)
    kept, result = words_at(inverses), words_at(out)
    for i in range(min(count, CHAINS)):
        result[i] = kept[i]
