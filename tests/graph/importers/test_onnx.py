from __future__ import annotations

import io
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx import to_onnx
from sklearn import linear_model, neural_network, svm
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from torch import nn

from tacit.errors import FormatError, GraphError
from tacit.graph import Graph

from .models import Forward, check, check_onnx, from_onnx, kinds, model, node, runtime

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(150, 4))
X = (Z * [1.0, 30.0, 2.0, 0.1] + [0.0, 100.0, -5.0, 0.0]).astype(np.float32)
TWO = np.where(Z[:, 0] + Z[:, 1] > 0, "yes", "no")
THREE = (Z[:, 0] * 2).astype(int) % 3
REAL = Z @ [1.0, 2.0, 3.0, 4.0]
SCALERS = [
    None,
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 2)),
    MaxAbsScaler(),
    RobustScaler(),
]
REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.Ridge(),
    linear_model.Lasso(0.1),
    svm.LinearSVR(),
    *(
        neural_network.MLPRegressor(hidden_layer_sizes=(5, 3), activation=a, max_iter=30)
        for a in ("identity", "relu", "tanh", "logistic")
    ),
]
CLASSIFIERS = [
    linear_model.LogisticRegression(),
    linear_model.RidgeClassifier(),
    linear_model.SGDClassifier(),
    linear_model.Perceptron(),
    svm.LinearSVC(),
    *(neural_network.MLPClassifier((5,), activation=a, max_iter=30) for a in ("identity", "relu", "tanh", "logistic")),
]


def fitted(estimator: Any, y: np.ndarray, scaler: Any = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few steps are enough
        return (estimator if scaler is None else make_pipeline(scaler, estimator)).fit(X, y)


def imported(proto: Any, **options: Any) -> Graph:
    return Graph.from_onnx(proto.SerializeToString(), X.min(axis=0), X.max(axis=0), sample=X, **options)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=lambda e: f"{type(e).__name__}{getattr(e, 'activation', '')}")
def test_regressors_of_skl2onnx(estimator: Any) -> None:
    for scaler in SCALERS[:2]:
        proto = to_onnx(fitted(estimator, REAL, scaler), X[:1])
        check(imported(proto), X, runtime(proto, X, proto.graph.output[0].name))


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_scalers_of_skl2onnx_are_folded(scaler: Any) -> None:
    proto = to_onnx(fitted(linear_model.LinearRegression(), REAL, scaler), X[:1])
    graph = imported(proto)
    check(graph, X, runtime(proto, X, proto.graph.output[0].name))
    assert kinds(graph) == ["linear"]


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=lambda e: f"{type(e).__name__}{getattr(e, 'activation', '')}")
def test_classifiers_of_skl2onnx(estimator: Any, y: np.ndarray) -> None:
    """With and without the map of classes; the class is the label's, near ties apart."""
    of_no_pipeline = isinstance(estimator, svm.LinearSVC)  # skl2onnx fails there
    scaled = fitted(estimator, y, None if of_no_pipeline else StandardScaler())
    plain = type(estimator) in (svm.LinearSVC, linear_model.RidgeClassifier)
    options = [{}] if plain else [{}, {id(scaled): {"zipmap": False}}]
    for each in options:
        proto = to_onnx(scaled, X[:1], options=dict(each))
        graph = imported(proto)
        report = graph.import_report
        assert report is not None
        assert report.largest_difference < 2e-3
        assert report.changed_classes is not None
        assert report.changed_classes <= 1
        label = runtime(proto, X, proto.graph.output[0].name)
        assert (scaled.classes_[graph.classify(X)] == label).mean() > 0.99
        if not each and not plain:
            assert report.classes == tuple(str(name) for name in scaled.classes_)
        if each:
            second = runtime(proto, X, proto.graph.output[1].name)
            check(graph, X, second[:, 1:] if len(scaled.classes_) == 2 else second)


def test_several_targets_of_skl2onnx() -> None:
    proto = to_onnx(linear_model.LinearRegression().fit(X, Z[:, :2]), X[:1])
    check(imported(proto), X, runtime(proto, X, proto.graph.output[0].name))


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (
            make_pipeline(MinMaxScaler(clip=True), linear_model.Ridge()),
            REAL,
            "Clip is not supported; use ReLU, and bou",
        ),
        (linear_model.SGDClassifier(loss="log_loss"), THREE, "Exp is not supported; use Sigmoid or Softmax"),
        (make_pipeline(svm.SVC()), TWO, "SVMClassifier is not supported; use LinearSVC or LinearSVR"),
    ],
)
def test_what_skl2onnx_writes_and_is_refused(estimator: Any, y: np.ndarray, message: str) -> None:
    proto = to_onnx(fitted(estimator, y), X[:1])
    with pytest.raises(GraphError, match=message):
        imported(proto, output=proto.graph.output[-1].name)


def exported(module: nn.Module, shape: tuple[int, ...], opset: int, **options: Any) -> Any:
    """What torch's own exporter writes."""
    import onnx

    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(2, *shape),),
            written,
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "rows"}, "y": {0: "rows"}},
            **options,
        )
    return onnx.load_from_string(written.getvalue())


def network(view: bool) -> nn.Module:
    torch.manual_seed(0)
    module = Forward(
        lambda m, x: m.last(
            m.head(m.body(x).view(x.size(0), -1) if view else torch.flatten(m.body(x), 1)),
        ),
        body=nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Dropout(0.5),
        ),
        head=nn.Sequential(nn.Linear(16, 5), nn.BatchNorm1d(5), nn.Sigmoid()),
        last=nn.Sequential(nn.Linear(5, 3), nn.Softmax(1)),
    )
    module.train()(torch.rand(60, 1, 8, 8))  # statistics other than those of a new network
    return module


NETWORK = ["conv2d", "relu", "max_pool", "conv2d", "tanh", "flatten", "linear", "sigmoid", "linear", "softmax"]


@pytest.mark.parametrize("folding", [True, False])
@pytest.mark.parametrize("opset", [9, 11, 13, 14, 17, 18])
def test_networks_of_torchs_exporter(opset: int, folding: bool) -> None:
    images = RNG.uniform(0, 1, (40, 1, 8, 8)).astype(np.float32)
    for view in (True, False):
        module = network(view)
        proto = exported(module, (1, 8, 8), opset, do_constant_folding=folding)
        graph = check_onnx(proto, images)
        assert kinds(graph) == NETWORK
        same = Graph.from_torch(module, float(images.min()), float(images.max()), input_shape=(1, 8, 8), sample=images)
        assert np.abs(graph.predict(images) - same.predict(images)).max() < 1e-4


@pytest.mark.parametrize("opset", [11, 13, 18])
@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.l(x.mean((2, 3))),
        lambda m, x: m.l(m.pool(x).flatten(1)),
        lambda m, x: m.l(m.pool(x).reshape(-1, 3)),
        lambda m, x: m.l(((x - 0.5) / m.c * 2 + x).relu().mean((2, 3))) ** 2,
        lambda m, x: 1 - m.l(nn.functional.max_pool2d(x, 4).flatten(1)).sigmoid(),
    ],
)
def test_functions_of_torchs_exporter(forward: Any, opset: int) -> None:
    torch.manual_seed(0)
    module = Forward(forward, l=nn.Linear(3, 2), pool=nn.AdaptiveAvgPool2d(1), c=torch.rand(3, 1, 1) + 0.5)
    check_onnx(exported(module, (3, 4, 4), opset), RNG.uniform(0, 1, (20, 3, 4, 4)).astype(np.float32))


@pytest.mark.parametrize("opset", [9, 13, 18])
def test_flat_rows_to_images_of_torchs_exporter(opset: int) -> None:
    torch.manual_seed(0)
    for view in (lambda m, x: x.view(x.size(0), 2, 3, 4), lambda m, x: x.reshape(-1, 2, 3, 4)):
        image = Forward(view)
        module = nn.Sequential(image, nn.Conv2d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
        graph = check_onnx(exported(module, (24,), opset), RNG.uniform(0, 1, (20, 24)).astype(np.float32))
        assert kinds(graph) == ["unflatten", "conv2d", "relu", "flatten", "linear"]


def test_a_residual_block_of_torchs_exporter() -> None:
    torch.manual_seed(0)
    module = Forward(
        lambda m, x: torch.relu(m.b(torch.relu(m.a(x))) + x), a=nn.Conv2d(2, 2, 3, padding=1), b=nn.Conv2d(2, 2, 1)
    )
    graph = check_onnx(exported(module, (2, 5, 5), 17), RNG.uniform(0, 1, (20, 2, 5, 5)).astype(np.float32))
    assert kinds(graph) == ["conv2d", "relu", "conv2d", "add", "relu"]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.sampled_from(["Relu", "Tanh", "Sigmoid"]),
    st.integers(0, 99),
)
def test_networks_of_any_size(sizes: list[int], activation: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes, constants, last = [], {}, "x"
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        constants |= {f"w{number}": rng.normal(size=(inputs, outputs)), f"b{number}": rng.normal(size=outputs)}
        nodes += [
            node("Gemm", f"{last} w{number} b{number}", f"h{number}"),
            node(activation, f"h{number}", f"a{number}"),
        ]
        last = f"a{number}"
    x = rng.uniform(-2, 2, (15, sizes[0])).astype(np.float32)
    check_onnx(model([*nodes, node("Identity", last)], [None, sizes[0]], constants), x)


def test_files_and_bytes(tmp_path: Path) -> None:
    proto = model([node("Relu", "x")], [None, 4])
    path = tmp_path / "a model.onnx"
    path.write_bytes(proto.SerializeToString())
    for name in (path, str(path)):
        report = Graph.from_onnx(name, -1, 1).import_report
        assert report is not None
        assert report.source == "ONNX a model.onnx"
    report = Graph.from_onnx(path.read_bytes(), -1, 1).import_report
    assert report is not None
    assert (report.source, report.rows, report.drawn) == ("ONNX model", 1000, True)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot read ONNX model .*nothing.onnx"):
        Graph.from_onnx(tmp_path / "nothing.onnx", -1, 1)
    with pytest.raises(FormatError, match="cannot read ONNX model"):
        Graph.from_onnx(tmp_path, -1, 1)
    with pytest.raises(GraphError, match="ModelProto is neither a path nor bytes"):
        Graph.from_onnx(model([node("Relu", "x")], [None, 4]), -1, 1)  # type: ignore[arg-type]


def test_options_of_the_graph_are_passed_on() -> None:
    proto = model([node("MatMul", "x w")], [None, 4], {"w": np.eye(4)})
    graph = from_onnx(proto, X, fraction_bits=12, weight_bits=10)
    assert graph.fraction_bits == 12
    assert graph.layers[0].weight_bits == 10  # type: ignore[attr-defined]


def test_an_output_that_is_the_input_is_no_model() -> None:
    with pytest.raises(GraphError, match="the model has no layers: its output is its input"):
        from_onnx(model([node("Identity", "x")], [None, 4]), X)
    with pytest.raises(GraphError, match="the model has no layers"):
        from_onnx(model([], [None, 4], output="x"), X)


def test_layers_that_the_output_does_not_need_are_noted() -> None:
    """A shape is read of a tensor whose numbers are not."""
    nodes = [node("Tanh", "x", "h"), node("Shape", "h", "s"), node("Reshape", "x s", "r"), node("Relu", "r")]
    report = check_onnx(model(nodes, [None, 4]), X).import_report
    assert report is not None
    assert "not needed for the output, left out: tanh" in report.notes
