"""What each ONNX operator means in layers: the default domain's. One reader for each, and a table of them.

A reader takes a `Call` and returns the value of the node's first output. Attributes that it does not ask for are
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from tacit.errors import FormatError
from tacit.graph.importers.affine import affine
from tacit.graph.importers.onnx_call import Call, Columns, Sides, Value
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
    call.only_output()
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
    axes = given.tolist() if given is not None else axes
    rank = len(call.shape(x)) + 1
    if rank != 4 or not isinstance(axes, list) or sorted(a % rank for a in axes) != [2, 3]:
        raise call.refuse(f"over axes {axes!r}; only over height and width, axes [2, 3], is supported")
    pooled = call.add(AveragePool.of(_sides(call, x)), x)
    return pooled if keep else call.add(Flatten.of(), pooled)


def _batch_normalisation(call: Call) -> Value:
    epsilon, _, training, spatial = call.options(epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
    call.require(training_mode=(training, 0), spatial=(spatial, 1))
    call.only_output()
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


def _flatten(call: Call) -> Value:
    (axis,) = call.options(axis=1)
    call.require(axis=(axis, 1))
    return call.add(Flatten.of(), call.tensor())


def _reshape(call: Call) -> Value:
    (allow_zero,) = call.options(allowzero=0)
    call.require(allowzero=(allow_zero, 0))
    x = call.tensor()
    before = call.shape(x)
    wanted = call.inputs[1] if len(call.inputs) > 1 else None
    if isinstance(wanted, np.ndarray) and wanted.dtype.kind == "i":
        sides: list[int | None] = [int(side) for side in wanted.reshape(-1)]
    elif isinstance(wanted, Sides):
        sides = list(wanted.sides)
    else:
        raise call.refuse("needs a constant shape")
    rest = [before[i] if side == 0 and i < len(before) else side for i, side in enumerate(sides[1:])]
    keeps = sides and (sides[0] in (0, None) or sides[0] == call.rows or (sides[0] == -1 and -1 not in rest))
    known = prod(side for side in rest if side not in (-1, None))
    if keeps and rest.count(-1) == 1 and known and prod(before) % known == 0:
        rest[rest.index(-1)] = prod(before) // known
    if keeps and tuple(rest) == before:
        return call.drop("it changes nothing")
    if not keeps or rest != [prod(before)]:
        raise call.refuse(f"of rows of shape {before} to {sides}: only flattening each row is supported")
    return call.add(Flatten.of(), x)


def _squeeze(call: Call) -> Value:
    (axes,) = call.options(axes=None)
    given = call.optional(1)
    x = call.tensor()
    shape = call.shape(x)
    axes = given.reshape(-1).tolist() if given is not None else axes
    ones = [axis for axis in range(2, len(shape) + 1) if shape[axis - 1] == 1]
    if len(ones) != len(shape) - 1 or not isinstance(axes, list) or sorted(a % (len(shape) + 1) for a in axes) != ones:
        raise call.refuse(f"of axes {axes!r} of rows of shape {shape}: only all of height and width 1 is supported")
    return call.add(Flatten.of(), x)


def _identity(call: Call) -> Value:
    call.options()
    return call.drop("it changes nothing")


def _dropout(call: Call) -> Value:
    call.options(ratio=0.5, seed=0)
    training = call.optional(2)
    if training is not None and training.any():
        raise call.refuse("in training mode is not supported; export the model for inference")
    call.only_output()
    return call.drop("it does nothing after training")


def _cast(call: Call) -> Value:
    to, _, _ = call.options(to=0, saturate=1, round_mode="up")
    value = call.inputs[0] if call.inputs else None
    if isinstance(value, Sides | np.ndarray) and to in (6, 7):
        return value
    if to not in (1, 11):
        raise call.refuse(f"to type {to} is not supported; only to float and double")
    return call.drop("numbers are fixed-point anyway")


def _constant(call: Call) -> Value:
    names = {"value": None, "value_float": None, "value_int": None, "value_floats": None, "value_ints": None}
    values = [value for value in call.options(**names) if value is not None]
    if len(values) != 1:
        raise FormatError(f"{call.where}: a Constant with {len(values)} values")
    dtype = np.int64 if "value_int" in call.given or "value_ints" in call.given else None
    try:
        return np.asarray(values[0], dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"{call.where}: a Constant that is not numbers") from error


def _shape(call: Call) -> Value:
    call.options()
    return Sides((None, *call.shape(call.tensor())))


def _gather(call: Call) -> Value:
    (axis,) = call.options(axis=0)
    sides, at = call.inputs[0] if call.inputs else None, call.optional(1)
    if not isinstance(sides, Sides) or at is None or at.dtype.kind != "i" or at.size != 1 or axis != 0:
        raise call.refuse("is supported only to read one side of a shape")
    index = int(at.reshape(-1)[0])
    if not -len(sides.sides) <= index < len(sides.sides):
        raise FormatError(f"{call.where}: index {index} of a shape with {len(sides.sides)} sides")
    return Sides((sides.sides[index],))


def _unsqueeze(call: Call) -> Value:
    value = call.inputs[0] if call.inputs else None
    if not isinstance(value, Sides) or len(value.sides) != 1:
        raise call.refuse("is supported only on one side of a shape")
    return value


def _concat(call: Call) -> Value:
    (axis,) = call.options(axis=None)
    if len(call.inputs) == 2 and isinstance(call.inputs[0], str) and isinstance(call.inputs[1], str):
        columns = _columns(call, call.inputs[0], call.inputs[1])
        if columns is not None and axis in (1, -1):
            return columns
    parts: list[int | None] = []
    for value in call.inputs:
        if isinstance(value, Sides):
            parts += value.sides
        elif isinstance(value, np.ndarray) and value.dtype.kind == "i" and value.ndim <= 1:
            parts += value.reshape(-1).tolist()
        else:
            raise call.refuse("is supported only for shapes, and for the two columns (1 - p, p) or (-s, s)")
    return Sides(tuple(parts))


def _columns(call: Call, first: str, second: str) -> Columns | None:
    """(1 - p, p) or (-s, s), if `first` is made from `second` in that way."""
    made = next((layer for layer in call.draft.layers if layer.name == first), None)
    if made is None or made.kind is not Normalise or made.inputs != (second,) or call.shape(second) != (1,):
        return None
    scale, offset = (float(made.weights[name].reshape(-1)[0]) for name in ("scale", "offset"))
    return Columns(second, offset == 1) if scale == -1 and offset in (0, 1) else None


NODES: dict[str, Reader] = {
    "Add": _arithmetic("add", "add"),
    "ArgMax": _arg_max,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "Conv": _conv,
    "Div": _arithmetic("div", None),
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Gather": _gather,
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
    "Reshape": _reshape,
    "Shape": _shape,
    "Sigmoid": _elementwise(Sigmoid.of),
    "Softmax": _softmax,
    "Squeeze": _squeeze,
    "Sub": _arithmetic("sub", "from"),
    "Tanh": _elementwise(Tanh.of),
    "Unsqueeze": _unsqueeze,
}
