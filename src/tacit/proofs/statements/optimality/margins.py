"""The hinges: margins 1 - t s as P - N, both at least 0 and one of them 0, and residuals R = -t A.

For the squared hinge A is P. For the hinge A is a committed dual beta, 0 <= beta <= 1 (`dual`). With the label y in
{0, 1}, t = 2 y - 1, so t^2 = 1 and 2^q s is t Z rounded, Z = 2^q - P + N:

    2^c t Z + r - 2^(c-1) = S,   r in [0, 2^c),   c = f + g - q.

All products, of y with Z, A and y - 1, and of P with N, are one sumcheck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs import field
from tacit.proofs.argument.claims import Point
from tacit.proofs.channel import Value
from tacit.proofs.field import ONE, ZERO, Words
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.statements.optimality.residual import Residual, half, put, times
from tacit.proofs.tensors import Axes, Form, Part, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

MORE, LESS, REST, RESIDUALS = (f"optimality/{name}" for name in ("over", "under", "rest of margins", "residuals"))
DUAL, REST_OF_DUAL, SURPLUS = (f"optimality/{name}" for name in ("dual", "rest of the dual", "surplus of slackness"))
CHECK, RESIDUAL_CHECK, PRODUCT_CHECK = (f"optimality: {n}" for n in ("margins", "residuals", "signs and labels"))
DUAL_CHECK, SLACKNESS_CHECK = "optimality: range of the dual", "optimality: complementary slackness"


class SquaredHinge(Residual):
    """Labels are 0 or 1."""

    def plan(self) -> None:
        """P, N and R."""
        q, k = self.scales.residual_bits, self.scales.objective.score_bits
        self.more, self.less = (self.limbs(name, q + k + 1) for name in (MORE, LESS))
        self._rest = self.limbs(REST, self.scales.dropped, -half(self.scales.dropped))
        self._score = Tensor((), self.axes, constant=1 << q) + times(self.more, -1) + self.less
        self.tensor = Tensor((), self.axes, (Part(1, self._planner.column(RESIDUALS, self.axes)),))
        self.active = self.more

    def verify(self, verifying: Verifying, tau: Point, score: Value) -> None:
        """Both relations at tau, and the products."""
        of_score, of_active = verifying.receive(), verifying.receive()
        verifying.equal(self._relation(tau), score - of_score * (2 << self.scales.dropped), CHECK)
        verifying.equal(self.tensor.at(tau) - self.active.at(tau), -of_active * 2, RESIDUAL_CHECK)
        mix = verifying.receiver.challenge()
        at, value = verifying.weighted(of_score + of_active * mix, tau)
        label, more, less = (
            verifying.evaluation(tensor.at(at), PRODUCT_CHECK) for tensor in (self.labels, self.more, self.less)
        )
        active = self._active(verifying, at, more)
        factor = less - more + self.axes.indicator(at) * (1 << self.scales.residual_bits)
        factor = factor + active * mix + (label - 1) * (mix * mix)
        total = verifying.product(label, factor) + verifying.product(more, less) * (mix * mix * mix)
        verifying.receiver.require_zero(total - value, PRODUCT_CHECK)

    def evaluate(self, values: Values, scores: Ints, labels: Ints) -> Ints:
        """As the relations say."""
        self.at_most(scores)
        dropped, signs = self.scales.dropped, 2 * labels - 1
        exact = scores + half(dropped)
        rounded = exact >> dropped
        put(values, REST, dropped, exact - (rounded << dropped))
        margins = (1 << self.scales.residual_bits) - signs * rounded
        values.put(MORE, np.maximum(margins, 0))
        values.put(LESS, np.maximum(-margins, 0))
        residuals: Ints = -signs * self.actives(values, margins)
        values.put_column(RESIDUALS, self.axes.fill(residuals))
        return residuals

    def actives(self, values: Values, margins: Ints) -> Ints:
        """A (n,), from P - N."""
        return np.maximum(margins, 0)

    def prove(self, proving: Proving, tau: Point) -> None:
        """What `verify` reads."""
        label, more, less, active, score = (
            proving.table(tensor) for tensor in (self.labels, self.more, self.less, self.active, self._score)
        )
        eq = proving.equality(tau)
        products = [proving.dot(field.multiply(label, other), eq) for other in (score, active)]
        proving.send(products[0])
        proving.send(products[1])
        proving.equal(self._relation(tau))
        proving.equal(self.tensor.at(tau) - self.active.at(tau))
        mix = proving.point(1)[0]
        factor = field.extend(score)
        for power, table in ((mix, active), (mix * mix, field.subtract(label, np.ones_like(label)))):
            factor = field.add(factor, _scaled(proving, table, power))
        claim = products[0] + products[1] * mix
        pairs = [(field.extend(label), factor), (_scaled(proving, more, mix * mix * mix), field.extend(less))]
        at, _ = proving.weighted(claim, tau, pairs)
        for tensor in (self.labels, self.more, self.less, *(() if self.active is self.more else (self.active,))):
            proving.evaluation(tensor.at(at))

    def _active(self, verifying: Verifying, at: Point, more: Value) -> Value:
        return more

    def _relation(self, tau: Point) -> Form:
        """S less 2^(c+1) y Z at tau."""
        return self._rest.at(tau) - self._score.at(tau) * (1 << self.scales.dropped)


class Hinge(SquaredHinge):
    """`dual`: the owner's beta (n,), 0 to 2^q, which its prover needs before it evaluates."""

    dual: Ints | None = None
    slack = 0

    def plan(self) -> None:
        """And beta, 2^q - beta, and the surplus of K."""
        super().plan()
        q, one = self.scales.residual_bits, Axes((1,))
        self.active, self._left = self.limbs(DUAL, q + 1), self.limbs(REST_OF_DUAL, q + 1)
        width = max(1, self.scales.excess.bit_length())
        self._surplus = Tensor((), one, self._planner.limbs(SURPLUS, one, width, exact=True))

    def verify(self, verifying: Verifying, tau: Point, score: Value) -> None:
        """And beta's range; and sum of 2^q P - beta (P - N) over the rows, with the surplus, is K."""
        super().verify(verifying, tau, score)
        verifying.equal(self._whole(tau), ZERO, DUAL_CHECK)
        surplus = verifying.evaluation(self._surplus.at(()), SLACKNESS_CHECK)
        at, value = verifying.sumcheck(-surplus + self.scales.excess, self.axes.variables, 3)
        more, less, dual = (
            verifying.evaluation(tensor.at(at), SLACKNESS_CHECK) for tensor in (self.more, self.less, self.active)
        )
        total = more * (1 << self.scales.residual_bits) + verifying.product(dual, less - more)
        verifying.receiver.require_zero(total * self.axes.indicator(at) - value, SLACKNESS_CHECK)

    def actives(self, values: Values, margins: Ints) -> Ints:
        """beta; ProofError where the slackness is more than stated."""
        full = 1 << self.scales.residual_bits
        if self.dual is None or self.dual.shape != margins.shape:
            raise ProofError(f"a proof for the hinge needs the dual vector, one number for each of {len(margins)} rows")
        values.put(DUAL, self.dual)
        values.put(REST_OF_DUAL, full - self.dual)
        self.slack = slack = sum((full * np.maximum(margins, 0) - self.dual * margins).tolist())
        if slack > self.scales.excess:
            raise ProofError("the complementary slackness is more than stated")
        values.put(SURPLUS, np.array([self.scales.excess - slack]))
        return self.dual

    def prove(self, proving: Proving, tau: Point) -> None:
        """What `verify` reads."""
        super().prove(proving, tau)
        proving.equal(self._whole(tau))
        proving.evaluation(self._surplus.at(()))
        more, less, dual = (proving.table(tensor) for tensor in (self.more, self.less, self.active))
        terms = [(ONE * (1 << self.scales.residual_bits), (0, 1)), (ONE, (0, 2, 3))]
        at, _ = proving.sumcheck(terms, [self.axes.ones(), more, dual, field.subtract(less, more)])
        for tensor in (self.more, self.less, self.active):
            proving.evaluation(tensor.at(at))

    def _active(self, verifying: Verifying, at: Point, more: Value) -> Value:
        return verifying.evaluation(self.active.at(at), PRODUCT_CHECK)

    def _whole(self, tau: Point) -> Form:
        return self.active.at(tau) + self._left.at(tau) - self.ones(tau, 1 << self.scales.residual_bits)


def _scaled(proving: Proving, table: Words, factor: field.Element) -> Words:
    return proving.multiply(field.extend(table), field.from_elements([factor]))
