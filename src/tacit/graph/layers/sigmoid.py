"""Sigmoid: 1 / (1 + exp(-x)), element by element, by a table of 128 quadratics.

y = rescale(acc(x), 2f), where acc is `pieces.sigmoid_pieces(f)`: x is clamped to [-16, 16), pieces are 1/4 wide, and
acc has 3f fractional bits. Never falls as x rises; 0 <= y <= 2**f. Against the sigmoid of the same x the error is at
most 1.6e-5 + 2**-(f+6) + 2**-(f+1): about one unit in the last place at f = 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.graph.fixed import Ints, rescale
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import SigmoidTable
from tacit.graph.pieces import sigmoid_pieces


@layer("sigmoid")
@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(SigmoidTable):
    """No parameters: the table depends on f alone."""

    @staticmethod
    def error(fraction_bits: int) -> float:
        """The largest difference from the sigmoid of the same x."""
        return 1.6e-5 + 2.0 ** -(fraction_bits + 6) + 2.0 ** -(fraction_bits + 1)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to the same."""
        return rescale(sigmoid_pieces(fraction_bits)(inputs[0]), 2 * fraction_bits)
