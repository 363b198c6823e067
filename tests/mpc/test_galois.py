"""The extensions, against polynomials written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels.weighting import DEGREE, TAPS
from tacit.mpc.galois import EXTENSIONS, elements_of

RNG = np.random.default_rng(5)
F = 1 << DEGREE | sum(1 << tap for tap in TAPS)
RINGS = ["arithmetic", "binary"]
MODULUS = {"arithmetic": 2**64, "binary": 2}


def elements(ring: str, count: int) -> np.ndarray:
    drawn = RNG.integers(0, 2**64, (count, DEGREE), dtype=np.uint64)
    return EXTENSIONS[ring].canonical(drawn)


def product(ring: str, x: list[int], y: list[int]) -> list[int]:
    """x * y reduced by f, by Python's integers."""
    places = [0] * (2 * DEGREE - 1)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            places[i + j] += int(a) * int(b)
    for place in range(2 * DEGREE - 2, DEGREE - 1, -1):
        for tap in TAPS:
            places[place - DEGREE + tap] -= places[place]
    return [value % MODULUS[ring] for value in places[:DEGREE]]


def total(ring: str, terms) -> list[int]:
    return [sum(column) % MODULUS[ring] for column in zip(*terms, strict=True)]


def vector(ring: str, given: np.ndarray) -> np.ndarray:
    """Elements (n, 48) as the planes of the extension's vectors."""
    if ring == "arithmetic":
        return np.ascontiguousarray(given.T)
    padded = np.zeros((DEGREE, -(-len(given) // 64) * 64), np.uint8)
    padded[:, : len(given)] = given.T
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def entries(ring: str, planes: np.ndarray, count: int) -> np.ndarray:
    if ring == "arithmetic":
        return planes[:, :count].T
    return np.unpackbits(planes.view(np.uint8), axis=1, count=count, bitorder="little").T.astype(np.uint64)


# f, by arithmetic on polynomials over Z_2 that are the bits of integers


def times(a: int, b: int) -> int:
    found = 0
    while b:
        found ^= a if b & 1 else 0
        a, b = a << 1, b >> 1
    return remainder(found, F)


def remainder(a: int, b: int) -> int:
    while a.bit_length() >= b.bit_length():
        a ^= b << (a.bit_length() - b.bit_length())
    return a


def common(a: int, b: int) -> int:
    while b:
        a, b = b, remainder(a, b)
    return a


def test_f_is_irreducible_modulo_two():
    """Rabin's test: X^(2^48) = X, and X^(2^(48/p)) - X has nothing in common with f for the primes p of 48."""
    power, found = 2, {}
    for step in range(1, DEGREE + 1):
        power = times(power, power)
        found[step] = power
    assert found[DEGREE] == 2
    for prime in (2, 3):
        assert common(F, found[DEGREE // prime] ^ 2) == 1


# Elements


@pytest.mark.parametrize("ring", RINGS)
def test_elements_multiply_as_polynomials(ring):
    x, y = elements(ring, 5), elements(ring, 5)
    expected = [product(ring, a, b) for a, b in zip(x, y, strict=True)]
    extension = EXTENSIONS[ring]
    assert extension.multiply(x, y).tolist() == expected
    assert extension.sum_of_products(x, y).tolist() == total(ring, expected)
    by_matrix = extension.matrices(x)
    for i in range(5):
        assert extension.canonical(by_matrix[i] @ y[i]).tolist() == expected[i]


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_powers(ring, count):
    x = elements(ring, 1)[0]
    expected = [[1] + [0] * (DEGREE - 1)]
    while len(expected) < count:
        expected.append(product(ring, expected[-1], x))
    assert EXTENSIONS[ring].powers(x, count).tolist() == expected


@pytest.mark.parametrize("ring", RINGS)
def test_what_is_sent_is_the_element(ring):
    extension, x = EXTENSIONS[ring], elements(ring, 7)
    sent = extension.packed(x)
    assert sent.shape == (7, extension.wire_words)
    np.testing.assert_array_equal(extension.unpacked(sent), x)


def test_elements_of_words_are_their_lower_bits():
    assert elements_of(np.array([2**48 + 5, 2**47], np.uint64)).tolist() == [
        [1, 0, 1] + [0] * 45,
        [0] * 47 + [1],
    ]


# Vectors


@settings(max_examples=40, deadline=None)
@given(ring=st.sampled_from(RINGS), length=st.integers(1, 300), count=st.integers(1, 9))
def test_vectors_are_cut_into_rows(ring, length, count):
    extension, given = EXTENSIONS[ring], elements(ring, length)
    rows, row = extension.rows(vector(ring, given), length, count), extension.row_length(length, count)
    found = np.concatenate([entries(ring, np.ascontiguousarray(rows[:, k]), row) for k in range(count)])
    np.testing.assert_array_equal(found[:length], given)
    assert not found[length:].any()


def test_long_rows_of_bits_begin_at_a_word():
    extension, given = EXTENSIONS["binary"], elements("binary", 2 * 600 + 5)
    assert extension.row_length(len(given), 2) == 640
    rows = extension.rows(vector("binary", given), len(given), 2)
    found = np.concatenate([entries("binary", np.ascontiguousarray(rows[:, k]), 640) for k in range(2)])
    np.testing.assert_array_equal(found[: len(given)], given)


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize(("length", "count"), [(1, 1), (5, 2), (9, 3), (6, 4)])
def test_rows_are_convolved(ring, length, count):
    extension = EXTENSIONS[ring]
    x, y, row = elements(ring, length), elements(ring, length), extension.row_length(length, count)
    found = extension.convolve(*(extension.rows(vector(ring, each), length, count) for each in (x, y)))
    expected = []
    for n in range(1 - count, count):
        terms = [[0] * DEGREE]
        for i in range(length):
            j = i - n * row
            if 0 <= j < length:
                terms.append(product(ring, x[i], y[j]))
        expected.append(total(ring, terms))
    assert found.tolist() == expected


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize(("length", "count"), [(1, 1), (5, 2), (9, 3)])
def test_rows_are_folded(ring, length, count):
    extension, row = EXTENSIONS[ring], EXTENSIONS[ring].row_length(length, count)
    x, factors = elements(ring, length), elements(ring, count)
    found = entries(ring, extension.fold(extension.rows(vector(ring, x), length, count), factors), row)
    for m in range(row):
        terms = [product(ring, x[k * row + m], factors[k]) for k in range(count) if k * row + m < length]
        assert found[m].tolist() == total(ring, [[0] * DEGREE, *terms])


@pytest.mark.parametrize("ring", RINGS)
def test_inner_products_and_weights(ring):
    extension = EXTENSIONS[ring]
    count = 70 if ring == "arithmetic" else 128
    x, y = elements(ring, count), elements(ring, count)
    expected = total(ring, [product(ring, a, b) for a, b in zip(x, y, strict=True)])
    assert extension.inner(vector(ring, x), vector(ring, y)).tolist() == expected
    weights = RNG.integers(0, 2, (count, DEGREE), dtype=np.uint64)
    packed, weighed = vector("binary", weights), vector(ring, x)
    extension.weigh(weighed, packed)
    for i in (0, 1, 63, 64, count - 1):
        assert entries(ring, weighed, count)[i].tolist() == product(ring, x[i], weights[i])
    rows = extension.weight_rows(packed, 0, -(-count // extension.unit))
    found = rows.T if ring == "arithmetic" else entries(ring, rows, count)
    np.testing.assert_array_equal(found, weights)


@pytest.mark.parametrize("ring", RINGS)
def test_rows_times_each_coefficient_of_weights(ring):
    extension, rows = EXTENSIONS[ring], RNG.integers(0, 2**64, (3, 4), dtype=np.uint64)
    top = 2 if ring == "arithmetic" else 2**64
    weights = RNG.integers(0, top - 1, (DEGREE, 4), dtype=np.uint64, endpoint=True)
    found = extension.masked(weights, rows).reshape(DEGREE, 3, 4)
    expected = weights[:, None] * rows if ring == "arithmetic" else weights[:, None] & rows
    np.testing.assert_array_equal(found, expected)
