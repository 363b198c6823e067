"""Linear: a matrix times a vector, plus a bias.

y[o] = rescale(sum_i weight[o, i] * x[i] + bias[o], g), where the weight has g = weight_bits fractional bits and the
accumulator and the bias have f + g. Unless the graph's builder found more bits useful, g = f.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape, as_floats, quantise, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator, largest
from tacit.graph.layers.layer import WEIGHT_BITS, FloatLayer, Layer, layer, tensor


@layer("linear")
@dataclass(frozen=True, eq=False, repr=False)
class Linear(Layer):
    """weight: (outputs, inputs) with g fractional bits; bias: (outputs,) with f + g."""

    weighted = True

    weight: Ints = field(metadata=tensor(rank=2))
    bias: Ints = field(metadata=tensor(rank=1))
    weight_bits: int = field(metadata=WEIGHT_BITS)

    @staticmethod
    def of(
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        name: str = "",
        inputs: tuple[str, ...] = (),
        weight_bits: int | None = None,
    ) -> FloatLayer:
        """A float layer: weight (outputs, inputs), bias (outputs,) or None for zeros."""
        floats = as_floats(weight, f"layer {name!r} (linear), weight")
        if floats.ndim != 2:
            raise GraphError(f"layer {name!r} (linear): weight has shape {floats.shape}, not (outputs, inputs)")
        zeros = np.zeros(len(floats))
        biases = zeros if bias is None else as_floats(bias, f"layer {name!r} (linear), bias")
        return FloatLayer(Linear, {"weight": floats, "bias": biases}, {}, name, inputs, weight_bits)

    @classmethod
    def quantise(cls, source: FloatLayer, fraction_bits: int, weight_bits: int) -> Self:
        """The weight rounded to g bits, the bias to f + g."""
        where = f"layer {source.name!r} (linear)"
        weight = quantise(source.weights["weight"], weight_bits, f"{where}, weight")
        bias = quantise(source.weights["bias"], fraction_bits + weight_bits, f"{where}, bias")
        return cls(source.name, source.inputs, weight, bias, weight_bits)

    def check(self) -> None:
        """One bias for each output."""
        if self.bias.shape != self.weight.shape[:1]:
            raise GraphError(f"layer {self}: bias {self.bias.shape} does not fit weight {self.weight.shape}")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(inputs,) to (outputs,)."""
        outputs, inputs = self.weight.shape
        if shapes[0] != (inputs,):
            raise GraphError(
                f"layer {self}: takes a tensor of shape {(inputs,)}, not {shapes[0]}"
                + ("; put a Flatten before it" if len(shapes[0]) > 1 else "")
            )
        return (outputs,)

    def work(self, shapes: Sequence[Shape]) -> int:
        """One multiplication for each weight."""
        return self.weight.size

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: sum |weight| * max|x| + |bias|, so no partial sum in any order passes it."""
        x = inputs[0]
        size, reach = np.abs(self.weight), x.magnitudes

        def exact_at(index: tuple[int, ...]) -> int:
            row = zip(size[index].tolist(), reach.tolist(), strict=True)
            return int(sum(w * m for w, m in row)) + abs(int(self.bias[index]))

        estimate = size.astype(np.float64) @ reach.astype(np.float64) + np.abs(self.bias).astype(np.float64)
        bound = largest(estimate, lambda: size @ reach + np.abs(self.bias), exact_at)
        check_accumulator(str(self), bound)
        up: Ints = np.maximum(self.weight, 0)
        down: Ints = np.minimum(self.weight, 0)
        low: Ints = up @ x.low + down @ x.high + self.bias
        high: Ints = up @ x.high + down @ x.low + self.bias
        return LayerBounds(Interval(low, high).map(lambda a: rescale(a, self.weight_bits)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, inputs) to (rows, outputs)."""
        return rescale(inputs[0] @ self.weight.T + self.bias, self.weight_bits)
