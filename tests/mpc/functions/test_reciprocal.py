"""Reciprocals on shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions import reciprocal
from tacit.mpc.functions.reciprocal import inverse

from . import prices
from .running import SECURITIES, run


@st.composite
def positive(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """k, and numbers with 1 <= x < 2^(k-1), the ends and powers of two among them."""
    k = draw(st.sampled_from([5, 16, 28, 29, 30, 32]))
    top = 2 ** (k - 1) - 1
    power = st.integers(0, k - 2).map(lambda e: 1 << e)
    number = st.one_of(st.integers(1, top), st.sampled_from([1, top, top - 1, 3]), power)
    return k, np.array(draw(st.lists(number, min_size=1, max_size=40)), dtype=np.int64)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(positive(), st.integers(8, 20), st.sampled_from(SECURITIES))
def test_the_reciprocal_is_within_its_error_on_the_whole_domain(case, f, security):
    k, x = case
    found = run(lambda p, x: reciprocal(p, x, f, k), x, security=security).value
    true = 2.0 ** (2 * f) / x
    assert (np.abs(found - true) <= 1.5 + 2.0**-24 * true).all()


@pytest.mark.parametrize("security", SECURITIES)
def test_the_inverse_is_within_2_to_the_minus_24_all_over_its_interval(security):
    x = np.linspace(2**27, 2**28 - 1, 4001).astype(np.int64)
    found = run(inverse, x, security=security)
    assert np.abs(found.value / 2.0**28 - 2.0**28 / x).max() < 2.0**-24
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.inverse(x.size, security)


@pytest.mark.parametrize(("f", "k"), [(8, 5), (16, 32), (20, 20)])
@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(f, k, security):
    found = run(lambda p, x: reciprocal(p, x, f, k), np.ones((2, 35)), security=security)
    assert found.value.shape == (2, 35)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.reciprocal(70, f, k, security)


@pytest.mark.parametrize("bits", [4, 33])
def test_bits_outside_the_domain_are_refused(bits):
    with pytest.raises(ValueError, match="5 to 32 bits"):
        run(lambda p, x: reciprocal(p, x, 16, bits), np.ones(3))
