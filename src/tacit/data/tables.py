"""Loading a table: read, compared with the schema column by column, and encoded as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tacit.data.cells import Fault, encode_features, encode_label
from tacit.data.reading import MAX_BYTES, Cells, read_cells
from tacit.data.schema import Schema
from tacit.errors import DataError

SHOWN_FAULTS = 10


@dataclass(frozen=True, repr=False, eq=False)
class Table:
    """A party's rows, encoded.

    Attributes:
        features: float64, (rows, features of the schema).
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
    max_bytes: int = MAX_BYTES,
) -> Table:
    """Load the CSV or Parquet file at `path`, checked against `schema`.

    Columns may come in any order. With `labelled` false (for prediction) the label may be missing, and is not read.

    Raises:
        DataError: names file, row and column, and what would fit; the first faults, and how many there are. No
            message holds a cell's value.
    """
    path = Path(path)
    cells = read_cells(path, max_rows=schema.max_rows, max_bytes=max_bytes)
    _check_columns(path, cells, schema, labelled)
    if not len(cells.lines):
        raise DataError(f"{path} has a header and no rows")
    parts, faults = [], []
    for column in schema.feature_columns:
        features, wrong = encode_features(column, cells.columns[column.name])
        parts.append(features)
        faults += wrong
    labels: npt.NDArray[np.generic] = np.empty(0, np.int64)
    if labelled:
        labels, wrong = encode_label(schema.label_column, cells.columns[schema.label])
        faults += wrong
    _refuse(path, cells, faults)
    if labelled and not allow_one_class:
        _check_classes(path, schema, labels)
    return Table(np.ascontiguousarray(np.hstack(parts)), labels, schema, path.name)


def _check_columns(path: Path, cells: Cells, schema: Schema, labelled: bool) -> None:
    wanted = [column.name for column in schema.columns if labelled or column.name != schema.label]
    missing = [name for name in wanted if name not in cells.columns]
    known = {column.name for column in schema.columns}
    extra = [name for name in cells.columns if name not in known]
    problems = [f"column {name!r} is missing" for name in missing]
    problems += [f"column {name[:80]!r} is not in the agreement" for name in extra]
    if problems:
        more = f"; and {len(problems) - SHOWN_FAULTS} more" if len(problems) > SHOWN_FAULTS else ""
        raise DataError(
            f"{path}, line 1: {'; '.join(problems[:SHOWN_FAULTS])}{more}. The agreement names: {wanted[:20]}"
        )


def _check_classes(path: Path, schema: Schema, labels: npt.NDArray[np.generic]) -> None:
    if schema.task == "regression" or len(np.unique(labels)) > 1:
        return
    raise DataError(
        f"{path}, column {schema.label!r}: every row has the same class, where the agreement has "
        f"{', '.join(schema.classes[:SHOWN_FAULTS])}; a model needs rows of at least two"
    )


def _refuse(path: Path, cells: Cells, faults: Sequence[Fault]) -> None:
    if not faults:
        return
    first = sorted(faults, key=lambda fault: fault.row)[:SHOWN_FAULTS]
    lines = [f"{path}, {cells.line_name} {cells.lines[f.row]}, column {f.column!r}: {f.reason}" for f in first]
    if len(faults) > SHOWN_FAULTS:
        lines.append(f"and {len(faults) - SHOWN_FAULTS} more cells that do not fit")
    raise DataError("\n".join(lines))
