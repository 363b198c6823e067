"""Matrix products in the ring Z_2^64, which numpy computes at a fortieth of the speed of its float products.

Shares of replicated secret sharing live in this ring, and a layer of a shared model is three such products. How they
are computed is told in `ring_tiles`.
"""

from __future__ import annotations

import operator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tacit.kernels.arrays import Array, address, checked
from tacit.kernels.ring_tiles import DEPTH, TILE_COLUMNS, TILE_ROWS, WIDTH, add_dots, add_rows, multiply_blocks

Words = npt.NDArray[np.uint64]

FEW_ROWS = 4  # up to so many rows of a, copying b costs more than it gains


def matmul(a: Words, b: Words, threads: int = 1) -> Words:
    """a @ b modulo 2^64, for uint64 arrays (m, k) and (k, n) of any strides: a fresh array (m, n).

    With `threads` above one, the longer side of the result is cut into as many parts.
    """
    a, b = _aligned("a", a), _aligned("b", b)
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"a has {a.shape[1]} columns where b has {b.shape[0]} rows")
    threads = operator.index(threads)
    if threads < 1:
        raise ValueError(f"threads must be at least 1, and is {threads}")
    rows, columns = a.shape[0], b.shape[1]
    if columns < min(rows, TILE_COLUMNS):  # a narrow result fills the tiles better lying on its side
        return np.ascontiguousarray(matmul(b.T, a.T, threads).T)
    out = np.zeros((rows, columns), dtype=np.uint64)
    if out.size == 0 or a.shape[1] == 0:
        return out
    if threads == 1:
        _accumulate(a, b, out)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_accumulate, *zip(*_parts(a, b, out, threads), strict=True)))
    return out


def _aligned(name: str, array: object) -> Array:
    """The array, checked, with strides of whole words; copied if they are not."""
    words = checked(name, array, np.uint64, 2)
    return words if words.flags.aligned else words.copy()


def _parts(a: Array, b: Array, out: Array, threads: int) -> list[tuple[Array, Array, Array]]:
    """The product cut along the longer side of the result into at most `threads` parts, none of them empty."""
    rows, columns = out.shape
    cuts = np.linspace(0, max(rows, columns), min(threads, max(rows, columns)) + 1).astype(int).tolist()
    spans = [slice(start, stop) for start, stop in pairwise(cuts)]
    if columns >= rows:
        return [(a, b[:, span], out[:, span]) for span in spans]
    return [(a[span], b, out[span]) for span in spans]


def _accumulate(a: Array, b: Array, out: Array) -> None:
    """out += a @ b, where the words of a row of `out` lie side by side, and nothing is empty."""
    rows, depth = a.shape
    columns = b.shape[1]
    if rows > FEW_ROWS:
        blocks = np.empty(DEPTH * (WIDTH + TILE_ROWS) + TILE_ROWS * TILE_COLUMNS, dtype=np.uint64)
        multiply_blocks(
            address(out), out.strides[0],
            address(a), a.strides[0], a.strides[1],
            address(b), b.strides[0], b.strides[1],
            rows, depth, columns, address(blocks),
        )  # fmt: skip
        return
    for row, target in zip(a, out, strict=True):
        factors = np.ascontiguousarray(row)
        if b.strides[1] == 8 and columns > 1:
            add_rows(address(target), address(factors), address(b), b.strides[0], depth, columns)
        else:
            across = b if b.strides[0] == 8 else np.asfortranarray(b)
            add_dots(address(target), address(factors), address(across), across.strides[1], depth, columns)
