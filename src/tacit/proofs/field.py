"""The field of the proofs, in plain numpy and Python integers: what the verifier computes with.

The base field is Goldilocks, p = 2^64 - 2^32 + 1; its quadratic extension F_p[X] / (X^2 - 7) has the 2^128 elements
that challenges are drawn from. The same field as `kernels.goldilocks` and `kernels.goldilocks_extension`, which the
prover uses: this module must give the same words, and imports no compiler.

A single element of the extension is an `Element`, of Python integers: a verifier's work is mostly on single ones,
where numpy costs a hundred times more. Arrays are words: uint64 `(n,)` over the base field, `(n, 2)` over the
extension (a0 + a1 X as the row [a0, a1]). Every function takes and gives canonical words, that is below p; what comes
from outside passes `is_canonical` first (`transcript` does that).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]

MODULUS = 2**64 - 2**32 + 1
NON_RESIDUE = 7  # X^2 in the extension
DEGREE = 2  # of the extension

_P = np.uint64(MODULUS)
_EPSILON = np.uint64(2**32 - 1)  # 2^64 modulo p
_HALF = np.uint64(32)


class Element:
    """One element a0 + a1 X of the extension, immutable; an integer on either side of an operator stands for itself."""

    __slots__ = ("other", "real")

    def __init__(self, real: int, other: int = 0) -> None:
        self.real = real % MODULUS
        self.other = other % MODULUS

    @classmethod
    def of(cls, number: int) -> Element:
        """The element of the base field that an integer stands for."""
        return cls(number)

    def __add__(self, y: Element | int) -> Element:
        if isinstance(y, Element):
            return Element(self.real + y.real, self.other + y.other)
        return Element(self.real + y, self.other) if isinstance(y, int) else NotImplemented

    def __sub__(self, y: Element | int) -> Element:
        if isinstance(y, Element):
            return Element(self.real - y.real, self.other - y.other)
        return Element(self.real - y, self.other) if isinstance(y, int) else NotImplemented

    def __mul__(self, y: Element | int) -> Element:
        if isinstance(y, Element):
            real = self.real * y.real + NON_RESIDUE * self.other * y.other
            return Element(real, self.real * y.other + self.other * y.real)
        return Element(self.real * y, self.other * y) if isinstance(y, int) else NotImplemented

    def __rsub__(self, y: int) -> Element:
        return Element(y - self.real, -self.other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Element:
        return Element(-self.real, -self.other)

    def inverse(self) -> Element:
        """1 / self; `ZeroDivisionError` for zero. The norm a0^2 - 7 a1^2 is zero for zero alone."""
        norm = (self.real * self.real - NON_RESIDUE * self.other * self.other) % MODULUS
        if norm == 0:
            raise ZeroDivisionError("zero has no inverse in the field")
        inverse = pow(norm, -1, MODULUS)
        return Element(self.real * inverse, -self.other * inverse)

    def __eq__(self, y: object) -> bool:
        if isinstance(y, Element):
            return self.real == y.real and self.other == y.other
        return isinstance(y, int) and self.other == 0 and self.real == y % MODULUS

    def __hash__(self) -> int:
        return hash(self.real) if self.other == 0 else hash((self.real, self.other))

    def __bool__(self) -> bool:
        return bool(self.real or self.other)

    def __repr__(self) -> str:
        return "Element(...)"  # it may be a secret


ZERO, ONE = Element(0), Element(1)


def interpolation(degree: int, at: Element) -> list[Element]:
    """The weights with which a polynomial's values at 0, 1, ..., degree make its value at `at` (Lagrange)."""
    differences = [at - node for node in range(degree + 1)]
    weights = []
    for node, divisor in enumerate(_divisors(degree)):
        weight = Element(divisor)
        for other in range(degree + 1):
            if other != node:
                weight = weight * differences[other]
        weights.append(weight)
    return weights


def from_elements(values: Sequence[Element]) -> Words:
    """Elements as an array `(n, 2)`."""
    return np.array([(value.real, value.other) for value in values], dtype=np.uint64).reshape(-1, DEGREE)


def to_elements(array: Words) -> list[Element]:
    """The elements of an array `(n, 2)`."""
    return [Element(real, other) for real, other in array.tolist()]


def extend(x: Words) -> Words:
    """Base words `(n,)` as elements `(n, 2)` of the extension."""
    return np.stack([x, np.zeros_like(x)], axis=-1)


def embed(integers: npt.NDArray[np.int64]) -> Words:
    """Signed 64-bit integers as base words: a negative one as p minus its size."""
    words = np.ascontiguousarray(integers, dtype=np.int64).view(np.uint64)
    return np.where(integers < 0, words + _P, words)  # modulo 2^64


def is_canonical(words: Words) -> bool:
    """Whether every word is below p."""
    return bool(words.size == 0 or words.max() < _P)


def add(x: Words, y: Words) -> Words:
    """x + y, element by element and broadcast; over the base field or, both of them, over the extension."""
    result = x + y
    result = np.where(result < x, result + _EPSILON, result)  # a carry out of 64 bits is worth EPSILON
    return _canonical(result)


def subtract(x: Words, y: Words) -> Words:
    """x - y, element by element and broadcast; over the base field or, both of them, over the extension."""
    return np.where(x < y, x - y - _EPSILON, x - y)


def negate(x: Words) -> Words:
    """-x, element by element; over either field."""
    return np.where(x == 0, x, _P - x)


def multiply(x: Words | int, y: Words | int) -> Words:
    """x * y over the base field, element by element and broadcast; a number stands for itself modulo p.

    Four products of 32-bit halves, in few fresh arrays: those of a long operand cost more than the arithmetic does.
    """
    x, y = _words(x), _words(y)
    if x.ndim == y.ndim == 0:
        return np.array(int(x) * int(y) % MODULUS, dtype=np.uint64)
    x0, x1 = x & _EPSILON, x >> _HALF
    y0, y1 = y & _EPSILON, y >> _HALF
    low, middle, rest, high = x0 * y0, x1 * y0, x0 * y1, x1 * y1
    part = low >> _HALF
    middle += part  # cannot carry: (2^32-1)^2 + 2^32-1 < 2^64
    rest += np.bitwise_and(middle, _EPSILON, out=part)
    high += np.right_shift(middle, _HALF, out=middle)
    high += np.right_shift(rest, _HALF, out=part)
    rest <<= _HALF
    low &= _EPSILON
    low |= rest
    return _reduce(low, high, part)


def multiply_extension(x: Words, y: Words) -> Words:
    """x * y over the extension, for arrays `(..., 2)` that broadcast. Three products instead of four (Karatsuba)."""
    x0, x1, y0, y1 = x[..., 0], x[..., 1], y[..., 0], y[..., 1]
    low, high = multiply(x0, y0), multiply(x1, y1)
    cross = subtract(multiply(add(x0, x1), add(y0, y1)), add(low, high))
    return np.stack([add(low, multiply(high, NON_RESIDUE)), cross], axis=-1)


def scale_extension(x: Words, factors: Words | int) -> Words:
    """Elements `(n, 2)`, or one `(1, 2)`, times base words `(n,)` or a number: `(n, 2)`."""
    return multiply(x, factors[..., None] if isinstance(factors, np.ndarray) else factors)


def total(x: Words) -> Words:
    """The sum over the first axis, of up to 2^32 elements of either field: `(n, ...)` to `(...)`."""
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    low = _canonical((flat & _EPSILON).sum(axis=0, dtype=np.uint64))
    high = _canonical((flat >> _HALF).sum(axis=0, dtype=np.uint64))
    return add(low, multiply(high, 2**32)).reshape(x.shape[1:])


def sum_extension(x: Words) -> Element:
    """The sum of an array `(n, 2)`, n up to 2^32."""
    real, other = total(x).tolist()
    return Element(real, other)


def dot(x: Words, y: Words) -> Element:
    """The sum of x[i] * y[i] for base words `(n,)` and elements `(n, 2)`."""
    return sum_extension(scale_extension(y, x))


def dot_extension(x: Words, y: Words) -> Element:
    """The sum of x[i] * y[i] for elements `(n, 2)` and `(n, 2)`."""
    return sum_extension(multiply_extension(x, y))


def powers(base: Element, count: int) -> Words:
    """1, base, base^2, ... as `(count, 2)`, by doubling."""
    result = np.zeros((count, DEGREE), dtype=np.uint64)
    result[:1, 0] = 1
    done, factor = 1, base
    while done < count:
        more = min(done, count - done)
        result[done : done + more] = multiply_extension(result[:more], from_elements([factor]))
        done, factor = done + more, factor * factor
    return result


@cache
def _divisors(degree: int) -> list[int]:
    """1 / prod (i - j) over all j of 0, ..., degree but i, for each i."""
    nodes = range(degree + 1)
    return [pow(math.prod(i - j for j in nodes if j != i), -1, MODULUS) for i in nodes]


def _words(x: Words | int) -> Words:
    """An operand as an array: numpy warns where a single word wraps around, and counts on an array's doing so."""
    words: Words = x if isinstance(x, np.ndarray) else np.array(x % MODULUS, dtype=np.uint64)
    return words


def _canonical(words: Words) -> Words:
    """Any words, reduced below p."""
    reduced: Words = np.minimum(words, words - _P)
    return reduced


def _reduce(low: Words, high: Words, room: Words) -> Words:
    """low + 2^64 high modulo p, in place of `low`; what was in the others is lost.

    Since 2^64 = EPSILON and 2^96 = -1, it is low - high's upper half + EPSILON * its lower half; where a difference
    borrows or a sum carries 2^64, that is worth EPSILON once more.
    """
    np.right_shift(high, _HALF, out=room)
    high &= _EPSILON
    high *= _EPSILON
    borrowed = low < room
    low -= room
    low -= np.multiply(borrowed, _EPSILON, out=room)
    low += high
    low += np.multiply(low < high, _EPSILON, out=room)
    return np.minimum(low, np.subtract(low, _P, out=room), out=low)
