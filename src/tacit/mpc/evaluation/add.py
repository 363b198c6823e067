"""Add on shares: nothing is sent, but what has to be rescaled is rescaled first, both inputs in the same rounds."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Layer
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


@shared("add")
class SharedAdd(SharedLayer):
    """Twice (rows, ...) to the same."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The sum, exactly."""
        a, b = yield from together(settle(party, inputs[0]), settle(party, inputs[1]))
        return Tensor(a.value + b.value, step.bits, step.bits)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """The sum of both inputs'."""
        drift = inputs[0].drift + inputs[1].drift
        return Drift(bound + drift, drift)
