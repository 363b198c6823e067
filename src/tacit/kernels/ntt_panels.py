"""The compiled part of `ntt`: transforms of the columns of a panel, eight columns wide.

A panel is `rows` rows of eight words, one word of eight transforms that run side by side, so that one vector holds
the same step of all eight and every twiddle factor is the same for the whole vector. All transforms become this one:

- up to 32 points, eight rows of the input are turned into the columns of a panel;
- from 64 points on, n = rows * columns, and the four steps of [Bailey, FFTs in external or hierarchical memory, 1990]:
  the input, seen as a matrix, has its columns transformed, panel by panel; the word at (k, j) is multiplied by
  w^(jk); the matrix is transposed; and its columns are transformed again. The whole array is read and written twice,
  whatever its size, and everything else happens in the second cache.

Inside a panel: decimation in time, radix 4. Rows enter in bit-reversed order, which costs nothing where they are
copied anyway, and leave in natural order. Words are any between passes (see `goldilocks_lanes`), canonical at the end.
"""

from __future__ import annotations

from tacit.kernels import goldilocks_lanes as field
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
    transposed,
    vector,
    words_at,
)

ROW = 8 * LANES  # bytes in a row of a panel


@compiled
def transform_few(
    out: int, source: int, count: int, points: int, reversal: int, twiddles: int, backward: int, scale: int, panel: int
) -> None:
    """Transform `count` rows of few points: eight of them at a time, as the columns of a panel."""
    order, words = integers_at(reversal), words_at(panel)
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        for j in range(points):
            for lane in range(lanes):
                words[order[j] * LANES + lane] = words_at(source + 8 * ((first + lane) * points + j))[0]
            for lane in range(lanes, LANES):
                words[order[j] * LANES + lane] = 0
        _transform_panel(panel, points, twiddles, backward)
        for k in range(points):
            _multiply(panel + ROW * k, panel + ROW * k, scale)
            _copy_canonical(panel + ROW * k, panel + ROW * k)
            for lane in range(lanes):
                words_at(out + 8 * ((first + lane) * points + k))[0] = words[k * LANES + lane]


@compiled
def transform_row(
    out: int, source: int,
    rows: int, row_reversal: int, row_twiddles: int,
    columns: int, column_reversal: int, column_twiddles: int,
    backward: int, scale: int, roots: int, panel: int,
) -> None:  # fmt: skip
    """Transform one row of rows * columns points in four steps; `out` is not `source`, both factors at least 8."""
    chain = panel + ROW * max(rows, columns)
    for left in range(0, columns, LANES):
        order = integers_at(row_reversal)
        for j in range(rows):
            _copy(panel + ROW * order[j], source + 8 * (j * columns + left))
        _transform_panel(panel, rows, row_twiddles, backward)
        _start_chain(chain, roots + 8 * left, scale)
        for k in range(0, rows, LANES):
            _twist_and_transpose(out + 8 * (left * rows + k), 8 * rows, panel + ROW * k, chain)
    for left in range(0, rows, LANES):
        order = integers_at(column_reversal)
        for j in range(columns):
            _copy(panel + ROW * order[j], out + 8 * (j * rows + left))
        _transform_panel(panel, columns, column_twiddles, backward)
        for k in range(columns):
            _copy_canonical(out + 8 * (k * rows + left), panel + ROW * k)


@compiled
def _transform_panel(panel: int, rows: int, twiddles: int, backward: int) -> None:
    """Transform the columns of a panel, in place: a first pass without factors, then passes of radix 4.

    `twiddles` holds for each later pass, over 4 * step rows, the factors (v^2, v, v^3) for v = w^0 to w^(step-1).
    """
    step = 1
    while 4 * step <= rows:
        step *= 4
    if step < rows:  # an odd power of two
        step = 2
        for row in range(0, rows, 2):
            _butterfly_two(panel + ROW * row)
    elif rows > 1:
        step = 4
        plus, minus = (3 * ROW, ROW) if backward else (ROW, 3 * ROW)
        for row in range(0, rows, 4):
            _butterfly_four_first(panel + ROW * row, plus, minus)
    while step < rows:
        distance = ROW * step
        plus, minus = (3 * distance, distance) if backward else (distance, 3 * distance)
        for block in range(0, rows, 4 * step):
            for j in range(step):
                _butterfly_four(panel + ROW * (block + j), distance, plus, minus, twiddles + 24 * j)
        twiddles += 24 * step
        step *= 4


@emitted(address_type)
def _butterfly_two(builder: Builder, row: Value) -> None:
    """Two rows, one after the other: (x, y) to (x + y, x - y)."""
    kind = vector(LANES)
    x, y = load(builder, row, kind), field.canonical(builder, load(builder, row, kind, offset=ROW))
    store(builder, field.add_bounded(builder, x, y), row)
    store(builder, field.subtract_bounded(builder, x, y), row, offset=ROW)


@emitted(address_type, address_type, address_type)
def _butterfly_four_first(builder: Builder, row: Value, plus: Value, minus: Value) -> None:
    """Four rows, one after another, all factors being one."""
    x, y, z, t = (load(builder, row, vector(LANES), offset=ROW * i) for i in range(4))
    y, t = field.canonical(builder, y), field.canonical(builder, t)
    _store_four(builder, (x, y, z, t), row, 2 * ROW, plus, minus)


@emitted(address_type, address_type, address_type, address_type, address_type)
def _butterfly_four(builder: Builder, row: Value, step: Value, plus: Value, minus: Value, twiddles: Value) -> None:
    """Four rows `step` bytes apart, the last three of them first multiplied by v^2, v and v^3."""
    kind, word = vector(LANES), vector(1).element
    offsets = [step, builder.add(step, step), builder.add(step, builder.add(step, step))]
    factors = [broadcast(builder, load(builder, twiddles, word, offset=8 * i), kind) for i in range(3)]
    y, z, t = (
        field.multiply(builder, load(builder, row, kind, offset=offset), factor)
        for offset, factor in zip(offsets, factors, strict=True)
    )
    y, t = field.canonical(builder, y), field.canonical(builder, t)
    _store_four(builder, (load(builder, row, kind), y, z, t), row, offsets[1], plus, minus)


def _store_four(
    builder: Builder,
    inputs: tuple[Value, Value, Value, Value],
    row: Value,
    middle: int | Value,
    plus: Value,
    minus: Value,
) -> None:
    """The transform of four points: the inputs any, bounded, any, bounded; the results any.

    With i the root 2^48 of order four, the second and fourth results are (x - y) +- i (z - t). Going backwards the
    root is -i: the caller exchanges the two places `plus` and `minus`.
    """
    x, y, z, t = inputs
    even, odd = field.add_bounded(builder, x, y), field.subtract_bounded(builder, x, y)
    other_even = field.canonical(builder, field.add_bounded(builder, z, t))
    other_odd = field.times_fourth_root(builder, field.subtract_bounded(builder, z, t))
    other_odd = field.canonical(builder, other_odd)
    store(builder, field.add_bounded(builder, even, other_even), row)
    store(builder, field.add_bounded(builder, odd, other_odd), row, offset=plus)
    store(builder, field.subtract_bounded(builder, even, other_even), row, offset=middle)
    store(builder, field.subtract_bounded(builder, odd, other_odd), row, offset=minus)


@compiled
def _start_chain(chain: int, roots: int, scale: int) -> None:
    """For s = eight roots: scale * s^0, ..., scale * s^7, and then s^8, a row of a panel each."""
    _copy(chain, scale)
    for i in range(1, LANES):
        _multiply(chain + ROW * i, chain + ROW * (i - 1), roots)
    last = chain + ROW * LANES
    _multiply(last, roots, roots)
    _multiply(last, last, last)
    _multiply(last, last, last)


@emitted(address_type, address_type, address_type, address_type)
def _twist_and_transpose(builder: Builder, out: Value, out_step: Value, rows: Value, chain: Value) -> None:
    """Multiply eight rows by the chain, write them as columns, and move the chain eight powers on.

    Eight powers side by side, since a single one would wait for its own product at every row.
    """
    kind = vector(LANES)
    eighth = load(builder, chain, kind, offset=ROW * LANES)
    twisted = []
    for i in range(LANES):
        factor = load(builder, chain, kind, offset=ROW * i)
        twisted.append(field.multiply(builder, load(builder, rows, kind, offset=ROW * i), factor))
        store(builder, field.multiply(builder, factor, eighth), chain, offset=ROW * i)
    where = out
    for column in transposed(builder, twisted):
        store(builder, column, where)
        where = builder.add(where, out_step)


@emitted(address_type, address_type)
def _copy(builder: Builder, out: Value, row: Value) -> None:
    store(builder, load(builder, row, vector(LANES)), out)


@emitted(address_type, address_type)
def _copy_canonical(builder: Builder, out: Value, row: Value) -> None:
    store(builder, field.canonical(builder, load(builder, row, vector(LANES))), out)


@emitted(address_type, address_type, address_type)
def _multiply(builder: Builder, out: Value, x: Value, y: Value) -> None:
    kind = vector(LANES)
    store(builder, field.multiply(builder, load(builder, x, kind), load(builder, y, kind)), out)
