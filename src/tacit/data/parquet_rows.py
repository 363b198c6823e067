"""Parquet read as blocks of rows: each cell becomes the text that it would be in a CSV file.

A small file can unpack to a very large table. So what it would unpack to is held against what the cells of a table
can be, rows are read a block at a time, and texts stay dictionary encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from tacit.data.blocks import MAX_CELL, Block, TextColumn, block_rows, check_header, too_many_rows
from tacit.data.parquet_sizes import unpacked_chunks
from tacit.errors import DataError

T = TypeVar("T")

# Ids of PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED, RLE_DICTIONARY: texts stay dictionary encoded when read. In the
# delta encodings a text may stand for many times its bytes.
TEXT_ENCODINGS = {0, 2, 3, 4, 8}
UNPACKED_BYTES = 2**26  # what a file may unpack to, besides what its cells may
CELL_BYTES = 1000
WHOLE = 2**53


class ParquetRows:
    """The rows of a Parquet file, open as `stream`."""

    row_name = "row"

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        import pyarrow.parquet as pq

        self._path = path
        self._stream = stream
        self._file: Any = self._attempt(lambda: pq.ParquetFile(stream))
        self._schema = self._attempt(lambda: self._file.schema_arrow)
        self.header = str(path)
        self.names = check_header(self.header, self._schema.names)

    def blocks(self, names: Sequence[str], max_rows: int) -> Iterator[Block]:
        """Yield the rows in order, with the columns `names`. Raises DataError, as `Rows` says."""
        import pyarrow.parquet as pq

        if self._file.metadata.num_rows > max_rows:
            raise too_many_rows(self._path, max_rows)
        fields = dict(zip(self.names, self._schema, strict=True))
        stored = {name: fields[name].name for name in names}
        texts = [name for name in names if self._is_text(name, fields[name].type)]
        self._check_sizes(stored, texts)
        file = self._attempt(
            lambda: pq.ParquetFile(
                self._stream,
                metadata=self._file.metadata,
                read_dictionary=[stored[name] for name in texts],
                page_checksum_verification=True,
            )
        )
        batches = file.iter_batches(batch_size=block_rows(len(names)), columns=list(stored.values()))
        total = 0
        while (batch := self._attempt(lambda: next(batches, None))) is not None:
            numbers = np.arange(total + 1, total + len(batch) + 1, dtype=np.int64)
            total += len(batch)
            if total > max_rows:
                raise too_many_rows(self._path, max_rows)
            cells = {name: batch.column(batch.schema.get_field_index(stored[name])) for name in names}
            yield Block({name: self._column(name, array, total) for name, array in cells.items()}, numbers)

    def _attempt(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; pyarrow's errors, whose words may hold cells, do not get into the chain."""
        try:
            return work()
        except MemoryError:
            fault = "unpacks to more than this machine's memory: write it with smaller row groups"
        except Exception:  # pyarrow raises many kinds for damaged files; all of them mean the same to the user
            fault = "is not a Parquet file that can be read: it is damaged, truncated or encrypted; export it again"
        raise DataError(f"{self._path} {fault}")

    def _is_text(self, name: str, kind: Any) -> bool:
        """Say whether a column is of texts; raise where its type is none that a cell has."""
        import pyarrow.types as of

        kind = kind.value_type if of.is_dictionary(kind) else kind
        if any(test(kind) for test in (of.is_string, of.is_large_string, of.is_string_view)):
            return True
        if any(test(kind) for test in (of.is_binary, of.is_large_binary, of.is_binary_view)):
            return True
        if not any(test(kind) for test in (of.is_integer, of.is_floating, of.is_boolean, of.is_decimal, of.is_null)):
            what = "neither numbers nor texts"
            what = "dates or times" if of.is_temporal(kind) else "lists or records" if of.is_nested(kind) else what
            raise DataError(f"{self._path}, column {name!r}: holds {what}; write it as numbers or as text")
        return False

    def _check_sizes(self, stored: dict[str, str], texts: Sequence[str]) -> None:
        """Refuse columns that would unpack to more than so many cells can be, before any of it is unpacked."""
        names = {path: name for name, path in stored.items()}
        chunks = unpacked_chunks(self._stream, set(names))
        room = UNPACKED_BYTES + CELL_BYTES * self._file.metadata.num_rows * len(names)
        while (chunk := self._attempt(lambda: next(chunks, None))) is not None:
            where = f"{self._path}, column {names[chunk.path]!r}, row group {chunk.group}"
            if names[chunk.path] in texts and not chunk.encodings <= TEXT_ENCODINGS:
                raise DataError(f"{where}: has a delta encoding; write it with dictionary or plain encoding")
            room -= chunk.unpacked
            if room < 0:
                raise DataError(f"{where}: unpacks to far more than numbers and categories can be")

    def _column(self, name: str, array: Any, end: int) -> TextColumn:
        """Return a batch's column as text; it ends at row `end` of the file."""
        import pyarrow as pa

        encoded = self._attempt(lambda: _dictionary(array))
        present = np.asarray(encoded.indices.is_valid())
        used, inverse = np.unique(np.asarray(encoded.indices.drop_null(), np.int64), return_inverse=True)
        index = np.full(len(array), len(used))
        index[present] = inverse
        try:
            values = pa.concat_arrays([_text(encoded.dictionary.take(pa.array(used))), pa.array([""])])
        except (pa.ArrowException, UnicodeError):
            values = None
        if values is None:
            raise DataError(f"{self._path}, column {name!r}: is not UTF-8 text; write it as UTF-8")
        self._check_lengths(name, values, index, end)
        return TextColumn(values if not present.all() else values[:-1], index)

    def _check_lengths(self, name: str, values: Any, index: npt.NDArray[np.int64], end: int) -> None:
        import pyarrow.compute as pc

        long = (np.asarray(pc.utf8_length(values)) > MAX_CELL)[index]
        if long.any():
            row = end - len(index) + 1 + int(np.argmax(long))
            raise DataError(f"{self._path}, row {row}, column {name!r}: is longer than {MAX_CELL} characters")


def _dictionary(array: Any) -> Any:
    """Return `array` dictionary encoded, floats as doubles, which they are exactly."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return array
    if pa.types.is_float16(array.type):  # which older pyarrow cannot encode
        array = array.cast(pa.float32())
    return (array.cast(pa.float64()) if pa.types.is_float32(array.type) else array).dictionary_encode()


def _text(values: Any) -> Any:
    """Return distinct values as a `pyarrow.StringArray`.

    A whole number is written as one, also where it is stored as a float: so are codes of a column with gaps.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(values.type):
        numbers = np.asarray(values)
        texts = values.cast(pa.string())
        whole = (np.abs(numbers) < WHOLE) & (numbers == np.trunc(numbers))
        wholes = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
        values = pc.if_else(pa.array(whole), wholes, texts)
    values = values.cast(pa.string())
    values.validate(full=True)
    return values
