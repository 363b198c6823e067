"""Loading a table: read block by block, compared with the schema column by column, and encoded as features."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tacit.data.blocks import Block, Rows
from tacit.data.cells import encode_features, encode_label
from tacit.data.reading import MAX_BYTES, open_rows, separator_hint
from tacit.data.schema import Column, Schema
from tacit.errors import DataError

MAX_NUMBERS = 2**31  # 16 GiB of features
SHOWN_FAULTS = 10
SHOWN_NAMES = 20


@dataclass(frozen=True, repr=False, eq=False)
class Table:
    """A party's rows, encoded.

    Attributes:
        features: float64, (rows, features of the schema, or of the columns that it was loaded for).
        labels: class indexes int64 or numbers float64, (rows,); empty where the table was loaded without.
        schema: what it was checked against.
        source: the file's name, for messages.
    """

    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.generic]
    schema: Schema
    source: str

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows, {self.features.shape[1]} features, values hidden)"


def load(
    path: Path | str,
    schema: Schema,
    *,
    labelled: bool = True,
    allow_one_class: bool = False,
    columns: Collection[str] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """Load the CSV or Parquet file at `path`, checked against `schema`.

    Columns may come in any order. With `labelled` false (for prediction) the label may be missing, and is not read.
    Where parties have different `columns` of the same rows, the table has those and no other, and the label where it
    is `labelled`.

    Raises:
        DataError: names file, row and column, and what would fit; the first faults, and how many there are. No
            message holds a cell's value, nor does what it was raised from.
    """
    path = Path(path)
    own = [column for column in schema.feature_columns if columns is None or column.name in columns]
    encoder = _Encoder(path, schema, own, labelled)
    alone = columns is not None
    with open_rows(path, max_bytes=max_bytes) as rows:
        for block in rows.blocks(_check_columns(rows, schema, own, labelled, alone), schema.max_rows):
            encoder.add(block, rows.row_name)
    features, labels = encoder.finish()
    if labelled and not allow_one_class:
        _check_classes(path, schema, labels)
    return Table(features, labels, schema, path.name)


class _Encoder:
    """The features and labels of the blocks so far, or the faults."""

    def __init__(self, path: Path, schema: Schema, columns: Sequence[Column], labelled: bool) -> None:
        self._path = path
        self._schema = schema
        self._columns = columns
        self._width = sum(len(column.feature_names) for column in columns)
        self._labelled = labelled
        self._rows = self._faulty = 0
        self._features: list[npt.NDArray[np.float64]] = []
        self._labels: list[npt.NDArray[np.generic]] = []
        self._shown: list[str] = []

    def add(self, block: Block, row_name: str) -> None:
        width = self._width
        self._rows += len(block)
        if self._rows * width > MAX_NUMBERS:
            raise DataError(
                f"{self._path} becomes more than {MAX_NUMBERS} numbers, at {width} features a row: "
                f"bring fewer rows, or agree on fewer columns and categories"
            )
        features, faults, at = np.empty((len(block), width)), [], 0
        for column in self._columns:
            part, wrong = encode_features(column, block.columns[column.name])
            features[:, at : at + part.shape[1]] = part
            at += part.shape[1]
            faults += wrong
        if self._labelled:
            labels, wrong = encode_label(self._schema.label_column, block.columns[self._schema.label])
            self._labels.append(labels)
            faults += wrong
        self._faulty += sum(len(fault.rows) for fault in faults)
        if not self._faulty:
            self._features.append(features)
        else:
            self._features.clear()
        places = [(row, nth) for nth, fault in enumerate(faults) for row in fault.rows[:SHOWN_FAULTS].tolist()]
        for row, nth in sorted(places)[: SHOWN_FAULTS - len(self._shown)]:
            place = f"{self._path}, {row_name} {block.numbers[row]}, column {faults[nth].column!r}"
            self._shown.append(f"{place}: {faults[nth].reason}")

    def finish(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.generic]]:
        """Return the features and labels of all rows, or raise the faults."""
        if self._faulty > len(self._shown):
            self._shown.append(f"and {self._faulty - len(self._shown)} more cells that do not fit")
        if self._shown:
            raise DataError("\n".join(self._shown))
        if not self._rows:
            raise DataError(f"{self._path} has a header and no rows")
        labels = np.concatenate(self._labels) if self._labelled else np.empty(0, np.int64)
        features, end = np.empty((self._rows, self._width)), self._rows
        while self._features:  # each block goes as soon as it is copied: no second copy of the whole
            block = self._features.pop()
            features[end - len(block) : end] = block
            end -= len(block)
        return features, labels


def _check_columns(rows: Rows, schema: Schema, own: Sequence[Column], labelled: bool, alone: bool) -> list[str]:
    """Return the names of the columns to read; all are there, and no further ones.

    A table of some parties' columns alone (`alone`) has none of the others', nor the label where it is not read.
    """
    names = {column.name for column in own} | ({schema.label} if labelled else set())
    wanted = [column.name for column in schema.columns if column.name in names]
    there = set(rows.names)
    agreed = {column.name for column in schema.columns}
    known = names if alone else agreed
    missing = [name for name in wanted if name not in there]
    if len(missing) == len(wanted):
        hint = separator_hint(rows.names, known) or "; its first line must be the header"
        raise DataError(f"{rows.header}: names none of the agreement's columns{hint}. It names: {wanted[:SHOWN_NAMES]}")
    folded = {_fold(name): at for at, name in enumerate(rows.names, 1) if name not in known}
    problems = []
    for name in missing:
        near = folded.get(_fold(name))
        problems.append(f"column {name!r} is missing" + (f" (column {near} is spelt almost so)" if near else ""))
    for at, name in enumerate(rows.names, 1):
        if name not in known:
            # Only a header has every name; another first line may be a row, whose cells nothing shows.
            which = f"column {at}" if missing else f"column {name[:80]!r}" if name else f"column {at}, without a name,"
            whose = "another party's by" if name in agreed else "not in"
            problems.append(f"{which} is {whose} the agreement")
    if problems:
        more = f"; and {len(problems) - SHOWN_FAULTS} more" if len(problems) > SHOWN_FAULTS else ""
        shown = "; ".join(problems[:SHOWN_FAULTS])
        raise DataError(f"{rows.header}: {shown}{more}. The agreement names: {wanted[:SHOWN_NAMES]}")
    return wanted


def _fold(name: str) -> str:
    """Return `name` without what people overlook: capitals, spaces, joined letters."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check_classes(path: Path, schema: Schema, labels: npt.NDArray[np.generic]) -> None:
    if schema.task == "regression" or len(np.unique(labels)) > 1:
        return
    raise DataError(
        f"{path}, column {schema.label!r}: every row has the same class, where the agreement has "
        f"{', '.join(schema.classes[:SHOWN_FAULTS])}; a model needs rows of at least two"
    )
