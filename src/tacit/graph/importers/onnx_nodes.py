"""What each ONNX operator means in layers: the default domain's. One reader for each, and a table of them.

A reader takes a `Call` and returns the value of the node's first output. Attributes that it does not ask for are
refused by name; those that ONNX has not are refused before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.graph.importers.affine import affine
from tacit.graph.importers.onnx_call import Call, Value
from tacit.graph.importers.onnx_shapes import SHAPE_NODES
from tacit.graph.importers.onnx_windows import WINDOW_NODES
from tacit.graph.layers import Add, ArgMax, FloatLayer, Linear, Normalise, ReLU, Sigmoid, Softmax, Square, Tanh

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


def _batch_normalisation(call: Call) -> Value:
    epsilon, _, training, spatial = call.options(epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
    call.require(training_mode=(training, 0), spatial=(spatial, 1))
    if call.outputs > 1:
        raise call.refuse(f"with {call.outputs} outputs is in training mode; export the model for inference")
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
    return call.add(Softmax.of(), _vector(call, axis))


def _arg_max(call: Call) -> Value:
    axis, _, last = call.options(axis=0, keepdims=1, select_last_index=0)
    call.require(select_last_index=(last, 0))
    return call.add(ArgMax.of(), _vector(call, axis))


def _vector(call: Call, axis: int) -> str:
    """The first input, if its rows are vectors and the axis is theirs."""
    x = call.tensor()
    if len(call.shape(x)) != 1 or axis not in (-1, 1):
        raise call.refuse(f"over axis {axis} of rows of shape {call.shape(x)}; only over a vector is supported")
    return x


def _arithmetic(forward: str, backward: str | None) -> Reader:
    def read(call: Call) -> Value:
        call.options()
        a, b = call.inputs
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
    exponent, x = call.constant(1), call.tensor()
    if exponent.size != 1 or exponent.reshape(-1)[0] != 2 or exponent.ndim > len(call.shape(x)) + 1:
        raise call.refuse("with an exponent other than 2 is not supported")
    return call.add(Square.of(), x)


def _identity(call: Call) -> Value:
    call.options()
    return call.drop("it changes nothing")


def _dropout(call: Call) -> Value:
    call.options(ratio=0.5, seed=0)
    training = call.optional(2)
    if training is not None and training.any():
        raise call.refuse("in training mode is not supported; export the model for inference")
    return call.drop("it does nothing after training")


NODES: dict[str, Reader] = (
    SHAPE_NODES
    | WINDOW_NODES
    | {
        "Add": _arithmetic("add", "add"),
        "ArgMax": _arg_max,
        "BatchNormalization": _batch_normalisation,
        "Div": _arithmetic("div", None),
        "Dropout": _dropout,
        "Gemm": _gemm,
        "Identity": _identity,
        "MatMul": _matmul,
        "Mul": _arithmetic("mul", "mul"),
        "Neg": _negate,
        "Pow": _power,
        "Relu": _elementwise(ReLU.of),
        "Sigmoid": _elementwise(Sigmoid.of),
        "Softmax": _softmax,
        "Sub": _arithmetic("sub", "from"),
        "Tanh": _elementwise(Tanh.of),
    }
)
