"""Cells to features: equal to a plain twin, within the schema's bounds, and faults that tell no values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column
from tacit.data.cells import Text, encode_features, encode_label
from tacit.data.schema import feature_bounds, feature_names

NUMBER = Column(name="age", kind="number", low=-10.0, high=120.0)
INTEGER = Column(name="visits", kind="integer", low=-5.0, high=50.0)
CATEGORY = Column(name="stage", kind="category", values=("I", "II", "true"))
BOOLEAN = Column(name="smoker", kind="boolean")
ALL = [NUMBER, INTEGER, CATEGORY, BOOLEAN]

REASONS = {
    "is empty",
    "is not a finite number",
    "is not a number (digits, a point, an exponent)",
    "is out of bounds, -10 to 120",
    "is out of bounds, -5 to 50",
    "is not a whole number",
    "is none of the categories I, II, true",
    "is none of true, false, yes, no, 1, 0",
}

spaces = st.sampled_from(["", " ", "\t", "  "])
likely = st.one_of(
    st.floats(-20, 130).map(repr),
    st.integers(-10, 60).map(str),
    st.integers(-10, 60).map(lambda whole: f"{whole}.0"),
    st.sampled_from(
        ["I", "II", "true", "yes", "No", "FALSE", "1e1", "+5", ".5", "5.", "-0", "1,5", "nan", "NaN", "-inf"]
    ),
)
cell = st.tuples(spaces, st.one_of(likely, st.just(""), st.text(max_size=6)), spaces).map("".join)


def text(*values: str) -> Text:
    return np.array(values, dtype=object)


def reasons(faults) -> dict[int, str]:
    return {int(row): fault.reason for fault in faults for row in fault.rows}


def twin(column: Column, value: str) -> list[float] | None:
    """The features of one cell, without numpy or arrow; None where it does not fit."""
    value = value.strip()
    indicator = [0.0] if column.missing == "indicator" else []
    size = len(column.values) or 1
    if not value:
        middle = [0.0] * size if column.values else [0.5 if column.low is None else (column.low + column.high) / 2]
        return [*middle, 1.0] if indicator else None
    if column.kind == "category":
        return [float(value == each) for each in column.values] + indicator if value in column.values else None
    if column.kind == "boolean":
        folded = value.lower()
        known = folded in ("true", "yes", "1") or folded in ("false", "no", "0")
        return [float(folded in ("true", "yes", "1")), *indicator] if known else None
    if not value.isascii() or set(value) - set("0123456789+-.eE") or len(value) > 64:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not column.low <= number <= column.high or (column.kind == "integer" and number % 1):
        return None
    return [number, *indicator]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ALL), st.booleans(), st.lists(cell, min_size=1, max_size=6))
def test_features_equal_the_plain_twin(column: Column, indicator: bool, cells: list[str]) -> None:
    if indicator:
        column = Column(
            name=column.name, kind=column.kind, low=column.low, high=column.high, values=column.values,
            missing="indicator",
        )  # fmt: skip
    features, faults = encode_features(column, text(*cells))
    expected = [twin(column, value) for value in cells]
    found = reasons(faults)
    assert set(found) == {row for row, value in enumerate(expected) if value is None}
    assert set(found.values()) <= REASONS  # so no reason depends on what the cell holds
    assert features.shape == (len(cells), len(feature_names(column)))
    for row, value in enumerate(expected):
        if value is not None:
            assert features[row].tolist() == value
    low, high = np.array(feature_bounds(column)).T
    assert ((low <= features) & (features <= high)).all()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ALL), st.lists(cell, min_size=1, max_size=6))
def test_labels_equal_the_plain_twin(column: Column, cells: list[str]) -> None:
    labels, faults = encode_label(column, text(*cells))
    assert labels.shape == (len(cells),)
    assert labels.dtype == (np.float64 if column.kind in ("number", "integer") else np.int64)
    found = reasons(faults)
    for row, value in enumerate(cells):
        expected = twin(column, value)
        assert (row in found) == (expected is None)
        if expected is not None:
            assert labels[row] == (np.argmax(expected) if column.values else expected[0])


@pytest.mark.parametrize(
    "value",
    ["1,5", "1_000", "0x10", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e999", "1e", "e1", ".", "+", "--1", "1 000",
     "١٢", "1d3", "1f", "½", "0b1", "1e+", "121", "-10.0000001", "1" * 65, "0." + "1" * 70, "True", "€5", "1;2"],
)  # fmt: skip
@pytest.mark.parametrize("among", [(), ("7",), (" 7",), ("7", "")])
def test_what_is_not_a_number_within_bounds(value: str, among: tuple[str, ...]) -> None:
    for column in (NUMBER, INTEGER):
        for encode in (encode_features, encode_label):
            _, faults = encode(column, text(*among, value))
            found = reasons(faults)
            assert len(among) in found
            assert 0 not in found or not among
            assert value not in found[len(among)]


@pytest.mark.parametrize(
    "value", ["5", "+5", "5.", "5.0", "05", "5e0", "50E-1", ".5e1", "5e+00000", " 5 ", "\t5", "5\xa0"]
)
@pytest.mark.parametrize("among", ["7", " 7"])
def test_what_is_a_number_whatever_stands_beside_it(value: str, among: str) -> None:
    for column in (NUMBER, INTEGER):
        features, faults = encode_features(column, text(value, among))
        assert features.tolist() == [[5.0], [7.0]]
        assert not faults


def test_bounds_are_inclusive() -> None:
    features, faults = encode_features(NUMBER, text("-10", "120", "120.00000000000001"))
    assert reasons(faults) == {2: "is out of bounds, -10 to 120"}
    assert features[:2].tolist() == [[-10.0], [120.0]]


@pytest.mark.parametrize("value", ["true", "TRUE", "Yes", "1", " yes "])
def test_forms_of_true(value: str) -> None:
    assert encode_features(BOOLEAN, text(value, "no"))[0].tolist() == [[1.0], [0.0]]
    assert encode_label(BOOLEAN, text(value, "no"))[0].tolist() == [1, 0]


@pytest.mark.parametrize("value", ["t", "y", "on", "1.0", "2", "-", "truee", "0.0"])
def test_forms_of_neither(value: str) -> None:
    assert reasons(encode_features(BOOLEAN, text("yes", value))[1]) == {1: "is none of true, false, yes, no, 1, 0"}


def test_categories_are_exact_and_their_list_is_cut() -> None:
    many = Column(name="ward", kind="category", values=tuple(f"w{i}" for i in range(20)))
    _, faults = encode_features(many, text("w1", "W1", "w20"))
    assert reasons(faults) == dict.fromkeys((1, 2), "is none of the categories w0, w1, w2, w3, w4, w5, w6, w7, ...")


def test_a_missing_cell_is_the_midpoint_or_no_category_and_an_indicator() -> None:
    for column, middle in ((NUMBER, [55.0]), (INTEGER, [22.5]), (CATEGORY, [0.0, 0.0, 0.0]), (BOOLEAN, [0.5])):
        lenient = Column(
            name=column.name, kind=column.kind, low=column.low, high=column.high, values=column.values,
            missing="indicator",
        )  # fmt: skip
        features, faults = encode_features(lenient, text("", "  "))  # nothing but missing cells
        assert not faults
        assert features.tolist() == [[*middle, 1.0]] * 2
        assert reasons(encode_features(column, text("", "  "))[1]) == {0: "is empty", 1: "is empty"}
        assert reasons(encode_label(lenient, text("", "  "))[1]) == {0: "is empty", 1: "is empty"}


def test_many_faults_take_little_room() -> None:
    cells = text(*(f"no number {i}" for i in range(50_000)))
    _, faults = encode_features(NUMBER, cells)
    assert len(faults) == 1
    assert faults[0].rows.tolist() == list(range(50_000))
