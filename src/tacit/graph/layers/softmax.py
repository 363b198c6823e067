"""Softmax: exp(x[i]) / sum_j exp(x[j]) of a vector, at the graph's output.

With m = max(x): e[i] = rescale(acc(x[i] - m), f), where acc is `pieces.exp_pieces(f)` with arguments clamped to
[-15.875, 0], so e has 2f fractional bits; S = sum_j e[j]; and

    y[i] = floor((2 * e[i] * 2**f + S) / (2 * S)),

the quotient e[i] * 2**f / S rounded half up. 0 <= y <= 2**f; the outputs add up to 2**f to within n/2 units. Against
the softmax of the same x the error is at most 2e-5 + n * (1.3e-7 + 2**-(f+7)) + 2**-(f+1) for n classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator
from tacit.graph.layers.layer import layer
from tacit.graph.layers.plain import Plain
from tacit.graph.pieces import exp_pieces


@layer("softmax")
@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Plain):
    """No parameters: the table depends on f alone."""

    terminal = True

    @staticmethod
    def error(fraction_bits: int, classes: int) -> float:
        """The largest difference from the softmax of the same x."""
        f = fraction_bits
        return 2e-5 + classes * (1.3e-7 + 2.0 ** -(f + 7)) + 2.0 ** -(f + 1)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(classes,) to the same."""
        if len(shapes[0]) != 1:
            raise GraphError(
                f"layer {self}: takes a vector, not a tensor of shape {shapes[0]}; put a Flatten before it"
            )
        return shapes[0]

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the widest difference of two inputs, or the dividend; the output lies in [0, 2**f]."""
        x, f = inputs[0], fraction_bits
        spread = int(x.high.max()) - int(x.low.min())
        dividend = (2 << 3 * f) + (x.low.size << 2 * f)
        bound = check_accumulator(str(self), max(spread, dividend, exp_pieces(f).accumulator))
        return LayerBounds(Interval(np.zeros_like(x.low), np.full_like(x.low, 1 << f)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, classes) to the same."""
        x, f = inputs[0], fraction_bits
        e = rescale(exp_pieces(f)(x - x.max(axis=1, keepdims=True)), f)
        total = e.sum(axis=1, keepdims=True)
        quotient: Ints = ((e << (f + 1)) + total) // (2 * total)
        return quotient
