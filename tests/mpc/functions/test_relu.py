"""ReLU, alone and with the rescaling, and the sign as a number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph.fixed import rescale
from tacit.mpc.functions import below_zero, not_negative, relu, relu_rescaled

from . import prices
from .running import SECURITIES, run


@st.composite
def bounded(draw: st.DrawFn, least: int = 2, most: int = 62) -> tuple[int, np.ndarray]:
    """k, and numbers with -2^(k-1) <= x < 2^(k-1), the ends among them."""
    k = draw(st.integers(least, most))
    low, high = -(2 ** (k - 1)), 2 ** (k - 1) - 1
    ends = [low, high, 0, max(low, -1), min(1, high)]
    numbers = st.lists(st.one_of(st.sampled_from(ends), st.integers(low, high)), min_size=1, max_size=70)
    return k, np.array(draw(numbers), dtype=np.int64)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(bounded(most=64), st.sampled_from(SECURITIES))
def test_relu_is_exact_for_all_numbers_within_the_bits(case, security):
    k, x = case
    assert (run(lambda p, x: relu(p, x, k), x, security=security).value == np.maximum(x, 0)).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(bounded(most=61), st.integers(1, 40), st.sampled_from(SECURITIES))
def test_the_rescaled_relu_is_within_a_unit_and_never_negative(case, d, security):
    k, x = case
    found = run(lambda p, x: relu_rescaled(p, x, d, k), x, security=security).value
    assert (np.abs(found - np.maximum(rescale(x, d), 0)) <= 1).all()
    assert (found >= 0).all()


def test_signs_are_numbers():
    x = np.array([[-5, 0, 7], [-(2**40), 2**40, -1]])
    assert (run(lambda p, x: below_zero(p, x, 42), x).value == (x < 0)).all()
    assert (run(lambda p, x: not_negative(p, x, 42), x).value == (x >= 0)).all()


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("n", [1, 64, 130])
@pytest.mark.parametrize(("k", "d"), [(24, 16), (48, 8), (62, 40)])
def test_rounds_and_bytes_are_those_of_the_formulas(security, n, k, d):
    found = run(lambda p, x: relu(p, x, k), np.ones(n), security=security)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.relu(n, k)
    found = run(lambda p, x: relu_rescaled(p, x, d, k), np.ones(n), security=security)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.relu_rescaled(n, k, d, security)
