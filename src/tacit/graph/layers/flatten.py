"""Flatten: every axis but the batch into one, the last axis fastest.

y is x in the same order. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tacit.graph.fixed import Ints, Shape
from tacit.graph.intervals import Interval, LayerBounds
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import Plain


@layer("flatten")
@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Plain):
    """No parameters."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(a, b, ...) to (a * b * ...,)."""
        return (prod(shapes[0]),)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Nothing changes."""
        return LayerBounds(inputs[0].reshape((-1,)), inputs[0].magnitude)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, a, b, ...) to (rows, a * b * ...)."""
        x = inputs[0]
        return x.reshape(len(x), prod(x.shape[1:]))
