"""Convolutions of rows of planes, against sums over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.kernels import bits, ring
from tacit.mpc.convolution import FEW, convolve

RNG = np.random.default_rng(3)
RINGS = {
    "arithmetic": (lambda x, y: ring.matmul(x, y.T), np.add, 2**64),
    "binary": (bits.gram, np.bitwise_xor, 2),
}


def plainly(gram, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    degree, count, _ = a.shape
    found = np.zeros((2 * degree - 1, 2 * count - 1), np.uint64)
    for i in range(degree):
        for j in range(degree):
            products = gram(a[i], b[j])
            for k in range(count):
                for m in range(count):
                    place = found[i + j, k - m + count - 1 : k - m + count]
                    place += products[k, m]
    return found


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 1),
        (3, 1, 2),
        (4, 5, 1),
        (12, 3, 401),
        (24, 1, 5000),
        (6, 11, 900),
        (48, 4, 130),
        (6, 5, 128),
        (6, 5, 129),
        (4, 2, 0),
    ],
)
def test_rows_are_convolved_along_both_diagonals(name, shape):
    gram, add, modulus = RINGS[name]
    a, b = (RNG.integers(0, 2**64, shape, dtype=np.uint64) for _ in range(2))
    found = convolve(a, b, gram=gram, add=add)
    expected = plainly(gram, a, b)
    if modulus == 2:
        found, expected = found % np.uint64(2), expected % np.uint64(2)
    np.testing.assert_array_equal(found, expected)


def test_long_rows_take_few_products():
    products = []

    def gram(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        products.append(len(x) * len(y) * x.shape[1])
        return ring.matmul(x, y.T)

    a = RNG.integers(0, 2**64, (48, 4, 3000), dtype=np.uint64)
    convolve(a, a, gram=gram, add=np.add)
    assert FEW < 48**2 * 4**2 * 3000
    assert sum(products) < 0.43 * 48**2 * 4**2 * 3000
