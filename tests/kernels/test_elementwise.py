"""Fused passes, against numpy and Python's integers."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import elementwise

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
SHAPES = st.one_of(st.integers(0, 70), st.tuples(st.integers(0, 9), st.integers(0, 9)))


@unhurried
@given(shape=SHAPES, seed=st.integers(0, 2**32))
def test_multiply_replicated(words, shape, seed):
    x0, x1, y0, y1, mask = (words(seed + i, shape) for i in range(5))
    expected = x0 * y0 + x0 * y1 + x1 * y0 + mask
    np.testing.assert_array_equal(elementwise.multiply_replicated(x0, x1, y0, y1, mask), expected)
    assert elementwise.multiply_replicated(x0, x1, y0, y1, mask, out=mask) is mask
    np.testing.assert_array_equal(mask, expected)


def test_three_parties_make_a_product(words):
    x, y, zero = words(1, (3, 50)), words(2, (3, 50)), words(3, (3, 50))
    zero[2] = -zero[0] - zero[1]
    parts = [elementwise.multiply_replicated(x[i], x[(i + 1) % 3], y[i], y[(i + 1) % 3], zero[i]) for i in range(3)]
    np.testing.assert_array_equal(sum(parts), x.sum(axis=0) * y.sum(axis=0))


@unhurried
@given(shape=SHAPES, seed=st.integers(0, 2**32))
def test_add_product(words, shape, seed):
    total, x, y = (words(seed + i, shape) for i in range(3))
    expected = total + x * y
    elementwise.add_product(total, x, y)
    np.testing.assert_array_equal(total, expected)
    expected = total + total * x
    elementwise.add_product(total, total, x)
    np.testing.assert_array_equal(total, expected)


@unhurried
@given(shape=SHAPES, bits=st.integers(0, 62), seed=st.integers(0, 2**32))
@example(shape=64, bits=16, seed=0)
def test_rescale_is_round_half_up(words, shape, bits, seed):
    x = words(seed, shape).view(np.int64)
    half = 2**bits // 2
    expected = [(int(value) + half) >> bits for value in x.flat]
    assert elementwise.rescale(x, bits).reshape(-1).tolist() == expected
    assert elementwise.rescale(x, bits, out=x) is x
    assert x.reshape(-1).tolist() == expected


def test_rescale_of_halves_and_extremes():
    x = np.array([-3, -2, -1, 0, 1, 2, 3, 2**63 - 1, -(2**63)], dtype=np.int64)
    assert elementwise.rescale(x, 1).tolist() == [-1, -1, 0, 0, 1, 1, 2, 2**62, -(2**62)]
    assert elementwise.rescale(x[-2:], 62).tolist() == [2, -2]


def test_any_layout(words, disguises):
    arrays = [words(i, (6, 7)) for i in range(5)]
    expected = elementwise.multiply_replicated(*arrays)
    for variants in zip(*(disguises(array) for array in arrays), strict=True):
        np.testing.assert_array_equal(elementwise.multiply_replicated(*variants), expected)


@pytest.mark.parametrize("distance", [1, 3, 8, 40])
def test_a_result_that_overlaps_an_operand(words, distance):
    room = words(9, 200)
    x, out = room[:100], room[distance : 100 + distance]
    expected = x + x * x
    total = x.copy()
    elementwise.add_product(total, x, x)
    np.testing.assert_array_equal(total, expected)
    product = x * x + x * x + x * x + x
    elementwise.multiply_replicated(x, x, x, x, x, out=out)
    np.testing.assert_array_equal(out, product)


def test_refusals():
    x = np.zeros(4, dtype=np.uint64)
    integers = x.view(np.int64)
    with pytest.raises(ValueError, match="one shape"):
        elementwise.multiply_replicated(x, x, x, x, x[:3])
    with pytest.raises(TypeError, match="y1 must be an array of uint64, not of int64"):
        elementwise.multiply_replicated(x, x, x, integers, x)
    with pytest.raises(ValueError, match="must have shape"):
        elementwise.multiply_replicated(x, x, x, x, x, out=np.zeros(5, dtype=np.uint64))
    with pytest.raises(ValueError, match="must have shape"):
        elementwise.add_product(x[:2], x, x)
    with pytest.raises(ValueError, match="contiguous"):
        elementwise.add_product(np.zeros(8, dtype=np.uint64)[::2], x, x)
    with pytest.raises(TypeError, match="int64"):
        elementwise.rescale(x, 3)
    locked = np.zeros(4, dtype=np.int64)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        elementwise.rescale(integers, 3, out=locked)
    for bits in (-1, 63, 2**70):
        with pytest.raises(ValueError, match="from 0 to 62"):
            elementwise.rescale(integers, bits)
    with pytest.raises(TypeError):
        elementwise.rescale(integers, 1.0)
