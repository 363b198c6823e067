"""Tanh: 2 * sigmoid(2x) - 1, element by element, by the sigmoid's table.

y = rescale(acc(2x), 2f-1) - 2**f, where acc is `pieces.sigmoid_pieces(f)` and x is first clamped to [-8, 8] (so that
doubling cannot overflow). Never falls as x rises; |y| <= 2**f. Against the hyperbolic tangent of the same x the error
is at most 3.2e-5 + 2**-(f+5) + 2**-(f+1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Ints, rescale
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import SigmoidTable
from tacit.graph.pieces import sigmoid_pieces


@layer("tanh")
@dataclass(frozen=True, eq=False, repr=False)
class Tanh(SigmoidTable):
    """No parameters: the table depends on f alone."""

    @staticmethod
    def error(fraction_bits: int) -> float:
        """The largest difference from the hyperbolic tangent of the same x."""
        return 3.2e-5 + 2.0 ** -(fraction_bits + 5) + 2.0 ** -(fraction_bits + 1)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to the same."""
        clamped = np.clip(inputs[0], -8 << fraction_bits, 8 << fraction_bits)
        accumulator = sigmoid_pieces(fraction_bits)(2 * clamped)
        return rescale(accumulator, 2 * fraction_bits - 1) - (1 << fraction_bits)
