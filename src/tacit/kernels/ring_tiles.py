"""The compiled part of `ring`: a tile of the result in registers.

Shape of the computation [Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008]: a block of
b is copied so that what the inner loop reads lies in a row; the inner loop then keeps one small tile of the result
in registers while it walks along the inner dimension.

A tile product needs the low 64 bits of 64 by 64. AVX-512 has that as one instruction. Without it, of

    x * y = x0*y0 + 2^32 * (x0*y1 + x1*y0)  modulo 2^64

the first term is one widening 32-bit product, and both cross terms together are one 32-bit product of y with the
halves of x exchanged; the tile sums the two kinds apart and shifts only once, at the end.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from tacit.kernels.lanes import (
    Builder,
    Value,
    address_type,
    broadcast,
    compiled,
    constant,
    emitted,
    load,
    shuffle,
    store,
    target_has,
    vector,
    words_at,
)

WIDE = target_has("avx512dq")
LANES = 8 if WIDE else 4
TILE_ROWS = 4 if WIDE else 2  # rows and columns of the tile: as many sums as there are registers for
TILE_COLUMNS = 2 * LANES
DEPTH = 128  # of the inner dimension in one block: a slab of b then stays in the first cache
WIDTH = 512  # columns of b in one block, which then stays in the second cache


@emitted(address_type, address_type, address_type, address_type, address_type)
def _add_tile(builder: Builder, out: Value, out_step: Value, a: Value, b: Value, depth: Value) -> None:
    """out += a @ b for one tile: `a` is packed (depth, TILE_ROWS), `b` (depth, TILE_COLUMNS), rows of `out` apart."""
    kind = vector(LANES)
    places = [(row, part) for row in range(TILE_ROWS) for part in range(2)]
    sums = {place: _sums(builder, kind) for place in places}
    with cgutils.for_range(builder, depth) as loop:
        a_row = builder.add(a, builder.mul(loop.index, _number(8 * TILE_ROWS)))
        b_row = builder.add(b, builder.mul(loop.index, _number(8 * TILE_COLUMNS)))
        words = [load(builder, b_row, kind, offset=8 * LANES * part) for part in range(2)]
        for row in range(TILE_ROWS):
            factor = broadcast(builder, load(builder, a_row, ir.IntType(64), offset=8 * row), kind)
            for part in range(2):
                _add_product(builder, sums[row, part], factor, words[part])
    for row, part in places:
        where = builder.add(out, builder.mul(out_step, _number(row)))
        total = builder.add(load(builder, where, kind, offset=8 * LANES * part), _total(builder, sums[row, part]))
        store(builder, total, where, offset=8 * LANES * part)


def _sums(builder: Builder, kind: Value) -> list[Value]:
    """The running sums of a tile's place: of whole products, or of the low terms and the cross terms apart."""
    return [cgutils.alloca_once_value(builder, constant(kind, 0)) for _ in range(1 if WIDE else 2)]


def _add_product(builder: Builder, sums: list[Value], x: Value, y: Value) -> None:
    if WIDE:
        terms = [builder.mul(x, y)]
    else:
        half, halves = constant(x.type, 2**32 - 1), vector(2 * LANES, 32)
        whole = builder.bitcast(x, halves)
        exchanged = shuffle(builder, whole, whole, [lane ^ 1 for lane in range(2 * LANES)])
        cross = builder.mul(exchanged, builder.bitcast(y, halves))
        terms = [builder.mul(builder.and_(x, half), builder.and_(y, half)), cross]
    for place, term in zip(sums, terms, strict=True):
        current = builder.bitcast(builder.load(place, typ=x.type), term.type)
        builder.store(builder.bitcast(builder.add(current, term), x.type), place)


def _total(builder: Builder, sums: list[Value]) -> Value:
    kind = vector(LANES)
    values = [builder.load(place, typ=kind) for place in sums]
    if WIDE:
        return values[0]
    low, cross = values  # two sums of 32 bits in each lane of `cross`, both of weight 2^32
    upper = builder.add(builder.shl(cross, constant(kind, 32)), builder.and_(cross, constant(kind, 2**64 - 2**32)))
    return builder.add(low, upper)


def _number(value: int) -> Value:
    return ir.Constant(ir.IntType(64), value)


@compiled
def multiply_blocks(
    out: int, out_step: int,
    a: int, a_down: int, a_right: int,
    b: int, b_down: int, b_right: int,
    rows: int, depth: int, columns: int, blocks: int,
) -> None:  # fmt: skip
    """out += a @ b; `_down` and `_right` are strides in bytes, `blocks` is room for the packed blocks and a tile."""
    packed_a = blocks + 8 * DEPTH * WIDTH
    spare = packed_a + 8 * DEPTH * TILE_ROWS
    for left in range(0, columns, WIDTH):
        width = min(WIDTH, columns - left)
        for top in range(0, depth, DEPTH):
            height = min(DEPTH, depth - top)
            _pack_columns(blocks, b + top * b_down + left * b_right, b_down, b_right, height, width)
            for row in range(0, rows, TILE_ROWS):
                high = min(TILE_ROWS, rows - row)
                _pack_rows(packed_a, a + row * a_down + top * a_right, a_down, a_right, high, height)
                for column in range(0, width, TILE_COLUMNS):
                    wide = min(TILE_COLUMNS, width - column)
                    slab = blocks + 8 * height * column
                    target = out + row * out_step + 8 * (left + column)
                    if high == TILE_ROWS and wide == TILE_COLUMNS:
                        _add_tile(target, out_step, packed_a, slab, height)
                    else:
                        _add_part_of_tile(target, out_step, packed_a, slab, height, high, wide, spare)


@compiled
def _add_part_of_tile(out: int, out_step: int, a: int, b: int, depth: int, high: int, wide: int, spare: int) -> None:
    """The tile product of zero-padded blocks, of which only `high` rows and `wide` columns are in the result."""
    tile = words_at(spare)
    for i in range(TILE_ROWS * TILE_COLUMNS):
        tile[i] = 0
    _add_tile(spare, 8 * TILE_COLUMNS, a, b, depth)
    for i in range(high):
        target = words_at(out + i * out_step)
        for j in range(wide):
            target[j] += tile[i * TILE_COLUMNS + j]


@compiled
def _pack_columns(packed: int, b: int, down: int, right: int, height: int, width: int) -> None:
    """Slabs of TILE_COLUMNS columns of b, one after another, each row by row; the last filled up with zeros."""
    body = width - width % TILE_COLUMNS if right == 8 else 0
    for k in range(height):  # along the rows, as they lie in memory
        source = words_at(b + k * down)
        for column in range(0, body, TILE_COLUMNS):
            target = words_at(packed + 8 * (height * column + k * TILE_COLUMNS))
            for j in range(TILE_COLUMNS):
                target[j] = source[column + j]
    for column in range(body, width, TILE_COLUMNS):
        for j in range(TILE_COLUMNS):
            target = words_at(packed + 8 * (height * column + j))
            if column + j < width:
                for k in range(height):
                    target[k * TILE_COLUMNS] = words_at(b + k * down + (column + j) * right)[0]
            else:
                for k in range(height):
                    target[k * TILE_COLUMNS] = 0


@compiled
def _pack_rows(packed: int, a: int, down: int, right: int, high: int, height: int) -> None:
    """TILE_ROWS rows of a, column by column; filled up with zeros."""
    for i in range(TILE_ROWS):
        target = words_at(packed + 8 * i)
        if i < high:
            for k in range(height):
                target[k * TILE_ROWS] = words_at(a + i * down + k * right)[0]
        else:
            for k in range(height):
                target[k * TILE_ROWS] = 0


@compiled
def add_rows(out: int, factors: int, b: int, step: int, depth: int, columns: int) -> None:
    """out += factors @ b, where a row of b lies in a row: four rows of b at a time, so that out moves less."""
    target, x = words_at(out), words_at(factors)
    body = depth - depth % 4
    for k in range(0, body, 4):
        b0, b1 = words_at(b + k * step), words_at(b + (k + 1) * step)
        b2, b3 = words_at(b + (k + 2) * step), words_at(b + (k + 3) * step)
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        for j in range(columns):
            target[j] += x0 * b0[j] + x1 * b1[j] + x2 * b2[j] + x3 * b3[j]
    for k in range(body, depth):
        last, factor = words_at(b + k * step), x[k]
        for j in range(columns):
            target[j] += factor * last[j]


@compiled
def add_dots(out: int, factors: int, b: int, step: int, depth: int, columns: int) -> None:
    """out += factors @ b, where a column of b lies in a row."""
    target, x = words_at(out), words_at(factors)
    for j in range(columns):
        column = words_at(b + j * step)
        total = np.uint64(0)
        for k in range(depth):
            total += x[k] * column[k]
        target[j] += total
