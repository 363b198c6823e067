"""One over the square root on shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions import rsqrt
from tacit.mpc.functions.rsqrt import inverse_root

from . import prices
from .running import SECURITIES, run
from .test_reciprocal import positive


@settings(max_examples=50, deadline=None, derandomize=True)
@given(positive(), st.integers(8, 20), st.sampled_from(SECURITIES))
def test_the_root_is_within_its_error_on_the_whole_domain(case, f, security):
    k, x = case
    found = run(lambda p, x: rsqrt(p, x, f, k), x, security=security).value
    true = 2.0 ** (1.5 * f) / np.sqrt(x)
    assert (np.abs(found - true) <= 1.5 + 2.0**-24 * true).all()


@pytest.mark.parametrize("security", SECURITIES)
def test_the_inverse_root_is_within_2_to_the_minus_25_all_over_its_interval(security):
    x = np.linspace(2**27, 2**28 - 1, 4001).astype(np.int64)
    found = run(inverse_root, x, security=security)
    assert np.abs(found.value / 2.0**28 - 2.0**14 / np.sqrt(x)).max() < 2.0**-25
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.inverse_root(x.size, security)


@pytest.mark.parametrize(("f", "k"), [(8, 5), (8, 32), (16, 32), (20, 20), (11, 9)])
@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(f, k, security):
    found = run(lambda p, x: rsqrt(p, x, f, k), np.ones((2, 35)), security=security)
    assert found.value.shape == (2, 35)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.rsqrt(70, f, k, security)


@pytest.mark.parametrize("bits", [4, 33])
def test_bits_outside_the_domain_are_refused(bits):
    with pytest.raises(ValueError, match="5 to 32 bits"):
        run(lambda p, x: rsqrt(p, x, 16, bits), np.ones(3))
