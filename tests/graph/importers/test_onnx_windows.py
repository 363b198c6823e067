from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tacit.errors import FormatError, GraphError

from .models import check_onnx, from_onnx, kinds, model, node

OPSETS = list(range(7, 29))
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
SIDES = st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))


def images(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (6, *shape)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    SIDES,
    PAIRS,
    PAIRS,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(OPSETS),
)
def test_convolutions(shape: Any, kernel: Any, stride: Any, padding: Any, bias: bool, said: bool, opset: int) -> None:
    assume(all(p < k for p, k in zip(padding, kernel, strict=True)))
    rng = np.random.default_rng(0)
    constants = {"w": rng.normal(size=(3, shape[0], *kernel)), "b": rng.normal(size=3)}
    given: dict[str, Any] = {"strides": stride, "pads": [*padding, *padding]}
    if said:
        given |= {"kernel_shape": kernel, "group": 1, "dilations": [1, 1], "auto_pad": "NOTSET"}
    conv = node("Conv", "x w b" if bias else "x w", **given)
    check_onnx(model([conv], [None, *shape], constants, opset=opset), images(shape))


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["MaxPool", "AveragePool"]),
    SIDES,
    PAIRS,
    st.none() | PAIRS,
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(OPSETS),
)
def test_poolings_are_as_onnx_has_them_or_refused(
    kind: str, shape: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, count: bool, opset: int
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    given: dict[str, Any] = {"kernel_shape": kernel, "pads": [*padding, *padding]}
    step = stride or (1, 1)
    sticks_out = any((n + 2 * p - k) % s for n, p, k, s in zip(shape[1:], padding, kernel, step, strict=True))
    if stride:
        given["strides"] = stride
    if opset >= 10:
        given["ceil_mode"] = int(ceil)
    if kind == "AveragePool":
        given["count_include_pad"] = int(count)
    proto = model([node(kind, "x", **given)], [None, *shape], opset=opset)
    x = images(shape)
    if kind == "AveragePool" and padding != (0, 0) and not count:
        with pytest.raises(GraphError, match="AveragePool has count_include_pad=0; only count_include_pad=1"):
            from_onnx(proto, x)
    elif opset >= 10 and ceil and sticks_out:
        with pytest.raises(GraphError, match=f"{kind} has ceil_mode=1, and a window that sticks out; use ceil_mode=0"):
            from_onnx(proto, x)
    else:
        check_onnx(proto, x)


@pytest.mark.parametrize("kind", ["Conv", "MaxPool", "AveragePool"])
def test_padding_by_name(kind: str) -> None:
    given = {} if kind == "Conv" else {"kernel_shape": [3, 2]}
    constants = {"w": np.random.default_rng(0).normal(size=(2, 1, 3, 2))}
    inputs = "x w" if kind == "Conv" else "x"
    check_onnx(model([node(kind, inputs, auto_pad="VALID", **given)], [None, 1, 5, 5], constants), images((1, 5, 5)))
    for name in ("SAME_UPPER", "SAME_LOWER", "ANY"):
        with pytest.raises(GraphError, match=f"{kind} has auto_pad={name}; export the model with explicit pads"):
            from_onnx(
                model([node(kind, inputs, auto_pad=name, **given)], [None, 1, 5, 5], constants), images((1, 5, 5))
            )


@pytest.mark.parametrize("opset", OPSETS)
def test_means_and_maxima_of_whole_images(opset: int) -> None:
    x = images((3, 4, 5))
    for kind in ("GlobalAveragePool", "GlobalMaxPool"):
        graph = check_onnx(model([node(kind, "x", "h"), node("Flatten", "h")], [None, 3, 4, 5], opset=opset), x)
        assert graph.output_shape == (3,)
    for axes, keep in (([2, 3], 1), ([3, 2], 0), ([2, 3], 0)) + ((([-1, -2], 0),) if opset >= 11 else ()):
        if opset < 18:
            nodes, constants = [node("ReduceMean", "x", axes=axes, keepdims=keep)], {}
        else:
            nodes, constants = [node("ReduceMean", "x a", keepdims=keep)], {"a": np.array(axes)}
        graph = check_onnx(model(nodes, [None, 3, 4, 5], constants, opset=opset), x)
        assert graph.output_shape == ((3, 1, 1) if keep else (3,))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"group": 2}, "node 'conv': Conv has group=2; only group=1 is supported"),
        ({"dilations": [2, 1]}, r"Conv has dilations=\[2, 1\]; only dilations=\[1, 1\] is supported"),
        ({"dilations": [1]}, r"Conv has dilations=\[1\]; only"),
        ({"pads": [0, 0, 1, 0]}, r"Conv has pads=\[0, 0, 1, 0\]; only pads that are the same on both sides"),
        ({"pads": [1, 1]}, r"Conv has pads=\[1, 1\]; only pads"),
        ({"pads": [-1, 0, -1, 0]}, r"Conv has pads=\[-1, 0\]; it must be two whole numbers from 0"),
        ({"pads": [2, 0, 2, 0]}, "padding"),
        ({"strides": [0, 1]}, r"Conv has strides=\[0, 1\]; it must be two whole numbers from 1"),
        ({"strides": [1]}, r"Conv has strides=\[1\]; it must be two whole numbers"),
        ({"kernel_shape": [3, 3]}, r"Conv has kernel_shape=\[3, 3\]; only kernel_shape=\[2, 2\]"),
    ],
)
def test_options_of_convolutions_that_are_refused(attributes: Any, message: str) -> None:
    proto = model([node("Conv", "x w", **attributes)], [None, 2, 5, 5], {"w": np.ones((2, 2, 2, 2))})
    with pytest.raises(GraphError, match=message):
        from_onnx(proto, images((2, 5, 5)))


@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 2, 3, 3, 3), (2, 3, 2, 2)])
def test_convolutions_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GraphError, match="only two-dimensional convolution is supported|takes 3 channels, not 2"):
        from_onnx(model([node("Conv", "x w")], [None, 2, 5, 5], {"w": np.ones(shape)}), images((2, 5, 5)))


def test_a_bias_that_does_not_fit_is_refused() -> None:
    for bias in (np.ones(3), np.ones((2, 1))):
        with pytest.raises(GraphError, match="layer 'conv'"):
            proto = model([node("Conv", "x w b")], [None, 2, 5, 5], {"w": np.ones((2, 2, 1, 1)), "b": bias})
            from_onnx(proto, images((2, 5, 5)))


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [1, 2]}, r"MaxPool has dilations=\[1, 2\]; only"),
        ("AveragePool", {"kernel_shape": [2, 2], "dilations": [2, 2]}, r"AveragePool has dilations=\[2, 2\]; only"),
        ("MaxPool", {"kernel_shape": [2]}, r"MaxPool has kernel_shape=\[2\]; it must be two whole numbers from 1"),
        ("MaxPool", {"kernel_shape": [2, 0]}, r"MaxPool has kernel_shape=\[2, 0\]; it must be two whole"),
        ("MaxPool", {"kernel_shape": [9, 9]}, "does not fit"),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [2, 0, 2, 0]}, "padding"),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [0, 0, 0, 1]}, "AveragePool has pads"),
        ("LpPool", {"kernel_shape": [2, 2]}, "LpPool is not supported; use MaxPool or AveragePool"),
        ("ReduceMean", {}, "ReduceMean over axes None; only over height and width"),
        ("ReduceMean", {"keepdims": 0}, "ReduceMean over axes None; only"),
        ("ReduceMean", {"noop_with_empty_axes": 1}, "ReduceMean over axes None; only"),
        ("ReduceMax", {}, "ReduceMax is not supported"),
    ],
)
def test_poolings_that_are_refused(kind: str, attributes: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        from_onnx(model([node(kind, "x", **attributes)], [None, 2, 5, 5], opset=19), images((2, 5, 5)))


@pytest.mark.parametrize(
    "axes", [[1], [2], [1, 2, 3], [2, 3, 3], [6, 7], [-9, 3], [], np.array([2.0, 3.0]), np.array([[2, 3]])]
)
def test_other_axes_are_refused(axes: Any) -> None:
    array = np.asarray(axes, dtype=None if isinstance(axes, np.ndarray) else np.int64)
    with pytest.raises(GraphError, match="ReduceMean over axes|ReduceMean needs whole numbers as its axes"):
        from_onnx(model([node("ReduceMean", "x a")], [None, 2, 5, 5], {"a": array}, opset=18), images((2, 5, 5)))


@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool"])
def test_rows_that_are_no_images_are_refused(kind: str) -> None:
    with pytest.raises(GraphError, match=r"of rows of shape \(3, 4\); only \(channels, height, width\) is supported"):
        from_onnx(model([node(kind, "x")], [None, 3, 4]), images((3, 4)))
    with pytest.raises(GraphError, match=r"takes a tensor of shape \(channels, height, width\)"):
        from_onnx(model([node("MaxPool", "x", kernel_shape=[1, 1])], [None, 3, 4]), images((3, 4)))


def test_what_a_pooling_gives_besides_is_refused_where_it_is_read() -> None:
    with pytest.raises(GraphError, match="MaxPool is supported only for its output number 0"):
        from_onnx(
            model([node("MaxPool", "x", "h y", kernel_shape=[2, 2])], [None, 1, 4, 4], result=7), images((1, 4, 4))
        )
    unread = model([node("MaxPool", "x", "y i", kernel_shape=[2, 2], storage_order=1)], [None, 1, 4, 4])
    assert kinds(check_onnx(unread, images((1, 4, 4)))) == ["max_pool"]


def test_a_pooling_without_a_window_is_no_model() -> None:
    with pytest.raises(FormatError, match="MaxPool in operator set 17 lacks its attribute 'kernel_shape'"):
        from_onnx(model([node("MaxPool", "x")], [None, 1, 4, 4]), images((1, 4, 4)))
