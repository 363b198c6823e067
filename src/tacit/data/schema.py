"""The schema: a study's columns with types, bounds and label. All of it is public to the parties.

A column of numbers has bounds, one of categories its values; so every encoded feature has a range that does not
depend on anybody's rows, which is what privacy accounting and fixed point rest on.
"""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tacit import canonical
from tacit.errors import AgreementError

FloatArray = npt.NDArray[np.float64]
Kind = Literal["number", "integer", "category", "boolean"]
Missing = Literal["refuse", "indicator"]
Task = Literal["binary", "multiclass", "regression"]

MAX_COLUMNS = 10_000
MAX_VALUES = 1000
MAX_NUMBER = 1e12
MAX_ROWS = 2**24

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column.

    Attributes:
        name: the header.
        kind: `number`, `integer` (both with `low` and `high`), `category` (with `values`) or `boolean`.
        low, high: the least and greatest number allowed.
        values: the categories allowed, in the order of their encoding.
        missing: `refuse` an empty cell, or give the column an `indicator` feature that says where one was.
        unit, description: for people.
    """

    name: Name
    kind: Kind
    low: float | None = None
    high: float | None = None
    values: tuple[Name, ...] = ()
    missing: Missing = "refuse"
    unit: str = ""
    description: str = ""

    def check(self) -> None:
        """Check that the column can be; raises AgreementError that names it."""
        numeric = self.kind in ("number", "integer")
        self._refuse_unless(numeric or (self.low is None and self.high is None), "only numbers have low and high")
        self._refuse_unless(self.kind == "category" or not self.values, "only categories have values")
        self._refuse_unless(self.name == self.name.strip(), "its name begins or ends with a space")
        self._refuse_unless(self.name.isprintable(), "its name has characters that do not print")
        if numeric:
            self._check_bounds()
        if self.kind == "category":
            self._refuse_unless(2 <= len(self.values) <= MAX_VALUES, f"a category has 2 to {MAX_VALUES} values")
            self._refuse_unless(len(set(self.values)) == len(self.values), "a value is listed twice")
            plain = all(value == value.strip() and value.isprintable() for value in self.values)
            self._refuse_unless(plain, "a value begins or ends with a space, or has characters that do not print")

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and greatest number, for a number or an integer."""
        if self.low is None or self.high is None:
            raise AgreementError(f"column {self.name!r} has no bounds")
        return self.low, self.high

    def _check_bounds(self) -> None:
        self._refuse_unless(self.low is not None and self.high is not None, "a number needs low and high")
        low, high = self.bounds
        self._refuse_unless(math.isfinite(low) and math.isfinite(high), "low and high must be finite")
        self._refuse_unless(low < high, f"low {low:g} is not below high {high:g}")
        self._refuse_unless(max(abs(low), abs(high)) <= MAX_NUMBER, f"bounds beyond {MAX_NUMBER:g}: use another unit")
        self._refuse_unless(high - low >= 1e-9 * max(abs(low), abs(high), 1e-3), "low and high are too close")
        whole = self.kind != "integer" or (low == int(low) and high == int(high))
        self._refuse_unless(whole, "an integer's low and high must be whole")

    def _refuse_unless(self, holds: bool, message: str) -> None:
        if not holds:
            raise AgreementError(f"column {self.name!r}: {message}")


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All columns, which of them is to be predicted, and the most rows that one party may bring."""

    label: str
    columns: tuple[Column, ...]
    max_rows: int = 1_000_000

    def __post_init__(self) -> None:
        """Check the whole; AgreementError names the column and the fault."""
        if not 1 <= self.max_rows <= MAX_ROWS:
            raise AgreementError(f"data.max_rows must be 1 to {MAX_ROWS}")
        if not 2 <= len(self.columns) <= MAX_COLUMNS:
            raise AgreementError(f"{len(self.columns)} columns: a study has 2 to {MAX_COLUMNS}, the label among them")
        for column in self.columns:
            column.check()
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise AgreementError(f"columns are named twice: {twice}")
        if self.label not in names:
            raise AgreementError(f"the label {self.label!r} is no column: choose one of {names[:20]}")
        if self.label_column.missing != "refuse":
            raise AgreementError(f"column {self.label!r} is the label, which cannot be missing")

    @property
    def label_column(self) -> Column:
        """The column to predict."""
        return next(column for column in self.columns if column.name == self.label)

    @property
    def feature_columns(self) -> tuple[Column, ...]:
        """All columns but the label, in order."""
        return tuple(column for column in self.columns if column.name != self.label)

    @property
    def task(self) -> Task:
        """What is predicted: one of two classes, one of more, or a number."""
        kind = self.label_column.kind
        if kind in ("number", "integer"):
            return "regression"
        return "binary" if len(self.classes) == 2 else "multiclass"

    @property
    def classes(self) -> tuple[str, ...]:
        """The label's classes in the order of their indexes; none for a number."""
        column = self.label_column
        return ("false", "true") if column.kind == "boolean" else column.values

    @property
    def label_bounds(self) -> tuple[float, float]:
        """The least and greatest label of a regression."""
        return self.label_column.bounds

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the encoded features, such as `age`, `sex=male`, `thal?missing`."""
        return tuple(name for column in self.feature_columns for name in feature_names(column))

    @property
    def feature_low(self) -> FloatArray:
        """The least value of each encoded feature, (features,)."""
        return np.array([low for column in self.feature_columns for low, _ in feature_bounds(column)], np.float64)

    @property
    def feature_high(self) -> FloatArray:
        """The greatest value of each encoded feature, (features,)."""
        return np.array([high for column in self.feature_columns for _, high in feature_bounds(column)], np.float64)

    @property
    def digest(self) -> str:
        """SHA-256 of the schema's canonical form, in hexadecimal."""
        return hashlib.sha256(b"tacit schema/1\x00" + canonical.encode(self)).hexdigest()


def feature_names(column: Column) -> list[str]:
    """Return the names of the features that a column becomes."""
    names = [f"{column.name}={value}" for value in column.values] or [column.name]
    return [*names, f"{column.name}?missing"] if column.missing == "indicator" else names


def feature_bounds(column: Column) -> list[tuple[float, float]]:
    """Return the bounds of the features that a column becomes."""
    numeric = column.kind in ("number", "integer")
    bounds = [column.bounds] if numeric else [(0.0, 1.0)] * max(1, len(column.values))
    return [*bounds, (0.0, 1.0)] if column.missing == "indicator" else bounds
