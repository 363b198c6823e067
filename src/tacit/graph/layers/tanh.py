"""Tanh: 2 * sigmoid(2x) - 1, element by element, by the sigmoid's table.

y = rescale(acc(2x), 2f-1) - 2**f, where acc is `pieces.sigmoid_pieces(f)` and x is first clamped to [-8, 8] (so that
doubling cannot overflow). Never falls as x rises; |y| <= 2**f. Against the hyperbolic tangent of the same x the error
is at most 3.2e-5 + 2**-(f+5) + 2**-(f+1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Ints, Shape, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import FloatLayer, Layer, layer
from tacit.graph.pieces import sigmoid_pieces


@layer("tanh")
@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Layer):
    """No parameters: the table depends on f alone."""

    @staticmethod
    def of(*, name: str = "", inputs: tuple[str, ...] = ()) -> FloatLayer:
        """A float layer."""
        return FloatLayer(Tanh, name=name, inputs=inputs)

    @staticmethod
    def error(fraction_bits: int) -> float:
        """The largest difference from the hyperbolic tangent of the same x."""
        return 3.2e-5 + 2.0 ** -(fraction_bits + 5) + 2.0 ** -(fraction_bits + 1)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return shapes[0]

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the table's largest, 2**(3f); the output lies between the values at the interval's ends."""
        bound = check_accumulator(str(self), sigmoid_pieces(fraction_bits).accumulator)
        return LayerBounds(inputs[0].map(lambda x: self.evaluate([x], fraction_bits)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to the same."""
        clamped = np.clip(inputs[0], -8 << fraction_bits, 8 << fraction_bits)
        accumulator = sigmoid_pieces(fraction_bits)(2 * clamped)
        return rescale(accumulator, 2 * fraction_bits - 1) - (1 << fraction_bits)
