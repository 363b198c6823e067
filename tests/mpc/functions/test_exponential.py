"""exp on shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph.pieces import exp_pieces
from tacit.mpc.functions import exp
from tacit.mpc.functions.exponential import exp_precise

from . import prices
from .running import SECURITIES, run


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.data(), st.integers(8, 20), st.sampled_from(SECURITIES))
def test_exp_is_within_its_error_and_stays_at_its_ends(data, f, security):
    k = data.draw(st.sampled_from([f + 1, f + 5, f + 6, 62]))
    reach = 1 << (k - 1)
    pieces = exp_pieces(f)
    edges = [-reach, reach - 1, 0, *(e for e in (pieces.low, pieces.high, pieces.high + 1) if -reach <= e < reach)]
    near = st.integers(-min(reach, 17 << f), min(reach - 1, 1 << f))
    x = np.array(data.draw(st.lists(st.one_of(near, st.sampled_from(edges)), min_size=1, max_size=40)))
    found = run(lambda p, x: exp(p, x, f, k), x, security=security).value / 2**f
    true = np.exp(np.clip(x, pieces.low, pieces.high) / 2**f)
    assert (np.abs(found - true) <= 1.8e-5 * true + 2.0 ** -(f + 8) + 1.6 * 2.0**-f).all()


@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(security):
    f, n = 16, 70
    found = run(lambda p, x: exp(p, x, f, 32), np.zeros(n), security=security)
    expected = prices.piecewise(n, f - 3, [33, 33]) + prices.rescaling(n, 2 * f, security)
    assert prices.Price(found.rounds, tuple(found.sent)) == expected


def test_the_precise_one_has_twice_the_fractional_bits():
    x = np.array([0, -1, -(3 << 16), -(100 << 16)])
    found = run(lambda p, x: exp_precise(p, x, 16, -(2**30)), x).value
    assert (np.abs(found - exp_pieces(16)(x) / 2**16) <= 1).all()
