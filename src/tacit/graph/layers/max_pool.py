"""MaxPool: the greatest element of every window; padding never wins.

y = max of the elements of the window that lie inside the tensor. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Ints
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import layer
from tacit.graph.layers.pool import Pool
from tacit.graph.layers.windows import windows

_LEAST = int(np.iinfo(np.int64).min)


@layer("max_pool")
@dataclass(frozen=True, eq=False, repr=False)
class MaxPool(Pool):
    """size, stride, padding: for rows and columns."""

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
