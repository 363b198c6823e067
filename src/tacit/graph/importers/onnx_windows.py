"""What the ONNX operators with windows mean in layers: convolution, pooling, and the mean over a whole image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tacit.canonical import quote
from tacit.graph.importers.onnx_call import Call, Value
from tacit.graph.importers.onnx_shapes import axes_of, whole_axes
from tacit.graph.layers import AveragePool, Conv2d, Flatten, MaxPool
from tacit.graph.layers.windows import Pair


def _conv(call: Call) -> Value:
    weight = call.constant(1)
    if weight.ndim != 4:
        raise call.refuse(f"has a weight of shape {weight.shape}; only two-dimensional convolution is supported")
    stride, padding, (group, dilations) = _window(call, weight.shape[2:], group=1, dilations=[1, 1])
    call.require(group=(group, 1), dilations=(dilations, [1, 1]))
    bias = None if call.optional(2) is None else call.constant(2)
    return call.add(Conv2d.of(weight, bias, stride=stride, padding=padding), call.tensor())


def _max_pool(call: Call) -> Value:
    size = _pair(call, "kernel_shape", call.given["kernel_shape"])
    stride, padding, (ceil, dilations, _) = _window(call, size, ceil_mode=0, dilations=[1, 1], storage_order=0)
    call.require(dilations=(dilations, [1, 1]))
    _check_ceil(call, ceil, size, stride, padding)
    return call.add(MaxPool.of(size, stride=stride, padding=padding), call.tensor())


def _average_pool(call: Call) -> Value:
    size = _pair(call, "kernel_shape", call.given["kernel_shape"])
    stride, padding, (ceil, count, dilations) = _window(call, size, ceil_mode=0, count_include_pad=0, dilations=[1, 1])
    call.require(dilations=(dilations, [1, 1]))
    if padding != (0, 0):
        call.require(count_include_pad=(count, 1))
    _check_ceil(call, ceil, size, stride, padding)
    return call.add(AveragePool.of(size, stride=stride, padding=padding), call.tensor())


def _window(call: Call, size: Any, **others: Any) -> tuple[Pair, Pair, list[Any]]:
    """Stride, padding, and the other attributes of a convolution or a pooling."""
    auto, kernel, pads, strides, *rest = call.options(
        auto_pad="NOTSET", kernel_shape=list(size), pads=[0, 0, 0, 0], strides=[1, 1], **others
    )
    call.require(kernel_shape=(kernel, list(size)))
    if auto == "VALID":
        pads = [0, 0, 0, 0]
    elif auto != "NOTSET":
        raise call.refuse(f"has auto_pad={quote(auto)}; export the model with explicit pads")
    if len(pads) != 4 or pads[:2] != pads[2:]:
        raise call.refuse(f"has pads={quote(str(pads))}; only pads that are the same on both sides are supported")
    return _pair(call, "strides", strides), _pair(call, "pads", pads[:2], least=0), rest


def _pair(call: Call, name: str, value: list[int], least: int = 1) -> Pair:
    if len(value) != 2 or min(value) < least:
        raise call.refuse(f"has {name}={quote(str(value))}; it must be two whole numbers from {least}")
    return (value[0], value[1])


def _check_ceil(call: Call, ceil: int, size: Pair, stride: Pair, padding: Pair) -> None:
    """GraphError where rounding the number of windows up gives one that sticks out."""
    sides = call.shape(call.tensor())[1:]
    if ceil and any((n + 2 * p - k) % s for n, p, k, s in zip(sides, padding, size, stride, strict=False)):
        raise call.refuse("has ceil_mode=1, and a window that sticks out; use ceil_mode=0, and an input that fits")


def _global_average(call: Call) -> Value:
    call.options()
    x = call.tensor()
    return call.add(AveragePool.of(_sides(call, x)), x)


def _global_max(call: Call) -> Value:
    call.options()
    x = call.tensor()
    return call.add(MaxPool.of(_sides(call, x)), x)


def _reduce_mean(call: Call) -> Value:
    keep, _, axes = call.options(keepdims=1, noop_with_empty_axes=0, axes=None)
    axes, x = axes_of(call, axes), call.tensor()
    rank = len(call.shape(x)) + 1
    if rank != 4 or whole_axes(axes, rank) != [2, 3]:
        raise call.refuse(f"over axes {quote(str(axes))}; only over height and width, axes [2, 3], is supported")
    pooled = call.add(AveragePool.of(_sides(call, x)), x)
    return pooled if keep else call.add(Flatten.of(), pooled)


def _sides(call: Call, x: str) -> Pair:
    shape = call.shape(x)
    if len(shape) != 3:
        raise call.refuse(f"of rows of shape {shape}; only (channels, height, width) is supported")
    return (shape[1], shape[2])


WINDOW_NODES: dict[str, Callable[[Call], Value]] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "MaxPool": _max_pool,
    "ReduceMean": _reduce_mean,
}
