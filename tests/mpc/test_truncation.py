"""Rescaling within one unit, unbiased, and never by a wrap."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import narrowest, truncate

from .lockstep import dealt, lockstep, opened, parties

RNG = np.random.default_rng(8)
LIMIT = 2**61
SECURITIES = st.sampled_from(["passive", "active"])


def truncated(values, d, security, watch=None):
    words = np.array(values, np.int64).view(np.uint64)
    shares = dealt(Arithmetic, words, RNG)
    programs = [truncate(p, s, d) for p, s in zip(parties(security), shares, strict=True)]
    return opened(lockstep(programs, watch=watch)).view(np.int64)


@given(st.data(), st.integers(1, 60), SECURITIES)
@settings(max_examples=100, deadline=None)
def test_the_quotient_is_within_one_unit(data, d, security):
    edges = [-LIMIT + 1, LIMIT - 1, 0, -1, 1, 2**d - 1, 2**d, -(2**d), 2 ** (d - 1)]
    number = st.one_of(st.integers(-LIMIT + 1, LIMIT - 1), st.sampled_from([e for e in edges if abs(e) < LIMIT]))
    values = data.draw(st.lists(number, min_size=1, max_size=20))
    for value, found in zip(values, truncated(values, d, security).tolist(), strict=True):
        assert -1 < found - Fraction(value, 2**d) <= 1
        rounded = (value + 2 ** (d - 1)) >> d
        assert abs(found - rounded) <= 1


@pytest.mark.parametrize("security", ["passive", "active"])
@pytest.mark.parametrize("value", [LIMIT - 1, -LIMIT + 1, 0, 2**16 - 1])
def test_no_share_makes_a_wrap_of_it(security, value):
    found = truncated(np.full(20_000, value), 16, security)
    assert set(found.tolist()) <= {value // 2**16, value // 2**16 + 1, value // 2**16 - (value % 2**16 == 0)}


@pytest.mark.parametrize(("security", "mean"), [("passive", 0.375), ("active", 0.375 - 0.09375)])
def test_rounding_has_the_mean_that_is_stated(security, mean):
    value, count = 3 * 2**13, 40_000  # 0.375 of a unit
    assert abs(truncated(np.full(count, value), 16, security).mean() - mean) < 5 * 0.75 / np.sqrt(count)


@pytest.mark.parametrize(("d", "short"), [(7, 1), (8, 1), (9, 2), (16, 2), (20, 4), (32, 4), (33, 8)])
def test_passive_rounds_and_bytes_are_those_of_the_formula(d, short):
    watch = []
    truncated([5] * 10, d, "passive", watch)
    sent = {sender: sum(m.array.nbytes for m in watch if m.sender == sender) for sender in range(3)}
    assert sent == {0: 10 * (8 + short), 1: 10 * short, 2: 10 * short}
    assert max(message.round for message in watch) == 1


@pytest.mark.parametrize(("d", "short"), [(7, 1), (8, 2), (15, 2), (16, 4), (31, 4), (32, 8)])
def test_active_rounds_and_bytes_are_those_of_the_formula(d, short):
    watch = []
    truncated([5] * 100, d, "active", watch)
    for sender in range(3):
        planes = 2 * 8 * ceil(100 / 64)
        assert sum(m.array.nbytes for m in watch if m.sender == sender) == planes + 100 * (8 + 2 * short)
    assert max(message.round for message in watch) == 2


@pytest.mark.parametrize("security", ["passive", "active"])
def test_what_is_sent_is_uniform(security):
    sent = {}
    for _ in range(60):
        watch = []
        truncated([0] * 64, 16, security, watch)
        for message in watch:
            sent.setdefault((message.round, message.sender, message.place), []).append(message.array.tobytes())
    for data in sent.values():
        bits = np.unpackbits(np.frombuffer(b"".join(data), np.uint8))
        assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


@pytest.mark.parametrize("d", [0, 61, -1])
def test_impossible_divisors_are_refused(d):
    with pytest.raises(ValueError, match="not by 2"):
        truncated([0], d, "passive")


def test_words_on_the_wire_are_the_narrowest():
    assert [narrowest(bits).itemsize for bits in (1, 8, 9, 16, 17, 32, 33, 64)] == [1, 1, 2, 2, 4, 4, 8, 8]


@given(st.sampled_from([(), (0,), (2, 3), (1, 2, 3)]), SECURITIES)
@settings(max_examples=10, deadline=None)
def test_shapes_are_kept(shape, security):
    assert truncated(np.full(shape, 2**20), 16, security).shape == shape
