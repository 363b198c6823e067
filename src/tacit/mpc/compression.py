"""From records to vectors over the extension: random weights, and the first fold, whose rows are words of the ring.

The elementwise claims of a batch, all with the same number of terms, lie one after another and are cut into K rows of
M; claim (k, m) has the weight s_k r_m. Matrices are compressed by weights on both sides (Freivalds 1977): the claim
x_i y_{i+1} + x_{i+1} y_i = lambda + kappa becomes

    <s^T x_i, y_{i+1} r> + <y_i r, s^T x_{i+1}> = s^T (lambda + kappa) r,

an inner product of vectors of which the left verifier knows one and the right verifier the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Literal

import numpy as np

from tacit.kernels.weighting import DEGREE
from tacit.mpc.galois import BITS, elements_of
from tacit.mpc.pending import Claims, Elementwise
from tacit.mpc.replicated import Words
from tacit.mpc.streams import Stream
from tacit.mpc.verification_plan import Plan

BLOCK = 2048  # words of each row that are looked at together
MASKED = 128  # words of each row that are multiplied by weights at once: 48 K such stay in the second cache
Side = Literal["left", "right"]


@dataclass(frozen=True, repr=False, eq=False)
class Weights:
    """The weights of one verification: s as elements (K, 48); of each batch r, and of each matrix s and r, as bits.

    batches: packed bits (48, w); matrices: words of 0 and 1, (48, m) and (48, n).
    """

    rows: Words
    batches: tuple[Words, ...]
    matrices: tuple[tuple[Words, Words], ...]


def weights(plan: Plan, seed: bytes) -> Weights:
    """The weights from a seed of 16 bytes, which the prover learns when it has sent all that they are about."""
    stream = Stream(seed)
    for_word = BITS // plan.extension.unit  # words of a row to a word of packed weights
    rows = _elements(stream, plan.rows)
    batches = tuple(_words(stream, -(-plan.row_words(i) // for_word)) for i in range(len(plan.batches)))
    matrices = tuple((_elements(stream, m).T, _elements(stream, n).T) for m, _, n in plan.matrices)
    return Weights(rows, batches, matrices)


class Compression:
    """What one party knows of one prover's claims, compressed by the weights."""

    def __init__(self, plan: Plan, claims: Claims, weights: Weights) -> None:
        self._plan, self._extension, self._weights = plan, plan.extension, weights
        records = [record for record in claims.elementwise if prod(record.shape)]
        self._batches = [[record for record in records if record.terms == terms] for terms, _ in plan.batches]
        self._matrices = [record for record in claims.matrices if record.sides[0] * record.sides[2]]

    def products(self) -> Words:
        """The prover's coefficients (2 K - 1, 48) of the first fold: at n + K - 1 the sum of s_k C_kl with k - l = n.

        C_kl is the sum of r_m A_tkm B_tlm over t and m.
        """
        extension, count = self._extension, self._plan.rows
        sums = np.zeros((DEGREE * count, count), dtype=np.uint64)
        for number, batch in enumerate(self._batches):
            pairs = [
                (self._rows(number, batch, "left", t), self._rows(number, batch, "right", t)) for t in _terms(batch)
            ]
            for start, stop in _blocks(self._plan.row_words(number)):
                bits = extension.weight_rows(self._weights.batches[number], start, stop)
                for left_rows, right_rows in pairs:
                    left, right = left_rows.block(start, stop), right_rows.block(start, stop)
                    for begin in range(0, stop - start, MASKED):
                        part = slice(begin, begin + MASKED)
                        sums += extension.gram(extension.masked(bits[:, part], left[:, part]), right[:, part])
        return self._along_diagonals(extension.canonical(sums).reshape(DEGREE, count, count))

    def _along_diagonals(self, products: Words) -> Words:
        """Elements (2 K - 1, 48) from the C_kl, (48, K, K): each times s_k, added up along the diagonals."""
        count = products.shape[1]
        by_weight = self._extension.matrices(self._weights.rows)
        found = np.zeros((2 * count - 1, DEGREE), dtype=np.uint64)
        for k in range(count):
            found[k : k + count] += self._extension.transformed(by_weight[k], products[:, k, ::-1].T)
        return self._extension.canonical(found)

    def vector(self, side: Side, element: Words | None) -> Words:
        """The vector of the A or of the B after the first fold at X = `element`, which is None where K is 1.

        Rows are added up times s_k X^k, then weighed by r, on the left, and times X^(K-1-k) on the right. The matrices'
        sides follow: on the left times X^(K-1), since their claim is part of that coefficient.
        """
        count = self._plan.rows
        powers = self._extension.powers(np.zeros(DEGREE, dtype=np.uint64) if element is None else element, count)
        return self._left(powers) if side == "left" else self._right(powers)

    def _left(self, powers: Words) -> Words:
        factors, pieces = self._extension.multiply(self._weights.rows, powers), []
        for number, batch in enumerate(self._batches):
            for term in _terms(batch):
                piece = self._combined(self._rows(number, batch, "left", term), factors)
                self._extension.weigh(piece, self._weights.batches[number])
                pieces.append(piece)
        sides = [side for pair in self._left_sides for side in pair]
        if sides and len(powers) > 1:
            last = self._extension.matrices(powers[-1:])[0]
            sides = [self._extension.combine(last, side) for side in sides]
        return _joined(pieces + sides)

    def _right(self, powers: Words) -> Words:
        pieces = []
        for number, batch in enumerate(self._batches):
            for term in _terms(batch):
                pieces.append(self._combined(self._rows(number, batch, "right", term), powers[::-1]))
        for record, (s, r) in zip(self._matrices, self._weights.matrices, strict=True):
            pieces += [
                self._extension.combine(r, _known(record.y[1]).T),
                self._extension.combine(s, _known(record.x[1])),
            ]
        return _joined(pieces)

    def part(self, side: Side) -> Words:
        """A verifier's weighted lambda or kappa, (48,)."""
        extension = self._extension
        total = np.zeros(DEGREE, dtype=np.uint64)
        for number, batch in enumerate(self._batches):
            rows = Rows([_known(record.part) for record in batch], self._plan.row_words(number), self._plan.rows)
            sums = np.zeros((DEGREE, self._plan.rows), dtype=np.uint64)
            for start, stop in _blocks(self._plan.row_words(number)):
                bits = extension.weight_rows(self._weights.batches[number], start, stop)
                sums += extension.gram(bits, rows.block(start, stop))
            total += extension.sum_of_products(self._weights.rows, extension.canonical(sums.T))
        for record, (s, r) in zip(self._matrices, self._weights.matrices, strict=True):
            total += extension.inner(extension.combine(s, _known(record.part)), r)
        if side == "left":
            for x, y in self._left_sides:
                total -= extension.inner(x, y)
        return extension.canonical(total)

    @cached_property
    def _left_sides(self) -> list[tuple[Words, Words]]:
        """s^T x_i and y_i r of each matrix."""
        combine = self._extension.combine
        return [
            (combine(s, _known(record.x[0])), combine(r, _known(record.y[0]).T))
            for record, (s, r) in zip(self._matrices, self._weights.matrices, strict=True)
        ]

    def _rows(self, number: int, batch: Sequence[Elementwise], side: Side, term: int) -> Rows:
        factors = [(record.left if side == "left" else record.right)[term] for record in batch]
        return Rows(factors, self._plan.row_words(number), self._plan.rows)

    def _combined(self, rows: Rows, factors: Words) -> Words:
        piece = np.empty((DEGREE, rows.length), dtype=np.uint64)
        for start, stop in _blocks(rows.length):
            piece[:, start:stop] = self._extension.combine(factors.T, rows.block(start, stop))
        return piece


class Rows:
    """Arrays one after another, cut into rows of one length, the last filled up with zeros; read block by block."""

    def __init__(self, arrays: Sequence[Words], length: int, count: int) -> None:
        self.length, self._count = length, count
        self._arrays = [array.reshape(-1) for array in arrays]  # a copy where it is not contiguous
        self._ends = list(accumulate(array.size for array in self._arrays))

    def block(self, start: int, stop: int) -> Words:
        """The words from `start` to `stop` of each row: (count, stop - start)."""
        found = np.zeros((self._count, stop - start), dtype=np.uint64)
        number = 0
        for k in range(self._count):
            place, end = k * self.length + start, min(k * self.length + stop, self._ends[-1])
            target = found[k]
            while place < end:
                while self._ends[number] <= place:
                    number += 1
                array = self._arrays[number]
                offset = place - (self._ends[number] - array.size)
                taken = min(end - place, array.size - offset)
                written = place - k * self.length - start
                target[written : written + taken] = array[offset : offset + taken]
                place += taken
        return found


def _terms(batch: Sequence[Elementwise]) -> range:
    return range(batch[0].terms)


def _blocks(length: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, BLOCK):
        yield start, min(start + BLOCK, length)


def _joined(pieces: list[Words]) -> Words:
    vector = np.concatenate(pieces, axis=1)
    return vector if vector.shape[1] else np.zeros((DEGREE, 1), dtype=np.uint64)


def _known(array: Words | None) -> Words:
    assert array is not None
    return array


def _words(stream: Stream, count: int) -> Words:
    words: Words = stream.take((DEGREE, count)).view(np.uint64)
    return words


def _elements(stream: Stream, count: int) -> Words:
    return elements_of(stream.take((count,)).view(np.uint64))
