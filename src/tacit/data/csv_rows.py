"""CSV (RFC 4180, UTF-8, a header) read as blocks of rows: strict, and one block of it in memory at a time."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tacit.data.blocks import MAX_CELL, Block, TextColumn, block_rows, check_header, too_many_rows
from tacit.errors import DataError

CHUNK = 2**20
MAX_RECORD = 2**22  # 10,000 cells of 200 characters are half of it
BLOCK_CHARACTERS = 2**24
MAX_BLANK = 1000  # lines at the end of the file
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class CsvRows:
    """The rows of a CSV file, open as `stream`; at most `max_bytes` of it are read."""

    row_name = "line"

    def __init__(self, path: Path, stream: BinaryIO, max_bytes: int) -> None:
        self._path = path
        self._lines = _Lines(path, stream, max_bytes)
        self._records = self._read_records()
        header = next(self._records, None)
        if header is None:
            raise DataError(f"{path} is empty: it has no header and no rows")
        self.header = f"{path}, line 1"
        self.names = check_header(self.header, header[1])

    def blocks(self, names: Sequence[str], max_rows: int) -> Iterator[Block]:
        """Yield the rows in order, with the columns `names`; once only. Raises DataError, as `Rows` says."""
        place = {name: at for at, name in enumerate(self.names)}
        wanted = [(name, place[name]) for name in names]
        most = block_rows(len(self.names))
        rows: list[list[str]] = []
        lines: list[int] = []
        begun = self._lines.characters
        for number, (line, row) in enumerate(self._records, 1):
            if len(row) != len(self.names):
                raise DataError(
                    f"{self._path}, line {line}: has {len(row)} cells where the header has {len(self.names)}; "
                    f"a comma within a cell needs quotes around the cell"
                )
            if number > max_rows:
                raise too_many_rows(self._path, max_rows)
            rows.append(row)
            lines.append(line)
            if len(rows) == most or self._lines.characters - begun > BLOCK_CHARACTERS:
                yield _block(wanted, rows, lines)
                rows, lines, begun = [], [], self._lines.characters
        if rows:
            yield _block(wanted, rows, lines)

    def _read_records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line on which the row begins, its cells), without blank lines at the end of the file."""
        reader = csv.reader(self._lines, strict=True)
        blank = width = 0  # the first blank line, and the header's cells
        while True:
            self._lines.begin_record()
            line, row, fault = self._lines.number + 1, None, ""
            try:
                row = next(reader, None)
            except csv.Error as error:
                fault = str(error)
            if fault:
                raise self._malformed(line, fault)
            if row is None:
                return
            if row and not blank:
                width = width or len(row)
                self._check_cells(line, row)
                yield line, row
                continue
            blank = blank or line
            if row or width == 1 or line > blank + MAX_BLANK:  # in a table of one column, it may be an empty cell
                raise DataError(f"{self._path}, line {blank}: is blank; remove the line")

    def _check_cells(self, line: int, row: list[str]) -> None:
        if self._lines.record > MAX_CELL and max(map(len, row)) > MAX_CELL:
            raise self._malformed(line, "field larger")

    def _malformed(self, line: int, fault: str) -> DataError:
        """Return the error for a row that the csv module refuses; its own words are for programmers."""
        if fault.startswith("field larger"):
            what = f'a cell is longer than {MAX_CELL} characters; is a quote (") never closed?'
        elif line == 1 and any(f'"{separator}' in self._lines.last for separator in SEPARATORS):
            what = "its cells are not separated by commas; save the table with commas between cells"
        else:
            what = 'a quote (") stands within a cell, or is never closed; double a quote that is part of a cell'
        return DataError(f"{self._path}, line {line}: is not well-formed CSV: {what}")


class _Lines:
    """The lines of a file as the csv module wants them, each with its ending, and how many there were.

    Attributes:
        number: lines handed out.
        characters: characters handed out.
        record: those of the row being read.
        last: the last line handed out.
    """

    def __init__(self, path: Path, stream: BinaryIO, max_bytes: int) -> None:
        self._path = path
        self._stream = stream
        self._room = max_bytes
        self._pieces = self._split()
        self.number = self.characters = self.record = 0
        self.last = ""

    def begin_record(self) -> None:
        """Begin to count the characters of another row."""
        self.record = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.last = line = next(self._pieces)
        self.number += 1
        self.characters += len(line)
        self.record += len(line)
        if self.record > MAX_RECORD:
            raise self._too_long(self.number)
        return line

    def _split(self) -> Iterator[str]:
        """Yield lines as editors count them: they end in LF, CR LF, or CR."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        rest = ""
        more = True
        while more:
            chunk = self._read()
            more = bool(chunk)
            text, fault = _decode(decoder, chunk)
            pieces = list(io.StringIO(rest + text, newline=""))
            rest = "" if not pieces or pieces[-1].endswith("\n") else pieces.pop()
            yield from pieces
            if fault:
                whole = rest.endswith("\r")  # no LF comes after this CR, so it ended a line
                raise DataError(f"{self._path}, line {self.number + 1 + whole}: {fault}")
            if len(rest) > MAX_RECORD:
                raise self._too_long(self.number + 1)
        if rest:
            yield rest

    def _read(self) -> bytes:
        try:
            chunk = self._stream.read(CHUNK)
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {error.strerror}") from None
        self._room -= len(chunk)
        if self._room < 0:
            raise DataError(f"{self._path} grew while it was read: copy it, and read the copy")
        return chunk

    def _too_long(self, line: int) -> DataError:
        return DataError(
            f"{self._path}, line {line}: a row is longer than {MAX_RECORD} characters; "
            f'does every line end, and is a quote (") never closed?'
        )


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes) -> tuple[str, str]:
    """Return the text of `chunk` up to the first fault, and the fault; an error's chain would hold the cells.

    The empty chunk is the end of the file.
    """
    fault = ""
    try:
        text = decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        text, fault = bytes(error.object[: error.start]).decode(), "is not UTF-8 text; save the table as UTF-8"
    at = text.find("\x00")
    return (text, fault) if at < 0 else (text[:at], "holds a NUL byte; save the table as UTF-8 text")


def _block(wanted: list[tuple[str, int]], rows: list[list[str]], lines: list[int]) -> Block:
    cells = list(zip(*rows, strict=True))
    return Block({name: TextColumn.of(cells[at]) for name, at in wanted}, np.array(lines, np.int64))
