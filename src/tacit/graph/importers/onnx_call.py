"""The parts of an ONNX model that the importer reads, checked before they are used: the file need not be trusted.

Nothing outside the given bytes is ever read: a tensor whose data lie in another file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from tacit.canonical import quote
from tacit.errors import FormatError, GraphError
from tacit.graph.build import Draft
from tacit.graph.fixed import Floats, Shape
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import FloatLayer

Constant = npt.NDArray[Any]

_NUMBERS = {
    onnx.TensorProto.FLOAT: 4,
    onnx.TensorProto.DOUBLE: 8,
    onnx.TensorProto.INT32: 4,
    onnx.TensorProto.INT64: 8,
    onnx.TensorProto.FLOAT16: 2,
    onnx.TensorProto.BOOL: 1,
}


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

    version: of the operator set. rows: the number of rows that the model was exported with, or None.
    """

    draft: Draft
    operator: str
    name: str
    inputs: list[Value | None]
    given: dict[str, Any]
    version: int
    rows: int | None

    @property
    def where(self) -> str:
        """How errors name the node."""
        return f"node {quote(self.name)!r}"

    def options(self, **defaults: Any) -> list[Any]:
        """The attributes in the order of `defaults`; GraphError for one that is not among them.

        FormatError where one has another type than its default; with a default of None it may be numbers of any form.
        """
        unknown = sorted(set(self.given) - set(defaults))
        if unknown:
            raise self.refuse(f"has the attribute {quote(unknown[0])!r}, which is not supported")
        for name, value in self.given.items():
            default = defaults[name]
            fits = isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int))
            if not (fits if default is not None else _are_numbers(value)):
                raise FormatError(f"{self.where}: attribute {name} is of the wrong type")
        return [self.given.get(name, default) for name, default in defaults.items()]

    def require(self, **options: tuple[Any, Any]) -> None:
        """GraphError naming the first attribute whose value (the first of the pair) is not the supported one."""
        for name, (value, supported) in options.items():
            if value != supported:
                raise self.refuse(f"has {name}={quote(repr(value))}; only {name}={supported!r} is supported")

    def tensor(self, number: int = 0) -> str:
        """The name of the draft's tensor that this input is; GraphError where it is something else."""
        value = self.inputs[number] if number < len(self.inputs) else None
        if not isinstance(value, str):
            raise self.refuse(f"needs, as input {number}, a tensor made from the model's input")
        return value

    def constant(self, number: int) -> Floats:
        """A constant input as float64; GraphError where it is something else."""
        value = self.optional(number)
        if value is None:
            raise self.refuse(f"needs a constant as input {number}")
        return value.astype(np.float64)

    def optional(self, number: int) -> Constant | None:
        """A constant input, or None where it is left out; GraphError where it is something else."""
        value = self.inputs[number] if number < len(self.inputs) else None
        if value is not None and not isinstance(value, np.ndarray):
            raise self.refuse(f"needs a constant as input {number}")
        return value

    def shape(self, tensor: str) -> Shape:
        """The shape of one row of a tensor."""
        return self.draft.shapes[tensor]

    def add(self, layer: FloatLayer, *inputs: str) -> str:
        """The tensor of a new layer on these tensors."""
        return self.draft.add(layer, *inputs, name=self.name)

    def drop(self, why: str) -> Value:
        """The first input: this node changes nothing."""
        value = self.inputs[0] if self.inputs else None
        if value is None:
            raise self.refuse("has no input")
        self.draft.notes.append(f"{self.name} ({self.operator}) left out: {why}")
        return value

    def refuse(self, because: str = "") -> GraphError:
        """The error that names this node; without a reason, what to use instead."""
        return unsupported(self.where, quote(self.operator), because)


def constant(tensor: Any, where: str) -> Constant:
    """The array of a TensorProto; GraphError for what is not numbers in these bytes, FormatError where sizes lie."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise GraphError(f"{where}: its data are in another file, which is not read; save the model as one file")
    width = _NUMBERS.get(tensor.data_type)
    if width is None:
        raise GraphError(f"{where}: a tensor of type {tensor.data_type} does not hold numbers that a graph can have")
    dims = list(tensor.dims)
    fields = (tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data)
    held = len(tensor.raw_data) if tensor.HasField("raw_data") else width * max(len(field) for field in fields)
    if any(side < 0 for side in dims) or len(dims) > 8 or width * prod(dims) != held:
        raise FormatError(f"{where}: a tensor of shape {quote(str(dims))} in {held} bytes")
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{where}: {quote(str(error))}") from error


def attributes(node: Any, where: str) -> dict[str, Any]:
    """A node's attributes by name, tensors as arrays, text as str."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.name in found:
            raise FormatError(f"{where}: two attributes {quote(attribute.name)!r}")
        if attribute.type == onnx.AttributeProto.TENSOR:
            found[attribute.name] = constant(attribute.t, where)
            continue
        try:
            value = onnx.helper.get_attribute_value(attribute)
        except ValueError as error:
            raise FormatError(f"{where}: attribute {quote(attribute.name)!r}: {quote(str(error))}") from error
        found[attribute.name] = _plain(value)
    return found


def _are_numbers(value: Any) -> bool:
    """A number, an array, or a list of numbers."""
    return isinstance(value, int | float | np.ndarray) or (
        isinstance(value, list) and all(isinstance(each, int | float) for each in value)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, list | tuple) or hasattr(value, "extend"):
        return [_plain(each) for each in value]
    return "something that is no number, text or tensor"
