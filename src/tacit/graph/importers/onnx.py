"""From an ONNX model, file or bytes: each node turned into float layers, and compared with ONNX's reference evaluator.

The bytes need not be trusted: they are parsed as a protobuf message and every part is checked before it is used. Only
the nodes that the chosen output depends on are read, and of a binary classifier's two columns only the second.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.canonical import quote
from tacit.errors import FormatError, GraphError
from tacit.files import read_bounded
from tacit.graph.build import Draft, assemble, input_range
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, Floats, Ints, Shape
from tacit.graph.graph import Graph
from tacit.graph.importers.onnx_call import Call, Columns, Value
from tacit.graph.importers.onnx_ml import ML_NODES
from tacit.graph.importers.onnx_model import Model, name_of
from tacit.graph.importers.onnx_nodes import NODES
from tacit.graph.importers.onnx_proto import attributes, constant
from tacit.graph.importers.onnx_reference import run_float
from tacit.graph.importers.unsupported import unsupported
from tacit.graph.layers import INPUT
from tacit.graph.report import attach_report, decide_by_output

_MAX_BYTES = 2**31  # a protobuf message cannot be longer
_RESULTS = {"LinearClassifier": 1}  # which output a reader returns, where it is not the first: here the label is
_LABELS = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")


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
    if not isinstance(model, bytes | str | PathLike):
        raise GraphError(f"{type(model).__name__} is neither a path nor bytes (of a ModelProto, SerializeToString())")
    data = model if isinstance(model, bytes) else read_bounded(Path(model), _MAX_BYTES, "ONNX model")
    parsed = Model(data, output)
    lows, highs = input_range(low, high, input_shape, parsed.row_shape)
    parsed.check_rows(lows.shape)
    reader = _Reader(parsed, lows.shape)
    value = reader.read()
    graph = assemble(reader.draft, lows, highs, fraction_bits=fraction_bits, weight_bits=weight_bits)
    column = isinstance(value, Columns)
    decide = decide_by_output(graph) or (_by_sign(value) if column or len(reader.labels) == 2 else None)
    classes = max(2, *graph.output_shape)
    return attach_report(
        graph,
        "ONNX model" if isinstance(model, bytes) else f"ONNX {Path(model).name}",
        sample,
        lambda x: run_float(parsed, graph, x)[:, 1:] if column else run_float(parsed, graph, x),
        decide=decide if len(graph.output_shape) == 1 else None,
        classes=reader.labels if decide is not None and len(reader.labels) == classes else (),
        notes=parsed.notes + reader.draft.notes,
    )


class _Reader:
    """Walks the nodes of a model. `values` says what each ONNX value is; labels: the classes that the model names."""

    def __init__(self, model: Model, input_shape: Shape) -> None:
        self.draft = Draft(input_shape)
        self.labels: list[Any] = []
        self._model = model
        self._values: dict[str, Value] = {model.input.name: INPUT}

    def read(self) -> Value:
        """What the model's output is; its tensor is that of the draft's last layer."""
        for node in self._model.nodes:
            self._values[self._result(node)] = self._read_node(node)
        value = self._values[self._model.output]
        tensor = value.tensor if isinstance(value, Columns) else value
        if not isinstance(tensor, str):
            raise GraphError(f"output {quote(self._model.output)!r} does not depend on the model's input")
        self.draft.keep(tensor)
        return value

    def _read_node(self, node: Any) -> Value:
        where = _where(node)
        table = {"": NODES, "ai.onnx": NODES, "ai.onnx.ml": ML_NODES}.get(node.domain, {})
        reader: Callable[[Call], Value] | None = table.get(node.op_type)
        if reader is None:
            raise unsupported(where, quote(f"{node.domain}.{node.op_type}".lstrip(".")))
        version = self._model.versions.get(node.domain or "ai.onnx")
        if version is None:
            raise FormatError(f"{where}: the model imports no operator set for it")
        given = attributes(node, version, where)
        self.labels = next((given[name] for name in _LABELS if given.get(name)), self.labels)
        return reader(
            Call(
                self.draft,
                node.op_type,
                name_of(node),
                [self._value(name, where) if name else None for name in node.input],
                len(node.output),
                given,
                version,
                self._model.rows,
            )
        )

    def _value(self, name: str, where: str) -> Value:
        if name not in self._values:
            if name not in self._model.initializers:
                raise FormatError(f"{where}: its input {quote(name)!r} is not made before it")
            self._values[name] = constant(self._model.initializers[name], f"initializer {quote(name)!r}")
        return self._values[name]

    def _result(self, node: Any) -> str:
        """The name of the node's output that readers return; GraphError where another one is read."""
        number = _RESULTS.get(node.op_type, 0)
        used = [name for name in node.output if name and name in self._model.read]
        if used != [node.output[number]]:
            raise unsupported(_where(node), quote(node.op_type), f"is supported only for its output number {number}")
        return str(node.output[number])


def _where(node: Any) -> str:
    return f"node {quote(name_of(node))!r}"


def _by_sign(value: Value) -> Callable[[Floats], Ints]:
    """The class by the one number that tells two classes apart."""
    half = 0.5 if isinstance(value, Columns) and value.probability else 0.0
    return lambda y: (y[:, 0] > half).astype(np.int64)
