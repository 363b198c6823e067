"""Inputs: from what one party or all know to a share."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.inputs import component, constant, constant_bits, share, share_bits

from .lockstep import lockstep, opened, parties

WORDS = np.array([[0, 1, 2**64 - 1], [2**63, 7, 8]], np.uint64)


@pytest.mark.parametrize("owner", [0, 1, 2])
@pytest.mark.parametrize("protocol", [share, share_bits])
def test_an_owner_shares_its_words_at_the_cost_of_one_message(owner, protocol):
    watch = []
    three = parties("active")
    programs = [protocol(p, owner, WORDS if p.index == owner else None, WORDS.shape) for p in three]
    np.testing.assert_array_equal(opened(lockstep(programs, watch=watch)), WORDS)
    assert [(m.round, m.sender, m.receiver, m.array.nbytes) for m in watch] == [(0, owner, (owner + 1) % 3, 48)]
    assert not np.array_equal(watch[0].array, WORDS)


@pytest.mark.parametrize("owner", [0, 1, 2])
def test_the_message_of_an_input_is_uniform(owner):
    sent = []
    for _ in range(200):
        watch = []
        three = parties("passive")
        zeros = np.zeros(32, np.uint64)
        lockstep([share(p, owner, zeros if p.index == owner else None, (32,)) for p in three], watch=watch)
        sent.append(watch[0].array)
    bits = np.unpackbits(np.concatenate(sent).view(np.uint8))
    assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


def test_constants_need_no_message():
    three = parties("passive")
    np.testing.assert_array_equal(opened([constant(p, WORDS) for p in three]), WORDS)
    np.testing.assert_array_equal(opened([constant_bits(p, WORDS) for p in three]), WORDS)


def test_words_at_the_wrong_party_or_of_the_wrong_kind_are_refused():
    first, second, _ = parties("passive")
    with pytest.raises(ValueError, match="only the owner"):
        next(share(first, 1, WORDS, WORDS.shape))
    with pytest.raises(ValueError, match="has uint64 words"):
        next(share(second, 1, None, WORDS.shape))
    with pytest.raises(ValueError, match="has uint64 words"):
        next(share(second, 1, WORDS, (1,)))
    with pytest.raises(ValueError, match="has uint64 words"):
        next(share(second, 1, WORDS.astype(np.float64), WORDS.shape))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_value_can_be_one_component(number):
    holders = {number, (number - 1) % 3}
    shares = [component(p, number, WORDS if p.index in holders else None, WORDS.shape) for p in parties("passive")]
    total = sum((own for own, _ in shares), np.zeros(WORDS.shape, np.uint64))
    np.testing.assert_array_equal(total, WORDS)
    for i in range(3):
        np.testing.assert_array_equal(shares[i][1], shares[(i + 1) % 3][0])
