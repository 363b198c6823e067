"""Which files are opened, and as what."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tacit.data.csv_rows import CsvRows
from tacit.data.parquet_rows import ParquetRows
from tacit.data.reading import open_rows, separator_hint

Write = Callable[..., Path]


def opened(path: Path, **options: int) -> tuple[type, tuple[str, ...]]:
    with open_rows(path, **options) as rows:
        return type(rows), rows.names


@pytest.mark.parametrize("name", ["t.parquet", "t.PQ", "t.table", "t.csv"])
@pytest.mark.parametrize("table", [pa.table({"a": [1]}), pa.table({"a": pa.array([], pa.int64())})])
def test_parquet_is_known_by_its_name_or_its_bytes(tmp_path, name, table):
    pq.write_table(table, tmp_path / name)
    assert opened(tmp_path / name) == (ParquetRows, ("a",))


def test_anything_else_is_csv_also_where_it_begins_like_parquet(write: Write):
    assert opened(write(b"PAR1,b\n1,2\n", "t.csv")) == (CsvRows, ("PAR1", "b"))
    assert opened(write(b"a,b\n1,2\n", "t.txt")) == (CsvRows, ("a", "b"))


def test_what_is_named_parquet_is_read_as_nothing_else(write: Write, refusal):
    for name in ("t.parquet", "t.Parquet", "t.PQ"):
        path = write(b"a,b\n7734,2\n", name)
        assert "is not a Parquet file" in refusal(path, lambda path=path: opened(path))


def test_damaged_parquet_of_another_name_is_still_said_to_be_parquet(tmp_path, refusal):
    path = tmp_path / "t.csv"
    pq.write_table(pa.table({"a": [7734, 2]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "is not a Parquet file that can be read" in refusal(path, lambda: opened(path))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "FILE is empty: it has no header and no rows"),
        ("a,b\n7734,2\n".encode("utf-16"), "FILE is not UTF-8 text but UTF-16 text: save it as UTF-8"),
        (b"\xfe\xff" + "a,b\n7734,2\n".encode("utf-16-be"), "FILE is not UTF-8 text but UTF-16 text"),
        (b"PK\x03\x047734", "FILE is not UTF-8 text but a workbook or a zip archive: save its table as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "FILE is not UTF-8 text but a workbook: save its table as CSV"),
        (b"\x1f\x8b\x08\x007734", "FILE is not UTF-8 text but compressed: unpack it"),
        (b"\x28\xb5\x2f\xfd7734", "FILE is not UTF-8 text but compressed: unpack it"),
    ],
)
def test_what_is_plainly_something_else(write: Write, refusal, data, says):
    path = write(data)
    assert refusal(path, lambda: opened(path)).startswith(says)


def test_an_empty_file_of_the_name_of_parquet(write: Write, refusal):
    path = write(b"", "t.parquet")
    assert refusal(path, lambda: opened(path)).startswith("FILE is empty")


def test_folders_pipes_sockets_and_devices_are_no_files(tmp_path, refusal):
    os.mkfifo(tmp_path / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket.csv"))
    for path in (tmp_path, tmp_path / "pipe.csv", Path("/dev/zero"), Path("/dev/null")):
        assert refusal(path, lambda path=path: opened(path)) == "FILE is no file, but a folder, a pipe or a device"
    assert "cannot be read" in refusal(tmp_path / "socket.csv", lambda: opened(tmp_path / "socket.csv"))


def test_names_of_nothing(tmp_path, write: Write, refusal):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to nothing").symlink_to("nothing")
    for path, says in [
        (tmp_path / "none.csv", "FILE does not exist"),
        (tmp_path / "to nothing", "FILE does not exist"),
        (write(b"x") / "below.csv", "FILE cannot be read: Not a directory"),
        (tmp_path / ("x" * 5000), "FILE cannot be read: File name too long"),
        (tmp_path / "loop", "FILE cannot be read: Too many levels"),
    ]:
        assert refusal(path, lambda path=path: opened(path)).startswith(says)


def test_a_link_to_a_file_is_followed(tmp_path, write: Write):
    (tmp_path / "link.csv").symlink_to(write(b"a,b\n1,2\n"))
    assert opened(tmp_path / "link.csv")[1] == ("a", "b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(write: Write, refusal):
    path = write(b"a,b\n1,2\n")
    path.chmod(0)
    assert refusal(path, lambda: opened(path)).startswith("FILE cannot be read: Permission denied")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_disk_that_fails(refusal):
    path = Path("/proc/self/mem")
    assert refusal(path, lambda: opened(path)) == "FILE cannot be read: Input/output error"


def test_a_file_is_at_most_so_large(write: Write, refusal):
    path = write(b"a,b\n1,2\n")
    assert opened(path, max_bytes=8)[1] == ("a", "b")
    assert refusal(path, lambda: opened(path, max_bytes=7)) == "FILE is larger than 7 bytes: split it"


def next_descriptor() -> int:
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_files_are_closed_whatever_they_are(tmp_path, write: Write, refusal):
    before = next_descriptor()
    paths = [write(b"a,b\n1,2\n", "good.csv"), write(b"", "empty.csv"), write(b"\xff", "text.csv"), tmp_path]
    paths.append(write(b"PAR1", "bad.parquet"))
    for path in paths:
        if path.name == "good.csv":
            opened(path)
        else:
            refusal(path, lambda path=path: opened(path))
    refusal(paths[0], lambda: opened(paths[0], max_bytes=1))
    assert next_descriptor() == before


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("age;sex;ill", "semicolons"),
        ("age\tsex\till", "tabs"),
        ("age|sex|ill", "bars"),
        ("x;age", "semicolons"),
        ("x; age", "semicolons"),
        ('x;"age"', "semicolons"),
    ],
)
def test_other_separators_are_named(line, word):
    names = tuple(line.split(","))
    assert separator_hint(names, {"age", "ill"}) == (
        f"; its cells are separated by {word}: save the table with commas between cells"
    )
    assert separator_hint(names, {"weight"}) == ""
