"""What is public of a model: its layers, shapes and scales, the input's range, and how many bits each tensor has.

The prover makes it from the graph; the verifier has its bytes, and the statement's instance their digest. The bits are
those of the graph's own bounds, rounded up to whole ones: that much is told of the weights, and nothing else.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from math import prod
from typing import Annotated

import msgspec
import numpy as np

from tacit import canonical
from tacit.errors import ProofError
from tacit.graph import Graph
from tacit.graph.fixed import ACCUMULATOR_LIMIT, MAX_FRACTION_BITS, MIN_FRACTION_BITS, Ints, Shape
from tacit.graph.layers import INPUT
from tacit.graph.structure import MAX_ELEMENTS, MAX_LAYERS, MAX_RANK

VERSION = "tacit.architecture/1"

SQUARED_BITS = 31  # of a tensor that is squared: half of an accumulator's

_Size = Annotated[int, msgspec.Meta(ge=1, le=MAX_ELEMENTS)]
_Sizes = Annotated[tuple[_Size, ...], msgspec.Meta(min_length=1, max_length=MAX_RANK)]
_Option = Annotated[int, msgspec.Meta(ge=0, le=2**20)]
# One number, or two. Not as a union of both: msgspec 0.22 corrupts memory on `int | tuple[int, int]` with bounds.
_Options = Annotated[tuple[_Option, ...], msgspec.Meta(min_length=1, max_length=2)]
_Bits = Annotated[int, msgspec.Meta(ge=0, le=62)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One layer. parameters: the shapes of its tensors; bits: every |value| of its output is below 2^bits.

    parameter_bits: likewise of its tensors, which `statements.well_formed` shows; inference proofs need it not.
    """

    kind: str
    name: str
    inputs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=2)]
    options: dict[str, _Options]
    parameters: dict[str, _Sizes]
    parameter_bits: dict[str, _Bits]
    bits: _Bits

    def number(self, option: str) -> int:
        """An option that is one number; ProofError where there is none."""
        return self._option(option, 1)[0]

    def pair(self, option: str) -> tuple[int, int]:
        """An option that is two numbers; ProofError where there are none."""
        first, second = self._option(option, 2)
        return first, second

    def _option(self, option: str, count: int) -> tuple[int, ...]:
        value = self.options.get(option, ())
        if len(value) != count:
            raise ProofError(f"the architecture: layer {self.name!r} ({self.kind}): {option!r} is not {count} numbers")
        return value


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    fraction_bits: Annotated[int, msgspec.Meta(ge=MIN_FRACTION_BITS, le=MAX_FRACTION_BITS)]
    input_shape: _Sizes
    low: list[int]
    high: list[int]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=MAX_LAYERS)]


class Architecture:
    """low, high: int64 of the input's shape, the least and the greatest encoded input."""

    def __init__(self, description: _Description) -> None:
        self._description = description
        shape = description.input_shape
        if prod(shape) > MAX_ELEMENTS or {len(description.low), len(description.high)} != {prod(shape)}:
            raise ProofError(f"the architecture: the input's range does not fit its shape {shape}")
        ends = np.array([description.low, description.high], dtype=object)
        if (abs(ends) > ACCUMULATOR_LIMIT).any() or (ends[0] > ends[1]).any():
            raise ProofError("the architecture: the input's range is none")
        self.low, self.high = (end.astype(np.int64).reshape(shape) for end in ends)
        seen = {INPUT}
        for step in description.steps:
            if step.name in seen or not seen.issuperset(step.inputs):
                raise ProofError(f"the architecture: layer {step.name!r} is twice there, or reads what is not there")
            if step.parameters.keys() != step.parameter_bits.keys():
                raise ProofError(f"the architecture: layer {step.name!r} has not the bits of each of its parameters")
            seen.add(step.name)

    @classmethod
    def of(cls, graph: Graph) -> Architecture:
        """What is public of a graph."""
        bounds = graph.bounds
        steps = []
        for layer in graph.layers:
            items = fields(layer)[2:]
            tensors = {item.name: getattr(layer, item.name) for item in items if item.metadata.get("tensor")}
            options = {item.name: getattr(layer, item.name) for item in items if item.name not in tensors}
            steps.append(
                Step(
                    layer.kind,
                    layer.name,
                    layer.inputs,
                    {name: _numbers(value) for name, value in options.items()},
                    {name: tensor.shape for name, tensor in tensors.items()},
                    {name: int(np.abs(tensor).max()).bit_length() for name, tensor in tensors.items()},
                    bounds[layer.name].magnitude.bit_length(),
                )
            )
        low, high = bounds[INPUT].low.reshape(-1).tolist(), bounds[INPUT].high.reshape(-1).tolist()
        return cls(_Description(VERSION, graph.fraction_bits, graph.input_shape, low, high, tuple(steps)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Architecture:
        """What `to_bytes` wrote; FormatError or ProofError for anything else."""
        description = canonical.decode(data, _Description, "the architecture")
        if description.version != VERSION:
            raise ProofError(f"the architecture is of version {description.version!r}, not {VERSION!r}")
        return cls(description)

    @cached_property
    def data(self) -> bytes:
        """The architecture as canonical JSON."""
        return canonical.encode(self._description)

    @property
    def fraction_bits(self) -> int:
        """f."""
        return self._description.fraction_bits

    @property
    def input_shape(self) -> Shape:
        """The shape of one row of the input."""
        return self._description.input_shape

    @property
    def steps(self) -> tuple[Step, ...]:
        """The layers in order; the last one's tensor is the output."""
        return self._description.steps

    @property
    def parameters(self) -> int:
        """How many parameters the model has."""
        return sum(prod(shape) for step in self._description.steps for shape in step.parameters.values())

    @cached_property
    def growth(self) -> int:
        """By how many bits an accumulator may be over a tensor that it is a sum of, added up before or not."""
        sums = sum(step.kind == "add" for step in self.steps)
        return max(_growth(step, self.fraction_bits) for step in self.steps) + sums.bit_length()

    def check_range(self, low: Ints, high: Ints) -> None:
        """ProofError unless all that lies between these (of the input's shape) is an input of the model."""
        if low.shape != self.input_shape or (low < self.low).any() or (high > self.high).any():
            raise ProofError(f"the rows, of shape {low.shape}, may be outside the range that the model is for")

    def check_input(self, rows: Ints) -> None:
        """ProofError, naming row and index, where an encoded input is outside the range."""
        if rows.dtype != np.int64 or rows.ndim != 1 + len(self.input_shape) or rows.shape[1:] != self.input_shape:
            raise ProofError(f"the input must be int64 of shape (rows, *{self.input_shape}), not {rows.shape}")
        outside = (rows < self.low) | (rows > self.high)
        if outside.any():
            row, *index = (int(i) for i in np.argwhere(outside)[0])
            raise ProofError(f"the input, row {row}, index {tuple(index)}: outside the range that the model is for")


def _growth(step: Step, fraction_bits: int) -> int:
    if step.kind == "square":
        return SQUARED_BITS
    if step.kind == "average_pool":
        return fraction_bits + prod(step.pair("size")).bit_length() + 1
    factors = step.parameters.keys() & {"weight", "scale"}
    each = (step.parameter_bits[name] + prod(step.parameters[name][1:]).bit_length() + 1 for name in factors)
    return max(each, default=0)


def _numbers(option: int | tuple[int, ...]) -> tuple[int, ...]:
    return option if isinstance(option, tuple) else (option,)
