"""Files written whole or not at all, and read within bounds.

A write goes to a temporary file in the same folder, is flushed to the disk and then renamed over the old file
(POSIX rename is atomic), so that a full disk or a killed process leaves the old file or the new one.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tacit.errors import FormatError, TacitError


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` to `path` with permissions `mode`, whole or not at all.

    Raises:
        TacitError: the folder is missing, may not be written to, or the disk is full; the old file is untouched.
    """
    path = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise TacitError(f"cannot write {path}: {error.strerror}; check the folder and its permissions") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise TacitError(f"cannot write {path}: {error.strerror}; nothing was changed") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_bounded(path: Path, limit: int, what: str) -> bytes:
    """Return the bytes of `path`, at most `limit` of them; `what` names the thing in errors.

    Raises:
        FormatError: missing, unreadable, or larger than `limit`.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise FormatError(f"cannot read {what} {path}: {error.strerror}") from None
    if len(data) > limit:
        raise FormatError(f"{what} {path} is larger than {limit} bytes, which none can be")
    return data


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
