"""Logs in a database: SQLite in every test, PostgreSQL where its programs are installed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tacit.errors import FormatError, TacitError
from tacit.study import Log, Study
from tacit.study.store import LogStore

from .stores import OTHER, RUN, STUDY, change, log_of, store_at, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


@pytest.fixture
def study(people, tmp_path):
    return people.study(tmp_path / "study")


def check_same_as_a_file(store, tmp_path):
    log, file = written(store), Log(tmp_path / "same.jsonl")
    for entry in log:
        file.append(entry.kind, entry.body)
    again = log_of(store)
    assert log.head == again.head == file.head
    assert list(again) == list(file)
    assert log.path is None


def check_kept_apart(store, others):
    """`others` are of another member and of another study, in the same database."""
    written(store, 2)
    written(store, 3, OTHER)
    for count, other in enumerate(others, start=4):
        assert other.runs() == []
        written(other, count)
    assert store.runs() == [RUN, OTHER]
    assert [len(log_of(store, run)) for run in store.runs()] == [2, 3]
    assert [len(log_of(other)) for other in others] == [4, 5]


def check_not_written_over(store):
    first, second = written(store), log_of(store)
    first.append("first", {})
    with pytest.raises(TacitError, match="was changed by another process: read it anew"):
        second.append("second", {})
    assert [entry.kind for entry in log_of(store)][-2:] == ["round", "first"]
    first, second = log_of(store, OTHER), log_of(store, OTHER)
    first.append("first", {})
    with pytest.raises(TacitError, match="was changed by another process"):
        second.append("second", {})


def test_a_log_is_the_same_as_in_a_file(path, tmp_path):
    check_same_as_a_file(store_at(path), tmp_path)


def test_members_studies_and_runs_are_kept_apart(path):
    check_kept_apart(store_at(path), [store_at(path, "clerk"), store_at(path, study=OTHER)])


def test_a_log_that_grew_or_began_meanwhile_is_not_written_over(path):
    check_not_written_over(store_at(path))


@pytest.mark.parametrize(
    "statement", ["DELETE FROM {} WHERE number = 5", "UPDATE {} SET line = x'61' WHERE number = 5"]
)
def test_a_log_that_shrank_or_was_altered_at_its_end_is_not_written_to(path, statement):
    log = written(store_at(path))
    change(path, statement.format("tacit_log_entries"))
    with pytest.raises(TacitError, match="read it anew"):
        log.append("more", {})


def test_two_who_append_in_the_same_moment(path):
    """Both have seen the same last row; the key lets one of them pass."""
    store = store_at(path)
    log, others = written(store), []

    def first(connection, cursor, statement, *rest):
        if statement.startswith("INSERT") and not others:
            others.append(statement)
            log_of(store_at(path)).append("theirs", {})

    event.listen(store._engine, "before_cursor_execute", first)
    with pytest.raises(TacitError, match="was changed by another process"):
        log.append("mine", {})
    assert [entry.kind for entry in log_of(store_at(path))] == ["round"] * 6 + ["theirs"]


def test_nothing_is_made_before_there_is_something_to_keep(path):
    store = store_at(path)
    assert store.runs() == []
    assert len(log_of(store)) == 0
    assert not path.exists()


@pytest.mark.parametrize("number", range(6))
def test_an_altered_row_is_named(path, number):
    head = written(store_at(path)).head
    change(
        path,
        "UPDATE tacit_log_entries SET line = CAST(replace(CAST(line AS TEXT), 'who', 'why') AS BLOB) "
        f"WHERE number = {number}",
    )
    if number == 5:  # as in a file: it shows in the head, which is signed
        assert log_of(store_at(path)).head != head
        return
    with pytest.raises(FormatError, match=rf"run {RUN.hex()} in the store .*, entry {number + 2}: the log was altered"):
        log_of(store_at(path))


@pytest.mark.parametrize("number", range(5))
def test_a_removed_row_is_named(path, number):
    written(store_at(path))
    change(path, f"DELETE FROM tacit_log_entries WHERE number = {number}")
    with pytest.raises(FormatError, match=f"entry {number + 1}: the log was altered"):
        log_of(store_at(path))


@pytest.mark.parametrize("number", range(5))
def test_reordered_rows_are_named(path, number):
    written(store_at(path))
    table = "UPDATE tacit_log_entries SET number ="
    change(
        path,
        f"{table} -1 WHERE number = {number}",
        f"{table} {number} WHERE number = {number + 1}",
        f"{table} {number + 1} WHERE number = -1",
    )
    with pytest.raises(FormatError, match=f"entry {number + 1}: the log was altered"):
        log_of(store_at(path))


LOOSE = (
    "ALTER TABLE tacit_log_entries RENAME TO old",
    "CREATE TABLE tacit_log_entries (study, member, run, number, line)",
    "INSERT INTO tacit_log_entries SELECT * FROM old",
)


@pytest.mark.parametrize("value", ["'text'", "9999999999", "1.5", "NULL", "x''", "x'ff'", "zeroblob(1000)"])
def test_a_row_that_holds_something_else_is_named(path, value):
    """SQLite takes any kind of value in any column; a number is not to become as many zero bytes."""
    written(store_at(path))
    change(path, *LOOSE, f"UPDATE tacit_log_entries SET line = {value} WHERE number = 2")
    with pytest.raises(FormatError, match="entry 3"):
        log_of(store_at(path))


@pytest.mark.parametrize("value", ["'text'", "NULL", "x'02'", "1.5", "1"])
def test_a_row_with_another_number_is_named(path, value):
    written(store_at(path))
    change(path, *LOOSE, f"UPDATE tacit_log_entries SET number = {value} WHERE number = 2")
    with pytest.raises(FormatError, match=r"entry \d: the log was altered"):
        log_of(store_at(path))


@pytest.mark.parametrize("value", ["'text'", "7", "NULL", "x'00'", "upper(run) || 'F'"])
def test_a_row_of_no_run_is_told(path, value):
    written(store_at(path))
    change(path, *LOOSE, f"UPDATE tacit_log_entries SET run = {value} WHERE number = 2")
    with pytest.raises(FormatError, match="has an entry of no run"):
        store_at(path).runs()


def test_more_than_any_log_is_not_read(path, monkeypatch):
    store = store_at(path)
    written(store)
    size = sum(len(line) + 1 for line in store.read(RUN))
    monkeypatch.setattr("tacit.study.lines.MAX_BYTES", size)
    assert len(store.read(RUN)) == 6
    monkeypatch.setattr("tacit.study.lines.MAX_BYTES", size - 1)
    with pytest.raises(FormatError, match="is larger than"):
        store.read(RUN)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=st.binary(min_size=1, max_size=300), at=st.integers(0, 8191))
def test_a_damaged_file_is_a_log_or_one_error(path, data, at):
    path.unlink(missing_ok=True)
    written(store_at(path), 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    try:
        for run in store_at(path).runs():
            log_of(store_at(path), run)
    except FormatError as error:
        assert str(path) in str(error)
    except TacitError as error:
        assert "cannot read the logs in the store" in str(error)


def test_a_file_that_is_no_database(path):
    path.write_bytes(b"age,dose\n" * 1000)
    with pytest.raises(FormatError, match="cannot read the logs in .*not a database"):
        store_at(path).runs()
    with pytest.raises(TacitError, match="not a database"):
        Log(StoredFromNothing(store_at(path))).append("run", {})


class StoredFromNothing:
    """Lines that were read when there was nothing yet."""

    def __init__(self, store):
        self._lines = store.lines(RUN)
        self.append, self.where = self._lines.append, self._lines.where

    def read(self):
        return []


def test_a_study_keeps_new_logs_in_the_store_and_counts_the_old_ones(study, tmp_path):
    """A coordinator that kept files before, then a SQLite file, then a database elsewhere: all of it is its history."""
    runs = [bytes([number]) * 32 for number in range(4)]
    study.run_log("carrier", runs[2]).append("run", {"in": "file"})
    study.use_store("carrier")
    study.run_log("carrier", runs[1]).append("run", {"in": "folder"})
    study.use_store("carrier", f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    study.run_log("carrier", runs[0]).append("run", {"in": "elsewhere"})
    for run in runs[:3]:
        study.run_log("carrier", run).append("more", {})
    assert [[entry.body.get("in") for entry in log] for log in study.run_logs("carrier")] == [
        ["elsewhere", None],
        ["folder", None],
        ["file", None],
    ]
    assert study.keepers(runs[0]) == study.keepers(runs[1]) == study.keepers(runs[2]) == study.keepers() == ["carrier"]
    assert study.keepers(runs[3]) == []
    assert study.run_logs("ash") == []
    again = Study.load(study.folder)
    assert [len(log) for log in again.run_logs("carrier")] == [2, 2]
    again.run_log("carrier", runs[3]).append("run", {})
    assert not (study.member_folder("carrier") / f"{runs[3].hex()}.jsonl").exists()


def test_a_store_of_a_member_that_cannot_be_read_is_not_taken_for_none(study):
    study.use_store("carrier")
    study.run_log("carrier", RUN).append("run", {})
    (study.member_folder("carrier") / "runs.sqlite").write_bytes(b"no database" * 1000)
    again = Study.load(study.folder)
    assert again.keepers(RUN) == ["carrier"]
    for read in (again.run_logs, lambda name: again.run_log(name, RUN)):
        with pytest.raises(FormatError, match="cannot read the logs"):
            read("carrier")


WRITER = """
import sys
from pathlib import Path
from tacit.study import Log
from tacit.study.store import LogStore
log = Log(LogStore.at(Path(sys.argv[1]), b"\\x07" * 32, "carrier").lines(b"\\x01" * 32))
while True:
    log.append("round", {"index": len(log), "text": "x" * 3000})
    print("written", flush=True)
"""


def test_a_killed_writer_leaves_a_log_that_goes_on(path):
    size = 0
    for _ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        for _ in range(5):
            assert writer.stdout.readline() == b"written\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        log = log_of(store_at(path))
        assert len(log) >= size + 5
        size = log.append("resumed", {}).size


@pytest.fixture(scope="module")
def postgres():
    """The URL of a PostgreSQL server of this test's own, on a socket in a folder of its own."""
    pytest.importorskip("psycopg")
    found = shutil.which("postgres")
    if found is None:
        pytest.skip("no PostgreSQL server is installed")
    programs = Path(found).resolve().parent
    owner = {"user": "nobody"} if os.geteuid() == 0 else {}  # the server refuses to run as root
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pg-") as folder, socket.socket() as probe:
        Path(folder).chmod(0o777)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        data = f"{folder}/data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "tacit", "-A", "trust", "-N"],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner,
        )  # fmt: skip
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-p", str(port)],
            cwd=folder, stderr=subprocess.PIPE, text=True, **owner,
        )  # fmt: skip
        try:
            for line in server.stderr:
                if "ready to accept connections" in line:
                    break
            yield f"postgresql+psycopg://tacit@/postgres?host={folder}&port={port}"
        finally:
            server.terminate()
            server.communicate()


@pytest.mark.slow
def test_postgresql_keeps_logs_as_sqlite_does(postgres, tmp_path):
    def store(member, study=STUDY):
        return LogStore(postgres, study, member)

    assert store("carrier").runs() == []
    check_same_as_a_file(store("carrier"), tmp_path)
    check_not_written_over(store("second"))
    check_kept_apart(store("third"), [store("fourth"), store("third", OTHER)])
    with store("carrier")._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tacit_log_entries WHERE member = 'carrier' AND number = 3")
    with pytest.raises(FormatError, match="entry 4: the log was altered"):
        log_of(store("carrier"))
