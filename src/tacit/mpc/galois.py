"""Extensions of degree 48 of the two rings: where random elements tell true sums from false ones.

E = R[X] / f with f = X^48 + X^5 + X^3 + X^2 + 1, irreducible modulo 2. For R = Z_2 that is the field of 2^48 elements;
for R = Z_2^64 the Galois ring GR(2^64, 48), whose elements modulo 2 are that field. An element with coefficients 0 and
1, drawn at random, is a root of a given polynomial of degree d over E, not zero, with chance at most d / 2^48: divide
the polynomial by the largest power of 2 that divides it, and look modulo 2.

*Elements* are uint64 (n, 48), coefficients in turn, over either ring. *Vectors* are 48 planes of coefficients: words
(48, n) over Z_2^64, packed bits (48, ceil(n / 64)) over Z_2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

import numpy as np

from tacit.kernels import bits, ring, weighting
from tacit.kernels.weighting import DEGREE, PLACES, TAPS
from tacit.mpc import convolution
from tacit.mpc.pending import Ring
from tacit.mpc.replicated import Words

BITS = 64  # in a word
ALIGNED_FROM = 512  # bits: rows that are at least so long begin at a word, at the price of some zeros


class Extension(ABC):
    """E over one of the rings: its elements, and its vectors, which the two rings hold differently."""

    ring: Ring
    unit: int  # elements of the ring in a word of a row or a plane
    wire_words: int  # that an element takes on the wire

    # Elements

    @abstractmethod
    def canonical(self, elements: Words) -> Words:
        """The same elements, with coefficients in the ring."""

    @abstractmethod
    def packed(self, elements: Words) -> Words:
        """Elements (n, 48) as they are sent: (n, wire_words)."""

    @abstractmethod
    def unpacked(self, words: Words) -> Words:
        """Elements (n, 48) from (n, wire_words); any words give some."""

    def multiply(self, x: Words, y: Words) -> Words:
        """x * y, element by element: (n, 48) each."""
        return self._folded(x[:, :, None] * y[:, None, :])

    def sum_of_products(self, x: Words, y: Words) -> Words:
        """The sum of all x_i * y_i, for (n, 48) each: (48,)."""
        total: Words = self._folded(ring.matmul(x.T, y)[None])[0]
        return total

    def matrices(self, elements: Words) -> Words:
        """For each of the elements (n, 48) the matrix of the multiplication by it, (n, 48, 48)."""
        flat = ring.matmul(elements, _products().reshape(DEGREE, -1))
        return self.canonical(flat).reshape(-1, DEGREE, DEGREE).transpose(0, 2, 1)

    def transformed(self, matrix: Words, elements: Words) -> Words:
        """Each of the elements (n, 48) multiplied by a matrix (48, 48), coefficients not yet canonical."""
        return ring.matmul(elements, matrix.T)

    def powers(self, element: Words, count: int) -> Words:
        """1, x, x^2, ..., (count, 48), of an element (48,)."""
        found = np.zeros((count, DEGREE), dtype=np.uint64)
        found[0, 0] = 1
        by_element = self.matrices(element[None])[0]
        for i in range(1, count):
            found[i] = self.canonical(by_element @ found[i - 1])
        return found

    def _folded(self, outer: Words) -> Words:
        """Elements (n, 48) from (n, 48, 48) products of coefficients."""
        flat = np.ascontiguousarray(outer).reshape(-1, DEGREE * DEGREE)
        return self.canonical(ring.matmul(flat, _products().reshape(-1, DEGREE)))

    # Rows and vectors

    @abstractmethod
    def _add(self, x: Words, y: Words) -> Words:
        """The sums of rows."""

    @abstractmethod
    def gram(self, x: Words, y: Words) -> Words:
        """Inner products over the ring of rows (p, w) with rows (q, w): (p, q)."""

    @abstractmethod
    def combine(self, matrix: Words, rows: Words) -> Words:
        """matrix (p, n) of ring elements, one to a word, times rows (n, w): (p, w)."""

    @abstractmethod
    def weigh(self, vector: Words, weights: Words) -> None:
        """vector *= weights, in place; weights have packed bits as coefficients."""

    @abstractmethod
    def weight_rows(self, weights: Words, start: int, stop: int) -> Words:
        """The weights' coefficients as 48 rows, of the words from `start` to `stop`."""

    @abstractmethod
    def masked(self, weight_rows: Words, rows: Words) -> Words:
        """Each coefficient of the weights times each of rows (n, w): (48 * n, w)."""

    @abstractmethod
    def row_length(self, length: int, count: int) -> int:
        """How long each of `count` rows is into which a vector of so many elements is cut."""

    @abstractmethod
    def rows(self, vector: Words, length: int, count: int) -> Words:
        """A vector of `length` elements cut into `count` rows of `row_length`, filled up with zeros: (48, count, w)."""

    def inner(self, x: Words, y: Words) -> Words:
        """The inner product (48,) of two vectors."""
        total: Words = self._folded(self.gram(x, y)[None])[0]
        return total

    def convolve(self, a: Words, b: Words) -> Words:
        """The inner products of rows a (48, K, w) and b (48, K, w) of vectors, added up along the diagonals.

        Elements (2 K - 1, 48): at n + K - 1 the sum of all <a_k, b_l> with k - l = n.
        """
        places = convolution.convolve(a, b, gram=self.gram, add=self._add)
        return self.canonical(ring.matmul(places.T, _reduction()))

    def fold(self, rows: Words, factors: Words) -> Words:
        """The sum of rows (48, K, w), each times its element of `factors` (K, 48): a vector (48, w)."""
        matrix = self.matrices(factors).transpose(1, 2, 0).reshape(DEGREE, -1)
        return self.combine(matrix, rows.reshape(DEGREE * rows.shape[1], -1))


class GaloisRing(Extension):
    """Over Z_2^64."""

    ring: Ring = "arithmetic"
    unit = 1
    wire_words = DEGREE

    def canonical(self, elements: Words) -> Words:
        """As they are."""
        return elements

    def packed(self, elements: Words) -> Words:
        """As they are."""
        return np.ascontiguousarray(elements)

    def unpacked(self, words: Words) -> Words:
        """As they are."""
        return words

    def _add(self, x: Words, y: Words) -> Words:
        return x + y

    def gram(self, x: Words, y: Words) -> Words:
        """Modulo 2^64."""
        return ring.matmul(x, y.T)

    def combine(self, matrix: Words, rows: Words) -> Words:
        """Modulo 2^64."""
        return ring.matmul(matrix, rows)

    def weigh(self, vector: Words, weights: Words) -> None:
        """By shifted masked additions."""
        weighting.weigh(vector, weights)

    def weight_rows(self, weights: Words, start: int, stop: int) -> Words:
        """Words of 0 and 1; `start` is a multiple of 64."""
        part = np.ascontiguousarray(weights[:, start // BITS : -(-stop // BITS)]).astype("<u8", copy=False)
        return np.unpackbits(part.view(np.uint8), axis=1, count=stop - start, bitorder="little").astype(np.uint64)

    def masked(self, weight_rows: Words, rows: Words) -> Words:
        """By masks of all ones."""
        masks = np.negative(weight_rows)
        return (masks[:, None, :] & rows[None]).reshape(DEGREE * len(rows), -1)

    def row_length(self, length: int, count: int) -> int:
        """The quotient, rounded up."""
        return -(-length // count)

    def rows(self, vector: Words, length: int, count: int) -> Words:
        """In the order of the elements."""
        row = self.row_length(length, count)
        padded = np.zeros((DEGREE, count * row), dtype=np.uint64)
        padded[:, :length] = vector[:, :length]
        return padded.reshape(DEGREE, count, row)


class BinaryField(Extension):
    """Over Z_2; elements have coefficients 0 and 1, and are sent as one word of 48 bits."""

    ring: Ring = "binary"
    unit = BITS
    wire_words = 1

    def canonical(self, elements: Words) -> Words:
        """Modulo 2."""
        return elements & np.uint64(1)

    def packed(self, elements: Words) -> Words:
        """48 bits in a word."""
        words: Words = (elements << np.arange(DEGREE, dtype=np.uint64)).sum(axis=1, keepdims=True, dtype=np.uint64)
        return words

    def unpacked(self, words: Words) -> Words:
        """From the lower 48 bits."""
        return elements_of(words[:, 0])

    def _add(self, x: Words, y: Words) -> Words:
        return x ^ y

    def gram(self, x: Words, y: Words) -> Words:
        """Modulo 2."""
        return bits.gram(x, y)

    def combine(self, matrix: Words, rows: Words) -> Words:
        """Modulo 2."""
        return bits.combine(matrix, rows)

    def weigh(self, vector: Words, weights: Words) -> None:
        """By shifted conjunctions."""
        weighting.weigh_bits(vector, weights)

    def weight_rows(self, weights: Words, start: int, stop: int) -> Words:
        """As they are."""
        return weights[:, start:stop]

    def masked(self, weight_rows: Words, rows: Words) -> Words:
        """By conjunction."""
        return (weight_rows[:, None, :] & rows[None]).reshape(DEGREE * len(rows), -1)

    def row_length(self, length: int, count: int) -> int:
        """The quotient, rounded up; of long rows to whole words."""
        row = -(-length // count)
        return row if row < ALIGNED_FROM else -(-row // BITS) * BITS

    def rows(self, vector: Words, length: int, count: int) -> Words:
        """In the order of the elements."""
        row = self.row_length(length, count)
        if row % BITS == 0:
            words = row // BITS
            padded = np.zeros((DEGREE, count * words), dtype=np.uint64)
            used = -(-length // BITS)
            padded[:, :used] = vector[:, :used]
            return padded.reshape(DEGREE, count, words)
        octets = np.ascontiguousarray(vector).astype("<u8", copy=False).view(np.uint8)
        each = np.zeros((DEGREE, count * row), dtype=np.uint8)
        each[:, :length] = np.unpackbits(octets, axis=1, count=length, bitorder="little")
        words = -(-row // BITS)
        apart = np.zeros((DEGREE, count, words * BITS), dtype=np.uint8)
        apart[:, :, :row] = each.reshape(DEGREE, count, row)
        return np.packbits(apart, axis=2, bitorder="little").view("<u8").astype(np.uint64, copy=False)


EXTENSIONS: dict[Ring, Extension] = {"arithmetic": GaloisRing(), "binary": BinaryField()}


def elements_of(words: Words) -> Words:
    """Elements (n, 48) whose coefficients are the lower 48 bits of words (n,)."""
    return (words[:, None] >> np.arange(DEGREE, dtype=np.uint64)) & np.uint64(1)


@cache
def _reduction() -> Words:
    """X^0 to X^94 reduced by f, as coefficients (95, 48)."""
    powers = np.zeros((PLACES, DEGREE), dtype=np.uint64)
    powers[:DEGREE] = np.eye(DEGREE, dtype=np.uint64)
    for place in range(DEGREE, PLACES):
        for tap in TAPS:
            powers[place] -= powers[place - DEGREE + tap]
    return powers


@cache
def _products() -> Words:
    """X^i * X^j reduced by f, as coefficients (48, 48, 48)."""
    grid = np.arange(DEGREE)
    table: Words = _reduction()[grid[:, None] + grid[None, :]]
    return table
