"""Cells of text to features: one column at a time, vectorised, with a fault for each cell that does not fit.

A fault says what is wrong and what is allowed, never what the cell holds: rows are private, messages are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.data.blocks import TextColumn, compose
from tacit.data.schema import Column

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
BOOLEANS = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}
LONGEST_NUMBER = 64
SHOWN_VALUES = 8

FITS, EMPTY, NO_NUMBER, NOT_FINITE, OUT_OF_BOUNDS, NOT_WHOLE, UNKNOWN = range(7)

_IN_NUMBERS = np.zeros(256, bool)
_IN_NUMBERS[list(b"0123456789+-.eE")] = True


@dataclass(frozen=True, eq=False)
class Fault:
    """What is wrong with some cells of a column: their rows counted from 0, int64, and why; the same for all."""

    column: str
    reason: str
    rows: IntArray


def encode_features(column: Column, cells: TextColumn) -> tuple[FloatArray, list[Fault]]:
    """Return the features of a column's cells, (rows, features of the column), and the cells that do not fit.

    All features are finite and within the column's bounds, those of a cell that does not fit too.
    """
    codes, verdicts = _codes(column, cells)
    fits = verdicts == FITS
    features = np.zeros((len(cells), len(column.feature_names)))
    if column.kind == "category":
        features[np.flatnonzero(fits), codes[fits].astype(np.int64)] = 1.0
    else:
        low, high = column.feature_bounds[0]
        features[:, 0] = np.where(fits, codes, 0.5 * low + 0.5 * high)
    if column.missing == "indicator":
        features[:, -1] = verdicts == EMPTY
    return features, _faults(column, verdicts, may_be_empty=column.missing == "indicator")


def encode_label(column: Column, cells: TextColumn) -> tuple[npt.NDArray[np.generic], list[Fault]]:
    """Return the label of each row: class indexes int64, or numbers float64; and the cells that do not fit."""
    codes, verdicts = _codes(column, cells)
    labels = np.where(verdicts == FITS, codes, 0.0)
    return labels if column.numeric else labels.astype(np.int64), _faults(column, verdicts, may_be_empty=False)


def parse_numbers(values: Any) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """Return the number that each text is, and FITS, EMPTY, NO_NUMBER or NOT_FINITE; infinite where it is too large.

    `values` is a `pyarrow.StringArray` without nulls. Texts of nothing but the characters of numbers are cast by
    arrow, the others one by one: both ways take the same texts, and give the double nearest to each.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pc.ascii_trim_whitespace(values)
    numbers = np.full(len(values), np.nan)
    plain = _plain(values)
    try:
        numbers[plain] = np.asarray(values.filter(pa.array(plain)).cast(pa.float64()))
    except pa.ArrowInvalid:
        plain[:] = False
    verdicts = np.where(plain, FITS, NO_NUMBER).astype(np.uint8)
    others = np.flatnonzero(~plain)
    for at, text in zip(others.tolist(), values.take(pa.array(others)).to_pylist(), strict=True):
        numbers[at], verdicts[at] = parse_number(text)
    return numbers, verdicts


def parse_number(text: str) -> tuple[float, int]:
    """Return what `parse_numbers` does, for one text."""
    text = text.strip()
    if len(text) <= LONGEST_NUMBER and NUMBER.match(text):
        return float(text), FITS
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return np.nan, NOT_FINITE
    return np.nan, NO_NUMBER if text else EMPTY


def _plain(values: Any) -> npt.NDArray[np.bool_]:
    """Say which texts are not empty, not long, and made of nothing but the characters of numbers."""
    offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)[: offsets[-1]]
    others = np.concatenate([[0], np.cumsum(~_IN_NUMBERS[data])])[offsets]
    lengths = np.diff(offsets)
    plain: npt.NDArray[np.bool_] = (lengths > 0) & (lengths <= LONGEST_NUMBER) & (np.diff(others) == 0)
    return plain


def _codes(column: Column, cells: TextColumn) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """Return each cell's number or index (nan where there is none), and whether it fits or why not."""
    if column.numeric:
        codes, verdicts = parse_numbers(cells.values)
        low, high = column.bounds
        read = verdicts == FITS
        verdicts[read & ~((codes >= low) & (codes <= high))] = OUT_OF_BOUNDS
        if column.kind == "integer":
            verdicts[(verdicts == FITS) & (codes != np.trunc(codes))] = NOT_WHOLE
        codes = codes + 0.0  # -0 is 0
    else:
        known = BOOLEANS if column.kind == "boolean" else {value: at for at, value in enumerate(column.values)}
        texts = [compose(text) for text in cells.values.to_pylist()]
        texts = [text.lower() for text in texts] if column.kind == "boolean" else texts
        codes = np.array([known.get(text, np.nan) for text in texts], np.float64)
        verdicts = np.where(np.isnan(codes), UNKNOWN, FITS).astype(np.uint8)
        verdicts[np.array([not text for text in texts], bool)] = EMPTY
    return codes[cells.index], verdicts[cells.index]


def _faults(column: Column, verdicts: npt.NDArray[np.uint8], *, may_be_empty: bool) -> list[Fault]:
    wrong = set(np.unique(verdicts).tolist()) - {FITS} - ({EMPTY} if may_be_empty else set())
    return [Fault(column.name, _reason(column, verdict), np.flatnonzero(verdicts == verdict)) for verdict in wrong]


def _reason(column: Column, verdict: int) -> str:
    """Return why cells with this verdict do not fit, and what would."""
    if verdict == UNKNOWN and column.kind == "category":
        shown = ", ".join(column.values[:SHOWN_VALUES]) + (", ..." if len(column.values) > SHOWN_VALUES else "")
        return f"is none of the categories {shown}"
    return {
        EMPTY: "is empty",
        NO_NUMBER: "is not a number (digits, a point, an exponent; no commas)",
        NOT_FINITE: "is not a finite number",
        OUT_OF_BOUNDS: "is out of bounds, {:.15g} to {:.15g}".format(*column.feature_bounds[0]),
        NOT_WHOLE: "is not a whole number",
        UNKNOWN: "is none of true, false, yes, no, 1, 0",
    }[verdict]
