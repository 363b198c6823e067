"""Conv2d: a two-dimensional convolution (a cross-correlation, as everywhere in machine learning), zero padding.

y[o, r, c] = rescale(sum_{i, a, b} weight[o, i, a, b] * x[i, r*s + a - p, c*s + b - p] + bias[o], g), with s and p the
stride and padding of that axis and x = 0 outside. Weight, bias, g and accumulator as in Linear. No groups, no dilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Ints, Shape, as_floats, quantise, rescale
from tacit.graph.intervals import Interval, LayerBounds, check_accumulator, largest
from tacit.graph.layers.layer import WEIGHT_BITS, FloatLayer, Layer, layer, pair, tensor
from tacit.graph.layers.windows import Pair, as_pair, padded_size, window_shape, windows

_MAX_KERNEL = 64
_A = TypeVar("_A", bound=npt.NDArray[Any])


@layer("conv2d")
@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Layer):
    """weight: (outputs, channels, kh, kw) with g fractional bits; bias: (outputs,) with f + g."""

    weighted = True

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

    @classmethod
    def quantise(cls, source: FloatLayer, fraction_bits: int, weight_bits: int) -> Self:
        """The weight rounded to g bits, the bias to f + g."""
        where = f"layer {source.name!r} (conv2d)"
        weight = quantise(source.weights["weight"], weight_bits, f"{where}, weight")
        bias = quantise(source.weights["bias"], fraction_bits + weight_bits, f"{where}, bias")
        options = source.options
        return cls(source.name, source.inputs, weight, bias, options["stride"], options["padding"], weight_bits)

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
        """The padded input, and what the window reads of it."""
        return 2 * padded_size(shapes[0], self.padding)

    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """Accumulator: sum |weight| * max|x| + |bias|, so no partial sum in any order passes it."""
        x = inputs[0]
        size, reach = np.abs(self.weight), x.magnitudes
        bias = self.bias[:, None, None]

        def exact_at(index: tuple[int, ...]) -> int:
            patches = windows(reach, self._kernel, self.stride, self.padding, 0)[:, index[1], index[2]]
            terms = zip(size[index[0]].ravel().tolist(), patches.ravel().tolist(), strict=True)
            return int(sum(w * m for w, m in terms)) + abs(int(self.bias[index[0]]))

        def exact() -> Ints:
            sums: Ints = self._correlate(reach[None], size)[0] + np.abs(bias)
            return sums

        estimate = self._correlate(reach[None].astype(np.float64), size.astype(np.float64))[0]
        bound = largest(estimate + np.abs(bias).astype(np.float64), exact, exact_at)
        check_accumulator(str(self), bound)
        ends, swapped = np.stack([x.low, x.high]), np.stack([x.high, x.low])
        up, down = np.maximum(self.weight, 0), np.minimum(self.weight, 0)
        low, high = self._correlate(ends, up) + self._correlate(swapped, down) + bias
        return LayerBounds(Interval(low, high).map(lambda a: rescale(a, self.weight_bits)), bound)

    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """(rows, channels, height, width) to (rows, outputs, height, width)."""
        accumulator = self._correlate(inputs[0], self.weight) + self.bias[:, None, None]
        return rescale(accumulator, self.weight_bits)

    def _correlate(self, x: _A, weight: _A) -> _A:
        """The sums alone, one matrix product for each place in the kernel."""
        rows, columns = window_shape(f"layer {self}", x.shape[1:], self._kernel, self.stride, self.padding)[1:]
        view = windows(x, self._kernel, self.stride, self.padding, 0)
        total = np.zeros((len(x), len(weight), rows * columns), dtype=x.dtype)
        for a, b in np.ndindex(*self._kernel):
            total += weight[:, :, a, b] @ view[..., a, b].reshape(*x.shape[:2], rows * columns)
        return total.reshape(len(x), len(weight), rows, columns)  # type: ignore[return-value]
