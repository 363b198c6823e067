"""The compiled transposition of bits behind `bits`: 64 words of 64 bits, eight such blocks side by side.

A 64 by 64 matrix of bits is transposed in six rounds [Knuth, TAOCP 7.1.3; Warren, Hacker's Delight, 7-3]: round j
exchanges the upper j bits of each group of 2j with the lower ones of the row j further down. Rounds act on different
bits of a bit's row and column number, and so their order is free. Here those of 32, 16 and 8 rows run on a block as it
lies, eight rows to a vector; then the words of eight blocks are transposed, so that a vector holds the same row of
each, and the rounds of 4, 2 and 1 run between vectors too. No round moves a bit within a vector.
"""

from __future__ import annotations

from collections.abc import Callable

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
    transposed,
    vector,
    words_at,
)

SIDE = 64  # rows and columns of a block
GROUP = SIDE * LANES  # words in the eight blocks of one step
ROOM = 3 * GROUP  # words of room that a call needs
LOW = {32: 2**32 - 1, 16: 0x0000FFFF0000FFFF, 8: 0x00FF00FF00FF00FF}
LOW |= {4: 0x0F0F0F0F0F0F0F0F, 2: 0x3333333333333333, 1: 0x5555555555555555}


def _rounds(builder: Builder, rows: list[Value], unit: int) -> list[Value]:
    """The three rounds that act between eight vectors, which lie `unit` rows apart."""
    current = list(rows)
    for distance in (4, 2, 1):
        shift, low = constant(current[0].type, distance * unit), constant(current[0].type, LOW[distance * unit])
        for i in range(LANES):
            if i & distance:
                continue
            upper, lower = current[i], current[i + distance]
            moved = builder.and_(builder.xor(builder.lshr(upper, shift), lower), low)
            current[i + distance] = builder.xor(lower, moved)
            current[i] = builder.xor(upper, builder.shl(moved, shift))
    return current


@emitted(address_type, address_type)
def _long_rounds(builder: Builder, out: Value, block: Value) -> None:
    """Rounds 32, 16 and 8 on a block of 64 words that lie in a row."""
    rows = [load(builder, block, vector(LANES), offset=SIDE * i) for i in range(LANES)]
    for i, row in enumerate(_rounds(builder, rows, 8)):
        store(builder, row, out, offset=SIDE * i)


def _short_rounds(turned_first: bool) -> Callable[[int, int, int, int], None]:
    @emitted(address_type, address_type, address_type, address_type)
    def write(builder: Builder, out: Value, out_step: Value, rows: Value, step: Value) -> None:
        """Rounds 4, 2 and 1 on eight vectors `step` bytes apart, with the transposition of their words."""
        current, place = [], rows
        for _ in range(LANES):
            current.append(load(builder, place, vector(LANES)))
            place = builder.add(place, step)
        if turned_first:
            current = _rounds(builder, transposed(builder, current), 1)
        else:
            current = transposed(builder, _rounds(builder, current, 1))
        place = out
        for row in current:
            store(builder, row, place)
            place = builder.add(place, out_step)

    return write


_to_planes, _to_words = _short_rounds(turned_first=True), _short_rounds(turned_first=False)


@compiled
def split(out: int, words: int, count: int, bits: int, room: int) -> None:
    """Write the `bits` lowest planes of `count` words, one after another; a plane has ceil(count / 64) words."""
    step = 8 * ((count + SIDE - 1) // SIDE)
    padded, tile = room + 8 * GROUP, room + 16 * GROUP
    body = count - count % GROUP
    for first in range(0, body, GROUP):
        for block in range(LANES):
            _long_rounds(room + 8 * SIDE * block, words + 8 * (first + SIDE * block))
        for top in range(0, bits, LANES):
            target = out + step * top + first // 8
            if top + LANES <= bits:
                _to_planes(target, step, room + 8 * top, 8 * SIDE)
            else:
                _to_planes(tile, 8 * LANES, room + 8 * top, 8 * SIDE)
                for i in range(bits - top):
                    _copy(target + step * i, tile + 8 * LANES * i, LANES)
    if body < count:
        _copy(padded, words + 8 * body, count - body)
        _clear(padded + 8 * (count - body), GROUP - (count - body))
        wide = (count - body + SIDE - 1) // SIDE
        for block in range(LANES):
            _long_rounds(room + 8 * SIDE * block, padded + 8 * SIDE * block)
        for top in range(0, bits, LANES):
            _to_planes(tile, 8 * LANES, room + 8 * top, 8 * SIDE)
            for i in range(min(LANES, bits - top)):
                _copy(out + step * (top + i) + body // 8, tile + 8 * LANES * i, wide)


@compiled
def join(out: int, planes: int, count: int, bits: int, room: int) -> None:
    """Write the `count` words whose lowest `bits` bits are the planes; their other bits are zero."""
    step = 8 * ((count + SIDE - 1) // SIDE)
    rows, tile = room + 8 * GROUP, room + 16 * GROUP
    _clear(room, GROUP)
    for first in range(0, count, GROUP):
        wide = min(LANES, (count - first + SIDE - 1) // SIDE)
        for top in range(0, bits, LANES):
            source = planes + step * top + first // 8
            if top + LANES <= bits and wide == LANES:
                _to_words(room + 8 * top, 8 * SIDE, source, step)
            else:
                _clear(rows, SIDE)
                for i in range(min(LANES, bits - top)):
                    _copy(rows + 8 * LANES * i, source + step * i, wide)
                _to_words(room + 8 * top, 8 * SIDE, rows, 8 * LANES)
        whole = min(GROUP, count - first) // SIDE
        for block in range(whole):
            _long_rounds(out + 8 * (first + SIDE * block), room + 8 * SIDE * block)
        if whole < wide:
            _long_rounds(tile, room + 8 * SIDE * whole)
            _copy(out + 8 * (first + SIDE * whole), tile, count - first - SIDE * whole)


@compiled
def _copy(out: int, source: int, count: int) -> None:
    target, values = words_at(out), words_at(source)
    for i in range(count):
        target[i] = values[i]


@compiled
def _clear(out: int, count: int) -> None:
    target = words_at(out)
    for i in range(count):
        target[i] = 0
