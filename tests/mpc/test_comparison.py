"""The sign of a shared number."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.comparison import flipped, negative, packed_words
from tacit.mpc.conversion import unpacked_bits
from tacit.mpc.replicated import Arithmetic, Binary

from .lockstep import dealt, lockstep, opened, parties

RNG = np.random.default_rng(7)


def signs(values, bits, security="passive", watch=None):
    words = np.array(values, np.int64).view(np.uint64)
    shares = dealt(Arithmetic, words, RNG)
    programs = [negative(p, s, bits) for p, s in zip(parties(security), shares, strict=True)]
    return unpacked_bits(opened(lockstep(programs, watch=watch)), words.size, np.uint8).tolist()


@given(st.data(), st.integers(2, 64), st.sampled_from(["passive", "active"]))
@settings(max_examples=80, deadline=None)
def test_the_sign_is_found_for_all_numbers_within_the_bits(data, bits, security):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    edges = [low, high, 0, max(-1, low), min(1, high)]
    number = st.one_of(st.integers(low, high), st.sampled_from(edges))
    values = data.draw(st.lists(number, min_size=1, max_size=70))
    assert signs(values, bits, security) == [int(value < 0) for value in values]


@pytest.mark.parametrize("shape", [(3, 5), (1, 1, 1), (0,)])
def test_numbers_of_any_shape_are_taken_in_order(shape):
    words = RNG.integers(0, 2**64, shape, dtype=np.uint64)
    assert signs(words.view(np.int64), 64) == (words.reshape(-1) >> np.uint64(63)).tolist()


def planes_sent(bits):
    """The planes that each party sends: the majority, then generate, then the tree."""
    planes, places = bits - 1, bits - 2
    planes += max(places, 0)
    while places > 1:
        pairs, odd = places // 2, places % 2
        planes += 2 * pairs - (1 - odd)
        places = pairs + odd
    return planes


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 9, 32, 33, 64])
def test_rounds_and_bytes_are_those_of_the_formula(bits):
    watch = []
    signs([1] * 130, bits, watch=watch)
    rounds = 1 if bits == 2 else 2 + ceil(log2(bits - 2))
    assert max(message.round for message in watch) + 1 == rounds
    for sender in range(3):
        sent = sum(message.array.nbytes for message in watch if message.sender == sender)
        assert sent == 8 * planes_sent(bits) * packed_words(130)
    assert planes_sent(bits) <= 4 * bits


@pytest.mark.parametrize("bits", [1, 65])
def test_impossible_bits_are_refused(bits):
    with pytest.raises(ValueError, match="2 to 64 bits"):
        signs([0], bits)


def test_bits_are_turned_over_locally():
    words = RNG.integers(0, 2**64, 3, dtype=np.uint64)
    shares = zip(parties("passive"), dealt(Binary, words, RNG), strict=True)
    np.testing.assert_array_equal(opened([flipped(*each) for each in shares]), ~words)
