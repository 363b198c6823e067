"""From float layers to a graph: names and shapes, folding, rounding of weights, and the bits that fit.

`Draft` collects a model's float layers; every importer fills one. `assemble` rounds the weights and makes the Graph.

A weight has as many fractional bits as the tensors, f, unless its layer reads the graph's own input (perhaps reshaped)
and that input can exceed 1 in absolute value: then it gets one more bit for each power of two, as long as the
accumulator still fits. So a column of incomes up to 2**20, whose coefficient may well be 1e-5, costs no accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from tacit.errors import GraphError
from tacit.graph.fixed import (
    DEFAULT_FRACTION_BITS,
    MAX_WEIGHT_BITS,
    MIN_FRACTION_BITS,
    Floats,
    Shape,
    as_floats,
    check_fraction_bits,
    first_index,
    show_index,
)
from tacit.graph.fold import fold
from tacit.graph.graph import Graph
from tacit.graph.intervals import AccumulatorError, Interval
from tacit.graph.layers import INPUT, Flatten, FloatLayer, Layer, Linear, Unflatten
from tacit.graph.structure import MAX_ELEMENTS, MAX_LAYERS, encode_range, tensor_shapes


class Draft:
    """A model's float layers while they are collected, with the shape of every tensor so far.

    layers: named, and their inputs too. shapes: by tensor, without the batch axis. notes: what the import report says.
    """

    def __init__(self, input_shape: Shape) -> None:
        self.layers: list[FloatLayer] = []
        self.shapes: dict[str, Shape] = {INPUT: input_shape}
        self.notes: list[str] = []

    @property
    def last(self) -> str:
        """The tensor that the latest layer makes, or the input."""
        return self.layers[-1].name if self.layers else INPUT

    def add(self, layer: FloatLayer, *inputs: str, name: str = "") -> str:
        """Appends a layer and returns the name of its tensor, made unique; GraphError where shapes do not fit."""
        sources = inputs or layer.inputs or (self.last,)
        unknown = [source for source in sources if source not in self.shapes]
        if unknown:
            raise GraphError(f"layer {layer.name or name!r}: there is no earlier tensor {unknown[0]!r}")
        if layer.name and layer.name in self.shapes:
            raise GraphError(f"layer {layer.name!r}: there are two of this name")
        named = replace(layer, name=layer.name or self._unique(name, layer.kind.kind), inputs=sources)
        shape = named.output_shape([self.shapes[source] for source in sources])
        if prod(shape) > MAX_ELEMENTS or len(self.layers) == MAX_LAYERS:
            raise GraphError(
                f"layer {named.name!r}: its tensor has {prod(shape)} elements and it is layer {len(self.layers) + 1};"
                f" the most are {MAX_ELEMENTS} and {MAX_LAYERS}"
            )
        self.shapes[named.name] = shape
        self.layers.append(named)
        return named.name

    def keep(self, output: str) -> None:
        """Drops the layers that `output` does not depend on; GraphError where nothing is left."""
        needed = {output}
        for layer in reversed(self.layers):
            if layer.name in needed:
                needed.update(layer.inputs)
        dropped = [layer.name for layer in self.layers if layer.name not in needed]
        if dropped:
            self.notes.append(f"not needed for the output, left out: {', '.join(dropped)}")
        self.layers = [layer for layer in self.layers if layer.name in needed]
        if not self.layers:
            raise GraphError("the model has no layers: its output is its input")

    def _unique(self, wanted: str, kind: str) -> str:
        base = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in wanted)[:56].strip("_.-")
        if base and base not in self.shapes:
            return base
        stem, number = base or kind, 2 if base else 1
        while f"{stem}_{number}" in self.shapes:
            number += 1
        return f"{stem}_{number}"


def build(
    layers: Sequence[FloatLayer],
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    input_shape: Shape | None = None,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
    weight_bits: int | None = None,
) -> Graph:
    """The graph of these float layers; see Graph.build."""
    first = layers[0] if layers else None
    guess = (first.weights["weight"].shape[1],) if first is not None and first.kind is Linear else None
    lows, highs = input_range(low, high, input_shape, guess)
    draft = Draft(lows.shape)
    for layer in layers:
        draft.add(layer)
    if not layers:
        raise GraphError("a graph needs at least one layer")
    return assemble(draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)


def input_range(
    low: npt.ArrayLike, high: npt.ArrayLike, input_shape: Shape | None, guess: Shape | None = None
) -> tuple[Floats, Floats]:
    """low and high as float64 arrays of the input's shape: the given one, that of low and high, or the model's own."""
    lows, highs = as_floats(low, "low"), as_floats(high, "high")
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else input_shape
    try:
        together = np.broadcast_shapes(lows.shape, highs.shape)
        if shape is None:
            shape = guess if guess and together in ((), (1,)) else together or None
        if shape is None:
            raise GraphError("the shape of the input is unknown: give input_shape, or low and high for each feature")
        if not shape or not isinstance(shape, tuple) or not all(type(side) is int and side > 0 for side in shape):
            raise GraphError(f"input_shape is {shape}: it must be positive whole numbers, without the batch axis")
        if prod(shape) > MAX_ELEMENTS:
            raise GraphError(f"input_shape is {shape}: a row may have {MAX_ELEMENTS} elements at most")
        pair = np.broadcast_to(lows, shape).copy(), np.broadcast_to(highs, shape).copy()
    except ValueError as error:
        raise GraphError(f"low {lows.shape} and high {highs.shape} do not fit an input of shape {shape}") from error
    bad = ~(pair[0] <= pair[1]) | ~np.isfinite(pair[0]) | ~np.isfinite(pair[1])
    if bad.any():
        index = first_index(bad)
        raise GraphError(f"the range of the input at {show_index(index)} is [{pair[0][index]}, {pair[1][index]}]")
    return pair


def assemble(draft: Draft, low: Floats, high: Floats, *, fraction_bits: int, weight_bits: int | None = None) -> Graph:
    """The graph of a draft whose last layer is the output.

    AccumulatorError, naming the layer, its bound and the largest fraction_bits that fits, where one could pass 2**62;
    any other GraphError, a bias past 2**62 say, names the largest fraction_bits that fits where there is one.
    """
    check_fraction_bits(fraction_bits)
    if weight_bits is not None and not (type(weight_bits) is int and 1 <= weight_bits <= MAX_WEIGHT_BITS):
        raise GraphError(f"weight_bits is {weight_bits!r}: it must be a whole number from 1 to {MAX_WEIGHT_BITS}")
    layers, notes = fold(draft.layers, draft.shapes)
    if not layers:
        raise GraphError("the model has no layers: its output is its input")
    draft.notes += notes
    tensor_shapes([_outline(layer) for layer in layers], low.shape)  # before bounds, which take memory and time too
    try:
        return Graph(_quantise_all(layers, low, high, fraction_bits, weight_bits), low, high, fraction_bits)
    except GraphError as error:
        fits = _largest_that_fits(layers, low, high, fraction_bits, weight_bits)
        advice = f"fraction_bits is {fraction_bits}, and the largest that fits is {fits}"
        if isinstance(error, AccumulatorError):
            none = f"no fraction_bits from {MIN_FRACTION_BITS} fits: narrow low and high, or scale the features"
            raise AccumulatorError(error.layer, error.bound, advice if fits else none) from error
        if fits:
            raise GraphError(f"{error}; {advice}") from error
        raise


def _outline(layer: FloatLayer) -> Layer:
    """The integer layer with zeros for weights: enough to know its shapes and what it costs."""
    zeros = {name: np.broadcast_to(np.zeros(1), values.shape) for name, values in layer.weights.items()}
    return replace(layer, weights=zeros).quantise(MIN_FRACTION_BITS, MIN_FRACTION_BITS)


def _largest_that_fits(
    layers: Sequence[FloatLayer], low: Floats, high: Floats, fraction_bits: int, weight_bits: int | None
) -> int | None:
    for smaller in range(fraction_bits - 1, MIN_FRACTION_BITS - 1, -1):
        try:
            Graph(_quantise_all(layers, low, high, smaller, weight_bits), low, high, smaller)
        except GraphError:
            continue
        return smaller
    return None


def _quantise_all(
    layers: Sequence[FloatLayer], low: Floats, high: Floats, fraction_bits: int, weight_bits: int | None
) -> list[Layer]:
    known: dict[str, Interval] = {INPUT: encode_range(low, high, fraction_bits)}
    raw = {INPUT}  # the input, and its reshaped forms
    quantised = []
    for layer in layers:
        inputs = [known[source] for source in layer.inputs]
        reads_input = raw.issuperset(layer.inputs)
        done, known[layer.name] = _quantise(layer, inputs, fraction_bits, weight_bits, reads_input)
        quantised.append(done)
        if reads_input and layer.kind in (Flatten, Unflatten):
            raw.add(layer.name)
    return quantised


def _quantise(
    layer: FloatLayer, inputs: Sequence[Interval], fraction_bits: int, weight_bits: int | None, reads_input: bool
) -> tuple[Layer, Interval]:
    """The layer in integers, its weights with the most bits (of those it may use) that fit, and its bounds."""
    least = layer.weight_bits or weight_bits or fraction_bits
    most = least
    if layer.kind.weighted and layer.weight_bits is None and weight_bits is None and reads_input:
        excess = (max(inputs[0].magnitude - 1, 0) >> fraction_bits).bit_length()
        most = min(least + excess, MAX_WEIGHT_BITS)
    for bits in range(most, least - 1, -1):
        try:
            candidate = layer.quantise(fraction_bits, bits)
            return candidate, candidate.bounds(inputs, fraction_bits).output
        except GraphError:
            if bits == least:
                raise
    raise AssertionError("unreachable: the last of the bits returns or raises")
