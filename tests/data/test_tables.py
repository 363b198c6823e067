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

from tacit.data import Column, Schema, load

Write = Callable[..., Path]
Refusal = Callable[..., str]

HEADER = "age,visits,sex,stage,smoker,died"
GOOD = ["70.5,3,male,II,yes,true", "41,0,female,I,no,false"]
ENCODED = [[70.5, 3, 0, 0, 1, 0, 1, 0, 0, 1, 0], [41, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]]
SHARED = Path(__file__).parents[3] / "shared" / "data"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")


def test_a_good_table(write: Write, clinic: Schema) -> None:
    table = load(str(write(GOOD)), clinic)
    assert table.features.tolist() == ENCODED
    assert table.features.dtype == np.float64
    assert table.features.flags.c_contiguous
    assert table.labels.tolist() == [1, 0]
    assert (len(table), table.source, table.schema) == (2, "ward.csv", clinic)


def test_a_table_shows_no_values(write: Write, clinic: Schema) -> None:
    table = load(write(GOOD), clinic)
    assert repr(table) == str(table) == "Table(2 rows, 11 features, values hidden)"


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(6)), newline=st.sampled_from(["\n", "\r\n"]), bom=st.booleans(), pad=st.booleans())
def test_columns_in_any_order(
    scratch: Path, clinic: Schema, order: list[int], newline: str, bom: bool, pad: bool
) -> None:
    lines = [[line.split(",")[index] for index in order] for line in (HEADER, *GOOD)]
    text = newline.join((" , " if pad else ",").join(line) for line in lines)
    (scratch / "order.csv").write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    table = load(scratch / "order.csv", clinic)
    assert table.features.tolist() == ENCODED
    assert table.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('"7,7",3,male,II,yes,true', "column 'age': is not a number"),
        ("7_734,3,male,II,yes,true", "column 'age': is not a number"),
        ("0x7734,3,male,II,yes,true", "column 'age': is not a number"),
        ("seven,3,male,II,yes,true", "column 'age': is not a number"),
        ("nan,3,male,II,yes,true", "column 'age': is not a finite number"),
        ("inf,3,male,II,yes,true", "column 'age': is not a finite number"),
        ("1e999,3,male,II,yes,true", "column 'age': is out of bounds, 0 to 120"),
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
def test_a_cell_that_does_not_fit(write: Write, clinic: Schema, refusal: Refusal, row: str, says: str) -> None:
    message = refusal(write([GOOD[0], row, GOOD[1]]), clinic)
    assert message.startswith(f"FILE, line 3, {says}")
    assert message.count("\n") == 0
    for value in ("7734", "7,7", "seven", "nan", "inf", "e999", "Male", "51"):
        assert value not in message


def test_lines_are_counted_as_a_person_counts_them(write: Write, refusal: Refusal) -> None:
    schema = Schema(
        label="y",
        columns=(
            Column(name="word", kind="category", values=("a", "b")),
            Column(name="x", kind="number", low=0.0, high=1.0),
            Column(name="y", kind="boolean"),
        ),
    )
    message = refusal(write(b'word,x,y\r\n"a\r\n\r\nc",0,1\r\na,0,1\r\nb,7734,0\r\n'), schema)
    assert message.split("\n") == [
        "FILE, line 2, column 'word': is none of the categories a, b",
        "FILE, line 6, column 'x': is out of bounds, 0 to 1",
    ]


def test_ten_faults_are_shown_in_the_order_of_lines_and_the_others_counted(
    write: Write, clinic: Schema, refusal: Refusal
) -> None:
    ten = refusal(write(["7734,,male,,,true"] * 5 + ["40,,male,,,7734"] * 5), clinic).split("\n")
    assert len(ten) == 10
    many = refusal(write(["7734,,7734,,,true"] * 100), clinic).split("\n")
    assert len(many) == 11
    places = [(line, name) for line in range(2, 7) for name in ("age", "sex")]
    assert [line.split(": ")[0] for line in many[:10]] == [f"FILE, line {n}, column {name!r}" for n, name in places]
    assert many[10] == "and 190 more cells that do not fit"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("age,visits,sex,stage,died", ["column 'smoker' is missing"]),
        ("age,visits,sex,stage,smoker", ["column 'died' is missing"]),
        (HEADER + ",ward", ["column 'ward' is not in the agreement"]),
        (HEADER + ",", ["column '' is not in the agreement"]),
        ("age,visits,sex,stage,Smoker,died", ["column 'smoker' is missing", "column 'Smoker' is not in the agreement"]),
        ("age,visits,sex,stage,smoker,died,sex", ["two columns have the same name: columns 3 and 7"]),
    ],
)
def test_columns_that_are_not_the_agreements(
    write: Write, clinic: Schema, refusal: Refusal, header: str, says: list[str]
) -> None:
    message = refusal(write(f"{header}\n{','.join(['7734'] * len(header.split(',')))}\n".encode()), clinic)
    assert message.startswith("FILE, line 1: ")
    assert all(part in message for part in says)
    assert "7734" not in message


@pytest.mark.parametrize("data", [b"70.5,3,male,II,yes,7734\n41,0,female,I,no,false\n", b"7734;3;male\n41;0;female\n"])
def test_a_first_row_of_values_is_not_shown_as_if_it_were_a_header(
    write: Write, clinic: Schema, refusal: Refusal, data: bytes
) -> None:
    message = refusal(write(data), clinic)
    assert message.startswith("FILE, line 1: names none of the agreement's columns")
    for value in ("70.5", "7734", "male'", "II", "yes"):
        assert value not in message


def test_many_wrong_columns_are_cut(write: Write, clinic: Schema, refusal: Refusal) -> None:
    header = ",".join([HEADER, *(f"extra{i}" + "x" * 5000 for i in range(50))])
    message = refusal(write(f"{header}\n{','.join(['1'] * 56)}\n".encode()), clinic)
    assert "and 40 more" in message
    assert len(message) < 3000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "FILE is empty"),
        (b" \r\n\n\t", "FILE is empty"),
        (HEADER.encode(), "FILE has a header and no rows"),
        (HEADER.encode() + b"\n\n", "FILE has a header and no rows"),
        (HEADER.encode() + b"\n" + f"{GOOD[0]}\n".encode() * 1001, "FILE has more than the 1000 rows"),
        (HEADER.encode() + b"\n7734,3,male\n", "FILE, line 2: has 3 cells"),
        (HEADER.encode() + b"\n7734,3,m\xe4le,II,yes,true\n", "FILE, line 2: is not UTF-8"),
        (HEADER.encode() + b'\n"7734,3,male,II,yes,true\n', "FILE, line 2: is not well-formed CSV"),
    ],
)
def test_files_that_are_no_table(write: Write, clinic: Schema, refusal: Refusal, data: bytes, says: str) -> None:
    message = refusal(write(data), clinic)
    assert message.startswith(says)
    assert "7734" not in message


def test_paths_and_sizes(write: Write, clinic: Schema, refusal: Refusal, tmp_path: Path) -> None:
    assert refusal(tmp_path, clinic) == "FILE is no file"
    assert refusal(tmp_path / "none.csv", clinic) == "FILE does not exist"
    assert refusal(write(GOOD), clinic, max_bytes=50).startswith("FILE is larger than 50 bytes")


def test_one_class_only(write: Write, clinic: Schema, refusal: Refusal) -> None:
    path = write([GOOD[0]] * 5)
    message = refusal(path, clinic)
    assert message.startswith("FILE, column 'died': every row has the same class")
    assert "false, true" in message
    assert load(path, clinic, allow_one_class=True).labels.tolist() == [1] * 5
    assert len(load(path, clinic, labelled=False)) == 5


def test_a_regression_has_no_classes(write: Write) -> None:
    schema = Schema(
        label="cost",
        columns=(
            Column(name="age", kind="number", low=0.0, high=1.0),
            Column(name="cost", kind="number", low=0, high=9),
        ),
    )
    table = load(write(b"age,cost\n0,2.5\n1,2.5\n"), schema)
    assert table.labels.tolist() == [2.5, 2.5]
    assert table.labels.dtype == np.float64


def test_without_labels_the_label_may_be_there_or_not_and_is_not_read(write: Write, clinic: Schema) -> None:
    without = ["".join(line.rsplit(",", 1)[0]) + "\n" for line in (HEADER, *GOOD)]
    for data in ("".join(without).encode(), f"{HEADER}\n{GOOD[0][:-4]}whatever\n{GOOD[1][:-5]}\n".encode()):
        table = load(write(data), clinic, labelled=False)
        assert table.features.tolist() == ENCODED
        assert table.labels.shape == (0,)


def test_without_labels_any_other_column_must_still_be_there(write: Write, clinic: Schema, refusal: Refusal) -> None:
    assert "column 'smoker' is missing" in refusal(write(b"age,visits,sex,stage\n1,1,male,I\n"), clinic, labelled=False)


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
def test_parquet_equals_csv_and_every_feature_is_within_its_bounds(
    scratch: Path, clinic: Schema, rows: list[dict[str, str]]
) -> None:
    (scratch / "t.csv").write_text("\n".join([HEADER, *(",".join(row.values()) for row in rows)]))
    columns = {name: [typed[name](row[name]) if row[name] else None for row in rows] for name in reversed(cell)}
    pq.write_table(pa.table(columns), scratch / "t.parquet")
    texts = {name: [row[name] for row in rows] for name in cell}
    pq.write_table(pa.table(texts), scratch / "texts.parquet")
    table, *others = (load(scratch / f, clinic, allow_one_class=True) for f in ("t.csv", "t.parquet", "texts.parquet"))
    for other in others:
        np.testing.assert_array_equal(table.features, other.features)
        np.testing.assert_array_equal(table.labels, other.labels)
    assert (clinic.feature_low <= table.features).all()
    assert (table.features <= clinic.feature_high).all()


def test_faults_in_parquet_name_the_row(tmp_path: Path, refusal: Refusal) -> None:
    schema = Schema(
        label="y",
        columns=(
            Column(name="x", kind="number", low=0.0, high=1.0, missing="indicator"),
            Column(name="y", kind="boolean"),
        ),
    )
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [0.5, None, float("nan"), 7734.0], "y": [True, False, None, True]}), path)
    assert refusal(path, schema).split("\n") == [
        "FILE, row 3, column 'x': is not a finite number",
        "FILE, row 3, column 'y': is empty",
        "FILE, row 4, column 'x': is out of bounds, 0 to 1",
    ]
    pq.write_table(pa.table({"x": [0.5]}), path)
    assert refusal(path, schema).startswith("FILE: column 'y' is missing")
    pq.write_table(pa.table({"x": [[0.5]], "y": [True]}), path)
    assert refusal(path, schema).startswith("FILE, column 'x': holds ")


@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.lists(st.lists(st.text(max_size=5), min_size=6, max_size=6).map(",".join), max_size=3).map(
            lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
        ),
    ),
    header=st.booleans(),
)
def test_any_bytes_are_a_table_or_a_data_error(
    scratch: Path, clinic: Schema, refusal: Refusal, body: bytes, header: bool
) -> None:
    (scratch / "any.csv").write_bytes((HEADER.encode() + b"\n" if header else b"") + body)
    refusal(scratch / "any.csv", clinic)  # chance does not write a whole row that fits


def number(name: str, high: float, low: float = 0.0) -> Column:
    return Column(name=name, kind="number", low=low, high=high, missing="indicator")


def codes(name: str, values: str) -> Column:
    return Column(name=name, kind="category", values=tuple(values.split()), missing="indicator")


@needs_shared
@pytest.mark.parametrize(
    ("hospital", "rows", "healthy", "never"),
    [
        ("cleveland", 303, 164, []),
        ("hungarian", 294, 188, []),
        ("switzerland", 123, 8, ["chol"]),
        ("va", 200, 51, []),
    ],
)
def test_four_real_hospitals(hospital: str, rows: int, healthy: int, never: list[str]) -> None:
    schema = Schema(
        label="num",
        columns=(
            number("age", 120), codes("sex", "0 1"), codes("cp", "1 2 3 4"), number("trestbps", 300),
            number("chol", 1000), codes("fbs", "0 1"), codes("restecg", "0 1 2"), number("thalach", 300),
            codes("exang", "0 1"), number("oldpeak", 10, -10), codes("slope", "1 2 3"), codes("ca", "0 1 2 3 9"),
            codes("thal", "3 6 7"), Column(name="num", kind="category", values=("0", "1", "2", "3", "4")),
        ),
    )  # fmt: skip
    table = load(SHARED / "heart" / f"{hospital}.csv", schema)
    assert len(table) == rows
    assert (table.labels == 0).sum() == healthy
    assert ((schema.feature_low <= table.features) & (table.features <= schema.feature_high)).all()
    missing = {name: table.features[:, schema.features.index(f"{name}?missing")] for name in never}
    assert all(column.mean() > 0.9 for column in missing.values())


@needs_shared
def test_adult() -> None:
    path = SHARED / "adult" / "adult.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    numbers = {"age": 100, "fnlwgt": 2e6, "education_num": 20, "capital_gain": 1e5, "capital_loss": 1e4,
               "hours_per_week": 100}  # fmt: skip
    columns = []
    for index, name in enumerate(lines[0]):
        values = tuple(sorted({line[index] for line in lines[1:]} - {""}))
        missing = "refuse" if name == "income" else "indicator"
        columns.append(
            number(name, numbers[name])
            if name in numbers
            else Column(name=name, kind="category", values=values, missing=missing)
        )
    table = load(path, Schema(label="income", columns=tuple(columns)))
    assert len(table) == 32_561
    assert (table.labels == 1).sum() == 7841
    age = [float(line[0]) for line in lines[1:]]
    np.testing.assert_array_equal(table.features[:, 0], age)


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, tacit.data; "
        "print([name for name in ('pandas', 'pyarrow', 'torch', 'numba', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
