"""Committing to values, and opening columns: the prover's side, on all cores.

The codewords are kept as one leaf for each column: salt, the column's words, and in zero knowledge the words of a mask
where the commitment has one. [Ames et al. 2017], with the layout of `parameters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from os import cpu_count
from typing import TypeVar

import numpy as np

from tacit.kernels import merkle, ntt
from tacit.kernels.combinations import combine_rows
from tacit.kernels.merkle import Bytes
from tacit.proofs.commitment import tree
from tacit.proofs.commitment.parameters import SALT, WORD, Code
from tacit.proofs.commitment.randomness import Randomness
from tacit.proofs.field import Words

MASK_ROWS = 2  # the coordinates of a row over the extension

T = TypeVar("T")
R = TypeVar("R")

_ROWS_AT_ONCE = 8  # so that a column's words fill a cache line
_TILE = 2048  # columns that are turned at once: the lines they touch stay in the second cache
_SALT_WORDS = SALT // WORD
_WORTH_THREADS = 2**14  # words of a matrix from which on threads gain more than they cost


@dataclass(frozen=True, eq=False, repr=False)
class Matrix:
    """Committed rows: messages (rows, k), leaves (n, words of a leaf), and the Merkle tree over these."""

    messages: Words
    leaves: Words
    salted: bool

    @cached_property
    def levels(self) -> list[Bytes]:
        """The digests of the tree, leaves first."""
        chunks = np.array_split(self.leaves.view(np.uint8), _parts(self.leaves.size))
        return merkle.levels(np.concatenate(_on_all_cores(merkle.hash_leaves, chunks)))

    @property
    def root(self) -> bytes:
        """The root: the commitment itself."""
        return self.levels[-1].tobytes()

    def columns(self, positions: Sequence[int]) -> tuple[Words, bytes]:
        """The leaves (t, words) at sorted positions, and the digests that the verifier lacks."""
        path = b"".join(self.levels[level][i].tobytes() for level, i in tree.siblings(positions, len(self.leaves)))
        return self.leaves[list(positions)], path

    def combine(self, coefficients: Words) -> Words:
        """sum_i coefficients[i] * row i: (rows, 2) to (k, 2)."""
        return combine_rows(self.messages[: len(coefficients)], coefficients)


def commit(rows: Words, code: Code, randomness: Randomness | None, *, masked: bool) -> Matrix:
    """Commit to rows (R, D) of values; with `masked`, to a mask of two random rows after them.

    randomness: for the random symbols, the mask and the salts; None where the code hides nothing.
    """
    if code.hidden != (randomness is not None):
        raise ValueError("a code that hides needs randomness, and only such a code")
    masks = MASK_ROWS if masked else 0
    messages = np.zeros((len(rows) + masks, code.length), dtype=np.uint64)
    messages[: len(rows), : code.columns] = rows
    salt = 0
    leaves = np.empty((code.points, _SALT_WORDS * code.hidden + len(messages)), dtype=np.uint64)
    if randomness is not None:
        messages[: len(rows), code.columns :] = randomness.elements(len(rows), code.length - code.columns)
        messages[len(rows) :] = randomness.elements(masks, code.length)
        salt = _SALT_WORDS
        leaves[:, :salt] = randomness.words(salt * code.points).reshape(-1, salt)
    _encode(messages, leaves[:, salt:])
    return Matrix(messages, leaves, code.hidden)


def rows_of(values: Words, code: Code) -> Words:
    """Values (N,) as the rows (R, D) of a code, zeros after them."""
    padded = np.zeros(code.rows * code.columns, dtype=np.uint64)
    padded[: len(values)] = values
    return padded.reshape(code.rows, code.columns)


def _encode(messages: Words, codewords: Words) -> None:
    """The messages' codewords, as columns of (n, rows), a few rows at once on each core."""
    points, length = len(codewords), messages.shape[1]
    padded_length = 1 << (length - 1).bit_length()

    def encode(start: int) -> None:
        some = messages[start : start + _ROWS_AT_ONCE]
        padded = np.zeros((len(some), padded_length), dtype=np.uint64)
        padded[:, :length] = some
        encoded = ntt.encode(padded, points // padded_length)
        for tile in range(0, points, _TILE):
            codewords[tile : tile + _TILE, start : start + len(some)] = encoded[:, tile : tile + _TILE].T

    _on_all_cores(encode, range(0, len(messages), _ROWS_AT_ONCE))


def _parts(words: int) -> int:
    return (cpu_count() or 1) if words >= _WORTH_THREADS else 1


def _on_all_cores(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    todo = list(items)
    if len(todo) == 1:
        return [work(todo[0])]
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return list(pool.map(work, todo))
