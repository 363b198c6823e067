"""Layers that multiply by one tensor, add another, and rescale: y = rescale(products(x, factor) + term, g).

The factor has g = weight_bits fractional bits, the accumulator and the term f + g.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

from tacit.graph.fixed import Array, Ints, quantise, rescale
from tacit.graph.intervals import Interval, LayerBounds, sums
from tacit.graph.layers.layer import FloatLayer, Layer


class Affine(Layer):
    """A layer whose first two fields are the factor and the term, and which has a field weight_bits."""

    weighted: ClassVar[bool] = True
    weight_bits: int

    @abstractmethod
    def parts(self) -> tuple[Ints, Ints]:
        """The factor, and the term in a shape that broadcasts against the products."""

    @abstractmethod
    def products(self, x: Array, factor: Array) -> Array:
        """The sums of products alone, of rows x and a factor of one dtype, by additions and multiplications."""

    @classmethod
    def quantise(cls, source: FloatLayer, fraction_bits: int, weight_bits: int) -> Self:
        """The factor rounded to g bits, the term to f + g."""
        names = [item.name for item in fields(cls) if item.metadata.get("tensor")]
        parameters: dict[str, Any] = {
            name: quantise(source.weights[name], bits, f"layer {source.name!r} ({cls.kind}), {name}")
            for name, bits in zip(names, (weight_bits, fraction_bits + weight_bits), strict=True)
        }
        parameters |= {**source.options, "weight_bits": weight_bits}
        return cls(source.name, source.inputs, **parameters)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: the sum of |factor| * max|x|, and |term|, so no partial sum in any order passes it."""
        accumulators, bound = sums(str(self), *self.parts(), inputs[0], self.products)
        return LayerBounds(accumulators.map(lambda a: rescale(a, self.weight_bits)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, ...) to (rows, ...)."""
        factor, term = self.parts()
        return rescale(self.products(inputs[0], factor) + term, self.weight_bits)
