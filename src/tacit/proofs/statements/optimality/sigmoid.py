"""The table of the sigmoid, in integers alone, so that every machine has the same one, and its error.

The scores [-2^k, 2^k) are cut into 2^b pieces of width h = 2^-t. On the piece that begins at a, the sigmoid is taken to
be c0 + c1 (s - a), the chord through its ends: off by at most h^2/8 max|sigmoid''|, and max|sigmoid''| = 1/(6 sqrt 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np

from tacit.graph.fixed import Ints
from tacit.proofs import field
from tacit.proofs.lookup.table import Table

CURVATURE = Fraction(963, 10000)  # above 1/(6 sqrt 3) = 0.09622...
SLOPE_BITS = 18  # fractional bits of c1
OFFSET_BITS = 18  # at most so many bits of s - a are used
_WORK_BITS = 160
_TERMS = 60
GRID_ERROR = Fraction(1, 1 << 100)  # of the sigmoid at the ends of pieces, as computed here


@dataclass(frozen=True)
class Chords:
    """score_bits: k; table_bits: b; offset_bits: of s - a, in units of 2^-(t + offset_bits).

    c0 and c1 are int64 (2^b,), with `bits` and SLOPE_BITS fractional bits: c0 + c1 * offset has `bits`.
    """

    score_bits: int
    table_bits: int
    offset_bits: int

    @property
    def width_bits(self) -> int:
        """t."""
        return self.table_bits - 1 - self.score_bits

    @property
    def bits(self) -> int:
        """Fractional bits of the sum."""
        return self.width_bits + self.offset_bits + SLOPE_BITS

    @property
    def error(self) -> Fraction:
        """The largest difference between c0 + c1 * offset and the sigmoid, for offset = floor((s - a) 2^...)."""
        width = Fraction(1, 1 << self.width_bits)
        chord = width**2 / 8 * CURVATURE + 3 * GRID_ERROR
        rounding = Fraction(1, 2 << self.bits) + width * Fraction(1, 2 << SLOPE_BITS)
        return chord + rounding + self.dropped / 4

    @property
    def dropped(self) -> Fraction:
        """How much of s - a is not used: less than this. The chords' slopes are at most 1/4."""
        return Fraction(1, 1 << (self.width_bits + self.offset_bits))

    def columns(self) -> tuple[Ints, Ints]:
        """c0 and c1."""
        return _columns(self.score_bits, self.table_bits, self.bits)

    def table(self) -> Table:
        """Rows (number of the piece, c0 less the first one, c1): the first row is zero in its first two."""
        c0, c1 = self.columns()
        numbers = np.arange(len(c0), dtype=np.int64)
        return Table([field.embed(column) for column in (numbers, c0 - c0[0], c1)])


@lru_cache(maxsize=4)
def _columns(score_bits: int, table_bits: int, bits: int) -> tuple[Ints, Ints]:
    width_bits = table_bits - 1 - score_bits
    half = _upper(1 << (table_bits - 1), width_bits)
    one = 1 << _WORK_BITS
    grid = [one - value for value in reversed(half[1:])] + half
    c0 = [(value + (1 << (_WORK_BITS - bits - 1))) >> (_WORK_BITS - bits) for value in grid[:-1]]
    shift = _WORK_BITS - SLOPE_BITS - width_bits
    rises = (later - value for value, later in pairwise(grid))
    c1 = [(rise + (1 << (shift - 1))) >> shift for rise in rises]
    return np.array(c0, dtype=np.int64), np.array(c1, dtype=np.int64)


def _upper(count: int, width_bits: int) -> list[int]:
    """The sigmoid at 0, h, ..., count h, with 160 bits: 1 / (1 + e^-s). Each step's rounding adds 2^-160."""
    one = 1 << _WORK_BITS
    step, term = 0, one
    for place in range(1, _TERMS):  # e^-h by its series
        step += term
        term = -((term >> width_bits) // place)
    values, power = [], one
    for _ in range(count + 1):
        values.append((one << _WORK_BITS) // (one + power))
        power = power * step >> _WORK_BITS
    return values
