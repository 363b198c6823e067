"""The gradient n 2^(..) g = 2^lift X^T R + pull W, its entries in units, and the bound of the sum of their squares.

The intercept's entry, with a feature that is always 1, is mixed to the others at a random point by a challenge, so both
take one sumcheck over the rows. Rows have filling: a third factor takes real ones alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs import field
from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ONE, Element
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.statements.optimality.residual import half
from tacit.proofs.statements.optimality.scales import Scales
from tacit.proofs.statements.optimality.scores import Scores
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.field import Words
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

UNITS, REST, UNIT, REST_OF_UNIT, SURPLUS = (
    f"optimality/{name}"
    for name in ("gradient", "rest of the gradient", "intercept's gradient", "rest of that", "surplus of the norm")
)
CHECK, NORM_CHECK = "optimality: gradient", "optimality: norm of the gradient"


class Entries(NamedTuple):
    """units, and what is above them; (d + 1,) each."""

    units: Ints
    rests: Ints

    @property
    def norm(self) -> int:
        """The sum of squares of the units."""
        return sum(unit * unit for unit in self.units.tolist())


class Gradient:
    """residuals: R (n,)."""

    def __init__(self, scales: Scales, features: Tensor, scores: Scores, residuals: Tensor, planner: Planner) -> None:
        self._scales, self._features, self._scores, self._residuals = scales, features, scores, residuals
        self._columns, one = scores.columns, Axes((1,))
        self._degree = 2 if scores.rows.full else 3
        bits, shift = scales.gradient_bits, scales.shift

        def limbs(name: str, axes: Axes, width: int, constant: int) -> Tensor:
            return Tensor((), axes, planner.limbs(name, axes, width, exact=True) if width else (), -constant)

        self._units, self._unit = (
            limbs(name, axes, bits + 1, 1 << bits) for name, axes in ((UNITS, self._columns), (UNIT, one))
        )
        self._rests, self._rest = (
            limbs(name, axes, shift, half(shift)) for name, axes in ((REST, self._columns), (REST_OF_UNIT, one))
        )
        self._surplus = limbs(SURPLUS, one, max(1, scales.norm.bit_length()), 0)

    def verify(self, verifying: Verifying) -> None:
        """The gradient at a random point, and its norm."""
        scales, rows = self._scales, self._scores.rows
        tau, mix = verifying.point(self._columns.variables), verifying.receiver.challenge()
        total = verifying.receive()
        verifying.equal(self._sums(tau, mix), total, CHECK)
        at, value = verifying.sumcheck(total, rows.variables, self._degree)
        x = verifying.evaluation(self._features.at(at + tau), CHECK)
        residual = verifying.evaluation(self._residuals.at(at), CHECK)
        entry = (x + mix * (1 << scales.fraction_bits)) * (1 << scales.lift)
        real = rows.indicator(at) if self._degree == 3 else ONE
        verifying.receiver.require_zero(verifying.product(residual, entry) * real - value, CHECK)
        self._verify_norm(verifying)

    def entries(self, rows: Ints, residuals: Ints, weight: Ints, intercept: int) -> Entries:
        """The gradient, the intercept's entry last."""
        scales = self._scales
        sums = (residuals @ rows << scales.lift) + scales.pull * weight
        single = (int(residuals.sum()) << (scales.lift + scales.fraction_bits)) + scales.pull * intercept
        entries = np.append(sums, single) + half(scales.shift)
        units: Ints = entries >> scales.shift
        return Entries(units, entries - (units << scales.shift))

    def evaluate(self, values: Values, entries: Entries) -> None:
        """The gradient and the surplus; ProofError where it is over the bound."""
        if entries.norm > self._scales.norm:
            raise ProofError("the gradient of the loss at the committed model is larger than stated")
        values.put(SURPLUS, np.array([self._scales.norm - entries.norm]))
        units = entries.units + (1 << self._scales.gradient_bits)
        for name, rest, part in ((UNITS, REST, slice(0, -1)), (UNIT, REST_OF_UNIT, slice(-1, None))):
            values.put(name, units[part])
            if self._scales.shift:
                values.put(rest, entries.rests[part])

    def prove(self, proving: Proving, turned: Words) -> None:
        """What `verify` reads. turned: the features, one column after another (columns, rows)."""
        scales, rows = self._scales, self._scores.rows
        tau, mix = proving.point(self._columns.variables), proving.point(1)[0]
        sums = self._sums(tau, mix)
        proving.send(proving.value(sums))
        proving.equal(sums)
        entries = field.add(
            proving.fold_leading(turned.reshape(-1), tau), field.from_elements([mix * (1 << scales.fraction_bits)])
        )
        if scales.lift:
            entries = proving.multiply(entries, field.from_elements([Element(1 << scales.lift)]))
        tables = [entries, proving.table(self._residuals), rows.ones()][: self._degree]
        at, _ = proving.sumcheck([(ONE, tuple(range(self._degree)))], tables)
        proving.evaluation(self._features.at(at + tau))
        proving.evaluation(self._residuals.at(at))
        self._prove_norm(proving)

    def _verify_norm(self, verifying: Verifying) -> None:
        surplus = verifying.evaluation(self._surplus.at(()), NORM_CHECK)
        unit = verifying.evaluation(self._unit.at(()), NORM_CHECK)
        claim = verifying.product(unit, unit) * -1 - surplus + self._scales.norm
        at, value = verifying.sumcheck(claim, self._columns.variables, 2)
        units = verifying.evaluation(self._units.at(at), NORM_CHECK)
        verifying.receiver.require_zero(verifying.product(units, units) - value, NORM_CHECK)

    def _prove_norm(self, proving: Proving) -> None:
        proving.evaluation(self._surplus.at(()))
        proving.evaluation(self._unit.at(()))
        table = proving.table(self._units)
        at, _ = proving.sumcheck([(ONE, (0, 1))], [table, table])
        proving.evaluation(self._units.at(at))

    def _sums(self, tau: Point, mix: Element) -> Form:
        """2^lift X^T R, at a random point and with the intercept's."""
        power, pull = 1 << self._scales.shift, self._scales.pull
        features = self._units.at(tau) * power + self._rests.at(tau) - self._scores.weights.at(tau) * pull
        single = self._unit.at(()) * power + self._rest.at(()) - self._scores.intercept.at(()) * pull
        return features + single * mix
