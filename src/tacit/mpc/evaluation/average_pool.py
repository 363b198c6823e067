"""AveragePool on shares: sums of windows times a public number, which stay to be rescaled. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import numpy as np

from tacit.graph import AveragePool, Layer
from tacit.graph.layers import INPUT
from tacit.graph.layers.windows import windows
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, rescaled, shared
from tacit.mpc.evaluation.max_pool import window
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Words


@shared("average_pool")
class SharedAveragePool(SharedLayer):
    """(rows, channels, height, width) to (rows, channels, rows of windows, columns of windows)."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The sums times the layer's public reciprocal."""
        x = yield from settle(party, inputs[0])
        size, stride, padding = window(step)
        factor, shift = AveragePool("pool", (INPUT,), size, stride, padding).reciprocal(fraction_bits)

        def totals(words: Words) -> Words:
            sums: Words = windows(words, size, stride, padding, 0).sum(axis=(-2, -1), dtype=np.uint64)
            return sums

        return Tensor(x.value.map(totals).times(factor), step.accumulator_bits, step.bits, shift)

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """Each element of a window counts."""
        pool = cast(AveragePool, layer)
        factor, shift = pool.reciprocal(fraction_bits)
        return rescaled(bound, prod(pool.size) * factor * inputs[0].drift, shift)
