"""The scores S = X W + B of all rows, at a random point, and that W and B are numbers of the stated bits.

One sumcheck over the features, of X(tau, j) W(j). B has f bits more than W: it is 2^f b + r - 2^(f-1), r in [0, 2^f).
Where features have filling that somebody could have filled with something, a third factor takes real ones alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.fixed import Ints
from tacit.proofs.argument.claims import Block, Point, Term
from tacit.proofs.channel import Value
from tacit.proofs.field import ONE, ZERO
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.statements.optimality.scales import Scales
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.field import Words
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

WEIGHTS, BIAS, BIAS_REST = (f"optimality/{name}" for name in ("weights", "intercept", "rest of the intercept"))
CHECK, RANGE_CHECK = "optimality: scores", "optimality: range of the model"


class Scores:
    """weight, bias: the model's blocks; features: x (n, d)."""

    def __init__(self, scales: Scales, features: Tensor, weight: Block, bias: Block, planner: Planner) -> None:
        self._features, self._weight, self._bias = features, weight, bias
        self._scales = scales
        self.columns, self.rows, one = Axes((scales.features,)), Axes((scales.rows,)), Axes((1,))
        self.degree = 2 if self.columns.full else 3
        wide, narrow, f = scales.weight_width, scales.bias_width, scales.fraction_bits
        ask = planner.limbs
        self.weights = Tensor((), self.columns, ask(WEIGHTS, self.columns, wide + 1, exact=True), -(1 << wide))
        self.intercept = Tensor((), one, ask(BIAS, one, narrow + 1, exact=True), -(1 << narrow))
        self._rest = Tensor((), one, ask(BIAS_REST, one, f, exact=True), -(1 << (f - 1)))

    def verify_model(self, verifying: Verifying) -> None:
        """The model's numbers are the limbs', which are in their ranges."""
        tau = verifying.point(self.columns.variables)
        for form in self._model(tau):
            verifying.equal(form, ZERO, RANGE_CHECK)

    def verify(self, verifying: Verifying, tau: Point) -> Value:
        """The scores' extension at a point of the rows."""
        total = verifying.receive()
        bias = verifying.evaluation(self._bias_form(), CHECK)
        at, value = verifying.sumcheck(total, self.columns.variables, self.degree)
        weight = verifying.evaluation(self.weights.at(at), CHECK)
        x = verifying.evaluation(self._features.at(tau + at), CHECK)
        real = self.columns.indicator(at) if self.degree == 3 else ONE
        verifying.receiver.require_zero(verifying.product(weight, x) * real - value, CHECK)
        return total + bias * self.rows.indicator(tau)

    def evaluate(self, values: Values, weight: Ints, bias: int) -> tuple[Ints, int]:
        """The limbs; the scores (n,), and b."""
        f = self._scales.fraction_bits
        narrow = (bias + (1 << (f - 1))) >> f
        values.put(WEIGHTS, weight + (1 << self._scales.weight_width))
        values.put(BIAS, np.array([narrow + (1 << self._scales.bias_width)]))
        values.put(BIAS_REST, np.array([bias + (1 << (f - 1)) - (narrow << f)]))
        return values.parts["rows"] @ weight + bias, narrow

    def prove_model(self, proving: Proving) -> None:
        """What `verify_model` reads."""
        for form in self._model(proving.point(self.columns.variables)):
            proving.equal(form)

    def prove(self, proving: Proving, tau: Point, turned: Words) -> None:
        """What `verify` reads. turned: the features, one column after another (columns, rows), filling and all."""
        eq = proving.equality(tau)
        x = np.array([(v.real, v.other) for v in (proving.dot(column, eq) for column in turned)], dtype=np.uint64)
        weight = proving.table(self.weights)
        ones = self.columns.ones()
        proving.send(proving.dot(weight, x))
        proving.evaluation(self._bias_form())
        at, _ = proving.sumcheck([(ONE, tuple(range(self.degree)))], [x, weight, ones][: self.degree])
        proving.evaluation(self.weights.at(at))
        proving.evaluation(self._features.at(tau + at))

    def _bias_form(self) -> Form:
        return self.intercept.at(()) * (1 << self._scales.fraction_bits) + self._rest.at(())

    def _model(self, tau: Point) -> tuple[Form, Form]:
        """Two forms that are zero."""
        weight, bias = (Form((Term(ONE, block, point),)) for block, point in ((self._weight, tau), (self._bias, ())))
        return self.weights.at(tau) - weight, self._bias_form() - bias
