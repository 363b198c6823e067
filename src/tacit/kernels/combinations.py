"""Combinations of rows: a matrix over the Goldilocks field, its rows weighted by elements of the extension.

What a multilinear polynomial leaves when its first variables are bound, and what a Ligero-type commitment opens.
Words in and out are as in `goldilocks`: any words in, canonical words out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.arrays import address, readable
from tacit.kernels.extension_lanes import load_base
from tacit.kernels.goldilocks import Words, canonical
from tacit.kernels.lanes import (
    LANES,
    Builder,
    Value,
    address_type,
    broadcast,
    compiled,
    emitted,
    load,
    store,
    vector,
)
from tacit.kernels.sumcheck import shared

_WORD = ir.IntType(64)
BLOCK = 1024  # columns whose sums stay in the first cache
WORK = 2**15  # products that are worth a thread


def combine_rows(matrix: Words, weights: Words) -> Words:
    """The sum over i of weights[i] * matrix[i]: base words `(m, n)` and elements `(m, 2)`, to elements `(n, 2)`."""
    rows, factors = readable("matrix", matrix, np.uint64, 2), readable("weights", weights, np.uint64, 2)
    if factors.shape != (len(rows), 2):
        raise ValueError(f"weights must have shape ({len(rows)}, 2), not {factors.shape}")
    width = rows.shape[1]
    sums = np.zeros((2, width), dtype=np.uint64)
    where = address(sums), address(rows), address(factors), len(rows), width
    shared(width, lambda begin, end: _combine(*where, begin, end), worth=max(LANES, WORK // max(1, len(rows))))
    return canonical(np.ascontiguousarray(sums.T))


def _add_row(lanes: int) -> Callable[..., None]:
    """Add `lanes` words times both words of a weight to two rows of sums, which may be any words."""

    @emitted(*[address_type] * 4)
    def write(builder: Builder, real: Value, other: Value, words: Value, weight: Value) -> None:
        kind = vector(lanes)
        factors = load_base(builder, words, lanes)
        for place, sums in enumerate((real, other)):
            each = broadcast(builder, load(builder, weight, _WORD, offset=8 * place), kind)
            product = field.multiply(builder, factors, each)
            store(builder, field.add(builder, load(builder, sums, kind), product), sums)

    return write


_add_eight, _add_one = _add_row(LANES), _add_row(1)


@compiled
def _combine(sums: int, rows: int, weights: int, count: int, width: int, begin: int, end: int) -> None:
    for start in range(begin, end, BLOCK):
        stop = min(end, start + BLOCK)
        body = stop - (stop - start) % LANES
        for i in range(count):
            row, weight = rows + 8 * i * width, weights + 16 * i
            for j in range(start, body, LANES):
                _add_eight(sums + 8 * j, sums + 8 * (width + j), row + 8 * j, weight)
            for j in range(body, stop):
                _add_one(sums + 8 * j, sums + 8 * (width + j), row + 8 * j, weight)
