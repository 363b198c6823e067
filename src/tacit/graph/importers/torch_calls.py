"""What each torch module, function and tensor method means in layers. One reader for each, and three tables of them.

A reader takes a `Call` and returns the name of the tensor that it made. Every argument is bound to torch's own
parameter names, so an argument that a reader does not look at is refused rather than ignored.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from tacit.graph.fixed import Floats
from tacit.graph.importers.affine import affine
from tacit.graph.importers.torch_call import Call
from tacit.graph.layers import (
    Add,
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
from tacit.graph.layers.windows import Pair, as_pair


def _linear(call: Call) -> str:
    (x,) = call.bind("input")
    bias = None if call.module.bias is None else _array(call.module.bias)
    return call.add(Linear.of(_array(call.module.weight), bias), x)


def _conv2d(call: Call) -> str:
    (x,) = call.bind("input")
    m = call.module
    call.require(groups=(m.groups, 1), dilation=(as_pair(m.dilation), (1, 1)), padding_mode=(m.padding_mode, "zeros"))
    padding = m.padding
    if padding == "valid":
        padding = (0, 0)
    elif padding == "same":
        if any(k % 2 == 0 for k in m.kernel_size):
            raise call.refuse("has padding='same' with an even kernel, which pads one side more; pad by hand")
        padding = tuple(k // 2 for k in m.kernel_size)
    bias = None if m.bias is None else _array(m.bias)
    return call.add(Conv2d.of(_array(m.weight), bias, stride=as_pair(m.stride), padding=as_pair(padding)), x)


def _batch_norm(call: Call) -> str:
    (x,) = call.bind("input")
    m = call.module
    if m.running_mean is None or m.running_var is None:
        raise call.refuse("has no running statistics; train it with track_running_stats=True")
    scale = 1 / np.sqrt(_array(m.running_var) + m.eps)
    offset = -_array(m.running_mean) * scale
    if m.weight is not None:
        scale, offset = scale * _array(m.weight), offset * _array(m.weight)
    if m.bias is not None:
        offset = offset + _array(m.bias)
    sides = (-1, *[1] * (len(call.shape) - 2))
    return call.add(Normalise.affine(scale.reshape(sides), offset.reshape(sides)), x)


def _elementwise(make: Callable[[], FloatLayer]) -> Callable[[Call], str]:
    def read(call: Call) -> str:
        x, _ = call.bind("input", "inplace", inplace=False)
        return call.add(make(), x)

    return read


def _softmax(call: Call) -> str:
    x, dim, _, dtype = call.bind("input", "dim", "_stacklevel", "dtype", dim=None, _stacklevel=3, dtype=None)
    dim = call.module.dim if call.module is not None else dim
    call.require(dtype=(dtype, None))
    if len(call.shape) != 2 or dim not in (1, -1):
        raise call.refuse(f"over dim={dim} of a tensor of shape {call.shape}; only over the last axis of a vector")
    return call.add(Softmax.of(), x)


def _identity(call: Call) -> str:
    (x,) = call.bind("input")
    return call.drop(x, "it changes nothing")


def _dropout(call: Call) -> str:
    if call.module is not None:
        return call.drop(call.bind("input")[0], "it does nothing after training")
    x, _, training, _ = call.bind("input", "p", "training", "inplace", p=0.5, training=True, inplace=False)
    call.require(training=(bool(training), False))
    return call.drop(x, "it does nothing after training")


def _flatten(call: Call) -> str:
    x, start, end = call.bind("input", "start_dim", "end_dim", start_dim=0, end_dim=-1)
    if call.module is not None:
        start, end = call.module.start_dim, call.module.end_dim
    call.require(start_dim=(start, 1))
    if end not in (-1, len(call.draft.shapes[x])):
        raise call.refuse(f"has end_dim={end}; only end_dim=-1 is supported")
    return call.add(Flatten.of(), x)


def _reshape(call: Call) -> str:
    x = call.args[0]
    if not isinstance(x, str):
        raise call.refuse("is applied to something that is not a tensor made from the input")
    before = call.draft.shapes[x]
    if call.shape[1:] == before:
        return call.drop(x, "it changes nothing")
    if len(call.shape) != 2 or call.shape[1] != prod(before):
        raise call.refuse(f"from {before} to {call.shape[1:]} for each row; only flattening is supported")
    return call.add(Flatten.of(), x)


def _max_pool(call: Call) -> str:
    x, size, stride, padding, dilation, ceil, indices = _options(
        call, {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}, "return_indices"
    )
    call.require(dilation=(as_pair(dilation), (1, 1)), ceil_mode=(ceil, False), return_indices=(indices, False))
    return call.add(MaxPool.of(as_pair(size), stride=_stride(stride, size), padding=as_pair(padding)), x)


def _average_pool(call: Call) -> str:
    x, size, stride, padding, ceil, count, divisor = _options(
        call,
        {"kernel_size": None, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True},
        "divisor_override",
        None,
    )
    call.require(ceil_mode=(ceil, False), divisor_override=(divisor, None))
    if as_pair(padding) != (0, 0):
        call.require(count_include_pad=(count, True))
    return call.add(AveragePool.of(as_pair(size), stride=_stride(stride, size), padding=as_pair(padding)), x)


def _adaptive_average_pool(call: Call) -> str:
    x, size = call.bind("input", "output_size", output_size=None)
    del size  # the result's shape says it
    sides = call.draft.shapes[x][1:]
    if len(sides) != 2 or any(side % out for side, out in zip(sides, call.shape[2:], strict=True)):
        raise call.refuse(f"from {sides} to {call.shape[2:]}: only where each side is a multiple of the new one")
    rows, columns = (side // out for side, out in zip(sides, call.shape[2:], strict=True))
    return call.add(AveragePool.of((rows, columns)), x)


def _mean(call: Call) -> str:
    x, dim, keepdim, dtype = call.bind("input", "dim", "keepdim", "dtype", keepdim=False, dtype=None)
    call.require(dtype=(dtype, None))
    shape = call.draft.shapes[x]
    axes = {d % (len(shape) + 1) for d in (dim if isinstance(dim, tuple | list) else (dim,))}
    if len(shape) != 3 or axes != {2, 3}:
        raise call.refuse(f"over dim={dim}; only over rows and columns, dim=(2, 3), is supported")
    pooled = call.add(AveragePool.of((shape[1], shape[2])), x)
    return pooled if keepdim else call.add(Flatten.of(), pooled)


def _arithmetic(
    forward: str, backward: str | None, tensors: Callable[[Call, str, str], str] | None = None
) -> Callable[[Call], str]:
    """A reader of `a op b`: x forward b for a constant b, x backward a for a constant a, tensors(a, b) for neither."""

    def read(call: Call) -> str:
        a, b, alpha = call.bind("input", "other", "alpha", alpha=1)
        call.require(alpha=(alpha, 1))
        if isinstance(a, str) and isinstance(b, str):
            if tensors is None:
                raise call.refuse("of two tensors that both depend on the input is not supported; use Add or Square")
            return tensors(call, a, b)
        x, constant, operation = (a, b, forward) if isinstance(a, str) else (b, a, backward)
        if operation is None or not isinstance(x, str) or not isinstance(constant, int | float | np.ndarray):
            raise call.refuse("needs a tensor made from the input, and a number or a constant tensor")
        return call.add(affine(call.where, operation, np.asarray(constant), call.draft.shapes[x]), x)

    return read


def _add_tensors(call: Call, a: str, b: str) -> str:
    return call.add(Add.of(), a, b)


def _multiply_tensors(call: Call, a: str, b: str) -> str:
    if a != b:
        raise call.refuse("of two different tensors is not supported; only the square of one is")
    return call.add(Square.of(), a)


def _power(call: Call) -> str:
    x, exponent = call.bind("input", "exponent")
    call.require(exponent=(exponent, 2))
    return call.add(Square.of(), x)


def _options(call: Call, defaults: dict[str, Any], last: str, last_default: Any = False) -> list[Any]:
    """Input and options of a pooling, from the module's attributes or from the function's arguments."""
    names = [*defaults, last]
    if call.module is not None:
        return [*call.bind("input"), *(getattr(call.module, name) for name in names)]
    return call.bind(
        "input", *names, **{k: v for k, v in defaults.items() if v is not None or k == "stride"}, **{last: last_default}
    )


def _stride(stride: Any, size: Any) -> Pair:
    return as_pair(size if stride is None or stride == [] else stride)


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.detach().to("cpu", torch.float64).numpy()


Reader = Callable[[Call], str]

_add = _arithmetic("add", "add", _add_tensors)
_subtract = _arithmetic("sub", "from")
_multiply = _arithmetic("mul", "mul", _multiply_tensors)
_divide = _arithmetic("div", None)
_relu, _sigmoid, _tanh, _square = (_elementwise(make) for make in (ReLU.of, Sigmoid.of, Tanh.of, Square.of))

MODULES: dict[Any, Reader] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: _relu,
    nn.Sigmoid: _sigmoid,
    nn.Tanh: _tanh,
    nn.Softmax: _softmax,
    nn.Flatten: _flatten,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _adaptive_average_pool,
    nn.Dropout: _dropout,
    nn.Dropout1d: _dropout,
    nn.Dropout2d: _dropout,
    nn.Identity: _identity,
}

FUNCTIONS: dict[Any, Reader] = {
    torch.relu: _relu,
    functional.relu: _relu,
    torch.sigmoid: _sigmoid,
    functional.sigmoid: _sigmoid,
    torch.tanh: _tanh,
    functional.tanh: _tanh,
    torch.square: _square,
    torch.softmax: _softmax,
    functional.softmax: _softmax,
    torch.flatten: _flatten,
    torch.reshape: _reshape,
    functional.max_pool2d: _max_pool,
    torch.max_pool2d: _max_pool,
    functional.avg_pool2d: _average_pool,
    functional.adaptive_avg_pool2d: _adaptive_average_pool,
    functional.dropout: _dropout,
    torch.mean: _mean,
    torch.add: _add,
    operator.add: _add,
    operator.iadd: _add,
    torch.sub: _subtract,
    operator.sub: _subtract,
    torch.mul: _multiply,
    operator.mul: _multiply,
    torch.div: _divide,
    operator.truediv: _divide,
    torch.pow: _power,
    operator.pow: _power,
}

METHODS: dict[Any, Reader] = {
    "relu": _relu,
    "relu_": _relu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "square": _square,
    "softmax": _softmax,
    "flatten": _flatten,
    "view": _reshape,
    "reshape": _reshape,
    "mean": _mean,
    "add": _add,
    "add_": _add,
    "sub": _subtract,
    "mul": _multiply,
    "div": _divide,
    "pow": _power,
    "contiguous": _identity,
    "detach": _identity,
    "float": _identity,
}
