"""Products with weights of bits in the extensions of degree 48, against polynomials written out."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import weighting
from tacit.kernels.weighting import DEGREE, TAPS

unhurried = settings(deadline=None, max_examples=30)  # a first call may compile
SEEDS = st.integers(0, 2**32)


def product(x, y):
    """x * y reduced by f, column by column, modulo 2^64: (48, n) each."""
    places = np.zeros((2 * DEGREE - 1, x.shape[1]), dtype=np.uint64)
    for i in range(DEGREE):
        places[i : i + DEGREE] += x[i] * y
    for place in range(2 * DEGREE - 2, DEGREE - 1, -1):
        for tap in TAPS:
            places[place - DEGREE + tap] -= places[place]
    return places[:DEGREE]


def packed(each):
    filled = np.zeros((DEGREE, -(-each.shape[1] // 64) * 64), dtype=np.uint8)
    filled[:, : each.shape[1]] = each
    return np.packbits(filled, axis=1, bitorder="little").reshape(DEGREE, -1).view("<u8").astype(np.uint64)


@unhurried
@given(n=st.one_of(st.integers(0, 20), st.sampled_from([63, 64, 65, 130])), seed=SEEDS)
@example(n=8, seed=0)
@example(n=65, seed=0)
def test_weights_over_words(words, n, seed):
    vectors, weights = words(seed, (DEGREE, n)), words(seed + 1, (DEGREE, n)) & np.uint64(1)
    expected = product(vectors, weights)
    weighting.weigh(vectors, packed(weights))
    np.testing.assert_array_equal(vectors, expected)


@unhurried
@given(w=st.integers(0, 11), seed=SEEDS)
@example(w=8, seed=0)
def test_weights_over_bits(words, w, seed):
    vectors, weights = (words(seed + i, (DEGREE, 64 * w)) & np.uint64(1) for i in range(2))
    found = packed(vectors)
    weighting.weigh_bits(found, packed(weights))
    np.testing.assert_array_equal(found, packed(product(vectors, weights) & np.uint64(1)))


def test_any_layout_of_the_weights(words, disguises):
    vectors, weights = words(1, (DEGREE, 70)), words(2, (DEGREE, 2))
    expected = vectors.copy()
    weighting.weigh(expected, weights)
    for variant in disguises(weights):
        found = vectors.copy()
        weighting.weigh(found, variant)
        np.testing.assert_array_equal(found, expected)


def test_refusals():
    vectors = np.zeros((DEGREE, 65), dtype=np.uint64)
    with pytest.raises(ValueError, match=r"65 weights have shape \(48, 2\), not \(48, 1\)"):
        weighting.weigh(vectors, vectors[:, :1])
    with pytest.raises(ValueError, match="must have shape"):
        weighting.weigh(vectors[:47], vectors[:, :2])
    with pytest.raises(ValueError, match="contiguous"):
        weighting.weigh(vectors[:, ::2], vectors[:, :1])
    with pytest.raises(ValueError, match="vectors have shape"):
        weighting.weigh_bits(vectors, vectors[:, :2])
    with pytest.raises(TypeError, match="uint64"):
        weighting.weigh_bits(vectors.view(np.int64), vectors)
    locked = vectors.copy()
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        weighting.weigh(locked, vectors[:, :2])
