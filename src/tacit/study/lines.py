"""Where the lines of a log are kept: in a file here, in a database in `tacit.study.store`.

A place knows nothing of what the lines say: `tacit.study.log` checks them.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from tacit.errors import TacitError
from tacit.files import flush_folder, read_bounded

MAX_BYTES = 256 * 1024 * 1024


class Lines(Protocol):
    """The lines of one log, in the order in which they were appended."""

    def read(self) -> list[bytes]:
        """Return all lines, at most `MAX_BYTES` of them.

        Raises:
            FormatError: what is there is not what was appended.
            TacitError: it cannot be reached.
        """
        ...

    def append(self, line: bytes) -> None:
        """Keep `line` after those read or appended so far; it outlasts a loss of power once this returns.

        Raises:
            TacitError: it cannot be written, or the lines are no longer those that this object has read and appended.
        """
        ...

    def where(self, number: int) -> str:
        """Return how to call the line `number`, the first of which is 1, in an error."""
        ...


class FileLines:
    """Lines in a file, each with a newline."""

    def __init__(self, path: Path) -> None:
        """Keep lines at `path`; the file is made with the first one."""
        self.path = path
        self._whole_bytes = 0

    def read(self) -> list[bytes]:
        """Return the lines that are whole; see `Lines`."""
        if not _may_exist(self.path):
            return []
        # Whatever follows the last newline is what a process killed in mid-write left.
        whole, newline, _ = read_bounded(self.path, MAX_BYTES, "log").rpartition(b"\n")
        self._whole_bytes = len(whole) + len(newline)
        return whole.split(b"\n") if newline else []

    def append(self, line: bytes) -> None:
        """Write `line`, flushed to the disk before this returns; see `Lines`."""
        try:
            new = not self.path.exists()
            with self.path.open("x+b" if new else "r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                self._refuse_if_changed(stream)
                stream.truncate(self._whole_bytes)
                stream.seek(self._whole_bytes)
                stream.write(line + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            if new:
                flush_folder(self.path.parent)
        except OSError as error:
            raise TacitError(f"cannot append to the log {self.path}: {error.strerror}") from None
        self._whole_bytes += len(line) + 1

    def where(self, number: int) -> str:
        """Return the file and the line."""
        return f"{self.path}, line {number}"

    def _refuse_if_changed(self, stream: BinaryIO) -> None:
        """Refuse to write over whole lines that somebody else has appended since they were read."""
        stream.seek(max(self._whole_bytes - 1, 0))
        following = stream.read()
        if following.count(b"\n") != (self._whole_bytes > 0):
            raise TacitError(f"the log {self.path} was changed by another process: read it anew")


def _may_exist(path: Path) -> bool:
    """Return whether there is something at `path`, or this process may not look: reading it will say so."""
    try:
        return path.exists()
    except OSError:
        return True
