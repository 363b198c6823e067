"""Values of polynomials at some points, by matrix products of floats: what a verifier needs of a long codeword.

A polynomial of k coefficients at t points of n: its coefficients are laid out as a matrix of B columns, so that

    f(x) = sum_a (x^B)^a * sum_b c[a, b] x^b,

and the inner sums are one product of (k/B, B) with (B, t). Words are cut into four limbs of 16 bits: the products and
their sums stay under 2^53, so that the processor's float64 matrix product, by far its fastest, is exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tacit.proofs import field
from tacit.proofs.field import MODULUS, Words

GENERATOR = 7  # of the field's multiplicative group

_WIDTH = 128  # B
_LIMBS = 4
_LIMB_BITS = 16
_MASK = np.uint64(2**_LIMB_BITS - 1)


def root_of_unity(points: int) -> int:
    """The root of unity of order `points`, a power of two: the same as `kernels.ntt` has."""
    return pow(GENERATOR, (MODULUS - 1) // points, MODULUS)


def values_at(coefficients: Words, positions: list[int], points: int) -> Words:
    """Values (r, t) of polynomials (r, k), lowest coefficient first, at the roots w^position, w of order `points`."""
    rows, length = coefficients.shape
    width = min(_WIDTH, max(1, length))
    high = -(-length // width)
    padded = np.zeros((rows, high * width), dtype=np.uint64)
    padded[:, :length] = coefficients
    root = root_of_unity(points)
    bases = np.array([pow(root, position, MODULUS) for position in positions], dtype=np.uint64)
    low = _powers(bases, width)
    inner = multiply_matrices(padded.reshape(rows * high, width), low).reshape(rows, high, len(positions))
    outer = _powers(field.multiply(low[-1], bases), high)
    return sums(field.multiply(inner, outer[None]), axis=1)


def multiply_matrices(a: Words, b: Words) -> Words:
    """a @ b over the field, for (m, w) and (w, t) with w up to 2^17: 16 exact float products in one."""
    m, t = len(a), b.shape[1]
    left, right = _limbs(a).reshape(_LIMBS * m, -1), np.moveaxis(_limbs(b), 0, 1).reshape(len(b), _LIMBS * t)
    products = (left @ right).reshape(_LIMBS, m, _LIMBS, t)
    result = np.zeros((m, t), dtype=np.uint64)
    for shift in range(2 * _LIMBS - 1):
        pairs = [(i, shift - i) for i in range(_LIMBS) if 0 <= shift - i < _LIMBS]
        total = sum(products[i, :, j] for i, j in pairs).astype(np.uint64)  # type: ignore[union-attr]  # below 2^51
        factor = np.array([pow(2, _LIMB_BITS * shift, MODULUS)], dtype=np.uint64)
        result = field.add(result, field.multiply(total, factor))
    return result


def sums(words: Words, axis: int) -> Words:
    """The sums over one axis, of at most 2^31 words."""
    low = (words & np.uint64(2**32 - 1)).sum(axis=axis, dtype=np.uint64) % np.uint64(MODULUS)
    high = (words >> np.uint64(32)).sum(axis=axis, dtype=np.uint64) % np.uint64(MODULUS)
    return field.add(low, field.multiply(high, 2**32))


def _limbs(words: Words) -> npt.NDArray[np.float64]:
    return np.stack([((words >> np.uint64(_LIMB_BITS * i)) & _MASK).astype(np.float64) for i in range(_LIMBS)])


def _powers(bases: Words, count: int) -> Words:
    """bases^0, bases^1, ... as rows (count, t), by doubling."""
    result = np.ones((count, len(bases)), dtype=np.uint64)
    done, factor = 1, bases
    while done < count:
        more = min(done, count - done)
        result[done : done + more] = field.multiply(result[:more], factor[None])
        done, factor = done + more, field.multiply(factor, factor)
    return result
