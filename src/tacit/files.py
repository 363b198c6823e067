"""Files written whole or not at all, and read within bounds.

A write goes to a temporary file in the same folder, is flushed to the disk and then renamed over the old file
(POSIX rename is atomic), so that a full disk or a killed process leaves the old file or the new one.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tacit.errors import FormatError, TacitError


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644, overwrite: bool = True) -> None:
    """Write `data` to `path` with permissions `mode`, whole or not at all.

    Raises:
        TacitError: the folder is missing, may not be written to, or the disk is full; the old file is untouched.
        FileExistsError: something has this name, and `overwrite` is false; checked in the same step as the naming.
    """
    path = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except (OSError, ValueError) as error:
        raise TacitError(f"cannot write {path}: {_reason(error)}; check the folder and its permissions") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            Path(name).replace(path)
        else:
            os.link(name, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise TacitError(f"cannot write {path}: {_reason(error)}; nothing was changed") from None
    finally:
        Path(name).unlink(missing_ok=True)
    try:
        flush_folder(path.parent)
    except OSError as error:
        reason = f"{path} was written, but may not outlast a loss of power: {_reason(error)}"
        raise TacitError(reason) from None


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` last through a loss of power; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_bounded(path: Path, limit: int, what: str, *, check: Callable[[os.stat_result], None] | None = None) -> bytes:
    """Return the bytes of `path`, at most `limit` of them; `what` names the thing in errors.

    Args:
        path: a file; links are followed.
        limit: bytes.
        what: for errors.
        check: is shown the status of the very file that is read, before that, and raises if it should not be.

    Raises:
        FormatError: missing, unreadable, not a file, or larger than `limit`.
    """
    try:
        with _open_file(path) as stream:
            if check is not None:
                check(os.fstat(stream.fileno()))
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {what} {path}: {_reason(error)}") from None
    if len(data) > limit:
        raise FormatError(f"{what} {path} is larger than {limit} bytes, which none can be")
    return data


def _open_file(path: Path) -> BinaryIO:
    """Open a regular file, and nothing else: a pipe would be waited for, and a device may do anything."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is a folder, a pipe or a device")
    return os.fdopen(descriptor, "rb")


def _reason(error: OSError | ValueError) -> str:
    """Return what the system says; a ValueError is a name with a zero byte in it."""
    return error.strerror or "no reason given" if isinstance(error, OSError) else "no such name is possible"
