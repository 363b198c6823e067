"""A draft from a table: the table fits it, each bound has a warning, and nothing but DataError where there is none."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema, infer, load, to_toml
from tacit.data.blocks import block_rows
from tacit.keys import FINGERPRINT_PREFIX
from tacit.study import Agreement

Write = Callable[..., Path]
Refusal = Callable[..., str]

MEMBERS = ["ash", "birch", "cedar", "carrier"]
KEYS = {name: FINGERPRINT_PREFIX + f"{at}" * 64 for at, name in enumerate(MEMBERS)}
AGREEMENT = "\n".join(
    [
        'format = "tacit-study/1"\nname = "trial"\npurpose = "test"',
        f'[coordinator]\nname = "carrier"\nkey = "{KEYS["carrier"]}"\naddress = "carrier.example:7000"',
        *(f'[[parties]]\nname = "{name}"\nkey = "{KEYS[name]}"' for name in MEMBERS[:3]),
        '[model]\nkind = "mlp"\nhidden = [2]\n[training]\nrounds = 5\nlearning_rate = 1.0',
        '[privacy]\nunit = "none"\n[trust]\ncorrupt = 0\ndropping = 1\n[release]\nholders = ["ash"]\n',
    ]
)

plain = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=8)
odd = st.one_of(
    st.floats().map(repr), st.text(max_size=5), st.sampled_from(["", " ", "nan", "yes", "TRUE", "1", "1.0"])
)
kinds = [
    st.integers(-1000, 1000).map(str),
    st.floats(-1e11, 1e11).map(repr),
    st.floats(-1, 1).map(repr),
    st.sampled_from(["yes", "no"]),
    st.sampled_from(["yes", "1", "true", ""]),
    st.sampled_from(["0", "1", ""]),
    st.sampled_from(["0", "0.0", "1"]),
    st.sampled_from(["I", "II", "Größe", "Gro\u0308ße", " I", ""]),
    st.sampled_from(["7e400", "5e-324", "1e12", "-1e12", "0", "-0"]),
    plain,
    odd,
]


def parsed(text: str) -> Schema:
    """What the parties will read out of the draft."""
    return Agreement.decode((AGREEMENT + text).encode()).data


def quoted(cells: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    rows = draw(st.integers(1, 8))
    names = [
        "y",
        *draw(
            st.lists(st.one_of(plain, st.sampled_from(["a", "a=I", "a?missing"])), min_size=1, max_size=3, unique=True)
        ),
    ]
    columns = [[draw(kind) for _ in range(rows)] for kind in (draw(st.sampled_from(kinds)) for _ in names)]
    lines = [quoted(names), *map(quoted, map(list, zip(*columns, strict=True)))]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def test_kinds_bounds_and_gaps(write: Write):
    path = write(b"age,bmi,delta,sex,smoker,code,y\n41,17.3,-0.031,f,yes,0,1\n78,,0.0042,m,No,1,0\n ,38.1,0,f,no,1,0\n")
    schema = infer(path, "y")
    assert schema.columns == (
        Column(name="age", kind="integer", low=40.0, high=80.0, missing="indicator"),
        Column(name="bmi", kind="number", low=10.0, high=40.0, missing="indicator"),
        Column(name="delta", kind="number", low=-0.04, high=0.005),
        Column(name="sex", kind="category", values=("f", "m")),
        Column(name="smoker", kind="boolean"),
        Column(name="code", kind="integer", low=0.0, high=1.0),
        Column(name="y", kind="category", values=("0", "1")),
    )
    assert (schema.label, schema.max_rows, schema.task) == ("y", 1000, "binary")


@settings(max_examples=250, deadline=None)
@given(tables())
def test_a_table_fits_its_draft_and_the_draft_fits_an_agreement(scratch: Path, attempt, data: bytes):
    path = scratch / "drafted.csv"
    path.write_bytes(data)
    schema = attempt(path, lambda: infer(path, "y"), hidden="7e400")
    if isinstance(schema, str):
        return
    table = load(path, schema)
    assert len(table) <= schema.max_rows
    assert np.isfinite(table.features).all()
    assert ((schema.feature_low <= table.features) & (table.features <= schema.feature_high)).all()
    for text in (to_toml(schema), to_toml(schema, path.name)):
        assert parsed(text) == schema
        assert parsed(text).digest == schema.digest


@settings(max_examples=200, deadline=None)
@given(
    numbers=st.lists(
        st.one_of(st.floats(-1e11, 1e11), st.floats(-1, 1), st.sampled_from([0.1 + 0.2, 0.7, 1e-5, 9.999999999999999])),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_bounds_go_outwards_to_one_digit(scratch: Path, attempt, numbers: list[float]):
    path = scratch / "bounds.csv"
    path.write_text("x,y\n" + "".join(f"{number!r},0\n{number!r},1\n" for number in numbers))
    schema = attempt(path, lambda: infer(path, "y"))
    if isinstance(schema, str):
        assert schema.endswith(("low and high are too close", "too small to be told apart: use another unit"))
        return
    low, high = schema.columns[0].bounds
    assert low <= min(numbers) <= max(numbers) <= high
    for bound in (low, high):
        assert bound == 0 or float(f"{bound:.0e}") == bound


@pytest.mark.parametrize(
    ("cells", "bounds"),
    [(["7", "7"], (7, 8)), (["0"], (0, 1)), (["-0.0"], (0, 1)), (["-300"], (-300, -200)), (["0.25"], (0.2, 0.3)),
     (["1e12"], (0, 1e12)), (["999999999999"], (9e11, 1e12)), (["-1e12"], (-1e12, 0)), (["99", "101"], (90, 200))],
)  # fmt: skip
def test_a_feature_may_be_the_same_in_every_row(write: Write, cells, bounds):
    rows = "".join(f"{cell},{label}\n" for cell in cells for label in (0, 1))
    assert infer(write(f"x,y\n{rows}".encode()), "y").columns[0].bounds == bounds


@pytest.mark.parametrize(
    ("labels", "column"),
    [
        (["0", "1", "10", "9"], {"kind": "category", "values": ("0", "1", "9", "10")}),
        (["no", "Yes"], {"kind": "boolean"}),
        (["0.5", "1"], {"kind": "number", "low": 0.5, "high": 1.0}),
        (list(map(str, range(21))), {"kind": "integer", "low": 0.0, "high": 20.0}),
        (["ill", "well"], {"kind": "category", "values": ("ill", "well")}),
    ],
)
def test_kinds_of_labels(write: Write, labels, column):
    path = write("\n".join(["x,y", *(f"{at},{label}" for at, label in enumerate(labels))]).encode())
    assert infer(path, "y").label_column == Column(name="y", **column)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", " is empty"),
        (b"age,y\n", " has a header and no rows"),
        (b"age,died\n1,2\n", ", line 1: has no column 'y'; the label is the name of one of its columns"),
        (b"7734,77340\n1,2\n", ", line 1: has no column 'y'"),
        (b"age;y\n1;2\n", ", line 1: has no column 'y'; its cells are separated by semicolons"),
        (b"age,y\n,0\n ,1\n", ", column 'age': is empty in every row"),
        (b"age,y\n7734x,0\n7734x,1\n", ", column 'age': is the same in every row"),
        (b"age,y\n7734,0\n7735,0\n", ", column 'y': is the same in every row"),
        (b"age,y\n7734,yes\n7735,true\n", ", column 'y': is the same in every row"),
        (b"age,y\n7734,a\n7735,a\n", ", column 'y': is the same in every row"),
        (b"age,y\n1,7734.5\n2,7734.5\n", ", column 'y': is the same in every row"),
        (b"age,y\n7734,0\n7735,\n7736,1\n", ", line 3, column 'y': is empty, where the label must be known"),
        (b"age,y\n7734,0\n7735,1.0\n7736,1\n", ", column 'y': writes one number in several ways"),
        (b"age,y\n7.734e400,0\n1,1\n", ", column 'age': holds numbers beyond 1e+12: use another unit"),
        (b"age,y\n7.734e15,0\n1,1\n", ", column 'age': holds numbers beyond 1e+12"),
        (b"age,y\n-7.734e15,0\n1,1\n", ", column 'age': holds numbers beyond 1e+12"),
        (b"age,y\n7.734e-320,0\n0,1\n", ", column 'age': low and high are too close"),
        (b"age,y\n4.7734e-324,0\n4.7734e-324,1\n", ", column 'age': holds numbers too small to be told apart"),
        (b"age,y\n7734,0\nnan,1\n", ", line 3, column 'age': is not a finite number: leave the cell empty"),
        (b"y\n7734\n7735\n", ": 1 columns"),
        (b"age,y,\n7734,0,1\n7735,1,2\n", ", column '': its name is not of 1 to 200 characters"),
        (b"age,y\n7734\x01a,0\nb,1\n", ", column 'age': a value has characters that do not print"),
        (b"age,y\n" + b"7734" * 51 + b"x,0\nb,1\n", ", column 'age': a value is not of 1 to 200 characters"),
    ],
)
def test_a_table_that_gives_no_draft(write: Write, refusal: Refusal, data, says):
    path = write(data)
    assert refusal(path, lambda: infer(path, "y")).startswith(f"FILE{says}")


def test_columns_that_would_share_a_feature_are_named_without_their_values(write: Write, refusal: Refusal):
    path = write(b"a,a=b,y\nb=7734,7734,0\nx,x,1\n")
    said = refusal(path, lambda: infer(path, "y"))
    assert said == "FILE: columns 'a' and 'a=b' would have features of one name: rename one of them"


def table(**columns: list[str]) -> bytes:
    return "\n".join([",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]).encode()


@pytest.mark.parametrize("gap", [[], [""]])
def test_a_category_has_at_most_so_many_texts(write: Write, refusal: Refusal, gap):
    texts = [*gap, *(f"n{at}" for at in range(1000))]
    labels = [str(at % 2) for at in range(len(texts))]
    assert len(infer(write(table(x=texts, y=labels)), "y").columns[0].values) == 1000
    path = write(table(x=[*texts, "7734x"], y=[*labels, "0"]))
    said = refusal(path, lambda: infer(path, "y"))
    assert said == "FILE, column 'x': has more than 1000 different texts: leave it out, or group them"


def test_one_text_among_many_numbers_is_told_by_its_line(write: Write, refusal: Refusal):
    cells = [*map(str, range(1500)), "7734x", "nan"]
    path = write(table(x=cells, y=[str(at % 2) for at in range(len(cells))]))
    said = refusal(path, lambda: infer(path, "y"))
    assert said == "FILE, line 1502, column 'x': is not a number, as most cells of the column are"


def test_all_blocks_count(write: Write):
    rows = block_rows(4) + 2
    columns = {"a": ["yes"] * rows, "b": ["1"] * rows, "c": ["a"] * rows, "y": [str(at % 2) for at in range(rows)]}
    for name, first, last in (("a", "no", "maybe"), ("b", "1", "2.5"), ("c", "b", "")):
        columns[name][0], columns[name][-1] = first, last
    schema = infer(write(table(**columns)), "y")
    assert schema.columns[:3] == (
        Column(name="a", kind="category", values=("maybe", "no", "yes")),
        Column(name="b", kind="number", low=1.0, high=3.0),
        Column(name="c", kind="category", values=("a", "b"), missing="indicator"),
    )
    assert schema.max_rows == 100_000


def test_faults_are_those_of_all_blocks(write: Write, refusal: Refusal):
    rows = block_rows(2) + 2
    texts = ["", *(f"n{at}" for at in range(1000))]
    columns = {"x": [texts[row % 1001] for row in range(rows)], "y": [str(row % 2) for row in range(rows)]}
    assert len(infer(write(table(**columns)), "y").columns[0].values) == 1000
    columns["x"][-1] = "7734x"
    path = write(table(**columns))
    assert "has more than 1000 different texts" in refusal(path, lambda: infer(path, "y"))
    columns["y"][3] = columns["y"][-1] = ""
    path = write(table(**columns))
    assert refusal(path, lambda: infer(path, "y")).startswith("FILE, column 'x'")
    path = write(table(x=["1"] * rows, y=columns["y"]))
    assert refusal(path, lambda: infer(path, "y")).startswith("FILE, line 5, column 'y': is empty, where the label")


def test_parquet_gives_the_draft_that_csv_gives(tmp_path: Path, write: Write):
    columns = {"a": [1.5, None, 3.0], "b": [True, False, None], "c": ["x", "y", "x"], "y": [0, 1, 1]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    path = write(b"a,b,c,y\n1.5,true,x,0\n,false,y,1\n3.0,,x,1\n")
    assert infer(tmp_path / "t.parquet", "y") == infer(path, "y")


@pytest.mark.parametrize(("rows", "most"), [(999, 1000), (1000, 10_000), (4000, 10_000)])
def test_max_rows_leaves_room(write: Write, rows, most):
    assert infer(write(b"x,y\n" + b"".join(b"1,%d\n" % (row % 2) for row in range(rows))), "y").max_rows == most


@pytest.mark.slow
def test_max_rows_is_never_beyond_what_a_schema_may_have(tmp_path: Path):
    rows = 10_000_001
    pq.write_table(pa.table({"x": np.arange(rows) % 7, "y": np.arange(rows) % 2}), tmp_path / "t.parquet")
    assert infer(tmp_path / "t.parquet", "y").max_rows == 2**24


def test_every_bound_and_category_from_rows_is_marked(write: Write):
    schema = infer(write(b"age,sex,smoker,y\n41,f,yes,0\n78,m,no,1\n"), "y")
    text = to_toml(schema, "ward.csv")
    assert text.count("# CHECK: taken from ward.csv, and public once signed.") == 3  # all but the boolean
    assert "# CHECK" not in to_toml(schema)


@pytest.mark.slow
def test_the_widest_draft_fits_an_agreement(write: Write):
    columns = {f"column{at}": ["0.25", "7.5"] for at in range(9_999)}
    schema = infer(write(table(**columns, y=["0", "1"])), "y")
    text = to_toml(schema, "ward.csv")
    assert text.count("# CHECK: taken from ward.csv") == 1
    assert parsed(text) == schema


@pytest.mark.parametrize("source", ["a\nmax_rows = 5", "a\r[data]", "\x00", "\ud800", "\u2028x", "x" * 10_000])
def test_a_files_name_stays_in_its_comment(write: Write, source):
    schema = infer(write(b"age,y\n41,0\n78,1\n"), "y")
    text = to_toml(schema, source)
    assert parsed(text) == schema
    assert max(map(len, text.split("\n"))) < 300


def test_what_a_person_may_write_is_kept(clinic: Schema):
    prose = {"unit": "µg/m³", "description": 'two\nlines, "quoted" \\ and a\ttab'}
    parts = tuple(msgspec.structs.replace(column, **prose) for column in clinic.columns)
    schema = Schema(label="died", columns=parts, max_rows=7)
    assert parsed(to_toml(schema)) == schema
