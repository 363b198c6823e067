"""ArgMax: the number of the greatest element of a vector, at the graph's output.

y = i * 2**f for the least i whose x[i] is the greatest: the class is a fixed-point number like every other. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import Plain


@layer("argmax")
@dataclass(frozen=True, eq=False, repr=False)
class ArgMax(Plain):
    """No parameters."""

    terminal = True

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(classes,) to (1,)."""
        if len(shapes[0]) != 1:
            raise GraphError(
                f"layer {self}: takes a vector, not a tensor of shape {shapes[0]}; put a Flatten before it"
            )
        return (1,)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the widest difference of two inputs; the output is one of the classes that can win."""
        x = inputs[0]
        spread = int(x.high.max()) - int(x.low.min())
        top = int(x.low.max())
        winners = np.flatnonzero(x.high >= top).astype(np.int64) << fraction_bits
        bound = check_accumulator(str(self), max(spread, int(winners[-1])))
        return LayerBounds(Interval(winners[:1].copy(), winners[-1:].copy()), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, classes) to (rows, 1)."""
        winners: Ints = inputs[0].argmax(axis=1).astype(np.int64)[:, None]
        return winners << fraction_bits
