"""The quadratic extension, against Python's integers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import goldilocks, goldilocks_extension

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
P = goldilocks.MODULUS
LENGTHS = st.integers(0, 70)
SEEDS = st.integers(0, 2**32)


def product(x: list[int], y: list[int]) -> list[int]:
    return [(x[0] * y[0] + 7 * x[1] * y[1]) % P, (x[0] * y[1] + x[1] * y[0]) % P]


@unhurried
@given(length=LENGTHS, seed=SEEDS)
def test_multiply(words, length, seed):
    x, y = words(seed, (length, 2), P), words(seed + 1, (length, 2), P)
    expected = [product(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert goldilocks_extension.multiply(x, y).tolist() == expected
    assert goldilocks_extension.multiply(x, y, out=x) is x
    assert x.tolist() == expected


def test_largest_words():
    x = np.full((19, 2), P - 1, dtype=np.uint64)
    assert goldilocks_extension.multiply(x, x).tolist() == [[8, 2]] * 19


@unhurried
@given(length=st.integers(1, 40), seed=SEEDS)
def test_a_single_element_by_many(words, length, seed):
    x, y = words(seed, (1, 2), P), words(seed + 1, (length, 2), P)
    expected = [product(x[0].tolist(), b) for b in y.tolist()]
    assert goldilocks_extension.multiply(x, y).tolist() == expected
    assert goldilocks_extension.multiply(y, x).tolist() == expected


def test_words_beyond_the_field_count_modulo_p(words):
    x, y = words(1, (300, 2)), words(2, (300, 2))
    expected = goldilocks_extension.multiply(goldilocks.canonical(x), goldilocks.canonical(y))
    np.testing.assert_array_equal(goldilocks_extension.multiply(x, y), expected)
    for a, b in itertools.product([0, 1, P - 1, P, P + 1, 2**64 - 1], repeat=2):
        x, y = np.array([[a, b]], dtype=np.uint64), np.array([[b, a]], dtype=np.uint64)
        assert goldilocks_extension.multiply(x, y).tolist() == [product([a, b], [b, a])]


def test_products_that_stay_beyond_p_on_the_way():
    """Found by search: either of the two inner products is no canonical word here, and the cross term is below it."""
    for words in ([2**32 + 1, P - 1, 2**32 + 1, P - 2**32 + 2], [P - 2**32 + 2, 2**64 - 1, 2**32 + 1, 2**32 + 1]):
        x, y = np.array([words[:2]], dtype=np.uint64), np.array([words[2:]], dtype=np.uint64)
        assert goldilocks_extension.multiply(x, y).tolist() == [product(words[:2], words[2:])]


def test_zero_in_another_word_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        goldilocks_extension.invert(np.array([[P, 0]], dtype=np.uint64))


@unhurried
@given(length=LENGTHS, seed=SEEDS)
def test_invert(words, length, seed):
    x = words(seed, (length, 2), P)
    x[(x == 0).all(axis=1)] = 1
    inverse = goldilocks_extension.invert(x)
    assert goldilocks.is_canonical(inverse)
    assert goldilocks_extension.multiply(x, inverse).tolist() == [[1, 0]] * length


def test_seven_is_no_square():
    assert pow(7, (P - 1) // 2, P) == P - 1


def test_any_layout(words, disguises):
    x, y = words(1, (13, 2), P), words(2, (13, 2), P)
    expected = goldilocks_extension.multiply(x, y)
    for left, right in zip(disguises(x), disguises(y), strict=True):
        np.testing.assert_array_equal(goldilocks_extension.multiply(left, right), expected)


@pytest.mark.parametrize("distance", [1, 4, 16, 30])
def test_a_result_that_overlaps_an_operand(words, distance):
    room = words(3, (200, 2), P)
    x, out = room[:60], room[distance : 60 + distance]
    expected = goldilocks_extension.multiply(x, x)
    goldilocks_extension.multiply(x, x, out=out)
    np.testing.assert_array_equal(out, expected)


def test_refusals():
    x = np.ones((4, 2), dtype=np.uint64)
    with pytest.raises(ZeroDivisionError):
        goldilocks_extension.invert(np.array([[1, 0], [0, 0]], dtype=np.uint64))
    for bad in (np.ones((4, 3), dtype=np.uint64), np.ones((4, 1), dtype=np.uint64)):
        with pytest.raises(ValueError, match=r"must have shape \(n, 2\)"):
            goldilocks_extension.multiply(bad, bad)
    with pytest.raises(ValueError, match="2 dimensions"):
        goldilocks_extension.multiply(x, x.reshape(-1))
    with pytest.raises(ValueError, match="broadcast"):
        goldilocks_extension.multiply(x, x[:3])
    with pytest.raises(ValueError, match="out must have shape"):
        goldilocks_extension.multiply(x, x, out=np.ones((5, 2), dtype=np.uint64))
    with pytest.raises(TypeError, match="uint64"):
        goldilocks_extension.invert(x.astype(np.int64))
