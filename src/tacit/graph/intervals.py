"""Intervals of integers: for every element of a tensor the least and the greatest value that it can take.

The bounds are exact integers and their computation cannot itself overflow: a float64 estimate (relative error
under 2**-28 for the sums that a graph may have) says whether int64 is wide enough; near or past the limit, Python's
integers decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import ACCUMULATOR_LIMIT, Floats, Ints, Shape

# Under this an estimate proves that the exact value is under 2**62; over 2**62 + (2**62 - this) that it is not.
_CERTAIN = float(ACCUMULATOR_LIMIT) * (1 - 2.0**-20)


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


def largest(estimate: Floats, exact: Callable[[], Ints], exact_at: Callable[[tuple[int, ...]], int]) -> int:
    """The largest of some non-negative integers, exactly where it is at most 2**62, else one that is larger.

    estimate: float64, each within a relative 2**-28 of its integer. exact(): all of them in int64, called only when
    they fit. exact_at(index): one of them as a Python int.
    """
    if not estimate.size:
        return 0
    if float(estimate.max()) < _CERTAIN:
        return int(exact().max())
    bound = exact_at(_index(int(estimate.argmax()), estimate.shape))
    for position in np.flatnonzero(estimate.ravel() >= _CERTAIN * (1 - 2.0**-20)):
        if bound > ACCUMULATOR_LIMIT:
            break
        bound = max(bound, exact_at(_index(int(position), estimate.shape)))
    return bound


def _index(position: int, shape: Shape) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(position, shape))


def _log2(bound: int) -> float:
    return float(np.log2(float(bound))) if bound else 0.0
