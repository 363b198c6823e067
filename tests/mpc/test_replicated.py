"""Shares: local operations, and that they tell nothing of themselves."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.mpc.replicated import Arithmetic, Binary, SecretAsPublicError, ring

from .lockstep import dealt, opened

SECRET = 0x1234567812345678


def sharing(kind=Arithmetic, words=(SECRET, 5)):
    return dealt(kind, np.array(words, np.uint64), np.random.default_rng(1))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2), st.integers(-(2**63), 2**63 - 1))
def test_sums_differences_and_public_factors_are_local(words, factor):
    x, y = sharing(), sharing(words=words)
    with np.errstate(over="ignore"):
        expected = (opened(x) - opened(y)) * np.int64(factor).view(np.uint64) + opened(x)
    found = [(a - b).times(factor) + a for a, b in zip(x, y, strict=True)]
    np.testing.assert_array_equal(opened(found), expected)
    np.testing.assert_array_equal(opened([-a for a in x]), np.negative(opened(x)))


def test_bits_are_joined_by_exclusive_or_and_masked_locally():
    x, y = sharing(Binary), sharing(Binary, (7, 9))
    np.testing.assert_array_equal(opened([a ^ b for a, b in zip(x, y, strict=True)]), opened(x) ^ opened(y))
    np.testing.assert_array_equal(opened([a.masked(0xFF) for a in x]), opened(x) & np.uint64(0xFF))


def test_parts_and_shapes_are_public():
    share = sharing()[0].reshape(2, 1)
    assert (share.shape, share.ndim, share.size, len(share)) == ((2, 1), 2, 2, 2)
    assert share[1:].shape == (1, 1)


@pytest.mark.parametrize("kind", [Arithmetic, Binary])
def test_nothing_printed_tells_a_word(kind):
    share = kind(np.array([SECRET], np.uint64), np.array([SECRET], np.uint64))
    for text in (repr(share), str(share), f"{share}", repr([share])):
        assert str(SECRET) not in text
        assert "secret" in text


@pytest.mark.parametrize(
    "use",
    [
        bool,
        int,
        float,
        lambda share: [1, 2][share],
        lambda share: np.arange(3)[share],
        lambda share: share[share],
        lambda share: share[0, share],
        lambda share: np.asarray(share) + 1 if np.asarray(share).dtype != object else bool(share),
        pickle.dumps,
    ],
)
def test_a_secret_is_no_condition_index_or_number(use):
    with pytest.raises((SecretAsPublicError, TypeError, IndexError)):
        use(sharing()[0])


def test_components_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        Arithmetic(np.zeros(1, np.uint64), np.zeros(2, np.uint64))


def test_public_numbers_must_be_integers():
    with pytest.raises(TypeError, match="integers"):
        ring(0.5)
    assert ring(-1) == np.uint64(2**64 - 1)


@pytest.mark.filterwarnings("error")
def test_a_single_word_wraps_without_a_warning():
    one = Arithmetic(np.full(2, 2**63, np.uint64), np.full(2, 2**63, np.uint64))[0]
    total = one + one
    assert (int(total.own), int(total.next)) == (0, 0)
