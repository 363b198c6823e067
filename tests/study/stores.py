"""Stores in a SQLite file, for tests: written to, and changed behind their back."""

import sqlite3

from tacit.study import Log
from tacit.study.store import LogStore

STUDY, RUN, OTHER = b"\x07" * 32, b"\x01" * 32, b"\x02" * 32


def store_at(path, member="carrier", study=STUDY):
    return LogStore.at(path, study, member)


def log_of(store, run=RUN):
    return Log(store.lines(run))


def written(store, count=6, run=RUN):
    log = log_of(store, run)
    for index in range(count):
        log.append("round", {"index": index, "who": ["ash", "birch"]})
    return log


def change(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(*statement if isinstance(statement, tuple) else (statement,))
    database.close()
