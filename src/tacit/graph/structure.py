"""What must hold of a graph before it is one: the input's range, the order of the layers, and what a row may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import INPUT_LIMIT, Floats, Shape, first_index, nearest, show_index
from tacit.graph.intervals import Interval
from tacit.graph.layers import INPUT, ArgMax, Layer, Softmax

MAX_LAYERS = 1024
MAX_RANK = 8
MAX_ELEMENTS = 2**24  # int64 values that one row may take, in all tensors and scratch together
MAX_WORK = 2**31  # elementary operations that one row may cost


def encode_range(low: Floats, high: Floats, fraction_bits: int) -> Interval:
    """The integers between which encoded inputs lie; GraphError where they could pass 2**53."""
    if low.shape != high.shape or not ((-np.inf < low) & (low <= high) & (high < np.inf)).all():
        raise GraphError("low and high must be finite, of one shape, and low at most high")
    ends = nearest(low, fraction_bits), nearest(high, fraction_bits)
    wide = np.maximum(np.abs(ends[0]), np.abs(ends[1])) > INPUT_LIMIT
    if wide.any():
        index = first_index(wide)
        raise GraphError(
            f"tensor {INPUT!r}, index {show_index(index)}: the range [{low[index]}, {high[index]}] passes 2**53"
            f" with {fraction_bits} fractional bits"
        )
    return Interval(ends[0].astype(np.int64), ends[1].astype(np.int64))


def check_order(layers: Sequence[Layer]) -> None:
    """Names are new, inputs are earlier, every tensor is read, and what belongs at the output is there."""
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise GraphError(f"a graph has from 1 to {MAX_LAYERS} layers, not {len(layers)}")
    seen, unread = {INPUT}, {INPUT}
    for layer in layers:
        for name in layer.inputs:
            if name not in seen:
                raise GraphError(f"layer {layer}: there is no earlier tensor {name!r}")
        if layer.name in seen:
            raise GraphError(f"layer {layer}: there are two of this name")
        seen.add(layer.name)
        unread = (unread - set(layer.inputs)) | {layer.name}
    if unread != {layers[-1].name}:
        raise GraphError(f"tensors that nothing reads: {', '.join(sorted(unread - {layers[-1].name}))}")
    for layer in layers[:-1]:
        followed = isinstance(layer, Softmax) and isinstance(layers[-1], ArgMax) and layers[-2] is layer
        if layer.terminal and not followed:
            raise GraphError(f"layer {layer}: belongs at the output; only a softmax may come before an arg max")


def tensor_shapes(layers: Sequence[Layer], input_shape: Shape) -> Mapping[str, Shape]:
    """Every tensor's shape, found without making any; GraphError where a row would take too much memory or time."""
    shapes = {INPUT: input_shape}
    elements, work = prod(input_shape), 0
    for layer in layers:
        inputs = [shapes[name] for name in layer.inputs]
        shapes[layer.name] = layer.output_shape(inputs)
        elements += prod(shapes[layer.name]) + layer.scratch(inputs)
        work += layer.work(inputs)
        if elements > MAX_ELEMENTS or work > MAX_WORK:
            raise GraphError(
                f"layer {layer}: one row would take {elements} values of memory and {work} operations up to here;"
                f" the most are {MAX_ELEMENTS} and {MAX_WORK}"
            )
    return MappingProxyType(shapes)
