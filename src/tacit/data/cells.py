"""Cells of text to features: one column at a time, vectorised, with a fault for each cell that does not fit.

A fault says what is wrong and what is allowed, never what the cell holds: rows are private, messages are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tacit.data.schema import Column

FloatArray = npt.NDArray[np.float64]
Text = npt.NDArray[np.object_]

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
BOOLEANS = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}
LONGEST_NUMBER = 64
SHOWN_VALUES = 8


@dataclass(frozen=True)
class Fault:
    """What is wrong with one cell: its row counted from 0, its column, and why."""

    row: int
    column: str
    reason: str


def encode_features(column: Column, cells: Text) -> tuple[FloatArray, list[Fault]]:
    """Return the features of a column's cells, (rows, features of the column), and the cells that do not fit."""
    codes, missing, faults = _codes(column, cells)
    if column.kind == "category":
        features = np.zeros((len(cells), len(column.values)))
        known = ~np.isnan(codes)
        features[np.flatnonzero(known), codes[known].astype(np.int64)] = 1.0
    else:
        middle = 0.5 * sum(column.bounds) if column.low is not None else 0.5
        features = np.where(np.isnan(codes), middle, codes)[:, None]
    if column.missing == "indicator":
        return np.hstack([features, missing[:, None].astype(np.float64)]), faults
    return features, faults + [Fault(row, column.name, "is empty") for row in np.flatnonzero(missing).tolist()]


def encode_label(column: Column, cells: Text) -> tuple[npt.NDArray[np.generic], list[Fault]]:
    """Return the label of each row: class indexes int64, or numbers float64; and the cells that do not fit."""
    codes, missing, faults = _codes(column, cells)
    faults = faults + [Fault(row, column.name, "is empty") for row in np.flatnonzero(missing).tolist()]
    if column.kind in ("number", "integer"):
        return codes, faults
    return np.nan_to_num(codes).astype(np.int64), faults


def _codes(column: Column, cells: Text) -> tuple[FloatArray, npt.NDArray[np.bool_], list[Fault]]:
    """Return each cell's number or index (nan where there is none), which cells are empty, and faults."""
    numbers = _plain_numbers(column, cells)
    if numbers is not None:
        return numbers, np.zeros(len(cells), bool), []
    values, index = _distinct(cells)
    parsed = [_parse(column, value) for value in values]
    codes = np.array([code for code, _ in parsed], np.float64)[index]
    empty = np.array([not value for value in values], bool)[index]
    wrong = np.flatnonzero(np.array([reason is not None for _, reason in parsed], bool)[index])
    return codes, empty, [Fault(row, column.name, str(parsed[index[row]][1])) for row in wrong.tolist()]


def _plain_numbers(column: Column, cells: Text) -> FloatArray | None:
    """Return the numbers of a column in which every cell fits as it stands; None where any needs a closer look."""
    import pyarrow as pa

    if column.kind not in ("number", "integer"):
        return None
    try:
        numbers: FloatArray = np.asarray(pa.array(cells, pa.string()).cast(pa.float64()))
    except pa.ArrowInvalid:
        return None
    low, high = column.bounds
    fit = (numbers >= low) & (numbers <= high)
    whole = column.kind == "number" or bool((numbers == np.trunc(numbers)).all())
    return numbers if fit.all() and whole else None


def _distinct(cells: Text) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the different texts among `cells`, without spaces around them, and which of them each cell is."""
    import pyarrow as pa

    encoded = pa.array(cells, pa.string()).dictionary_encode()
    return [value.strip() for value in encoded.dictionary.to_pylist()], np.asarray(encoded.indices, np.int64)


def _parse(column: Column, value: str) -> tuple[float, str | None]:
    """Return the number or index that a cell stands for, or why it stands for none."""
    if not value:
        return np.nan, None
    if column.kind == "category":
        if value in column.values:
            return float(column.values.index(value)), None
        shown = ", ".join(column.values[:SHOWN_VALUES]) + (", ..." if len(column.values) > SHOWN_VALUES else "")
        return np.nan, f"is none of the categories {shown}"
    if column.kind == "boolean":
        found = BOOLEANS.get(value.lower())
        return (found, None) if found is not None else (np.nan, "is none of true, false, yes, no, 1, 0")
    return _parse_number(column, value)


def _parse_number(column: Column, value: str) -> tuple[float, str | None]:
    if len(value) > LONGEST_NUMBER or not NUMBER.match(value):
        special = value.lower().lstrip("+-") in ("nan", "inf", "infinity")
        return np.nan, "is not a finite number" if special else "is not a number (digits, a point, an exponent)"
    number = float(value)
    low, high = column.bounds
    if not np.isfinite(number) or not low <= number <= high:
        return np.nan, f"is out of bounds, {low:g} to {high:g}"
    if column.kind == "integer" and number != int(number):
        return np.nan, "is not a whole number"
    return number, None
