"""ONNX models of a few nodes, torch modules from a function, and what an importer's graph is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from tacit.graph import Graph

Array = npt.NDArray[Any]
FLOAT = onnx.TensorProto.FLOAT


def node(kind: str, inputs: str, outputs: str = "y", *, domain: str = "", **attributes: Any) -> Any:
    """A node whose inputs and outputs are names with spaces between them; "-" is one that is left out."""
    names = [[("" if name == "-" else name) for name in each.split()] for each in (inputs, outputs)]
    return helper.make_node(kind, *names, domain=domain, **attributes)


def model(
    nodes: Sequence[Any],
    shape: Sequence[int | str | None] | None,
    constants: dict[str, Any] | None = None,
    *,
    opset: int = 17,
    output: str = "y",
    kind: int = FLOAT,
    result: int = FLOAT,
) -> Any:
    """A ModelProto of these nodes: input x of this shape (rows first), constants float32 unless they are arrays."""
    tensors = []
    for name, value in (constants or {}).items():
        array = value if isinstance(value, np.ndarray) and value.dtype.kind != "f" else np.asarray(value, np.float32)
        tensors.append(numpy_helper.from_array(array, name))
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(output, result, None)],
        tensors,
    )
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=sets, ir_version=8)


def runtime(proto: Any, x: Array, output: str = "y") -> Array:
    """The model's output by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found: Array = session.run([output], {name: x.astype(np.float32)})[0]
    return found


def from_onnx(proto: Any, x: Array, **options: Any) -> Graph:
    """The graph of a model, with these rows as its sample and their range as its input's."""
    given = {"input_shape": x.shape[1:], "sample": x} | options
    return Graph.from_onnx(proto.SerializeToString(), float(x.min()), float(x.max()), **given)


def from_torch(module: nn.Module, x: Array, **options: Any) -> Graph:
    """The graph of a module, with these rows as its sample and their range as its input's."""
    given = {"input_shape": x.shape[1:], "sample": x} | options
    return Graph.from_torch(module, float(x.min()), float(x.max()), **given)


def check(graph: Graph, x: Array, expected: Array, tolerance: float = 2e-3) -> None:
    """The graph is this near to the float model on the rows, and its report says how near, to float32's accuracy."""
    found = graph.predict(x).reshape(len(x), -1)
    expected = np.asarray(expected, dtype=np.float64).reshape(len(x), -1)
    difference = np.abs(found - expected).max()
    assert difference < tolerance * max(1.0, np.abs(expected).max())
    report = graph.import_report
    assert report is not None
    assert report.rows == len(x)
    assert report.largest_difference == pytest.approx(difference, abs=1e-5 * max(1.0, np.abs(expected).max()))


def check_onnx(proto: Any, x: Array, **options: Any) -> Graph:
    """The model's graph, compared with onnxruntime."""
    graph = from_onnx(proto, x, **options)
    check(graph, x, runtime(proto, x))
    return graph


def check_torch(module: nn.Module, x: Array, **options: Any) -> Graph:
    """The module's graph, compared with the module itself in evaluation mode."""
    graph = from_torch(module, x, **options)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x.astype(np.float32)))
    check(graph, x, expected.double().numpy())
    return graph


class Forward(nn.Module):
    """A module whose forward is a given function of itself and x; parts: its modules and its buffers by name."""

    def __init__(self, function: Callable[[Any, torch.Tensor], Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


def kinds(graph: Graph) -> list[str]:
    """The kinds of a graph's layers, in order."""
    return [layer.kind for layer in graph.layers]
