"""Windows that slide over rows and columns: the shapes that convolution and pooling share.

A tensor is (channels, height, width). A window of size (kh, kw) moves by `stride` over the tensor with `padding`
rows above and below and columns left and right; windows that would stick out at the end are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import Shape

Pair = tuple[int, int]


def as_pair(value: int | Sequence[int]) -> Pair:
    """Two whole numbers from one or two; GraphError where they are none."""
    try:
        numbers = tuple(map(index, value)) if isinstance(value, Sequence) else (index(value),) * 2
    except TypeError:
        numbers = ()
    if len(numbers) != 2:
        raise GraphError(f"{value!r}: one whole number, or two for rows and columns")
    return numbers


def window_shape(where: str, shape: Shape, size: Pair, stride: Pair, padding: Pair) -> Shape:
    """(channels, height, width) to (channels, rows of windows, columns of windows); GraphError where none fits."""
    if len(shape) != 3:
        advice = "; put an Unflatten before it" if len(shape) == 1 else ""
        raise GraphError(f"{where}: takes a tensor of shape (channels, height, width), not {shape}{advice}")
    room = tuple(side + 2 * pad - k for side, pad, k in zip(shape[1:], padding, size, strict=True))
    if min(room) < 0:
        raise GraphError(f"{where}: a window of {size} does not fit {shape} with padding {padding}")
    return (shape[0], room[0] // stride[0] + 1, room[1] // stride[1] + 1)


def padded_size(shape: Shape, padding: Pair) -> int:
    """How many elements (channels, height, width) has with its padding."""
    return shape[0] * (shape[1] + 2 * padding[0]) * (shape[2] + 2 * padding[1])


def windows(x: npt.NDArray[Any], size: Pair, stride: Pair, padding: Pair, fill: int) -> npt.NDArray[Any]:
    """A view of (..., height, width) as (..., rows, columns, kh, kw), padded with `fill`."""
    if padding != (0, 0):
        edges = [(0, 0)] * (x.ndim - 2) + [(p, p) for p in padding]
        x = np.pad(x, edges, constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=(-2, -1))
    return view[..., :: stride[0], :: stride[1], :, :]
