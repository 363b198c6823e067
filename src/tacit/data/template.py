"""A first draft of a schema from a table, for a person to edit; and a schema as TOML that people read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from tacit.data.blocks import Block, compose
from tacit.data.cells import BOOLEANS, EMPTY, FITS, NO_NUMBER, NOT_FINITE, parse_numbers
from tacit.data.reading import MAX_BYTES, open_rows, separator_hint
from tacit.data.schema import MAX_NAME, MAX_NUMBER, MAX_ROWS, MAX_VALUES, Column, Kind, Missing, Schema
from tacit.errors import AgreementError, DataError

T = TypeVar("T")

FEW_VALUES = 20
SHOWN_SOURCE = 100
MARKED_COLUMNS = 1000


def infer(path: Path | str, label: str, *, max_bytes: int = MAX_BYTES) -> Schema:
    """Return a draft of the schema of the table at `path`, with `label` to be predicted. The table fits its draft.

    Bounds are rounded outwards to one digit, and categories are those that occur: both come from *these rows*, and
    become public when the agreement is signed. Edit them to what is known without looking at patients.

    Raises:
        DataError: cannot be read, or a column has no values, too many, or such as no schema has. No message holds
            a cell's value.
    """
    path = Path(path)
    with open_rows(path, max_bytes=max_bytes) as rows:
        if label not in rows.names:
            hint = separator_hint(rows.names, {label}) or "; the label is the name of one of its columns"
            raise DataError(f"{rows.header}: has no column {label!r}{hint}")
        drafts = [_Draft(path, name, rows.row_name) for name in rows.names]
        count = 0
        for block in rows.blocks(rows.names, MAX_ROWS):
            count += len(block)
            for draft in drafts:
                draft.add(block)
    if not count:
        raise DataError(f"{path} has a header and no rows")
    columns = tuple(draft.label() if draft.name == label else draft.feature() for draft in drafts)
    max_rows = min(MAX_ROWS, max(1000, 10 ** len(str(count))))
    return _agreeable(f"{path}: ", lambda: Schema(label=label, columns=columns, max_rows=max_rows))


def to_toml(schema: Schema, source: str | None = None) -> str:
    """Return the schema as a `[data]` table of TOML; `source` names the table that a draft's bounds came from.

    Bounds and values of a draft are marked, each by a comment; of very many columns by one, to leave room for them.
    """
    taken = ""
    if source is not None:
        shown = "".join(character if character.isprintable() else "?" for character in source[:SHOWN_SOURCE])
        taken = f"# CHECK: taken from {shown}, and public once signed. Write what is known without these rows.\n"
    once = len(schema.columns) > MARKED_COLUMNS
    parts = [_table(f"{taken if once else ''}[data]", {"label": schema.label, "max_rows": schema.max_rows})]
    for column in schema.columns:
        marked = not once and (bool(column.values) or column.numeric)
        parts.append(_table(f"{taken if marked else ''}[[data.columns]]", msgspec.to_builtins(column)))
    return "\n".join(parts)


def _table(heading: str, values: dict[str, Any]) -> str:
    return f"{heading}\n{msgspec.toml.encode(values).decode()}"


class _Draft:
    """What a column's cells have been so far."""

    def __init__(self, path: Path, name: str, row_name: str) -> None:
        self.name = name
        self._path = path
        self._row_name = row_name
        self._texts: set[str] = set()
        self._low, self._high, self._whole = np.inf, -np.inf, True
        self._cells = dict.fromkeys((FITS, EMPTY, NO_NUMBER, NOT_FINITE), 0)
        self._first: dict[int, int] = {}

    def add(self, block: Block) -> None:
        cells = block.columns[self.name]
        numbers, verdicts = parse_numbers(cells.values)
        per_row = verdicts[cells.index]
        for verdict in np.unique(per_row).tolist():
            rows = np.flatnonzero(per_row == verdict)
            self._cells[verdict] += len(rows)
            self._first.setdefault(verdict, int(block.numbers[rows[0]]))
        numbers = numbers[verdicts == FITS]
        if len(numbers):
            self._low, self._high = min(self._low, float(numbers.min())), max(self._high, float(numbers.max()))
            self._whole = self._whole and bool((numbers == np.trunc(numbers)).all())
        if len(self._texts) <= MAX_VALUES + 1:  # the empty text is none of the values
            for text in cells.values.to_pylist():
                self._texts.add(compose(text)[: MAX_NAME + 1])
                if len(self._texts) > MAX_VALUES + 1:
                    break

    def feature(self) -> Column:
        """Return the column that all cells fit, as one to learn from; elsewhere it may vary where here it does not."""
        missing: Missing = "indicator" if self._cells[EMPTY] else "refuse"
        return self._boolean(missing) or self._number(missing) or self._category(missing)

    def label(self) -> Column:
        """Return the column that all cells fit, as the one to predict: a few whole numbers are classes."""
        if self._cells[EMPTY]:
            raise self._fault("is empty, where the label must be known: leave the row out", EMPTY)
        boolean, number = self._boolean("refuse"), self._number("refuse")
        if boolean is not None:
            if len({BOOLEANS[text.lower()] for text in self._texts}) < 2:
                raise self._same_everywhere()
            return boolean
        if number is not None and self._low == self._high:
            raise self._same_everywhere()
        if number is None or not self._whole or len(self._texts) > FEW_VALUES:
            return number or self._category("refuse")
        values = sorted(self._texts, key=float)
        if len(set(map(float, values))) < len(values):
            raise self._fault("writes one number in several ways, such as 1 and 1.0: write each class in one")
        return self._made(lambda: Column(name=self.name, kind="category", values=tuple(values)))

    def _boolean(self, missing: Missing) -> Column | None:
        words = {text.lower() for text in self._texts} - {""}
        if not words or not words <= set(BOOLEANS) or words <= {"0", "1"}:
            return None
        return self._made(lambda: Column(name=self.name, kind="boolean", missing=missing))

    def _number(self, missing: Missing) -> Column | None:
        if not self._cells[FITS] or self._cells[NO_NUMBER]:
            return None
        if self._cells[NOT_FINITE]:
            raise self._fault("is not a finite number: leave the cell empty", NOT_FINITE)
        if max(-self._low, self._high) > MAX_NUMBER:
            raise self._fault(f"holds numbers beyond {MAX_NUMBER:g}: use another unit")
        low, high = _around(self._low, self._high)
        if low >= high:
            raise self._fault("holds numbers too small to be told apart: use another unit")
        kind: Kind = "integer" if self._whole else "number"
        return self._made(lambda: Column(name=self.name, kind=kind, low=low, high=high, missing=missing))

    def _category(self, missing: Missing) -> Column:
        values = sorted(self._texts - {""})
        if len(values) < 2:
            raise self._same_everywhere() if values else self._fault("is empty in every row: leave it out")
        if len(values) > MAX_VALUES:
            if self._cells[FITS] > self._cells[NO_NUMBER] + self._cells[NOT_FINITE]:
                raise self._fault("is not a number, as most cells of the column are", NO_NUMBER)
            raise self._fault(f"has more than {MAX_VALUES} different texts: leave it out, or group them")
        return self._made(lambda: Column(name=self.name, kind="category", values=tuple(values), missing=missing))

    def _same_everywhere(self) -> DataError:
        return self._fault("is the same in every row: leave it out, or add the column to the draft by hand")

    def _fault(self, what: str, verdict: int | None = None) -> DataError:
        row = "" if verdict is None else f", {self._row_name} {self._first[verdict]}"
        return DataError(f"{self._path}{row}, column {self.name!r}: {what}")

    def _made(self, make: Callable[[], T]) -> T:
        return _agreeable(f"{self._path}, ", make)


def _agreeable(place: str, make: Callable[[], T]) -> T:
    """Return what `make` does; what no agreement may hold is the table's fault here, since nobody wrote it."""
    try:
        return make()
    except AgreementError as error:
        fault = str(error)
    raise DataError(f"{place}{fault}")


def _around(low: float, high: float) -> tuple[float, float]:
    """Return bounds of one digit around low and high, the nearest that are apart."""
    least, most = _round(low, ROUND_FLOOR), _round(high, ROUND_CEILING)
    if least == most:
        step = Decimal((0, (1,), most.adjusted() if most else 0))
        least, most = (least - step, most) if float(most + step) > MAX_NUMBER else (least, most + step)
    return float(least), float(most)


def _round(value: float, rounding: str) -> Decimal:
    """Return `value` rounded to one digit, as people write it."""
    exact = Decimal(repr(value))
    return exact.quantize(Decimal((0, (1,), exact.adjusted())), rounding) if exact else Decimal(0)
