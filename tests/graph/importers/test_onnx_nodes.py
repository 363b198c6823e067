from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from tacit.errors import FormatError, GraphError
from tacit.graph.build import Draft
from tacit.graph.importers.onnx_call import Call
from tacit.graph.importers.onnx_ml import ML_NODES
from tacit.graph.importers.onnx_nodes import NODES

from .models import check_onnx, from_onnx, kinds, model, node

OPSETS = list(range(7, 29))
RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(4, 3)), RNG.normal(size=3)


def rows(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (12, *shape)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([0.5, 1.0, -2.0]),
    st.sampled_from([0.0, 1.0, 1.5]),
    st.booleans(),
    st.sampled_from(["none", "number", "one", "vector", "row"]),
    st.sampled_from(OPSETS),
)
def test_gemm(inputs: int, outputs: int, alpha: float, beta: float, transposed: bool, bias: str, opset: int) -> None:
    rng = np.random.default_rng(inputs * 7 + outputs)
    constants = {"w": rng.normal(size=(outputs, inputs) if transposed else (inputs, outputs))}
    shapes: dict[str, tuple[int, ...]] = {"number": (), "one": (1,), "vector": (outputs,), "row": (1, outputs)}
    if bias == "none" and opset < 11:
        bias = "vector"
    if bias != "none":
        constants["c"] = rng.normal(size=shapes[bias])
    gemm = node("Gemm", "x w c" if bias != "none" else "x w", alpha=alpha, beta=beta, transB=int(transposed))
    check_onnx(model([gemm], [None, inputs], constants, opset=opset), rows(inputs))


def test_gemm_with_its_defaults_and_an_input_left_out() -> None:
    check_onnx(model([node("Gemm", "x w")], [None, 4], {"w": W}), rows(4))
    check_onnx(model([node("Gemm", "x w -")], [None, 4], {"w": W}), rows(4))


@pytest.mark.parametrize("opset", OPSETS)
def test_operators_without_attributes_in_every_operator_set(opset: int) -> None:
    c = RNG.uniform(0.5, 2, 3)
    nodes = [
        node("MatMul", "x w", "a"),
        node("Add", "a c", "b"),
        node("Relu", "b", "d"),
        node("Mul", "d c", "e"),
        node("Sub", "c e", "f"),
        node("Tanh", "f", "g"),
        node("Div", "g c", "h"),
        node("Identity", "h", "i"),
        node("Neg", "i", "j"),
        node("Sigmoid", "j", "k"),
        node("Sub", "k c", "l"),
        node("Add", "l k", "m"),
        node("Pow", "m two", "n"),
        node("Mul", "n n", "y"),
    ]
    graph = check_onnx(model(nodes, ["N", 4], {"w": W, "c": c, "two": 2.0}, opset=opset), rows(4))
    expected = "linear relu normalise tanh normalise sigmoid normalise add square square"
    assert kinds(graph) == expected.split()


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("axis", [None, 1, -1])
def test_softmax_over_a_vector(opset: int, axis: int | None) -> None:
    if axis == -1 and opset < 11:
        return  # not in those operator sets
    given = {} if axis is None else {"axis": axis}
    nodes = [node("Gemm", "x w c", "h"), node("Softmax", "h", **given)]
    check_onnx(model(nodes, [None, 4], {"w": W, "c": B}, opset=opset), rows(4))


@pytest.mark.parametrize("opset", [12, 13])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, 3, -1])
def test_softmax_over_anything_else_is_refused(opset: int, axis: int | None) -> None:
    given = {} if axis is None else {"axis": axis}
    with pytest.raises(GraphError, match=r"node 'softmax': Softmax over axis .* of rows of shape \(2, 1, 1\); only"):
        from_onnx(model([node("Softmax", "x", **given)], [None, 2, 1, 1], opset=opset), rows(2, 1, 1))
    if axis == 0:
        with pytest.raises(GraphError, match=r"Softmax over axis 0 of rows of shape \(2,\); only over a vector"):
            from_onnx(model([node("Softmax", "x", axis=0)], [None, 2], opset=opset), rows(2))


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("keep", [0, 1])
def test_arg_max(opset: int, keep: int) -> None:
    nodes = [node("Gemm", "x w c", "h"), node("ArgMax", "h", axis=1, keepdims=keep)]
    graph = check_onnx(model(nodes, [None, 4], {"w": W, "c": B}, opset=opset, result=7), rows(4), output="y")
    assert kinds(graph) == ["linear", "argmax"]
    assert graph.import_report is not None
    assert graph.import_report.changed_classes == 0


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 4, 5)])
def test_batch_normalisation_in_every_operator_set(opset: int, shape: tuple[int, ...]) -> None:
    """Also before 14, where ONNX's own evaluator takes it for training: the report must not believe that."""
    constants = {"s": RNG.normal(size=3), "b": RNG.normal(size=3), "m": RNG.normal(size=3), "v": RNG.uniform(0.1, 3, 3)}
    nodes = [node("Relu", "x", "h"), node("BatchNormalization", "h s b m v", epsilon=0.01, momentum=0.8)]
    graph = check_onnx(model(nodes, [None, *shape], constants, opset=opset), rows(*shape))
    assert kinds(graph) == ["relu", "normalise"]
    bare = [node("BatchNormalization", "x s b m v")]
    check_onnx(model(bare, [None, *shape], constants, opset=opset), rows(*shape))


def test_batch_normalisation_is_folded() -> None:
    constants = {"w": W, "s": RNG.normal(size=3), "b": B, "m": B, "v": RNG.uniform(0.1, 3, 3)}
    nodes = [node("MatMul", "x w", "h"), node("BatchNormalization", "h s b m v")]
    assert kinds(check_onnx(model(nodes, [None, 4], constants), rows(4))) == ["linear"]


NORM = {name: np.ones(3) for name in "sbmv"}


@pytest.mark.parametrize(
    ("opset", "outputs", "attributes", "message"),
    [
        (7, "y k l i n", {}, "BatchNormalization with 5 outputs is in training mode; export the model for inference"),
        (9, "y k", {}, "with 2 outputs is in training mode"),
        (13, "y - k", {}, "with 3 outputs is in training mode"),
        (15, "y k l", {}, "with 3 outputs is in training mode"),
        (14, "y", {"training_mode": 1}, "has training_mode=1; only training_mode=0 is supported"),
        (8, "y", {"spatial": 0}, "has spatial=0; only spatial=1 is supported"),
    ],
)
def test_batch_normalisation_in_training_is_refused(opset: int, outputs: str, attributes: Any, message: str) -> None:
    normalisation = node("BatchNormalization", "x s b m v", outputs, **attributes)
    with pytest.raises(GraphError, match=message):
        from_onnx(model([normalisation], [None, 3], NORM, opset=opset), rows(3))


@pytest.mark.parametrize("wrong", ["s", "b", "m", "v"])
def test_statistics_that_do_not_fit_are_refused(wrong: str) -> None:
    for array in (np.ones(2), np.ones((3, 1))):
        with pytest.raises(GraphError, match=r"BatchNormalization has statistics that do not fit rows of shape \(3,\)"):
            from_onnx(model([node("BatchNormalization", "x s b m v")], [None, 3], NORM | {wrong: array}), rows(3))


@pytest.mark.parametrize("opset", OPSETS)
def test_dropout_is_left_out(opset: int) -> None:
    old = opset < 12
    dropout = node("Dropout", "h", "d mask", ratio=0.9) if old else node("Dropout", "h r", "d mask", seed=3)
    nodes = [node("Relu", "x", "h"), dropout, node("Tanh", "d")]
    graph = check_onnx(model(nodes, [None, 3], {"r": 0.9}, opset=opset), rows(3))
    assert kinds(graph) == ["relu", "tanh"]
    assert graph.import_report is not None
    assert "dropout (Dropout) left out: it does nothing after training" in graph.import_report.notes


def test_dropout_with_a_training_mode_of_false_is_left_out() -> None:
    proto = model([node("Dropout", "x r t", "h"), node("Relu", "h")], [None, 3], {"r": 0.5, "t": np.array(False)})
    assert kinds(check_onnx(proto, rows(3))) == ["relu"]


@pytest.mark.parametrize(
    ("kind", "attributes", "constant", "message"),
    [
        ("Gemm", {"transA": 1}, W, "node 'gemm': Gemm has transA=1; only transA=0 is supported"),
        ("Gemm", {}, np.ones((4, 1, 3)), r"Gemm has a weight of shape \(4, 1, 3\); only a matrix"),
        ("Gemm", {}, np.ones((5, 3)), r"takes a tensor of shape \(5,\), not \(4,\)"),
        ("MatMul", {}, np.ones(4), r"MatMul has a weight of shape \(4,\); only a matrix"),
        ("MatMul", {}, np.ones((2, 4, 3)), "only a matrix is supported"),
        ("Pow", {}, 3.0, "Pow with an exponent other than 2 is not supported"),
        ("Pow", {}, [2.0, 2, 2, 2], "Pow with an exponent other than 2"),
        ("Pow", {}, [[[2.0]]], "Pow with an exponent other than 2"),
        ("Add", {}, np.ones((12, 4)), r"a constant of shape \(12, 4\) does not fit rows of shape \(4,\)"),
        ("Mul", {}, [[[2.0]]], r"a constant of shape \(1, 1, 1\) does not fit rows of shape \(4,\)"),
        ("Sub", {}, np.ones(3), r"a constant of shape \(3,\) does not fit"),
    ],
)
def test_operators_that_are_refused(kind: str, attributes: Any, constant: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(model([node(kind, "x c", **attributes)], [None, 4], {"c": constant}), rows(4))


@pytest.mark.parametrize(
    ("inputs", "constants", "message"),
    [
        ("x w c", {"w": W, "c": np.ones((3, 1))}, r"Gemm has C of shape \(3, 1\); only one number for each output"),
        ("x w c", {"w": W, "c": np.ones((12, 3))}, r"Gemm has C of shape \(12, 3\); only"),
        ("x w x", {"w": W}, "Gemm needs a constant as input 2"),
        ("x x", {}, "Gemm needs a constant as input 1"),
        ("w x", {"w": W}, "Gemm needs, as input 0, a tensor made from the model's input"),
        ("x -", {"w": W}, "Gemm needs a constant as input 1"),
        ("- w", {"w": W}, "ONNX model: output 'y' depends on 0 inputs"),
    ],
)
def test_inputs_of_gemm_that_are_refused(inputs: str, constants: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(model([node("Gemm", inputs)], [None, 4], constants), rows(4))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Relu", "x", "a"), node("Mul", "x a")], "Mul of two tensors that both depend on the input is not"),
        ([node("Relu", "x", "a"), node("Sub", "x a")], "Sub of two tensors that both depend on the input"),
        ([node("Div", "c x")], "Div needs a tensor made from the input, and a constant"),
        ([node("Add", "c c", "a"), node("Add", "a x")], "Add needs a tensor made from the input, and a constant"),
        ([node("Add", "x -")], "Add needs a tensor made from the input, and a constant"),
        ([node("Shape", "x", "s"), node("Cast", "s", "f", to=1), node("Mul", "x f")], "Cast to type FLOAT is not"),
        ([node("Softmax", "x", "a"), node("Relu", "a")], "belongs at the output; only a softmax may come before"),
        ([node("ArgMax", "x", "a", axis=1), node("Neg", "a")], "belongs at the output"),
        ([node("ArgMax", "x", axis=1, select_last_index=1)], "ArgMax has select_last_index=1; only"),
        ([node("ArgMax", "x", axis=0)], "ArgMax over axis 0 of rows"),
        ([node("ArgMax", "x")], "ArgMax over axis 0 of rows"),
        ([node("Dropout", "x c t")], "Dropout in training mode is not supported; export the model for inference"),
        ([node("Dropout", "x", "a y")], "Dropout is supported only for its output number 0"),
        ([node("Identity", "-"), node("Relu", "x", "z")], "depends on 0 inputs"),
        ([node("Clip", "x c c")], "node 'clip': Clip is not supported; use ReLU, and bounds on the input"),
        ([node("LeakyRelu", "x")], "LeakyRelu is not supported; use ReLU"),
        ([node("LSTM", "x c c")], "LSTM is not supported; use a network without recurrence"),
        ([node("QuantizeLinear", "x c c")], "QuantizeLinear is not supported; use the float model"),
        ([node("LayerNormalization", "x c")], "LayerNormalization is not supported; use BatchNorm"),
        ([node("Transpose", "x")], "Transpose is not supported; use what docs/graph.md lists"),
        ([node("Relu", "x", domain="com.example")], r"com.example.Relu is not supported"),
        ([node("FusedGemm", "x c", domain="com.microsoft")], "com.microsoft.FusedGemm is not supported"),
        ([node("Scaler", "x")], "node 'scaler': Scaler is not supported"),
        ([node("Relu", "x", domain="ai.onnx.ml")], "ai.onnx.ml.Relu is not supported"),
    ],
)
def test_models_that_are_refused(nodes: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(model(nodes, [None, 4], {"c": np.ones(4), "t": np.array(True)}), rows(4))


def test_control_flow_is_refused_by_name() -> None:
    branch = model([node("Relu", "x")], [None, 4]).graph
    choice = node("If", "c", then_branch=branch, else_branch=branch)
    with pytest.raises(GraphError, match="If is not supported; use a model without branches|depends on 0 inputs"):
        from_onnx(model([node("Relu", "x", "h"), choice], [None, 4], {"c": np.array(True)}), rows(4))
    loop = node("Loop", "- - x", body=branch)
    with pytest.raises(GraphError, match="Loop is not supported; use a model without branches"):
        from_onnx(model([loop], [None, 4]), rows(4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("kind", "inputs"), [("Gemm", "x w c"), ("MatMul", "x w"), ("Add", "x d")])
def test_weights_that_are_no_numbers_are_refused(kind: str, inputs: str, value: float) -> None:
    weight = W.copy()
    weight[1, 1] = value
    constants = {"w": weight, "c": B, "d": [0.0, value, 0, 0]}
    with pytest.raises(GraphError, match=r"layer '\w+' .* the value at .* is not a finite number"):
        from_onnx(model([node(kind, inputs)], [None, 4], constants), rows(4))


def test_attributes_of_another_operator_set_are_refused() -> None:
    with pytest.raises(FormatError, match="node 'dropout': Dropout in operator set 17 has no attribute 'ratio'"):
        from_onnx(model([node("Dropout", "x", ratio=0.5)], [None, 4]), rows(4))
    with pytest.raises(FormatError, match="BatchNormalization in operator set 14 has no attribute 'spatial'"):
        from_onnx(model([node("BatchNormalization", "x s b m v", spatial=1)], [None, 3], NORM, opset=14), rows(3))
    with pytest.raises(FormatError, match="Gemm in operator set 9 has from 3 to 3 inputs, not 2"):
        from_onnx(model([node("Gemm", "x w")], [None, 4], {"w": W}, opset=9), rows(4))


class _Asked(Exception):
    """What a reader asked for."""


class _Asking(Call):
    def options(self, **defaults: Any) -> list[Any]:
        raise _Asked(defaults)


READERS = [("", kind, read) for kind, read in NODES.items()] + [
    ("ai.onnx.ml", kind, read) for kind, read in ML_NODES.items()
]
NOT_NUMBERS = {"value_string", "value_strings", "sparse_value"}  # of Constant, refused by name


@pytest.mark.parametrize(("domain", "kind", "read"), READERS, ids=[kind for _, kind, _ in READERS])
def test_every_attribute_that_onnx_has_is_asked_for_with_onnxs_own_default(domain: str, kind: str, read: Any) -> None:
    """So none is passed over: readers refuse what they do not ask for."""
    for version in OPSETS if not domain else range(1, 6):
        schema = onnx.defs.get_schema(kind, version, domain)
        inputs: list[Any] = ["input", np.ones((1, 1, 1, 1))]
        with pytest.raises(_Asked) as caught:
            read(_Asking(Draft((1, 4, 4)), kind, kind, inputs, 1, {"kernel_shape": [1, 1]}, version, None))
        asked = caught.value.args[0]
        assert set(schema.attributes) - NOT_NUMBERS <= set(asked)
        for name, attribute in schema.attributes.items():
            if attribute.default_value.type and name not in NOT_NUMBERS:
                default = helper.get_attribute_value(attribute.default_value)
                default = default.decode() if isinstance(default, bytes) else default
                assert asked[name] == (pytest.approx(default) if isinstance(default, float) else default)
