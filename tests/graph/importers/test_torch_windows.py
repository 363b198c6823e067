from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from tacit.errors import GraphError
from tacit.graph import Graph

from .models import Forward, check_torch, from_torch, kinds

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
SIDES = st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 7))


def images(shape: tuple[int, ...], seed: int = 0, rows: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (rows, *shape)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    SIDES,
    PAIRS,
    PAIRS,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 9),
)
def test_convolutions(
    shape: Any, kernel: Any, stride: Any, padding: Any, bias: bool, functional: bool, seed: int
) -> None:
    assume(all(p < k for p, k in zip(padding, kernel, strict=True)))
    torch.manual_seed(seed)
    conv = nn.Conv2d(shape[0], 3, kernel, stride, padding, bias=bias)
    if functional:
        parts = {"w": conv.weight} | ({"b": conv.bias} if bias else {})
        function = lambda m, x: F.conv2d(x, m.w, m.b if bias else None, stride, padding)  # noqa: E731
        conv = Forward(function, **parts)
    check_torch(conv, images(shape, seed))


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_paddings_by_name(padding: str) -> None:
    check_torch(nn.Conv2d(2, 3, (3, 1), padding=padding), images((2, 5, 4)))
    check_torch(Forward(lambda m, x: F.conv2d(x, m.c.weight, padding=padding), c=nn.Conv2d(2, 3, 3)), images((2, 5, 4)))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["max", "average"]),
    SIDES,
    PAIRS,
    st.none() | PAIRS,
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_poolings_are_as_torch_has_them_or_refused(
    kind: str, shape: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, count: bool, functional: bool
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    step = stride or kernel
    sticks_out = any((n + 2 * p - k) % s for n, p, k, s in zip(shape[1:], padding, kernel, step, strict=True))
    if kind == "max":
        options: dict[str, Any] = {"stride": stride, "padding": padding, "ceil_mode": ceil}
        pool = nn.MaxPool2d(kernel, **options)
        function = lambda m, x: F.max_pool2d(x, kernel, **options)  # noqa: E731
    else:
        options = {"stride": stride, "padding": padding, "ceil_mode": ceil, "count_include_pad": count}
        pool = nn.AvgPool2d(kernel, **options)
        function = lambda m, x: F.avg_pool2d(x, kernel, **options)  # noqa: E731
    module = Forward(function) if functional else pool
    x = images(shape)
    if ceil and sticks_out:
        with pytest.raises(GraphError, match="has ceil_mode=True, and a window that sticks out; use ceil_mode=False"):
            from_torch(module, x)
    elif kind == "average" and padding != (0, 0) and not count:
        with pytest.raises(GraphError, match="has count_include_pad=False; only count_include_pad=True is supported"):
            from_torch(module, x)
    else:
        graph = check_torch(module, x)
        assert kinds(graph) == [f"{kind}_pool"]


@pytest.mark.parametrize("size", [1, 2, (4, 2), (None, 1), (8, None)])
def test_adaptive_poolings_with_windows_alike(size: Any) -> None:
    check_torch(nn.AdaptiveAvgPool2d(size), images((2, 8, 6)))
    check_torch(Forward(lambda m, x: F.adaptive_avg_pool2d(x, size)), images((2, 8, 6)))


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: x.mean((2, 3)),
        lambda m, x: x.mean(dim=[-1, -2]),
        lambda m, x: torch.mean(x, (2, 3), keepdim=True).flatten(1),
        lambda m, x: F.avg_pool2d(x, x.size()[2:]).flatten(1),
        lambda m, x: F.adaptive_avg_pool2d(x, (1, 1)).view(x.size(0), -1),
    ],
)
def test_the_mean_of_an_image(function: Any) -> None:
    assert kinds(check_torch(Forward(function), images((3, 4, 5)))) == ["average_pool", "flatten"]


def test_one_number_in_a_tuple_stands_for_both_sides() -> None:
    check_torch(Forward(lambda m, x: F.max_pool2d(x, (2,))), images((1, 4, 6)))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Conv2d(4, 4, 2, groups=2), "Conv2d has groups=2; only groups=1 is supported"),
        (nn.Conv2d(4, 4, 2, dilation=2), r"Conv2d has dilation=\(2, 2\); only dilation=\(1, 1\) is supported"),
        (nn.Conv2d(4, 4, 2, dilation=(1, 2)), r"has dilation=\(1, 2\); only"),
        (
            nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
            "has padding_mode='reflect'; only padding_mode='zeros'",
        ),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), "has padding_mode='circular'; only"),
        (nn.Conv2d(4, 4, 2, padding="same"), "has padding='same' with an even kernel, which pads one side more"),
        (nn.Conv2d(4, 4, 3, padding=3), "padding"),
        (nn.MaxPool2d(2, dilation=2), r"MaxPool2d has dilation=\(2, 2\); only dilation=\(1, 1\) is supported"),
        (nn.MaxPool2d(2, return_indices=True), "has return_indices=True; only return_indices=False is supported"),
        (nn.AvgPool2d(2, divisor_override=3), "AvgPool2d has divisor_override=3; only divisor_override=None"),
        (nn.AdaptiveAvgPool2d(4), r"AdaptiveAvgPool2d from \(6, 6\) to \(4, 4\): only where each side is a multiple"),
        (nn.AdaptiveAvgPool2d(0), r"from \(6, 6\) to \(0, 0\): only where each side is a multiple"),
    ],
)
def test_options_of_modules_that_are_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph.from_torch(nn.Sequential(module), -1, 1, input_shape=(4, 6, 6))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda m, x: F.conv2d(x, m.w, groups=2), "conv2d has groups=2; only groups=1 is supported"),
        (lambda m, x: F.conv2d(x, m.v, dilation=2), r"conv2d has dilation=\(2, 2\); only"),
        (lambda m, x: F.conv2d(m.v, x), "does not take rows|is not the rows"),
        (lambda m, x: F.conv2d(x, m.v, stride=x.size(0)), "has stride=a number that follows the number of rows"),
        (lambda m, x: F.max_pool2d(x, x.shape[0]), "has kernel_size=a number that follows the number of rows"),
        (lambda m, x: F.max_pool2d(x, 2, dilation=2), r"max_pool2d has dilation=\(2, 2\)"),
        (lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0], "boolean_dispatch|fn|max_pool2d"),
        (lambda m, x: F.avg_pool2d(x, 2, divisor_override=3), "avg_pool2d has divisor_override=3"),
        (lambda m, x: x.mean(1), r"mean over dim=1; only over rows and columns, dim=\(2, 3\)"),
        (lambda m, x: x.mean((1, 2, 3)), r"mean over dim=\(1, 2, 3\); only"),
        (lambda m, x: x.mean((2, 3), dtype=torch.float64), "mean has dtype=torch.float64; only dtype=None"),
        (lambda m, x: x.flatten(1).mean(1), "mean over dim=1; only over rows and columns"),
        (lambda m, x: F.lp_pool2d(x, 2.0, 2), "not supported"),
        (lambda m, x: F.adaptive_max_pool2d(x, 1), "not supported"),
        (lambda m, x: F.interpolate(x, scale_factor=2), "not supported"),
        (lambda m, x: F.pad(x, (1, 1)), "pad is not supported; use the padding of the convolution"),
    ],
)
def test_options_of_functions_that_are_refused(function: Any, message: str) -> None:
    parts = {"w": nn.Parameter(torch.ones(4, 2, 2, 2)), "v": nn.Parameter(torch.ones(4, 4, 2, 2))}
    with pytest.raises(GraphError, match=message):
        from_torch(Forward(function, **parts), images((4, 6, 6)))


def test_rows_without_channels_are_refused() -> None:
    """torch takes (height, width) of several rows for one image of several channels."""
    with pytest.raises(GraphError, match=r"takes a tensor of shape \(channels, height, width\)|does not take rows"):
        from_torch(nn.Sequential(nn.MaxPool2d(2)), images((6, 6)))
    with pytest.raises(GraphError, match="does not take rows"):
        from_torch(nn.Sequential(nn.Conv2d(3, 2, 2)), images((6, 6)))
    with pytest.raises(GraphError, match=r"AdaptiveAvgPool2d from \(6,\) to \(1,\): only where each side"):
        from_torch(nn.Sequential(nn.AdaptiveAvgPool2d(1)), images((6, 6)))
    with pytest.raises(GraphError, match=r"mean over dim=\(2, 3\); only over rows and columns"):
        from_torch(Forward(lambda m, x: x.mean((2, 3))), images((2, 3, 4, 5)))
