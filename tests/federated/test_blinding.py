"""Blinding: off again for those who have the key, uniform for those who have not, never twice the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.federated.blinding import GROUP_KEY_BYTES, GroupKey

unhurried = settings(deadline=None)

PARTIES = ("ash", "birch", "cedar", "dogwood")
RUN = bytes(range(32))
KEY = GroupKey(b"k" * 32, RUN)
TYPES = (np.uint16, np.uint32, np.uint64)


def mask(key: GroupKey = KEY, step: int = 1, party: str = "ash", length: int = 64) -> bytes:
    words = np.zeros(length, np.uint32)
    key.blind(words, step, party)
    return words.tobytes()


@unhurried
@given(
    survivors=st.sets(st.sampled_from(PARTIES), min_size=1),
    kind=st.sampled_from(TYPES),
    length=st.integers(1, 100),
    step=st.integers(0, 10_000),
    seed=st.integers(0, 2**32),
)
def test_what_is_blinded_and_summed_is_unblinded(
    survivors: set[str], kind: type, length: int, step: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = {party: rng.integers(0, np.iinfo(kind).max, length, dtype=kind, endpoint=True) for party in PARTIES}
    total, plain = np.zeros(length, kind), np.zeros(length, kind)
    for party in survivors:
        blinded = vectors[party].copy()
        KEY.blind(blinded, step, party)
        total += blinded
        plain += vectors[party]
    KEY.unblind(total, step, survivors)
    assert (total == plain).all()


def test_masks_of_those_who_are_missing_are_not_taken_off() -> None:
    words = np.zeros(50, np.uint64)
    KEY.blind(words, 1, "ash")
    KEY.unblind(words, 1, ["ash", "birch"])
    assert words.any()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("value", [0, 1])
def test_a_blinded_total_is_uniform_to_whoever_lacks_the_key(kind: type, value: int) -> None:
    """Chi-square of its bytes, whatever the total was. The key is fixed, so this never fails by chance."""
    octets = np.zeros(256)
    total = np.full(80_000 // np.dtype(kind).itemsize, value, kind)
    for party in PARTIES:
        KEY.blind(total, 3, party)
    octets += np.bincount(total.view(np.uint8), minlength=256)
    expected = octets.sum() / 256
    chi_square = float(((octets - expected) ** 2 / expected).sum())
    # Wilson and Hilferty 1931.
    deviations = ((chi_square / 255) ** (1 / 3) - (1 - 2 / (9 * 255))) / math.sqrt(2 / (9 * 255))
    assert abs(deviations) < 6.1


def test_no_two_masks_are_the_same() -> None:
    other_key, other_run = GroupKey(b"l" * 32, RUN), GroupKey(b"k" * 32, RUN[::-1])
    masks = [mask(key, step, party) for key in (KEY, other_key, other_run) for step in (0, 1, 11) for party in PARTIES]
    masks.append(mask(step=1, party="1 ash"))
    assert len(set(masks)) == len(masks)


def test_the_same_mask_comes_again_for_the_same_purpose() -> None:
    assert mask() == mask(GroupKey(b"k" * 32, RUN))


def test_masks_say_nothing_of_other_keys_that_are_derived() -> None:
    derived = [KEY.derive(label) for label in ("content key", "model salt", "blind 1 ash")]
    assert len({*derived, KEY.derive("blind 1 ash", 16)}) == 4
    assert [len(each) for each in derived] == [32] * 3
    assert GroupKey(b"k" * 32, RUN[::-1]).derive("content key") != derived[0]


@pytest.mark.parametrize("length", [0, 16, GROUP_KEY_BYTES - 1, GROUP_KEY_BYTES + 1])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        GroupKey(bytes(length), RUN)


def test_a_key_is_not_shown() -> None:
    key = GroupKey(b"a very secret group key, 32 long", RUN)
    assert repr(key) == str(key) == "GroupKey(hidden)"
    assert "secret group" not in f"{key!r} {[key]}"
