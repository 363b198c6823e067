"""Products of shares, and that they cost what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.mpc.products import conjunction, matmul, multiply
from tacit.mpc.replicated import Arithmetic, Binary

from .lockstep import dealt, lockstep, opened, parties

RNG = np.random.default_rng(3)
EXTREME = [0, 1, 2**63, 2**64 - 1, 2**32, 2**63 - 1]


def words(shape):
    drawn = RNG.integers(0, 2**64, shape, dtype=np.uint64)
    return np.where(RNG.random(shape) < 0.3, RNG.choice(np.array(EXTREME, np.uint64), shape), drawn)


def product(protocol, kind, x, y, security="passive", watch=None):
    shares = zip(parties(security), dealt(kind, x, RNG), dealt(kind, y, RNG), strict=True)
    return lockstep([protocol(*each) for each in shares], watch=watch)


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["passive", "active"]))
@settings(max_examples=30, deadline=None)
def test_elements_multiply_and_shapes_broadcast(rows, columns, security):
    x, y = words((rows, columns)), words((1, columns))
    np.testing.assert_array_equal(opened(product(multiply, Arithmetic, x, y, security)), x * y)


@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 7), st.sampled_from(["passive", "active"]))
@settings(max_examples=30, deadline=None)
def test_matrices_multiply(m, k, n, security):
    x, y = words((m, k)), words((k, n))
    np.testing.assert_array_equal(opened(product(matmul, Arithmetic, x, y, security)), x @ y)


@given(st.integers(0, 9), st.sampled_from(["passive", "active"]))
@settings(max_examples=20, deadline=None)
def test_bits_are_conjoined(count, security):
    x, y = words((2, count)), words((2, count))
    np.testing.assert_array_equal(opened(product(conjunction, Binary, x, y, security)), x & y)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((2,), (2, 3)), ((3, 2, 1), (3, 2, 1))])
def test_matrices_that_do_not_fit_are_refused(shapes):
    x, y = (dealt(Arithmetic, words(shape), RNG)[0] for shape in shapes)
    with pytest.raises(ValueError, match="no product"):
        next(matmul(parties("passive")[0], x, y))


def test_a_product_takes_one_round_and_a_word_for_each_element():
    watch = []
    product(matmul, Arithmetic, words((4, 50)), words((50, 3)), watch=watch)
    assert [(message.round, message.array.nbytes) for message in watch] == [(0, 8 * 12)] * 3
    watch.clear()
    product(multiply, Arithmetic, words((4, 1)), words((4, 6)), watch=watch)
    assert [message.array.nbytes for message in watch] == [8 * 24] * 3


def test_what_is_sent_is_uniform_whatever_the_factors_are():
    watch = []
    for _ in range(300):
        product(multiply, Arithmetic, np.zeros(64, np.uint64), np.zeros(64, np.uint64), watch=watch)
    for sender in range(3):
        sent = np.concatenate([message.array for message in watch if message.sender == sender])
        ones = np.unpackbits(sent.view(np.uint8)).mean()
        assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(64 * sent.size)
        assert len(np.unique(sent)) == sent.size


def test_active_mode_notes_every_product_and_passive_none():
    for security, noted in (("passive", 0), ("active", 3)):
        three = parties(security)
        for protocol, kind in ((multiply, Arithmetic), (matmul, Arithmetic), (conjunction, Binary)):
            x = dealt(kind, words((3, 3)), RNG)
            lockstep([protocol(party, share, share) for party, share in zip(three, x, strict=True)])
        assert all((len(party.pending) > 0) == (noted > 0) for party in three)
        assert all(len(party.pending) % 3 == 0 for party in three)
