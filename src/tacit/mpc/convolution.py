"""Products of polynomials whose coefficients are rows: how a fold gets its coefficients with few multiplications.

A row of a vector over the extension is 48 planes of coefficients, so an inner product of two such rows is a product of
polynomials of degree 47, place by place an inner product over the ring. Karatsuba's rule [Karatsuba and Ofman, 1962]
takes three products of half as many planes in place of four, for a few additions of rows; what remains is matrix
products of whole rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.mpc.replicated import Words

Combine = Callable[[Words, Words], Words]
SHORT = 128  # words of a row up to which the many sums that Karatsuba's rule leaves cost more than it saves
FEW = 2**19  # products of words that are not worth more calls


def convolve(a: Words, b: Words, *, gram: Combine, add: Combine) -> Words:
    """The sums of <a_ik, b_jl> along both diagonals, of planes of rows a and b, (d, K, w) each.

    Words (2 d - 1, 2 K - 1), modulo 2^64 or modulo the 2 that divides it: at (p, n + K - 1) the sum over all with
    i + j = p and k - l = n. `gram` gives the inner products over the ring of rows (p, w) with rows (q, w), `add` the
    sums of rows.
    """
    degree, count, width = a.shape
    if width <= SHORT:
        return _by_diagonals(a, b, gram)
    if degree % 2 or (degree * count) ** 2 * width <= FEW:
        shape = (degree * count, width)
        return _along_diagonals(gram(a.reshape(shape), b.reshape(shape)).reshape(degree, count, degree, count))
    half = degree // 2
    low = convolve(a[:half], b[:half], gram=gram, add=add)
    high = convolve(a[half:], b[half:], gram=gram, add=add)
    both = convolve(add(a[:half], a[half:]), add(b[:half], b[half:]), gram=gram, add=add)
    found = np.zeros((2 * degree - 1, 2 * count - 1), dtype=np.uint64)
    found[: degree - 1] = low
    found[degree:] = high
    found[half : half + degree - 1] += both - low - high
    return found


def _by_diagonals(a: Words, b: Words, gram: Combine) -> Words:
    """The same, with all rows whose k - l is equal joined to one: as few sums as there can be."""
    degree, count, _ = a.shape
    sums = np.empty((degree, degree, 2 * count - 1), dtype=np.uint64)
    for n in range(1 - count, count):
        left, right = a[:, max(n, 0) : count + min(n, 0)], b[:, max(-n, 0) : count - max(n, 0)]
        sums[:, :, n + count - 1] = gram(left.reshape(degree, -1), right.reshape(degree, -1))
    return _skewed(sums)


def _along_diagonals(products: Words) -> Words:
    """Of (d, K, d, K): the second rows backwards, then all with equal i + j and equal k + l added up."""
    degree, count = products.shape[:2]
    by_row = _skewed(np.ascontiguousarray(products[:, :, :, ::-1].transpose(1, 3, 0, 2)).reshape(count, count, -1))
    summed: Words = by_row.reshape(-1, degree, degree).transpose(1, 2, 0)
    return _skewed(summed)


def _skewed(square: Words) -> Words:
    """The sums (2 n - 1, w) of a square (n, n, w) over all places with the same sum of their numbers.

    In rows of twice the length, cut anew into rows of one less, each row begins one place later than the one before.
    """
    count, _, width = square.shape
    wide = np.zeros((count, 2 * count, width), dtype=np.uint64)
    wide[:, :count] = square
    shifted = wide.reshape(2 * count * count, width)[: count * (2 * count - 1)].reshape(count, 2 * count - 1, width)
    total: Words = shifted.sum(axis=0, dtype=np.uint64)
    return total
