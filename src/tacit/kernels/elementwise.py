"""Passes over vectors of the ring Z_2^64 that numpy would make several of.

numpy is as fast as memory for one addition; what costs is a formula of several operations, each of which reads and
writes whole arrays. Here a formula is one pass. Where one numpy call does the work, such as `np.add(x, y, out=x)`,
there is no kernel.
"""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from tacit.kernels.arrays import Array, address, apart, readable, writable
from tacit.kernels.lanes import compiled, integers_at, words_at

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]


def multiply_replicated(x0: Words, x1: Words, y0: Words, y1: Words, mask: Words, out: Words | None = None) -> Words:
    """x0*y0 + x0*y1 + x1*y0 + mask modulo 2^64, for uint64 arrays of one shape.

    One party's part of a product of replicated shares [Araki, Furukawa, Lindell, Nof, Ohara, 2016, section 2.2]:
    the three parties' results add up to x*y, and their masks to zero.
    """
    (x0, x1, y0, y1, mask), result = _operands(np.uint64, out, x0=x0, x1=x1, y0=y0, y1=y1, mask=mask)
    _multiply_replicated(result.size, *map(address, (result, x0, x1, y0, y1, mask)))
    return result


def add_product(total: Words, x: Words, y: Words) -> None:
    """total += x * y modulo 2^64, in place, for uint64 arrays of one shape."""
    (x, y), result = _operands(np.uint64, total, x=x, y=y)
    _add_product(result.size, address(result), address(x), address(y))


def rescale(x: Integers, fraction_bits: int, out: Integers | None = None) -> Integers:
    """x / 2^fraction_bits, rounded half up, for int64: floor((x + 2^(f-1)) / 2^f), and x itself for f = 0.

    Exact for every int64: the sum is never formed, and so cannot pass 2^63.
    """
    bits = operator.index(fraction_bits)
    if not 0 <= bits <= 62:
        raise ValueError(f"fraction_bits must be from 0 to 62, and is {bits}")
    (operand,), result = _operands(np.int64, out, x=x)
    _rescale(result.size, address(result), address(operand), bits)
    return result


def _operands(dtype: npt.DTypeLike, out: Array | None, **given: Array) -> tuple[list[Array], Array]:
    """The operands, checked and of one shape, and the array for the result."""
    operands = {name: readable(name, array, dtype) for name, array in given.items()}
    shapes = {name: operand.shape for name, operand in operands.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"all operands must have one shape, not {shapes}")
    shape = next(iter(shapes.values()))
    result = np.empty(shape, dtype=dtype) if out is None else writable("the result", out, dtype, shape)
    return [apart(operand, result) for operand in operands.values()], result


@compiled
def _multiply_replicated(count: int, out: int, x0: int, x1: int, y0: int, y1: int, mask: int) -> None:
    a0, a1, b0, b1 = words_at(x0), words_at(x1), words_at(y0), words_at(y1)
    masks, result = words_at(mask), words_at(out)
    for i in range(count):
        result[i] = a0[i] * (b0[i] + b1[i]) + a1[i] * b0[i] + masks[i]


@compiled
def _add_product(count: int, total: int, x: int, y: int) -> None:
    result, left, right = words_at(total), words_at(x), words_at(y)
    for i in range(count):
        result[i] += left[i] * right[i]


@compiled
def _rescale(count: int, out: int, x: int, bits: int) -> None:
    result, values = integers_at(out), integers_at(x)
    if bits == 0:
        for i in range(count):
            result[i] = values[i]
    else:
        for i in range(count):
            result[i] = (values[i] >> bits) + ((values[i] >> (bits - 1)) & 1)
