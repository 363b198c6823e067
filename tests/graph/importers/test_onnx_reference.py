from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import Graph, Linear
from tacit.graph.importers import onnx_reference
from tacit.graph.importers.onnx_model import Model
from tacit.graph.importers.onnx_reference import run_float

from .models import model, node, runtime

ONE = Graph.build([Linear.of([[1.0]])], 0, 1)  # of no size, so that all rows are run at once
SIDES = st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


def images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, *shape))


def difference(proto: Any, x: np.ndarray) -> float:
    found = run_float(Model(proto.SerializeToString(), None), ONE, x)
    return float(np.abs(found - runtime(proto, x).reshape(len(x), -1)).max())


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["Conv", "MaxPool", "AveragePool"]),
    SIDES,
    PAIRS,
    st.none() | PAIRS,
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
    st.booleans(),
    st.sampled_from([7, 10, 11, 13, 18, 19, 22, 28]),
)
def test_windows_are_as_in_onnxruntime(
    kind: str, shape: Any, kernel: Any, stride: Any, padding: Any, bias: bool, opset: int
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    given: dict[str, Any] = {"pads": [*padding, *padding], "kernel_shape": kernel}
    given |= {"strides": stride} if stride else {}
    given |= {"count_include_pad": 1} if kind == "AveragePool" else {}
    constants = {"w": np.random.default_rng(1).normal(size=(2, shape[0], *kernel)), "b": [1.0, -1.0]}
    inputs = ("x w b" if bias else "x w") if kind == "Conv" else "x"
    proto = model([node(kind, inputs, **given)], [None, *shape], constants, opset=opset)
    assert difference(proto, images(shape)) < 1e-5


def test_a_padding_by_name_takes_no_pads() -> None:
    proto = model([node("MaxPool", "x", kernel_shape=[2, 2], auto_pad="VALID")], [None, 1, 4, 4])
    assert difference(proto, images((1, 4, 4))) == 0


@pytest.mark.parametrize("opset", [7, 9, 13, 14, 28])
@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5)])
def test_batch_normalisation_never_uses_the_rows_own_statistics(opset: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    constants = {"s": rng.normal(size=3), "b": rng.normal(size=3), "m": rng.normal(size=3), "v": rng.uniform(0.1, 2, 3)}
    for said in ({}, {"momentum": 0.5, "epsilon": 0.3}):
        proto = model([node("BatchNormalization", "x s b m v", **said)], [None, *shape], constants, opset=opset)
        assert difference(proto, images(shape)) < 1e-5


@pytest.mark.parametrize("opset", [7, 11, 13, 28])
@pytest.mark.parametrize("axes", [[2, 3], [3, 2]])
def test_squeezing_in_any_order(opset: int, axes: list[int]) -> None:
    squeeze = node("Squeeze", "x", axes=axes) if opset < 13 else node("Squeeze", "x a")
    proto = model([squeeze], [None, 3, 1, 1], {"a": np.array(axes)}, opset=opset)
    assert difference(proto, images((3, 1, 1))) == 0


def test_outputs_that_nobody_reads_are_not_asked_for() -> None:
    proto = model([node("MaxPool", "x", "y i", kernel_shape=[2, 2])], [None, 1, 4, 4])
    assert difference(proto, images((1, 4, 4))) == 0


def test_rows_are_run_in_parts_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of 10 values for each row: four rows at a time are 40."""
    sizes = []
    real = onnx_reference.ReferenceEvaluator.run

    def run(self: Any, names: Any, feeds: Any) -> Any:
        sizes.append(len(feeds["x"]))
        return real(self, names, feeds)

    monkeypatch.setattr(onnx_reference.ReferenceEvaluator, "run", run)
    monkeypatch.setattr(onnx_reference, "_VALUES", 49)
    parsed = Model(model([node("Relu", "x")], [None, 1]).SerializeToString(), None)
    wide = Graph.build([Linear.of(np.ones((10, 1))), Linear.of(np.ones((1, 10)))], 0, 1)
    assert (run_float(parsed, wide, np.arange(-3.0, 7.0)[:, None]).ravel() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]).all()
    assert sizes == [4, 4, 2]


def test_a_model_that_the_evaluator_cannot_run_is_refused() -> None:
    proto = model([node("Softmax", "x", axis=7)], [None, 3])
    with pytest.raises(GraphError, match="ONNX's reference evaluator cannot run the model: axis 7 is out of bounds"):
        run_float(Model(proto.SerializeToString(), None), ONE, np.zeros((2, 3)))


def test_a_row_may_be_too_large_for_the_rows_that_a_model_is_exported_for() -> None:
    """So many rows are fine as long as they are small."""
    graph = Graph.build([Linear.of(np.ones((2**12, 1))), Linear.of(np.ones((1, 2**12)))], 0, 1)
    many = Model(model([node("Relu", "x")], [2**13, 1]).SerializeToString(), None)
    assert run_float(many, ONE, np.ones((1, 1))).tolist() == [[1]]
    with pytest.raises(
        GraphError, match="exported for 8192 rows at a time, too many; export it for any number of rows"
    ):
        run_float(many, graph, np.ones((1, 1)))
