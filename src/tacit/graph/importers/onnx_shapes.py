"""What the ONNX operators that only move numbers about mean: shapes, casts, constants, and the joining of columns.

Exporters compute the shape that a Reshape takes by a chain of nodes (Shape, Gather, Unsqueeze, Concat); here that
chain is followed with the number of rows unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from tacit.errors import FormatError
from tacit.graph.importers.onnx_call import Call, Columns, Sides, Value
from tacit.graph.layers import Flatten, Normalise


def whole_axes(axes: Any, rank: int) -> list[int] | None:
    """The axes counted from 0 and sorted; None where they are not a list of whole numbers."""
    if not isinstance(axes, list) or not all(isinstance(axis, int) for axis in axes):
        return None
    return sorted(axis % rank for axis in axes)


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
    axes = axes if given is None else given.reshape(-1).tolist()
    ones = [axis for axis in range(2, len(shape) + 1) if shape[axis - 1] == 1]
    if len(ones) != len(shape) - 1 or whole_axes(axes, len(shape) + 1) != ones:
        raise call.refuse(f"of axes {axes!r} of rows of shape {shape}: only all of height and width 1 is supported")
    return call.add(Flatten.of(), x)


def _cast(call: Call) -> Value:
    to, _, _ = call.options(to=0, saturate=1, round_mode="up")
    value = call.inputs[0] if call.inputs else None
    if isinstance(value, Sides | np.ndarray) and to in (6, 7):
        return value
    if to not in (1, 11):
        raise call.refuse(f"to type {to} is not supported; only to float and double")
    return call.drop("numbers are fixed-point anyway")


def _constant(call: Call) -> Value:
    values = call.options(value=None, value_float=None, value_int=None, value_floats=None, value_ints=None)
    given = [value for value in values if value is not None]
    if len(given) != 1:
        raise FormatError(f"{call.where}: a Constant with {len(given)} values")
    return np.asarray(given[0])


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
