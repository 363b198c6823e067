"""The kernels work on raw addresses: beside every array lies memory that must not be touched."""

import subprocess
import sys

import pytest

FENCED = """
import ctypes, mmap
import numpy as np
from tacit.kernels import combinations, elementwise, goldilocks, goldilocks_extension, merkle, ntt, ring, sumcheck

PAGE = mmap.PAGESIZE
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
draw, regions = np.random.default_rng(1), []


def fenced(array, at_the_end):
    '''A copy right before, or right behind, a page that ends the process when it is read.'''
    pages = -(-max(array.nbytes, 1) // PAGE) * PAGE
    region = mmap.mmap(-1, pages + 2 * PAGE)
    regions.append(region)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    assert protect(start, PAGE, 0) == 0 and protect(start + PAGE + pages, PAGE, 0) == 0
    offset = PAGE + (pages - array.nbytes if at_the_end else 0)
    copy = np.ndarray(array.shape, array.dtype, region, offset)
    copy[...] = array
    return copy


def words(*shape):
    return draw.integers(0, 2**64 - 2**32, shape, dtype=np.uint64)


def check(function, *arrays, out=None):
    '''The same result on fenced arrays as on plain ones.'''
    expected = function(*arrays)
    for at_the_end in (False, True):
        given = [fenced(array, at_the_end) for array in arrays]
        assert np.array_equal(function(*given), expected), function
        if out is not None:
            assert np.array_equal(function(*given, out=fenced(np.zeros_like(out), at_the_end)), expected), function


for n in (0, 1, 7, 8, 9, 31, 32, 33, 40, 45):
    x, y, z = words(n), words(n), words(n)
    for function in (goldilocks.add, goldilocks.subtract, goldilocks.multiply):
        check(function, x, y, out=x)
    check(goldilocks.invert, np.maximum(x, 1))
    check(goldilocks.dot, x, y)
    check(goldilocks_extension.multiply, words(n, 2), words(n, 2), out=words(n, 2))
    check(elementwise.multiply_replicated, x, y, z, x, y, out=x)
    check(lambda a, out=None: elementwise.rescale(a, 5, out), x.view(np.int64), out=x.view(np.int64))
    if n:
        check(lambda a: np.frombuffer(merkle.root(a), np.uint8), words(n, 1).view(np.uint8)[:, :5].copy())
for count, length in ((1, 0), (1, 1), (3, 63), (17, 64), (5, 65), (8, 127), (15, 128), (16, 129), (2, 1024), (2, 1025)):
    check(merkle.hash_leaves, draw.integers(0, 256, (count, length), dtype=np.uint8))
for rows, points in ((1, 1), (3, 2), (9, 4), (7, 8), (8, 32), (1, 64), (3, 128), (1, 4096)):
    check(ntt.forward, words(rows, points))
    check(ntt.inverse, words(rows, points))
for m, k, n in ((1, 1, 1), (1, 5, 3), (2, 7, 17), (5, 3, 1), (5, 129, 513), (9, 4, 16), (13, 130, 19)):
    check(ring.matmul, words(m, k), words(k, n))
    check(lambda a, b: ring.matmul(a.T, b.T), words(k, m), words(n, k))
for half in (1, 7, 8, 9, 19):
    a, b, c, d = (words(2 * half, 2) for _ in range(4))
    base, one = words(2 * half), words(2)
    check(sumcheck.fold, a, one, out=a[:half])
    check(sumcheck.fold, base, one, out=a[:half])
    for tables in ((base, a), (a, b), (a, base, base), (a, b, c)):
        check(lambda *tables: sumcheck.round_values(tables), *tables)
    check(lambda w, a, b: sumcheck.weighted_round(w, [(a, b)]), words(half, 2), a, b)
    check(lambda w, a, b, c, d: sumcheck.weighted_round(w, [(a, b), (c, d)]), words(half, 2), a, b, c, d)
    check(lambda w, *tables: sumcheck.weighted_values(w, tables, 5), words(half, 2), a, b, c, d)
    check(lambda p, q: np.stack(sumcheck.add_fractions(p, q)), a, b)
    check(lambda p, q: np.stack(sumcheck.add_fractions(p, q)), base, b)
    check(sumcheck.scaled_sum, a, one, b)
    check(combinations.combine_rows, words(half, 2 * half), words(half, 2))
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect")
def test_nothing_beside_an_array_is_touched():
    found = subprocess.run([sys.executable, "-c", FENCED], capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"ended with {found.returncode}: {found.stderr[-2000:]}"
    assert found.stdout == "done\n"
