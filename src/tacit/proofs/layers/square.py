"""Square: y = rescale(x^2, f), one weighted sumcheck: sum_z eq(tau, z) x(z)^2 is the accumulator at tau.

Messages: 1, then 2 for each variable, then up to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.proofs.layers import committed
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.rescaling import Rescaling
from tacit.proofs.layers.verifying import Verifying

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


@provable("square")
class Square(ProvableLayer):
    """No parameters."""

    def plan(self, planner: Planner) -> None:
        """y and r."""
        (x,) = self.inputs
        self.rescaling = Rescaling(planner, self.step, x.shape, x.axes, planner.fraction_bits)
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The relation at a random point, and the sumcheck of the squares."""
        (x,), check = self.inputs, f"layer {self.step.name!r}: square"
        tau = verifying.point(x.axes.variables)
        total = verifying.receive()
        verifying.equal(self.rescaling.at(tau), total, check)
        at, value = verifying.weighted(total, tau)
        root = verifying.evaluation(x.at(at), check)
        verifying.receiver.require_zero(verifying.product(root, root) - value, check)
        committed.verify_split(verifying, self.output, self.step.name)

    def reach(self) -> int:
        """The size of a square."""
        return self.inputs[0].most ** 2

    def evaluate(self, values: Values) -> None:
        """x^2."""
        x = values.tensors[self.step.inputs[0]]
        self.rescaling.put(values, x * x)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(x.axes.variables)
        total = proving.value(self.rescaling.at(tau))
        proving.send(total)
        proving.equal(self.rescaling.at(tau))
        table = proving.table(x)
        at, _ = proving.weighted(total, tau, [(table, table)])
        proving.evaluation(x.at(at))
        committed.prove_split(proving, self.output)
