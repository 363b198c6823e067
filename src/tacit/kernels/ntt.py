"""The number-theoretic transform over the Goldilocks field, and Reed-Solomon encoding by it.

`forward` gives the values of a polynomial, from its coefficients, on the points 1, w, w^2, ... for w of order n:

    out[k] = sum of rows[j] * w^(jk) over j < n,      w = 7^((p - 1) / n),      n = 2^k, k <= 32

and `inverse` gives the coefficients back. Both take and give natural order, rows of a 2-D array one by one (or of
any array, along its last axis), words in and out as in `goldilocks`. With `shift` the points are shift, shift * w, ...:
a coset, on which no polynomial vanishes that vanishes on the n-th roots of unity.

How it is computed is told in `ntt_panels`. Tables are kept for each size: a few times the square root of n words.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tacit.kernels import goldilocks, ntt_panels
from tacit.kernels.arrays import Array, address, readable
from tacit.kernels.goldilocks import GENERATOR, MODULUS, Words
from tacit.kernels.lanes import LANES

TWO_ADICITY = 32  # the largest power of two that divides p - 1
FOUR_STEPS = 64  # points from which on a row is transformed in four steps


def root_of_unity(points: int) -> int:
    """The root of unity of order `points`, a power of two up to 2^32, that the transforms use."""
    return pow(GENERATOR, (MODULUS - 1) >> _logarithm(points), MODULUS)


def forward(rows: Words, *, shift: int = 1) -> Words:
    """Values from coefficients: (..., n) to (..., n)."""
    coefficients, points = _rows(rows)
    if shift != 1:
        coefficients = goldilocks.multiply(coefficients, goldilocks.powers(_shift(shift), points))
    return _transformed(coefficients, points, backward=False)


def inverse(rows: Words, *, shift: int = 1) -> Words:
    """Coefficients from values: (..., n) to (..., n)."""
    values, points = _rows(rows)
    coefficients = _transformed(values, points, backward=True)
    if shift != 1:
        unshift = pow(_shift(shift), -1, MODULUS)
        goldilocks.multiply(coefficients, goldilocks.powers(unshift, points), coefficients)
    return coefficients


def encode(rows: Words, blowup: int, *, shift: int = 1) -> Words:
    """Reed-Solomon codewords (..., blowup * n) of messages (..., n), which are coefficients; blowup a power of two."""
    coefficients, points = _rows(rows)
    _logarithm(blowup, "blowup")
    _logarithm(points * blowup)
    padded = np.zeros((*coefficients.shape[:-1], points * blowup), dtype=np.uint64)
    padded[..., :points] = coefficients
    return forward(padded, shift=shift)


def low_degree_extend(rows: Words, blowup: int, *, shift: int = 1) -> Words:
    """Reed-Solomon codewords (..., blowup * n) of messages (..., n), which are values on the n-th roots of unity.

    With shift 1 the code is systematic: every `blowup`-th word of a codeword is a word of its message. With another
    shift, such as `GENERATOR`, the codeword lies on a coset that shares no point with the message's.
    """
    return encode(inverse(rows), blowup, shift=shift)


@dataclass(frozen=True)
class _Factor:
    """What a transform of a panel's columns needs: where row j goes, and the factors of the later passes."""

    rows: int
    reversal: npt.NDArray[np.int64]
    twiddles: Words


def _rows(rows: Words) -> tuple[Words, int]:
    words: Array = readable("rows", rows, np.uint64)
    if words.ndim == 0:
        raise ValueError("rows must have at least one dimension")
    _logarithm(words.shape[-1])
    return words, words.shape[-1]


def _shift(value: int) -> int:
    shift = operator.index(value)
    if not 0 < shift < MODULUS:
        raise ValueError("shift must be in [1, p)")
    return shift


def _logarithm(number: int, name: str = "the number of points") -> int:
    number = operator.index(number)
    if number < 1 or number & (number - 1) or number > 2**TWO_ADICITY:
        raise ValueError(f"{name} must be a power of two, from 1 to 2^{TWO_ADICITY}, and is {number}")
    return number.bit_length() - 1


def _transformed(rows: Words, points: int, *, backward: bool) -> Words:
    out = np.empty_like(rows)
    logarithm = _logarithm(points)
    scale = np.full(LANES, pow(points, -1, MODULUS) if backward else 1, dtype=np.uint64)
    if points < FOUR_STEPS:
        factor = _factor(logarithm, backward)
        panel = _panel(points)
        ntt_panels.transform_few(
            address(out), address(rows), rows.size // points,
            points, address(factor.reversal), address(factor.twiddles),
            int(backward), address(scale), address(panel),
        )  # fmt: skip
        return out
    first, second = _factor(logarithm // 2, backward), _factor(logarithm - logarithm // 2, backward)
    roots = _roots(logarithm, backward)
    panel = _panel(max(first.rows, second.rows) + LANES + 1)
    for start in range(0, 8 * rows.size, 8 * points):
        ntt_panels.transform_row(
            address(out) + start, address(rows) + start,
            first.rows, address(first.reversal), address(first.twiddles),
            second.rows, address(second.reversal), address(second.twiddles),
            int(backward), address(scale), address(roots), address(panel),
        )  # fmt: skip
    return out


def _panel(rows: int) -> Words:
    """Room for a panel, on a boundary of 64 bytes: else every one of its rows would lie across two cache lines."""
    words = np.empty((rows + 1) * LANES, dtype=np.uint64)
    skip = -(address(words) // 8) % LANES
    return words[skip : skip + rows * LANES]


@lru_cache(maxsize=64)
def _factor(logarithm: int, backward: bool) -> _Factor:
    rows = 2**logarithm
    positions = np.arange(rows)
    reversal = np.zeros(rows, dtype=np.int64)
    for bit in range(logarithm):
        reversal |= ((positions >> bit) & 1) << (logarithm - 1 - bit)
    passes = [np.empty(0, dtype=np.uint64)]
    step = 2 if logarithm % 2 else 4
    while step < rows:
        root = goldilocks.powers(_directed_root(4 * step, backward), step)
        squared = goldilocks.square(root)
        passes.append(np.stack([squared, root, goldilocks.multiply(squared, root)], axis=1).reshape(-1))
        step *= 4
    return _Factor(rows, reversal, np.concatenate(passes))


@lru_cache(maxsize=64)
def _roots(logarithm: int, backward: bool) -> Words:
    """w^0, w^1, ... for the columns of a row in four steps."""
    return goldilocks.powers(_directed_root(2**logarithm, backward), 2 ** (logarithm - logarithm // 2))


def _directed_root(points: int, backward: bool) -> int:
    return pow(root_of_unity(points), -1 if backward else 1, MODULUS)
