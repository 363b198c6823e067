"""Matrix products modulo 2^64, against numpy's own and against Python's integers."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import ring

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
SIDES = st.one_of(st.integers(0, 40), st.sampled_from([127, 128, 129, 257, 511, 512, 513, 530]))
SEEDS = st.integers(0, 2**32)


@unhurried
@given(m=SIDES, k=SIDES, n=SIDES, seed=SEEDS)
@example(m=0, k=3, n=2, seed=0)
@example(m=3, k=0, n=2, seed=0)
@example(m=3, k=2, n=0, seed=0)
@example(m=1, k=784, n=128, seed=0)
@example(m=5, k=129, n=513, seed=0)
@example(m=9, k=300, n=1, seed=0)
def test_equals_numpy(words, m, k, n, seed):
    a, b = words(seed, (m, k)), words(seed + 1, (k, n))
    np.testing.assert_array_equal(ring.matmul(a, b), a @ b)


def test_equals_integers(words):
    a, b = words(1, (6, 11)), words(2, (11, 19))
    expected = [[sum(int(x) * int(y) for x, y in zip(row, column, strict=True)) % 2**64 for column in b.T] for row in a]
    assert ring.matmul(a, b).tolist() == expected


def test_extreme_words_everywhere():
    for word in (1, 2**32 - 1, 2**32, 2**63, 2**64 - 1):
        a, b = np.full((6, 300), word, dtype=np.uint64), np.full((300, 18), 2**64 - 1, dtype=np.uint64)
        assert (ring.matmul(a, b) == np.uint64(-300 * word % 2**64)).all()


@pytest.mark.parametrize("shape", [(1, 9, 21), (3, 20, 40), (7, 33, 5), (12, 40, 33), (20, 7, 1)])
def test_any_layout(words, disguises, shape):
    m, k, n = shape
    a, b = words(3, (m, k)), words(4, (k, n))
    for left in disguises(a):
        for right in disguises(b):
            np.testing.assert_array_equal(ring.matmul(left, right), a @ b)


def test_broadcast_and_columns_of_records(words):
    row = np.broadcast_to(words(5, (1, 30)), (20, 30))
    np.testing.assert_array_equal(ring.matmul(row, row.T), row @ row.T)
    records = np.zeros((12, 9), dtype=[("word", np.uint64), ("other", np.uint32)])
    records["word"] = words(6, (12, 9))
    np.testing.assert_array_equal(ring.matmul(records["word"], records["word"].T), records["word"] @ records["word"].T)


@unhurried
@given(m=st.integers(0, 30), k=st.integers(0, 30), n=st.integers(0, 30), threads=st.integers(1, 5))
def test_threads_change_nothing(words, m, k, n, threads):
    a, b = words(m, (m, k)), words(n, (k, n))
    np.testing.assert_array_equal(ring.matmul(a, b, threads=threads), a @ b)


def test_inputs_stay_and_the_result_is_fresh(words):
    a, b = words(7, (9, 9)), words(8, (9, 9))
    a_before, b_before = a.copy(), b.copy()
    out = ring.matmul(a, b)
    assert out.flags.c_contiguous
    assert out.flags.writeable
    assert not np.shares_memory(out, a)
    np.testing.assert_array_equal(a, a_before)
    np.testing.assert_array_equal(b, b_before)


def test_refusals():
    square = np.zeros((3, 3), dtype=np.uint64)
    with pytest.raises(TypeError, match="a must be an array of uint64, not of int64"):
        ring.matmul(square.astype(np.int64), square)
    with pytest.raises(TypeError, match="b must be an array of uint64, not of >u8"):
        ring.matmul(square, square.astype(">u8"))
    with pytest.raises(TypeError, match="not list"):
        ring.matmul(square.tolist(), square)
    with pytest.raises(ValueError, match="2 dimensions"):
        ring.matmul(square, square[0])
    with pytest.raises(ValueError, match="3 columns where b has 2 rows"):
        ring.matmul(square, square[:2])
    with pytest.raises(ValueError, match="at least 1"):
        ring.matmul(square, square, threads=0)
    with pytest.raises(TypeError):
        ring.matmul(square, square, threads=1.5)
