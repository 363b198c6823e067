"""Conv2d: y = rescale(W * x + b, g), one relation at a random point and two sumchecks.

    a[n, o, row, col] = sum_{i, k, l} W[o, i, k, l] x[n, i, row * s + k - p, col * s + l - p] + bias[o]

is multilinear in (n, o, row, col), so one random point tau says it of all. What the windows read is never written out:
with Z[i, k, l] the sum over row and col of eq(tau, .) x[n, i, ...], the sum is that of W[o, i, k, l] Z[i, k, l], a
sumcheck over (i, k, l) as of a matrix product over windows; and Z where that ends is the sum over h, w of x[n, i, h, w]
with weights that the verifier computes (`sliding`), a second sumcheck. Where channels have filling that somebody could
have filled with something, a third factor takes the first sum over real ones alone; Z is zero at places in the filling.

Messages: 2, those of the relation, 2 (or 3) for each variable of (i, k, l), 2, and 2 for each of (h, w), and 1.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.layers.affine import Affine
from tacit.proofs import field
from tacit.proofs.argument.claims import Point, Term
from tacit.proofs.field import ONE, ZERO, Element, Words
from tacit.proofs.layers import committed, sliding
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.rescaling import Rescaling, reach
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.multilinear import equality_table
from tacit.proofs.tensors import Axes, Form

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("conv2d")
class Conv2d(ProvableLayer):
    """Parameters: weight (outputs, channels, kh, kw), bias (outputs,)."""

    def plan(self, planner: Planner) -> None:
        """y and the remainder."""
        step, (x,) = self.step, self.inputs
        weight, bias = step.parameters.get("weight", ()), step.parameters.get("bias", ())
        if len(weight) != 4 or bias != weight[:1] or x.shape[:1] != weight[1:2] or x.axes.sizes[1:] != x.shape:
            raise self.unfit(f"weight {weight} and bias {bias} do not fit an input of axes {x.axes.sizes[1:]}")
        self.over = sliding.of_layer(self, x.shape, (weight[2], weight[3]), step.pair("stride"), step.pair("padding"))
        shape = (weight[0], self.over[0].windows, self.over[1].windows)
        self.axes, self.places = Axes((x.axes.sizes[0], *shape)), Axes(weight[1:])
        self.weight = planner.parameter(step.name, "weight", Axes(weight))
        self.bias = planner.parameter(step.name, "bias", Axes(bias))
        self.degree = 3 if x.hidden and not Axes(weight[1:2]).full else 2
        self.rescaling = Rescaling(planner, step, shape, self.axes, step.number("weight_bits"))
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The relation at a random point, the sumcheck over channels and places, and that over the input."""
        check = f"layer {self.step.name!r}: convolution"
        tau = verifying.point(self.axes.variables)
        rows, outputs, *windows = self.axes.split(tau)
        total = verifying.receive()
        bias = verifying.evaluation(self._bias(outputs), check)
        verifying.equal(self.rescaling.at(tau), total + bias * self._biased(tau), check)
        at, value = verifying.sumcheck(total, self.places.variables, self.degree)
        weight = verifying.evaluation(self._weight(outputs, at), check)
        read = verifying.receive()
        channel, *places = self.places.split(at)
        real = Axes(self.places.sizes[:1]).indicator(channel) if self.degree == 3 else ONE
        verifying.receiver.require_zero(verifying.product(weight, read) * real - value, check)

        def factor(height: Point, width: Point) -> Element:
            return self._mixed(0, windows, places, height) * self._mixed(1, windows, places, width)

        sliding.verify_sum(verifying, self.inputs[0], rows + channel, read, factor, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def reach(self) -> int:
        """The size of the sum."""
        return reach(self.step, self.inputs[0], prod(self.step.parameters["weight"][1:]))

    def evaluate(self, values: Values) -> None:
        """The graph's own products."""
        layer = values.layers[self.step.name]
        assert isinstance(layer, Affine)
        factor, term = layer.parts()
        self.rescaling.put(values, layer.products(values.tensors[self.step.inputs[0]], factor) + term)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(self.axes.variables)
        rows, outputs, *windows = self.axes.split(tau)
        down, across = (
            each.table(window, variables)
            for each, window, variables in zip(self.over, windows, x.axes.each[-2:], strict=True)
        )
        weight = proving.fold_leading(proving.block(self.weight), outputs)
        channels = proving.fold_leading(proving.table(x), rows).reshape(*x.axes.padded[1:], field.DEGREE)
        read = self._read(channels, down, across)
        proving.send(proving.dot(weight, read))
        proving.evaluation(self._bias(outputs))
        proving.equal(self.rescaling.at(tau))
        real = (np.arange(self.places.padded[0]) < self.places.sizes[0]).astype(np.uint64)
        tables = [weight, read, np.repeat(real, len(read) // len(real))][: self.degree]
        at, finals = proving.sumcheck([(ONE, tuple(range(self.degree)))], tables)
        proving.evaluation(self._weight(outputs, at))
        proving.send(finals[1])
        channel, *places = self.places.split(at)
        sums = [_mix(table, equality_table(place)) for table, place in zip((down, across), places, strict=True)]
        sliding.prove_sum(proving, x, rows + channel, sliding.outer(sums[0], sums[1], proving.multiply))
        committed.prove_split(proving, self.output)

    def _biased(self, tau: Point) -> Element:
        """One at the rows and windows that there are, whatever the output: where the bias is added."""
        rows, _, down, across = self.axes.split(tau)
        sizes = self.axes.sizes
        return Axes((sizes[0], *sizes[2:])).indicator(rows + down + across)

    def _mixed(self, axis: int, windows: list[Point], places: list[Point], at: Point) -> Element:
        """The weights of the places of one axis at a point of the input's axis, mixed by a point of the places'."""
        weights = field.to_elements(equality_table(places[axis]))
        values = self.over[axis].values(windows[axis], at)
        return sum((weight * value for weight, value in zip(weights, values, strict=False)), ZERO)

    def _read(self, channels: Words, down: Words, across: Words) -> Words:
        """Z as a table, from x (channels, height, width, 2) at the batch's point and the weights of all places."""
        _, high, wide = self.places.padded
        count, _, width, _ = channels.shape
        rows = np.zeros((count, high, width, field.DEGREE), dtype=np.uint64)
        for place, weights in enumerate(down):
            rows[:, place] = field.total(np.moveaxis(field.multiply_extension(channels, weights[:, None]), 1, 0))
        result = np.zeros((count, high, wide, field.DEGREE), dtype=np.uint64)
        for place, weights in enumerate(across):
            result[:, :, place] = field.total(np.moveaxis(field.multiply_extension(rows, weights), 2, 0))
        return result.reshape(-1, field.DEGREE)

    def _bias(self, outputs: Point) -> Form:
        return Form((Term(ONE, self.bias, outputs),))

    def _weight(self, outputs: Point, places: Point) -> Form:
        return Form((Term(ONE, self.weight, outputs + places),))


def _mix(tables: Words, weights: Words) -> Words:
    """The sum over places of weight * table, (places, n, 2) to (n, 2)."""
    return field.total(field.multiply_extension(tables, weights[: len(tables), None]))
