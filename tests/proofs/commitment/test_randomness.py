"""The prover's randomness: canonical, uniform, and the same again from its key."""

from __future__ import annotations

import numpy as np

from tacit.proofs.commitment.randomness import Randomness, fresh_key
from tacit.proofs.field import MODULUS, Words


def test_a_key_gives_the_same_elements_again_and_another_key_others() -> None:
    key = fresh_key()
    first, second = Randomness(key).elements(3, 5), Randomness(key).elements(3, 5)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, Randomness(fresh_key()).elements(3, 5))


def test_elements_drawn_one_after_another_differ() -> None:
    stream = Randomness(fresh_key())
    assert not np.array_equal(stream.elements(8), stream.elements(8))


def test_words_over_the_modulus_are_drawn_again() -> None:
    class Extreme(Randomness):
        """Words near 2^64, twice, then small ones."""

        calls = 0

        def words(self, count: int) -> Words:
            self.calls += 1
            return np.full(count, 2**64 - 1 if self.calls < 3 else 7, dtype=np.uint64)

    assert Extreme(fresh_key()).elements(4).tolist() == [7, 7, 7, 7]


def test_elements_spread_over_the_field() -> None:
    elements = Randomness(fresh_key()).elements(2**16)
    assert elements.max() < MODULUS
    counts = np.bincount((elements >> np.uint64(60)).astype(np.int64), minlength=16)
    assert abs(counts - 2**12).max() < 6 * 2**6  # six standard deviations
