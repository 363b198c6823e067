"""Unflatten on shares: nothing is sent, and what has to be rescaled may still wait."""

from __future__ import annotations

from collections.abc import Sequence

from tacit.graph import Layer
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


@shared("unflatten")
class SharedUnflatten(SharedLayer):
    """(rows, channels * height * width) to (rows, channels, height, width)."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The same numbers in the same order."""
        x = inputs[0]
        sides = [step.number(side) for side in ("channels", "height", "width")]
        return x.having(x.value.reshape(x.value.shape[0], *sides))
        yield  # a protocol of no rounds

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Nothing changes."""
        return Drift(bound + inputs[0].drift, inputs[0].drift)
