"""Sigmoid on shares, by the graph's own table: see `functions.sigmoid`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tacit.graph import Layer
from tacit.graph.fixed import Shape
from tacit.mpc.evaluation.layer import TABLE_WORDS, Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.sigmoid import sigmoid
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


@shared("sigmoid")
class SharedSigmoid(SharedLayer):
    """(rows, ...) to the same."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """Within one unit of the graph's layer on the same input."""
        x = yield from settle(party, inputs[0])
        value = yield from sigmoid(party, x.value, fraction_bits, x.bits)
        return Tensor(value, step.bits, step.bits)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """The slope is at most 1/4."""
        drift = inputs[0].drift
        return Drift(1 << 3 * fraction_bits, -(-drift // 4) + (2 if drift else 1))

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """What a table takes."""
        return TABLE_WORDS * prod(after)
