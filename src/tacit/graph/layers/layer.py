"""What a layer is, and the one decorator that makes a class one.

A layer takes one or two tensors (int64, f fractional bits, without the batch axis in every shape here) to one tensor
that bears the layer's name. Its integer parameters are its dataclass fields. A new kind of layer is one file with one
class under `@layer("its kind")`; other rooms keep their own tables from these classes to their protocols.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from math import prod
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np

from tacit.errors import GraphError
from tacit.graph.fixed import ACCUMULATOR_LIMIT, MAX_WEIGHT_BITS, Floats, Ints, Shape
from tacit.graph.intervals import Interval, LayerBounds

INPUT = "input"
LAYERS: dict[str, type[Layer]] = {}

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MAX_SIDE = 2**20
_L = TypeVar("_L", bound="type[Layer]")


def layer(kind: str) -> Callable[[_L], _L]:
    """Registers a class as the layers of this kind: the word that stands for it in a graph's bytes."""

    def register(cls: _L) -> _L:
        if kind in LAYERS:
            raise ValueError(f"two layer classes of kind {kind!r}")
        cls.kind = kind
        LAYERS[kind] = cls
        return cls

    return register


def tensor(rank: int | None = None) -> dict[str, Any]:
    """Metadata of a field that holds an int64 array, of this rank if it is given; every |value| is at most 2**62."""
    return {"tensor": True, "rank": rank}


def pair(least: int) -> dict[str, Any]:
    """Metadata of a field that holds two whole numbers, for rows and columns."""
    return {"least": least, "pair": True}


# Metadata of a field that holds the fractional bits of the layer's weights: what its accumulator is rescaled by.
WEIGHT_BITS: dict[str, Any] = {"least": 1, "most": MAX_WEIGHT_BITS}


@dataclass(frozen=True, eq=False, repr=False)
class Layer(ABC):
    """One step of a graph in integers. Immutable; equal only to itself; its repr shows shapes, never weights."""

    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    weighted: ClassVar[bool] = False  # has weights that may have other fractional bits than the tensors
    terminal: ClassVar[bool] = False  # only at the graph's output

    name: str
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name == INPUT:
            raise GraphError(
                f"layer name {self.name!r}: use 1 to 64 of the characters A-Z a-z 0-9 _ . - and not {INPUT!r}"
            )
        if len(self.inputs) != self.arity:
            raise GraphError(f"layer {self}: takes {self.arity} tensors, not {len(self.inputs)}")
        for item in fields(self)[2:]:
            value = getattr(self, item.name)
            checked = _array(self, item, value) if item.metadata.get("tensor") else _whole(self, item, value)
            object.__setattr__(self, item.name, checked)
        self.check()

    def check(self) -> None:
        """GraphError where the parameters do not fit each other."""
        return

    @abstractmethod
    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the layer's tensor from those of its inputs; GraphError where they do not fit."""

    @abstractmethod
    def bounds(self, inputs: Sequence[Interval], fraction_bits: int) -> LayerBounds:
        """How far output and accumulators can go; AccumulatorError where an accumulator could pass 2**62."""

    @abstractmethod
    def evaluate(self, inputs: Sequence[Ints], fraction_bits: int) -> Ints:
        """The layer's tensor, batch axis first, from its inputs, exactly; the bounds must have been checked."""

    def work(self, shapes: Sequence[Shape]) -> int:
        """How many elementary operations one row costs, to the nearest constant factor."""
        return prod(self.output_shape(shapes))

    def scratch(self, shapes: Sequence[Shape]) -> int:
        """How many int64 of memory one row's evaluation takes besides its inputs and output."""
        return prod(self.output_shape(shapes))

    @classmethod
    def quantise(cls, source: FloatLayer, fraction_bits: int, weight_bits: int) -> Self:
        """The integer layer of a float one. A layer that has weights overrides this and rounds them."""
        return cls(source.name, source.inputs, **source.options)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.kind})"

    def __repr__(self) -> str:
        shown = [f"{self.name!r}", f"inputs={self.inputs}"]
        for item in fields(self)[2:]:
            value = getattr(self, item.name)
            shown.append(f"{item.name}={f'int64{value.shape}' if item.metadata.get('tensor') else value}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, eq=False, repr=False)
class FloatLayer:
    """A layer before its weights are rounded: what `Linear.of(...)` and its like return and `Graph.build` takes.

    name: "" for one made from the kind. inputs: () for the tensor of the layer before.
    """

    kind: type[Layer]
    weights: Mapping[str, Floats] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    inputs: tuple[str, ...] = ()
    weight_bits: int | None = None

    def quantise(self, fraction_bits: int, weight_bits: int) -> Layer:
        """The integer layer; the name and the inputs must be known by now."""
        return self.kind.quantise(self, fraction_bits, weight_bits)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the layer's tensor; GraphError where the shapes do not fit."""
        zeros = {name: np.zeros(values.shape) for name, values in self.weights.items()}
        empty = FloatLayer(self.kind, zeros, self.options, self.name, self.inputs)
        return empty.quantise(8, 8).output_shape(shapes)

    def __repr__(self) -> str:
        weights = ", ".join(f"{name}: float64{values.shape}" for name, values in self.weights.items())
        return f"FloatLayer({self.kind.__name__}, {{{weights}}}, {dict(self.options)}, {self.name!r}, {self.inputs})"


def _array(owner: Layer, item: Field[Any], value: object) -> Ints:
    rank = item.metadata["rank"]
    if not isinstance(value, np.ndarray) or value.dtype != np.int64:
        raise GraphError(f"layer {owner}: {item.name} must be an int64 array")
    array: Ints = np.array(value, order="C")  # plain, and the layer's own: nobody else can write to it
    if rank is not None and array.ndim != rank:
        raise GraphError(f"layer {owner}: {item.name} has {array.ndim} axes, not {rank}")
    if not array.size:
        raise GraphError(f"layer {owner}: {item.name} is empty, of shape {array.shape}")
    if int(array.max()) > ACCUMULATOR_LIMIT or int(array.min()) < -ACCUMULATOR_LIMIT:
        raise GraphError(f"layer {owner}: {item.name} has a value past 2**62")
    array.flags.writeable = False
    return array


def _whole(owner: Layer, item: Field[Any], value: object) -> int | tuple[int, ...]:
    least, most = item.metadata["least"], item.metadata.get("most", _MAX_SIDE)
    is_pair = item.metadata.get("pair", False)
    numbers = tuple(value) if is_pair and isinstance(value, tuple | list) else (value,)
    if len(numbers) != 1 + is_pair or not all(type(n) is int and least <= n <= most for n in numbers):
        what = "two whole numbers" if is_pair else "a whole number"
        raise GraphError(f"layer {owner}: {item.name} is {value!r}: it must be {what} from {least} to {most}")
    return cast("tuple[int, ...]", numbers) if is_pair else cast(int, value)
