"""AveragePool: the mean of every window, zero padding counted.

y = rescale(sum of the window * r, s), where the window has k elements, s = f + ceil(log2 k) and r = round(2**s / k).
For k a power of two r is 2**f, exactly. The error is at most half a unit and 2**-(f+1) of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator, largest
from tacit.graph.layers.layer import FloatLayer, Layer, layer, pair
from tacit.graph.layers.windows import Pair, as_pair, padded_size, window_shape, windows

_A = TypeVar("_A", bound=npt.NDArray[Any])


@layer("average_pool")
@dataclass(frozen=True, eq=False, repr=False)
class AveragePool(Layer):
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
        return FloatLayer(AveragePool, {}, options, name, inputs)

    def check(self) -> None:
        """Padding at most half the window, so that no window is all padding."""
        if any(2 * p > k for p, k in zip(self.padding, self.size, strict=True)):
            raise GraphError(f"layer {self}: padding {self.padding} is more than half of the window {self.size}")

    def reciprocal(self, fraction_bits: int) -> tuple[int, int]:
        """(r, s): r = round(2**s / k), and how many bits the product is rescaled by."""
        k = prod(self.size)
        s = fraction_bits + (k - 1).bit_length()
        return ((2 << s) + k) // (2 * k), s

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(channels, height, width) to (channels, rows, columns)."""
        return window_shape(f"layer {self}", shapes[0], self.size, self.stride, self.padding)

    def work(self, shapes: Sequence[Shape]) -> int:
        """One addition for each place of the window and each element of it."""
        return prod(self.output_shape(shapes)) * prod(self.size)

    def scratch(self, shapes: Sequence[Shape]) -> int:
        """The padded input."""
        return padded_size(shapes[0], self.padding)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: (sum of max|x| over the window) * r."""
        r, s = self.reciprocal(fraction_bits)
        reach = inputs[0].magnitudes

        def exact_at(index: tuple[int, ...]) -> int:
            patches = windows(reach, self.size, self.stride, self.padding, 0)
            return r * int(sum(patches[index].ravel().tolist()))

        estimate = self._sums(reach.astype(np.float64)) * float(r)
        bound = largest(estimate, lambda: self._sums(reach) * r, exact_at)
        check_accumulator(str(self), bound)
        return LayerBounds(inputs[0].map(lambda x: rescale(self._sums(x) * r, s)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, channels, height, width) to (rows, channels, rows of windows, columns of windows)."""
        r, s = self.reciprocal(fraction_bits)
        return rescale(self._sums(inputs[0]) * r, s)

    def _sums(self, x: _A) -> _A:
        return windows(x, self.size, self.stride, self.padding, 0).sum(axis=(-2, -1))  # type: ignore[no-any-return]
