"""Transforms, against the defining sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import goldilocks, ntt

unhurried = settings(deadline=None, max_examples=30)  # a first call may compile
P = goldilocks.MODULUS
SEEDS = st.integers(0, 2**32)


def sums(row: list[int], shift: int = 1) -> list[int]:
    """The definition: the polynomial's value on each point."""
    root = ntt.root_of_unity(len(row))
    points = [shift * pow(root, k, P) % P for k in range(len(row))]
    return [sum(c * pow(point, j, P) for j, c in enumerate(row)) % P for point in points]


def value(coefficients: np.ndarray, point: int) -> int:
    return goldilocks.dot(coefficients, goldilocks.powers(point, len(coefficients)))


@pytest.mark.parametrize("logarithm", range(8))
@pytest.mark.parametrize("count", [1, 7, 9])
def test_equals_the_definition(words, logarithm, count):
    rows = words(logarithm, (count, 2**logarithm), P)
    rows[0] = P - 1
    assert ntt.forward(rows).tolist() == [sums(row) for row in rows.tolist()]


@pytest.mark.parametrize("logarithm", range(6, 15))
def test_larger_sizes_at_some_points(words, logarithm):
    size = 2**logarithm
    row, root = words(logarithm, size, P), ntt.root_of_unity(2**logarithm)
    result = ntt.forward(row)
    assert goldilocks.is_canonical(result)
    for k in {0, 1, 2, 8, size // 2, size // 2 + 1, size - 1, 12345 % size}:
        assert int(result[k]) == value(row, pow(root, k, P))


@pytest.mark.parametrize("logarithm", range(17))
def test_inverse_of_forward(words, logarithm):
    rows = words(logarithm, (3, 2**logarithm), P)
    np.testing.assert_array_equal(ntt.inverse(ntt.forward(rows)), rows)
    np.testing.assert_array_equal(ntt.forward(ntt.inverse(rows)), rows)


@unhurried
@given(logarithm=st.integers(0, 9), seed=SEEDS, shift=st.integers(1, P - 1))
def test_cosets(words, logarithm, seed, shift):
    row = words(seed, 2**logarithm, P)
    values = ntt.forward(row, shift=shift)
    root = ntt.root_of_unity(2**logarithm)
    for k in {0, 1 % 2**logarithm, 2**logarithm - 1}:
        assert int(values[k]) == value(row, shift * pow(root, k, P) % P)
    np.testing.assert_array_equal(ntt.inverse(values, shift=shift), row)


@unhurried
@given(logarithm=st.integers(1, 9), seed=SEEDS)
def test_products_are_convolutions(words, logarithm, seed):
    half = 2 ** (logarithm - 1)
    x, y = np.zeros(2 * half, dtype=np.uint64), np.zeros(2 * half, dtype=np.uint64)
    x[:half], y[:half] = words(seed, half, P), words(seed + 1, half, P)
    expected = [0] * (2 * half)
    for i, a in enumerate(x[:half].tolist()):
        for j, b in enumerate(y[:half].tolist()):
            expected[i + j] = (expected[i + j] + a * b) % P
    assert ntt.inverse(goldilocks.multiply(ntt.forward(x), ntt.forward(y))).tolist() == expected


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024])
def test_words_beyond_the_field_count_modulo_p(words, size):
    rows = words(size, (9, size))
    rows[0], rows[1] = 2**64 - 1, P
    for transform in (ntt.forward, ntt.inverse):
        np.testing.assert_array_equal(transform(rows), transform(goldilocks.canonical(rows)))
        assert goldilocks.is_canonical(transform(rows))


def test_linear(words):
    x, y = words(1, 2**11, P), words(2, 2**11, P)
    np.testing.assert_array_equal(
        ntt.forward(goldilocks.add(goldilocks.multiply(x, 12345), y)),
        goldilocks.add(goldilocks.multiply(ntt.forward(x), 12345), ntt.forward(y)),
    )


def test_a_million_points():
    """A sparse polynomial has values that are known at every point."""
    size = 2**20
    root = ntt.root_of_unity(size)
    terms = {0: 5, 1: P - 1, 777_777: 123_456_789, size - 1: 2**63}
    row, expected = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
    for j, coefficient in terms.items():
        row[j] = coefficient
        monomial = goldilocks.powers(pow(root, j, P), size)
        goldilocks.add(expected, goldilocks.multiply(monomial, coefficient), expected)
    np.testing.assert_array_equal(ntt.forward(row), expected)
    np.testing.assert_array_equal(ntt.inverse(expected), row)


@pytest.mark.parametrize("shape", [(4, 16), (2, 3, 64), (0, 8), (5, 1), (9, 128)])
def test_any_layout(words, disguises, shape):
    rows = words(1, shape, P)
    expected = ntt.forward(rows)
    assert expected.shape == shape
    for row, result in zip(rows.reshape(-1, shape[-1]), expected.reshape(-1, shape[-1]), strict=True):
        np.testing.assert_array_equal(ntt.forward(row), result)
    for variant in disguises(rows):
        np.testing.assert_array_equal(ntt.forward(variant), expected)


def test_the_input_stays(words):
    for size in (16, 256):
        rows = words(1, (2, size), P)
        before = rows.copy()
        for function in (ntt.forward, ntt.inverse):
            assert not np.shares_memory(function(rows), rows)
            function(rows, shift=3)
        np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("blowup", [1, 2, 8])
@pytest.mark.parametrize("size", [1, 4, 64, 512])
def test_reed_solomon(words, size, blowup):
    messages = words(size, (3, size), P)
    codewords = ntt.low_degree_extend(messages, blowup)
    assert codewords.shape == (3, blowup * size)
    np.testing.assert_array_equal(codewords[:, ::blowup], messages)
    assert not ntt.inverse(codewords)[:, size:].any()
    np.testing.assert_array_equal(ntt.encode(ntt.inverse(messages), blowup), codewords)
    shifted = ntt.low_degree_extend(messages, blowup, shift=goldilocks.GENERATOR)
    padded = ntt.inverse(shifted, shift=goldilocks.GENERATOR)
    np.testing.assert_array_equal(padded[:, :size], ntt.inverse(messages))
    assert not padded[:, size:].any()


def test_roots_of_unity():
    assert ntt.root_of_unity(2**32) == 1753635133440165772  # [Plonky2, goldilocks_field.rs]
    assert ntt.root_of_unity(1) == 1
    for logarithm in range(1, 33):
        root = ntt.root_of_unity(2**logarithm)
        assert pow(root, 2 ** (logarithm - 1), P) == P - 1


def test_refusals():
    row = np.zeros(8, dtype=np.uint64)
    for size in (0, 3, 12):
        with pytest.raises(ValueError, match="power of two"):
            ntt.forward(np.zeros((2, size), dtype=np.uint64))
    with pytest.raises(TypeError, match="uint64"):
        ntt.inverse(row.astype(np.int64))
    with pytest.raises(TypeError, match="list"):
        ntt.forward([1, 2])
    with pytest.raises(ValueError, match="dimension"):
        ntt.forward(np.array(3, dtype=np.uint64))
    for shift in (0, -1, P):
        with pytest.raises(ValueError, match="shift"):
            ntt.forward(row, shift=shift)
    for blowup in (0, 3, -2):
        with pytest.raises(ValueError, match="blowup"):
            ntt.low_degree_extend(row, blowup)
    with pytest.raises(ValueError, match="power of two"):
        ntt.encode(row, 2**31)
    with pytest.raises(ValueError, match="power of two"):
        ntt.root_of_unity(2**33)
