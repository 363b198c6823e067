"""What a Parquet file will unpack to, found from its footer and the headers of its pages: nothing is unpacked.

pyarrow tells what the footer says, but ends the process where a damaged footer contradicts itself, and believes it
where it lies. The headers are Thrift structs in compact form; the names in capitals are ids of their fields
(Apache Parquet format, `parquet.thrift`; Apache Thrift, "Thrift compact protocol encoding").
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

TAIL = 8  # the footer's length, 4 bytes little-endian, and the magic
HEADER = 512
LONGEST_HEADER = 2**24
LONGEST_FOOTER = 2**26
DEEPEST = 16

ROW_GROUPS = 4
CHUNKS = 1
META = 3
ENCODINGS, PATH, VALUES, COMPRESSED, DATA_PAGE, DICTIONARY_PAGE = 2, 3, 5, 7, 9, 11
PAGE_UNPACKED, PAGE_COMPRESSED = 2, 3


@dataclass(frozen=True)
class Chunk:
    """One column in one row group.

    Attributes:
        group: the row group, counted from 1.
        path: the column's name, dots between those of nested ones.
        encodings: the ids of its pages' encodings, as the footer says.
        unpacked: bytes of its pages, unpacked.
    """

    group: int
    path: str
    encodings: frozenset[int]
    unpacked: int


def unpacked_chunks(stream: BinaryIO, paths: set[str]) -> Iterator[Chunk]:
    """Yield the chunks of the columns `paths` in the Parquet file `stream`, in the order of the row groups.

    Raises:
        ValueError: the file is damaged or truncated.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - TAIL))
    length = int.from_bytes(stream.read(TAIL)[:4], "little")
    if length > min(size - TAIL, LONGEST_FOOTER):
        raise ValueError("the footer is longer than any can be")
    stream.seek(size - TAIL - length)
    try:
        footer = _Struct(stream.read(length)).read()
    except IndexError:
        raise ValueError("the footer is truncated") from None
    for number, group in enumerate(_values(footer, ROW_GROUPS, dict), 1):
        for chunk in _values(group, CHUNKS, dict):
            meta = _field(chunk, META, dict)
            path = b".".join(_values(meta, PATH, bytes)).decode()
            if path in paths:
                encodings = frozenset(_values(meta, ENCODINGS, int))
                yield Chunk(number, path, encodings, _unpacked(stream, meta))


def _unpacked(stream: BinaryIO, meta: dict[int, Any]) -> int:
    """Return the bytes that a chunk's pages unpack to, walking from header to header as a reader does."""
    if _field(meta, VALUES, int) <= 0:
        return 0  # none is read, and where they begin is not said
    at = _field(meta, DATA_PAGE, int)
    at = min(at, _field(meta, DICTIONARY_PAGE, int) or at) if DICTIONARY_PAGE in meta else at
    end = at + _field(meta, COMPRESSED, int)
    total = 0
    while at < end:
        header, length = _page_header(stream, at)
        unpacked, compressed = _field(header, PAGE_UNPACKED, int), _field(header, PAGE_COMPRESSED, int)
        if unpacked < 0 or compressed < 0:
            raise ValueError("a page of negative size")
        total += unpacked
        at += length + compressed
    return total


def _page_header(stream: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """Return the page header at byte `at`, and its length; it may hold long statistics."""
    if not 0 <= at < stream.seek(0, os.SEEK_END):
        raise ValueError("a page begins outside of the file")
    stream.seek(at)
    data = b""
    while more := stream.read(max(HEADER, len(data))):
        data += more
        struct = _Struct(data)
        try:
            return struct.read(), struct.at
        except IndexError:  # it goes on
            if len(data) > LONGEST_HEADER:
                break
    raise ValueError("a page's header is truncated")


def _field(struct: Any, number: int, kind: type) -> Any:
    value = struct.get(number) if isinstance(struct, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"field {number} is missing")
    return value


def _values(struct: Any, number: int, kind: type) -> list[Any]:
    values: list[Any] = _field(struct, number, list)
    if not all(isinstance(value, kind) for value in values):
        raise ValueError(f"field {number} has values of another type")
    return values


class _Struct:
    """A Thrift struct in compact form at the beginning of `data`; `at` is how far it has been read.

    Its fields become a dict by their ids. Reading takes time linear in the bytes: each value has at least one.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def read(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields; raises IndexError where the bytes end before them, ValueError for what is no struct."""
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)  # a boolean is its own type
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._unsigned())
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._unsigned()
            return [self._value(head & 15, depth + 1) for _ in range(self._possible(count))]
        if kind == 12:
            return self.read(depth + 1)
        raise ValueError(f"no struct of Parquet has a value of type {kind}")

    def _possible(self, count: int) -> int:
        if count > len(self._data) - self.at:
            raise IndexError("more values than bytes")
        return count

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        self.at += self._possible(count)
        return self._data[self.at - count : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
