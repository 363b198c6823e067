"""The compiled matrix product of bits behind `bits`: words with & for the product and ^ for the sum.

As in `ring_tiles`, a tile of the result stays in registers while the inner dimension goes by. Eight rows of a, each
word of them broadcast, meet sixteen columns of b, which lie packed side by side.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from tacit.kernels.lanes import (
    LANES,
    Builder,
    Value,
    address_type,
    broadcast,
    compiled,
    constant,
    emitted,
    load,
    store,
    vector,
    words_at,
)

TILE_ROWS = 8
TILE_COLUMNS = 2 * LANES
DEPTH = 256  # of the inner dimension in one block: a slab of b then stays in the first cache
TILE = TILE_ROWS * TILE_COLUMNS


@emitted(address_type, address_type, address_type, address_type, address_type, address_type)
def _add_tile(
    builder: Builder, out: Value, out_step: Value, a: Value, a_step: Value, slab: Value, depth: Value
) -> None:
    """out ^= the tile's product: rows of `a` and of `out` lie so many bytes apart, `slab` is (depth, TILE_COLUMNS)."""
    kind, word = vector(LANES), ir.IntType(64)
    places = [(row, part) for row in range(TILE_ROWS) for part in range(2)]
    sums = {place: cgutils.alloca_once_value(builder, constant(kind, 0)) for place in places}
    rows = [builder.add(a, builder.mul(a_step, ir.Constant(word, row))) for row in range(TILE_ROWS)]
    with cgutils.for_range(builder, depth) as loop:
        column = builder.mul(loop.index, ir.Constant(word, 8))
        b_row = builder.add(slab, builder.mul(loop.index, ir.Constant(word, 8 * TILE_COLUMNS)))
        words = [load(builder, b_row, kind, offset=8 * LANES * part) for part in range(2)]
        for row in range(TILE_ROWS):
            factor = broadcast(builder, load(builder, rows[row], word, offset=column), kind)
            for part in range(2):
                total = builder.load(sums[row, part], typ=kind)
                builder.store(builder.xor(total, builder.and_(factor, words[part])), sums[row, part])
    for row, part in places:
        where = builder.add(out, builder.mul(out_step, ir.Constant(word, row)))
        total = builder.xor(
            load(builder, where, kind, offset=8 * LANES * part), builder.load(sums[row, part], typ=kind)
        )
        store(builder, total, where, offset=8 * LANES * part)


@compiled
def multiply(
    out: int, a: int, a_down: int, b: int, b_down: int, b_right: int, rows: int, depth: int, columns: int, room: int
) -> None:
    """out ^= a @ b: `_down` and `_right` are strides in bytes; each row of `a` lies word by word.

    `room` is for the packed columns, ceil(columns / TILE_COLUMNS) * DEPTH * TILE_COLUMNS words, for a tile, and for
    TILE_ROWS * DEPTH words more.
    """
    slabs = (columns + TILE_COLUMNS - 1) // TILE_COLUMNS
    spare = room + 8 * slabs * DEPTH * TILE_COLUMNS
    padded = spare + 8 * TILE
    for top in range(0, depth, DEPTH):
        height = min(DEPTH, depth - top)
        for slab in range(slabs):
            left = slab * TILE_COLUMNS
            wide = min(TILE_COLUMNS, columns - left)
            packed = room + 8 * slab * DEPTH * TILE_COLUMNS
            _pack(packed, b + top * b_down + left * b_right, b_down, b_right, height, wide)
        for row in range(0, rows, TILE_ROWS):
            high = min(TILE_ROWS, rows - row)
            source, step = a + row * a_down + 8 * top, a_down
            if high < TILE_ROWS:
                _pad(padded, source, step, high, height)
                source, step = padded, 8 * DEPTH
            for slab in range(slabs):
                left = slab * TILE_COLUMNS
                wide = min(TILE_COLUMNS, columns - left)
                packed = room + 8 * slab * DEPTH * TILE_COLUMNS
                target = out + 8 * (row * columns + left)
                if high == TILE_ROWS and wide == TILE_COLUMNS:
                    _add_tile(target, 8 * columns, source, step, packed, height)
                else:
                    _add_part_of_tile(target, 8 * columns, source, step, packed, height, high, wide, spare)


@compiled
def _add_part_of_tile(
    out: int, out_step: int, a: int, a_step: int, slab: int, depth: int, high: int, wide: int, spare: int
) -> None:
    tile = words_at(spare)
    for i in range(TILE):
        tile[i] = 0
    _add_tile(spare, 8 * TILE_COLUMNS, a, a_step, slab, depth)
    for i in range(high):
        target = words_at(out + i * out_step)
        for j in range(wide):
            target[j] ^= tile[i * TILE_COLUMNS + j]


@compiled
def _pack(packed: int, b: int, down: int, right: int, height: int, wide: int) -> None:
    """TILE_COLUMNS columns of b side by side, row by row; filled up with zeros."""
    if right == 8 and wide == TILE_COLUMNS:
        for k in range(height):
            target, source = words_at(packed + 8 * k * TILE_COLUMNS), words_at(b + k * down)
            for j in range(TILE_COLUMNS):
                target[j] = source[j]
        return
    for j in range(TILE_COLUMNS):
        target = words_at(packed + 8 * j)
        if j < wide:
            for k in range(height):
                target[k * TILE_COLUMNS] = words_at(b + k * down + j * right)[0]
        else:
            for k in range(height):
                target[k * TILE_COLUMNS] = 0


@compiled
def _pad(padded: int, a: int, a_step: int, high: int, height: int) -> None:
    """The last rows of a, with rows of zeros to make a whole tile."""
    for i in range(TILE_ROWS):
        target = words_at(padded + 8 * i * DEPTH)
        if i < high:
            source = words_at(a + i * a_step)
            for k in range(height):
                target[k] = source[k]
        else:
            for k in range(height):
                target[k] = 0


@compiled
def parities(words: int, count: int) -> None:
    """Each word becomes 1 where it has an odd number of ones, else 0."""
    word = words_at(words)
    for i in range(count):
        half = word[i] ^ (word[i] >> 32)
        half ^= half >> 16
        half ^= half >> 8
        half ^= half >> 4
        half ^= half >> 2
        word[i] = (half ^ (half >> 1)) & 1


@compiled
def multiply_replicated(count: int, out: int, x0: int, x1: int, y0: int, y1: int, mask: int) -> None:
    """out = x0 & y0 ^ x0 & y1 ^ x1 & y0 ^ mask."""
    a0, a1, b0, b1 = words_at(x0), words_at(x1), words_at(y0), words_at(y1)
    masks, result = words_at(mask), words_at(out)
    for i in range(count):
        result[i] = (a0[i] & (b0[i] ^ b1[i])) ^ (a1[i] & b0[i]) ^ masks[i]
