"""Add: the sum of two tensors of one shape, as where a residual network joins its branches.

y = a + b. Exact.
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


@layer("add")
@dataclass(frozen=True, eq=False, repr=False)
class Add(Plain):
    """No parameters; two inputs, which may be the same tensor."""

    arity = 2

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of both."""
        if shapes[0] != shapes[1]:
            raise GraphError(f"layer {self}: adds tensors of one shape, not {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: max|a| + max|b|, element by element."""
        a, b = inputs
        bound = check_accumulator(
            str(self), int((a.magnitudes.astype(np.uint64) + b.magnitudes.astype(np.uint64)).max())
        )
        return LayerBounds(Interval(a.low + b.low, a.high + b.high), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """Twice (rows, ...) to the same."""
        return inputs[0] + inputs[1]
