"""Files to cells of text: CSV (RFC 4180, UTF-8, with a header) and Parquet. Strict, and bounded in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.errors import DataError

MAX_BYTES = 4 * 1024**3
MAX_CELL = 100_000
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True, repr=False)
class Cells:
    """A table of text: its columns by name, and for each row the number of its line in the file, for people."""

    columns: dict[str, npt.NDArray[np.object_]]
    lines: npt.NDArray[np.int64]
    line_name: str

    def __repr__(self) -> str:
        return f"Cells({len(self.lines)} rows, {len(self.columns)} columns, hidden)"


def read_cells(path: Path, *, max_rows: int, max_bytes: int = MAX_BYTES) -> Cells:
    """Return the cells of the CSV or Parquet file at `path`.

    Raises:
        DataError: names the file, and where it can the line.
    """
    data = _read(path, max_bytes)
    if not data.strip():
        raise DataError(f"{path} is empty: it has no header and no rows")
    if path.suffix.lower() in (".parquet", ".pq") or data[:4] == PARQUET_MAGIC:
        return _read_parquet(path, data, max_rows)
    return _read_csv(path, data, max_rows)


def _read(path: Path, max_bytes: int) -> bytes:
    if not path.is_file():
        raise DataError(f"{path} is no file" if path.exists() else f"{path} does not exist")
    try:
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > max_bytes:
        raise DataError(f"{path} is larger than {max_bytes} bytes: split it")
    return data


def _read_csv(path: Path, data: bytes, max_rows: int) -> Cells:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: is not UTF-8 text; save the table as UTF-8") from None
    if "\x00" in text:
        raise DataError(f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: holds a NUL byte")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    csv.field_size_limit(MAX_CELL)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in _rows(path, reader):
        if not header:
            header = _check_header(path, row)
        elif len(row) != len(header):
            raise DataError(f"{path}, line {line}: has {len(row)} cells where the header has {len(header)}")
        elif len(rows) >= max_rows:
            raise DataError(f"{path} has more than the {max_rows} rows that the agreement allows")
        else:
            rows.append(row)
            lines.append(line)
    columns = zip(*rows, strict=True) if rows else [() for _ in header]
    cells = {name: np.array(column, dtype=object) for name, column in zip(header, columns, strict=True)}
    return Cells(cells, np.array(lines, np.int64), "line")


def _rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which the row begins, its cells), without blank lines at the end of the file."""
    blank = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: is not well-formed CSV ({error})") from None
        if not row:
            blank = blank or line
        elif blank is not None:
            raise DataError(f"{path}, line {blank}: is blank")
        else:
            yield line, row


def _check_header(path: Path, row: list[str]) -> list[str]:
    header = [name.strip() for name in row]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line 1: columns are named twice: {', '.join(twice)[:200]}")
    return header


def _read_parquet(path: Path, data: bytes, max_rows: int) -> Cells:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if file.metadata.num_rows > max_rows:
            raise DataError(f"{path} has more than the {max_rows} rows that the agreement allows")
        table = file.read()
        header = _check_header(path, list(table.column_names))
        cells = {name: _text(table.column(index)) for index, name in enumerate(header)}
    except DataError:
        raise
    except Exception:  # pyarrow raises many kinds for damaged files; all of them mean the same to the user
        raise DataError(f"{path} is not a Parquet file that can be read: it is damaged or truncated") from None
    return Cells(cells, np.arange(1, table.num_rows + 1), "row")


def _text(column: Any) -> npt.NDArray[np.object_]:
    """Return a Parquet column as text, empty where it is null; floats in full precision."""
    return np.array([_cell(value) for value in column.to_pylist()], dtype=object)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(value) if isinstance(value, float) else str(value)
