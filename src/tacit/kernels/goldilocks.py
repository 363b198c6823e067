"""The Goldilocks field F_p, p = 2^64 - 2^32 + 1: arithmetic on arrays of words.

An element is a word in [0, p), called canonical. Every function gives canonical words, and takes any, which count
modulo p. But then two words can be one element: what arrives from another party is checked with `is_canonical`, or
brought into range with `canonical`, before it is compared or hashed.

Operands are arrays that broadcast as numpy's do, or Python integers in [0, p). `out`, where given, receives the result
in place of a fresh array, and may be one of the operands: a fresh array of megabytes costs more in page faults than
the arithmetic does.

The field has 2-adicity 32 and 7 generates its multiplicative group [Plonky2, goldilocks_field.rs].
"""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels import goldilocks_loops as loops
from tacit.kernels.arrays import address, apart, checked, readable, writable
from tacit.kernels.goldilocks_loops import CHAINS
from tacit.kernels.lanes import LANES

Words = npt.NDArray[np.uint64]

MODULUS = field.MODULUS
GENERATOR = 7  # of the multiplicative group


def add(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x + y, element by element."""
    x, y, out = _operands(x, y, out)
    loops.add(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
    return out


def subtract(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x - y, element by element."""
    x, y, out = _operands(x, y, out)
    loops.subtract(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
    return out


def multiply(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x * y, element by element."""
    x, y, out = _operands(x, y, out)
    loops.multiply(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
    return out


def negate(x: Words | int, out: Words | None = None) -> Words:
    """-x, element by element."""
    return subtract(0, x, out)


def square(x: Words | int, out: Words | None = None) -> Words:
    """x * x, element by element."""
    return multiply(x, x, out)


def power(x: Words, exponent: int) -> Words:
    """x ** exponent, element by element, with 0 ** 0 = 1; a negative exponent inverts, and needs x without zeros."""
    exponent = operator.index(exponent)
    base = invert(x) if exponent < 0 else readable("x", x, np.uint64).copy()
    result = np.ones_like(base)
    remaining = abs(exponent)
    while remaining:
        if remaining & 1:
            multiply(result, base, result)
        remaining >>= 1
        if remaining:
            square(base, base)
    return result


def invert(x: Words) -> Words:
    """1 / x, element by element; `ZeroDivisionError` if any is zero.

    Montgomery's trick in 32 chains side by side, element i in chain i mod 32: products of all that came before, one
    inversion for each chain, and back. Three products for an element.
    """
    elements = readable("x", x, np.uint64)
    out = multiply(elements, 1)
    if not out.all():
        raise ZeroDivisionError("zero has no inverse in the field")
    loops.multiply_up(address(out), address(elements), out.size)
    inverses = np.zeros(CHAINS, dtype=np.uint64)
    for i in range(max(0, out.size - CHAINS), out.size):
        inverses[i % CHAINS] = pow(int(out.flat[i]), -1, MODULUS)
    loops.invert_down(address(out), address(elements), address(inverses), out.size)
    return out


def dot(x: Words, y: Words) -> int:
    """The sum of x[i] * y[i] for vectors (n,) and (n,)."""
    left, right = readable("x", x, np.uint64, 1), readable("y", y, np.uint64, 1)
    if left.shape != right.shape:
        raise ValueError(f"x and y must be of one length, not {left.size} and {right.size}")
    sums = np.zeros(2 * LANES, dtype=np.uint64)
    loops.dot(address(sums), address(left), address(right), left.size)
    return sum(sums.tolist()) % MODULUS


def powers(base: int, count: int) -> Words:
    """1, base, base^2, ... as a vector (count,)."""
    element, count = _element("base", base), operator.index(count)
    if count < 0:
        raise ValueError(f"count must not be negative, and is {count}")
    result = np.empty(count, dtype=np.uint64)
    result[:CHAINS] = [pow(element, i, MODULUS) for i in range(min(count, CHAINS))]
    factors = np.full(LANES, pow(element, CHAINS, MODULUS), dtype=np.uint64)
    loops.extend_powers(address(result), address(factors), count)
    return result


def canonical(words: Words) -> Words:
    """Any words, reduced into [0, p)."""
    given = checked("words", words, np.uint64)
    return np.minimum(given, given - np.uint64(MODULUS))


def is_canonical(words: Words) -> bool:
    """Whether every word is an element, that is below p."""
    given = checked("words", words, np.uint64)
    return bool(given.size == 0 or given.max() < MODULUS)


def _element(name: str, value: object) -> int:
    number = operator.index(value)  # type: ignore[arg-type]  # raises the TypeError that is wanted
    if not 0 <= number < MODULUS:
        raise ValueError(f"{name} must be in [0, p)")
    return number


def _operands(x: Words | int, y: Words | int, out: Words | None) -> tuple[Words, Words, Words]:
    """Both operands as words in C order: of the result's shape, or eight copies of a number; and the result's array."""
    left, right = _operand("x", x), _operand("y", y)
    shape = left.shape if left.shape == right.shape else np.broadcast_shapes(left.shape, right.shape)
    result = np.empty(shape, dtype=np.uint64) if out is None else writable("out", out, np.uint64, shape)
    left, right = _spread(left, shape), _spread(right, shape)
    return apart(left, result), apart(right, result), result


def _operand(name: str, value: Words | int) -> Words:
    if isinstance(value, np.ndarray):
        return readable(name, value, np.uint64)
    return np.array(_element(name, value), dtype=np.uint64)


def _spread(operand: Words, shape: tuple[int, ...]) -> Words:
    if operand.ndim == 0:
        return np.full(LANES, operand, dtype=np.uint64)
    return operand if operand.shape == shape else np.ascontiguousarray(np.broadcast_to(operand, shape))


def _step(operand: Words, out: Words) -> int:
    """How many bytes the operand moves on for each word: none if it is eight copies of one number."""
    return 8 if operand.shape == out.shape else 0
