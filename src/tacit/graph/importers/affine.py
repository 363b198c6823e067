"""A tensor and a constant, added, subtracted, multiplied or divided: a Normalise layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import Floats, Shape
from tacit.graph.layers import FloatLayer, Normalise

# (scale, offset) of x op c for each op; "from" is c - x.
_SCALE_AND_OFFSET: dict[str, Callable[[Floats], tuple[Floats, Floats]]] = {
    "add": lambda c: (np.ones_like(c), c),
    "sub": lambda c: (np.ones_like(c), -c),
    "from": lambda c: (-np.ones_like(c), c),
    "mul": lambda c: (c, np.zeros_like(c)),
    "div": lambda c: (1 / c, np.zeros_like(c)),
}


def affine(where: str, operation: str, constant: Floats, shape: Shape) -> FloatLayer:
    """x op constant for a tensor x of this shape: add, sub, from, mul, div; `from` is constant - x.

    constant: a number, or an array that broadcasts to the shape (a batch axis of length 1 before it is allowed).
    GraphError, beginning with `where`, where it does not: the result would have more axes, or another shape.
    """
    values = np.asarray(constant, dtype=np.float64)
    if values.ndim == len(shape) + 1 and len(values) == 1:
        values = values[0]
    axes = values.reshape(*[1] * (len(shape) - values.ndim), *values.shape)
    if axes.ndim != len(shape) or any(v not in (1, s) for v, s in zip(axes.shape, shape, strict=True)):
        raise GraphError(f"{where}: a constant of shape {np.shape(constant)} does not fit rows of shape {shape}")
    values = axes.reshape(1) if axes.size == 1 else axes
    with np.errstate(divide="ignore", over="ignore"):
        return Normalise.affine(*_SCALE_AND_OFFSET[operation](values))
