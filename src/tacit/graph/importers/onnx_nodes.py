"""What each ONNX operator means in layers: the default domain's. One reader for each, and a table of them.

A reader takes a `Call` and returns the value of the node's first output. Attributes that it does not ask for are
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tacit.graph.importers.affine import affine
from tacit.graph.importers.onnx_call import Call, Value
from tacit.graph.importers.onnx_shapes import SHAPE_NODES, whole_axes
from tacit.graph.layers import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
)
from tacit.graph.layers.windows import Pair

Reader = Callable[[Call], Value]


def _gemm(call: Call) -> Value:
    alpha, beta, trans_a, trans_b = call.options(alpha=1.0, beta=1.0, transA=0, transB=0)
    call.require(transA=(trans_a, 0))
    x, weight = call.tensor(), call.constant(1)
    if weight.ndim != 2:
        raise call.refuse(f"has a weight of shape {weight.shape}; only a matrix is supported")
    weight = (weight if trans_b else weight.T) * alpha
    bias = None if call.optional(2) is None else call.constant(2) * beta
    if bias is not None:
        if bias.size not in (1, len(weight)) or (bias.ndim and bias.shape[-1] != bias.size):
            raise call.refuse(f"has C of shape {bias.shape}; only one number for each output is supported")
        bias = np.broadcast_to(bias.reshape(-1), (len(weight),))
    return call.add(Linear.of(weight, bias), x)


def _matmul(call: Call) -> Value:
    call.options()
    x, weight = call.tensor(), call.constant(1)
    if weight.ndim != 2:
        raise call.refuse(f"has a weight of shape {weight.shape}; only a matrix is supported")
    return call.add(Linear.of(weight.T), x)


def _conv(call: Call) -> Value:
    weight = call.constant(1)
    if weight.ndim != 4:
        raise call.refuse(f"has a weight of shape {weight.shape}; only two-dimensional convolution is supported")
    stride, padding, (group, dilations) = _window(call, weight.shape[2:], group=1, dilations=[1, 1])
    call.require(group=(group, 1), dilations=(dilations, [1, 1]))
    bias = None if call.optional(2) is None else call.constant(2)
    return call.add(Conv2d.of(weight, bias, stride=stride, padding=padding), call.tensor())


def _max_pool(call: Call) -> Value:
    size = _pair(call, "kernel_shape", call.given.get("kernel_shape", []))
    stride, padding, (ceil, dilations, _) = _window(call, size, ceil_mode=0, dilations=[1, 1], storage_order=0)
    call.require(ceil_mode=(ceil, 0), dilations=(dilations, [1, 1]))
    return call.add(MaxPool.of(size, stride=stride, padding=padding), call.tensor())


def _average_pool(call: Call) -> Value:
    size = _pair(call, "kernel_shape", call.given.get("kernel_shape", []))
    stride, padding, (ceil, count, dilations) = _window(call, size, ceil_mode=0, count_include_pad=0, dilations=[1, 1])
    call.require(ceil_mode=(ceil, 0), dilations=(dilations, [1, 1]))
    if padding != (0, 0):
        call.require(count_include_pad=(count, 1))
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
        raise call.refuse(f"has auto_pad={auto!r}; export the model with explicit pads")
    if not isinstance(pads, list) or len(pads) != 4 or pads[:2] != pads[2:]:
        raise call.refuse(f"has pads={pads!r}; only pads that are the same on both sides are supported")
    return _pair(call, "strides", strides, least=1), _pair(call, "pads", pads[:2], least=0), rest


def _pair(call: Call, name: str, value: Any, least: int = 1) -> Pair:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, int) and v >= least for v in value):
        raise call.refuse(f"has {name}={value!r}; it must be two whole numbers from {least}")
    return (value[0], value[1])


def _global_average(call: Call) -> Value:
    call.options()
    x = call.tensor()
    return call.add(AveragePool.of(_sides(call, x)), x)


def _global_max(call: Call) -> Value:
    call.options()
    x = call.tensor()
    return call.add(MaxPool.of(_sides(call, x)), x)


def _sides(call: Call, x: str) -> Pair:
    shape = call.shape(x)
    if len(shape) != 3:
        raise call.refuse(f"of rows of shape {shape}; only (channels, height, width) is supported")
    return (shape[1], shape[2])


def _reduce_mean(call: Call) -> Value:
    axes, keep, _ = call.options(axes=None, keepdims=1, noop_with_empty_axes=0)
    given = call.optional(1)
    x = call.tensor()
    axes = axes if given is None else given.reshape(-1).tolist()
    rank = len(call.shape(x)) + 1
    if rank != 4 or whole_axes(axes, rank) != [2, 3]:
        raise call.refuse(f"over axes {axes!r}; only over height and width, axes [2, 3], is supported")
    pooled = call.add(AveragePool.of(_sides(call, x)), x)
    return pooled if keep else call.add(Flatten.of(), pooled)


def _batch_normalisation(call: Call) -> Value:
    epsilon, _, training, spatial = call.options(epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
    call.require(training_mode=(training, 0), spatial=(spatial, 1))
    x = call.tensor()
    scale, bias, mean, variance = (call.constant(number) for number in range(1, 5))
    if not scale.shape == bias.shape == mean.shape == variance.shape == call.shape(x)[:1]:
        raise call.refuse(f"has statistics that do not fit rows of shape {call.shape(x)}")
    with np.errstate(all="ignore"):
        scale = scale / np.sqrt(variance + epsilon)
        offset = bias - mean * scale
    sides = (-1, *[1] * (len(call.shape(x)) - 1))
    return call.add(Normalise.affine(scale.reshape(sides), offset.reshape(sides)), x)


def _elementwise(make: Callable[[], FloatLayer]) -> Reader:
    def read(call: Call) -> Value:
        call.options()
        return call.add(make(), call.tensor())

    return read


def _softmax(call: Call) -> Value:
    (axis,) = call.options(axis=-1 if call.version >= 13 else 1)
    x = call.tensor()
    if len(call.shape(x)) != 1 or axis not in (-1, 1):
        raise call.refuse(f"over axis {axis} of rows of shape {call.shape(x)}; only over a vector is supported")
    return call.add(Softmax.of(), x)


def _arg_max(call: Call) -> Value:
    axis, _, last = call.options(axis=0, keepdims=1, select_last_index=0)
    call.require(select_last_index=(last, 0))
    x = call.tensor()
    if len(call.shape(x)) != 1 or axis not in (-1, 1):
        raise call.refuse(f"over axis {axis} of rows of shape {call.shape(x)}; only over a vector is supported")
    return call.add(ArgMax.of(), x)


def _arithmetic(forward: str, backward: str | None) -> Reader:
    def read(call: Call) -> Value:
        call.options()
        a, b = (call.inputs[0], call.inputs[1]) if len(call.inputs) == 2 else (None, None)
        if isinstance(a, str) and isinstance(b, str):
            if forward == "add":
                return call.add(Add.of(), a, b)
            if forward == "mul" and a == b:
                return call.add(Square.of(), a)
            raise call.refuse("of two tensors that both depend on the input is not supported; use Add or a square")
        x, constant, operation = (a, b, forward) if isinstance(a, str) else (b, a, backward)
        if operation is None or not isinstance(x, str) or not isinstance(constant, np.ndarray):
            raise call.refuse("needs a tensor made from the input, and a constant")
        return call.add(affine(call.where, operation, constant.astype(np.float64), call.shape(x)), x)

    return read


def _negate(call: Call) -> Value:
    call.options()
    x = call.tensor()
    return call.add(affine(call.where, "mul", np.array(-1.0), call.shape(x)), x)


def _power(call: Call) -> Value:
    call.options()
    exponent = call.constant(1)
    if exponent.size != 1 or exponent.reshape(-1)[0] != 2:
        raise call.refuse("with an exponent other than 2 is not supported")
    return call.add(Square.of(), call.tensor())


def _identity(call: Call) -> Value:
    call.options()
    return call.drop("it changes nothing")


def _dropout(call: Call) -> Value:
    call.options(ratio=0.5, seed=0)
    training = call.optional(2)
    if training is not None and training.any():
        raise call.refuse("in training mode is not supported; export the model for inference")
    return call.drop("it does nothing after training")


NODES: dict[str, Reader] = SHAPE_NODES | {
    "Add": _arithmetic("add", "add"),
    "ArgMax": _arg_max,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Conv": _conv,
    "Div": _arithmetic("div", None),
    "Dropout": _dropout,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "Identity": _identity,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mul": _arithmetic("mul", "mul"),
    "Neg": _negate,
    "Pow": _power,
    "ReduceMean": _reduce_mean,
    "Relu": _elementwise(ReLU.of),
    "Sigmoid": _elementwise(Sigmoid.of),
    "Softmax": _softmax,
    "Sub": _arithmetic("sub", "from"),
    "Tanh": _elementwise(Tanh.of),
}
