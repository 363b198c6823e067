"""ReLU: max(x, 0), element by element.

y = x where x > 0, else 0. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Ints
from tacit.graph.intervals import Interval, LayerBounds
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import Elementwise


@layer("relu")
@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Elementwise):
    """No parameters."""

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Nothing grows."""
        return LayerBounds(inputs[0].map(lambda x: np.maximum(x, 0)), inputs[0].magnitude)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to the same."""
        return np.maximum(inputs[0], 0)
