"""Equality with zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions import is_zero

from . import prices
from .running import SECURITIES, run
from .test_relu import bounded


@settings(max_examples=80, deadline=None, derandomize=True)
@given(bounded(least=3, most=64), st.sampled_from(SECURITIES), st.integers(0, 2**32))
def test_zero_alone_is_zero(case, security, seed):
    k, x = case
    found = run(lambda p, x: is_zero(p, x, k), x, security=security, seed=seed)
    assert (found.value == (x == 0)).all()


@pytest.mark.parametrize("bit", range(7))
def test_every_place_counts(bit):
    """Fresh sharings many times over, so that every pattern of carries comes."""
    x = np.full(2000, -64 if bit == 6 else 1 << bit)
    assert not run(lambda p, x: is_zero(p, x, 7), x).value.any()


@pytest.mark.parametrize("k", [3, 4, 5, 32, 33, 64])
@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(k, security):
    found = run(lambda p, x: is_zero(p, x, k), np.ones(70), security=security)
    expected = prices.each(2 + prices.log(k), prices.planes(70, 3 * k - 4)) + prices.words(70)
    assert prices.Price(found.rounds, tuple(found.sent)) == expected


@pytest.mark.parametrize("bits", [2, 65])
def test_impossible_bits_are_refused(bits):
    with pytest.raises(ValueError, match="3 to 64 bits"):
        run(lambda p, x: is_zero(p, x, bits), np.ones(3))
