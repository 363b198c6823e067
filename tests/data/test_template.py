"""A draft from a table: bounds that hold it, a warning beside each, and nothing but DataError for what is no table."""

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema, infer, load, to_toml
from tacit.errors import DataError

Write = Callable[..., Path]
SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")


def said(path: Path, label: str) -> str:
    with pytest.raises(DataError) as caught:
        infer(path, label)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


def test_kinds_bounds_and_gaps(write: Write) -> None:
    schema = infer(
        write(b"age,bmi,delta,sex,smoker,code,y\n41,17.3,-0.031,f,yes,0,1\n78,,0.0042,m,No,1,0\n ,38.1,0,f,no,1,0\n"),
        "y",
    )
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


@settings(max_examples=200, deadline=None)
@given(
    numbers=st.lists(
        st.one_of(st.floats(-1e11, 1e11), st.floats(-1, 1), st.sampled_from([0.1 + 0.2, 0.7, 1e-5, 9.999999999999999])),
        min_size=2,
        max_size=6,
        unique=True,
    )
)
def test_bounds_go_outwards_and_the_draft_loads_what_it_was_made_from(scratch: Path, numbers: list[float]) -> None:
    path = scratch / "draft.csv"
    path.write_text("x,y\n" + "".join(f"{number!r},{row % 2}\n" for row, number in enumerate(numbers)))
    if max(numbers) - min(numbers) < 1e-6:
        return  # too close for a column
    schema = infer(path, "y")
    low, high = schema.columns[0].bounds
    assert low <= min(numbers) < max(numbers) <= high
    for bound in (low, high):
        assert bound == 0 or float(f"{bound:.0e}") == bound  # one digit
    assert load(path, schema).features[:, 0].tolist() == numbers


def test_every_bound_and_category_from_rows_is_marked(write: Write) -> None:
    schema = infer(write(b"age,sex,smoker,y\n41,f,yes,0\n78,m,no,1\n"), "y")
    text = to_toml(schema, "ward.csv")
    assert text.count("# CHECK: taken from ward.csv, and public once signed.") == 3  # all but the boolean
    assert "# CHECK" not in to_toml(schema)
    assert msgspec.convert(msgspec.toml.decode(text)["data"], Schema) == schema


@pytest.mark.parametrize("source", ["a\nmax_rows = 5", "a\r[data]", "\x00", "\ud800"])
def test_a_files_name_stays_in_its_comment(write: Write, source: str) -> None:
    schema = infer(write(b"age,y\n41,0\n78,1\n"), "y")
    assert msgspec.convert(msgspec.toml.decode(to_toml(schema, source))["data"], Schema) == schema


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", " is empty"),
        (b"age,died\n1,2\n", " has no column 'y'"),
        (b"7734,7735\n1,2\n", " has no column 'y'"),
        (b"age,y\n", ", column 'age': has 0 different values"),
        (b"age,y\n7734,0\n7734,1\n", ", column 'age': has 1 different values"),
        (b"age,y\n7734,0\n7734.0,1\n", ", column 'age': has 1 different values"),
        (b"age,y\n7.734e400,0\n1,1\n", ", column 'age': "),
        (b"age,y\n7.734e15,0\n1,1\n", ", column 'age': "),
        (b"age,y\n7.734e-324,0\n0,1\n", ", column 'age': "),
        (b"y\n7734\n7735\n", ": 1 columns"),
        (b"age,y,\n7734,0,1\n7735,1,2\n", ", column '': "),
        (b"age,y\n7734\x01a,0\nb,1\n", ", column 'age': "),
        (b"age,y\n" + b"7734" * 51 + b"x,0\nb,1\n", ", column 'age': "),
        (b"age,y\n" + b"".join(b"n%d,%d\n" % (i, i % 2) for i in range(1001)), ", column 'age': has 1001 different"),
    ],
)
def test_a_table_that_gives_no_draft(write: Write, data: bytes, says: str) -> None:
    message = said(write(data), "y")
    assert message.startswith(says)
    assert "773" not in message
    assert "7.7" not in message


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=50),
        st.lists(st.lists(st.text(max_size=4), min_size=2, max_size=2).map(",".join), max_size=4).map(
            lambda lines: "\n".join(["x,y", *lines]).encode("utf-8", "surrogatepass")
        ),
        st.lists(st.lists(st.floats().map(repr), min_size=2, max_size=2).map(",".join), max_size=4).map(
            lambda lines: "\n".join(["x,y", *lines]).encode()
        ),
    )
)
def test_any_bytes_give_a_draft_or_a_data_error(scratch: Path, content: bytes) -> None:
    path = scratch / "drafted.csv"
    path.write_bytes(content)
    try:
        schema = infer(path, "y")
    except DataError as error:
        assert str(error).startswith(str(path))
    else:
        assert msgspec.convert(msgspec.toml.decode(to_toml(schema, path.name))["data"], Schema) == schema


def test_max_rows_leaves_room(write: Write) -> None:
    assert infer(write(b"x,y\n" + b"1,0\n2,1\n" * 2000), "y").max_rows == 10_000


@needs_shared
@pytest.mark.parametrize(("path", "label"), [("heart/cleveland.csv", "num"), ("adult/adult.csv", "income")])
def test_real_tables_load_by_their_own_draft(path: str, label: str) -> None:
    schema = infer(SHARED / path, label)
    table = load(SHARED / path, schema)
    assert len(table) <= schema.max_rows
    assert ((schema.feature_low <= table.features) & (table.features <= schema.feature_high)).all()
    assert all(math.isfinite(bound) for bound in schema.feature_high)
    assert "# CHECK" in to_toml(schema, path)
