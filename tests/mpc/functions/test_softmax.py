"""Softmax on shares agrees with the graph's layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph import Softmax
from tacit.mpc.functions import softmax

from . import prices
from .running import SECURITIES, run

LAYER = Softmax("s", ("input",))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data(), st.integers(8, 20), st.sampled_from([1, 2, 3, 10, 33]), st.sampled_from(SECURITIES))
def test_it_is_within_a_unit_and_a_bit_of_the_layer(data, f, classes, security):
    k = data.draw(st.sampled_from([f + 1, f + 5, 40, 62]))
    reach, rows = 1 << (k - 1), data.draw(st.integers(1, 3))
    number = st.one_of(st.integers(-min(reach, 9 << f), min(reach, 9 << f) - 1), st.sampled_from([-reach, reach - 1]))
    size = rows * classes
    x = np.array(data.draw(st.lists(number, min_size=size, max_size=size)), dtype=np.int64).reshape(classes, rows)
    found = run(lambda p, x: softmax(p, x, f, k), x, security=security).value
    assert np.abs(found - LAYER.evaluate([x.T], f).T).max() <= np.ceil(1 + (classes + 1) * 2.0 ** (1 - f))


@pytest.mark.parametrize("equal", [1, 2, 7, 64, 1000])
def test_equal_numbers_share_alike(equal):
    found = run(lambda p, x: softmax(p, x, 16, 20), np.full((equal, 1), -5)).value
    assert np.abs(found - 2**16 / equal).max() <= 2


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize(("f", "k", "classes"), [(8, 20, 3), (16, 32, 10), (20, 40, 1)])
def test_rounds_and_bytes_are_those_of_the_formula(security, f, k, classes):
    found = run(lambda p, x: softmax(p, x, f, k), np.zeros((classes, 2, 4)), security=security)
    assert found.value.shape == (classes, 2, 4)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.softmax(classes, 8, f, k, security)
