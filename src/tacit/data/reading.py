"""Opening a table: that it is a file at all, that it may be read, and whether it is CSV or Parquet."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tacit.data.blocks import Rows
from tacit.data.csv_rows import SEPARATORS, CsvRows
from tacit.data.parquet_rows import ParquetRows
from tacit.errors import DataError

MAX_BYTES = 4 * 1024**3
PARQUET = b"PAR1\x15"  # the magic and how every header of a page begins: a CSV may begin with the first four alone
FOREIGN = {
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"PK\x03\x04": "a workbook or a zip archive: save its table as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook: save its table as CSV",
    b"\x1f\x8b": "compressed: unpack it",
    b"\x28\xb5\x2f\xfd": "compressed: unpack it",
}


@contextmanager
def open_rows(path: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[Rows]:
    """Open the CSV or Parquet file at `path`, of at most `max_bytes` bytes, for as long as the context lasts.

    Raises:
        DataError: it is no file, cannot be read, is too large, is neither CSV nor Parquet, or has no header.
    """
    with _open(path, max_bytes) as stream:
        begin = _begin(path, stream)
        if path.suffix.lower() in (".parquet", ".pq") or begin.startswith(PARQUET):
            yield ParquetRows(path, stream)
            return
        for magic, what in FOREIGN.items():
            if begin.startswith(magic):
                raise DataError(f"{path} is not UTF-8 text but {what}")
        yield CsvRows(path, stream, max_bytes)


def separator_hint(names: tuple[str, ...], wanted: set[str]) -> str:
    """Return what to do where a header has the `wanted` names between other separators than commas; else ""."""
    for separator, word in SEPARATORS.items():
        if any(name.strip().strip('"') in wanted for name in ",".join(names).split(separator)):
            return f"; its cells are separated by {word}: save the table with commas between cells"
    return ""


def _open(path: Path, max_bytes: int) -> BinaryIO:
    """Open a regular file for reading, without waiting for a writer where it is a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such name is possible"
        raise DataError(f"{path} cannot be read: {reason}") from None
    status = os.fstat(descriptor)
    fault = ""
    if not stat.S_ISREG(status.st_mode):
        fault = "is no file, but a folder, a pipe or a device"
    elif status.st_size > max_bytes:
        fault = f"is larger than {max_bytes} bytes: split it"
    if fault:
        os.close(descriptor)
        raise DataError(f"{path} {fault}")
    return os.fdopen(descriptor, "rb")


def _begin(path: Path, stream: BinaryIO) -> bytes:
    try:
        begin = stream.read(len(PARQUET))
        stream.seek(0)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if not begin:
        raise DataError(f"{path} is empty: it has no header and no rows")
    return begin
