"""Softmax on shares: see `functions.softmax`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tacit.graph import Layer
from tacit.graph.fixed import Shape
from tacit.mpc.evaluation.layer import TABLE_WORDS, Drift, Input, SharedLayer, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.softmax import softmax
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Words


@shared("softmax")
class SharedSoftmax(SharedLayer):
    """(rows, classes) to the same."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """Within a unit and a bit of the graph's layer on the same input."""
        x = yield from settle(party, inputs[0])
        value = yield from softmax(party, x.value.map(turned), fraction_bits, x.bits)
        return Tensor(value.map(turned), step.bits, step.bits)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Of x the outputs move by half as much at most, and then comes what the division and the exponentials add."""
        x, one = inputs[0], 1 << fraction_bits
        classes = prod(x.shape)
        own = 2 - (-2 * (classes + 1) // one)
        sums = 1 << 2 * fraction_bits + classes.bit_length()
        reach = max(2 * (x.magnitude + x.drift), sums, 1 << 3 * fraction_bits)
        return Drift(reach, min(x.drift + own, one + 1))

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """What a table takes."""
        return TABLE_WORDS * prod(after)


def turned(words: Words) -> Words:
    """The other axis first."""
    return np.ascontiguousarray(words.T)
