"""The bits of a shared number, and how often its components' low bits wrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.kernels import bits as bit_kernel
from tacit.mpc.functions.addition import bits_of

from . import prices
from .running import SECURITIES, run


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(4, 64), st.integers(0, 62), st.integers(0, 2**32), st.sampled_from(SECURITIES))
def test_the_bits_are_those_of_the_number(last, first, seed, security):
    first = min(first, last - 1)
    first = 0 if first == 1 else first
    x = np.random.default_rng(seed).integers(-(2**63), 2**63, 70, dtype=np.int64)

    def protocol(party, share):
        return (yield from bits_of(party, share, first, last)).planes

    found = run(protocol, x, security=security, seed=seed)
    expected = bit_kernel.planes(x.view(np.uint64), last)[first:]
    tail = np.uint64((1 << (70 - 64)) - 1)
    assert (found.value[:, 0] == expected[:, 0]).all()
    assert (found.value[:, 1] & tail == expected[:, 1]).all()


@pytest.mark.parametrize("first", [2, 3, 14, 62])
def test_the_wraps_are_what_the_low_bits_add_up_to(first):
    x = np.random.default_rng(first).integers(-(2**63), 2**63, 64 * 30, dtype=np.int64)

    def wraps(party, share):
        return (yield from bits_of(party, share, first, first + 1 if first > 2 else 5)).wraps

    def low(party, share):
        return share.map(lambda words: words & np.uint64((1 << first) - 1))
        yield

    both = run(wraps, x).value
    count = sum(bit_kernel.words(plane.reshape(1, -1), x.size) for plane in both)
    expected = run(low, x).value.view(np.uint64) >> np.uint64(first)
    assert (count == expected).all()
    assert set(count.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("last", [4, 5, 6, 21, 37, 64])
@pytest.mark.parametrize("security", SECURITIES)
def test_rounds_and_bytes_are_those_of_the_formula(last, security):
    def protocol(party, share):
        return (yield from bits_of(party, share, 0, last)).planes

    found = run(protocol, np.ones(130), security=security)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.addition(130, last)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (0, 65), (1, 8), (8, 8), (-1, 8)])
def test_places_that_are_none_are_refused(first, last):
    with pytest.raises(ValueError, match="of a word of 64"):
        run(lambda p, x: bits_of(p, x, first, last), np.ones(3))
