"""What a schema may be, what it says of the features, and that its digest stands for all of it."""

import math
import unicodedata

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column, Schema
from tacit.errors import AgreementError

LABEL = Column(name="died", kind="boolean")
AGE = Column(name="age", kind="number", low=0.0, high=120.0)
SEX = Column(name="sex", kind="category", values=("female", "male"), missing="indicator")

names = st.text("ab=?", min_size=1, max_size=3)


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
        ({"kind": "number", "low": -0.0, "high": 0.0}, "not below"),
        ({"kind": "number", "low": math.nan, "high": 1.0}, "finite"),
        ({"kind": "number", "low": 0.0, "high": math.inf}, "finite"),
        ({"kind": "number", "low": -math.inf, "high": 0.0}, "finite"),
        ({"kind": "number", "low": 0.0, "high": 2e12}, "another unit"),
        ({"kind": "integer", "low": 0, "high": 2**53 + 1}, "another unit"),
        ({"kind": "number", "low": 0, "high": 10**400}, "finite"),
        ({"kind": "number", "low": 1e11, "high": 1e11 + 1e-4}, "too close"),
        ({"kind": "number", "low": 0.0, "high": 5e-324}, "too close"),
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
        ({"kind": "category", "values": ("a", " b")}, "a value begins or ends with a space"),
        ({"kind": "category", "values": ("a", "b\n")}, "a value begins or ends with a space"),
        ({"kind": "category", "values": ("a", "b\x00c")}, "a value has characters that do not print"),
        ({"kind": "category", "values": ("a", "a\u0308")}, "a value is not in composed form"),
        ({"kind": "category", "values": ("a", "")}, "1 to 200 characters"),
        ({"kind": "category", "values": ("a", "b" * 201)}, "1 to 200 characters"),
        ({"kind": "text"}, "kind is one of number, integer, category, boolean"),
        ({"kind": "boolean", "missing": "drop"}, "missing is one of refuse, indicator"),
        ({"kind": "boolean", "unit": "mm\x00Hg"}, "unit"),
        ({"kind": "boolean", "unit": "m\n"}, "unit"),
        ({"kind": "boolean", "unit": "m" * 201}, "unit"),
        ({"kind": "boolean", "unit": "\ud800"}, "unit"),
        ({"kind": "boolean", "description": "a\x1b[2J"}, "description"),
        ({"kind": "boolean", "description": "a\u202eb"}, "description"),
        ({"kind": "boolean", "description": "a" * 1001}, "description"),
    ],
)
def test_a_column_that_cannot_be_is_refused_by_name(fields, says):
    with pytest.raises(AgreementError, match=r"^column 'odd one': .*" + says):
        Column(name="odd one", **fields)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (" age", "begins or ends with a space"),
        ("age\t", "begins or ends with a space"),
        ("a\nge", "do not print"),
        ("a\u200bge", "do not print"),  # no width
        ("a\u202ege", "do not print"),  # turns the line around
        ("a\u00a0ge", "do not print"),  # looks like a space
        ("\ud800", "do not print"),
        ("", "1 to 200 characters"),
        ("a" * 201, "1 to 200 characters"),
        (unicodedata.normalize("NFD", "Größe"), "composed form"),
        ("\u212b", "composed form"),  # the sign for angstrom, which is the letter
    ],
)
def test_a_name_that_people_cannot_tell_from_another_is_refused(name, says):
    with pytest.raises(AgreementError, match=rf"^column '.*': its name .*{says}"):
        Column(name=name, kind="boolean")


def test_what_is_unusual_but_plain_may_be():
    Column(name="a" * 200, kind="category", values=tuple(f"{i} = größer, ≤ 50 ?" for i in range(1000)))
    Column(name="Größe in cm (שם)", kind="number", low=-1e12, high=1e12, unit="µg/m³", description="one\n\ttwo")
    Column(name="x", kind="number", low=1e11, high=1e11 + 200)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: schema(AGE, AGE), "named twice.*'age'"),
        (lambda: schema(AGE, label="dead"), "'dead' is no column"),
        (lambda: schema(), "1 columns"),
        (lambda: schema(AGE, max_rows=0), "max_rows"),
        (lambda: schema(AGE, max_rows=2**24 + 1), "max_rows"),
        (lambda: schema(AGE, Column(name="x", kind="boolean", missing="indicator"), label="x"), "'x' is the label"),
        (lambda: schema(*(Column(name=f"c{i}", kind="boolean") for i in range(10_000))), "10001 columns"),
        (lambda: schema(*(Column(name=f"{i:0200d}", kind="boolean") for i in range(9000)), label="x"), "is no column"),
        (lambda: schema(*(Column(name=f"c{i // 2}", kind="boolean") for i in range(9000))), "named twice"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_in_few_words(make, says):
    with pytest.raises(AgreementError, match=says) as caught:
        make()
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("other", ["sex=male", "sex?missing"])
def test_two_columns_never_share_the_name_of_a_feature(other):
    for parts in ((SEX, Column(name=other, kind="boolean")), (Column(name=other, kind="boolean"), AGE, SEX)):
        with pytest.raises(AgreementError, match="would have features of one name") as caught:
            schema(*parts)
        assert repr(other) in str(caught.value)
        assert "'sex'" in str(caught.value)


def test_the_label_is_no_feature_and_may_be_named_like_one():
    label = Column(name="sex=male", kind="boolean")
    assert len(Schema(label="sex=male", columns=(SEX, label)).features) == 3


def test_a_shared_feature_is_not_named_since_a_draft_has_its_values_from_cells():
    parts = [Column(name="a", kind="category", values=("b=7734", "x")),
             Column(name="a=b", kind="category", values=("7734", "x"))]  # fmt: skip
    with pytest.raises(AgreementError, match="columns 'a' and 'a=b' would have features of one name") as caught:
        schema(*parts)
    assert "7734" not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(names, min_size=1, max_size=4, unique=True),
    st.lists(st.lists(names, min_size=2, max_size=3, unique=True), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_a_schema_has_as_many_features_as_names_of_features_or_is_none(columns, values, choices):
    parts = [
        Column(
            name=name,
            kind="category" if choices[at] else "boolean",
            values=tuple(values[at]) if choices[at] else (),
            missing="indicator" if choices[at + 4] else "refuse",
        )
        for at, name in enumerate(columns)
    ]
    features = [feature for part in parts for feature in part.feature_names]
    try:
        whole = schema(*parts)
    except AgreementError:
        assert len(set(features)) < len(features)
    else:
        assert whole.features == tuple(features)
        assert len(set(features)) == len(features) == len(whole.feature_low) == len(whole.feature_high)


def test_unknown_fields_and_kinds_are_refused_when_decoded():
    good = msgspec.to_builtins(schema(AGE))
    assert msgspec.convert(good, Schema) == schema(AGE)
    for change in ({"kind": "text"}, {"missing": "drop"}, {"lowest": 1.0}, {"name": ""}, {"low": "0"}, {"low": 500.0}):
        broken = {**good, "columns": [{**good["columns"][0], **change}, *good["columns"][1:]]}
        with pytest.raises((msgspec.ValidationError, AgreementError)):
            msgspec.convert(broken, Schema)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, "rows": 1}, Schema)


def test_schemas_columns_and_bounds_are_frozen():
    whole = schema(AGE)
    with pytest.raises(AttributeError):
        whole.label = "age"
    with pytest.raises(AttributeError):
        whole.columns[0].high = 200.0
    for bounds in (whole.feature_low, whole.feature_high):
        with pytest.raises(ValueError, match="read-only"):
            bounds[0] = 5.0
    assert hash(whole) == hash(schema(AGE))
    assert whole == schema(AGE)  # whatever has been asked of one


def test_what_a_schema_says_of_its_features(clinic: Schema):
    assert clinic.features == (
        "age", "visits", "visits?missing", "sex=female", "sex=male",
        "stage=I", "stage=II", "stage=III", "stage?missing", "smoker", "smoker?missing",
    )  # fmt: skip
    np.testing.assert_array_equal(clinic.feature_low, np.zeros(11))
    np.testing.assert_array_equal(clinic.feature_high, [120, 50] + [1] * 9)
    assert clinic.feature_low.dtype == clinic.feature_high.dtype == np.float64
    assert [column.name for column in clinic.feature_columns] == ["age", "visits", "sex", "stage", "smoker"]


def test_tasks_and_classes():
    three = Column(name="stage", kind="category", values=("I", "II", "III"))
    assert (schema(AGE).task, schema(AGE).classes) == ("binary", ("false", "true"))
    assert (schema(three, label="stage").task, schema(three, label="stage").classes) == ("multiclass", three.values)
    assert (schema(AGE, label="age").task, schema(AGE, label="age").classes) == ("regression", ())
    assert schema(AGE, label="age").label_bounds == (0.0, 120.0)
    with pytest.raises(AgreementError, match="'died' has no bounds"):
        _ = schema(AGE).label_bounds


def test_a_schema_may_be_as_wide_as_is_allowed():
    parts = [Column(name=f"c{i}", kind="number", low=0.0, high=1.0) for i in range(9999)]
    whole = schema(*parts)
    assert all(whole.features[at] == f"c{at}" for at in range(9999))
    assert sum(float(whole.feature_high[at]) for at in range(9999)) == 9999  # asked for in a loop, as callers do


def test_equal_bounds_have_one_digest_however_they_are_written():
    for low, high in ((0, 120), (-0.0, 120.0), (False, 120)):
        whole = schema(Column(name="age", kind="number", low=low, high=high))
        assert whole == schema(AGE)
        assert whole.digest == schema(AGE).digest
        assert math.copysign(1, whole.columns[0].low) == 1


def test_the_digest_is_the_same_on_every_machine_and_after_every_change_another():
    plain = schema(AGE)
    assert plain.digest == "a1cdf2946eafc783b556058c6829b71ed35572f9b5dbf13df31b32278436358e"
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


PIXELS = Column("pixel", "integer", low=0, high=255, numbered=(8, 11))
DIGIT = Column("digit", "category", values=("0", "1"))


def test_numbered_columns_are_those_written_one_by_one() -> None:
    short = Schema("digit", (PIXELS, DIGIT))
    long = Schema("digit", (*(Column(f"pixel{n}", "integer", low=0, high=255) for n in (8, 9, 10, 11)), DIGIT))
    assert short == long
    assert short.digest == long.digest
    assert short.features == ("pixel8", "pixel9", "pixel10", "pixel11")
    assert short.feature_high.tolist() == [255.0] * 4


def test_numbered_columns_can_be_written_in_toml() -> None:
    text = """
        label = "digit"
        [[columns]]
        name = "pixel"
        kind = "integer"
        low = 0
        high = 255
        numbered = [8, 11]
        [[columns]]
        name = "digit"
        kind = "category"
        values = ["0", "1"]
    """
    assert msgspec.toml.decode(text, type=Schema) == Schema("digit", (PIXELS, DIGIT))


@pytest.mark.parametrize("numbered", [(3, 3), (4, 3), (-1, 3), (0, 2**24 + 1), (0.0, 3), (False, True)])
def test_numbers_that_count_nothing_are_refused(numbered: tuple) -> None:
    with pytest.raises(AgreementError, match=r"column 'pixel': numbered is the first and the last number"):
        Column("pixel", "integer", low=0, high=255, numbered=numbered)


def test_numbered_columns_are_counted_before_any_is_made() -> None:
    many = Column("pixel", "integer", low=0, high=255, numbered=(1, 2**24))
    with pytest.raises(AgreementError, match="16777217 columns: a study has 2 to 10000"):
        Schema("digit", (many, DIGIT))


def test_a_numbered_column_may_not_meet_another() -> None:
    with pytest.raises(AgreementError, match=r"named twice: \['pixel9'\]"):
        Schema("digit", (PIXELS, Column("pixel9", "boolean"), DIGIT))


def test_a_number_that_makes_a_name_too_long_is_refused() -> None:
    long = Column("p" * 199, "boolean", numbered=(9, 10))
    with pytest.raises(AgreementError, match="is not of 1 to 200 characters"):
        Schema("digit", (long, DIGIT))
