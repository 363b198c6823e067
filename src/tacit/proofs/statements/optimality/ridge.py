"""Ridge: R = s - y, rounded to q bits: 2^c R + r - 2^(c-1) = S - 2^(f+g-l) Y, r in [0, 2^c), with c = f + g - q."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph.fixed import Ints
from tacit.proofs.argument.claims import Point
from tacit.proofs.channel import Value
from tacit.proofs.field import ZERO
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.statements.optimality.residual import Residual, half, put
from tacit.proofs.tensors import Form

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

RESIDUALS, REST, LABELS = (f"optimality/{name}" for name in ("residuals", "rest of residuals", "labels"))
CHECK, LABEL_CHECK = "optimality: residuals", "optimality: range of the labels"


class Ridge(Residual):
    """Labels are numbers, below 2^k in size."""

    def plan(self) -> None:
        """R, r and Y."""
        scales = self.scales
        k = scales.objective.score_bits
        self._wide, self._label = scales.residual_bits + k, scales.label_bits + k
        self.tensor = self.limbs(RESIDUALS, self._wide + 1, -(1 << self._wide))
        self._rest = self.limbs(REST, scales.dropped, -half(scales.dropped))
        self._known = self.limbs(LABELS, self._label + 1, -(1 << self._label))

    def verify(self, verifying: Verifying, tau: Point, score: Value) -> None:
        """The relation at tau, and the range of the labels."""
        verifying.equal(self._relation(tau), score, CHECK)
        verifying.equal(self._known.at(tau) - self.labels.at(tau), ZERO, LABEL_CHECK)

    def evaluate(self, values: Values, scores: Ints, labels: Ints) -> Ints:
        """R and r."""
        dropped = self.scales.dropped
        values.put(LABELS, labels + (1 << self._label))
        exact = scores - (labels << (self.scales.accumulator_bits - self.scales.label_bits)) + half(dropped)
        residuals: Ints = exact >> dropped
        values.put(RESIDUALS, residuals + (1 << self._wide))
        put(values, REST, dropped, exact - (residuals << dropped))
        return residuals

    def prove(self, proving: Proving, tau: Point) -> None:
        """What `verify` reads."""
        proving.equal(self._relation(tau))
        proving.equal(self._known.at(tau) - self.labels.at(tau))

    def _relation(self, tau: Point) -> Form:
        """S at tau."""
        label = self._known.at(tau) * (1 << (self.scales.accumulator_bits - self.scales.label_bits))
        return self.tensor.at(tau) * (1 << self.scales.dropped) + self._rest.at(tau) + label
