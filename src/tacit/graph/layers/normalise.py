"""Normalise: (x - mean) * scale, feature by feature or channel by channel.

y = rescale(x * scale + offset, g), where the scale has g = weight_bits fractional bits and the accumulator and the
offset, -mean * scale, have f + g. When a graph is built it is folded into a neighbouring Linear or Conv2d if it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Array, Floats, Ints, Shape, as_floats
from tacit.graph.layers.affine import Affine
from tacit.graph.layers.layer import WEIGHT_BITS, FloatLayer, layer, tensor


@layer("normalise")
@dataclass(frozen=True, eq=False, repr=False)
class Normalise(Affine):
    """scale, offset: of one shape, (1,) or the input's with some axes of length 1; g and f + g fractional bits."""

    scale: Ints = field(metadata=tensor())
    offset: Ints = field(metadata=tensor())
    weight_bits: int = field(metadata=WEIGHT_BITS)

    @staticmethod
    def of(
        mean: npt.ArrayLike,
        scale: npt.ArrayLike,
        *,
        name: str = "",
        inputs: tuple[str, ...] = (),
        weight_bits: int | None = None,
    ) -> FloatLayer:
        """A float layer (x - mean) * scale: mean and scale as many axes as x, or scalars."""
        means = as_floats(mean, f"layer {name!r} (normalise), mean")
        scales = as_floats(scale, f"layer {name!r} (normalise), scale")
        means, scales = _one_shape(means, scales, name)
        with np.errstate(over="ignore", invalid="ignore"):
            return Normalise.affine(scales, -means * scales, name=name, inputs=inputs, weight_bits=weight_bits)

    @staticmethod
    def affine(
        scale: npt.ArrayLike,
        offset: npt.ArrayLike,
        *,
        name: str = "",
        inputs: tuple[str, ...] = (),
        weight_bits: int | None = None,
    ) -> FloatLayer:
        """A float layer x * scale + offset."""
        scales = as_floats(scale, f"layer {name!r} (normalise), scale")
        offsets = as_floats(offset, f"layer {name!r} (normalise), offset")
        scales, offsets = _one_shape(scales, offsets, name)
        weights: dict[str, Floats] = {"scale": scales, "offset": offsets}
        return FloatLayer(Normalise, weights, {}, name, inputs, weight_bits)

    def check(self) -> None:
        """One offset for each scale."""
        if self.scale.shape != self.offset.shape:
            raise GraphError(f"layer {self}: offset {self.offset.shape} does not fit scale {self.scale.shape}")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape."""
        shape = shapes[0]
        own = self.scale.shape
        if own != (1,) and (len(own) != len(shape) or any(o not in (1, s) for o, s in zip(own, shape, strict=True))):
            raise GraphError(f"layer {self}: scale of shape {self.scale.shape} does not fit a tensor of {shape}")
        return shape

    def parts(self) -> tuple[Ints, Ints]:
        """The scale and the offset."""
        return self.scale, self.offset

    def products(self, x: Array, factor: Array) -> Array:
        """(rows, ...) to the same."""
        return x * factor


def _one_shape(first: Floats, second: Floats, name: str) -> tuple[Floats, Floats]:
    """Both with the shape that they broadcast to, which has an axis at least; GraphError where there is none."""
    try:
        pair = np.broadcast_arrays(np.atleast_1d(first), second)
    except ValueError as error:
        shapes = f"{first.shape} and {second.shape}"
        raise GraphError(f"layer {name!r} (normalise): shapes {shapes} do not fit each other") from error
    return pair[0], pair[1]
