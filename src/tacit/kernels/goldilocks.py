"""The Goldilocks field F_p, p = 2^64 - 2^32 + 1: arithmetic on arrays of canonical words.

An element is a uint64 in [0, p); every function here takes such elements and gives such elements. What arrives from
another party is checked with `is_canonical`, or brought into range with `canonical`. A word that is not canonical
makes `add`, `subtract` and `negate` give a wrong word, never a fault.

Operands are arrays that broadcast as numpy's do, or Python integers in [0, p). `out`, where given, receives the result
in place of a fresh array, and may be one of the operands: a fresh array of megabytes costs more in page faults than
the arithmetic does.

The field has 2-adicity 32 and 7 generates its multiplicative group [Plonky2, goldilocks_field.rs].
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tacit.kernels import goldilocks_lanes as field
from tacit.kernels.arrays import address, apart, checked, readable, writable
from tacit.kernels.lanes import LANES, Builder, Value, address_type, compiled, emitted, load, store, vector, words_at

Words = npt.NDArray[np.uint64]

MODULUS = field.MODULUS
GENERATOR = 7  # of the multiplicative group
CHAINS = 4 * LANES  # dependent products that run side by side: enough to hide one product's latency


def add(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x + y, element by element."""
    x, y, out = _operands(x, y, out)
    _add(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
    return out


def subtract(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x - y, element by element."""
    x, y, out = _operands(x, y, out)
    _subtract(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
    return out


def multiply(x: Words | int, y: Words | int, out: Words | None = None) -> Words:
    """x * y, element by element."""
    x, y, out = _operands(x, y, out)
    _multiply(address(out), address(x), _step(x, out), address(y), _step(y, out), out.size)
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
    if not elements.all():
        raise ZeroDivisionError("zero has no inverse in the field")
    out = elements.copy()
    _chain(address(out), address(elements), out.size)
    inverses = np.zeros(CHAINS, dtype=np.uint64)
    for i in range(max(0, out.size - CHAINS), out.size):
        inverses[i % CHAINS] = pow(int(out.flat[i]), -1, MODULUS)
    _unchain(address(out), address(elements), address(inverses), out.size)
    return out


def dot(x: Words, y: Words) -> int:
    """The sum of x[i] * y[i] for vectors (n,) and (n,)."""
    left, right = readable("x", x, np.uint64, 1), readable("y", y, np.uint64, 1)
    if left.shape != right.shape:
        raise ValueError(f"x and y must be of one length, not {left.size} and {right.size}")
    sums = np.zeros(2 * LANES, dtype=np.uint64)
    _dot(address(sums), address(left), address(right), left.size)
    return sum(sums.tolist()) % MODULUS


def powers(base: int, count: int) -> Words:
    """1, base, base^2, ... as a vector (count,)."""
    element, count = _element("base", base), operator.index(count)
    if count < 0:
        raise ValueError(f"count must not be negative, and is {count}")
    result = np.empty(count, dtype=np.uint64)
    result[:CHAINS] = [pow(element, i, MODULUS) for i in range(min(count, CHAINS))]
    factors = np.full(LANES, pow(element, CHAINS, MODULUS), dtype=np.uint64)
    _continue(address(result), address(factors), count)
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


# The compiled loops: eight words at a time, the rest one at a time.


def _lanewise(operation: Callable[..., Value], lanes: int) -> Callable[[int, int, int], None]:
    """An operation of the field on `lanes` words: from two addresses to a third."""

    @emitted(address_type, address_type, address_type)
    def write(builder: Builder, out: Value, x: Value, y: Value) -> None:
        kind = vector(lanes)
        store(builder, operation(builder, load(builder, x, kind), load(builder, y, kind)), out)

    return write


def _multiply_canonical(builder: Builder, x: Value, y: Value) -> Value:
    return field.canonical(builder, field.multiply(builder, x, y))


_add_eight, _add_one = _lanewise(field.add, LANES), _lanewise(field.add, 1)
_subtract_eight, _subtract_one = _lanewise(field.subtract, LANES), _lanewise(field.subtract, 1)
_multiply_eight, _multiply_one = _lanewise(_multiply_canonical, LANES), _lanewise(_multiply_canonical, 1)


@emitted(address_type, address_type, address_type)
def _accumulate_eight(builder: Builder, total: Value, x: Value, y: Value) -> None:
    kind = vector(LANES)
    product = _multiply_canonical(builder, load(builder, x, kind), load(builder, y, kind))
    store(builder, field.add_bounded(builder, load(builder, total, kind), product), total)


@emitted(address_type, address_type, address_type)
def _accumulate_one(builder: Builder, total: Value, x: Value, y: Value) -> None:
    kind = vector(1)
    product = _multiply_canonical(builder, load(builder, x, kind), load(builder, y, kind))
    store(builder, field.add_bounded(builder, load(builder, total, kind), product), total)


@compiled
def _add(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    body = count - count % LANES
    for i in range(0, body, LANES):
        _add_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _add_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def _subtract(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    body = count - count % LANES
    for i in range(0, body, LANES):
        _subtract_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _subtract_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def _multiply(out: int, x: int, x_step: int, y: int, y_step: int, count: int) -> None:
    body = count - count % LANES
    for i in range(0, body, LANES):
        _multiply_eight(out + 8 * i, x + x_step * i, y + y_step * i)
    for i in range(body, count):
        _multiply_one(out + 8 * i, x + x_step * i, y + y_step * i)


@compiled
def _dot(sums: int, x: int, y: int, count: int) -> None:
    """Add to 8 sums the products in 8 lanes, and to a ninth those that are left over."""
    body = count - count % LANES
    for i in range(0, body, LANES):
        _accumulate_eight(sums, x + 8 * i, y + 8 * i)
    for i in range(body, count):
        _accumulate_one(sums + 8 * LANES, x + 8 * i, y + 8 * i)


@compiled
def _continue(words: int, factors: int, count: int) -> None:
    """words[i] = words[i - 32] * the factor, from i = 32 on."""
    body = count - count % LANES
    for i in range(CHAINS, body, LANES):
        _multiply_eight(words + 8 * i, words + 8 * (i - CHAINS), factors)
    for i in range(max(CHAINS, body), count):
        _multiply_one(words + 8 * i, words + 8 * (i - CHAINS), factors)


@compiled
def _chain(out: int, x: int, count: int) -> None:
    """out[i] = x[i] * out[i - 32], from i = 32 on."""
    body = count - count % LANES
    for i in range(CHAINS, body, LANES):
        _multiply_eight(out + 8 * i, x + 8 * i, out + 8 * (i - CHAINS))
    for i in range(max(CHAINS, body), count):
        _multiply_one(out + 8 * i, x + 8 * i, out + 8 * (i - CHAINS))


@compiled
def _unchain(out: int, x: int, inverses: int, count: int) -> None:
    """From the products in `out` and the inverses of each chain's last one, the inverses of every x, in `out`."""
    body = count - count % LANES
    for i in range(count - 1, max(CHAINS, body) - 1, -1):
        inverse = inverses + 8 * (i % CHAINS)
        _multiply_one(out + 8 * i, inverse, out + 8 * (i - CHAINS))
        _multiply_one(inverse, inverse, x + 8 * i)
    for i in range(body - LANES, CHAINS - LANES, -LANES):
        inverse = inverses + 8 * (i % CHAINS)
        _multiply_eight(out + 8 * i, inverse, out + 8 * (i - CHAINS))
        _multiply_eight(inverse, inverse, x + 8 * i)
    kept, result = words_at(inverses), words_at(out)
    for i in range(min(count, CHAINS)):
        result[i] = kept[i]
