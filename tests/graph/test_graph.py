from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
)

EYE = np.eye(2)


def small(*layers: FloatLayer, f: int = 16) -> Graph:
    return Graph.build(layers or [Linear.of(EYE)], [-1.0, 0.0], [1.0, 10.0], fraction_bits=f)


def test_encoding_outside_the_range_names_everything() -> None:
    graph = small()
    assert graph.encode([[-1.0, 10.0], [1.0, 0.0]]).tolist() == [[-65536, 655360], [65536, 0]]
    with pytest.raises(GraphError, match=r"^tensor 'input', row 1, index 1: 10.5 is outside \[0.0, 10.0\]$"):
        graph.encode([[0.0, 0.0], [0.0, 10.5]])
    for bad, shown in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (np.nextafter(-1.0, -2), "-1.0000000000")):
        with pytest.raises(GraphError, match=f"row 0, index 0: {shown}"):
            graph.encode([[bad, 0.0]])


def test_encoding_within_an_image_names_the_whole_index() -> None:
    graph = Graph.build([Flatten.of()], 0, 1, input_shape=(1, 2, 2))
    with pytest.raises(GraphError, match=r"row 0, index \(0, 1, 0\): 2.0 is outside"):
        graph.encode([[[[0, 0], [2, 0]]]])


@pytest.mark.parametrize("f", range(8, 21))
def test_encoding_ties_and_ends(f: int) -> None:
    graph = small(f=f)
    half = 2.0 ** -(f + 1)
    assert graph.encode([[-half, half], [-3 * half, 3 * half]]).tolist() == [[0, 1], [-1, 2]]
    assert (graph.encode([graph.low, graph.high]) == [graph.bounds["input"].low, graph.bounds["input"].high]).all()


@pytest.mark.parametrize("shape", [(2,), (1, 3), (1, 2, 1), ()])
def test_shapes_of_rows(shape: tuple[int, ...]) -> None:
    with pytest.raises(GraphError, match=r"is not \(rows, \*\(2,\)\)"):
        small().encode(np.zeros(shape))
    with pytest.raises(GraphError, match=r"is not \(rows, \*\(2,\)\)"):
        small().evaluate(np.zeros(shape, dtype=np.int64))


def test_evaluate_checks_what_it_is_given() -> None:
    graph = small()
    with pytest.raises(GraphError, match="int64 arrays; `encode` makes them"):
        graph.evaluate(np.zeros((1, 2)))  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="int64 arrays"):
        graph.decode([1])  # type: ignore[arg-type]
    with pytest.raises(GraphError, match=r"row 0, index 1: -1 is outside \[0, 655360\]"):
        graph.evaluate(np.array([[0, -1]]))
    with pytest.raises(GraphError, match="row 1, index 0"):
        graph.trace(np.array([[0, 0], [2**62, 0]]))


@pytest.mark.parametrize("rows", [0, 1, 2, 5000])
def test_batches_of_every_size(rows: int) -> None:
    layers = [Conv2d.of(np.ones((3, 1, 3, 3)), padding=1), MaxPool.of(2), Flatten.of(), Linear.of(np.ones((4, 48)))]
    for end in ([], [Softmax.of()], [ArgMax.of()]):
        graph = Graph.build([*layers, *end], 0, 1, input_shape=(1, 8, 8))
        x = np.random.default_rng(0).random((rows, 1, 8, 8))
        y = graph.predict(x)
        assert y.shape == (rows, *graph.output_shape)
        assert y.dtype == np.float64
        assert graph.classify(x).shape == (rows,)
        assert set(graph.trace(graph.encode(x[:3]))) == {"input", *(layer.name for layer in graph.layers)}


def test_inputs_that_are_not_contiguous() -> None:
    graph = Graph.build([Linear.of(np.arange(6.0).reshape(2, 3))], -1, 1)
    x = graph.encode(np.random.default_rng(0).uniform(-1, 1, (8, 6))[:, ::2])
    assert (graph.evaluate(np.asfortranarray(x)[::-1]) == graph.evaluate(x.copy())[::-1]).all()


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_subclasses_of_arrays_are_taken_for_their_numbers() -> None:
    """Of two matrices `*` is another product, and a masked array leaves its masked elements as they were."""
    graph = Graph.build([Square.of()], -1, 1, input_shape=(2,))
    x = np.array([[-5000, 5000], [30000, 20000]])
    for disguised in (np.asmatrix(x), np.ma.masked_array(x, mask=[[True, False], [False, True]])):
        assert type(graph.evaluate(disguised)) is np.ndarray
        assert (graph.evaluate(disguised) == graph.evaluate(x)).all()
        assert (graph.trace(disguised)["square_1"] == graph.evaluate(x)).all()


def test_the_input_is_left_alone() -> None:
    graph = Graph.build([ReLU.of(), Square.of()], -1, 1, input_shape=(2,))
    x = np.array([[-5, 5]])
    graph.evaluate(x)
    assert x.tolist() == [[-5, 5]]
    assert graph.trace(x)["input"] is x


@pytest.mark.parametrize(
    ("layers", "x", "classes"),
    [
        ([Linear.of(EYE)], [[0.5, 0.5], [0.4, 0.5], [0.5, 0.4]], [0, 1, 0]),
        ([Linear.of(EYE), ArgMax.of()], [[0.5, 0.5], [0.4, 0.5]], [0, 1]),
        ([Linear.of(EYE), Softmax.of(), ArgMax.of()], [[0.5, 0.5], [0.4, 0.5]], [0, 1]),
        ([Linear.of([[1.0, -1.0]])], [[0.5, 0.5], [0.5, 0.4], [0.4, 0.5]], [0, 1, 0]),
        ([Linear.of([[1.0, -1.0]]), Sigmoid.of()], [[0.5, 0.5], [0.5, 0.4], [0.4, 0.5]], [0, 1, 0]),
    ],
)
def test_classes(layers: list[FloatLayer], x: list[list[float]], classes: list[int]) -> None:
    found = small(*layers).classify(x)
    assert found.tolist() == classes
    assert found.dtype == np.int64


def test_an_image_has_no_class() -> None:
    with pytest.raises(GraphError, match=r"the output has shape \(1, 2, 2\): classes need a vector"):
        Graph.build([ReLU.of()], 0, 1, input_shape=(1, 2, 2)).classify(np.zeros((1, 1, 2, 2)))


def test_what_can_be_read_and_not_written() -> None:
    graph = small(Linear.of(EYE, name="a"), ReLU.of(name="b"))
    assert graph.input_shape == graph.output_shape == (2,)
    assert graph.shapes == {"input": (2,), "a": (2,), "b": (2,)}
    assert graph.bounds["b"].high.tolist() == [65536, 655360]
    assert graph.accumulator_bounds == {"a": 655360 << 20, "b": 655360}  # 4 more bits: 10 is at most 2**4
    assert graph.import_report is None
    for mapping in (graph.bounds, graph.accumulator_bounds, graph.shapes):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        graph.low[0] = 5
    with pytest.raises(AttributeError):
        graph.layers = ()  # type: ignore[misc]


def test_the_repr_shows_structure_and_no_weights() -> None:
    graph = small(Linear.of([[1234.5, 0.0]], name="secret"), Sigmoid.of())
    shown = repr(graph)
    assert "secret = linear(input) (1,)" in shown
    assert "sigmoid_1 = sigmoid(secret) (1,), within 1" in shown
    assert str(int(1234.5 * 2**16)) not in shown


def test_low_and_high_are_copied_and_zeros_have_no_sign() -> None:
    low, high = np.array([-0.0, -1.0]), np.array([1.0, 1.0])
    graph = Graph(small().layers, low, high, 16)
    low[:] = 5
    assert graph.low.tolist() == [0, -1]
    assert not np.signbit(graph.low[0])


def error_bound(layer: FloatLayer, x: np.ndarray, e: np.ndarray, f: int) -> tuple[np.ndarray, np.ndarray]:
    """A layer in floats, and how far integers can be from it where its inputs are off by at most e."""
    half = 2.0 ** -(f + 1)
    match layer.kind.kind:
        case "linear":
            W, b = np.abs(layer.weights["weight"]), layer.weights["bias"]
            error = e @ (W + half).T + half * np.abs(x).sum(axis=1, keepdims=True) + 2 * half
            return x @ layer.weights["weight"].T + b, error
        case "normalise":
            s, o = layer.weights["scale"], layer.weights["offset"]
            return x * s + o, e * (np.abs(s) + half) + half * np.abs(x) + 2 * half
        case "square":
            return x * x, e * (2 * np.abs(x) + e) + half
        case "relu":
            return np.maximum(x, 0), e
        case "sigmoid":
            return 1 / (1 + np.exp(-x)), e / 4 + Sigmoid.error(f)
        case "tanh":
            return np.tanh(x), e + Tanh.error(f)
        case "softmax":
            p = np.exp(x - x.max(axis=1, keepdims=True))
            slack = e.max(axis=1, keepdims=True) * np.ones_like(x) + Softmax.error(f, x.shape[1])
            return p / p.sum(axis=1, keepdims=True), slack
    raise AssertionError(layer)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from("lnqrst"), min_size=1, max_size=5), st.integers(8, 20), st.integers(0, 2**32))
def test_the_difference_from_floats_is_within_the_derived_bound(word: list[str], f: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 6))
    x = rng.uniform(-1, 1, (20, width))
    layers, y, e = [], x, np.full_like(x, 2.0 ** -(f + 1))
    for letter in [*word, "p"]:
        out = int(rng.integers(1, 6))
        layer = {
            "l": Linear.of(rng.normal(size=(out, y.shape[1])), rng.normal(size=out)),
            "n": Normalise.affine(rng.normal(size=y.shape[1]), rng.normal(size=y.shape[1])),
            "q": Square.of(),
            "r": ReLU.of(),
            "s": Sigmoid.of(),
            "t": Tanh.of(),
            "p": Softmax.of(),
        }[letter]
        # A ReLU before whatever has weights keeps them from being folded, so that the bound is of this very layer.
        for one in [ReLU.of(), layer] if letter in "ln" else [layer]:
            layers.append(one)
            y, e = error_bound(one, y, e, f)
    try:
        graph = Graph.build(layers, -1, 1, input_shape=(width,), fraction_bits=f)
    except GraphError:
        return  # squares upon squares can overflow
    assert (np.abs(graph.predict(x) - y) <= e + 1e-9).all()


def test_images_against_torch_within_a_thousandth() -> None:
    import torch
    from torch.nn import functional

    rng = np.random.default_rng(0)
    W, V, x = rng.normal(size=(4, 2, 3, 3)), rng.normal(size=(4, 4, 1, 1)), rng.uniform(-1, 1, (20, 2, 9, 7))
    layers = [
        Conv2d.of(W, stride=(2, 1), padding=1, name="c"),
        ReLU.of(name="r"),
        Conv2d.of(V, name="d"),
        Add.of(inputs=("r", "d")),
        MaxPool.of(3, stride=2, padding=1),
        AveragePool.of((2, 3), stride=1, padding=(1, 1)),
        Tanh.of(),
    ]
    graph = Graph.build(layers, -1, 1, input_shape=(2, 9, 7))
    r = functional.relu(functional.conv2d(torch.from_numpy(x), torch.from_numpy(W), stride=(2, 1), padding=1))
    pooled = functional.max_pool2d(r + functional.conv2d(r, torch.from_numpy(V)), 3, 2, 1)
    expected = torch.tanh(functional.avg_pool2d(pooled, (2, 3), 1, (1, 1))).numpy()
    assert np.abs(graph.predict(x) - expected).max() < 1e-3


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, tacit.graph; print([m for m in ('torch','sklearn','onnx','numba','pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_importer_whose_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in [name for name in sys.modules if name.startswith("tacit.graph.importers.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(GraphError, match=r"onnx is not installed: pip install 'tacit\[import\]'"):
        Graph.from_onnx(b"", 0, 1)
