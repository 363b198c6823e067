"""The power of two that moves the leading bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.functions.normalisation import leading

from . import prices
from .running import SECURITIES, run


def power(low, high):
    def protocol(party, x):
        return (yield from leading(party, x, low, high)).power

    return protocol


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from([(0, 4), (0, 31), (0, 62), (15, 17), (31, 36)]), st.sampled_from(SECURITIES))
def test_the_leading_bit_moves_to_the_top(data, places, security):
    low, high = places
    exponent = st.integers(low, high - 1)
    ends = exponent.flatmap(lambda e: st.sampled_from([1 << e, (2 << e) - 1]))
    x = np.array(data.draw(st.lists(st.one_of(ends, st.integers(1 << low, (1 << high) - 1)), min_size=1, max_size=40)))
    found = run(power(low, high), x, security=security)
    expected = [1 << (high - int(number).bit_length()) for number in x.tolist()]
    assert found.value.tolist() == expected
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.normalisation(x.size, low, high)


def test_a_place_that_is_known_is_refused():
    with pytest.raises(ValueError, match="the leading bit is known"):
        run(power(15, 16), np.ones(3))
