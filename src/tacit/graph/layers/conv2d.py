"""Conv2d: a two-dimensional convolution (a cross-correlation, as everywhere in machine learning), zero padding.

y[o, r, c] = rescale(sum_{i, a, b} weight[o, i, a, b] * x[i, r*s + a - p, c*s + b - p] + bias[o], g), with s and p the
stride and padding of that axis and x = 0 outside. Weight, bias, g and accumulator as in Linear. No groups, no dilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Array, Ints, Shape, as_floats
from tacit.graph.layers.affine import Affine
from tacit.graph.layers.layer import WEIGHT_BITS, FloatLayer, layer, pair, tensor
from tacit.graph.layers.windows import Pair, as_pair, padded_size, window_shape, windows

_MAX_KERNEL = 64


@layer("conv2d")
@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Affine):
    """weight: (outputs, channels, kh, kw) with g fractional bits; bias: (outputs,) with f + g."""

    weight: Ints = field(metadata=tensor(rank=4))
    bias: Ints = field(metadata=tensor(rank=1))
    stride: Pair = field(metadata=pair(least=1))
    padding: Pair = field(metadata=pair(least=0))
    weight_bits: int = field(metadata=WEIGHT_BITS)

    @staticmethod
    def of(
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        name: str = "",
        inputs: tuple[str, ...] = (),
        weight_bits: int | None = None,
    ) -> FloatLayer:
        """A float layer: weight (outputs, channels, kh, kw), bias (outputs,) or None for zeros."""
        floats = as_floats(weight, f"layer {name!r} (conv2d), weight")
        if floats.ndim != 4:
            raise GraphError(
                f"layer {name!r} (conv2d): weight has shape {floats.shape}, not (outputs, channels, kh, kw)"
            )
        zeros = np.zeros(len(floats))
        biases = zeros if bias is None else as_floats(bias, f"layer {name!r} (conv2d), bias")
        options = {"stride": as_pair(stride), "padding": as_pair(padding)}
        return FloatLayer(Conv2d, {"weight": floats, "bias": biases}, options, name, inputs, weight_bits)

    def check(self) -> None:
        """One bias for each output; padding narrower than the kernel."""
        if self.bias.shape != self.weight.shape[:1]:
            raise GraphError(f"layer {self}: bias {self.bias.shape} does not fit weight {self.weight.shape}")
        if max(self._kernel) > _MAX_KERNEL:
            raise GraphError(f"layer {self}: a kernel of {self._kernel} is wider than {_MAX_KERNEL}")
        if any(p >= k for p, k in zip(self.padding, self._kernel, strict=True)):
            raise GraphError(f"layer {self}: padding {self.padding} is not narrower than the kernel {self._kernel}")

    @property
    def _kernel(self) -> Pair:
        return (self.weight.shape[2], self.weight.shape[3])

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(channels, height, width) to (outputs, rows, columns)."""
        _, rows, columns = window_shape(f"layer {self}", shapes[0], self._kernel, self.stride, self.padding)
        if shapes[0][0] != self.weight.shape[1]:
            raise GraphError(f"layer {self}: takes {self.weight.shape[1]} channels, not {shapes[0][0]}")
        return (len(self.weight), rows, columns)

    def work(self, shapes: Sequence[Shape]) -> int:
        """One multiplication for each weight and each place of the window."""
        return prod(self.output_shape(shapes)[1:]) * self.weight.size

    def scratch(self, shapes: Sequence[Shape]) -> int:
        """The padded input, and what the windows of one row of the output read of it."""
        return padded_size(shapes[0], self.padding) + self.output_shape(shapes)[2] * prod(self.weight.shape[1:])

    def parts(self) -> tuple[Ints, Ints]:
        """The weight, and the bias for each output."""
        return self.weight, self.bias[:, None, None]

    def products(self, x: Array, factor: Array) -> Array:
        """(rows, channels, height, width) to (rows, outputs, height, width), a matrix product for each output row."""
        view = windows(x, self._kernel, self.stride, self.padding, 0)
        batch, _, rows, columns = view.shape[:4]
        flat = factor.reshape(len(factor), -1).T
        total = np.empty((batch, len(factor), rows, columns), dtype=x.dtype)
        for row in range(rows):
            read = view[:, :, row].swapaxes(1, 2).reshape(batch, columns, len(flat))
            total[:, :, row] = (read @ flat).swapaxes(1, 2)
        return total
