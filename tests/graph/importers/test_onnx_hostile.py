"""Files from strangers: any bytes give a graph or one error, in bounded time and memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tacit.errors import GraphError, TacitError
from tacit.graph import Graph

from .models import model, node

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
NUMBERS = [0, 1, -1, 2, 3, 7, 64, 2**15, 2**20, 2**24, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63)]
REALS = [0.0, -1.0, 1e-45, 1e38, float("nan"), float("inf")]
KINDS = [
    "Relu",
    "Add",
    "Mul",
    "Concat",
    "Conv",
    "Gemm",
    "Softmax",
    "Identity",
    "Constant",
    "Squeeze",
    "MaxPool",
    "Cast",
]


def convolution() -> Any:
    constants = {
        "w": RNG.normal(size=(2, 1, 3, 3)),
        **{name: RNG.uniform(0.5, 1, 2) for name in "sbmv"},
        "zero": np.array(0),
        "first": np.array([0]),
        "last": np.array([-1]),
        "u": RNG.normal(size=(8, 3)),
        "c": RNG.normal(size=3),
    }
    nodes = [
        node("Conv", "x w", "h", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "h s b m v", "i", epsilon=0.1),
        node("Relu", "i", "j"),
        node("MaxPool", "j", "k", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", "k", "shape"),
        node("Gather", "shape zero", "rows"),
        node("Unsqueeze", "rows first", "one"),
        node("Concat", "one last", "target", axis=0),
        node("Reshape", "k target", "f"),
        node("Gemm", "f u c", "g", alpha=0.5),
        node("Softmax", "g", axis=1),
    ]
    return model(nodes, [None, 1, 4, 4], constants)


SEEDS = [
    to_onnx(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), X[:1]),
    to_onnx(MLPClassifier((3,), max_iter=500, tol=1.0).fit(X, Y), X[:1]),
    convolution(),
]
SHAPES: list[tuple[int, ...]] = [(4,), (4,), (1, 4, 4)]


def read(data: bytes, shape: tuple[int, ...] | None = None) -> None:
    """A graph or one error; anything else fails the test."""
    try:
        Graph.from_onnx(data, -1, 1, input_shape=shape, sample=None if shape is None else np.zeros((2, *shape)))
    except TacitError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 1000


def test_the_seeds_are_read() -> None:
    for seed, shape in zip(SEEDS, SHAPES, strict=True):
        graph = Graph.from_onnx(seed.SerializeToString(), -1, 1)
        assert graph.input_shape == shape


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    read(data)


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_file_cut_off_anywhere(number: int) -> None:
    data = SEEDS[number].SerializeToString()
    for end in range(0, len(data), max(1, len(data) // 60)):
        read(data[:end], SHAPES[number])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(range(len(SEEDS))),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_file_with_other_bytes(number: int, changes: list[tuple[float, int]]) -> None:
    data = bytearray(SEEDS[number].SerializeToString())
    for place, byte in changes:
        data[int(place * len(data))] = byte
    read(bytes(data), SHAPES[number])


def names(graph: Any) -> list[str]:
    return (
        [name for each in graph.node for name in (*each.input, *each.output)]
        + [t.name for t in graph.initializer]
        + [""]
    )


def rename(graph: Any, r: random.Random) -> None:
    each = r.choice(graph.node)
    side = r.choice([each.input, each.output])
    if side:
        side[r.randrange(len(side))] = r.choice(names(graph))


def resize(graph: Any, r: random.Random) -> None:
    tensor = r.choice(graph.initializer)
    tensor.dims[:] = [r.choice(NUMBERS) for _ in tensor.dims] if r.random() < 0.5 else [*tensor.dims, r.choice(NUMBERS)]


def retype(graph: Any, r: random.Random) -> None:
    r.choice(graph.initializer).data_type = r.randrange(25)


def change_attribute(graph: Any, r: random.Random) -> None:
    attribute = r.choice([a for each in graph.node for a in each.attribute])
    if r.random() < 0.2:
        attribute.type = r.randrange(15)
    for values, choices in ((attribute.ints, NUMBERS), (attribute.floats, REALS)):
        if values:
            values[r.randrange(len(values))] = r.choice(choices)
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = r.choice(NUMBERS)
    if attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = r.choice(REALS)
    if attribute.type == onnx.AttributeProto.STRING:
        attribute.s = r.choice([b"VALID", b"\xff", b"", b"SOFTMAX", b"LOGISTIC"])


def change_input(graph: Any, r: random.Random) -> None:
    sides = graph.input[0].type.tensor_type.shape.dim
    r.choice([*sides, sides.add()]).dim_value = r.choice(NUMBERS)


def change_kind(graph: Any, r: random.Random) -> None:
    r.choice(graph.node).op_type = r.choice(KINDS + [each.op_type for each in graph.node])


def drop_or_double(graph: Any, r: random.Random) -> None:
    place = r.randrange(len(graph.node))
    if r.random() < 0.5:
        del graph.node[place]
    else:
        graph.node.append(graph.node[place])


def change_number(graph: Any, r: random.Random) -> None:
    tensor = r.choice(graph.initializer)
    data = bytearray(tensor.raw_data)
    if data:
        data[r.randrange(len(data))] = r.randrange(256)
        tensor.raw_data = bytes(data)


MUTATIONS: list[Callable[[Any, random.Random], None]] = [
    rename, resize, retype, change_attribute, change_input, change_kind, drop_or_double, change_number,
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([0, 1, 2, 2]), st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3), st.integers(0, 2**32)
)
def test_a_model_with_other_parts(number: int, mutations: list[Any], seed: int) -> None:
    proto, r = onnx.ModelProto(), random.Random(seed)
    proto.CopyFrom(SEEDS[number])
    for mutation in mutations:
        if proto.graph.node and proto.graph.initializer:
            mutation(proto.graph, r)
    read(proto.SerializeToString(), SHAPES[number])


def peak(data: bytes, shape: tuple[int, ...], message: str) -> int:
    """How much memory reading takes until it is refused with this message."""
    tracemalloc.start()
    try:
        with pytest.raises(TacitError, match=message):
            Graph.from_onnx(data, -1, 1, input_shape=shape)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("nodes", "shape", "message"),
    [
        (
            [node("AveragePool", "x", kernel_shape=[2**15, 2**15], pads=[2**14] * 4, count_include_pad=1)],
            (1, 4, 4),
            "one row would take",
        ),
        ([node("MaxPool", "x", kernel_shape=[2**15, 2**15], pads=[2**14] * 4)], (1, 4, 4), "one row would take"),
        ([node("Relu", "x", "a"), node("Relu", "a")], (2**13, 2**12), "a row may have 16777216 elements at most"),
        (
            [
                node("Shape", "x", "s0"),
                *(node("Concat", f"s{i} s{i}", f"s{i + 1}", axis=0) for i in range(60)),
                node("Reshape", "x s60"),
            ],
            (4,),
            "to at most 9 sides",
        ),
    ],
    ids=["a mean", "a maximum", "a row", "a shape"],
)
def test_small_files_that_ask_for_much_memory_are_refused_before_it_is_taken(
    nodes: list[Any], shape: tuple[int, ...], message: str
) -> None:
    data = model(nodes, [None, *shape] if len(shape) != 2 else None).SerializeToString()
    assert len(data) < 5000
    assert peak(data, shape, message) < 2**24


def test_numbers_of_rows_that_ask_for_much_memory_are_refused() -> None:
    data = model([node("Relu", "x")], [2**40, 4]).SerializeToString()
    assert peak(data, (4,), "exported for 1099511627776 rows at a time, too many") < 2**24


def test_a_sample_is_drawn_no_larger_than_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """2**20 outputs for each row, or 2**19 operations: few rows are enough."""
    wide = model([node("Conv", "x w")], [None, 1, 64, 64], {"w": RNG.normal(size=(256, 1, 1, 1))})
    means = [node("Conv", "x w", "h"), node("GlobalAveragePool", "h")]
    deep = model(means, [None, 1, 64, 64], {"w": RNG.normal(size=(64, 1, 1, 1))})
    monkeypatch.setattr("tacit.graph.report._WORK", 2**21)
    reports = [Graph.from_onnx(each.SerializeToString(), 0, 1).import_report for each in (wide, deep)]
    assert [report.rows for report in reports if report is not None] == [1, 4]


def test_layers_that_share_one_tensor_are_too_many_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node("MatMul", f"h{i} w", f"h{i + 1}") for i in range(50)]
    nodes[0].input[0], nodes[-1].output[0] = "x", "y"
    data = model(nodes, [None, 8], {"w": np.eye(8)}).SerializeToString()
    assert len(Graph.from_onnx(data, 0, 1).layers) == 50
    monkeypatch.setattr("tacit.graph.importers.onnx_call._MAX_WEIGHTS", 1000)
    with pytest.raises(GraphError, match="brings the model to 1008 weights; the most are 1000"):
        Graph.from_onnx(data, 0, 1)
