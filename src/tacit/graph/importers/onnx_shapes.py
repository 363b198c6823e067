"""What the ONNX operators that only move numbers about mean: shapes, casts, constants, and the joining of columns.

Exporters compute the shape that a Reshape takes by a chain of nodes (Shape, Gather, Unsqueeze, Concat); here that
chain is followed with the number of rows unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import onnx

from tacit.canonical import quote
from tacit.errors import FormatError
from tacit.graph.importers.onnx_call import Call, Columns, Sides, Value
from tacit.graph.importers.onnx_proto import type_name
from tacit.graph.layers import Flatten, Normalise, Sigmoid, Unflatten
from tacit.graph.structure import MAX_RANK

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
_WHOLE = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


def axes_of(call: Call, attribute: list[int] | None) -> list[int] | None:
    """The axes of a node that takes them as an attribute or, in later operator sets, as its second input."""
    given = call.optional(1)
    if given is None:
        return attribute
    if given.dtype.kind != "i" or given.ndim > 1:
        raise call.refuse("needs whole numbers as its axes")
    return [int(axis) for axis in given.reshape(-1)]


def whole_axes(axes: list[int] | None, rank: int) -> list[int] | None:
    """The axes counted from 0 and sorted; None where there are none, or one is outside the rank."""
    if axes is None or any(not -rank <= axis < rank for axis in axes):
        return None
    return sorted(axis % rank for axis in axes)


def _flatten(call: Call) -> Value:
    (axis,) = call.options(axis=1)
    call.require(axis=(axis, 1))
    return call.add(Flatten.of(), call.tensor())


def _reshape(call: Call) -> Value:
    (allow_zero,) = call.options(allowzero=0)
    call.require(allowzero=(allow_zero, 0))
    x, wanted = call.tensor(), call.value(1)
    before = call.shape(x)
    if isinstance(wanted, np.ndarray) and wanted.dtype.kind == "i" and wanted.ndim == 1:
        sides: list[int | None] = [int(side) for side in wanted[: MAX_RANK + 2]]
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
    if keeps and rest == [prod(before)]:
        return call.add(Flatten.of(), x)
    image = [side for side in rest if side is not None and side > 0]
    if keeps and len(before) == 1 and len(image) == len(rest) == 3 and prod(image) == before[0]:
        return call.add(Unflatten.of(*image), x)
    shown = quote(str(["rows" if side is None else side for side in sides]))
    raise call.refuse(
        f"of rows of shape {before} to {shown}: only flattening each row is supported, and a flat one to (channels,"
        " height, width)"
    )


def _squeeze(call: Call) -> Value:
    (axes,) = call.options(axes=None)
    axes, x = axes_of(call, axes), call.tensor()
    shape = call.shape(x)
    ones = [axis for axis in range(2, len(shape) + 1) if shape[axis - 1] == 1]
    if len(ones) != len(shape) - 1 or whole_axes(axes, len(shape) + 1) != ones:
        raise call.refuse(
            f"of axes {quote(str(axes))} of rows of shape {shape}: only all of height and width 1 is supported"
        )
    return call.drop("it changes nothing") if not ones else call.add(Flatten.of(), x)


def _cast(call: Call) -> Value:
    to, _, _ = call.options(to=0, saturate=1, round_mode="up")
    value = call.value()
    if isinstance(value, np.ndarray) and to in (*_FLOATS, *_WHOLE):
        if to in _WHOLE and not np.isfinite(value).all():
            raise call.refuse("to whole numbers of a constant that is not finite")
        return value.astype(onnx.helper.tensor_dtype_to_np_dtype(to))
    if isinstance(value, Sides) and to in _WHOLE:
        return value
    if to not in _FLOATS or isinstance(value, Sides):
        raise call.refuse(f"to type {type_name(to)} is not supported; only to float and double")
    return call.drop("numbers are fixed-point anyway")


def _constant(call: Call) -> Value:
    values = call.options(value=None, value_float=None, value_int=None, value_floats=None, value_ints=None)
    given = [value for value in values if value is not None]
    if len(given) != 1:
        raise FormatError(f"{call.where}: a Constant with {len(given)} values")
    return np.asarray(given[0])


def _shape(call: Call) -> Value:
    start, end = call.options(start=0, end=None)
    return Sides((None, *call.shape(call.tensor()))[start:end])


def _gather(call: Call) -> Value:
    (axis,) = call.options(axis=0)
    sides, at = call.value(), call.optional(1)
    if not isinstance(sides, Sides) or at is None or at.dtype.kind != "i" or at.size != 1 or axis != 0:
        raise call.refuse("is supported only to read one side of a shape")
    index = int(at.reshape(-1)[0])
    if not -len(sides.sides) <= index < len(sides.sides):
        raise FormatError(f"{call.where}: index {index} of a shape with {len(sides.sides)} sides")
    return Sides((sides.sides[index],))


def _unsqueeze(call: Call) -> Value:
    (axes,) = call.options(axes=None)
    value, first = call.value(), axes_of(call, axes) == [0]
    if first and isinstance(value, np.ndarray) and value.ndim == 0:
        return value.reshape(1)
    if not first or not isinstance(value, Sides) or len(value.sides) != 1:
        raise call.refuse("is supported only on a number or one side of a shape, with axes [0]")
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
        elif isinstance(value, np.ndarray) and value.dtype.kind == "i" and value.ndim <= 1 and value.size <= MAX_RANK:
            parts += value.reshape(-1).tolist()
        else:
            raise call.refuse("is supported only for shapes, and for the two columns (1 - p, p) or (-s, s)")
        if axis not in (0, -1) or len(parts) > MAX_RANK + 1:
            raise call.refuse(f"of shapes is supported only along axis 0, to at most {MAX_RANK + 1} sides")
    return Sides(tuple(parts))


def _columns(call: Call, first: str, second: str) -> Columns | None:
    """(1 - p, p) of a sigmoid or (-s, s), if `first` is made from `second` in that way."""
    layers = {layer.name: layer for layer in call.draft.layers}
    made, source = layers.get(first), layers.get(second)
    if made is None or made.kind is not Normalise or made.inputs != (second,) or call.shape(second) != (1,):
        return None
    scale, offset = (float(made.weights[name].reshape(-1)[0]) for name in ("scale", "offset"))
    probability = source is not None and source.kind is Sigmoid
    return Columns(second, probability) if (scale, offset) == (-1, 1 if probability else 0) else None


SHAPE_NODES: dict[str, Callable[[Call], Value]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "Flatten": _flatten,
    "Gather": _gather,
    "Reshape": _reshape,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
}
