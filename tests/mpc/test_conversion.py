"""Bits to numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.conversion import bits_to_words, unpacked_bits, widened
from tacit.mpc.replicated import Arithmetic, Binary

from .lockstep import dealt, lockstep, opened, parties

RNG = np.random.default_rng(5)


def converted(packed, n, dtype=np.uint64, security="passive", watch=None):
    shares = dealt(Binary, packed, RNG)
    programs = [bits_to_words(p, s, n, dtype) for p, s in zip(parties(security), shares, strict=True)]
    return lockstep(programs, watch=watch)


@given(st.integers(1, 200), st.sampled_from(["passive", "active"]), st.sampled_from([8, 16, 32, 64]))
@settings(max_examples=40, deadline=None)
def test_bits_become_words_of_0_and_1(n, security, width):
    packed = RNG.integers(0, 2**64, -(-n // 64), dtype=np.uint64)
    expected = [int(packed[i // 64]) >> (i % 64) & 1 for i in range(n)]
    shares = converted(packed, n, f"u{width // 8}", security)
    assert opened(shares).tolist() == expected
    assert all(share.own.dtype.itemsize * 8 == width for share in shares)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_each_party_sends_one_word_a_bit_in_two_rounds(width):
    watch = []
    converted(np.zeros(2, np.uint64), 100, f"u{width}", watch=watch)
    assert [(m.round, m.sender, m.receiver, m.array.nbytes) for m in watch] == [
        (0, 0, 1, 100 * width),
        (1, 2, 1, 100 * width),
        (1, 1, 2, 100 * width),
    ]


@pytest.mark.parametrize("bit", [0, 1])
def test_what_is_sent_is_uniform_whatever_the_bits_are(bit):
    sent = {0: [], 1: [], 2: []}
    for _ in range(100):
        watch = []
        converted(np.full(1, (2**64 - 1) * bit, np.uint64), 64, watch=watch)
        for message in watch:
            sent[message.sender].append(message.array)
    for arrays in sent.values():
        bits = np.unpackbits(np.concatenate(arrays).view(np.uint8))
        assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


def test_every_party_notes_one_claim_for_each_role():
    three = parties("active")
    shares = dealt(Binary, np.zeros(1, np.uint64), RNG)
    lockstep([bits_to_words(p, s, 5) for p, s in zip(three, shares, strict=True)])
    assert [len(party.pending) for party in three] == [3, 3, 3]


def test_narrow_words_are_enough_for_what_is_shifted_up():
    share = Arithmetic(np.array([3], np.uint8), np.array([255], np.uint8))
    wide = widened(share, 56)
    assert wide.own.tolist() == [3 << 56]
    assert wide.next.tolist() == [255 << 56]


def test_unpacked_bits_are_in_order():
    assert unpacked_bits(np.array([0b1011], np.uint64), 5, np.uint16).tolist() == [1, 1, 0, 1, 0]
