"""Layers without parameters, and those of them that take each element by itself."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph.fixed import Shape
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import FloatLayer, Layer
from tacit.graph.pieces import sigmoid_pieces


class Plain(Layer):
    """A layer that has no parameters."""

    @classmethod
    def of(cls, *, name: str = "", inputs: tuple[str, ...] = ()) -> FloatLayer:
        """A float layer."""
        return FloatLayer(cls, name=name, inputs=inputs)


class Elementwise(Plain):
    """A layer whose output at a place is a function of its inputs at that place."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return shapes[0]


class SigmoidTable(Elementwise):
    """A layer computed by `pieces.sigmoid_pieces(f)` that never falls as x rises."""

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the table's largest, 2**(3f); the output lies between the values at the interval's ends."""
        bound = check_accumulator(str(self), sigmoid_pieces(fraction_bits).accumulator)
        return LayerBounds(inputs[0].map(lambda x: self.evaluate([x], fraction_bits)), bound)
