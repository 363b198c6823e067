"""The study's log: what was done under the agreement, in entries that nobody can change unseen.

Each entry is one line of canonical JSON that holds the hash of the line before it; the head is the Merkle tree hash
(RFC 9162, section 2.1.1, SHA-256) over all lines. Parties sign the head in every round of training and in the
bundle, so dropping or rewriting entries shows against any of those signatures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tacit import canonical
from tacit.errors import FormatError
from tacit.study.lines import FileLines, Lines

FIRST = b"\x00" * 32


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of a log: its number of entries and their Merkle tree hash."""

    size: int
    root: bytes


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happened: `kind` says what, `body` holds public values only."""

    index: int
    previous: bytes
    kind: str
    body: dict[str, Any]


class Log:
    """One run's log, in a file (made when the first entry is appended) or wherever else its `lines` are kept."""

    def __init__(self, lines: Lines | Path | str) -> None:
        """Read and check all entries.

        Raises:
            FormatError: an entry was altered, removed from the middle, or reordered; names it and where it is kept.
        """
        self.lines: Lines = FileLines(Path(lines)) if isinstance(lines, Path | str) else lines
        self._lines: list[bytes] = []
        self._peaks: list[bytes | None] = []
        self._entries: list[Entry] = []
        for number, line in enumerate(self.lines.read(), start=1):
            where = self.lines.where(number)
            entry = canonical.decode(line, Entry, where)
            if entry.index != len(self._entries) or entry.previous != self._last_hash():
                raise FormatError(f"{where}: the log was altered before or at this entry")
            self._keep(entry, line)

    @property
    def path(self) -> Path | None:
        """The file, if it is kept in one."""
        return self.lines.path if isinstance(self.lines, FileLines) else None

    def append(self, kind: str, body: dict[str, Any]) -> Head:
        """Write one entry, on the disk before this returns, and return the new head.

        Raises:
            TacitError: it cannot be written, or somebody else has appended or removed entries since this log was read.
        """
        entry = Entry(len(self._entries), self._last_hash(), kind, body)
        line = canonical.encode(entry)
        self.lines.append(line)
        self._keep(entry, line)
        return self.head

    @property
    def head(self) -> Head:
        """The present head, in time logarithmic in the number of entries."""
        return Head(len(self._lines), _join(self._peaks))

    def head_at(self, size: int) -> Head:
        """Return the head as it was when the log had `size` entries."""
        if not 0 <= size <= len(self._lines):
            raise FormatError(f"the log has {len(self._lines)} entries, not {size}")
        return Head(size, tree_hash(self._lines[:size]))

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def _keep(self, entry: Entry, line: bytes) -> None:
        self._entries.append(entry)
        self._lines.append(line)
        _grow(self._peaks, line)

    def _last_hash(self) -> bytes:
        return hashlib.sha256(b"\x00" + self._lines[-1]).digest() if self._lines else FIRST


def tree_hash(lines: list[bytes]) -> bytes:
    """Return the Merkle tree hash of `lines` (RFC 9162, section 2.1.1); of none, the hash of nothing."""
    peaks: list[bytes | None] = []
    for line in lines:
        _grow(peaks, line)
    return _join(peaks)


def _grow(peaks: list[bytes | None], line: bytes) -> None:
    """Add a leaf to the perfect subtrees of 1, 2, 4, ... leaves that a tree of its size is made of."""
    node = hashlib.sha256(b"\x00" + line).digest()
    for level, peak in enumerate(peaks):
        if peak is None:
            peaks[level] = node
            return
        peaks[level], node = None, hashlib.sha256(b"\x01" + peak + node).digest()
    peaks.append(node)


def _join(peaks: list[bytes | None]) -> bytes:
    """Return the hash of the whole tree: larger subtrees are to the left of smaller ones."""
    root: bytes | None = None
    for peak in peaks:
        if peak is not None:
            root = peak if root is None else hashlib.sha256(b"\x01" + peak + root).digest()
    return hashlib.sha256(b"").digest() if root is None else root
