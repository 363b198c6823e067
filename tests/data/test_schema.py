"""What a schema may be, what it says of the features, and that its digest stands for all of it."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema, to_toml
from tacit.errors import AgreementError

LABEL = Column(name="died", kind="boolean")
AGE = Column(name="age", kind="number", low=0.0, high=120.0)

name_text = st.text(st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=12)
free_text = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" \n\t", codec="utf-8"), max_size=20
)


@st.composite
def columns(draw: st.DrawFn, name: str, *, label: bool = False) -> Column:
    kind = draw(st.sampled_from(["number", "integer", "category", "boolean"]))
    values: dict[str, object] = {}
    if kind == "category":
        values["values"] = tuple(draw(st.lists(name_text, min_size=2, max_size=5, unique=True)))
    if kind in ("number", "integer"):
        low = float(draw(st.integers(-(10**9), 10**9)))
        values |= {"low": low, "high": low + draw(st.integers(10, 1000))}
    if kind == "number":
        values["high"] = values["high"] + draw(st.floats(0, 1))
    missing = "refuse" if label else draw(st.sampled_from(["refuse", "indicator"]))
    return Column(name=name, kind=kind, missing=missing, unit=draw(name_text), description=draw(free_text), **values)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(name_text, min_size=2, max_size=5, unique_by=lambda name: name.split("=")[0].split("?")[0]))
    label = draw(st.sampled_from(names))
    parts = tuple(draw(columns(name, label=name == label)) for name in names)
    return Schema(label=label, columns=parts, max_rows=draw(st.integers(1, 2**24)))


def schema(*parts: Column, label: str = "died", max_rows: int = 1000) -> Schema:
    return Schema(label=label, columns=(*parts, LABEL), max_rows=max_rows)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "number"}, "needs low and high"),
        ({"kind": "number", "low": 0.0}, "needs low and high"),
        ({"kind": "integer", "high": 0.0}, "needs low and high"),
        ({"kind": "number", "low": 1.0, "high": 1.0}, "not below"),
        ({"kind": "number", "low": 2.0, "high": 1.0}, "not below"),
        ({"kind": "number", "low": math.nan, "high": 1.0}, "finite"),
        ({"kind": "number", "low": 0.0, "high": math.inf}, "finite"),
        ({"kind": "number", "low": -math.inf, "high": 0.0}, "finite"),
        ({"kind": "number", "low": 0.0, "high": 2e12}, "another unit"),
        ({"kind": "number", "low": 0, "high": 10**400}, "finite"),
        ({"kind": "number", "low": 1e11, "high": 1e11 + 1e-4}, "too close"),
        ({"kind": "integer", "low": 0.5, "high": 3.0}, "whole"),
        ({"kind": "integer", "low": 0.0, "high": 3.5}, "whole"),
        ({"kind": "boolean", "low": 0.0}, "only numbers"),
        ({"kind": "category", "values": ("a", "b"), "high": 1.0}, "only numbers"),
        ({"kind": "number", "low": 0.0, "high": 1.0, "values": ("a", "b")}, "only categories"),
        ({"kind": "boolean", "values": ("a", "b")}, "only categories"),
        ({"kind": "category"}, "2 to 1000 values"),
        ({"kind": "category", "values": ("a",)}, "2 to 1000 values"),
        ({"kind": "category", "values": tuple(map(str, range(1001)))}, "2 to 1000 values"),
        ({"kind": "category", "values": ("a", "b", "a")}, "twice"),
        ({"kind": "category", "values": ("a", " b")}, "space"),
        ({"kind": "category", "values": ("a", "b\n")}, "space"),
        ({"kind": "category", "values": ("a", "b\x00c")}, "do not print"),
        ({"kind": "category", "values": ("a", "")}, "1 to 200 characters"),
        ({"kind": "category", "values": ("a", "b" * 201)}, "1 to 200 characters"),
        ({"kind": "text"}, "kind"),
        ({"kind": "boolean", "missing": "drop"}, "missing"),
        ({"kind": "boolean", "unit": "mm\x00Hg"}, "unit"),
        ({"kind": "boolean", "unit": "\ud800"}, "unit"),
        ({"kind": "boolean", "description": "a\x1b[2J"}, "description"),
        ({"kind": "boolean", "description": "a" * 5000}, "description"),
    ],
)
def test_a_column_that_cannot_be_is_refused_by_name(fields: dict[str, object], says: str) -> None:
    with pytest.raises(AgreementError, match=r"column 'odd one'.*" + says):
        schema(Column(name="odd one", **fields))


@pytest.mark.parametrize("name", [" age", "age ", "a\nge", "a\u200bge", "", "a" * 201, "\ud800"])
def test_a_name_that_people_cannot_see_is_refused(name: str) -> None:
    with pytest.raises(AgreementError, match="name"):
        schema(Column(name=name, kind="boolean"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: schema(AGE, AGE), "'age'"),
        (lambda: schema(AGE, label="dead"), "'dead'"),
        (lambda: schema(), "1 columns"),
        (lambda: schema(AGE, max_rows=0), "max_rows"),
        (lambda: schema(AGE, max_rows=2**24 + 1), "max_rows"),
        (lambda: schema(AGE, Column(name="x", kind="boolean", missing="indicator"), label="x"), "'x' is the label"),
        (lambda: schema(*(Column(name=f"c{i}", kind="boolean") for i in range(10_000))), "10001 columns"),
    ],
)
def test_a_schema_that_cannot_be_is_refused(make, says: str) -> None:
    with pytest.raises(AgreementError, match=says):
        make()


@pytest.mark.parametrize(
    "other",
    [
        Column(name="sex=male", kind="boolean"),
        Column(name="sex?missing", kind="boolean"),
    ],
)
def test_two_columns_never_share_a_feature_name(other: Column) -> None:
    sex = Column(name="sex", kind="category", values=("female", "male"), missing="indicator")
    with pytest.raises(AgreementError, match=other.name.replace("?", r"\?")):
        schema(sex, other)


def test_unknown_fields_and_kinds_are_refused_when_decoded() -> None:
    good = msgspec.to_builtins(schema(AGE))
    assert msgspec.convert(good, Schema) == schema(AGE)
    for change in ({"kind": "text"}, {"missing": "drop"}, {"lowest": 1.0}, {"name": ""}, {"name": "x" * 201}):
        broken = {**good, "columns": [{**good["columns"][0], **change}, *good["columns"][1:]]}
        with pytest.raises((msgspec.ValidationError, AgreementError)):
            msgspec.convert(broken, Schema)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, "rows": 1}, Schema)


def test_schemas_and_columns_are_frozen() -> None:
    whole = schema(AGE)
    with pytest.raises(AttributeError):
        whole.label = "age"
    with pytest.raises(AttributeError):
        whole.columns[0].high = 200.0
    assert hash(whole) == hash(schema(AGE))


def test_what_a_schema_says_of_its_features(clinic: Schema) -> None:
    assert clinic.features == (
        "age", "visits", "visits?missing", "sex=female", "sex=male",
        "stage=I", "stage=II", "stage=III", "stage?missing", "smoker", "smoker?missing",
    )  # fmt: skip
    np.testing.assert_array_equal(clinic.feature_low, np.zeros(11))
    np.testing.assert_array_equal(clinic.feature_high, [120, 50] + [1] * 9)
    assert [column.name for column in clinic.feature_columns] == ["age", "visits", "sex", "stage", "smoker"]


def test_tasks_and_classes() -> None:
    three = Column(name="stage", kind="category", values=("I", "II", "III"))
    assert (schema(AGE).task, schema(AGE).classes) == ("binary", ("false", "true"))
    assert (schema(three, label="stage").task, schema(three, label="stage").classes) == ("multiclass", three.values)
    assert (schema(AGE, label="age").task, schema(AGE, label="age").classes) == ("regression", ())
    assert schema(AGE, label="age").label_bounds == (0.0, 120.0)
    with pytest.raises(AgreementError, match="'died' has no bounds"):
        _ = schema(AGE).label_bounds


@settings(max_examples=60, deadline=None)
@given(schemas(), st.one_of(st.none(), st.text(max_size=20)))
def test_toml_there_and_back(whole: Schema, source: str | None) -> None:
    text = to_toml(whole, source)
    again = msgspec.convert(msgspec.toml.decode(text)["data"], Schema)
    assert again == whole
    assert again.digest == whole.digest
    assert len(whole.features) == len(whole.feature_low) == len(whole.feature_high) == len(set(whole.features))
    assert (whole.feature_low < whole.feature_high).all()


@settings(max_examples=60, deadline=None)
@given(schemas(), schemas())
def test_equal_schemas_alone_share_a_digest(one: Schema, other: Schema) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_the_digest_is_the_same_on_every_machine_and_after_every_change_another() -> None:
    plain = schema(AGE)
    assert plain.digest == "DIGEST"
    others = [
        schema(AGE, max_rows=1001),
        schema(AGE, label="age"),
        Schema(label="died", columns=(LABEL, AGE), max_rows=1000),
        *(
            schema(msgspec.structs.replace(AGE, **change))
            for change in (
                {"name": "Age"},
                {"kind": "integer"},
                {"low": -1.0},
                {"high": 121.0},
                {"missing": "indicator"},
                {"unit": "years"},
                {"description": "at admission"},
            )
        ),
        schema(Column(name="age", kind="category", values=("a", "b"))),
        schema(Column(name="age", kind="category", values=("b", "a"))),
    ]
    assert len({plain.digest, *(other.digest for other in others)}) == len(others) + 1


def test_equal_bounds_have_one_digest_however_they_are_written() -> None:
    whole = schema(Column(name="age", kind="number", low=0, high=120))
    assert whole == schema(AGE)
    assert whole.digest == schema(AGE).digest
    assert schema(Column(name="age", kind="number", low=-0.0, high=120.0)).digest == schema(AGE).digest
