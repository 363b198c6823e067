"""The greatest of numbers, and which it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions import argmax, maximum, maximum_along

from . import prices
from .running import SECURITIES, run


@st.composite
def rows(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """k, and (m, n) numbers of k bits, many of them equal."""
    k = draw(st.sampled_from([2, 3, 20, 62, 63]))
    low, high = -(2 ** (k - 1)), 2 ** (k - 1) - 1
    m, n = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    number = st.one_of(st.sampled_from([low, high, 0]), st.integers(low, high))
    return k, np.array(draw(st.lists(number, min_size=m * n, max_size=m * n)), dtype=np.int64).reshape(m, n)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows(), st.sampled_from(SECURITIES))
def test_the_greatest_along_an_axis_is_exact(case, security):
    k, x = case
    found = run(lambda p, x: maximum_along(p, x, k), x, security=security)
    assert (found.value == x.max(axis=0)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.maximum_along(*x.shape, k)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows(), st.sampled_from(SECURITIES))
def test_the_first_greatest_wins(case, security):
    k, x = case
    found = run(lambda p, x: argmax(p, x, k), x, security=security)
    assert (found.value == x.argmax(axis=0)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.argmax(*x.shape, k)


def test_the_greater_of_two_is_exact_at_the_ends():
    ends = np.array([-(2**62), -1, 0, 1, 2**62 - 1])
    x, y = (side.reshape(-1) for side in np.meshgrid(ends, ends))
    found = run(maximum, x, y)
    assert (found.value == np.maximum(x, y)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.maximum(25, 63)


@pytest.mark.parametrize("bits", [1, 64])
@pytest.mark.parametrize("function", [maximum_along, argmax])
def test_bits_that_leave_no_room_for_a_difference_are_refused(function, bits):
    with pytest.raises(ValueError, match="2 to 63 bits"):
        run(lambda p, x: function(p, x, bits), np.ones((2, 3)))
