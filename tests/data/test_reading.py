"""Files to cells: CSV and Parquet, well-formed or refused with the line as a person counts it."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data.reading import MAX_CELL, Cells, read_cells
from tacit.errors import DataError

Write = Callable[..., Path]


def read(path: Path, max_rows: int = 1000, **options: int) -> Cells:
    return read_cells(path, max_rows=max_rows, **options)


def said(path: Path, **options: int) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


def parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def lists(cells: Cells) -> dict[str, list[str]]:
    return {name: column.tolist() for name, column in cells.columns.items()}


PLAIN = {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\n1,2\n3,4",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"a,b\r1,2\r3,4\r",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b'"a","b"\n"1","2"\n3,4\n',
        b" a , b \n1,2\n3,4\n",
        b"a,b\n1,2\n3,4\n\n\r\n\n",
        b'\xef\xbb\xbf"a",b\r\n1,2\r\n3,4',
    ],
)
def test_the_same_table_in_many_forms(write: Write, data: bytes) -> None:
    cells = read(write(data))
    assert lists(cells) == PLAIN
    assert cells.lines.tolist() == [2, 3]


def test_quoted_cells_hold_commas_quotes_and_lines(write: Write) -> None:
    cells = read(write(b'a,b\n"x, y","say ""no"""\n"two\r\nlines",\n5,6\n'))
    assert lists(cells) == {"a": ["x, y", "two\r\nlines", "5"], "b": ['say "no"', "", "6"]}
    assert cells.lines.tolist() == [2, 3, 5]  # where each row begins


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", " is empty"),
        (b" \n\t\r\n ", " is empty"),
        (b"\xef\xbb\xbf", " is empty"),
        (b"\xef\xbb\xbf\n \n", " is empty"),
        (b"\n\na,b\n1,2\n", ", line 1: is blank"),
        (b"a,b\n1,2\n\n\n3,4\n", ", line 4: is blank"),
        (b'a,b\n"x\ny",2\n\n3,4\n', ", line 4: is blank"),
        (b"a,b\n1,2\n7734\n", ", line 3: has 1 cells where the header has 2"),
        (b"a,b\n1,2\n7734,4,5\n", ", line 3: has 3 cells where the header has 2"),
        (b'a,b\n"x\ny",2\n7734\n', ", line 4: has 1 cells"),
        (b"a,b\n1,2\n   \n", ", line 3: has 1 cells"),
        (b'a,b\n1,2\n"7734,4\n5,6\n7,8\n', ", line 3: is not well-formed CSV"),
        (b'a,b\n1,2\n"77"34,4\n', ", line 3: is not well-formed CSV"),
        (b"a,b\n1,2\n" + b"7734" * MAX_CELL + b",4\n", ", line 3: is not well-formed CSV"),
        (b"a,b\n1,2\n\xff7734,4\n", ", line 3: is not UTF-8"),
        (b"a,b\r1,2\r\xff7734,4\r", ", line 3: is not UTF-8"),
        (b"\xef\xbb\xbfa\n\xff\n", ", line 2: is not UTF-8"),
        ("a,b\n1,2\n7734,4\n".encode("utf-16"), ", line 1: is not UTF-8"),
        (b"a,b\n1,2\n7734,\xed\xa0\x80\n", ", line 3: is not UTF-8"),
        (b"a,b\n1,2\n77\x0034,4\n", ", line 3: holds a NUL byte"),
        (b"a,b\r1,2\r77\x0034,4\r", ", line 3: holds a NUL byte"),
        (b"a,b,a,c,b\n1,2,3,4,5\n", ", line 1: two columns have the same name: columns 1 and 3; columns 2 and 5"),
        (b"a,b, a\n1,2,3\n", ", line 1: two columns have the same name: columns 1 and 3"),
        (b"a,b\n" + b"1,7734\n" * 1001, " has more than the 1000 rows"),
    ],
)
def test_what_is_not_a_table_is_refused_with_its_line(write: Write, data: bytes, says: str) -> None:
    message = said(write(data))
    assert message.startswith(says)
    assert "7734" not in message


def test_as_many_rows_as_allowed_and_a_header_alone_are_read(write: Write) -> None:
    assert len(read(write(b"a,b\n" + b"1,2\n" * 1000)).lines) == 1000
    assert lists(read(write(b"a,b\n"))) == {"a": [], "b": []}


def test_in_a_table_of_one_column_a_blank_line_is_never_dropped(write: Write) -> None:
    assert lists(read(write(b'a\n1\n""\n'))) == {"a": ["1", ""]}
    assert said(write(b"a\n1\n\n")).startswith(", line 3: is blank")
    assert said(write(b"a\n1\n\n2\n")).startswith(", line 3: is blank")


def test_a_header_of_a_million_names_is_soon_refused(write: Write) -> None:
    assert "same name" in said(write(b"," * 10**6 + b"\n"))  # comparing each with each would take days


def test_the_limit_of_the_csv_module_is_left_as_it_was(write: Write) -> None:
    before = csv.field_size_limit()
    read(write(b"a,b\n1,2\n"))
    said(write(b"a,b\n" + b"1" * (MAX_CELL + 1) + b",2\n"))
    assert csv.field_size_limit() == before


def test_paths_that_are_no_file(tmp_path: Path, write: Write) -> None:
    assert said(tmp_path) == " is no file"
    assert said(tmp_path / "none.csv") == " does not exist"
    assert said(write(b"x") / "below.csv") == " does not exist"
    assert "cannot be read" in said(tmp_path / ("x" * 5000))
    said(tmp_path / "a\x00b.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert said(tmp_path / "pipe.csv") == " is no file"  # and does not wait for a writer


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(write: Write) -> None:
    path = write(b"a,b\n1,2\n")
    path.chmod(0)
    assert "cannot be read" in said(path)


def test_a_file_is_at_most_so_large(write: Write) -> None:
    path = write(b"a,b\n1,2\n")
    assert len(read(path, max_bytes=8).lines) == 1
    assert said(path, max_bytes=7).startswith(" is larger than 7 bytes")


@pytest.mark.parametrize("name", ["t.parquet", "t.PQ", "t.table"])
def test_parquet_is_known_by_its_name_or_its_bytes(tmp_path: Path, name: str) -> None:
    cells = read(parquet(tmp_path / name, a=[1, 3], b=["2", "4"]))
    assert lists(cells) == PLAIN
    assert (cells.lines.tolist(), cells.line_name) == ([1, 2], "row")


def test_a_csv_may_begin_like_parquet(write: Write) -> None:
    assert lists(read(write(b"PAR1,b\n1,2\n"))) == {"PAR1": ["1"], "b": ["2"]}


def test_parquet_types_and_nulls_become_text(tmp_path: Path) -> None:
    cells = read(
        parquet(
            tmp_path / "t.parquet",
            whole=pa.array([1, None], pa.int8()),
            real=pa.array([0.1, float("nan")], pa.float64()),
            single=pa.array([0.5, None], pa.float32()),
            half=pa.array(np.array([0.5, 2.0], np.float16)),
            truth=[True, None],
            words=["é", None],
            category=pa.array(["x", None]).dictionary_encode(),
            binary=[b"yes", None],
            exact=pa.array([1, None], pa.decimal128(5, 2)),
            nothing=pa.nulls(2),
        )
    )
    assert lists(cells) == {
        "whole": ["1", ""], "real": ["0.1", "nan"], "single": ["0.5", ""], "half": ["0.5", "2.0"],
        "truth": ["true", ""], "words": ["é", ""], "category": ["x", ""], "binary": ["yes", ""],
        "exact": ["1.00", ""], "nothing": ["", ""],
    }  # fmt: skip


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[7734], [2]]),
        pa.array([{"x": 7734}, {"x": 2}]),
        pa.array([[(7734, 1)], []], pa.map_(pa.int64(), pa.int64())),
        pa.array([7734, 1], pa.date32()),
        pa.array([7734, 1], pa.timestamp("s")),
        pa.array([7734, 1], pa.duration("s")),
    ],
)
def test_parquet_columns_that_are_no_cells_are_refused_by_name(tmp_path: Path, column: pa.Array) -> None:
    message = said(parquet(tmp_path / "t.parquet", a=[1, 2], odd=column))
    assert message.startswith(", column 'odd': holds ")
    assert "7734" not in message


def test_parquet_cells_that_are_no_text_are_refused_by_name(tmp_path: Path) -> None:
    assert said(parquet(tmp_path / "t.parquet", a=[b"\xff7734"])) == ", column 'a': is not UTF-8 text"
    message = said(parquet(tmp_path / "u.parquet", a=["x", "7734" * MAX_CELL]))
    assert message == f", row 2, column 'a': is longer than {MAX_CELL} characters"


def test_parquet_of_no_rows_of_many_rows_and_with_a_name_twice(tmp_path: Path) -> None:
    assert lists(read(parquet(tmp_path / "a.parquet", a=pa.array([], pa.int64())))) == {"a": []}
    path = parquet(tmp_path / "b.parquet", a=list(range(11)))
    assert len(read(path, max_rows=11).lines) == 11
    assert said(path, max_rows=10) == " has more than the 10 rows that the agreement allows"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), tmp_path / "c.parquet")
    assert said(tmp_path / "c.parquet") == ": two columns have the same name: columns 1 and 2"


def test_damaged_parquet(tmp_path: Path, write: Write) -> None:
    whole = parquet(tmp_path / "t.parquet", a=[7734, 2] * 100, b=["x", "y"] * 100).read_bytes()
    for size in (4, 5, 8, 12, len(whole) // 2, len(whole) - 9, len(whole) - 4, len(whole) - 1):
        assert said(write(whole[:size], "t.parquet")).startswith(" is not a Parquet file that can be read")
    for data in (b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"a,b\n1,2\n", b"\x00" * 100):
        assert said(write(data, "t.parquet")).startswith(" is not a Parquet file that can be read")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_parquet_with_a_changed_byte_is_read_or_refused(scratch: Path, data: st.DataObject) -> None:
    whole = bytearray(parquet(scratch / "whole.parquet", a=[1, 2] * 20, b=["x", "y"] * 20).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (scratch / "changed.parquet").write_bytes(whole)
    try:
        read(scratch / "changed.parquet")
    except DataError as error:
        assert str(error).startswith(str(scratch / "changed.parquet"))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text('ab1",\n\r ', max_size=40).map(str.encode)), st.booleans())
def test_any_bytes_are_read_or_refused(scratch: Path, content: bytes, as_parquet: bool) -> None:
    path = scratch / ("any.parquet" if as_parquet else "any.csv")
    path.write_bytes(content)
    try:
        cells = read(path)
    except DataError as error:
        assert str(error).startswith(str(path))
    else:
        assert all(len(column) == len(cells.lines) for column in cells.columns.values())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=8), min_size=2, max_size=2),
        max_size=6,
    )
)
def test_what_the_csv_module_writes_is_read_back(scratch: Path, rows: list[list[str]]) -> None:
    path = scratch / "written.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    cells = read(path)
    assert list(map(list, zip(*lists(cells).values(), strict=True))) == rows


def test_cells_show_no_values(write: Write) -> None:
    cells = read(write(b"a,b\n7734,2\n"))
    assert repr(cells) == str(cells) == "Cells(1 rows, 2 columns, hidden)"
