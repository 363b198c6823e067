"""CSV files to blocks: well-formed or refused with the line as a person counts it, in bounded memory."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import csv_rows
from tacit.data.blocks import MAX_CELL, block_rows
from tacit.data.csv_rows import CHUNK, MAX_RECORD, CsvRows

PATH = Path("t.csv")
any_text = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=8)
PLAIN = {"a": ["1", "3"], "b": ["2", "4"]}


class Endless(io.RawIOBase):
    """A file that begins with `head`, goes on with `more` for ever, and counts what was taken."""

    def __init__(self, head: bytes, more: bytes) -> None:
        self.head, self.more, self.taken = head, more, 0

    def read(self, size: int = -1) -> bytes:
        part, self.head = self.head[:size], self.head[size:]
        part += (self.more * (size // len(self.more) + 1))[: size - len(part)]
        self.taken += len(part)
        return part


def read(data: bytes | io.RawIOBase, max_rows: int = 1000, max_bytes: int = 2**40) -> tuple[dict, list[int]]:
    rows = CsvRows(PATH, io.BytesIO(data) if isinstance(data, bytes) else data, max_bytes)
    columns, lines = {name: [] for name in rows.names}, []
    for block in rows.blocks(rows.names, max_rows):
        lines += block.numbers.tolist()
        for name, column in block.columns.items():
            values = column.values.to_pylist()
            columns[name] += [values[at] for at in column.index]
    return columns, lines


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
def test_the_same_table_in_many_forms(data):
    assert read(data) == (PLAIN, [2, 3])


def test_quoted_cells_hold_commas_quotes_and_lines():
    columns, lines = read(b'a,b\n"x, y","say ""no"""\n"two\r\nlines",\n5,6\n')
    assert columns == {"a": ["x, y", "two\r\nlines", "5"], "b": ['say "no"', "", "6"]}
    assert lines == [2, 3, 5]  # where each row begins


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "FILE is empty: it has no header"),
        (b"\n\r\n\r", "FILE is empty: it has no header"),
        (b"\xef\xbb\xbf", "FILE is empty: it has no header"),
        (b"\n\na,b\n1,2\n", "FILE, line 1: is blank"),
        (b"a,b\n1,2\n\n\n3,4\n", "FILE, line 3: is blank"),
        (b'a,b\n"x\ny",2\n\n3,4\n', "FILE, line 4: is blank"),
        (b"a,b\n1,2\n7734\n", "FILE, line 3: has 1 cells where the header has 2"),
        (b"a,b\n1,2\n7734,4,5\n", "FILE, line 3: has 3 cells where the header has 2"),
        (b'a,b\n"x\ny",2\n7734\n', "FILE, line 4: has 1 cells"),
        (b"a,b\n1,2\n   \n", "FILE, line 3: has 1 cells"),
        (b'a,b\n1,2\n"7734,4\n5,6\n7,8\n', "FILE, line 3: is not well-formed CSV: a quote"),
        (b'a,b\n1,2\n"77"34,4\n', "FILE, line 3: is not well-formed CSV: a quote"),
        (b'"a";"b"\n"7734";"2"\n', "FILE, line 1: is not well-formed CSV: its cells are not separated by commas"),
        (b'"a"\t"b"\n7734\t2\n', "FILE, line 1: is not well-formed CSV: its cells are not separated by commas"),
        (b"a,b\n1,2\n\xff7734,4\n", "FILE, line 3: is not UTF-8"),
        (b"a,b\n1,2\n7734\xff,4\n", "FILE, line 3: is not UTF-8"),
        (b"a,b\r1,2\r\xff7734,4\r", "FILE, line 3: is not UTF-8"),
        (b"a,b\n1,2\n\xe2\x82", "FILE, line 3: is not UTF-8"),
        (b"\xef\xbb\xbfa\n\xff\n", "FILE, line 2: is not UTF-8"),
        (b"a,b\n1,2\n7734,\xed\xa0\x80\n", "FILE, line 3: is not UTF-8"),
        (b"a,b\n1,2\n77\x0034,4\n", "FILE, line 3: holds a NUL byte"),
        (b"a,b\r1,2\r77\x0034,4\r", "FILE, line 3: holds a NUL byte"),
        ("a,b\n7734,2\n".encode("utf-16-le"), "FILE, line 1: holds a NUL byte; save the table as UTF-8"),
        (b"a,b, a\n1,2,3\n", "FILE, line 1: two columns have the same name: columns 1 and 3"),
        (b"a,b\n" + b"1,7734\n" * 1001, "FILE has more than 1000 rows"),
    ],
)
def test_what_is_not_a_table_is_refused_with_its_line(refusal: Callable[..., str], data, says):
    assert refusal(PATH, lambda: read(data)).startswith(says)


def test_the_first_fault_of_several_is_told(refusal: Callable[..., str]):
    assert refusal(PATH, lambda: read(b"a,b\n7734\n1,\x00\n\xff")).startswith("FILE, line 2: has 1 cells")


def test_as_many_rows_as_allowed_and_a_header_alone_are_read():
    assert len(read(b"a,b\n" + b"1,2\n" * 1000)[1]) == 1000
    assert read(b"a,b\n") == ({"a": [], "b": []}, [])


def test_in_a_table_of_one_column_a_blank_line_is_never_dropped(refusal: Callable[..., str]):
    assert read(b'a\n1\n""\n') == ({"a": ["1", ""]}, [2, 3])
    for data in (b"a\n1\n\n", b"a\n1\n\n2\n"):
        assert refusal(PATH, lambda data=data: read(data)).startswith("FILE, line 3: is blank")


def test_some_blank_lines_may_be_at_the_end_but_not_a_file_of_them(refusal: Callable[..., str]):
    assert read(b"a,b\n1,2\n" + b"\n" * 1000)[1] == [2]
    assert refusal(PATH, lambda: read(b"a,b\n1,2\n" + b"\n" * 1002)).startswith("FILE, line 3: is blank")


@pytest.mark.parametrize("length", [MAX_CELL + 1, 2 * MAX_CELL])  # below and above the csv module's own limit
def test_a_cell_is_at_most_so_long(refusal: Callable[..., str], length):
    assert read(b"a,b\n" + b"1" * MAX_CELL + b",2\n")[1] == [2]
    message = refusal(PATH, lambda: read(b"a,b\n1,2\n" + b"7734" * (length // 4 + 1) + b",2\n"))
    assert message.startswith("FILE, line 3: is not well-formed CSV: a cell is longer than 100000 characters")


def test_the_limit_of_the_csv_module_is_left_as_it_was(refusal: Callable[..., str]):
    before = csv.field_size_limit()
    refusal(PATH, lambda: read(b"a,b\n" + b"1" * (MAX_CELL + 1) + b",2\n"))
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("head", "more", "says"),
    [
        (b"", b"7734", "FILE, line 1: a row is longer than"),
        (b"a,b\n", b"7734,", "FILE, line 2: a row is longer than"),
        (b"a,b\n", b"7734,1\n", "FILE has more than 1000 rows"),
        (b"a,b\n", b'"\n",', ": a row is longer than"),  # a row of many lines
        (b"a,b\n", b"\n", "FILE, line 2: is blank"),
    ],
)
def test_reading_stops_early_whatever_never_ends(refusal: Callable[..., str], head, more, says):
    endless = Endless(head, more)
    assert says in refusal(PATH, lambda: read(endless, max_bytes=2**24))
    assert endless.taken <= MAX_RECORD + 3 * CHUNK


def test_no_more_of_a_file_is_read_than_was_promised(refusal: Callable[..., str]):
    assert len(read(b"a,b\n1,2\n", max_bytes=8)[1]) == 1
    assert refusal(PATH, lambda: read(b"a,b\n1,2\n", max_bytes=7)).startswith("FILE grew while it was read")


def test_a_table_may_be_longer_than_any_row():
    data = b"a,b\n" + (b"x" * 199 + b",\n") * (MAX_RECORD // 200 + 1)
    assert len(read(data, max_rows=10**6)[1]) == MAX_RECORD // 200 + 1


def test_a_long_row_is_told_by_a_line_of_it(refusal: Callable[..., str]):
    data = b'a,b\n1,2\n"' + b'7734\n","' * (MAX_RECORD // 4)
    assert ": a row is longer than 4194304 characters" in refusal(PATH, lambda: read(data))
    data = b"a,b\n1,2\n" + b"7734," * (MAX_RECORD // 4)
    assert refusal(PATH, lambda: read(data)).startswith("FILE, line 3: a row is longer than 4194304 characters")


def test_blocks_end_where_rows_are_many_or_long(monkeypatch: pytest.MonkeyPatch):
    rows = CsvRows(PATH, io.BytesIO(b"a\n" + b"1\n" * (block_rows(1) + 1)), 2**30)
    assert [len(block) for block in rows.blocks(["a"], 10**6)] == [block_rows(1), 1]
    monkeypatch.setattr(csv_rows, "BLOCK_CHARACTERS", 100)
    rows = CsvRows(PATH, io.BytesIO(b"a\n" + (b"x" * 59 + b"\n") * 5), 2**30)
    assert [len(block) for block in rows.blocks(["a"], 10**6)] == [2, 2, 1]


def test_only_the_columns_asked_for_are_kept():
    rows = CsvRows(PATH, io.BytesIO(b"a,b,c\n1,2,3\n"), 100)
    assert [list(block.columns) for block in rows.blocks(["c", "a"], 10)] == [["c", "a"]]


@settings(max_examples=100, deadline=None)
@given(st.text("a\r\né\U0001f600", max_size=40), st.integers(1, 7), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_lines_do_not_depend_on_how_the_file_comes(text, size, bom):
    """Characters, line ends and the byte order mark may be cut anywhere."""
    head = '"'  # an open quote makes one cell of the whole
    whole = CsvRows(PATH, _Drops(bom + f'{head}{text}",b'.encode(), 2**20), 2**30)
    drops = CsvRows(PATH, _Drops(bom + f'{head}{text}",b'.encode(), size), 2**30)
    assert drops.names == whole.names
    assert drops._lines.number == whole._lines.number == len(list(io.StringIO(f'{head}{text}",b', newline="")))


class _Drops(io.BytesIO):
    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._size)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text('ab1",\n\r \x00é', max_size=40).map(str.encode)))
def test_any_bytes_are_read_or_refused(attempt: Callable[..., Any], data):
    result = attempt(PATH, lambda: read(data), hidden="ab1")
    if not isinstance(result, str):
        columns, lines = result
        assert all(len(column) == len(lines) for column in columns.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(any_text, min_size=2, max_size=2), max_size=6))
def test_what_the_csv_module_writes_is_read_back(rows):
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    columns, _ = read(stream.getvalue().encode())
    assert list(map(list, zip(*columns.values(), strict=True))) == rows
