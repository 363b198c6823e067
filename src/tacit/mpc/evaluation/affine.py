"""Layers that multiply by shared weights, add a shared term, and leave an accumulator to be rescaled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import cast

import numpy as np

from tacit.graph import Layer
from tacit.graph.fixed import Floats
from tacit.graph.layers.affine import Affine
from tacit.mpc.evaluation.layer import Drift, Input, SharedLayer, above, rescaled
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic


class SharedAffine(SharedLayer):
    """products(x, factor) + term, with weight_bits more fractional bits than the tensor. One round."""

    @abstractmethod
    def products(self, party: Party, step: Step, x: Arithmetic, factor: Arithmetic) -> Protocol[Arithmetic]:
        """The sums of products, rows first."""

    @abstractmethod
    def spread(self, term: Arithmetic, ndim: int) -> Arithmetic:
        """The term in a shape that broadcasts against the products, which have `ndim` axes."""

    def evaluate(
        self, party: Party, fraction_bits: int, step: Step, inputs: Sequence[Tensor], weights: Sequence[Arithmetic]
    ) -> Protocol[Tensor]:
        """The accumulators, which stay to be rescaled by weight_bits."""
        x = yield from settle(party, inputs[0])
        factor, term = weights
        sums = yield from self.products(party, step, x.value, factor)
        total = sums + self.spread(term, sums.ndim)
        return Tensor(total, step.accumulator_bits, step.bits, step.number("weight_bits"))

    def drift(self, layer: Layer, fraction_bits: int, inputs: Sequence[Input], bound: int) -> Drift:
        """A unit of the input counts as often as the largest row of weights says."""
        affine = cast(Affine, layer)
        factor, _ = affine.parts()
        row = above(self.rows(np.abs(factor).astype(np.float64)))
        return rescaled(bound, row * inputs[0].drift, affine.weight_bits)

    def rows(self, sizes: Floats) -> Floats:
        """What the sizes of the factor's elements come to in one element of the output."""
        totals: Floats = sizes.reshape(len(sizes), -1).sum(axis=1)
        return totals
