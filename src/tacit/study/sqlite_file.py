"""A SQLite file as a store: for its owner alone, on the disk with each commit, with a schema that computes nothing.

A file may come from elsewhere. Views, triggers, checks and generated columns would run or compute whenever a row is
read or written, so where there is more than the plain table and the index of its key, nothing is read or written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, text

from tacit.canonical import quote
from tacit.errors import FormatError, TacitError
from tacit.files import flush_folder

_NEAR = text("SELECT type, name, sql FROM sqlite_master WHERE lower(tbl_name) = :table OR lower(name) = :table")
_PLAIN = re.compile(r"[\w\s,()\"]*", re.ASCII)
_WORDS = {"create", "table", "varchar", "integer", "blob", "not", "null", "primary", "key"}


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite URL, None for another database; raises TacitError where nothing would last."""
    if url.get_backend_name() != "sqlite":
        return None
    database = url.database or ""
    if not database or "\x00" in database or database.startswith((":memory:", "file:")):
        raise TacitError("the store has to be a file that lasts: name it as sqlite:////FOLDER/FILE")
    return Path(database)


def make_private(path: Path) -> None:
    """Make the file, if there is none, before SQLite does, for its owner alone; raises TacitError."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        flush_folder(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise TacitError(
            f"cannot make the store {path}: {error.strerror}; check the folder and its permissions"
        ) from None


def set_up(connection: Any, _record: Any) -> None:
    """Set a new connection up, as a listener of SQLAlchemy's event `connect`."""
    # EXTRA: a commit is on the disk, with the removal of its journal. The schema of a file from elsewhere runs nothing.
    for pragma in ("synchronous=EXTRA", "trusted_schema=OFF", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}").close()


def has_table(connection: Connection, table: Table, place: str) -> bool:
    """Return whether the file, which is called `place` in errors, has the table.

    Raises:
        FormatError: it has something else of this name, or something beside the table that acts on it.
    """
    found = connection.execute(_NEAR, {"table": table.name}).all()
    for kind, name, made in found:
        if not _is_plain(kind, made, table):
            raise FormatError(
                f"the store {place} has a {quote(str(kind))} {quote(str(name))} where nothing but the table "
                f"{table.name} and its key is: nothing is read or written; find out who made it, or use another"
            )
    return bool(found)


def _is_plain(kind: object, made: object, table: Table) -> bool:
    """Return whether a schema's entry computes nothing: a table of plain columns, or the index of its key."""
    if kind == "index":
        return made is None
    if kind != "table" or not isinstance(made, str) or not _PLAIN.fullmatch(made):
        return False
    return set(re.findall("[a-z_]+", made.lower())) <= _WORDS | {table.name, *table.columns.keys()}
