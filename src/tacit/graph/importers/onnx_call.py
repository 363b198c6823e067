"""One node of an ONNX model, as its reader sees it, and what an ONNX value can be to the importer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tacit.canonical import quote
from tacit.errors import GraphError
from tacit.graph.build import Draft
from tacit.graph.fixed import Floats, Shape
from tacit.graph.importers.onnx_proto import Constant
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import FloatLayer

_MAX_WEIGHTS = 2**28  # of all layers together: a small file may use one tensor a thousand times


@dataclass(frozen=True)
class Columns:
    """Two columns that one tensor of shape (1,) determines: (1 - p, p) if `probability`, else (-s, s)."""

    tensor: str
    probability: bool


@dataclass(frozen=True)
class Sides:
    """The value of a Shape operator: whole numbers, None for the number of rows."""

    sides: tuple[int | None, ...]


# What an ONNX value is to the importer: a tensor of the draft by name, a constant, or one of the two above.
Value = str | Constant | Columns | Sides


@dataclass(frozen=True)
class Call:
    """One node: its operator, its inputs as values (None where one is left out), and its attributes by name.

    outputs: how many of them the node names. version: of the operator set. rows: the number of rows that the model was
    exported with, or None.
    """

    draft: Draft
    operator: str
    name: str
    inputs: list[Value | None]
    outputs: int
    given: dict[str, Any]
    version: int
    rows: int | None

    @property
    def where(self) -> str:
        """How errors name the node."""
        return f"node {quote(self.name)!r}"

    def options(self, **defaults: Any) -> list[Any]:
        """The attributes in the order of `defaults`; GraphError for one that is not among them."""
        unknown = sorted(set(self.given) - set(defaults))
        if unknown:
            raise self.refuse(f"has the attribute {quote(unknown[0])!r}, which is not supported")
        return [self.given.get(name, default) for name, default in defaults.items()]

    def require(self, **options: tuple[Any, Any]) -> None:
        """GraphError naming the first attribute whose value (the first of the pair) is not the supported one."""
        for name, (value, supported) in options.items():
            if value != supported:
                raise self.refuse(f"has {name}={quote(repr(value))}; only {name}={supported!r} is supported")

    def value(self, number: int = 0) -> Value | None:
        """An input, or None where it is left out."""
        return self.inputs[number] if number < len(self.inputs) else None

    def tensor(self, number: int = 0) -> str:
        """The name of the draft's tensor that this input is; GraphError where it is something else."""
        value = self.value(number)
        if isinstance(value, Columns):
            raise self.refuse("reads both columns of a two-class output; choose an output before it, as output=")
        if not isinstance(value, str):
            raise self.refuse(f"needs, as input {number}, a tensor made from the model's input")
        return value

    def constant(self, number: int) -> Floats:
        """A constant input as float64; GraphError where it is something else."""
        value = self.optional(number)
        if value is None:
            raise self.refuse(f"needs a constant as input {number}")
        return value.astype("float64")

    def optional(self, number: int) -> Constant | None:
        """A constant input, or None where it is left out; GraphError where it is something else."""
        value = self.value(number)
        if isinstance(value, str | Columns | Sides):
            raise self.refuse(f"needs a constant as input {number}")
        return value

    def shape(self, tensor: str) -> Shape:
        """The shape of one row of a tensor."""
        return self.draft.shapes[tensor]

    def add(self, layer: FloatLayer, *inputs: str) -> str:
        """The tensor of a new layer on these tensors."""
        layers = (*self.draft.layers, layer)
        total = sum(values.size for each in layers for values in each.weights.values())
        if total > _MAX_WEIGHTS:
            raise self.refuse(f"brings the model to {total} weights; the most are {_MAX_WEIGHTS}")
        return self.draft.add(layer, *inputs, name=self.name)

    def drop(self, why: str) -> Value:
        """The first input: this node changes nothing."""
        value = self.value()
        if value is None:
            raise self.refuse("has no input")
        self.draft.notes.append(f"{quote(self.name)} ({self.operator}) left out: {why}")
        return value

    def refuse(self, because: str = "") -> GraphError:
        """The error that names this node; without a reason, what to use instead."""
        return unsupported(self.where, quote(self.operator), because)
