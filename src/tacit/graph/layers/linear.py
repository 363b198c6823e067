"""Linear: a matrix times a vector, plus a bias.

y[o] = rescale(sum_i weight[o, i] * x[i] + bias[o], g), where the weight has g = weight_bits fractional bits and the
accumulator and the bias have f + g. Unless the graph's builder found more bits useful, g = f.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Array, Ints, Shape, as_floats
from tacit.graph.layers.affine import Affine
from tacit.graph.layers.layer import WEIGHT_BITS, FloatLayer, layer, tensor


@layer("linear")
@dataclass(frozen=True, eq=False, repr=False)
class Linear(Affine):
    """weight: (outputs, inputs) with g fractional bits; bias: (outputs,) with f + g."""

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

    def parts(self) -> tuple[Ints, Ints]:
        """The weight and the bias."""
        return self.weight, self.bias

    def products(self, x: Array, factor: Array) -> Array:
        """(rows, inputs) to (rows, outputs)."""
        return x @ factor.T
