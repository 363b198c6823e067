"""Parquet files to blocks: each cell is the text that CSV would have, and what is no cell is refused by name."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data.blocks import MAX_CELL, block_rows
from tacit.data.parquet_rows import CELL_BYTES, UNPACKED_BYTES, ParquetRows

Refusal = Callable[..., str]


def read(path: Path, names: list[str] | None = None, max_rows: int = 10**6) -> dict[str, list[str]]:
    with path.open("rb") as stream:
        rows = ParquetRows(path, stream)
        names = list(rows.names) if names is None else names
        cells: dict[str, list[str]] = {name: [] for name in names}
        end = 0
        for block in rows.blocks(names, max_rows):
            assert block.numbers.tolist() == list(range(end + 1, end + len(block) + 1))
            end += len(block)
            for name, column in block.columns.items():
                values = column.values.to_pylist()
                assert set(column.index.tolist()) == set(range(len(values)))  # no text that is in no row
                cells[name] += [values[at] for at in column.index]
    return cells


def parquet(path: Path, columns: dict[str, object] | pa.Table, **form: object) -> Path:
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **form)
    return path


@pytest.mark.parametrize("form", [{}, {"use_dictionary": False, "data_page_version": "2.0"}, {"compression": "zstd"}])
def test_types_and_nulls_become_text(tmp_path, form):
    columns = {
        "whole": (pa.array([1, None], pa.int8()), ["1", ""]),
        "large": (pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", ""]),
        "beyond doubles": (pa.array([2**53 + 1, -(2**63)]), ["9007199254740993", "-9223372036854775808"]),
        "real": (pa.array([0.1, float("nan")], pa.float64()), ["0.1", "nan"]),
        "infinite": (pa.array([float("inf"), float("-inf")]), ["inf", "-inf"]),
        "codes with gaps": (pa.array([3.0, None], pa.float64()), ["3", ""]),
        "single": (pa.array([0.1, None], pa.float32()), ["0.10000000149011612", ""]),
        "half": (pa.array(np.array([0.5, -2.0], np.float16)), ["0.5", "-2"]),
        "truth": (pa.array([True, None]), ["true", ""]),
        "words": (pa.array(["é", None]), ["é", ""]),
        "large words": (pa.array(["x", " y"], pa.large_string()), ["x", " y"]),
        "category": (pa.array(["x", None]).dictionary_encode(), ["x", ""]),
        "codes": (pa.array([7, 7]).dictionary_encode(), ["7", "7"]),
        "binary": (pa.array([b"ja", None]), ["ja", ""]),
        "exact": (pa.array([Decimal("1.00"), None], pa.decimal128(5, 2)), ["1.00", ""]),
        "very exact": (pa.array([Decimal("-0.5"), None], pa.decimal256(60, 2)), ["-0.50", ""]),
        "nothing": (pa.nulls(2), ["", ""]),
        "no word": (pa.nulls(2, pa.string()), ["", ""]),
        "no number": (pa.nulls(2, pa.float32()), ["", ""]),
    }
    path = parquet(tmp_path / "t.parquet", {name: column for name, (column, _) in columns.items()}, **form)
    assert read(path) == {name: expected for name, (_, expected) in columns.items()}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.floats(), st.integers(-(2**60), 2**60).map(float)), min_size=1, max_size=10))
def test_the_text_of_a_double_is_that_double(scratch, numbers):
    path = parquet(scratch / "doubles.parquet", {"a": numbers})
    np.testing.assert_array_equal([float(text) for text in read(path)["a"]], numbers)


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pa.array([[7734], [2]]), "lists or records"),
        (pa.array([{"x": 7734}, {"x": 2}]), "lists or records"),
        (pa.array([[(7734, 1)], []], pa.map_(pa.int64(), pa.int64())), "lists or records"),
        (pa.array([[7734, 1], [1, 2]], pa.list_(pa.int64(), 2)), "lists or records"),
        (pa.array([7734, 1], pa.date32()), "dates or times"),
        (pa.array([7734, 1], pa.time32("s")), "dates or times"),
        (pa.array([7734, 1], pa.timestamp("us", "UTC")), "dates or times"),
        (pa.array([7734, 1], pa.duration("s")), "dates or times"),
        (pa.array([b"7734", b"abcd"], pa.binary(4)), "neither numbers nor texts"),
    ],
)
def test_columns_that_are_no_cells_are_refused_by_name(tmp_path, refusal: Refusal, column, what):
    path = parquet(tmp_path / "t.parquet", {"a": [1, 2], "odd": column})
    said = refusal(path, lambda: read(path))
    assert said == f"FILE, column 'odd': holds {what}; write it as numbers or as text"
    assert read(path, ["a"]) == {"a": ["1", "2"]}  # what is not asked for is not looked at


@pytest.mark.parametrize("column", [[b"\xff7734"], pa.array([b"\xff7734"]).cast(pa.string(), safe=False)])
def test_text_that_is_not_utf8_is_refused_by_name(tmp_path, refusal: Refusal, column):
    path = parquet(tmp_path / "t.parquet", {"a": column})
    assert refusal(path, lambda: read(path)) == "FILE, column 'a': is not UTF-8 text; write it as UTF-8"


def test_names_with_dots_are_names(tmp_path):
    path = parquet(tmp_path / "t.parquet", {"a": ["1"], "a.b": ["2"], "a.b.c": [3]})
    for name, expected in (("a", "1"), ("a.b", "2"), ("a.b.c", "3")):
        assert read(path, [name]) == {name: [expected]}
    assert read(path) == {"a": ["1"], "a.b": ["2"], "a.b.c": ["3"]}


def test_names_are_as_in_csv_and_two_of_one_are_refused(tmp_path, refusal: Refusal):
    assert read(parquet(tmp_path / "t.parquet", {" a ": [1], "Gro\u0308ße": ["x"]})) == {"a": ["1"], "Größe": ["x"]}
    path = parquet(tmp_path / "u.parquet", pa.Table.from_arrays([pa.array([7734]), pa.array([2])], ["a", "a"]))
    assert refusal(path, lambda: read(path)).startswith("FILE: two columns have the same name: columns 1 and 2")


def test_rows_are_at_most_so_many(tmp_path, refusal: Refusal):
    path = parquet(tmp_path / "t.parquet", {"a": list(range(11))})
    assert len(read(path, max_rows=11)["a"]) == 11
    assert refusal(path, lambda: read(path, max_rows=10)).startswith("FILE has more than 10 rows")
    path = parquet(tmp_path / "t.parquet", {"a": [[7734]] * 11})  # and that before anything else is looked at
    assert refusal(path, lambda: read(path, max_rows=10)).startswith("FILE has more than 10 rows")
    assert read(parquet(tmp_path / "u.parquet", {"a": pa.array([], pa.int64())})) == {"a": []}


def test_rows_are_counted_also_where_the_footer_lies(tmp_path, refusal: Refusal):
    path = parquet(tmp_path / "t.parquet", {"a": list(range(300))}, store_schema=False)
    whole = path.read_bytes()
    footer = whole[-8 - int.from_bytes(whole[-8:-4], "little") :]
    lie = footer.replace(b"\x16\xd8\x04", b"\x16\x82\x00", 1)  # the first 300 of the footer is the file's rows; now 1
    path.write_bytes(whole[: -len(footer)] + lie)
    assert pq.ParquetFile(path).metadata.num_rows == 1
    assert refusal(path, lambda: read(path, max_rows=299)).startswith("FILE has more than 299 rows")


def test_blocks_and_row_groups_are_read_in_order(tmp_path):
    rows = 2 * block_rows(1) + 5
    texts = [f"x{row % 1000}" if row % 7 else None for row in range(rows)]
    path = parquet(tmp_path / "t.parquet", {"a": texts, "b": list(range(rows))}, row_group_size=block_rows(1) // 2 + 1)
    cells = read(path)
    assert cells["a"] == [text or "" for text in texts]
    assert cells["b"] == list(map(str, range(rows)))


def test_a_cell_is_at_most_so_long(tmp_path, refusal: Refusal):
    assert read(parquet(tmp_path / "t.parquet", {"a": ["é" * MAX_CELL]})) == {"a": ["é" * MAX_CELL]}
    for column in (["x", None, "7734" * MAX_CELL], pa.array(["x", None, "7734" * MAX_CELL]).dictionary_encode()):
        path = parquet(tmp_path / "u.parquet", {"a": column})
        said = refusal(path, lambda path=path: read(path))
        assert said == f"FILE, row 3, column 'a': is longer than {MAX_CELL} characters"
    path = parquet(tmp_path / "v.parquet", {"a": [*["x"] * block_rows(1), "x", "7734" * MAX_CELL]})
    said = refusal(path, lambda: read(path))
    assert said.startswith(f"FILE, row {block_rows(1) + 2}, column 'a': is longer")


def test_a_page_that_unpacks_to_a_giant_is_refused(tmp_path, refusal: Refusal):
    column = pa.array([b"\x00" * (UNPACKED_BYTES + 2 * CELL_BYTES)])
    path = parquet(tmp_path / "t.parquet", {"a": column}, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < UNPACKED_BYTES / 1000
    said = refusal(path, lambda: read(path))
    assert said == "FILE, column 'a', row group 1: unpacks to far more than numbers and categories can be"


def test_many_row_groups_are_counted_together(tmp_path, refusal: Refusal):
    cell = b"\x00" * (UNPACKED_BYTES // 4)
    form = {"compression": "zstd", "use_dictionary": False, "row_group_size": 1}
    path = parquet(tmp_path / "t.parquet", {"a": [b"x", *[cell] * 5]}, **form)
    assert refusal(path, lambda: read(path)).startswith("FILE, column 'a', row group 6: unpacks to far more than")


def test_one_long_text_in_many_rows_is_kept_once(tmp_path):
    rows, text = 50_000, "x" * MAX_CELL
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [text])
    path = parquet(tmp_path / "t.parquet", {"a": column}, store_schema=False)
    assert path.stat().st_size < 20_000
    with path.open("rb") as stream:
        (block,) = ParquetRows(path, stream).blocks(["a"], rows)
    assert block.columns["a"].values.to_pylist() == [text]
    assert pa.default_memory_pool().max_memory() < rows * len(text) / 2


def test_full_tables_are_no_bombs(tmp_path):
    texts = [f"{row:0200d}" for row in range(100_000)]
    assert sum(map(len, texts)) < UNPACKED_BYTES + CELL_BYTES * len(texts)
    assert read(parquet(tmp_path / "t.parquet", {"a": texts}, use_dictionary=False))["a"] == texts


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_encodings_that_share_text_between_cells_are_refused_by_name(tmp_path, refusal: Refusal, encoding):
    form = {"use_dictionary": False, "column_encoding": {"a": encoding, "b": "DELTA_BINARY_PACKED"}}
    path = parquet(tmp_path / "t.parquet", {"a": ["7734x", "7734y"], "b": [1, 2]}, **form)
    said = refusal(path, lambda: read(path))
    assert said.startswith("FILE, column 'a', row group 1: has a delta encoding; write it with dictionary or plain")
    assert read(path, ["b"]) == {"b": ["1", "2"]}


def test_damage_is_refused(tmp_path, refusal: Refusal):
    path = tmp_path / "t.parquet"
    whole = parquet(path, {"a": [7734, 2] * 100, "b": ["x", "y"] * 100}).read_bytes()
    parts = [whole[:size] for size in (4, 5, 8, 12, len(whole) // 2, len(whole) - 9, len(whole) - 4, len(whole) - 1)]
    for data in (*parts, b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"a,b\n7734,2\n", b"\x00" * 100):
        path.write_bytes(data)
        assert refusal(path, lambda: read(path)).startswith("FILE is not a Parquet file that can be read")


def test_want_of_memory_is_not_said_to_be_damage(tmp_path, refusal: Refusal):
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise MemoryError

    path = parquet(tmp_path / "t.parquet", {"a": [7734]})
    whole = path.read_bytes()
    said = refusal(path, lambda: ParquetRows(path, Full(whole)))
    assert said == "FILE unpacks to more than this machine's memory: write it with smaller row groups"


def test_a_page_that_does_not_fit_its_checksum_is_refused(tmp_path, refusal: Refusal):
    form = {"write_page_checksum": True, "compression": "none", "use_dictionary": False, "write_statistics": False}
    path = parquet(tmp_path / "t.parquet", {"a": ["one word", "another"]}, **form)
    whole = path.read_bytes()
    assert whole.count(b"one word") == 1
    path.write_bytes(whole.replace(b"one word", b"7734word"))
    assert refusal(path, lambda: read(path)).startswith("FILE is not a Parquet file that can be read")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_with_some_bytes_changed_it_is_read_or_refused(scratch, attempt, data):
    columns = {"a": [1, None] * 20, "b": ["x", "y"] * 20, "c": pa.array(np.full(40, 0.5, np.float16))}
    path = scratch / "changed.parquet"
    form = data.draw(st.sampled_from([{}, {"compression": "zstd"}, {"use_dictionary": False}]))
    whole = bytearray(parquet(path, columns, **form).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    attempt(path, lambda: read(path))
