"""The skeleton of a graph: what all three parties know of a model whose weights are shared.

It tells the layers' kinds, how they are joined, shapes, strides, paddings, the fractional bits of tensors and
weights, and for each tensor and accumulator how many bits it may have, rounded up to a multiple of 8. It tells no
weight, no range of the input and no name. The bits are a bound on the weights' size: that an accumulator has 41 to 48
bits says how large the sum of a row of weights may be, to a factor of 256. docs/protocols/mpc-functions.md says this
to users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from math import prod
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from tacit import canonical
from tacit.errors import FormatError, GraphError
from tacit.graph import LAYERS, Graph, Layer
from tacit.graph.fixed import MAX_FRACTION_BITS, MIN_FRACTION_BITS, Shape
from tacit.graph.layers import INPUT
from tacit.graph.structure import MAX_LAYERS, MAX_RANK, check_order, tensor_shapes
from tacit.mpc.replicated import Words

MAX_BYTES = 2**20
MAX_WEIGHTS = 2**25  # words of all weights together
STEP_OF_BITS = 8
MOST_BITS = 62  # of anything: absolute values stay below 2^61

Side = Annotated[int, msgspec.Meta(ge=1, le=2**24)]
Sides = Annotated[tuple[Side, ...], msgspec.Meta(min_length=1, max_length=MAX_RANK)]
# Not as a union of a number and a pair, which msgspec 0.22 is known to decode wrongly where there are bounds.
Option = Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=2)]
NumberOfBits = Annotated[int, msgspec.Meta(ge=2, le=MOST_BITS)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public part of one layer.

    inputs: numbers of tensors, 0 for the graph's input, i for the i-th layer's. options: one number each, or two.
    weights: the shapes of its weights in order. accumulator_bits, bits: k of a bound -2^(k-1) <= x < 2^(k-1) on its
    accumulators and on its tensor.
    """

    kind: Annotated[str, msgspec.Meta(max_length=32)]
    inputs: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=2)]
    options: Annotated[dict[str, Option], msgspec.Meta(max_length=8)]
    weights: Annotated[tuple[Sides, ...], msgspec.Meta(max_length=2)]
    accumulator_bits: NumberOfBits
    bits: NumberOfBits

    def number(self, option: str) -> int:
        """An option that is one number."""
        (value,) = self.options[option]
        return value

    def pair(self, option: str) -> tuple[int, int]:
        """An option that is two numbers."""
        first, second = self.options[option]
        return first, second


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal["tacit.mpc.skeleton/1"]
    fraction_bits: Annotated[int, msgspec.Meta(ge=MIN_FRACTION_BITS, le=MAX_FRACTION_BITS)]
    input_shape: Sides
    input_bits: NumberOfBits
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=MAX_LAYERS)]


class Skeleton:
    """The public part of a graph. Immutable; made by `Skeleton.of`, or from the bytes that another party sent."""

    def __init__(self, fraction_bits: int, input_shape: Shape, input_bits: int, steps: Sequence[Step]) -> None:
        """Raises GraphError where the steps do not make a graph."""
        self.fraction_bits, self.input_shape, self.input_bits = fraction_bits, input_shape, input_bits
        self.steps = tuple(steps)
        if sum(prod(shape) for step in self.steps for shape in step.weights) > MAX_WEIGHTS:
            raise GraphError(f"the weights have more than {MAX_WEIGHTS} words, which is the most on shares")
        layers = [_outline(number, step) for number, step in enumerate(self.steps, 1)]
        check_order(layers)
        self.shapes = tuple(tensor_shapes(layers, input_shape).values())

    @classmethod
    def of(cls, graph: Graph) -> Skeleton:
        """The skeleton of a graph; GraphError, naming the layer, where an accumulator could reach 2^61."""
        from tacit.mpc.evaluation.drift import reaches

        numbers = {INPUT: 0} | {layer.name: number for number, layer in enumerate(graph.layers, 1)}
        steps = [
            Step(
                layer.kind,
                tuple(numbers[name] for name in layer.inputs),
                _options(layer),
                tuple(values.shape for values in _weights(layer)),
                _bits(accumulator),
                _bits(output),
            )
            for layer, (accumulator, output) in zip(graph.layers, reaches(graph), strict=True)
        ]
        return cls(graph.fraction_bits, graph.input_shape, _bits(graph.bounds[INPUT].magnitude), steps)

    @classmethod
    def from_bytes(cls, data: bytes) -> Skeleton:
        """The skeleton that `to_bytes` wrote; FormatError for any other bytes, in bounded time and memory."""
        if len(data) > MAX_BYTES:
            raise FormatError(f"skeleton: {len(data)} bytes, and the most are {MAX_BYTES}")
        try:
            form = msgspec.msgpack.decode(data, type=_Form)
            skeleton = cls(form.fraction_bits, form.input_shape, form.input_bits, form.steps)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise FormatError(f"skeleton: not what it should be ({canonical.quote(str(error))})") from None
        except GraphError as error:
            raise FormatError(f"skeleton: {canonical.quote(str(error))}") from None
        if skeleton.to_bytes() != data:
            raise FormatError("skeleton: not in canonical form")
        return skeleton

    def to_bytes(self) -> bytes:
        """The skeleton in msgpack: the same one always gives the same bytes."""
        form = _Form("tacit.mpc.skeleton/1", self.fraction_bits, self.input_shape, self.input_bits, self.steps)
        return msgspec.msgpack.encode(form, order="deterministic")

    @cached_property
    def weight_shapes(self) -> tuple[Shape, ...]:
        """The shapes of the shared weights, in the order of `weights_of`."""
        return tuple(shape for step in self.steps for shape in step.weights)

    @property
    def output_shape(self) -> Shape:
        """The shape of one row of the output."""
        return self.shapes[-1]

    def __repr__(self) -> str:
        kinds = ", ".join(step.kind for step in self.steps)
        return f"Skeleton({self.input_shape} to {self.output_shape}: {kinds})"


def weights_of(graph: Graph) -> list[Words]:
    """The graph's secret arrays, in the order of `Skeleton.weight_shapes`: fresh words modulo 2^64, to be shared."""
    return [values.astype(np.int64).view(np.uint64) for layer in graph.layers for values in _weights(layer)]


def _weights(layer: Layer) -> list[Any]:
    return [getattr(layer, item.name) for item in fields(layer)[2:] if item.metadata.get("tensor")]


def _options(layer: Layer) -> dict[str, tuple[int, ...]]:
    found = {item.name: getattr(layer, item.name) for item in fields(layer)[2:] if not item.metadata.get("tensor")}
    return {name: value if isinstance(value, tuple) else (value,) for name, value in found.items()}


def _option(value: tuple[int, ...]) -> int | tuple[int, ...]:
    """As a layer of the graph has it; whether that one wants a number or a pair, it checks itself."""
    return value[0] if len(value) == 1 else value


def _bits(magnitude: int) -> int:
    needed = magnitude.bit_length() + 1
    return min(-(-needed // STEP_OF_BITS) * STEP_OF_BITS, MOST_BITS)


def _outline(number: int, step: Step) -> Layer:
    """The graph's layer with zeros for weights, which checks whatever a layer checks."""
    kind = LAYERS.get(step.kind)
    if kind is None:
        raise GraphError(f"there are no layers of kind {canonical.quote(step.kind)!r}")
    options, shapes = dict(step.options), list(step.weights)
    values: list[Any] = []
    for item in fields(kind)[2:]:
        tensor = bool(item.metadata.get("tensor"))
        if not (shapes if tensor else item.name in options):
            raise GraphError(f"layer {number} ({step.kind}) lacks {item.name}")
        values.append(np.zeros(shapes.pop(0), dtype=np.int64) if tensor else _option(options.pop(item.name)))
    if options or shapes:
        raise GraphError(f"layer {number} ({step.kind}) has options or weights that it should not have")
    return kind(str(number), tuple(INPUT if i == 0 else str(i) for i in step.inputs), *values)
