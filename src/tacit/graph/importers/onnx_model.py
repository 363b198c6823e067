"""An ONNX model's structure, checked before anything is read from it: the file need not be trusted.

Every value is made once and before it is used. One output is chosen, only the nodes that it depends on are looked at,
and among the inputs that these read there is one that is not a constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import onnx

from tacit.canonical import quote
from tacit.errors import FormatError, GraphError
from tacit.graph.fixed import Shape
from tacit.graph.importers.onnx_proto import type_name
from tacit.graph.structure import MAX_ELEMENTS

FLOATS = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.DOUBLE: np.float64}

_LABELS = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.STRING)
_MAX_NODES = 4096

# Operator sets that the importer has been checked against and the installed ONNX knows, by domain.
_VERSIONS = {"ai.onnx": (7, min(28, onnx.defs.onnx_opset_version())), "ai.onnx.ml": (1, 5)}


class Model:
    """A parsed model with its output chosen.

    nodes: those that `output` depends on, in order. versions: the operator sets by domain, "ai.onnx" for the default
    one. initializers: TensorProtos by name. input: the ValueInfoProto of the one input. read: the names of the values
    that nodes read, and the output's. notes: what was left out.
    """

    def __init__(self, data: bytes, output: str | None) -> None:
        """FormatError where the bytes are no ONNX model, GraphError where it uses what is not read."""
        proto = _parse(data)
        self.graph = proto.graph
        self.ir_version = proto.ir_version
        self.versions = _versions(proto)
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.notes: list[str] = []
        self.output = self._choose(output)
        self.nodes = self.needed(self.output)
        self.read = {name for node in self.nodes for name in node.input} | {self.output}
        self.input = self._find_input()

    @property
    def row_shape(self) -> Shape | None:
        """The shape of one row, where the model says it."""
        sides = self._sides[1:]
        if not sides or min(sides) < 1:
            return None
        if prod(sides) > MAX_ELEMENTS:
            raise GraphError(f"ONNX model: a row of its input has more than {MAX_ELEMENTS} values")
        return tuple(sides)

    @property
    def rows(self) -> int | None:
        """The number of rows that the model is exported for; None for any."""
        return self._sides[0] if self._sides and self._sides[0] > 0 else None

    def check_rows(self, shape: Shape) -> None:
        """GraphError where rows of this shape are not what the model's input takes."""
        if not self.input.type.tensor_type.HasField("shape"):
            return
        sides = self._sides[1:]
        if len(sides) != len(shape) or any(side > 0 and side != own for side, own in zip(sides, shape, strict=True)):
            shown = ["any" if side < 1 else side for side in self._sides]
            raise GraphError(f"ONNX model: its input has shape {quote(str(shown))}, rows first; rows are not {shape}")

    def needed(self, wanted: str) -> list[Any]:
        """The nodes that a value depends on, in their order."""
        needed, kept = {wanted}, []
        for node in reversed(self.graph.node):
            if needed & set(node.output) - {""}:
                needed |= set(node.input)
                kept.append(node)
        return kept[::-1]

    @property
    def _sides(self) -> list[int]:
        """The sides of the input, 0 or less where the model leaves one open; none where it says no shape."""
        return [int(side.dim_value) for side in self.input.type.tensor_type.shape.dim]

    def _choose(self, output: str | None) -> str:
        """The named output, or the only one that is not a label."""
        names = [value.name for value in self.graph.output]
        if output is not None:
            if output not in names:
                raise GraphError(f"ONNX model: no output {output!r}; there are {quote(', '.join(names))}")
            return output
        others = [v.name for v in self.graph.output if v.type.tensor_type.elem_type not in _LABELS] or names
        if len(others) > 1:
            raise GraphError(f"ONNX model: several outputs; choose one of them as output=: {quote(', '.join(others))}")
        self.notes += [f"output {quote(name)!r} left out" for name in names if name != others[0]]
        return str(others[0])

    def _find_input(self) -> Any:
        """The one input, apart from constants and from what the output does not need."""
        found = []
        for value in self.graph.input:
            if value.name in self.initializers:
                if value.name in self.read:
                    self.notes.append(f"input {quote(value.name)!r} is its default, a constant")
            elif value.name in self.read:
                found.append(value)
            else:
                self.notes.append(f"input {quote(value.name)!r} left out: the output does not depend on it")
        if len(found) != 1:
            raise GraphError(
                f"ONNX model: output {quote(self.output)!r} depends on {len(found)} inputs; a graph has one"
                " (of skl2onnx, one FloatTensorType)"
            )
        kind = found[0].type.tensor_type.elem_type
        if kind not in FLOATS:
            raise GraphError(
                f"ONNX model: input {quote(found[0].name)!r} is of type {type_name(kind)}; export it as float or double"
            )
        return found[0]


def name_of(node: Any) -> str:
    """What errors and layers call a node: its name, or its operator where it has none."""
    return str(node.name or node.op_type.lower())


def _parse(data: bytes) -> Any:
    try:
        proto = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's DecodeError, and whatever else bytes can bring about
        raise FormatError(f"not an ONNX model: {quote(str(error))}") from error
    if not proto.graph.output or not proto.opset_import:
        raise FormatError("not an ONNX model: it has no graph with outputs, or no operator set")
    if len(proto.graph.node) > _MAX_NODES:
        raise GraphError(f"ONNX model: {len(proto.graph.node)} nodes, more than {_MAX_NODES}")
    if proto.functions:
        raise GraphError("ONNX model: it defines functions of its own; export it with its functions inlined")
    if proto.graph.sparse_initializer:
        raise GraphError("ONNX model: sparse initializers are not supported; save dense ones")
    if not all(isinstance(name, str) for name in _names(proto)):
        raise FormatError("not an ONNX model: a name in it is not text")  # protobuf gives bytes that are no UTF-8 so
    _check_single_assignment(proto.graph)
    return proto


def _names(proto: Any) -> Iterator[Any]:
    """Every piece of text that is looked at."""
    graph = proto.graph
    yield from (each.domain for each in proto.opset_import)
    yield from (each.name for each in (*graph.input, *graph.output, *graph.initializer))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (name for each in node.attribute for name in (each.name, each.ref_attr_name))


def _check_single_assignment(graph: Any) -> None:
    """FormatError where two things have one name. An input may have an initializer of its name: its default."""
    inputs, constants = [v.name for v in graph.input], [t.name for t in graph.initializer]
    for names in (inputs, constants):
        if len(set(names)) < len(names):
            raise FormatError("ONNX model: two of its inputs or initializers have one name")
    made = {*inputs, *constants}
    for node in graph.node:
        names = [name for name in node.output if name]
        if made & set(names) or len(set(names)) < len(names):
            raise FormatError(f"node {quote(name_of(node))!r}: makes a value that is made already")
        made |= set(names)


def _versions(proto: Any) -> dict[str, int]:
    """The operator sets by domain; GraphError where one is not among those that are read."""
    found: dict[str, int] = {}
    for each in proto.opset_import:
        domain = each.domain or "ai.onnx"
        if found.setdefault(domain, int(each.version)) != each.version:  # skl2onnx writes the same one twice
            raise FormatError(f"ONNX model: two operator sets of {quote(domain)!r}")
    for domain, (least, most) in _VERSIONS.items():
        if domain in found and not least <= found[domain] <= most:
            raise GraphError(f"ONNX model: operator set {found[domain]} of {domain} is not {least} to {most}")
    return found
