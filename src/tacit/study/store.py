"""Logs in a database: SQLite in a file, or any that SQLAlchemy can reach; only portable SQL is used.

Each entry of a log is a row that holds the line that a file would hold, so hashes and heads are the same, and a row
that was altered, removed or moved is found in the same way. An append is one transaction: the last row has to be the
one that was read last, and the primary key lets nobody else append the same entry meanwhile.

No password of the URL, nor anything in its query, is ever part of a message or a repr.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from tacit.canonical import quote
from tacit.errors import FormatError, TacitError
from tacit.study import lines
from tacit.study.database_url import parse, secrets
from tacit.study.sqlite_file import file_of, has_table, make_private, set_up

T = TypeVar("T")

METADATA = MetaData()
ENTRIES = Table(
    "tacit_log_entries",
    METADATA,
    Column("study", String(64), primary_key=True),
    Column("member", String(40), primary_key=True),
    Column("run", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", LargeBinary(lines.MAX_BYTES), nullable=False),
)
# As the driver returns them: SQLite keeps any kind of value in any column, and a conversion would hide that.
_NUMBER: ColumnElement[Any] = type_coerce(ENTRIES.c.number, NullType())
_LINE: ColumnElement[Any] = type_coerce(ENTRIES.c.line, NullType())
_RUN = re.compile("[0-9a-f]{64}")


class LogStore:
    """The logs that one member keeps of the runs of one study, in a database."""

    def __init__(self, url: str | URL, study: bytes, member: str) -> None:
        """Name the database; nothing is opened or made before it is needed.

        Args:
            url: a SQLAlchemy URL, such as `sqlite:////var/lib/tacit/runs.sqlite` or `postgresql+psycopg://USER@HOST/DB`.
            study: digest of the agreement; one database may serve many studies.
            member: whose logs.

        Raises:
            TacitError: no such URL is possible, its driver is missing, or nothing in it would last.
        """
        parsed = parse(url)
        self._secrets = secrets(parsed)
        self.place = parsed.set(query={}).render_as_string(hide_password=True)
        self._key = (study.hex(), member)
        self._file = file_of(parsed)
        self._engine = self._make_engine(parsed)

    @classmethod
    def at(cls, path: Path, study: bytes, member: str) -> LogStore:
        """Return the store in the SQLite file `path`."""
        return cls(URL.create("sqlite", database=str(path)), study, member)

    def runs(self) -> list[bytes]:
        """Return the ids of the runs that there are entries of, in ascending order.

        Raises:
            FormatError: the file is no database, or a row is of no run.
            TacitError: the database cannot be reached.
        """
        names = self._read(select(type_coerce(ENTRIES.c.run, NullType())).where(*self._mine()).distinct())
        for (name,) in names:
            if not isinstance(name, str) or not _RUN.fullmatch(name):
                raise FormatError(f"the store {self.place} has an entry of no run: {quote(str(name))}")
        return sorted(bytes.fromhex(name) for (name,) in names)

    def lines(self, run: bytes) -> StoredLines:
        """Return the place of the log of `run`."""
        return StoredLines(self, run)

    def read(self, run: bytes) -> list[bytes]:
        """Return the lines of the log of `run`; see `Lines`."""
        mine = (*self._mine(), ENTRIES.c.run == run.hex())
        sizes = self._read(select(func.count(), func.sum(func.length(ENTRIES.c.line))).where(*mine))
        if sizes and sizes[0][0] + (sizes[0][1] or 0) > lines.MAX_BYTES:
            self._refuse(run, f"is larger than {lines.MAX_BYTES} bytes, which none can be")
        rows = self._read(select(_NUMBER, _LINE).where(*mine).order_by(ENTRIES.c.number))
        found = []
        for number, (index, value) in enumerate(rows):
            line = _content(value)
            if index != number or line is None:
                self._refuse(run, "the log was altered before or at this entry", number + 1)
            found.append(line)
        return found

    def append(self, run: bytes, count: int, last: bytes, line: bytes) -> None:
        """Append `line` to the log of `run`, which has `count` lines and `last` as the last of them; see `Lines`."""
        values = {"study": self._key[0], "member": self._key[1], "run": run.hex(), "number": count, "line": line}
        newest = (
            select(_NUMBER, _LINE)
            .where(*self._mine(), ENTRIES.c.run == run.hex())
            .order_by(ENTRIES.c.number.desc())
            .limit(1)
        )

        def add(connection: Connection) -> bool:
            self._has_table(connection)
            found = connection.execute(newest).all()
            if [(index, _content(each)) for index, each in found] != ([(count - 1, last)] if count else []):
                return False
            connection.execute(insert(ENTRIES).values(values))
            return True

        if count == 0:
            self._make_table()
        if not self._try(add, f"append to the log of run {run.hex()} in", taken=False):
            raise TacitError(f"{self.where(run)} was changed by another process: read it anew")

    def where(self, run: bytes) -> str:
        """Return how to call the log of `run` in an error."""
        return f"the log of run {run.hex()} in the store {self.place}"

    def _refuse(self, run: bytes, reason: str, number: int | None = None) -> NoReturn:
        entry = " " if number is None else f", entry {number}: "
        raise FormatError(f"{self.where(run)}{entry}{reason}")

    def _mine(self) -> tuple[Any, ...]:
        return ENTRIES.c.study == self._key[0], ENTRIES.c.member == self._key[1]

    def _read(self, query: Any) -> list[Any]:
        """Return the rows that `query` selects; none where nothing was ever appended."""
        if self._file is not None and not self._file.exists():
            return []

        def fetch(connection: Connection) -> list[Any]:
            return list(connection.execute(query).all()) if self._has_table(connection) else []

        return self._try(fetch, "read the logs in")

    def _make_table(self) -> None:
        if self._file is not None:
            make_private(self._file)

        def make(connection: Connection) -> bool:
            METADATA.create_all(connection)
            return True

        if not self._try(self._has_table, "open"):
            try:
                self._try(make, "make a table in")
            except TacitError:
                if not self._try(self._has_table, "open"):  # else another process has made it in this moment
                    raise

    def _has_table(self, connection: Connection) -> bool:
        if self._file is None:
            return ENTRIES.name in inspect(connection).get_table_names()
        return has_table(connection, ENTRIES, self.place)

    def _try(self, work: Callable[[Connection], T], what: str, taken: T | None = None) -> T:
        """Return what `work` does in one transaction; `taken` where somebody else has written the same row."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except IntegrityError as error:
            if taken is not None:
                return taken
            fault: TacitError = self._fault(error, what)
        except (SQLAlchemyError, OSError, ValueError, TypeError) as error:
            fault = self._fault(error, what)
        # Here and not above, so that no chain leads to an exception that holds the URL.
        raise fault

    def _fault(self, error: Exception, what: str) -> TacitError:
        told = str(error.orig if isinstance(error, DBAPIError) and error.orig else error).strip()
        for secret in self._secrets:
            told = told.replace(secret, "***")
        message = f"cannot {what} the store {self.place}: {quote(told.splitlines()[0] if told else 'no reason given')}"
        damaged = self._file is not None and isinstance(error, DBAPIError) and not isinstance(error, OperationalError)
        return FormatError(message) if damaged else TacitError(message)

    def _make_engine(self, url: URL) -> Engine:
        fault = None
        try:
            # No pool: a connection for each of the few entries of a round, and none that was lost meanwhile.
            engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        except ImportError as error:
            wanted = error.name or url.get_driver_name()
            fault = TacitError(f"the store {self.place} needs the driver {wanted}: pip install {wanted}")
        except (SQLAlchemyError, ValueError, TypeError) as error:
            fault = self._fault(error, "use")
        if fault is not None:
            raise fault
        if self._file is not None:
            event.listen(engine, "connect", set_up)
        return engine

    def __repr__(self) -> str:
        return f"LogStore({self.place!r}, {self._key[1]!r})"


class StoredLines:
    """The lines of the log of one run, in a store."""

    def __init__(self, store: LogStore, run: bytes) -> None:
        """Keep the lines of `run` in `store`."""
        self._store = store
        self._run = run
        self._count = 0
        self._last = b""

    def read(self) -> list[bytes]:
        """Return all lines; see `Lines`."""
        found = self._store.read(self._run)
        self._count, self._last = len(found), found[-1] if found else b""
        return found

    def append(self, line: bytes) -> None:
        """Append in one transaction; see `Lines`."""
        self._store.append(self._run, self._count, self._last, line)
        self._count, self._last = self._count + 1, line

    def where(self, number: int) -> str:
        """Return the store, the run and the entry."""
        return f"{self._store.where(self._run)}, entry {number}"


def _content(value: object) -> bytes | None:
    """Return the bytes that a driver gave, None for anything else that may be in the column."""
    return bytes(value) if isinstance(value, bytes | memoryview) else None
