"""Packed bits, against numpy's own bits."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tacit.kernels import bits

unhurried = settings(deadline=None, max_examples=60)  # a first call may compile
SEEDS = st.integers(0, 2**32)
COUNTS = st.one_of(st.integers(0, 200), st.sampled_from([511, 512, 513, 575, 576, 577, 1024, 1500]))
SIDES = st.one_of(st.integers(0, 20), st.sampled_from([31, 48, 49]))
DEPTHS = st.one_of(st.integers(0, 20), st.sampled_from([255, 256, 257, 600]))


def packed(each):
    """Bits (k, n) as words (k, ceil(n / 64))."""
    k, n = each.shape
    filled = np.zeros((k, -(-n // 64) * 64), dtype=np.uint8)
    filled[:, :n] = each
    return np.packbits(filled, axis=1, bitorder="little").reshape(k, -(-n // 64) * 8).view("<u8").astype(np.uint64)


def planes(words, count):
    return packed((words[None, :] >> np.arange(count, dtype=np.uint64)[:, None]) & np.uint64(1))


@unhurried
@given(n=COUNTS, count=st.integers(0, 64), seed=SEEDS)
@example(n=1500, count=64, seed=0)
@example(n=512, count=13, seed=0)
def test_words_are_cut_into_planes_and_put_together(words, n, count, seed):
    given_words = words(seed, n)
    found = bits.planes(given_words, count)
    assert found.shape == (count, -(-n // 64))
    np.testing.assert_array_equal(found, planes(given_words, count))
    lower = given_words & np.uint64(2**count - 1)
    np.testing.assert_array_equal(bits.words(found, n), lower)
    if n % 64 and count:  # what fills the last word does not count
        found[:, -1] |= np.uint64(2**64 - 2 ** (n % 64))
        np.testing.assert_array_equal(bits.words(found, n), lower)


@unhurried
@given(shape=st.one_of(st.integers(0, 70), st.tuples(st.integers(0, 9), st.integers(0, 9))), seed=SEEDS)
def test_multiply_replicated(words, shape, seed):
    x0, x1, y0, y1, mask = (words(seed + i, shape) for i in range(5))
    expected = x0 & y0 ^ x0 & y1 ^ x1 & y0 ^ mask
    np.testing.assert_array_equal(bits.multiply_replicated(x0, x1, y0, y1, mask), expected)
    assert bits.multiply_replicated(x0, x1, y0, y1, mask, out=x0) is x0
    np.testing.assert_array_equal(x0, expected)


@unhurried
@given(p=SIDES, q=SIDES, w=DEPTHS, seed=SEEDS)
@example(p=8, q=16, w=256, seed=0)
@example(p=1, q=1, w=0, seed=0)
@example(p=9, q=17, w=257, seed=0)
def test_inner_products_modulo_two(words, p, q, w, seed):
    x, y = words(seed, (p, w)), words(seed + 1, (q, w))
    ones = np.bitwise_count(x[:, None] & y[None]).sum(axis=2, dtype=np.uint64)
    np.testing.assert_array_equal(bits.gram(x, y), ones % np.uint64(2))


@unhurried
@given(p=SIDES, n=DEPTHS, w=SIDES, seed=SEEDS)
@example(p=48, n=768, w=16, seed=0)
def test_rows_are_combined(words, p, n, w, seed):
    matrix, rows = words(seed, (p, n)) & np.uint64(1), words(seed + 1, (n, w))
    expected = np.zeros((p, w), dtype=np.uint64)
    for i in range(p):
        for j in range(n):
            if matrix[i, j]:
                expected[i] ^= rows[j]
    np.testing.assert_array_equal(bits.combine(matrix, rows), expected)


def test_any_layout(words, disguises):
    x, y, z, flat = words(1, (6, 7)), words(2, (9, 7)), words(3, (5, 6)) & np.uint64(1), words(4, 70)
    for variant in disguises(x):
        for other in disguises(y):
            np.testing.assert_array_equal(bits.gram(variant, other), bits.gram(x, y))
        for matrix in disguises(z):
            np.testing.assert_array_equal(bits.combine(matrix, variant), bits.combine(z, x))
        np.testing.assert_array_equal(bits.words(variant, 400), bits.words(x, 400))
    for variant in disguises(flat):
        np.testing.assert_array_equal(bits.planes(variant, 9), bits.planes(flat, 9))


def test_inputs_stay(words):
    x, y, matrix = words(1, (6, 7)), words(2, (9, 7)), words(3, (5, 6)) & np.uint64(1)
    before = [array.copy() for array in (x, y, matrix)]
    bits.gram(x, y), bits.combine(matrix, x), bits.words(x, 448), bits.planes(x[0], 9)
    for array, kept in zip((x, y, matrix), before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_refusals():
    x = np.zeros((4, 3), dtype=np.uint64)
    for count in (-1, 65):
        with pytest.raises(ValueError, match="0 to 64 planes"):
            bits.planes(x[0], count)
    with pytest.raises(TypeError, match="uint64, not of int64"):
        bits.planes(x[0].view(np.int64), 3)
    with pytest.raises(ValueError, match="1 dimensions"):
        bits.planes(x, 3)
    with pytest.raises(ValueError, match="planes of 193 bits have 4 words, not 3"):
        bits.words(x, 193)
    with pytest.raises(ValueError, match="planes of 128 bits have 2 words"):
        bits.words(x, 128)
    with pytest.raises(ValueError, match="0 to 64 planes"):
        bits.words(np.zeros((65, 1), dtype=np.uint64), 3)
    with pytest.raises(ValueError, match="planes of -1"):
        bits.words(np.zeros((4, 0), dtype=np.uint64), -1)
    with pytest.raises(ValueError, match="3 words and those of y 2"):
        bits.gram(x, x[:, :2])
    with pytest.raises(ValueError, match="3 columns where there are 4 rows"):
        bits.combine(x, x)
    with pytest.raises(ValueError, match="one shape"):
        bits.multiply_replicated(x, x, x, x, x[:2])
    with pytest.raises(ValueError, match="must have shape"):
        bits.multiply_replicated(x, x, x, x, x, out=x[:2].copy())


FENCED = """
import ctypes, mmap
import numpy as np
from tacit.kernels import bits, weighting

PAGE = mmap.PAGESIZE
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
draw, regions = np.random.default_rng(1), []


def fenced(array, at_the_end):
    '''A copy right before, or right behind, a page that ends the process when it is touched.'''
    pages = -(-max(array.nbytes, 1) // PAGE) * PAGE
    region = mmap.mmap(-1, pages + 2 * PAGE)
    regions.append(region)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    assert protect(start, PAGE, 0) == 0 and protect(start + PAGE + pages, PAGE, 0) == 0
    copy = np.ndarray(array.shape, array.dtype, region, PAGE + (pages - array.nbytes if at_the_end else 0))
    copy[...] = array
    return copy


def words(*shape):
    return draw.integers(0, 2**64, shape, dtype=np.uint64)


def check(function, *arrays):
    expected = function(*arrays)
    for at_the_end in (False, True):
        assert np.array_equal(function(*(fenced(array, at_the_end) for array in arrays)), expected), function


def in_place(function):
    def run(vectors, weights):
        function(vectors, weights)
        return vectors.copy()

    return lambda vectors, weights: run(vectors if vectors.base is not None else vectors.copy(), weights)


for n in (0, 1, 63, 64, 65, 511, 512, 513, 1100):
    for count in (0, 1, 8, 13, 64):
        check(lambda each: bits.planes(each, count), words(n))
        check(lambda each: bits.words(each, n), words(count, -(-n // 64)))
    check(bits.multiply_replicated, *(words(n) for _ in range(5)))
for p, q, w in ((1, 1, 1), (8, 16, 256), (9, 17, 257), (3, 40, 5)):
    check(bits.gram, words(p, w), words(q, w))
    check(bits.combine, words(p, q) & np.uint64(1), words(q, w))
for n in (1, 7, 8, 9, 64, 65):
    check(in_place(weighting.weigh), words(48, n), words(48, -(-n // 64)))
    check(in_place(weighting.weigh_bits), words(48, n), words(48, n))
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect")
def test_nothing_beside_an_array_is_touched():
    found = subprocess.run([sys.executable, "-c", FENCED], capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"ended with {found.returncode}: {found.stderr[-2000:]}"
    assert found.stdout == "done\n"
