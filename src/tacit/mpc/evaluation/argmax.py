"""ArgMax on shares: a tournament on values and places; see `functions.maximum`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tacit.graph import Layer
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.softmax import turned
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.maximum import argmax
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


@shared("argmax")
class SharedArgMax(SharedLayer):
    """(rows, classes) to (rows, 1)."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The class as a fixed-point number, exactly that of the shared input: the first of several greatest."""
        x = yield from settle(party, inputs[0])
        places = yield from argmax(party, x.value.map(turned), x.bits)
        return Tensor(places.reshape(-1, 1).times(1 << fraction_bits), step.bits, step.bits)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Any class may win where two inputs are almost equal."""
        x = inputs[0]
        return Drift(bound + 2 * x.drift, (prod(x.shape) - 1) << fraction_bits if x.drift else 0)
