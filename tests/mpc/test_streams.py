"""Keystreams that two parties share."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.streams import Stream, Streams


def test_both_holders_read_the_same_words_in_any_shapes():
    key = bytes(range(16))
    first, second = Stream(key), Stream(key)
    taken = [first.take((3, 5)), first.take((7,), np.uint8), first.take((2**17 + 1,), np.uint16)]
    again = [second.take((15,)), second.take((7, 1), np.uint8), second.take((2**17 + 1,), np.uint16)]
    for one, other in zip(taken, again, strict=True):
        np.testing.assert_array_equal(one.ravel(), other.ravel())


def test_no_part_of_a_keystream_comes_twice():
    stream = Stream(bytes(16))
    blocks = stream.take((20_000, 2))
    more = stream.take((20_000, 2))
    seen = {block.tobytes() for block in np.concatenate((blocks, more))}
    assert len(seen) == 40_000


def test_masks_of_three_parties_cancel():
    keys = [bytes([number]) * 16 for number in range(3)]
    parties = [Streams(keys[i], keys[(i + 1) % 3]) for i in range(3)]
    total, bits = np.zeros(4, np.uint64), np.zeros(4, np.uint64)
    for party in parties:
        own, following = party.zero((4,))
        total += own - following
        bits ^= own ^ following
    assert not total.any()
    assert not bits.any()


def test_keys_and_dtypes_are_checked_and_never_shown():
    with pytest.raises(ValueError, match="16 bytes"):
        Stream(b"short")
    with pytest.raises(TypeError, match="unsigned"):
        Stream(bytes(16)).take((1,), np.int64)
    assert "secret" in repr(Stream(bytes(16))) + repr(Streams(bytes(16), bytes(16)))
