"""Packed bits: planes of words, conjunctions of shared bits, and matrices over Z_2.

A vector of n bits is a vector of ceil(n / 64) words; bit i lies in word i // 64 at the place of value 2^(i % 64).
"""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from tacit.kernels import bit_tiles
from tacit.kernels.arrays import address, apart, checked, readable, writable
from tacit.kernels.bit_blocks import ROOM, join, split

Words = npt.NDArray[np.uint64]

WORD = 64  # bits


def planes(words: Words, bits: int) -> Words:
    """The `bits` lowest bits of the words (n,), uint64, as planes (bits, ceil(n / 64)).

    Bit i of plane k is bit k of word i; what fills the last word of a plane is zero.
    """
    source, count = readable("words", words, np.uint64, 1), _bits(bits)
    out = np.empty((count, -(-source.size // WORD)), dtype=np.uint64)
    room = np.empty(ROOM, dtype=np.uint64)
    split(address(out), address(source), source.size, count, address(room))
    return out


def words(planes: Words, n: int) -> Words:
    """The words (n,), uint64, of which `planes` (bits, ceil(n / 64)) are the lowest bits; the others are zero."""
    source, count = readable("planes", planes, np.uint64, 2), operator.index(n)
    bits = _bits(source.shape[0])
    if count < 0 or source.shape[1] != -(-count // WORD):
        raise ValueError(f"planes of {n} bits have {-(-count // WORD)} words, not {source.shape[1]}")
    out = np.empty(count, dtype=np.uint64)
    room = np.empty(ROOM, dtype=np.uint64)
    join(address(out), address(source), count, bits, address(room))
    return out


def multiply_replicated(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words, out: Words | None = None) -> Words:
    """x0 & y0 ^ x0 & y1 ^ x1 & y0 ^ mask, for uint64 arrays of one shape.

    One party's part of a conjunction of replicated shares: `elementwise.multiply_replicated` over Z_2.
    """
    given = {"x0": x0, "x1": x1, "y0": y0, "y1": y1, "mask": mask}
    operands = [readable(name, array, np.uint64) for name, array in given.items()]
    shape = operands[0].shape
    if any(operand.shape != shape for operand in operands):
        raise ValueError(f"all operands must have one shape, not {[operand.shape for operand in operands]}")
    result = np.empty(shape, dtype=np.uint64) if out is None else writable("the result", out, np.uint64, shape)
    bit_tiles.multiply_replicated(
        result.size, address(result), *(address(apart(operand, result)) for operand in operands)
    )
    return result


def gram(x: Words, y: Words) -> Words:
    """The inner products over Z_2 of the packed rows of x (p, w) with those of y (q, w): 0 or 1, uint64 (p, q)."""
    x, y = checked("x", x, np.uint64, 2), checked("y", y, np.uint64, 2)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"rows of x have {x.shape[1]} words and those of y {y.shape[1]}")
    out = _product(x, y.T)
    bit_tiles.parities(address(out), out.size)
    return out


def combine(matrix: Words, rows: Words) -> Words:
    """matrix @ rows over Z_2: of packed rows (n, w), those that `matrix` (p, n) of 0 and 1 names, uint64 (p, w)."""
    matrix, rows = checked("matrix", matrix, np.uint64, 2), checked("rows", rows, np.uint64, 2)
    if matrix.shape[1] != rows.shape[0]:
        raise ValueError(f"the matrix has {matrix.shape[1]} columns where there are {rows.shape[0]} rows")
    return _product(np.negative(matrix), rows)


def _product(a: Words, b: Words) -> Words:
    """a @ b of words with & and ^."""
    rows, depth, columns = a.shape[0], a.shape[1], b.shape[1]
    out = np.zeros((rows, columns), dtype=np.uint64)
    if out.size and depth:
        a = a if a.flags.aligned and a.strides[1] == a.itemsize else a.copy(order="C")
        b = b if b.flags.aligned else b.copy()
        wide = -(-columns // bit_tiles.TILE_COLUMNS) * bit_tiles.TILE_COLUMNS
        room = np.empty(bit_tiles.DEPTH * (wide + bit_tiles.TILE_ROWS) + bit_tiles.TILE, dtype=np.uint64)
        bit_tiles.multiply(
            address(out),
            address(a),
            a.strides[0],
            address(b),
            b.strides[0],
            b.strides[1],
            rows,
            depth,
            columns,
            address(room),
        )
    return out


def _bits(bits: int) -> int:
    count = operator.index(bits)
    if not 0 <= count <= WORD:
        raise ValueError(f"words have 0 to {WORD} planes, not {count}")
    return count
