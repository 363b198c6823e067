"""AveragePool: y = rescale(sum of the window * r, s), one sumcheck over the input's rows and columns.

The accumulator at a random point of the output is sum over h, w of x(tau_n, tau_c, h, w) * r * u[h] * v[w], with u and
v the sums of the weights of `sliding` over all places: public, so nothing but x is left at the end.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.layers import AveragePool as Graphs
from tacit.graph.layers.windows import windows
from tacit.proofs import field
from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ZERO, Element, Words
from tacit.proofs.layers import committed, sliding
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.rescaling import Rescaling
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Axes

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("average_pool")
class AveragePool(ProvableLayer):
    """No parameters; r and s follow from the window and f."""

    def plan(self, planner: Planner) -> None:
        """y and the remainder."""
        step, (x,) = self.step, self.inputs
        if len(x.shape) != 3 or x.axes.sizes[1:] != x.shape:
            raise self.unfit(f"an input of axes {x.axes.sizes[1:]} is no image")
        self.size, self.stride, self.padding = (step.pair(name) for name in ("size", "stride", "padding"))
        self.over = sliding.of_layer(self, x.shape, self.size, self.stride, self.padding)
        self.factor, bits = _reciprocal(prod(self.size), planner.fraction_bits)
        shape = (x.shape[0], self.over[0].windows, self.over[1].windows)
        self.axes = Axes((x.axes.sizes[0], *shape))
        self.rescaling = Rescaling(planner, step, shape, self.axes, bits)
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The relation at a random point, and the sumcheck."""
        check = f"layer {self.step.name!r}: mean"
        tau = verifying.point(self.axes.variables)
        rows, channels, *places = self.axes.split(tau)
        total = verifying.receive()
        verifying.equal(self.rescaling.at(tau), total, check)

        def weight(height: Point, width: Point) -> Element:
            sums = [
                sum(each.values(place, at), ZERO)
                for each, place, at in zip(self.over, places, (height, width), strict=True)
            ]
            return sums[0] * sums[1] * self.factor

        sliding.verify_sum(verifying, self.inputs[0], rows + channels, total, weight, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def reach(self) -> int:
        """The size of a window's sum, times r."""
        return prod(self.size) * self.factor * self.inputs[0].most

    def evaluate(self, values: Values) -> None:
        """The sums of the windows, times r."""
        x = values.tensors[self.step.inputs[0]]
        sums = windows(x, self.size, self.stride, self.padding, 0).sum(axis=(-2, -1))
        self.rescaling.put(values, sums * self.factor)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(self.axes.variables)
        rows, channels, *places = self.axes.split(tau)
        total = self.rescaling.at(tau)
        proving.send(proving.value(total))
        proving.equal(total)
        down, across = (
            _sum(each.table(place, variables))
            for each, place, variables in zip(self.over, places, x.axes.each[-2:], strict=True)
        )
        weights = sliding.outer(down, across, proving.multiply)
        weights = proving.multiply(weights, field.from_elements([Element(self.factor)]))
        sliding.prove_sum(proving, x, rows + channels, weights)
        committed.prove_split(proving, self.output)


def _reciprocal(window: int, fraction_bits: int) -> tuple[int, int]:
    """r and s, as `graph.layers.average_pool` has them."""
    found: tuple[int, int] = Graphs("pool", ("input",), (1, window), (1, 1), (0, 0)).reciprocal(fraction_bits)
    return found


def _sum(tables: Words) -> Words:
    """The sum over places, (width, n, 2) to (n, 2)."""
    total: Words = np.zeros_like(tables[0])
    for table in tables:
        total = field.add(total, table)
    return total
