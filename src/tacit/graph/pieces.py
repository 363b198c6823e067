"""Smooth functions in integers: one quadratic on each of 128 pieces of equal width.

The argument x has f fractional bits; a piece is 2**(f-s) units wide. With z = x clamped to the table's range,
i = the number of z's piece (its upper bits) and t = z's distance from the piece's left end (its lower f-s bits),

    acc = c0[i] + c1[i] * t + c2[i] * t**2          with 3f fractional bits,

where c0, c1, c2 have 3f, 2f and f fractional bits. The coefficients interpolate the function at both ends of the
piece and (to within the rounding of c2) in its middle. Neighbouring pieces meet exactly, in integers, and every
piece rises, so acc never falls as x rises: bounds are the values at the ends of an interval.

Error before the final rescaling: h**3 / (72 sqrt 3) * max|g'''| for the interpolation on width h = 2**-s, plus
2**-(f+2s+3) for rounding c2, plus 2**-(2f+s+1) for rounding the values at the ends.

The tables are computed with `decimal`, whose exp is correctly rounded by its specification, so they are the same
on every machine. A table has 128 entries: small enough for a lookup argument, and its index is bits of x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from functools import cache

import numpy as np

from tacit.graph.fixed import Ints

PIECES = 128
_DIGITS = 50  # of the decimals: the smallest unit is 2**-(2*20+3), 14 digits


@dataclass(frozen=True, eq=False)
class Pieces:
    """One function's table at one f. Pieces `first` .. `first + 127`, each 2**-step_bits wide, cover its range."""

    fraction_bits: int
    first: int
    step_bits: int
    c0: Ints
    c1: Ints
    c2: Ints

    @property
    def low(self) -> int:
        """The least argument that is not clamped."""
        return self.first << (self.fraction_bits - self.step_bits)

    @property
    def high(self) -> int:
        """The greatest argument that is not clamped."""
        return ((self.first + PIECES) << (self.fraction_bits - self.step_bits)) - 1

    @property
    def accumulator(self) -> int:
        """The largest |c0| + |c1| t + |c2| t**2 anywhere."""
        end = 1 << (self.fraction_bits - self.step_bits)
        rows = zip(self.c0.tolist(), self.c1.tolist(), self.c2.tolist(), strict=True)
        largest: int = max(abs(c0) + abs(c1) * end + abs(c2) * end * end for c0, c1, c2 in rows)
        return largest

    def __call__(self, x: Ints) -> Ints:
        """The function of x (int64, f fractional bits) with 3f fractional bits."""
        z = np.clip(x, self.low, self.high) - self.low
        width = self.fraction_bits - self.step_bits
        i = z >> width
        t = z & ((1 << width) - 1)
        accumulator: Ints = self.c0[i] + (self.c1[i] + self.c2[i] * t) * t
        return accumulator


@cache
def sigmoid_pieces(fraction_bits: int) -> Pieces:
    """1 / (1 + exp(-x)) on [-16, 16), pieces 1/4 wide. Error at most 1.6e-5 + 2**-(f+6)."""
    return _table(lambda x: 1 / (1 + (-x).exp()), fraction_bits, first=-64, step_bits=2)


@cache
def exp_pieces(fraction_bits: int) -> Pieces:
    """exp(x) on [-15.875, 0.125), pieces 1/8 wide. Error at most 1.8e-5 * exp(x) + 2**-(f+8)."""
    return _table(lambda x: x.exp(), fraction_bits, first=-127, step_bits=3)


def _table(function: Callable[[Decimal], Decimal], f: int, *, first: int, step_bits: int) -> Pieces:
    width = f - step_bits
    with localcontext(Context(prec=_DIGITS)):
        halves = [function(Decimal(first * 2 + i) / Decimal(2 << step_bits)) for i in range(2 * PIECES + 1)]
        ends = [_round(value * Decimal(1 << (2 * f + step_bits))) for value in halves[::2]]
        bends = [
            _round((halves[2 * i] - 2 * halves[2 * i + 1] + halves[2 * i + 2]) * Decimal(2 << (2 * step_bits + f)))
            for i in range(PIECES)
        ]
    slopes = [ends[i + 1] - ends[i] - (bends[i] << width) for i in range(PIECES)]
    c0, c1, c2 = ([end << width for end in ends[:-1]], slopes, bends)
    return Pieces(f, first, step_bits, _frozen(c0), _frozen(c1), _frozen(c2))


def _round(value: Decimal) -> int:
    return int((value + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR))


def _frozen(values: list[int]) -> Ints:
    array = np.array(values, dtype=np.int64)
    array.flags.writeable = False
    return array
