"""Square on shares: one product; 1 round, 8 bytes for each element."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Layer
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, rescaled, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic


@shared("square")
class SharedSquare(SharedLayer):
    """(rows, ...) to the same."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The accumulators x * x, which stay to be rescaled by f."""
        x = yield from settle(party, inputs[0])
        value = yield from multiply(party, x.value, x.value)
        return Tensor(value, step.accumulator_bits, step.bits, fraction_bits)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """(x + d)^2 - x^2 = (2 x + d) d."""
        x = inputs[0]
        return rescaled(bound, (2 * x.magnitude + x.drift) * x.drift, fraction_bits)
