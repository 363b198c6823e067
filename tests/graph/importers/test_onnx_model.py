from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import FormatError, GraphError
from tacit.graph import Graph

from .models import FLOAT, check_onnx, from_onnx, kinds, model, node, runtime

X = np.random.default_rng(0).uniform(-1, 1, (12, 3)).astype(np.float32)


def value(name: str, kind: int = FLOAT, shape: Any = (None, 3)) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def relu(*changes: Any) -> Any:
    """A model of one node with each change applied to it."""
    proto = model([node("Relu", "x")], [None, 3])
    for change in changes:
        change(proto)
    return proto


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a model", b"\xff" * 100, b"\x0a" * 1000, b"\x08\x07"])
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(FormatError, match="not an ONNX model"):
        Graph.from_onnx(data, -1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.ClearField("opset_import"), "not an ONNX model: it has no graph with outputs, or no operator set"),
        (lambda p: p.graph.ClearField("output"), "not an ONNX model: it has no graph with outputs"),
        (lambda p: p.ClearField("graph"), "not an ONNX model: it has no graph with outputs"),
        (lambda p: p.graph.input.append(value("x")), "two of its inputs or initializers have one name"),
        (lambda p: p.graph.initializer.extend([TensorProto(name="c")] * 2), "two of its inputs or initializers"),
        (lambda p: p.graph.node.append(node("Relu", "x")), "node 'relu': makes a value that is made already"),
        (lambda p: p.graph.node.append(node("Relu", "y", "x")), "node 'relu': makes a value that is made already"),
        (lambda p: p.graph.node.append(node("Dropout", "y", "z z")), "node 'dropout': makes a value that is made alre"),
        (lambda p: p.graph.initializer.append(TensorProto(name="y")), "makes a value that is made already"),
        (lambda p: p.opset_import.append(helper.make_opsetid("", 18)), "two operator sets of 'ai.onnx'"),
        (lambda p: p.opset_import.append(helper.make_opsetid("ai.onnx", 9)), "two operator sets of 'ai.onnx'"),
    ],
)
def test_parts_that_contradict_one_another(change: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_onnx(relu(change), X)


def test_the_same_operator_set_may_be_named_twice() -> None:
    """skl2onnx does so."""
    check_onnx(relu(lambda p: p.opset_import.append(helper.make_opsetid("", 17))), X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.functions.append(onnx.FunctionProto()), "it defines functions of its own; export it with"),
        (
            lambda p: p.graph.sparse_initializer.append(onnx.SparseTensorProto()),
            "sparse initializers are not supported",
        ),
        (
            lambda p: p.graph.node.extend([node("Relu", "y", f"n{i}") for i in range(4096)]),
            "4097 nodes, more than 4096",
        ),
        (lambda p: setattr(p.opset_import[0], "version", 6), "operator set 6 of ai.onnx is not 7 to"),
        (lambda p: setattr(p.opset_import[0], "version", 29), "operator set 29 of ai.onnx is not 7 to"),
        (lambda p: setattr(p.opset_import[0], "version", -1), "operator set -1 of ai.onnx is not"),
        (lambda p: setattr(p.opset_import[1], "version", 6), "operator set 6 of ai.onnx.ml is not 1 to 5"),
        (lambda p: p.graph.output.append(value("z")), "several outputs; choose one of them as output=: y, z"),
        (lambda p: setattr(p.graph.node[0], "op_type", "Rela"), "node 'rela': Rela is not supported"),
    ],
)
def test_what_is_refused(change: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(relu(change), X)


def test_nodes_of_a_domain_without_an_operator_set() -> None:
    with pytest.raises(FormatError, match="node 'relu': the model imports no operator set for it"):
        from_onnx(relu(lambda p: p.opset_import.__delitem__(0)), X)


@pytest.mark.parametrize(
    ("kind", "name"), [(10, "FLOAT16"), (16, "BFLOAT16"), (7, "INT64"), (3, "INT8"), (0, "UNDEFINED")]
)
def test_inputs_that_are_not_float_or_double(kind: int, name: str) -> None:
    with pytest.raises(GraphError, match=f"input 'x' is of type {name}; export it as float or double"):
        from_onnx(model([node("Relu", "x")], [None, 3], kind=kind), X)


def test_inputs_may_be_double() -> None:
    weight = numpy_helper.from_array(np.random.default_rng(0).normal(size=(3, 2)), "w")
    proto = model([node("MatMul", "x w")], [None, 3], kind=TensorProto.DOUBLE)
    proto.graph.initializer.append(weight)
    graph = from_onnx(proto, X)
    assert graph.import_report is not None
    assert graph.import_report.largest_difference < 1e-4


def test_inputs_that_are_no_tensors() -> None:
    proto = relu()
    proto.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = FLOAT
    with pytest.raises(GraphError, match="input 'x' is of type UNDEFINED"):
        from_onnx(proto, X)


def test_several_inputs_are_refused() -> None:
    proto = model([node("Add", "x z")], [None, 3])
    proto.graph.input.append(value("z"))
    with pytest.raises(GraphError, match="output 'y' depends on 2 inputs; a graph has one"):
        from_onnx(proto, X)
    with pytest.raises(GraphError, match="output 'y' depends on 0 inputs; a graph has one"):
        from_onnx(model([node("Add", "c c")], [None, 3], {"c": np.ones(3)}), X)


def test_an_input_that_the_output_does_not_need_is_left_out_and_noted() -> None:
    proto = relu(lambda p: p.graph.input.append(value("z")))
    report = from_onnx(proto, X).import_report
    assert report is not None
    assert report.notes == ("input 'z' left out: the output does not depend on it",)


def test_an_input_with_a_default_is_a_constant_and_noted() -> None:
    proto = model([node("Add", "x c")], [None, 3], {"c": np.ones(3)})
    proto.graph.input.append(value("c", shape=[3]))
    proto.graph.input.append(value("unread", shape=[3]))
    proto.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "unread"))
    report = check_onnx(proto, X).import_report
    assert report is not None
    assert report.notes == ("input 'c' is its default, a constant",)


def test_initializers_that_nothing_reads_are_not_looked_at() -> None:
    proto = relu(lambda p: p.graph.initializer.append(TensorProto(name="z", data_type=TensorProto.STRING)))
    assert kinds(check_onnx(proto, X)) == ["relu"]


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Add", "x nothing")],
        [node("Add", "x a", "b"), node("Relu", "b", "a"), node("Relu", "b")],
        [node("Relu", "h"), node("Relu", "x", "h")],
        [node("Add", "x y")],
    ],
    ids=["undeclared", "cyclic", "in the wrong order", "reads itself"],
)
def test_values_that_are_not_made_before_they_are_read(nodes: Any) -> None:
    with pytest.raises((FormatError, GraphError), match="is not made before it|depends on 0 inputs"):
        from_onnx(model(nodes, [None, 3]), X)


def test_a_value_that_is_not_made_names_node_and_value() -> None:
    with pytest.raises(FormatError, match="node 'add': its input 'nothing' is not made before it"):
        from_onnx(model([node("Add", "x nothing")], [None, 3]), X)


def test_outputs_are_chosen_by_name_or_by_type() -> None:
    nodes = [node("Relu", "x", "a"), node("Tanh", "x", "b"), node("ArgMax", "x", "label", axis=1)]
    proto = model(nodes, [None, 3], output="a")
    proto.graph.output.append(value("label", TensorProto.INT64, None))
    report = from_onnx(proto, X).import_report
    assert report is not None
    assert report.notes == ("output 'label' left out",)
    assert kinds(from_onnx(proto, X, output="label")) == ["argmax"]
    proto.graph.output.append(value("b"))
    with pytest.raises(GraphError, match="several outputs; choose one of them as output=: a, b"):
        from_onnx(proto, X)
    assert kinds(from_onnx(proto, X, output="b")) == ["tanh"]
    with pytest.raises(GraphError, match="no output 'c'; there are a, label, b"):
        from_onnx(proto, X, output="c")


def test_nodes_that_the_output_does_not_need_are_not_looked_at() -> None:
    proto = model([node("Relu", "x"), node("Erf", "x", "z"), node("Custom", "x", "w", domain="a.b")], [None, 3])
    assert kinds(from_onnx(proto, X)) == ["relu"]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([None, 4], r"its input has shape \['any', 4\], rows first; rows are not \(3,\)"),
        ([None, 3, 1], r"its input has shape \['any', 3, 1\], rows first"),
        ([3], r"its input has shape \[3\], rows first; rows are not \(3,\)"),
        ([], r"its input has shape \[\], rows first"),
        (["N", 2**62], "a row of its input has more than 16777216 values"),
        (["N", 2**13, 2**13], "a row of its input has more than 16777216 values"),
        ([2**40, 3], "exported for 1099511627776 rows at a time, too many; export it for any number of rows"),
        ([2**24, 3], "exported for 16777216 rows at a time, too many"),
    ],
)
def test_shapes_of_the_input_that_do_not_fit(shape: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(model([node("Relu", "x")], shape), X)


@pytest.mark.parametrize("shape", [None, [None, None], ["N", "features"], [0, 0], [-1, 3], [5, 3], [1, 3], [300, 3]])
def test_shapes_of_the_input_that_fit(shape: Any) -> None:
    graph = from_onnx(model([node("Relu", "x")], shape), X)
    assert graph.import_report is not None
    assert graph.import_report.rows == 12
    assert graph.import_report.largest_difference < 1e-4


def test_the_shape_of_a_row_may_come_from_the_model() -> None:
    assert Graph.from_onnx(relu().SerializeToString(), -1, 1).input_shape == (3,)
    data = model([node("Relu", "x")], ["N", 3, "height"]).SerializeToString()
    with pytest.raises(GraphError, match="the shape of the input is unknown: give input_shape"):
        Graph.from_onnx(data, -1, 1)
    assert Graph.from_onnx(data, -1, 1, input_shape=(3, 5)).input_shape == (3, 5)
    with pytest.raises(GraphError, match=r"its input has shape \['any', 3, 'any'\], rows first; rows are not \(2, 5\)"):
        Graph.from_onnx(data, -1, 1, input_shape=(2, 5))


def test_a_model_for_a_fixed_number_of_rows_is_compared_with_that_many() -> None:
    """The rows are padded to it, and onnxruntime would not take any other number."""
    rng = np.random.default_rng(0)
    nodes = [node("Reshape", "x s", "h"), node("MatMul", "h w")]
    proto = model(nodes, [5, 3], {"s": np.array([5, 3]), "w": rng.normal(size=(3, 2))})
    graph = from_onnx(proto, X)
    expected = np.concatenate([runtime(proto, X[i : i + 5]) for i in (0, 5)] + [runtime(proto, X[-5:])[-2:]])
    assert np.abs(graph.predict(X) - expected).max() < 1e-3
    assert graph.import_report is not None
    assert graph.import_report.largest_difference == pytest.approx(np.abs(graph.predict(X) - expected).max(), abs=1e-6)


def test_names_that_are_no_text_are_refused() -> None:
    data = model([node("Relu", "xxxx", "yyyy")], [None, 3], output="yyyy").SerializeToString()
    for name in (b"Relu", b"yyyy"):
        with pytest.raises(FormatError, match="not an ONNX model: a name in it is not text"):
            Graph.from_onnx(data.replace(name, b"\xff\xfe\xfd\x80"), -1, 1)


def test_what_a_stranger_named_is_quoted() -> None:
    """No control character and no endless text reaches a terminal, in an error or in a report."""
    bad = "\x1b[2J" + "n" * 10_000 + "\n"
    proto = model([node("Identity", "x", "h"), node("Clip", "h")], [None, 3])
    proto.graph.node[1].name = bad
    with pytest.raises(GraphError) as caught:
        from_onnx(proto, X)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    proto = model([node("Identity", "x", "h"), node("Relu", "h")], [None, 3])
    for each in proto.graph.node:
        each.name = bad + each.op_type
    report = from_onnx(proto, X).import_report
    assert report is not None
    assert all(note.isprintable() and len(note) < 300 for note in report.notes)
    assert all(len(layer.name) <= 64 for layer in from_onnx(proto, X).layers)
