"""A first draft of a schema from a table, for a person to edit; and a schema as TOML that people read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tacit.data.cells import BOOLEANS, LONGEST_NUMBER, NUMBER
from tacit.data.reading import read_cells
from tacit.data.schema import MAX_ROWS, MAX_VALUES, Column, Missing, Schema
from tacit.errors import DataError

FEW_VALUES = 20


def infer(path: Path | str, label: str) -> Schema:
    """Return a draft of the schema of the table at `path`, with `label` to be predicted.

    Bounds are rounded outwards to one digit, and categories are those that occur: both come from *these rows*, and
    become public when the agreement is signed. Edit them to what is known without looking at patients.

    Raises:
        DataError: cannot be read, or a column has no values or too many.
    """
    path = Path(path)
    cells = read_cells(path, max_rows=MAX_ROWS)
    if label not in cells.columns:
        raise DataError(f"{path} has no column {label!r}: the label is one of {list(cells.columns)[:20]}")
    columns = tuple(_infer_column(path, name, column, name == label) for name, column in cells.columns.items())
    return Schema(label=label, columns=columns, max_rows=max(1000, 10 ** math.ceil(math.log10(len(cells.lines) + 1))))


def to_toml(schema: Schema, source: str | None = None) -> str:
    """Return the schema as a `[data]` table of TOML; `source` names the table that a draft's bounds came from."""
    parts = [_table("[data]", {"label": schema.label, "max_rows": schema.max_rows})]
    for column in schema.columns:
        values: dict[str, Any] = msgspec.to_builtins(column)
        check = ""
        if source is not None and (column.values or column.low is not None):
            check = f"# CHECK: taken from {source}, and public once signed. Write what is known without these rows.\n"
        parts.append(_table(f"{check}[[data.columns]]", values))
    return "\n".join(parts)


def _table(heading: str, values: dict[str, Any]) -> str:
    return f"{heading}\n{msgspec.toml.encode(values).decode()}"


def _infer_column(path: Path, name: str, cells: npt.NDArray[np.object_], is_label: bool) -> Column:
    values = sorted({str(cell).strip() for cell in cells})
    present = [value for value in values if value]
    missing: Missing = "indicator" if len(present) < len(values) and not is_label else "refuse"
    if len(present) < 2:
        raise DataError(
            f"{path}, column {name!r}: has {len(present)} different values, from which nothing can be learned"
        )
    if {value.lower() for value in present} <= set(BOOLEANS) and not all(value in "01" for value in present):
        return Column(name=name, kind="boolean", missing=missing)
    if all(len(value) <= LONGEST_NUMBER and NUMBER.match(value) for value in present):
        numbers = [float(value) for value in present]
        if is_label and len(present) <= FEW_VALUES and all(number == int(number) for number in numbers):
            return Column(name=name, kind="category", values=tuple(sorted(present, key=float)), missing=missing)
        whole = all(number == int(number) for number in numbers)
        low, high = _outwards(min(numbers), math.floor), _outwards(max(numbers), math.ceil)
        return Column(name=name, kind="integer" if whole else "number", low=low, high=high, missing=missing)
    if len(present) > MAX_VALUES:
        raise DataError(f"{path}, column {name!r}: has {len(present)} different texts: leave it out, or group them")
    return Column(name=name, kind="category", values=tuple(present), missing=missing)


def _outwards(value: float, rounding: Any) -> float:
    """Return `value` rounded to one digit, away from the other end of the range."""
    if value == 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(abs(value)))
    return float(f"{rounding(value / unit) * unit:.12g}")
