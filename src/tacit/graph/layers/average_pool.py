"""AveragePool: the mean of every window, zero padding counted.

y = rescale(sum of the window * r, s), where the window has k elements, s = f + ceil(log2 k) and r = round(2**s / k).
For k a power of two r is 2**f, exactly. The error is at most half a unit and 2**-(f+1) of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tacit.graph.fixed import Array, Ints, rescale
from tacit.graph.intervals import Interval, LayerBounds, sums
from tacit.graph.layers.layer import layer
from tacit.graph.layers.pool import Pool
from tacit.graph.layers.windows import windows


@layer("average_pool")
@dataclass(frozen=True, eq=False, repr=False)
class AveragePool(Pool):
    """size, stride, padding: for rows and columns. Padding counts as zeros."""

    def reciprocal(self, fraction_bits: int) -> tuple[int, int]:
        """(r, s): r = round(2**s / k), and how many bits the product is rescaled by."""
        k = prod(self.size)
        s = fraction_bits + (k - 1).bit_length()
        return ((2 << s) + k) // (2 * k), s

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: (sum of max|x| over the window) * r."""
        r, s = self.reciprocal(fraction_bits)
        factor, none = np.array([r]), np.array([0])
        accumulators, bound = sums(str(self), factor, none, inputs[0], lambda x, factor: self._totals(x) * factor)
        return LayerBounds(accumulators.map(lambda a: rescale(a, s)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, channels, height, width) to (rows, channels, rows of windows, columns of windows)."""
        r, s = self.reciprocal(fraction_bits)
        return rescale(self._totals(inputs[0]) * r, s)

    def _totals(self, x: Array) -> Array:
        return windows(x, self.size, self.stride, self.padding, 0).sum(axis=(-2, -1))  # type: ignore[no-any-return]
