"""Intervals of integers: for every element of a tensor the least and the greatest value that it can take.

The bounds are exact integers and their computation cannot itself overflow: a float64 estimate (relative error
under 2**-28 for the sums that a graph may have) says beforehand whether 64 bits are wide enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import ACCUMULATOR_LIMIT, Floats, Ints, Shape

Unsigned = npt.NDArray[np.uint64]

# An estimate under this proves that the exact value is far under 2**64; one over it, that the value is far over 2**62.
_UNSIGNED_FITS = 2.0**63

# Under this nothing was rounded: every partial sum is a whole number that a float64 holds.
_FLOATS_ARE_EXACT = 2**52


class AccumulatorError(GraphError):
    """An accumulator could pass 2**62: `layer` and `bound` say which, and how far it could go."""

    def __init__(self, layer: str, bound: int, advice: str = "") -> None:
        self.layer = layer
        self.bound = bound
        super().__init__(
            f"layer {layer}: an accumulator could reach {bound} (about 2**{_log2(bound):.2f}), past 2**62"
            + (f"; {advice}" if advice else "")
        )


@dataclass(frozen=True, eq=False)
class Interval:
    """The least and the greatest value of every element: two int64 arrays of the tensor's shape (no batch axis)."""

    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        self.low.flags.writeable = False
        self.high.flags.writeable = False

    @property
    def shape(self) -> Shape:
        """The tensor's shape."""
        return self.low.shape

    @property
    def magnitudes(self) -> Ints:
        """The greatest absolute value of every element (all are at most 2**62, so int64 holds it)."""
        return np.maximum(-self.low, self.high)

    @property
    def magnitude(self) -> int:
        """The greatest absolute value of any element."""
        return int(self.magnitudes.max(initial=0))

    def map(self, monotone: Callable[[Ints], Ints]) -> Interval:
        """The interval of f(x) for a non-decreasing f."""
        return Interval(monotone(self.low), monotone(self.high))

    def reshape(self, shape: Shape) -> Interval:
        """The same bounds for the reshaped tensor."""
        return Interval(self.low.reshape(shape), self.high.reshape(shape))


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """What a layer's evaluation can reach: its output, and the largest |value| on the way there."""

    output: Interval
    accumulator: int


def check_accumulator(layer: str, bound: int) -> int:
    """The same bound; AccumulatorError if it passes 2**62."""
    if bound > ACCUMULATOR_LIMIT:
        raise AccumulatorError(layer, bound)
    return bound


def largest(estimate: Floats, exact: Callable[[], Unsigned]) -> int:
    """The largest of some non-negative integers: exactly where it is under 2**63, else the estimate of it.

    estimate: float64, each within a relative 2**-28 of its integer, and equal to it where that is under 2**53.
    exact(): all of them in uint64, called only where they fit and the estimate is not exact itself.
    """
    about = float(estimate.max())
    if _FLOATS_ARE_EXACT <= about < _UNSIGNED_FITS:
        return int(exact().max())
    return int(about)


def sums(name: str, weight: Ints, bias: Ints, x: Interval, products: Callable[[Any, Any], Any]) -> tuple[Interval, int]:
    """Bounds of products(x, weight) + bias, and the largest sum of absolute values in it; AccumulatorError past 2**62.

    products: a batch of tensors, and weights of the same dtype, to their sums, by additions and multiplications alone.
    bias: broadcasts against those sums. No partial sum, in any order, passes the largest sum of absolute values.
    """
    size, reach, shift = np.abs(weight), x.magnitudes[None], np.abs(bias)

    def exact() -> Unsigned:
        totals: Unsigned = products(reach.view(np.uint64), size.view(np.uint64)) + shift.view(np.uint64)
        return totals

    estimate = products(reach.astype(np.float64), size.astype(np.float64)) + shift.astype(np.float64)
    bound = check_accumulator(name, largest(estimate, exact))
    kind = np.float64 if bound < _FLOATS_ARE_EXACT else np.int64  # floats are several times faster
    ends, swapped = (np.stack(pair).astype(kind) for pair in ((x.low, x.high), (x.high, x.low)))
    up, down = np.maximum(weight, 0).astype(kind), np.minimum(weight, 0).astype(kind)
    low, high = (products(ends, up) + products(swapped, down)).astype(np.int64) + bias
    return Interval(low, high), bound


def _log2(bound: int) -> float:
    return float(np.log2(float(bound))) if bound else 0.0
