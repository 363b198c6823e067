from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tacit.errors import FormatError, GraphError

from .models import check, check_onnx, from_onnx, kinds, model, node, runtime

ML = "ai.onnx.ml"
X = np.random.default_rng(0).uniform(-1, 1, (30, 3)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
B = np.array([0.1, -0.2, 0.3], dtype=np.float32)


def one(kind: str, outputs: str = "y", **attributes: Any) -> Any:
    return model([node(kind, "x", outputs, domain=ML, **attributes)], [None, 3])


def classifier(weight: Any, bias: Any = None, **attributes: Any) -> Any:
    given = {"classlabels_ints": list(range(len(weight)))} | attributes
    given = {name: value for name, value in given.items() if value != []}
    if bias is not None:
        given["intercepts"] = np.asarray(bias, np.float32).tolist()
    return one("LinearClassifier", "label y", coefficients=np.asarray(weight, np.float32).ravel().tolist(), **given)


@pytest.mark.parametrize("offset", [[0.5], [0.5, -1.0, 2.0]])
@pytest.mark.parametrize("scale", [[2.0], [2.0, 0.5, -1.0]])
def test_scalers(offset: list[float], scale: list[float]) -> None:
    """onnxruntime wants both of one length, ONNX does not."""
    graph = from_onnx(one("Scaler", offset=offset, scale=scale), X)
    check(graph, X, (X - np.float32(offset)) * np.float32(scale))
    if len(offset) == len(scale):
        check_onnx(one("Scaler", offset=offset, scale=scale), X)


@pytest.mark.parametrize("targets", [1, 3])
def test_linear_regressors(targets: int) -> None:
    coefficients, intercepts = W[:targets].ravel().tolist(), B[:targets].tolist()
    proto = one("LinearRegressor", coefficients=coefficients, intercepts=intercepts, targets=targets)
    assert check_onnx(proto, X).output_shape == (targets,)


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_linear_classifiers_of_several_classes(post: str) -> None:
    graph = check_onnx(classifier(W, B, post_transform=post), X)
    assert kinds(graph) == ["linear", *{"NONE": [], "LOGISTIC": ["sigmoid"], "SOFTMAX": ["softmax"]}[post]]
    report = graph.import_report
    assert report is not None
    assert report.classes == ("0", "1", "2")


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC"])
def test_two_opposite_rows_become_one_number(post: str) -> None:
    proto = classifier(
        [W[0], -W[0]], [B[0], -B[0]], post_transform=post, classlabels_strings=["no", "yes"], classlabels_ints=[]
    )
    graph = from_onnx(proto, X)
    assert graph.output_shape == (1,)
    check(graph, X, runtime(proto, X)[:, 1:])
    report = graph.import_report
    assert report is not None
    assert report.classes == ("no", "yes")
    assert report.changed_classes == 0
    proto.graph.output[0].name = "label"
    proto.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    assert (np.array(["no", "yes"])[graph.classify(X)] == runtime(proto, X, "label")).all()


@pytest.mark.parametrize("post", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_two_rows_that_are_not_opposite_stay_two(post: str) -> None:
    graph = check_onnx(classifier(W[:2], B[:2], post_transform=post), X)
    assert graph.output_shape == (2,)
    assert check_onnx(classifier([W[0], -W[0]], [B[0], -B[0]], post_transform="SOFTMAX"), X).output_shape == (2,)


def chain(*nodes: Any, post: str = "LOGISTIC", rows: int = 2) -> Any:
    """A linear classifier to "p", and then these nodes."""
    weight = np.array([-W[0], W[0]]) if rows == 2 else W
    first = node(
        "LinearClassifier",
        "x",
        "label p",
        domain=ML,
        coefficients=weight.ravel().tolist(),
        intercepts=[-0.5, 0.5] if rows == 2 else B.tolist(),
        classlabels_ints=list(range(10, 10 + rows)),
        post_transform=post,
    )
    return model([first, *nodes], [None, 3], {"one": np.array([1]), "zero": np.array([0])})


def test_normalising_probabilities_that_add_up_to_one_is_left_out() -> None:
    normalizer = node("Normalizer", "p", norm="L1", domain=ML)
    proto = chain(normalizer)
    check(from_onnx(proto, X), X, runtime(proto, X)[:, 1:])
    assert kinds(check_onnx(chain(normalizer, post="SOFTMAX", rows=3), X)) == ["linear", "softmax"]


def test_the_second_of_two_columns_may_be_taken_out() -> None:
    proto = chain(node("ArrayFeatureExtractor", "p one", domain=ML), post="NONE")
    graph = check_onnx(proto, X)
    report = graph.import_report
    assert report is not None
    assert report.changed_classes == 0
    assert report.classes == ("10", "11")


def test_a_map_of_classes_becomes_an_array_that_names_them() -> None:
    zipped = node("ZipMap", "p", classlabels_strings=["no", "yes"], domain=ML)
    graph = from_onnx(chain(zipped), X)
    check(graph, X, runtime(chain(node("Identity", "p")), X)[:, 1:])
    report = graph.import_report
    assert report is not None
    assert report.classes == ("no", "yes")
    assert "zipmap (ZipMap) left out: the output is an array, its columns in the order of the classes" in report.notes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: one("LinearRegressor", coefficients=[1.0] * 3, post_transform="SOFTMAX"),
            "has post_transform='SOFTMAX'",
        ),
        (lambda: one("LinearRegressor", coefficients=[1.0] * 4), r"has 4 coefficients for rows of shape \(3,\)"),
        (lambda: one("LinearRegressor"), "has 0 coefficients"),
        (lambda: one("Scaler", offset=[1.0, 2.0]), "Scaler has 2 offsets and 1 scales for rows of shape"),
        (lambda: one("Scaler", scale=[1.0, 2.0]), "Scaler has 1 offsets and 2 scales"),
        (lambda: classifier(W, B, post_transform="PROBIT"), "has post_transform=PROBIT; only NONE, LOGISTIC and"),
        (lambda: classifier(W, B, post_transform="SOFTMAX_ZERO"), "has post_transform=SOFTMAX_ZERO; only"),
        (lambda: classifier(W[:1], B[:1]), "LinearClassifier has 1 rows of coefficients for 1 classes"),
        (lambda: classifier(W, B, classlabels_ints=[1, 2]), "has 3 rows of coefficients for 2 classes"),
        (lambda: classifier(W, B, classlabels_ints=[]), "has 3 rows of coefficients for 0 classes"),
        (lambda: one("Normalizer", norm="L1"), "Normalizer is supported only with norm='L1', where the numbers add up"),
        (lambda: chain(node("Normalizer", "p", norm="MAX", domain=ML)), "Normalizer is supported only with norm='L1'"),
        (lambda: chain(node("Normalizer", "p", norm="L1", domain=ML), rows=3), "of one-vs-rest, take the decision val"),
        (lambda: chain(node("Normalizer", "p", norm="L1", domain=ML), post="NONE"), "Normalizer is supported only"),
        (lambda: chain(node("ArrayFeatureExtractor", "p zero", domain=ML)), "only to take the second of two columns"),
        (lambda: chain(node("ArrayFeatureExtractor", "p one", domain=ML), rows=3), "only to take the second of two"),
        (lambda: chain(node("ArrayFeatureExtractor", "p -", domain=ML)), "only to take the second of two columns"),
        (lambda: model([node("ArrayFeatureExtractor", "x x", domain=ML)], [None, 3]), "needs a constant as input 1"),
        (lambda: one("TreeEnsembleRegressor"), "TreeEnsembleRegressor is not supported; use a linear model or a small"),
        (lambda: one("SVMClassifier", "label y"), "SVMClassifier is not supported; use LinearSVC or LinearSVR"),
        (lambda: one("Imputer"), "Imputer is not supported; use the fitted model on columns that are already"),
        (lambda: one("OneHotEncoder"), "OneHotEncoder is not supported; use the fitted model on columns"),
        (lambda: one("Binarizer"), "Binarizer is not supported"),
    ],
)
def test_what_is_refused(make: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(make(), X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: one("LinearRegressor", coefficients=[1.0] * 6), "coefficients for 2 targets, not 1"),
        (lambda: one("LinearRegressor", coefficients=[1.0] * 3, intercepts=[1.0, 2.0]), "2 intercepts for 1 outputs"),
        (
            lambda: one("LinearClassifier", coefficients=[1.0] * 6),
            "LinearClassifier in operator set 1 has from 2 to 2 outp",
        ),
        (lambda: one("LinearRegressor", coefficients=[1, 2, 3]), "attribute 'coefficients' is not of type FLOATS"),
    ],
)
def test_lists_that_do_not_fit_are_no_model(make: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_onnx(make(), X)


def test_rows_that_are_no_vectors_are_refused() -> None:
    images = np.zeros((2, 3, 4, 5), np.float32)
    for kind, options in (("Scaler", {}), ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0]})):
        proto = model([node(kind, "x", domain=ML, **options)], [None, 3, 4, 5])
        with pytest.raises(GraphError, match=r"for rows of shape \(3, 4, 5\)"):
            from_onnx(proto, images)


def test_the_label_of_a_classifier_is_refused_where_it_is_read() -> None:
    with pytest.raises(GraphError, match="LinearClassifier is supported only for its output number 1"):
        from_onnx(classifier(W, B), X) and from_onnx(
            model(
                [node("LinearClassifier", "x", "y p", domain=ML, coefficients=[1.0] * 9, classlabels_ints=[0, 1, 2])],
                [None, 3],
            ),
            X,
        )
