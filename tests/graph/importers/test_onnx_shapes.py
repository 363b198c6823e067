from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit.errors import FormatError, GraphError

from .models import check_onnx, from_onnx, kinds, model, node

OPSETS = list(range(7, 29))
IMAGES = np.random.default_rng(0).uniform(-1, 1, (12, 2, 3, 4)).astype(np.float32)
VECTORS = np.random.default_rng(0).uniform(-1, 1, (12, 4)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(24, 3))


@pytest.mark.parametrize("opset", OPSETS)
def test_flattening_in_every_operator_set(opset: int) -> None:
    for given in ({}, {"axis": 1}):
        nodes = [node("Relu", "x", "h"), node("Flatten", "h", "f", **given), node("MatMul", "f w")]
        graph = check_onnx(model(nodes, [None, 2, 3, 4], {"w": W}, opset=opset), IMAGES)
        assert kinds(graph) == ["relu", "flatten", "linear"]


@pytest.mark.parametrize("target", [[0, 24], [-1, 24], [0, -1], [12, 24], [12, -1]])
@pytest.mark.parametrize("opset", [7, 13, 14, 28])
def test_reshapes_that_flatten(target: list[int], opset: int) -> None:
    rows = 12 if target[0] == 12 else None
    nodes = [node("Reshape", "x s", "f"), node("MatMul", "f w")]
    graph = check_onnx(model(nodes, [rows, 2, 3, 4], {"w": W, "s": np.array(target)}, opset=opset), IMAGES)
    assert kinds(graph) == ["flatten", "linear"]


@pytest.mark.parametrize("target", [[0, 2, 3, 4], [0, 0, 0, 0], [-1, 2, 3, 4], [0, -1, 0, 4], [0, 2, 3, -1]])
def test_reshapes_that_change_nothing(target: list[int]) -> None:
    nodes = [node("Reshape", "x s", "h"), node("Relu", "h")]
    graph = check_onnx(model(nodes, [None, 2, 3, 4], {"s": np.array(target)}), IMAGES)
    assert kinds(graph) == ["relu"]


@pytest.mark.parametrize("target", [[0, 2, 1, 2], [-1, 2, 1, 2], [0, -1, 1, 2], [12, 2, 1, -1]])
@pytest.mark.parametrize("opset", [7, 13, 14, 28])
def test_reshapes_of_flat_rows_to_images(target: list[int], opset: int) -> None:
    rows = 12 if target[0] == 12 else None
    nodes = [node("Reshape", "x s", "i"), node("Conv", "i k")]
    constants = {"k": np.ones((1, 2, 1, 2)), "s": np.array(target)}
    graph = check_onnx(model(nodes, [rows, 4], constants, opset=opset), VECTORS)
    assert kinds(graph) == ["unflatten", "conv2d"]


@pytest.mark.parametrize(
    "target",
    [
        [0, 2, 2],
        [0, 1, 1, 2, 2],
        [0, 1, 2, 3],
        [0, -2, -2, 1],
        [5, 1, 2, 2],
        [0, 0, 0, 1],
        [0, -1, -1, 4],
        [0, 2, 1, 2, 0],
        [0, -3, 2, 1, 2],
    ],
)
def test_other_reshapes_of_flat_rows_are_refused(target: list[int]) -> None:
    with pytest.raises(GraphError, match=r"Reshape of rows of shape \(4,\) to .* and a flat one to \(channels, height"):
        from_onnx(model([node("Reshape", "x s")], [None, 4], {"s": np.array(target)}), VECTORS)


def test_a_column_of_pixels_is_no_flat_row() -> None:
    x = IMAGES.reshape(12, 24, 1, 1)
    with pytest.raises(GraphError, match=r"Reshape of rows of shape \(24, 1, 1\) to .* and a flat one to \(channels"):
        from_onnx(model([node("Reshape", "x s")], [None, 24, 1, 1], {"s": np.array([0, 2, 3, 4])}), x)


@pytest.mark.parametrize(
    "target",
    [
        [],
        [-1],
        [24, 0],
        [1, -1],
        [5, 24],
        [0, 4, 3, 2],
        [0, 6, 4],
        [0, 2, 12],
        [-1, 12],
        [-1, -1],
        [0, -1, -1],
        [0, -2],
        [0, 5, -1],
        [0, 24, 0],
        [0, 0, 0, 0, 0],
        [0, 24, 1],
        [2**62, 24],
        [0, 2**62],
    ],
)
def test_reshapes_to_anything_else_are_refused(target: list[int]) -> None:
    with pytest.raises(GraphError, match=r"Reshape of rows of shape \(2, 3, 4\) to .*: only flattening each row"):
        from_onnx(model([node("Reshape", "x s")], [None, 2, 3, 4], {"s": np.array(target, dtype=np.int64)}), IMAGES)


@pytest.mark.parametrize(
    "shape", [np.array([0.0, 24.0]), np.array([[0, 24]]), np.array(24), np.array([True, True])], ids=repr
)
def test_shapes_that_are_no_list_of_whole_numbers_are_refused(shape: np.ndarray) -> None:
    with pytest.raises(GraphError, match="Reshape needs a constant shape"):
        from_onnx(model([node("Reshape", "x s")], [None, 2, 3, 4], {"s": shape}), IMAGES)


def test_other_options_of_reshapes_are_refused() -> None:
    with pytest.raises(GraphError, match="Reshape has allowzero=1; only allowzero=0 is supported"):
        from_onnx(model([node("Reshape", "x s", allowzero=1)], [None, 2, 3, 4], {"s": np.array([0, 24])}), IMAGES)
    with pytest.raises(GraphError, match="Reshape needs a constant shape"):
        from_onnx(model([node("Reshape", "x x")], [None, 4]), VECTORS)
    with pytest.raises(GraphError, match="Flatten has axis=0; only axis=1 is supported"):
        from_onnx(model([node("Flatten", "x", axis=0)], [None, 2, 3, 4]), IMAGES)
    with pytest.raises(GraphError, match="Flatten has axis=2; only axis=1"):
        from_onnx(model([node("Flatten", "x", axis=2)], [None, 2, 3, 4]), IMAGES)


def view(opset: int, *last: int) -> list[Any]:
    """x.view(x.size(0), ...) as torch's exporter writes it."""
    axes: dict[str, Any] = {"axes": [0]} if opset < 13 else {}
    return [
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "rows", axis=0),
        node("Unsqueeze", "rows" if opset < 13 else "rows axes", "first", **axes),
        node("Concat", "first last", "target", axis=0),
        node("Reshape", "x target", "f"),
        node("MatMul", "f w"),
    ]


@pytest.mark.parametrize("opset", OPSETS)
def test_shapes_that_are_computed(opset: int) -> None:
    constants = {"zero": np.array(0), "axes": np.array([0]), "last": np.array([-1]), "w": W}
    graph = check_onnx(model(view(opset), [None, 2, 3, 4], constants, opset=opset), IMAGES)
    assert kinds(graph) == ["flatten", "linear"]


def test_shapes_that_are_computed_by_slices_and_casts() -> None:
    nodes = [
        node("Shape", "x", "rows", start=0, end=1),
        node("Cast", "rows", "whole", to=7),
        node("Constant", "", "last", value_ints=[24]),
        node("Concat", "whole last", "target", axis=-1),
        node("Reshape", "x target"),
    ]
    assert kinds(check_onnx(model(nodes, [None, 2, 3, 4]), IMAGES)) == ["flatten"]
    nodes = [node("Shape", "x", "a"), node("Gather", "a i", "n"), node("Concat", "n s", "t", axis=0)]
    product = {"i": np.array([-4]), "s": np.array([2, 3, 4])}
    assert kinds(
        check_onnx(model([*nodes, node("Reshape", "x t", "h"), node("Relu", "h")], [None, 2, 3, 4], product), IMAGES)
    ) == ["relu"]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Shape", "x", "s"), node("Concat", "s s", "t", axis=0), node("Reshape", "x t")], "only flattening each"),
        ([node("Shape", "x", "s"), node("Concat", "s s", "t", axis=1), node("Reshape", "x t")], "only along axis 0"),
        (
            [
                node("Shape", "x", "s"),
                node("Concat", "s s", "t", axis=0),
                node("Concat", "t t", "v", axis=0),
                node("Concat", "v v", "u", axis=0),
                node("Reshape", "x u"),
            ],
            "Concat of shapes is supported only along axis 0, to at most 9 sides",
        ),
        ([node("Concat", "long", "t", axis=0), node("Reshape", "x t")], "Concat is supported only for shapes"),
        ([node("Concat", "x c", "y", axis=1)], "Concat is supported only for shapes, and for the two columns"),
        ([node("Relu", "x", "h"), node("Concat", "h x", "y", axis=1)], "Concat is supported only for shapes"),
        ([node("Shape", "x", "s"), node("Gather", "s c", "g"), node("Reshape", "x g")], "Gather is supported only to"),
        ([node("Gather", "x i")], "Gather is supported only to read one side of a shape"),
        ([node("Shape", "x", "s"), node("Gather", "s i", "g", axis=1), node("Reshape", "x g")], "Gather is supported"),
        ([node("Shape", "x", "s"), node("Gather", "s ij", "g"), node("Reshape", "x g")], "Gather is supported only"),
        ([node("Unsqueeze", "x i")], "Unsqueeze is supported only on a number or one side of a shape, with axes .0."),
        ([node("Shape", "x", "s"), node("Unsqueeze", "s i", "u"), node("Reshape", "x u")], "Unsqueeze is supported"),
        (
            [
                node("Shape", "x", "s"),
                node("Gather", "s i", "g"),
                node("Unsqueeze", "g one", "u"),
                node("Reshape", "x u"),
            ],
            "Unsqueeze is supported only on a number",
        ),
        ([node("Shape", "x", "s"), node("Add", "x s")], "Add needs a tensor made from the input, and a constant"),
        ([node("Shape", "x", "s"), node("Cast", "s", "f", to=1), node("Mul", "x f")], "Cast to type FLOAT is not supp"),
        ([node("Shape", "x")], "output 'y' does not depend on the model's input"),
        (
            [
                node("Shape", "x", "s"),
                node("Identity", "s"),
            ],
            "output 'y' does not depend on the model's input",
        ),
        ([node("Cast", "x", to=7)], "Cast to type INT64 is not supported; only to float and double"),
        ([node("Cast", "x", to=10)], "Cast to type FLOAT16 is not supported; only to float and double"),
        ([node("Cast", "x", to=77)], "Cast to type number 77 is not supported"),
        ([node("Cast", "nan", "n", to=7), node("Add", "x n")], "to whole numbers of a constant that is not finite"),
        ([node("Cast", "c", "n", to=9), node("Add", "x n")], "Cast to type BOOL is not supported"),
        (
            [node("Constant", "", "k", value_string="a"), node("Add", "x k")],
            "Constant has the attribute 'value_string'",
        ),
        ([node("Squeeze", "x")], "Squeeze of axes None of rows"),
        ([node("Slice", "x i i")], "Slice is not supported"),
        ([node("Split", "x", "y z")], "Split is not supported"),
        ([node("Expand", "x i")], "Expand is not supported"),
        ([node("Pad", "x i")], "Pad is not supported; use the padding of the convolution"),
    ],
)
def test_what_is_refused(nodes: Any, message: str) -> None:
    constants = {
        "c": [1.0, 2, 3, 4],
        "nan": [np.nan, 1, 1, 1],
        "i": np.array([0]),
        "ij": np.array([0, 1]),
        "one": np.array([1]),
        "long": np.ones(20, dtype=np.int64),
    }
    with pytest.raises(GraphError, match=message):
        from_onnx(model(nodes, [None, 4], constants), VECTORS)


def test_a_side_that_a_shape_has_not() -> None:
    nodes = [node("Shape", "x", "s"), node("Gather", "s i", "g"), node("Reshape", "x g")]
    for index in (2, -3, 2**62):
        with pytest.raises(FormatError, match="node 'gather': index .* of a shape with 2 sides"):
            from_onnx(model(nodes, [None, 4], {"i": np.array(index)}), VECTORS)


@pytest.mark.parametrize("opset", OPSETS)
def test_squeezing_a_pooled_image(opset: int) -> None:
    for axes in ([2, 3], [3, 2]) + (([-1, -2],) if opset >= 11 else ()):
        given: dict[str, Any] = {"axes": axes} if opset < 13 else {}
        squeeze = node("Squeeze", "h" if opset < 13 else "h a", **given)
        proto = model([node("GlobalMaxPool", "x", "h"), squeeze], [None, 2, 3, 4], {"a": np.array(axes)}, opset=opset)
        assert check_onnx(proto, IMAGES).output_shape == (2,)


@pytest.mark.parametrize("axes", [[1], [2], [2, 3, 3], [0, 2, 3], [6, 7], [3], np.array([2.0, 3.0])], ids=repr)
def test_squeezing_anything_else_is_refused(axes: Any) -> None:
    proto = model([node("GlobalMaxPool", "x", "h"), node("Squeeze", "h a")], [None, 2, 3, 4], {"a": np.asarray(axes)})
    with pytest.raises(GraphError, match="Squeeze of axes|Squeeze needs whole numbers as its axes"):
        from_onnx(proto, IMAGES)


@pytest.mark.parametrize("opset", OPSETS)
def test_constants_and_casts(opset: int) -> None:
    """Cast towards whole numbers drops the fraction, as it does in the model."""
    tensor = model([], None, {"t": [2.7, -2.7, 0.5, 1.0]}).graph.initializer[0]
    nodes = [
        node("Constant", "", "c", value=tensor),
        node("Cast", "c", "i", to=7),
        node("Cast", "i", "f", to=1),
        node("Mul", "x f", "h"),
        node("Cast", "h", "d", to=11),
        node("Cast", "d", to=1),
    ]
    graph = check_onnx(model(nodes, [None, 4], opset=opset), VECTORS)
    assert np.abs(graph.predict([[0.5, 0.5, 0.5, 0.5]]) - [1, -1, 0, 0.5]).max() < 1e-4


@pytest.mark.parametrize("given", [{"value_float": 1.5}, {"value_floats": [1.5, 2, 3, 4]}, {"value_int": 2}])
def test_constants_of_other_forms(given: Any) -> None:
    nodes = [node("Constant", "", "c", **given), node("Cast", "c", "f", to=1), node("Add", "x f")]
    assert kinds(check_onnx(model(nodes, [None, 4]), VECTORS)) == ["normalise"]


def test_constants_without_a_value_or_with_two() -> None:
    for given in ({}, {"value_int": 1, "value_float": 1.0}):
        with pytest.raises(FormatError, match=f"a Constant with {len(given)} values"):
            from_onnx(model([node("Constant", "", "c", **given), node("Add", "x c")], [None, 4]), VECTORS)


@pytest.mark.parametrize(("second", "first"), [("Sigmoid", "Sub"), ("Neg", "Neg")])
def test_two_columns_that_one_number_determines(second: str, first: str) -> None:
    """(1 - p, p) and (-s, s), of which the graph keeps the second."""
    nodes = [node("MatMul", "x w", "h"), node(second, "h", "p")]
    nodes += [node("Sub", "one p", "q") if first == "Sub" else node("Neg", "p", "q"), node("Concat", "q p", axis=1)]
    proto = model(nodes, [None, 4], {"w": np.ones((4, 1)), "one": [1.0]})
    graph = from_onnx(proto, VECTORS)
    assert graph.output_shape == (1,)
    report = graph.import_report
    assert report is not None
    assert report.changed_classes == 0
    assert report.largest_difference < 1e-4


@pytest.mark.parametrize(
    ("nodes", "constant"),
    [
        ([node("Sub", "c h", "q"), node("Concat", "q h", axis=1)], 1.0),  # of a number that is no probability
        ([node("Sigmoid", "h", "p"), node("Neg", "p", "q"), node("Concat", "q p", axis=1)], 1.0),  # always the second
        ([node("Sub", "c h", "q"), node("Concat", "q h", axis=1)], 0.5),
        ([node("Mul", "c h", "q"), node("Concat", "q h", axis=1)], -2.0),
        ([node("Neg", "h", "q"), node("Concat", "h q", axis=1)], 1.0),  # the other way round
        ([node("Neg", "h", "q"), node("Concat", "q h", axis=0)], 1.0),
        ([node("Neg", "h", "q"), node("Concat", "q h h", axis=1)], 1.0),
        ([node("Neg", "x", "q"), node("Concat", "q x", axis=1)], 1.0),  # of four numbers
    ],
)
def test_other_columns_are_refused(nodes: Any, constant: float) -> None:
    proto = model([node("MatMul", "x w", "h"), *nodes], [None, 4], {"w": np.ones((4, 1)), "c": [constant]})
    with pytest.raises(GraphError, match="Concat is supported only for shapes, and for the two columns"):
        from_onnx(proto, VECTORS)


def test_a_node_on_both_columns_is_refused() -> None:
    nodes = [node("MatMul", "x w", "h"), node("Neg", "h", "q"), node("Concat", "q h", "both", axis=1)]
    for last in ("Relu", "ArgMax"):
        with pytest.raises(GraphError, match=f"{last} reads both columns of a two-class output; choose an output befo"):
            from_onnx(model([*nodes, node(last, "both")], [None, 4], {"w": np.ones((4, 1))}), VECTORS)
    with pytest.raises(GraphError, match="Add needs a tensor made from the input, and a constant"):
        from_onnx(model([*nodes, node("Add", "both h")], [None, 4], {"w": np.ones((4, 1))}), VECTORS)
    with pytest.raises(GraphError, match="Gemm needs a constant as input 1"):
        from_onnx(model([*nodes, node("Gemm", "x both")], [None, 4], {"w": np.ones((4, 1))}), VECTORS)
