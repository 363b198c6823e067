"""Square: x * x, element by element.

y = rescale(x * x, f). Error at most half a unit, 2**-(f+1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Ints, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import Elementwise


@layer("square")
@dataclass(frozen=True, eq=False, repr=False)
class Square(Elementwise):
    """No parameters."""

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: max|x| squared; the output is never negative."""
        x = inputs[0]
        bound = check_accumulator(str(self), x.magnitude**2)
        least = np.maximum(np.maximum(x.low, -x.high), 0)
        squares = Interval(least * least, x.magnitudes * x.magnitudes)
        return LayerBounds(squares.map(lambda a: rescale(a, fraction_bits)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to the same."""
        return rescale(inputs[0] * inputs[0], fraction_bits)
