"""Tables checked against the schema: every fault with file, line and column, and never a value."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema, load, tables
from tacit.data.blocks import block_rows
from tacit.errors import DataError

Write = Callable[..., Path]
Refusal = Callable[..., str]

HEADER = "age,visits,sex,stage,smoker,died"
GOOD = ["70.5,3,male,II,yes,true", "41,0,female,I,no,false"]
ENCODED = [[70.5, 3, 0, 0, 1, 0, 1, 0, 0, 1, 0], [41, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]]
NUMBERS = "is not a number (digits, a point, an exponent; no commas)"


def small(*columns: Column) -> Schema:
    return Schema(label="y", columns=(*columns, Column(name="y", kind="boolean")))


def test_a_good_table(write: Write, clinic: Schema):
    table = load(str(write(GOOD)), clinic)
    assert table.features.tolist() == ENCODED
    assert table.features.dtype == np.float64
    assert table.features.flags.c_contiguous
    assert table.labels.tolist() == [1, 0]
    assert (len(table), table.source, table.schema) == (2, "ward.csv", clinic)
    assert repr(table) == str(table) == "Table(2 rows, 11 features, values hidden)"


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(6)), newline=st.sampled_from(["\n", "\r\n"]), bom=st.booleans(), pad=st.booleans())
def test_columns_in_any_order(scratch: Path, clinic: Schema, order, newline, bom, pad):
    lines = [[line.split(",")[index] for index in order] for line in (HEADER, *GOOD)]
    text = newline.join((" , " if pad else ",").join(line) for line in lines)
    (scratch / "order.csv").write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    table = load(scratch / "order.csv", clinic)
    assert table.features.tolist() == ENCODED
    assert table.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('"7,734",3,male,II,yes,true', f"column 'age': {NUMBERS}"),
        ("7_734,3,male,II,yes,true", f"column 'age': {NUMBERS}"),
        ("0x7734,3,male,II,yes,true", f"column 'age': {NUMBERS}"),
        ("٧٧٣٤,3,male,II,yes,true", f"column 'age': {NUMBERS}"),
        ("nan,3,male,II,yes,true", "column 'age': is not a finite number"),
        ("inf,3,male,II,yes,true", "column 'age': is not a finite number"),
        ("1e7734,3,male,II,yes,true", "column 'age': is out of bounds, 0 to 120"),
        ("7734,3,male,II,yes,true", "column 'age': is out of bounds, 0 to 120"),
        ("-0.7734,3,male,II,yes,true", "column 'age': is out of bounds, 0 to 120"),
        (",3,male,II,yes,true", "column 'age': is empty"),
        ("  ,3,male,II,yes,true", "column 'age': is empty"),
        ("40,3.7734,male,II,yes,true", "column 'visits': is not a whole number"),
        ("40,51,male,II,yes,true", "column 'visits': is out of bounds, 0 to 50"),
        ("40,3,Male,II,yes,true", "column 'sex': is none of the categories female, male"),
        ("40,3,,II,yes,true", "column 'sex': is empty"),
        ("40,3,male,7734,yes,true", "column 'stage': is none of the categories I, II, III"),
        ("40,3,male,II,7734,true", "column 'smoker': is none of true, false, yes, no, 1, 0"),
        ("40,3,male,II,yes,7734", "column 'died': is none of true, false, yes, no, 1, 0"),
        ("40,3,male,II,yes,", "column 'died': is empty"),
    ],
)
def test_a_cell_that_does_not_fit(write: Write, clinic: Schema, refusal: Refusal, row, says):
    path = write([GOOD[0], row, GOOD[1]])
    assert refusal(path, lambda: load(path, clinic)) == f"FILE, line 3, {says}"


def test_lines_are_counted_as_a_person_counts_them(write: Write, refusal: Refusal):
    schema = small(
        Column(name="word", kind="category", values=("a", "b")), Column(name="x", kind="number", low=0.0, high=1.0)
    )
    path = write(b'word,x,y\r\n"a\r\n\r\nc",0,1\r\na,0,1\r\nb,7734,0\r\n')
    assert refusal(path, lambda: load(path, schema)).split("\n") == [
        "FILE, line 2, column 'word': is none of the categories a, b",
        "FILE, line 6, column 'x': is out of bounds, 0 to 1",
    ]


def test_ten_faults_are_shown_in_the_order_of_lines_and_the_others_counted(write: Write, clinic, refusal: Refusal):
    path = write(["7734,,male,,,true"] * 5 + ["40,,male,,,7734"] * 5)
    assert len(refusal(path, lambda: load(path, clinic)).split("\n")) == 10
    path = write(["7734,,7734,,,true"] * 100)
    many = refusal(path, lambda: load(path, clinic)).split("\n")
    places = [(line, name) for line in range(2, 7) for name in ("age", "sex")]
    assert [line.split(": ")[0] for line in many[:10]] == [f"FILE, line {n}, column {name!r}" for n, name in places]
    assert many[10:] == ["and 190 more cells that do not fit"]


def test_faults_and_rows_are_those_of_all_blocks(write: Write, refusal: Refusal):
    schema = small(Column(name="x", kind="integer", low=0.0, high=1e6))
    rows = 2 * block_rows(2) + 3
    table = load(write(b"x,y\n" + b"".join(b"%d,%d\n" % (row, row % 2) for row in range(rows))), schema)
    assert table.features[:, 0].tolist() == list(range(rows))
    assert table.labels.tolist() == [row % 2 for row in range(rows)]
    wrong = {5, block_rows(2) + 5, rows - 1}
    path = write(b"x,y\n" + b"".join(b"%s,%d\n" % (b"7734x" if row in wrong else b"1", row % 2) for row in range(rows)))
    assert refusal(path, lambda: load(path, schema)).split("\n") == [
        f"FILE, line {row + 2}, column 'x': {NUMBERS}" for row in sorted(wrong)
    ]
    lines = [b"1,%d\n" % (row % 2) for row in range(rows)]
    lines[5:13] = lines[-8:] = [b"7734x,1\n"] * 8
    path = write(b"x,y\n" + b"".join(lines))
    places = [*range(7, 15), rows - 6, rows - 5]
    assert refusal(path, lambda: load(path, schema)).split("\n") == [
        *(f"FILE, line {line}, column 'x': {NUMBERS}" for line in places),
        "and 6 more cells that do not fit",
    ]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("age,visits,sex,stage,died", ["column 'smoker' is missing", "The agreement names: ['age', 'visits', 'sex'"]),
        (HEADER + ",ward", ["column 'ward' is not in the agreement"]),
        (HEADER + ",", ["column 7, without a name, is not in the agreement"]),
        ("," + HEADER, ["column 1, without a name, is not in the agreement"]),
        (
            "age,visits,sex,stage,SMOKER,died",
            ["column 'smoker' is missing (column 5 is spelt almost so)", "column 5 is"],
        ),
        ("age,visits,sex,stage,7734,died", ["column 'smoker' is missing", "column 5 is not in the agreement"]),
        ("age,visits,sex,stage,smoker,died,sex", ["two columns have the same name: columns 3 and 7"]),
        ("Age;sex", ["names none of the agreement's columns; its cells are separated by semicolons"]),
        ("age;visits;sex;stage;smoker;died", ["its cells are separated by semicolons: save the table with commas"]),
        ("age\tvisits\tsex\tstage\tsmoker\tdied", ["its cells are separated by tabs"]),
        ("70.5,3,male,II,7734,true", ["names none of the agreement's columns; its first line must be the header"]),
        ("7734;3;male", ["names none of the agreement's columns"]),
        ("7734", ["names none of the agreement's columns"]),
    ],
)
def test_columns_that_are_not_the_agreements(write: Write, clinic: Schema, refusal: Refusal, header, says):
    path = write(f"{header}\n{','.join(['7734'] * len(header.split(',')))}\n".encode())
    message = refusal(path, lambda: load(path, clinic))
    assert message.startswith("FILE, line 1: ")
    assert all(part in message for part in says)
    for value in ("70.5", "true", "II", "SMOKER"):  # a first line that is not the header may be a row
        assert value not in message


def test_many_wrong_columns_are_cut(write: Write, clinic: Schema, refusal: Refusal):
    header = ",".join([HEADER, *(f"extra{i}" + "x" * 5000 for i in range(50))])
    path = write(f"{header}\n{','.join(['1'] * 56)}\n".encode())
    message = refusal(path, lambda: load(path, clinic))
    assert "and 40 more" in message
    assert len(message) < 3000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "FILE is empty"),
        (b" \r\n\n\t", "FILE, line 1: names none of the agreement's columns"),
        (HEADER.encode(), "FILE has a header and no rows"),
        (HEADER.encode() + b"\n\n", "FILE has a header and no rows"),
        (HEADER.encode() + b"\n" + f"{GOOD[0]}\n".encode() * 1001, "FILE has more than 1000 rows"),
        (HEADER.encode() + b"\n7734,3,male\n", "FILE, line 2: has 3 cells"),
        (HEADER.encode() + b"\n7734,3,m\xe4le,II,yes,true\n", "FILE, line 2: is not UTF-8"),
        (HEADER.encode() + b'\n"7734,3,male,II,yes,true\n', "FILE, line 2: is not well-formed CSV"),
    ],
)
def test_files_that_are_no_table(write: Write, clinic: Schema, refusal: Refusal, data, says):
    path = write(data)
    assert refusal(path, lambda: load(path, clinic)).startswith(says)


def test_a_file_is_at_most_so_large(write: Write, clinic: Schema, refusal: Refusal):
    path = write(GOOD)
    assert refusal(path, lambda: load(path, clinic, max_bytes=50)).startswith("FILE is larger than 50 bytes")


def test_a_table_is_at_most_so_many_numbers(write: Write, clinic: Schema, refusal: Refusal, monkeypatch):
    path = write(GOOD)
    monkeypatch.setattr(tables, "MAX_NUMBERS", 22)
    assert len(load(path, clinic)) == 2
    monkeypatch.setattr(tables, "MAX_NUMBERS", 21)
    assert refusal(path, lambda: load(path, clinic)).startswith(
        "FILE becomes more than 21 numbers, at 11 features a row"
    )


def test_one_class_only(write: Write, clinic: Schema, refusal: Refusal):
    path = write([GOOD[0]] * 5)
    message = refusal(path, lambda: load(path, clinic))
    assert message.startswith("FILE, column 'died': every row has the same class")
    assert "false, true" in message
    assert load(path, clinic, allow_one_class=True).labels.tolist() == [1] * 5
    assert len(load(path, clinic, labelled=False)) == 5


def test_a_regression_has_no_classes(write: Write):
    parts = (
        Column(name="age", kind="number", low=0.0, high=1.0),
        Column(name="cost", kind="number", low=0, high=9),
    )
    table = load(write(b"age,cost\n0,2.5\n1,2.5\n"), Schema(label="cost", columns=parts))
    assert table.labels.tolist() == [2.5, 2.5]
    assert table.labels.dtype == np.float64


def test_without_labels_the_label_may_be_there_or_not_and_is_not_read(write: Write, clinic: Schema, tmp_path: Path):
    without = "\n".join(line.rpartition(",")[0] for line in (HEADER, *GOOD)).encode()
    for data in (without, f"{HEADER}\n{GOOD[0][:-4]}whatever\n{GOOD[1][:-5]}\n".encode()):
        table = load(write(data), clinic, labelled=False)
        assert table.features.tolist() == ENCODED
        assert table.labels.shape == (0,)
    names = HEADER.split(",")
    columns = dict(zip(names, zip(*(line.split(",") for line in GOOD), strict=True), strict=True))
    pq.write_table(pa.table({**columns, "died": [[1], [2]]}), tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet", clinic, labelled=False).features.tolist() == ENCODED


def test_without_labels_any_other_column_must_still_be_there(write: Write, clinic: Schema, refusal: Refusal):
    path = write(b"age,visits,sex,stage\n1,1,male,I\n")
    assert "column 'smoker' is missing" in refusal(path, lambda: load(path, clinic, labelled=False))


cell = {
    "age": st.floats(0, 120).map(repr),
    "visits": st.one_of(st.just(""), st.integers(0, 50).map(str)),
    "sex": st.sampled_from(["female", "male"]),
    "stage": st.sampled_from(["", "I", "II", "III"]),
    "smoker": st.sampled_from(["", "true", "false"]),
    "died": st.sampled_from(["true", "false"]),
}
typed = {"age": float, "visits": int, "sex": str, "stage": str, "smoker": "true".__eq__, "died": "true".__eq__}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(cell), min_size=1, max_size=8))
def test_parquet_equals_csv_and_every_feature_is_within_its_bounds(scratch: Path, clinic: Schema, rows):
    (scratch / "t.csv").write_text("\n".join([HEADER, *(",".join(row[name] for name in cell) for row in rows)]))
    columns = {name: [typed[name](row[name]) if row[name] else None for row in rows] for name in reversed(cell)}
    pq.write_table(pa.table(columns), scratch / "t.parquet")
    texts = {name: [row[name] for row in rows] for name in cell}
    pq.write_table(pa.table(texts), scratch / "texts.parquet")
    table, *others = (load(scratch / f, clinic, allow_one_class=True) for f in ("t.csv", "t.parquet", "texts.parquet"))
    for other in others:
        np.testing.assert_array_equal(table.features, other.features)
        np.testing.assert_array_equal(table.labels, other.labels)
    assert np.isfinite(table.features).all()
    assert (clinic.feature_low <= table.features).all()
    assert (table.features <= clinic.feature_high).all()


def test_faults_in_parquet_name_the_row(tmp_path: Path, refusal: Refusal):
    schema = small(Column(name="x", kind="number", low=0.0, high=1.0, missing="indicator"))
    path = tmp_path / "t.parquet"

    def said(**columns: list[object]) -> str:
        pq.write_table(pa.table(columns), path)
        return refusal(path, lambda: load(path, schema))

    assert said(x=[0.5, None, float("nan"), 7734.0], y=[True, False, None, True]).split("\n") == [
        "FILE, row 3, column 'x': is not a finite number",
        "FILE, row 3, column 'y': is empty",
        "FILE, row 4, column 'x': is out of bounds, 0 to 1",
    ]
    assert said(x=[0.5], z=[7734]).startswith("FILE: column 'y' is missing; column 2 is not in the agreement")
    assert said(x=[[0.5]], y=[True]).startswith("FILE, column 'x': holds lists")


def test_importing_the_room_imports_nothing_heavy():
    code = (
        "import sys, tacit.data; "
        "print([name for name in ('pandas', 'pyarrow', 'torch', 'numba', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


OWN = ("smoker", "age")


def test_a_table_of_some_columns_alone_is_encoded_in_the_order_of_the_schema(write: Write, clinic: Schema):
    table = load(write(b"smoker,age\nyes,70.5\nno,41\n"), clinic, labelled=False, columns=OWN)
    whole = load(write(GOOD), clinic)
    places = [place for place, name in enumerate(clinic.features) if name.startswith(("age", "smoker"))]
    assert table.features.tolist() == whole.features[:, places].tolist()
    assert len(table.labels) == 0
    labelled = load(write(b"smoker,died,age\nyes,true,70.5\nno,false,41\n"), clinic, columns=OWN)
    assert labelled.features.tolist() == table.features.tolist()
    assert labelled.labels.tolist() == [1, 0]


def test_a_table_may_have_the_label_alone(write: Write, clinic: Schema):
    table = load(write(b"died\ntrue\nfalse\ntrue\n"), clinic, columns=())
    assert table.features.shape == (3, 0)
    assert table.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("smoker,age,sex", "yes,70,male", "column 'sex' is another party's by the agreement"),
        ("smoker,age,died", "yes,70,true", "column 'died' is another party's by the agreement"),
        ("smoker,age,dose", "yes,70,1", "column 'dose' is not in the agreement"),
        ("smoker,sex", "yes,male", "column 'age' is missing"),
    ],
)
def test_a_table_of_some_columns_has_those_and_no_other(write: Write, clinic: Schema, header, row, says):
    with pytest.raises(DataError) as refused:
        load(write(f"{header}\n{row}\n".encode()), clinic, labelled=False, columns=OWN)
    assert says in str(refused.value)
