"""Smooth functions on shares: the quadratics of `tacit.graph.pieces`, the one of a secret piece.

Computes: [x] to [c0[i] + c1[i] t + c2[i] t^2], i the piece of x and t its place in it, exactly as the table in the
clear: beyond the table's range it stays at its ends. At most one party is corrupt.

    bits     the 7 bits of i, and the wraps of the bits below, by an adder; whether x lies outside, by two comparisons
    place    t = sum of the components' low bits, less 2^w for each wrap
    pick     the bits of i in two groups; all monomials of either as numbers. A coefficient is a bilinear form of the
             two, so after a public matrix times the second group it is one inner product, at the price of one word.
             The first group's monomials carry a factor "x is inside".
    value    c0 + (c1, c2) . (t, t^2), another inner product, and the values at the ends times "x is outside"

For n numbers, W = ceil(n / 64), w bits of t, o comparisons of those two that the interval of x leaves open:
    rounds  max(those of `addition` for w + 7 bits, of a comparison) + 6
    bytes   of `addition` and of the comparisons; monomials 8 W (22 if o else 15); words 8 n (25 + o if o else 24);
            products 8 n (1 + 3 + 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from tacit.graph.pieces import Pieces
from tacit.kernels import ring as ring_kernel
from tacit.mpc.comparison import flipped, negative
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.addition import Bits, bits_of
from tacit.mpc.functions.inner_products import inner_products
from tacit.mpc.functions.local import concatenate, minus, one_row, plus, stack
from tacit.mpc.functions.monomials import coefficients, monomials
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic, Binary, Words

INDEX_BITS = 7
SECOND = 4  # bits in the group that meets the public matrix: the low ones
FIRST = INDEX_BITS - SECOND


@dataclass(frozen=True, eq=False)
class SharedTable:
    """A table of pieces made ready: its values as coefficients of monomials."""

    pieces: Pieces
    matrix: Words  # (3 * 8, 16)
    ends: tuple[int, int]  # the value below and above the range


def piecewise(party: Party, x: Arithmetic, table: SharedTable, low: int, high: int) -> Protocol[Arithmetic]:
    """The accumulators with 3 f fractional bits, of the shape of x, where low <= x <= high are public."""
    pieces, flat = table.pieces, x.reshape(-1)
    width = pieces.fraction_bits - pieces.step_bits
    z = plus(party, flat, -pieces.low)
    checks = []
    if low < pieces.low:
        checks.append(negative(party, z, _bits(low - pieces.low, high - pieces.low)))
    if high > pieces.high:
        checks.append(negative(party, minus(party, pieces.high, flat), _bits(pieces.high - high, pieces.high - low)))
    found, *outside = yield from together(bits_of(party, z, width, width + INDEX_BITS), *checks)
    ends = [end for end, open_ in zip(table.ends, (low < pieces.low, high > pieces.high), strict=True) if open_]
    (t, squares), (rows, columns, beyond) = yield from together(
        _place(party, z, found, width), _groups(party, found.planes, outside, flat.size)
    )
    factors = yield from _coefficients(party, table, rows, columns)
    value = factors[0] + (yield from inner_products(party, factors[1:], stack((t, squares))))
    for end, is_there in zip(ends, beyond, strict=True):
        value = value + is_there.times(end)
    return value.reshape(*x.shape)


@cache
def shared_table(pieces: Pieces) -> SharedTable:
    """The table for `piecewise`."""
    cube = np.stack((pieces.c0, pieces.c1, pieces.c2)).reshape(3, 1 << FIRST, 1 << SECOND)
    matrix = coefficients(coefficients(cube, 1).view(np.int64), 2).reshape(-1, 1 << SECOND)
    low, high = pieces(np.array([pieces.low, pieces.high])).tolist()
    return SharedTable(pieces, matrix, (low, high))


def _bits(low: int, high: int) -> int:
    """The k with -2^(k-1) <= low and high < 2^(k-1)."""
    return max((-1 - low).bit_length(), high.bit_length(), 1) + 1


def _place(party: Party, z: Arithmetic, found: Bits, width: int) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    """t, the number that the low bits of z are, and its square."""
    assert found.wraps is not None
    n, below = z.size, np.uint64((1 << width) - 1)
    words = yield from bits_to_words(party, one_row(found.wraps, n), 2 * n)
    t = z.map(lambda words: words & below) - (words[:n] + words[n:]).times(1 << width)
    return t, (yield from multiply(party, t, t))


def _groups(
    party: Party, index: Binary, outside: list[Binary], n: int
) -> Protocol[tuple[Arithmetic, Arithmetic, list[Arithmetic]]]:
    """The monomials of the high and of the low bits of the index as numbers, and where x lies outside, if it can.

    The first group has a row for the empty monomial too where x can lie outside: then it is the bit "x is inside".
    """
    high = index[SECOND:]
    if outside:
        inside = flipped(party, outside[0] if len(outside) == 1 else outside[0] ^ outside[1])
        high = concatenate((high, inside.reshape(1, -1)))
    first, second = yield from together(monomials(party, high), monomials(party, index[:SECOND]))
    if outside:
        first = first[(1 << FIRST) - 1 :]  # those with the last bit in them
    planes = concatenate((first, second, *(plane.reshape(1, -1) for plane in outside)))
    words = yield from bits_to_words(party, one_row(planes, n), len(planes) * n)
    numbers = words.reshape(len(planes), n)
    end = len(first) + len(second)
    return numbers[: len(first)], numbers[len(first) : end], [numbers[i] for i in range(end, len(planes))]


def _coefficients(party: Party, table: SharedTable, rows: Arithmetic, columns: Arithmetic) -> Protocol[Arithmetic]:
    """c0, c1, c2 of the piece, (3, n)."""
    n = rows.shape[1]
    matrix = table.matrix
    half = columns.map(lambda words: ring_kernel.matmul(matrix[:, 1:], words))
    half = plus(party, half, matrix[:, :1])  # the empty monomial of the second group is 1
    cube = half.reshape(3, 1 << FIRST, n)
    factors = cube.map(lambda words: words.swapaxes(0, 1))  # (monomial of the first group, coefficient, n)
    if len(rows) == 1 << FIRST:
        return (yield from inner_products(party, factors, _thrice(rows)))
    return factors[0] + (yield from inner_products(party, factors[1:], _thrice(rows)))


def _thrice(rows: Arithmetic) -> Arithmetic:
    count, n = rows.shape
    return rows.map(lambda words: np.broadcast_to(words[:, None], (count, 3, n)))
