"""MaxPool: the greatest element of every window; padding never wins.

y = max of the elements of the window that lie inside the tensor. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import FloatLayer, Layer, layer, pair
from tacit.graph.layers.windows import Pair, as_pair, padded_size, window_shape, windows

_LEAST = int(np.iinfo(np.int64).min)


@layer("max_pool")
@dataclass(frozen=True, eq=False, repr=False)
class MaxPool(Layer):
    """size, stride, padding: for rows and columns."""

    size: Pair = field(metadata=pair(least=1))
    stride: Pair = field(metadata=pair(least=1))
    padding: Pair = field(metadata=pair(least=0))

    @staticmethod
    def of(
        size: int | Pair,
        *,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        name: str = "",
        inputs: tuple[str, ...] = (),
    ) -> FloatLayer:
        """A float layer; the stride is the size unless given."""
        options = {"size": as_pair(size), "stride": as_pair(stride or size), "padding": as_pair(padding)}
        return FloatLayer(MaxPool, {}, options, name, inputs)

    def check(self) -> None:
        """Padding at most half the window, so that no window is all padding."""
        if any(2 * p > k for p, k in zip(self.padding, self.size, strict=True)):
            raise GraphError(f"layer {self}: padding {self.padding} is more than half of the window {self.size}")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(channels, height, width) to (channels, rows, columns)."""
        return window_shape(f"layer {self}", shapes[0], self.size, self.stride, self.padding)

    def work(self, shapes: Sequence[Shape]) -> int:
        """One comparison for each place of the window and each element of it."""
        return prod(self.output_shape(shapes)) * prod(self.size)

    def scratch(self, shapes: Sequence[Shape]) -> int:
        """The padded input."""
        return padded_size(shapes[0], self.padding)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the widest difference of two inputs, for comparisons by subtraction."""
        x = inputs[0]
        spread = int(x.high.max()) - int(x.low.min())
        bound = check_accumulator(str(self), max(spread, x.magnitude))
        return LayerBounds(x.map(self._greatest), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, channels, height, width) to (rows, channels, rows of windows, columns of windows)."""
        return self._greatest(inputs[0])

    def _greatest(self, x: Ints) -> Ints:
        greatest: Ints = windows(x, self.size, self.stride, self.padding, _LEAST).max(axis=(-2, -1))
        return greatest
