"""Rescaling: y = (a + 2^(g-1)) >> g, rounded half up, for an accumulator a that is never committed.

    2^g y + r - 2^(g-1) = a,     r in [0, 2^g), y in its range.

With |a| <= 2^62 (the graph's bound) and 2^g |y| + r <= 2^63, the relation modulo p is the relation over the integers,
and fixes y and r. Its left side is multilinear, so a layer whose accumulator is as well checks it at a random point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import rescale
from tacit.graph.fixed import Ints, Shape
from tacit.proofs.architecture import Step
from tacit.proofs.argument.claims import Point
from tacit.proofs.layers import committed
from tacit.proofs.layers.layer import Planner, unfit
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.values import Values

MOST_SCALE_BITS = 62


class Rescaling:
    """y and r of one layer; bits: g."""

    def __init__(self, planner: Planner, step: Step, shape: Shape, axes: Axes, bits: int) -> None:
        if not 1 <= bits <= MOST_SCALE_BITS or bits + step.bits + 1 > committed.MOST_BITS:
            raise unfit(step, f"{bits} bits of scale and {step.bits} of output are over {committed.MOST_BITS}")
        self._step, self._bits, self._axes = step, bits, axes
        self.output = committed.signed(planner, step.name, shape, axes, step.bits, factor_bits=bits)
        self._remainder = Tensor(shape, axes, planner.limbs(f"{step.name}/remainder", axes, bits, exact=True))

    def at(self, point: Point) -> Form:
        """2^g y + r - 2^(g-1) at a point: the accumulator's extension there."""
        half = self._axes.indicator(point) * (1 << (self._bits - 1))
        return self.output.at(point) * (1 << self._bits) + self._remainder.at(point) - Form(constant=half)

    def put(self, values: Values, accumulator: Ints) -> None:
        """The layer's tensor, and its limbs, from the accumulator (rows, *shape)."""
        name = self._step.name
        y = rescale(accumulator, self._bits)
        values.tensors[name] = y
        committed.put(values, name, self.output, y, self._step.bits)
        values.put(f"{name}/remainder", accumulator + (1 << (self._bits - 1)) - (y << self._bits))


def reach(step: Step, x: Tensor, products: int, *, weight: str = "weight", bias: str = "bias") -> int:
    """The size of a sum of so many products of weight and input, and a bias, within their bits."""
    bits = step.parameter_bits
    return products * (x.most << bits[weight]) + (1 << bits[bias])
