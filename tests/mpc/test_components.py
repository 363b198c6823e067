"""The majority of three components."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.components import majority
from tacit.mpc.replicated import Binary

from .lockstep import dealt, lockstep, opened, parties

RNG = np.random.default_rng(6)


@pytest.mark.parametrize("security", ["passive", "active"])
def test_the_majority_of_each_bit_takes_one_round_and_a_word(security):
    watch = []
    shares = dealt(Binary, RNG.integers(0, 2**64, (2, 3), dtype=np.uint64), RNG)
    a, b, c = (share.own for share in shares)
    three = parties(security)
    found = lockstep([majority(p, s.own, s.next) for p, s in zip(three, shares, strict=True)], watch=watch)
    np.testing.assert_array_equal(opened(found), (a & b) ^ (b & c) ^ (c & a))
    assert [(message.round, message.array.nbytes) for message in watch] == [(0, 48)] * 3
    assert [len(party.pending) for party in three] == [3 * (security == "active")] * 3
