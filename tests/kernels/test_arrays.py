"""The checks that stand between callers and raw addresses."""

import numpy as np
import pytest

from tacit.kernels import arrays


def test_what_lies_well_is_not_copied():
    words = np.arange(12, dtype=np.uint64).reshape(3, 4)
    assert arrays.readable("words", words, np.uint64) is words
    assert arrays.writable("words", words, np.uint64, (3, 4)) is words


def test_what_does_not_is_copied_into_aligned_words_in_order(disguises):
    words = np.arange(12, dtype=np.uint64).reshape(3, 4)
    for variant in disguises(words):
        result = arrays.readable("words", variant, np.uint64)
        assert result.flags.c_contiguous
        assert arrays.address(result) % 8 == 0
        np.testing.assert_array_equal(result, words)


def test_subclasses_give_their_plain_words():
    masked = np.ma.masked_array(np.arange(4, dtype=np.uint64), mask=[True, False, True, False])
    assert type(arrays.readable("words", masked, np.uint64)) is np.ndarray


def test_writable_never_copies(disguises):
    words = np.arange(12, dtype=np.uint64).reshape(3, 4)
    for variant in disguises(words):
        good = variant.flags.c_contiguous and variant.flags.aligned and variant.flags.writeable
        if good:
            assert arrays.writable("words", variant, np.uint64, (3, 4)) is variant
        else:
            with pytest.raises(ValueError, match="words"):
                arrays.writable("words", variant, np.uint64, (3, 4))


def test_apart_copies_only_what_would_be_overwritten():
    room = np.arange(20, dtype=np.uint64)
    assert arrays.apart(room[:10], room[10:]).base is room
    assert arrays.apart(room[10:], room[:10]).base is room
    same = room[:10]
    assert arrays.apart(same, room[:10]) is same
    for source in (room[1:11], room[9:19], room[:9], room):
        assert not np.shares_memory(arrays.apart(source, room[:10]), room)
