"""Sigmoid and tanh agree with the graph's layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph import Sigmoid, Tanh
from tacit.mpc.functions import sigmoid, tanh

from . import prices
from .running import SECURITIES, run

BOTH = {"sigmoid": (sigmoid, Sigmoid("s", ("input",))), "tanh": (tanh, Tanh("t", ("input",)))}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(sorted(BOTH)), st.integers(8, 20), st.sampled_from(SECURITIES))
def test_they_are_within_a_unit_of_the_layer_and_within_its_error_of_the_function(data, name, f, security):
    function, layer = BOTH[name]
    k = data.draw(st.sampled_from([f + 2, f + 5, f + 6, 40, 62]))
    reach = 1 << (k - 1)
    edges = [-reach, reach - 1, 0, -1, *(e for e in (16 << f, (8 << f) - 1, -(8 << f) - 1) if -reach <= e < reach)]
    near = st.integers(-min(reach, 20 << f), min(reach, 20 << f) - 1)
    x = np.array(data.draw(st.lists(st.one_of(near, st.sampled_from(edges)), min_size=1, max_size=40)))
    found = run(lambda p, x: function(p, x, f, k), x, security=security).value
    assert (np.abs(found - layer.evaluate([x], f)) <= 1).all()
    with np.errstate(over="ignore"):
        reals = x / 2.0**f
        true = 1 / (1 + np.exp(-reals)) if name == "sigmoid" else np.tanh(reals)
    assert (np.abs(found / 2**f - true) <= layer.error(f) + 2.0**-f).all()


@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(security):
    f, n, k = 16, 70, 32
    found = run(lambda p, x: sigmoid(p, x, f, k), np.zeros(n), security=security)
    expected = prices.piecewise(n, f - 2, [33, 33]) + prices.rescaling(n, 2 * f, security)
    assert prices.Price(found.rounds, tuple(found.sent)) == expected
    found = run(lambda p, x: tanh(p, x, f, k), np.zeros(n), security=security)
    expected = prices.piecewise(n, f - 2, [34, 34]) + prices.rescaling(n, 2 * f - 1, security)
    assert prices.Price(found.rounds, tuple(found.sent)) == expected
