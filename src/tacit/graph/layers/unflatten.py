"""Unflatten: a flat row to an image tensor, the last axis fastest: what undoes a Flatten of (channels, height, width).

y is x in the same order. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape
from tacit.graph.intervals import Interval, LayerBounds
from tacit.graph.layers.layer import FloatLayer, Layer, layer


@layer("unflatten")
@dataclass(frozen=True, eq=False, repr=False)
class Unflatten(Layer):
    """channels, height, width: the sides of the output; their product is the length of the row."""

    channels: int = field(metadata={"least": 1})
    height: int = field(metadata={"least": 1})
    width: int = field(metadata={"least": 1})

    @staticmethod
    def of(channels: int, height: int, width: int, *, name: str = "", inputs: tuple[str, ...] = ()) -> FloatLayer:
        """A float layer."""
        return FloatLayer(Unflatten, {}, {"channels": channels, "height": height, "width": width}, name, inputs)

    @property
    def _sides(self) -> Shape:
        return (self.channels, self.height, self.width)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(channels * height * width,) to (channels, height, width)."""
        length = self.channels * self.height * self.width
        if shapes[0] != (length,):
            raise GraphError(
                f"layer {self}: makes {self._sides} from a flat row of {length} elements, not from {shapes[0]}"
            )
        return self._sides

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Nothing changes."""
        return LayerBounds(inputs[0].reshape(self._sides), inputs[0].magnitude)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, channels * height * width) to (rows, channels, height, width)."""
        x = inputs[0]
        return x.reshape(len(x), *self._sides)
