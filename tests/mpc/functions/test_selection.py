"""One of two numbers, and the absolute value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions import absolute, where

from . import prices
from .running import SECURITIES, run
from .test_relu import bounded


@pytest.mark.parametrize("security", SECURITIES)
def test_where_takes_the_first_where_the_condition_holds(security):
    rng = np.random.default_rng(1)
    condition = rng.integers(0, 2, (3, 50))
    x, y = rng.integers(-(2**63), 2**63, (2, 3, 50), dtype=np.int64)
    found = run(where, condition, x, y, security=security)
    assert (found.value == np.where(condition, x, y)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.products(150)


def test_where_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="have one shape"):
        run(where, np.ones(3), np.ones((2, 3)), np.ones((2, 3)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(bounded(most=63), st.sampled_from(SECURITIES))
def test_the_absolute_value_is_exact(case, security):
    k, x = case
    found = run(lambda p, x: absolute(p, x, k), x, security=security)
    assert (found.value == np.abs(x)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.relu(x.size, k)
