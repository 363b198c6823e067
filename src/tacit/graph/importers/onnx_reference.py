"""The float outputs of an ONNX model, by ONNX's reference evaluator, for the import report.

Five operators are evaluated here instead. ONNX's evaluator takes batch normalisation before operator set 14 for
training, and cannot squeeze two axes before 13; its convolution makes tables as large as all windows together, and its
pooling is a loop over windows, too much for a file that need not be trusted. The importer has refused what these do
not have: groups, dilations, uneven padding, windows that stick out.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from tacit.canonical import quote
from tacit.errors import GraphError
from tacit.graph.fixed import Floats
from tacit.graph.graph import Graph
from tacit.graph.importers.onnx_model import FLOATS, Model

Array = npt.NDArray[Any]

_ROWS = 256  # of the sample at a time
_VALUES = 2**24  # of all tensors of these rows


def run_float(model: Model, graph: Graph, x: Floats) -> Floats:
    """The model's chosen output for these rows, (rows, values). graph: what was imported, for its size.

    GraphError where the model is exported for too many rows at a time, or ONNX's evaluator cannot run it.
    """
    size = max(prod(shape) for shape in graph.shapes.values())
    step = model.rows or max(1, min(_ROWS, _VALUES // size))
    if step > _ROWS and step * size > _VALUES:
        raise GraphError(f"ONNX model: exported for {step} rows at a time, too many; export it for any number of rows")
    last = model.nodes[-1] if model.nodes[-1].op_type == "ZipMap" else None
    wanted = last.input[0] if last is not None else model.output
    dtype = FLOATS[model.input.type.tensor_type.elem_type]
    try:
        evaluator = ReferenceEvaluator(_extract(model, wanted), new_ops=_CLASSES)
        parts = []
        for start in range(0, len(x), step):
            rows = x[start : start + step].astype(dtype)
            lacking = step - len(rows) if model.rows else 0  # of the number that the model was exported for
            full = np.concatenate([rows, np.repeat(rows[-1:], lacking, axis=0)])
            with np.errstate(all="ignore"):
                found = np.asarray(evaluator.run([wanted], {model.input.name: full})[0], dtype=np.float64)
            parts.append(found.reshape(len(full), -1)[: len(rows)])
    except Exception as error:  # whatever ONNX's evaluator raises for a model that it cannot run
        raise GraphError(f"ONNX's reference evaluator cannot run the model: {quote(str(error))}") from error
    return np.concatenate(parts)


def _extract(model: Model, wanted: str) -> Any:
    """The model with this output and the nodes that it needs, and nothing else."""
    nodes, names = [], set[str]()
    for node in model.needed(wanted):
        names.update(node.input)
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.domain = _domain(node.domain)
        if node.op_type in _OPERATORS:
            del copy.output[1:]  # nobody reads them
        nodes.append(copy)
    tensors = [tensor for name, tensor in model.initializers.items() if name in names]
    output = onnx.helper.make_empty_tensor_value_info(wanted)
    graph = onnx.helper.make_graph(nodes, "tacit", [model.input], [output], tensors)
    sets = [onnx.helper.make_opsetid(_domain(domain), version) for domain, version in model.versions.items()]
    return onnx.helper.make_model(graph, opset_imports=sets, ir_version=model.ir_version)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _batch_normalisation(
    operator: Any, x: Array, scale: Array, bias: Array, mean: Array, variance: Array, **_: Any
) -> tuple[Array]:
    """In evaluation mode, in every operator set."""
    sides = (-1, *[1] * (x.ndim - 2))
    scale, bias, mean, variance = (each.reshape(sides) for each in (scale, bias, mean, variance))
    epsilon = _given(operator, "epsilon", 1e-5)
    return (((x - mean) / np.sqrt(variance + epsilon) * scale + bias).astype(x.dtype),)


def _conv(operator: Any, x: Array, weight: Array, bias: Array | None = None, **_: Any) -> tuple[Array]:
    """One matrix product for each place in the kernel."""
    view = _windows(operator, x, weight.shape[2:], 0)
    rows, columns = view.shape[2:4]
    total = np.zeros((len(x), len(weight), rows * columns), dtype=x.dtype)
    for a, b in np.ndindex(*weight.shape[2:]):
        total += weight[:, :, a, b] @ view[..., a, b].reshape(*x.shape[:2], rows * columns)
    result = total.reshape(len(x), len(weight), rows, columns)
    return (result if bias is None else result + bias[:, None, None],)


def _max_pool(operator: Any, x: Array, **_: Any) -> tuple[Array]:
    """The greatest of each window; padding never wins."""
    return (_windows(operator, x, _given(operator, "kernel_shape", []), -np.inf).max(axis=(-2, -1)),)


def _average_pool(operator: Any, x: Array, **_: Any) -> tuple[Array]:
    """The mean of each window, with the zeros of the padding."""
    return (_windows(operator, x, _given(operator, "kernel_shape", []), 0).mean(axis=(-2, -1)),)


def _squeeze(operator: Any, x: Array, axes: Any = None, **_: Any) -> tuple[Array]:
    """Without these axes, which are an attribute or an input."""
    return (np.squeeze(x, axis=tuple(np.asarray(axes).reshape(-1).tolist())),)


def _windows(operator: Any, x: Array, size: Any, fill: float) -> Array:
    """(rows, channels, height, width) as (rows, channels, windows down, windows across, kh, kw)."""
    pads, strides = _given(operator, "pads", [0, 0, 0, 0]), _given(operator, "strides", [1, 1])
    if _given(operator, "auto_pad", "NOTSET") == "VALID":
        pads = [0, 0, 0, 0]
    edges = [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])]
    view = np.lib.stride_tricks.sliding_window_view(np.pad(x, edges, constant_values=fill), tuple(size), axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1]]


def _given(operator: Any, name: str, default: Any) -> Any:
    """An attribute of the node."""
    found = [a for a in operator.onnx_node.attribute if a.name == name]
    value = onnx.helper.get_attribute_value(found[0]) if found else default
    return value.decode() if isinstance(value, bytes) else value


_OPERATORS = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Squeeze": _squeeze,
}
_CLASSES = [type(name, (OpRun,), {"op_domain": "", "_run": run}) for name, run in _OPERATORS.items()]
