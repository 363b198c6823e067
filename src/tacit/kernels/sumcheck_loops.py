"""The compiled part of `sumcheck`: eight elements at a time, the rest one at a time.

Arguments are addresses and numbers of elements. A table of 2 * half elements is two halves, whose elements i are a
pair: the values at 0 and at 1 of a line. `sums` has SUM_WORDS words for each sum: the real words of eight lanes, their
other words, and then both words of the sum of what is left over. A `factor` is an element of the extension as
sixteen words: its real word eight times, then its other word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tacit.kernels import extension_lanes as extension
from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.extension_lanes import Operand, Pair, load_base, load_extension, store_extension
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
)

SUM_WORDS = 2 * LANES + 2
REST = 16 * LANES  # where the sum of what is left over lies, in bytes
Loader = Callable[..., Operand]


def halves(builder: Builder, loader: Loader, where: Value, half: Value, lanes: int) -> tuple[Operand, Operand]:
    """The elements of `lanes` pairs: those at 0, and those at 1."""
    size = 8 if loader is load_base else 16
    return loader(builder, where, lanes), loader(builder, where, lanes, builder.mul(half, half.type(size)))


def accumulate(builder: Builder, sums: Value, place: int, product: Operand, lanes: int) -> None:
    """Add `lanes` elements to the sum of this number."""
    words = product if isinstance(product, tuple) else (product, constant(product.type, 0))
    for part, word in enumerate(words):
        offset = 8 * (SUM_WORDS * place + lanes * part)
        total = field.add(builder, load(builder, sums, vector(lanes), offset=offset), word)
        store(builder, total, sums, offset=offset)


def _product(builder: Builder, factors: Sequence[Operand]) -> Operand:
    """Of base elements first, which are cheap."""
    ordered = sorted(factors, key=lambda each: isinstance(each, tuple))
    result = ordered[0]
    for each in ordered[1:]:
        result = extension.multiply(builder, result, each)
    return result


def _round(loaders: Sequence[Loader], lanes: int) -> Callable[..., None]:
    """Add the products of as many lines at 0, 2, ..., up to their number."""

    @emitted(*[address_type] * (2 + len(loaders)))
    def write(builder: Builder, sums: Value, half: Value, *tables: Value) -> None:
        pairs = [halves(builder, *each, half, lanes) for each in zip(loaders, tables, strict=True)]
        accumulate(builder, sums, 0, _product(builder, [low for low, _ in pairs]), lanes)
        steps = [extension.subtract(builder, high, low) for low, high in pairs]
        at = [high for _, high in pairs]
        for place in range(1, len(loaders)):
            at = [extension.add(builder, value, step) for value, step in zip(at, steps, strict=True)]
            accumulate(builder, sums, place, _product(builder, at), lanes)

    return write


def _weighted(products: int, lanes: int) -> Callable[..., None]:
    """Add weight * (sum of so many products of two lines): its value at 0 and its leading coefficient."""

    @emitted(*[address_type] * (3 + 2 * products))
    def write(builder: Builder, sums: Value, half: Value, weights: Value, *tables: Value) -> None:
        weight = load_extension(builder, weights, lanes)
        pairs = [halves(builder, load_extension, table, half, lanes) for table in tables]
        lows = [low for low, _ in pairs]
        for place, lines in enumerate((lows, [extension.subtract(builder, high, low) for low, high in pairs])):
            total = extension.multiply(builder, lines[0], lines[1])
            if products == 2:
                total = extension.add(builder, total, extension.multiply(builder, lines[2], lines[3]))
            accumulate(builder, sums, place, extension.multiply(builder, total, weight), lanes)

    return write


def _fold(loader: Loader, lanes: int) -> Callable[..., None]:
    """out = low + factor * (high - low)."""

    @emitted(*[address_type] * 4)
    def write(builder: Builder, out: Value, half: Value, table: Value, factor: Value) -> None:
        low, high = halves(builder, loader, table, half, lanes)
        product = extension.multiply(builder, _factor(builder, factor, lanes), extension.subtract(builder, high, low))
        if not isinstance(low, tuple):
            low = low, constant(low.type, 0)
        store_extension(builder, extension.add(builder, product, low), out, lanes)

    return write


def _fractions(loader: Loader, lanes: int) -> Callable[..., None]:
    """The sum of two fractions: numerators p0 q1 + p1 q0 and denominators q0 q1."""

    @emitted(*[address_type] * 5)
    def write(builder: Builder, above: Value, below: Value, half: Value, p: Value, q: Value) -> None:
        p0, p1 = halves(builder, loader, p, half, lanes)
        q0, q1 = halves(builder, load_extension, q, half, lanes)
        total = extension.add(builder, extension.multiply(builder, p0, q1), extension.multiply(builder, p1, q0))
        store_extension(builder, total, above, lanes)
        store_extension(builder, extension.multiply(builder, q0, q1), below, lanes)

    return write


def _scaled_sum(lanes: int) -> Callable[..., None]:
    """out = x + factor * y."""

    @emitted(*[address_type] * 4)
    def write(builder: Builder, out: Value, x: Value, y: Value, factor: Value) -> None:
        product = extension.multiply(builder, _factor(builder, factor, lanes), load_extension(builder, y, lanes))
        store_extension(builder, extension.add(builder, load_extension(builder, x, lanes), product), out, lanes)

    return write


def _split_by(lanes: int) -> Callable[..., None]:
    """high = factor * low, and then low = low - high."""

    @emitted(*[address_type] * 3)
    def write(builder: Builder, low: Value, high: Value, factor: Value) -> None:
        all_of_it = load_extension(builder, low, lanes)
        part = extension.multiply(builder, _factor(builder, factor, lanes), all_of_it)
        store_extension(builder, part, high, lanes)
        store_extension(builder, extension.subtract(builder, all_of_it, part), low, lanes)

    return write


def _factor(builder: Builder, where: Value, lanes: int) -> Pair:
    return load(builder, where, vector(lanes)), load(builder, where, vector(lanes), offset=8 * LANES)


_BE, _EE = (load_base, load_extension), (load_extension, load_extension)
_EBB, _EEE = (load_extension, load_base, load_base), (load_extension,) * 3
_be_eight, _be_one = _round(_BE, LANES), _round(_BE, 1)
_ee_eight, _ee_one = _round(_EE, LANES), _round(_EE, 1)
_ebb_eight, _ebb_one = _round(_EBB, LANES), _round(_EBB, 1)
_eee_eight, _eee_one = _round(_EEE, LANES), _round(_EEE, 1)
_weighted_eight, _weighted_one = _weighted(1, LANES), _weighted(1, 1)
_weighted_two_eight, _weighted_two_one = _weighted(2, LANES), _weighted(2, 1)
_fold_base_eight, _fold_base_one = _fold(load_base, LANES), _fold(load_base, 1)
_fold_eight, _fold_one = _fold(load_extension, LANES), _fold(load_extension, 1)
_fractions_base_eight, _fractions_base_one = _fractions(load_base, LANES), _fractions(load_base, 1)
_fractions_eight, _fractions_one = _fractions(load_extension, LANES), _fractions(load_extension, 1)
_scaled_sum_eight, _scaled_sum_one = _scaled_sum(LANES), _scaled_sum(1)
_split_by_eight, _split_by_one = _split_by(LANES), _split_by(1)


@compiled
def round_be(sums: int, half: int, begin: int, end: int, a: int, b: int) -> None:
    """The sum of products of a base table and one over the extension, pairs begin to end: its values at 0 and 2."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _be_eight(sums, half, a + 8 * i, b + 16 * i)
    for i in range(body, end):
        _be_one(sums + REST, half, a + 8 * i, b + 16 * i)


@compiled
def round_ee(sums: int, half: int, begin: int, end: int, a: int, b: int) -> None:
    """Two tables over the extension: the values at 0 and 2."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _ee_eight(sums, half, a + 16 * i, b + 16 * i)
    for i in range(body, end):
        _ee_one(sums + REST, half, a + 16 * i, b + 16 * i)


@compiled
def round_ebb(sums: int, half: int, begin: int, end: int, a: int, b: int, c: int) -> None:
    """One table over the extension and two base ones: the values at 0, 2 and 3."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _ebb_eight(sums, half, a + 16 * i, b + 8 * i, c + 8 * i)
    for i in range(body, end):
        _ebb_one(sums + REST, half, a + 16 * i, b + 8 * i, c + 8 * i)


@compiled
def round_eee(sums: int, half: int, begin: int, end: int, a: int, b: int, c: int) -> None:
    """Three tables over the extension: the values at 0, 2 and 3."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _eee_eight(sums, half, a + 16 * i, b + 16 * i, c + 16 * i)
    for i in range(body, end):
        _eee_one(sums + REST, half, a + 16 * i, b + 16 * i, c + 16 * i)


@compiled
def weighted(sums: int, half: int, begin: int, end: int, weights: int, a: int, b: int) -> None:
    """The sum of weight * a * b: its value at 0 and its leading coefficient."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _weighted_eight(sums, half, weights + i, a + i, b + i)
    for i in range(16 * body, 16 * end, 16):
        _weighted_one(sums + REST, half, weights + i, a + i, b + i)


@compiled
def weighted_two(sums: int, half: int, begin: int, end: int, weights: int, a: int, b: int, c: int, d: int) -> None:
    """The sum of weight * (a * b + c * d): its value at 0 and its leading coefficient."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _weighted_two_eight(sums, half, weights + i, a + i, b + i, c + i, d + i)
    for i in range(16 * body, 16 * end, 16):
        _weighted_two_one(sums + REST, half, weights + i, a + i, b + i, c + i, d + i)


@compiled
def fold_base(out: int, half: int, begin: int, end: int, table: int, factor: int) -> None:
    """Every pair's line at the factor, of a base table; `out` apart from it."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _fold_base_eight(out + 16 * i, half, table + 8 * i, factor)
    for i in range(body, end):
        _fold_base_one(out + 16 * i, half, table + 8 * i, factor)


@compiled
def fold(out: int, half: int, begin: int, end: int, table: int, factor: int) -> None:
    """Every pair's line at the factor; `out` may be the table."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _fold_eight(out + i, half, table + i, factor)
    for i in range(16 * body, 16 * end, 16):
        _fold_one(out + i, half, table + i, factor)


@compiled
def add_base_fractions(above: int, below: int, half: int, begin: int, end: int, p: int, q: int) -> None:
    """The sums of pairs of fractions with numerators from a base table."""
    body = end - (end - begin) % LANES
    for i in range(begin, body, LANES):
        _fractions_base_eight(above + 16 * i, below + 16 * i, half, p + 8 * i, q + 16 * i)
    for i in range(body, end):
        _fractions_base_one(above + 16 * i, below + 16 * i, half, p + 8 * i, q + 16 * i)


@compiled
def add_fractions(above: int, below: int, half: int, begin: int, end: int, p: int, q: int) -> None:
    """The sums of pairs of fractions."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _fractions_eight(above + i, below + i, half, p + i, q + i)
    for i in range(16 * body, 16 * end, 16):
        _fractions_one(above + i, below + i, half, p + i, q + i)


@compiled
def scaled_sum(out: int, begin: int, end: int, x: int, y: int, factor: int) -> None:
    """out = x + factor * y; `out` may be x or y."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _scaled_sum_eight(out + i, x + i, y + i, factor)
    for i in range(16 * body, 16 * end, 16):
        _scaled_sum_one(out + i, x + i, y + i, factor)


@compiled
def split_by(low: int, high: int, begin: int, end: int, factor: int) -> None:
    """low, high = low - factor * low, factor * low."""
    body = end - (end - begin) % LANES
    for i in range(16 * begin, 16 * body, 16 * LANES):
        _split_by_eight(low + i, high + i, factor)
    for i in range(16 * body, 16 * end, 16):
        _split_by_one(low + i, high + i, factor)
