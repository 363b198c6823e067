"""Pooling: what the layers share that reduce every window of a tensor to one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from tacit.errors import GraphError
from tacit.graph.fixed import Shape
from tacit.graph.layers.layer import FloatLayer, Layer, pair
from tacit.graph.layers.windows import Pair, as_pair, padded_size, window_shape


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Layer):
    """size, stride, padding: for rows and columns."""

    size: Pair = field(metadata=pair(least=1))
    stride: Pair = field(metadata=pair(least=1))
    padding: Pair = field(metadata=pair(least=0))

    @classmethod
    def of(
        cls,
        size: int | Pair,
        *,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        name: str = "",
        inputs: tuple[str, ...] = (),
    ) -> FloatLayer:
        """A float layer; the stride is the size unless given."""
        sides = as_pair(size)
        options = {
            "size": sides,
            "stride": sides if stride is None else as_pair(stride),
            "padding": as_pair(padding),
        }
        return FloatLayer(cls, {}, options, name, inputs)

    def check(self) -> None:
        """Padding at most half the window, so that no window is all padding."""
        if any(2 * p > k for p, k in zip(self.padding, self.size, strict=True)):
            raise GraphError(f"layer {self}: padding {self.padding} is more than half of the window {self.size}")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(channels, height, width) to (channels, rows, columns)."""
        return window_shape(f"layer {self}", shapes[0], self.size, self.stride, self.padding)

    def work(self, shapes: Sequence[Shape]) -> int:
        """One addition or comparison for each place of the window and each element of it."""
        return prod(self.output_shape(shapes)) * prod(self.size)

    def scratch(self, shapes: Sequence[Shape]) -> int:
        """The padded input."""
        return padded_size(shapes[0], self.padding)
