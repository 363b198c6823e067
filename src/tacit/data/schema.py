"""The schema: a study's columns with types, bounds and label. All of it is public to the parties.

A column of numbers has bounds, one of categories its values; so every encoded feature has a range that does not
depend on anybody's rows, which is what privacy accounting and fixed point rest on.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections import Counter
from functools import cached_property
from typing import Annotated, Literal, get_args

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
MAX_NAME = 200
MAX_DESCRIPTION = 1000
MAX_NUMBER = 1e12  # far below 2^53, so every whole number within bounds is exact
MAX_ROWS = 2**24
LISTED = 10

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column; checked when made, AgreementError names it and the fault.

    Attributes:
        name: the header.
        kind: `number`, `integer` (both with `low` and `high`), `category` (with `values`) or `boolean`.
        low, high: the least and greatest number allowed.
        values: the categories allowed, in the order of their encoding.
        numbered: (first, last) where this stands for columns alike: `pixel0` to `pixel783` for the name `pixel`.
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
    numbered: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._refuse_if(_fault_of_name(self.name), "its name")
        self._refuse_unless(self.kind in get_args(Kind), f"kind is one of {', '.join(get_args(Kind))}")
        self._refuse_unless(self.missing in get_args(Missing), f"missing is one of {', '.join(get_args(Missing))}")
        self._check_prose()
        if self.numeric:
            self._check_bounds()
        self._refuse_unless(self.numeric or (self.low is None and self.high is None), "only numbers have low and high")
        self._refuse_unless(self.kind == "category" or not self.values, "only categories have values")
        if self.kind == "category":
            self._check_values()
        if self.numbered is not None:
            self._check_numbers(*self.numbered)

    @property
    def count(self) -> int:
        """How many columns of a table it stands for."""
        return 1 if self.numbered is None else self.numbered[1] - self.numbered[0] + 1

    def each(self) -> tuple[Column, ...]:
        """Return the columns that it stands for, in the order of their numbers: itself where it is not numbered."""
        if self.numbered is None:
            return (self,)
        first, last = self.numbered
        return tuple(
            msgspec.structs.replace(self, name=f"{self.name}{number}", numbered=None)
            for number in range(first, last + 1)
        )

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers, with bounds."""
        return self.kind in ("number", "integer")

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and greatest number, for a number or an integer."""
        if self.low is None or self.high is None:
            raise AgreementError(f"column {self.name!r} has no bounds")
        return self.low, self.high

    @property
    def feature_names(self) -> list[str]:
        """The names of the features that the column becomes."""
        names = [f"{self.name}={value}" for value in self.values] or [self.name]
        return [*names, f"{self.name}?missing"] if self.missing == "indicator" else names

    @property
    def feature_bounds(self) -> list[tuple[float, float]]:
        """The bounds of the features that the column becomes."""
        bounds = [self.bounds] if self.numeric else [(0.0, 1.0)] * max(1, len(self.values))
        return [*bounds, (0.0, 1.0)] if self.missing == "indicator" else bounds

    def _check_bounds(self) -> None:
        self._refuse_unless(self.low is not None and self.high is not None, "a number needs low and high")
        low, high = map(_finite, self.bounds)
        self._refuse_unless(math.isfinite(low) and math.isfinite(high), "low and high must be finite numbers")
        self._refuse_unless(low < high, f"low {low:.15g} is not below high {high:.15g}")
        self._refuse_unless(max(abs(low), abs(high)) <= MAX_NUMBER, f"bounds beyond {MAX_NUMBER:g}: use another unit")
        self._refuse_unless(high - low >= 1e-9 * max(abs(low), abs(high), 1e-3), "low and high are too close")
        whole = self.kind != "integer" or (low == int(low) and high == int(high))
        self._refuse_unless(whole, "an integer's low and high must be whole")
        # 0, 0.0 and -0.0 are one bound and are to have one digest
        msgspec.structs.force_setattr(self, "low", low + 0.0)
        msgspec.structs.force_setattr(self, "high", high + 0.0)

    def _check_values(self) -> None:
        self._refuse_unless(2 <= len(self.values) <= MAX_VALUES, f"a category has 2 to {MAX_VALUES} values")
        for value in self.values:
            self._refuse_if(_fault_of_name(value), "a value")
        self._refuse_unless(len(set(self.values)) == len(self.values), "a value is listed twice")

    def _check_numbers(self, first: int, last: int) -> None:
        whole = type(first) is int and type(last) is int
        self._refuse_unless(
            whole and 0 <= first < last <= MAX_ROWS,
            f"numbered is the first and the last number, 0 to {MAX_ROWS}, the first below the last",
        )

    def _check_prose(self) -> None:
        plain = len(self.unit) <= MAX_NAME and self.unit.isprintable()
        self._refuse_unless(plain, f"unit is at most {MAX_NAME} characters, all of which print")
        lines = self.description.replace("\n", " ").replace("\t", " ")
        plain = len(lines) <= MAX_DESCRIPTION and lines.isprintable()
        self._refuse_unless(plain, f"description is at most {MAX_DESCRIPTION} characters, all of which print")

    def _refuse_if(self, fault: str, what: str) -> None:
        self._refuse_unless(not fault, f"{what} {fault}")

    def _refuse_unless(self, holds: bool, message: str) -> None:
        if not holds:
            raise AgreementError(f"column {str(self.name)[:MAX_NAME]!r}: {message}")


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All columns, which of them is to be predicted, and the most rows that one party may bring.

    A numbered column is replaced by the columns that it stands for: how they were written makes no difference.
    """

    label: str
    columns: tuple[Column, ...]
    max_rows: int = 1_000_000

    def __post_init__(self) -> None:
        """Check the whole; AgreementError names the column and the fault."""
        if not 1 <= self.max_rows <= MAX_ROWS:
            raise AgreementError(f"data.max_rows must be 1 to {MAX_ROWS}")
        count = sum(column.count for column in self.columns)
        if not 2 <= count <= MAX_COLUMNS:
            raise AgreementError(f"{count} columns: a study has 2 to {MAX_COLUMNS}, the label among them")
        msgspec.structs.force_setattr(self, "columns", tuple(each for column in self.columns for each in column.each()))
        names = [column.name for column in self.columns]
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise AgreementError(f"columns are named twice: {twice[:LISTED]}")
        if self.label not in names:
            raise AgreementError(f"the label {self.label!r} is no column: choose one of {names[:LISTED]}")
        if self.label_column.missing != "refuse":
            raise AgreementError(f"column {self.label!r} is the label, which cannot be missing")
        self._check_feature_names()

    @cached_property
    def label_column(self) -> Column:
        """The column to predict."""
        return next(column for column in self.columns if column.name == self.label)

    @cached_property
    def feature_columns(self) -> tuple[Column, ...]:
        """All columns but the label, in order."""
        return tuple(column for column in self.columns if column.name != self.label)

    @property
    def task(self) -> Task:
        """What is predicted: one of two classes, one of more, or a number."""
        if self.label_column.numeric:
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

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the encoded features, such as `age`, `sex=male`, `thal?missing`; all different."""
        return tuple(name for column in self.feature_columns for name in column.feature_names)

    @cached_property
    def feature_low(self) -> FloatArray:
        """The least value of each encoded feature, (features,), read-only."""
        return self._bounds(0)

    @cached_property
    def feature_high(self) -> FloatArray:
        """The greatest value of each encoded feature, (features,), read-only."""
        return self._bounds(1)

    @property
    def digest(self) -> str:
        """SHA-256 of the schema's canonical form, in hexadecimal."""
        return hashlib.sha256(b"tacit schema/1\x00" + canonical.encode(self)).hexdigest()

    def _bounds(self, end: int) -> FloatArray:
        bounds = np.array([pair[end] for column in self.feature_columns for pair in column.feature_bounds], np.float64)
        bounds.flags.writeable = False
        return bounds

    def _check_feature_names(self) -> None:
        """Refuse columns such as `sex=male` beside the category `sex` with a value `male`."""
        owners: dict[str, str] = {}
        for column in self.feature_columns:
            for feature in column.feature_names:
                other = owners.setdefault(feature, column.name)
                if other != column.name:  # the feature is not named: in a draft, its value comes from a cell
                    raise AgreementError(
                        f"columns {other!r} and {column.name!r} would have features of one name: rename one of them"
                    )


def _fault_of_name(name: str) -> str:
    """Return why people could not tell `name` from another by reading it; empty where they can."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        return f"is not of 1 to {MAX_NAME} characters"
    if name != name.strip():
        return "begins or ends with a space"
    if not name.isprintable():
        return "has characters that do not print"
    if not unicodedata.is_normalized("NFC", name):
        return "is not in composed form (Unicode NFC), so it looks like another"
    return ""


def _finite(bound: float) -> float:
    """Return `bound` as a float; infinity where it is too large for one."""
    try:
        return float(bound)
    except OverflowError:
        return math.inf
