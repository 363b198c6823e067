"""Linear: y = rescale(W x + b, g), one relation at a random point and one sumcheck [Thaler 2013].

    a[n, o] = sum_i W[o, i] x[n, i] + b[o]

is multilinear in (n, o), so one random point tau = (tau_n, tau_o) says it of all rows and outputs. The sum there is
shown by a sumcheck over i, of W(tau_o, i) x(tau_n, i); nothing is committed but y and the rescaling's remainder.

Messages: 2, then 2 (or 3) for each variable of i, then up to 2. Where i has filling that somebody could have filled
with something, a third factor takes the sum over real i alone.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.layers.affine import Affine
from tacit.proofs.argument.claims import Point, Term
from tacit.proofs.field import ONE
from tacit.proofs.layers import committed
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable, row
from tacit.proofs.layers.rescaling import Rescaling, reach
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Axes, Form

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("linear")
class Linear(ProvableLayer):
    """Parameters: weight (outputs, *axes of the input), so that its columns lie as the input does; bias (outputs,)."""

    def plan(self, planner: Planner) -> None:
        """y and r."""
        step, (x,) = self.step, self.inputs
        weight, bias = step.parameters.get("weight", ()), step.parameters.get("bias", ())
        if len(weight) != 2 or bias != weight[:1] or x.shape != weight[1:] or weight[1] != prod(row(x.axes)):
            raise self.unfit(f"weight {weight} and bias {bias} do not fit an input of shape {x.shape}")
        self.rows, self.columns = Axes(x.axes.sizes[:1]), Axes(row(x.axes))
        self.axes = Axes((*self.rows.sizes, weight[0]))
        self.weight = planner.parameter(step.name, "weight", Axes((weight[0], *self.columns.sizes)))
        self.bias = planner.parameter(step.name, "bias", Axes(bias))
        self.degree = 3 if x.hidden and not self.columns.full else 2
        self.rescaling = Rescaling(planner, step, weight[:1], self.axes, step.number("weight_bits"))
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The relation at a random point, the sumcheck of its sum, and the product that is left."""
        check = f"layer {self.step.name!r}: product"
        tau = verifying.point(self.axes.variables)
        rows, outputs = self.axes.split(tau)
        total = verifying.receive()
        bias = verifying.evaluation(self._bias(outputs), check)
        verifying.equal(self.rescaling.at(tau), total + bias * self.rows.indicator(rows), check)
        at, value = verifying.sumcheck(total, self.columns.variables, self.degree)
        weight = verifying.evaluation(self._weight(outputs, at), check)
        x = verifying.evaluation(self.inputs[0].at(rows + at), check)
        real = self.columns.indicator(at) if self.degree == 3 else ONE
        verifying.receiver.require_zero(verifying.product(weight, x) * real - value, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def reach(self) -> int:
        """The size of the sum."""
        return reach(self.step, self.inputs[0], self.step.parameters["weight"][1])

    def evaluate(self, values: Values) -> None:
        """The graph's own products."""
        layer = values.layers[self.step.name]
        assert isinstance(layer, Affine)
        factor, term = layer.parts()
        self.rescaling.put(values, layer.products(values.tensors[self.step.inputs[0]], factor) + term)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        tau = proving.point(self.axes.variables)
        rows, outputs = self.axes.split(tau)
        weight = proving.fold_leading(proving.block(self.weight), outputs)
        x = proving.fold_leading(proving.table(self.inputs[0]), rows)
        ones = self.columns.ones() if self.degree == 3 else np.zeros(0, dtype=np.uint64)
        proving.send(proving.dot(weight, x))
        proving.evaluation(self._bias(outputs))
        proving.equal(self.rescaling.at(tau))
        at, _ = proving.sumcheck([(ONE, tuple(range(self.degree)))], [weight, x, ones][: self.degree])
        proving.evaluation(self._weight(outputs, at))
        proving.evaluation(self.inputs[0].at(rows + at))
        committed.prove_split(proving, self.output)

    def _bias(self, outputs: Point) -> Form:
        return Form((Term(ONE, self.bias, outputs),))

    def _weight(self, outputs: Point, columns: Point) -> Form:
        return Form((Term(ONE, self.weight, outputs + columns),))
