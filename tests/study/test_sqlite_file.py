"""A SQLite file as a store: its owner's alone, and refused where its schema would compute something."""

import os

import pytest

from tacit.errors import FormatError, TacitError
from tacit.study.store import LogStore

from .stores import OTHER, STUDY, change, log_of, store_at, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


def test_the_file_is_for_its_owner_alone(path):
    before = os.umask(0)
    try:
        written(store_at(path), 1)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n"
COLUMNS = "study VARCHAR, member VARCHAR, run VARCHAR, number INTEGER, line BLOB"
HOSTILE = {
    "view": ["ALTER TABLE tacit_log_entries RENAME TO old", "CREATE VIEW tacit_log_entries AS SELECT * FROM old"],
    "view of another case": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        f"CREATE VIEW TACIT_LOG_ENTRIES AS {ENDLESS}",
    ],
    "trigger": [
        "CREATE TRIGGER other AFTER INSERT ON tacit_log_entries "
        f"BEGIN DELETE FROM tacit_log_entries WHERE ({ENDLESS}); END"
    ],
    "trigger before": [
        "CREATE TRIGGER other BEFORE INSERT ON Tacit_Log_Entries BEGIN UPDATE tacit_log_entries SET line = x'61'; END"
    ],
    "index of a computation": ["CREATE INDEX other ON tacit_log_entries (hex(line))"],
    "index of some rows": ["CREATE UNIQUE INDEX other ON tacit_log_entries (run) WHERE number > 8"],
    "generated column": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        f"CREATE TABLE tacit_log_entries ({COLUMNS}, more AS (hex(line)))",
    ],
    "check": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        f"CREATE TABLE tacit_log_entries ({COLUMNS}, CHECK (length(hex(line)) > 0))",
    ],
    "default": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        f"CREATE TABLE tacit_log_entries ({COLUMNS}, more DEFAULT (randomblob(9)))",
    ],
    "reference": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        f"CREATE TABLE tacit_log_entries ({COLUMNS}, more REFERENCES old)",
    ],
    "virtual table": [
        "ALTER TABLE tacit_log_entries RENAME TO old",
        "CREATE VIRTUAL TABLE tacit_log_entries USING fts5(study, member, run, number, line)",
    ],
}


@pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
def test_a_file_whose_schema_computes_something_is_refused(path, statements):
    """Before a row is read or written: it could compute without end, hide rows, or change them."""
    log = written(store_at(path))
    change(path, *statements)
    kept = path.read_bytes()
    store = store_at(path)
    for use in (store.runs, lambda: log_of(store), lambda: log.append("more", {}), lambda: written(store, 1, OTHER)):
        with pytest.raises(FormatError, match="where nothing but the table .* is: nothing is read or written"):
            use()
    assert path.read_bytes() == kept


def test_what_else_is_in_the_file_is_nobodys_business(path):
    """Other tables, and what hangs on them."""
    change(
        path,
        "CREATE TABLE theirs (x CHECK (x > 0))",
        "CREATE TRIGGER of_theirs AFTER INSERT ON theirs BEGIN DELETE FROM theirs; END",
        "CREATE VIEW some AS SELECT * FROM theirs",
    )
    written(store_at(path))
    assert len(log_of(store_at(path))) == 6


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(TacitError, match="cannot make the store .* check the folder"):
        written(store_at(tmp_path / "missing" / "runs.sqlite"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_store_that_keeps_nothing_is_refused(url):
    with pytest.raises(TacitError, match="has to be a file that lasts"):
        LogStore(url, STUDY, "carrier")


def test_a_file_name_with_a_zero_byte_is_refused():
    with pytest.raises(TacitError, match="has to be a file that lasts"):
        LogStore("sqlite:////tmp/a%00b", bytes(32), "carrier")
