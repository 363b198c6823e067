"""ReLU on shares: only noted here; `tensor.settle` takes it together with the rescaling, on the accumulator."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Layer
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


@shared("relu")
class SharedReLU(SharedLayer):
    """(rows, ...) to the same."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The same value, to be rectified."""
        x = inputs[0]
        return Tensor(x.value, x.bits, step.bits, x.shift, rectified=True)
        yield  # a protocol of no rounds

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Nothing grows."""
        return Drift(bound + inputs[0].drift, inputs[0].drift)
