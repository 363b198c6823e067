"""Fixed-point numbers: a real v is the integer floor(v * 2**f + 1/2), with f fractional bits.

Everything here is exact. Two operations round, and both round half up (towards plus infinity): encoding a real
number, and rescaling a product. So encode(0.5 / 2**f) = 1, encode(-0.5 / 2**f) = 0, rescale(-1, 1) = 0.
"""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shape = tuple[int, ...]

MIN_FRACTION_BITS = 8
MAX_FRACTION_BITS = 20
DEFAULT_FRACTION_BITS = 16

# A weight may have more fractional bits than the tensors: see `weight_bits` of Linear, Conv2d and Normalise.
MAX_WEIGHT_BITS = 40

# No accumulator, and no partial sum of one in any order, passes this. The top two bits are left to rounding,
# to the sign, and to comparisons by subtraction.
ACCUMULATOR_LIMIT = 2**62

# Encoded inputs stay within the integers that a float64 holds exactly.
INPUT_LIMIT = 2**53


def check_fraction_bits(fraction_bits: int) -> int:
    """The same number, if a graph may have it; GraphError if not."""
    if type(fraction_bits) is not int or not MIN_FRACTION_BITS <= fraction_bits <= MAX_FRACTION_BITS:
        raise GraphError(
            f"fraction_bits is {fraction_bits!r}: it must be a whole number from {MIN_FRACTION_BITS}"
            f" to {MAX_FRACTION_BITS}"
        )
    return fraction_bits


def nearest(values: Floats, bits: int) -> Floats:
    """The whole numbers (as float64) nearest to values * 2**bits, ties upwards; NaN and infinity stay.

    Exact: scaling by a power of two is, and so is the difference from the floor wherever it is near a half
    (adding a half before taking the floor is not: it takes 0.49999999999999994 to 1).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.ldexp(values, bits)
        floor = np.floor(scaled)
        rounded: Floats = floor + (scaled - floor >= 0.5)
    return rounded


def quantise(values: npt.ArrayLike, bits: int, what: str) -> Ints:
    """The values as int64 with `bits` fractional bits, rounded to nearest, ties upwards.

    GraphError, naming `what` and the index but not the value (weights may be secret), where one is not finite or
    passes 2**62 once scaled.
    """
    floats = as_floats(values, what)
    rounded = nearest(floats, bits)
    bad = ~(np.abs(rounded) <= float(ACCUMULATOR_LIMIT))
    if bad.any():
        index = first_index(bad)
        if not np.isfinite(floats[index]):
            raise GraphError(f"{what}: the value at {show_index(index)} is not a finite number")
        raise GraphError(f"{what}: the value at {show_index(index)} passes 2**62 with {bits} fractional bits")
    return rounded.astype(np.int64)


def dequantise(ints: Ints, bits: int) -> Floats:
    """The reals that the integers stand for: ints / 2**bits, exact up to 2**53 and correctly rounded beyond."""
    reals: Floats = np.ldexp(ints.astype(np.float64), -bits)
    return reals


def rescale(accumulator: Ints, bits: int) -> Ints:
    """Drops `bits` fractional bits, rounding half up: (x + 2**(bits-1)) >> bits, an arithmetic shift."""
    return (accumulator + (1 << (bits - 1))) >> bits


def as_floats(values: npt.ArrayLike, what: str) -> Floats:
    """The values as a float64 array; GraphError, naming `what` and no value, where they are not real numbers."""
    try:
        array = np.asarray(values)
        kind, numbers = array.dtype.kind, (Real, Decimal)
        if kind in "biuf" or (kind == "O" and all(isinstance(value, numbers) for value in array.flat)):
            return array.astype(np.float64)
        reason = f"dtype {array.dtype}"
    except (TypeError, ValueError, OverflowError):
        reason = "rows of different lengths, or a number that no float holds"
    except RuntimeError:
        reason = "a tensor with a gradient: give its .detach()"
    raise GraphError(f"{what}: not an array of real numbers ({reason})")  # numpy's own text would quote a value


def first_index(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """The index of the first true element."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def show_index(index: tuple[int, ...]) -> str:
    """An index as written in an error: 3, or (3, 4)."""
    return str(index[0]) if len(index) == 1 else str(index)
