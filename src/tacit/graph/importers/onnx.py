"""From an ONNX model, file or bytes: each node turned into float layers, and compared with ONNX's reference evaluator.

The bytes need not be trusted: they are parsed as a protobuf message and every part is checked before it is used. Only
the nodes that the chosen output depends on are read, and of a binary classifier's two columns only the second.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.reference import ReferenceEvaluator

from tacit.canonical import quote
from tacit.errors import FormatError, GraphError
from tacit.graph.build import Draft, assemble, input_range
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, Floats, Shape
from tacit.graph.graph import Graph
from tacit.graph.importers.onnx_call import Call, Columns, Value, attributes, constant
from tacit.graph.importers.onnx_ml import ML_NODES
from tacit.graph.importers.onnx_nodes import NODES
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import INPUT
from tacit.graph.report import attach_report, decide_by_output

_FLOATS = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.DOUBLE: np.float64}
_LABELS = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.STRING)
_LEAST_VERSION = 7
_MAX_NODES = 4096
_ROWS = 256  # of the sample at a time
_RESULTS = {"LinearClassifier": 1}  # which output a reader returns, where it is not the first: here the label is


def from_onnx(
    model: str | PathLike[str] | bytes,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    input_shape: Shape | None = None,
    output: str | None = None,
    sample: npt.ArrayLike | None = None,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
    weight_bits: int | None = None,
) -> Graph:
    """The model as a graph; see Graph.from_onnx."""
    name = "ONNX model" if isinstance(model, bytes) else f"ONNX {Path(model).name}"
    parsed = _parse(model if isinstance(model, bytes) else Path(model).read_bytes())
    reader = _Reader(parsed, output)
    lows, highs = input_range(low, high, input_shape, reader.row_shape)
    draft, value = reader.read(lows.shape)
    graph = assemble(draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)
    column = isinstance(value, Columns)
    return attach_report(
        graph,
        name,
        sample,
        lambda x: reader.run(x)[:, 1:] if column else reader.run(x),
        decide=decide_by_output(graph),
        notes=draft.notes,
    )


def _parse(data: bytes) -> Any:
    """The ModelProto; FormatError where the bytes are none, GraphError where it uses what is not read."""
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's DecodeError, and whatever else bytes can bring about
        raise FormatError(f"not an ONNX model: {quote(str(error))}") from error
    if not model.graph.output or not model.opset_import:
        raise FormatError("not an ONNX model: it has no graph with outputs, or no operator set")
    if len(model.graph.node) > _MAX_NODES:
        raise GraphError(f"ONNX model: {len(model.graph.node)} nodes, more than {_MAX_NODES}")
    if model.functions:
        raise GraphError("ONNX model: it defines functions of its own; export it with its functions inlined")
    if model.graph.sparse_initializer:
        raise GraphError("ONNX model: sparse initializers are not supported; save dense ones")
    return model


class _Reader:
    """Walks the nodes that one output depends on. `values` says what each ONNX value is."""

    def __init__(self, model: Any, output: str | None) -> None:
        self._graph = model.graph
        self._model = model
        self._versions = {o.domain or "ai.onnx": int(o.version) for o in model.opset_import}
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        newest = onnx.defs.onnx_opset_version()
        if not _LEAST_VERSION <= self._versions.get("ai.onnx", newest) <= newest:
            raise GraphError(
                f"ONNX model: operator set {self._versions['ai.onnx']} is not {_LEAST_VERSION} to {newest}"
            )
        self._notes: list[str] = []
        self._output = self._choose(output)
        self._nodes = self._needed(self._output)
        self._read = {name for node in self._nodes for name in node.input} | {self._output}
        self._input = self._find_input()

    @property
    def row_shape(self) -> Shape | None:
        """The shape of one row, where the model says it."""
        sides = [int(side.dim_value) for side in self._input.type.tensor_type.shape.dim[1:]]
        return tuple(sides) if sides and min(sides) > 0 else None

    @property
    def _rows(self) -> int | None:
        """The number of rows that the model is exported for; None for any."""
        sides = self._input.type.tensor_type.shape.dim
        return int(sides[0].dim_value) if sides and sides[0].dim_value > 0 else None

    def read(self, input_shape: Shape) -> tuple[Draft, Value]:
        """The draft whose last layer is the output, and what the output's value is."""
        if self.row_shape is not None and self.row_shape != input_shape:
            raise GraphError(f"ONNX model: its rows have shape {self.row_shape}, not {input_shape}")
        draft = Draft(input_shape)
        values: dict[str, Value] = {self._input.name: INPUT}
        for node in self._nodes:
            where = f"node {quote(node.name or node.op_type)!r}"
            inputs = [self._value(values, name, where) if name else None for name in node.input]
            reader = (NODES if node.domain in ("", "ai.onnx") else ML_NODES).get(node.op_type)
            if reader is None or node.domain not in ("", "ai.onnx", "ai.onnx.ml"):
                raise unsupported(where, quote(node.op_type))
            version = self._versions.get(node.domain or "ai.onnx")
            if version is None:
                raise FormatError(f"{where}: the model imports no operator set for it")
            result = self._result(node, where)
            name = node.name or node.op_type.lower()
            values[result] = reader(
                Call(draft, node.op_type, name, inputs, attributes(node, where), version, self._rows)
            )
        value = values[self._output]
        tensor = value.tensor if isinstance(value, Columns) else value
        if not isinstance(tensor, str):
            raise GraphError(f"output {quote(self._output)!r} does not depend on the model's input")
        draft.keep(tensor)
        draft.notes += self._notes
        return draft, value

    def run(self, x: Floats) -> Floats:
        """The float model's output, (rows, values), by ONNX's reference evaluator."""
        last = self._nodes[-1] if self._nodes and self._nodes[-1].op_type == "ZipMap" else None
        wanted = last.input[0] if last is not None else self._output
        dtype = _FLOATS[self._input.type.tensor_type.elem_type]
        step = self._rows or _ROWS
        try:
            evaluator = ReferenceEvaluator(self._extract(wanted))
            parts = []
            for start in range(0, len(x), step):
                rows = x[start : start + step].astype(dtype)
                lacking = max(0, (self._rows or 0) - len(rows))  # of the number that the model was exported for
                full = np.concatenate([rows, np.repeat(rows[-1:], lacking, axis=0)])
                found = np.asarray(evaluator.run([wanted], {self._input.name: full})[0], dtype=np.float64)
                parts.append(found.reshape(len(full), -1)[: len(rows)])
        except Exception as error:  # whatever ONNX's evaluator raises for a model that it cannot run
            raise GraphError(f"ONNX's reference evaluator cannot run the model: {quote(str(error))}") from error
        return np.concatenate(parts)

    def _extract(self, wanted: str) -> Any:
        """The model with this output and the nodes that it needs, and nothing else."""
        nodes = self._needed(wanted)
        names = {name for node in nodes for name in node.input}
        tensors = [tensor for name, tensor in self._initializers.items() if name in names]
        output = onnx.helper.make_empty_tensor_value_info(wanted)
        graph = onnx.helper.make_graph(nodes, "tacit", [self._input], [output], tensors)
        return onnx.helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version)

    def _choose(self, output: str | None) -> str:
        """The named output, or the only one that is not a label."""
        names = [value.name for value in self._graph.output]
        if output is not None:
            if output not in names:
                raise GraphError(f"ONNX model: no output {output!r}; there are {quote(', '.join(names))}")
            return output
        others = [v.name for v in self._graph.output if v.type.tensor_type.elem_type not in _LABELS] or names
        if len(others) > 1:
            raise GraphError(f"ONNX model: several outputs; choose one of them as output=: {quote(', '.join(others))}")
        self._notes += [f"output {quote(name)!r} left out" for name in names if name != others[0]]
        return str(others[0])

    def _needed(self, wanted: str) -> list[Any]:
        """The nodes that a value depends on, in their order."""
        made: set[str] = set()
        for node in self._graph.node:
            if made & set(node.output) - {""}:
                raise FormatError(f"node {quote(node.name or node.op_type)!r}: makes a value that is made already")
            made |= set(node.output)
        needed, kept = {wanted}, []
        for node in reversed(self._graph.node):
            if needed & set(node.output) - {""}:
                needed |= set(node.input)
                kept.append(node)
        return kept[::-1]

    def _find_input(self) -> Any:
        """The one input, apart from initializers."""
        named = [value for value in self._graph.input if value.name not in self._initializers]
        found = [value for value in named if value.name in self._read]
        if len(found) != 1:
            raise GraphError(f"ONNX model: {len(found)} inputs; a graph has one (of skl2onnx, one FloatTensorType)")
        if found[0].type.tensor_type.elem_type not in _FLOATS:
            raise GraphError(f"ONNX model: input {quote(found[0].name)!r} is not float or double; export it so")
        return found[0]

    def _value(self, values: dict[str, Value], name: str, where: str) -> Value:
        if name not in values:
            if name not in self._initializers:
                raise FormatError(f"{where}: its input {quote(name)!r} is not made before it")
            values[name] = constant(self._initializers[name], f"initializer {quote(name)!r}")
        return values[name]

    def _result(self, node: Any, where: str) -> str:
        """The name of the node's output that readers return; GraphError where another one is read."""
        number = _RESULTS.get(node.op_type, 0)
        used = [name for name in node.output if name and name in self._read]
        if len(node.output) <= number or used != [node.output[number]]:
            raise unsupported(where, quote(node.op_type), f"is supported only for its output number {number}")
        return str(node.output[number])
