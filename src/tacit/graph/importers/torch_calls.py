"""What each torch module, function and tensor method means in layers: three tables of readers, and the short ones.

A reader takes a `Call` and returns the tensor that it made. Every argument is bound to torch's own parameter names, so
an argument that a reader does not look at is refused rather than ignored. What a call overwrites is looked after where
the module is traced.
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

from tacit.graph.importers.affine import affine
from tacit.graph.importers.torch_call import Call, Made
from tacit.graph.importers.torch_weights import batch_norm, linear, matrix_product
from tacit.graph.importers.torch_windows import adaptive_average_pool, average_pool, conv2d, max_pool, mean
from tacit.graph.layers import Add, ArgMax, Flatten, FloatLayer, ReLU, Sigmoid, Softmax, Square, Tanh, Unflatten

Reader = Callable[[Call], Made]


def _elementwise(make: Callable[[], FloatLayer]) -> Reader:
    def read(call: Call) -> Made:
        x, _ = call.bind("input", "inplace", inplace=False)
        return call.add(make(), x)

    return read


def _softmax(call: Call) -> Made:
    if call.module is not None:
        (x,) = call.bind("input")
        dim, dtype = call.module.dim, None
    else:
        x, dim, dtype = call.bind("input", "dim", "dtype", dtype=None)
    return _over_vector(call, Softmax.of(), x, dim, dtype)


def _functional_softmax(call: Call) -> Made:
    x, dim, _, dtype = call.bind("input", "dim", "_stacklevel", "dtype", dim=None, _stacklevel=3, dtype=None)
    return _over_vector(call, Softmax.of(), x, dim, dtype)


def _arg_max(call: Call) -> Made:
    x, dim, _ = call.bind("input", "dim", "keepdim", dim=None, keepdim=False)
    return _over_vector(call, ArgMax.of(), x, dim, None)


def _over_vector(call: Call, layer: FloatLayer, x: Any, dim: Any, dtype: Any) -> Made:
    call.require(dtype=(dtype, None))
    if len(call.rows(x)) != 1 or dim not in (1, -1):
        raise call.refuse(f"over dim={dim!r} of rows of shape {call.rows(x)}; only over dim=1 of a vector is supported")
    return call.add(layer, x)


def _identity(call: Call) -> Made:
    (x,) = call.bind("input")
    return call.drop(x, "it changes nothing")


def _dropout(call: Call) -> Made:
    if call.module is not None:
        return call.drop(call.bind("input")[0], "it does nothing after training")
    x, _, training, _ = call.bind("input", "p", "training", "inplace", p=0.5, training=True, inplace=False)
    call.require(training=(bool(training), False))
    return call.drop(x, "it does nothing after training")


def _flatten(call: Call) -> Made:
    x, start, end = call.bind("input", "start_dim", "end_dim", start_dim=0, end_dim=-1)
    if call.module is not None:
        start, end = call.module.start_dim, call.module.end_dim
    axes = len(call.rows(x)) + 1
    if start not in (1, 1 - axes) or end not in (-1, axes - 1):
        raise call.refuse(f"has start_dim={start!r}, end_dim={end!r}; only start_dim=1, end_dim=-1 is supported")
    return call.add(Flatten.of(), x)


def _reshape(call: Call) -> Made:
    if set(call.kwargs) - {"input", "shape", "size"}:
        raise call.refuse("has arguments that are not supported; supported are input, shape")
    if any(isinstance(value, torch.dtype) for value in (*call.args, *call.kwargs.values())):
        raise call.refuse("as another type is not supported")
    x = call.args[0] if call.args else call.kwargs.get("input")
    return _to_result_shape(call, x)


def _unflatten(call: Call) -> Made:
    (x,) = call.bind("input") if call.module is not None else call.bind("input", "dim", "sizes")[:1]
    return _to_result_shape(call, x)


def _to_result_shape(call: Call, x: Any) -> Made:
    """The tensor in the same order with the shape of the call's result, where the graph has a layer for that."""
    before, after = call.rows(x), call.shape[1:]
    if after == before:
        return call.drop(x, "it changes nothing")
    if after == (prod(before),):
        return call.add(Flatten.of(), x)
    if len(before) != 1 or len(after) != 3:
        raise call.refuse(
            f"from {before} to {after} for each row; only flattening is supported, and a flat row to (channels,"
            " height, width)"
        )
    return call.add(Unflatten.of(*after), x)


def _arithmetic(
    forward: str, backward: str | None, tensors: Callable[[Call, Made, Made], Made] | None = None
) -> Reader:
    """A reader of `a op b`: x forward b for a constant b, x backward a for a constant a, tensors(a, b) for neither."""

    def read(call: Call) -> Made:
        a, b, alpha = call.bind("input", "other", "alpha", alpha=1)
        call.require(alpha=(alpha, 1))
        if isinstance(a, Made) and isinstance(b, Made):
            if tensors is None:
                raise call.refuse("of two tensors that both depend on the input is not supported; use Add or Square")
            return tensors(call, a, b)
        x, constant, operation = (a, b, forward) if isinstance(a, Made) else (b, a, backward)
        if operation is None or not isinstance(constant, int | float | np.ndarray):
            raise call.refuse("needs a tensor made from the input, and a number or a constant tensor")
        return call.add(affine(call.where, operation, np.asarray(constant), call.rows(x)), x)

    return read


def _add_tensors(call: Call, a: Made, b: Made) -> Made:
    return call.add(Add.of(), a, b)


def _multiply_tensors(call: Call, a: Made, b: Made) -> Made:
    if a != b:
        raise call.refuse("of two different tensors is not supported; only the square of one is")
    return call.add(Square.of(), a)


def _negate(call: Call) -> Made:
    (x,) = call.bind("input")
    return call.add(affine(call.where, "mul", np.array(-1.0), call.rows(x)), x)


def _power(call: Call) -> Made:
    x, exponent = call.bind("input", "exponent")
    call.require(exponent=(exponent, 2))
    return call.add(Square.of(), x)


_add = _arithmetic("add", "add", _add_tensors)
_subtract = _arithmetic("sub", "from")
_multiply = _arithmetic("mul", "mul", _multiply_tensors)
_divide = _arithmetic("div", None)
_relu, _sigmoid, _tanh, _square = (_elementwise(make) for make in (ReLU.of, Sigmoid.of, Tanh.of, Square.of))

MODULES: dict[Any, Reader] = {
    nn.Linear: linear,
    nn.Conv2d: conv2d,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.ReLU: _relu,
    nn.Sigmoid: _sigmoid,
    nn.Tanh: _tanh,
    nn.Softmax: _softmax,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.MaxPool2d: max_pool,
    nn.AvgPool2d: average_pool,
    nn.AdaptiveAvgPool2d: adaptive_average_pool,
    nn.Dropout: _dropout,
    nn.Dropout1d: _dropout,
    nn.Dropout2d: _dropout,
    nn.Identity: _identity,
}

# By name: a function of torch, of torch.nn.functional and a method of tensors, where they take the same arguments.
_NAMED: dict[str, Reader] = {
    "relu": _relu,
    "relu_": _relu,
    "sigmoid": _sigmoid,
    "sigmoid_": _sigmoid,
    "tanh": _tanh,
    "tanh_": _tanh,
    "square": _square,
    "softmax": _softmax,
    "argmax": _arg_max,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "reshape": _reshape,
    "mean": mean,
    "add": _add,
    "sub": _subtract,
    "mul": _multiply,
    "div": _divide,
    "pow": _power,
    "neg": _negate,
    "matmul": matrix_product,
}

FUNCTIONS: dict[Any, Reader] = {getattr(torch, name): reader for name, reader in _NAMED.items()} | {
    functional.linear: linear,
    functional.conv2d: conv2d,
    functional.batch_norm: batch_norm,
    functional.relu: _relu,
    functional.sigmoid: _sigmoid,
    functional.tanh: _tanh,
    functional.softmax: _functional_softmax,
    functional.max_pool2d: max_pool,
    torch.max_pool2d: max_pool,
    functional.avg_pool2d: average_pool,
    functional.adaptive_avg_pool2d: adaptive_average_pool,
    functional.dropout: _dropout,
    functional.dropout1d: _dropout,
    functional.dropout2d: _dropout,
    operator.add: _add,
    operator.iadd: _add,
    operator.sub: _subtract,
    operator.isub: _subtract,
    operator.mul: _multiply,
    operator.imul: _multiply,
    operator.truediv: _divide,
    operator.itruediv: _divide,
    operator.pow: _power,
    operator.neg: _negate,
    operator.matmul: matrix_product,
}

METHODS: dict[Any, Reader] = _NAMED | {
    "view": _reshape,
    "add_": _add,
    "sub_": _subtract,
    "mul_": _multiply,
    "div_": _divide,
    "contiguous": _identity,
    "detach": _identity,
    "float": _identity,
}
