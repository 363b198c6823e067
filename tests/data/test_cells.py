"""Cells to features: equal to a plain twin, within the schema's bounds, and faults that tell no values."""

import itertools
import re

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Column
from tacit.data.blocks import TextColumn
from tacit.data.cells import (
    EMPTY,
    FITS,
    LONGEST_NUMBER,
    NO_NUMBER,
    NOT_FINITE,
    encode_features,
    encode_label,
    parse_number,
    parse_numbers,
)

NUMBER = Column(name="age", kind="number", low=-10.0, high=120.0)
INTEGER = Column(name="visits", kind="integer", low=-5.0, high=50.0)
CATEGORY = Column(name="stage", kind="category", values=("I", "II", "true", "Größe"))
BOOLEAN = Column(name="smoker", kind="boolean")
ALL = [NUMBER, INTEGER, CATEGORY, BOOLEAN]

NOT_A_NUMBER = "is not a number (digits, a point, an exponent; no commas)"
NEITHER = "is none of true, false, yes, no, 1, 0"
REASONS = {
    "is empty",
    "is not a finite number",
    NOT_A_NUMBER,
    "is out of bounds, -10 to 120",
    "is out of bounds, -5 to 50",
    "is not a whole number",
    "is none of the categories I, II, true, Größe",
    NEITHER,
}

SIGNS = "01+-.eE"  # of them alone are the texts that arrow casts
spaces = st.sampled_from(["", " ", "\t", "  ", "\xa0", "\u2003", "\x1f"])
likely = st.one_of(
    st.floats(-20, 130).map(repr),
    st.floats().map(repr),
    st.integers(-10, 60).map(str),
    st.integers(-10, 60).map(lambda whole: f"{whole}.0"),
    st.sampled_from(["I", "II", "true", "Größe", "Gro\u0308ße", "yes", "No", "FALSE", "1e1", "+5", ".5", "5.", "-0"]),
    st.sampled_from(["1,5", "nan", "NaN", "-inf", "Infinity", "0x10", "1_000", "١٢", "1e999", "1e-999", "1" * 65]),
    st.text("0123456789+-.eE", max_size=12),
    st.text("0", min_size=60, max_size=70),
)
cell = st.tuples(spaces, st.one_of(likely, st.just(""), st.text(max_size=6)), spaces).map("".join)


def column(*texts: str) -> TextColumn:
    return TextColumn.of(texts)


def strings(*texts: str) -> pa.StringArray:
    return pa.array(texts, pa.string())


def lenient(strict: Column) -> Column:
    return msgspec.structs.replace(strict, missing="indicator")


def reasons(faults) -> dict[int, str]:
    assert len({fault.reason for fault in faults}) == len(faults)
    return {row: fault.reason for fault in faults for row in fault.rows.tolist()}


def number(text: str) -> float | None:
    """The number of a text, by Python alone; None where it is none."""
    text = text.strip()
    plain = re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
    return float(text) if plain and len(text) <= 64 else None


def twin(column: Column, text: str) -> list[float] | None:
    """The features of one cell, without numpy or arrow; None where it does not fit."""
    text = text.strip()
    indicator = [0.0] if column.missing == "indicator" else []
    if not text:
        middle = [0.0] * len(column.values) or [0.5 if column.low is None else (column.low + column.high) / 2]
        return [*middle, 1.0] if indicator else None
    if column.kind == "category":
        text = text.replace("o\u0308", "ö")
        return [float(text == each) for each in column.values] + indicator if text in column.values else None
    if column.kind == "boolean":
        known = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}.get(text.lower())
        return None if known is None else [known, *indicator]
    found = number(text)
    if found is None or not column.low <= found <= column.high or (column.kind == "integer" and found % 1):
        return None
    return [found, *indicator]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ALL + [lenient(each) for each in ALL]), st.lists(cell, min_size=1, max_size=6))
def test_features_equal_the_plain_twin_and_all_are_within_bounds(kind: Column, texts: list[str]):
    features, faults = encode_features(kind, column(*texts))
    expected = [twin(kind, text) for text in texts]
    found = reasons(faults)
    assert set(found) == {row for row, value in enumerate(expected) if value is None}
    assert set(found.values()) <= REASONS  # so no reason depends on what the cell holds
    assert features.shape == (len(texts), len(kind.feature_names))
    for row, value in enumerate(expected):
        assert value is None or features[row].tolist() == value
    low, high = np.array(kind.feature_bounds).T
    assert ((low <= features) & (features <= high)).all()
    if kind.values:
        ones = features[:, : len(kind.values)].sum(axis=1)
        assert ones.tolist() == [float(bool(value) and any(value[: len(kind.values)])) for value in expected]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ALL), st.lists(cell, min_size=1, max_size=6))
def test_labels_equal_the_plain_twin(kind: Column, texts: list[str]):
    labels, faults = encode_label(kind, column(*texts))
    assert labels.shape == (len(texts),)
    assert labels.dtype == (np.float64 if kind.numeric else np.int64)
    assert np.isfinite(labels).all()
    found = reasons(faults)
    for row, text in enumerate(texts):
        expected = twin(kind, text)
        assert (row in found) == (expected is None)
        if expected is not None:
            assert labels[row] == (np.argmax(expected) if kind.values else expected[0])


def verdicts_and_numbers(texts: list[str]) -> list[tuple[float, int]]:
    numbers, verdicts = parse_numbers(strings(*texts))
    return list(zip(numbers.tolist(), verdicts.tolist(), strict=True))


def same(one: tuple[float, int], other: tuple[float, int]) -> bool:
    return one[1] == other[1] and np.float64(one[0]).tobytes() == np.float64(other[0]).tobytes()


def test_every_short_text_of_the_signs_of_numbers_is_one_or_none_both_ways():
    """Alone, so that arrow's word counts: what it takes beyond the grammar would be seen here."""
    texts = ["".join(signs) for size in range(1, 5) for signs in itertools.product(SIGNS, repeat=size)]
    for text in texts:
        ((found, verdict),) = verdicts_and_numbers([text])
        expected = number(text)
        assert (found, verdict) == (expected, FITS) if expected is not None else verdict == NO_NUMBER, text
        assert same((found, verdict), parse_number(text)), text


@settings(max_examples=500, deadline=None)
@given(st.lists(cell, min_size=1, max_size=5))
def test_fast_and_careful_parsing_agree_to_the_bit_whatever_stands_beside(texts: list[str]):
    for together in (texts, *([text] for text in texts)):
        for found, text in zip(verdicts_and_numbers(together), together, strict=True):
            assert same(found, parse_number(text)), text


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**20), st.integers(-360, 330), st.integers(0, 25))
def test_a_number_is_the_double_nearest_to_its_text(digits, exponent, point):
    text = str(digits)
    text = f"{text[:point]}.{text[point:]}e{exponent}"
    assert same(verdicts_and_numbers([text])[0], (float(text), FITS))


@pytest.mark.parametrize("size", [LONGEST_NUMBER, LONGEST_NUMBER + 1])
@pytest.mark.parametrize("beside", [[], ["x"]])
def test_a_number_is_at_most_so_long(size, beside):
    verdict = verdicts_and_numbers(["0" * size, *beside])[0][1]
    assert verdict == (FITS if size == LONGEST_NUMBER else NO_NUMBER)


def test_a_slice_of_an_array_is_parsed_as_what_it_shows():
    values = strings("1", "x", "2.5", "", "-3", "nan").slice(2, 3)
    numbers, verdicts = parse_numbers(values)
    np.testing.assert_array_equal(numbers, [2.5, np.nan, -3.0])
    assert verdicts.tolist() == [FITS, EMPTY, FITS]
    assert [len(part) for part in parse_numbers(values.slice(0, 0))] == [0, 0]


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "inf", "-Infinity", "+INF", " inf "])
def test_what_is_not_finite_is_told_from_what_is_no_number(text):
    for together in ([text], [text, "5"], ["5", text]):
        assert verdicts_and_numbers(together)[together.index(text)][1] == NOT_FINITE


@pytest.mark.parametrize(
    "text",
    ["1,5", "1_000", "0x10", "1e", "e1", ".", "+", "--1", "1 000", "1.000,5", "1'000", "1\xa0000", "١٢", "１２", "²",
     "½", "1d3", "1f", "0b1", "1e+", "1" * 65, "True", "€5", "5%", "1;2", "−5", "\u200b5", "1e5\x00",
     "2020-01-01", "N/A"],
)  # fmt: skip
@pytest.mark.parametrize("beside", [(), ("7",), (" 7",), ("7", "")])
def test_what_is_no_number_is_refused_whatever_stands_beside(text, beside):
    for kind in (NUMBER, INTEGER):
        for encode in (encode_features, encode_label):
            _, faults = encode(kind, column(*beside, text))
            assert reasons(faults)[len(beside)] == NOT_A_NUMBER
            assert 0 not in reasons(faults) or not beside


@pytest.mark.parametrize(
    "text", ["5", "+5", "5.", "5.0", "05", "5e0", "50E-1", ".5e1", "5e+00000", " 5 ", "\t5", "5\xa0", "\u30005"]
)
@pytest.mark.parametrize("beside", ["7", " 7"])
def test_forms_of_a_number(text, beside):
    for kind in (NUMBER, INTEGER):
        features, faults = encode_features(kind, column(text, beside))
        assert features.tolist() == [[5.0], [7.0]]
        assert not faults


def test_bounds_are_inclusive_and_overflow_is_out_of_them():
    features, faults = encode_features(NUMBER, column("-10", "120", "120.00000000000001", "1e999", "-1e999"))
    assert reasons(faults) == dict.fromkeys((2, 3, 4), "is out of bounds, -10 to 120")
    assert features[:2].tolist() == [[-10.0], [120.0]]


def test_bounds_are_told_in_full():
    wide = Column(name="cost", kind="integer", low=-1_234_567_891, high=999_999_999_999)
    _, faults = encode_features(wide, column("1e15"))
    assert reasons(faults) == {0: "is out of bounds, -1234567891 to 999999999999"}
    features, faults = encode_features(wide, column("999999999998", "-1234567890"))
    assert (features.tolist(), faults) == ([[999999999998.0], [-1234567890.0]], [])


def test_minus_zero_is_zero():
    for kind in (NUMBER, INTEGER):
        features, _ = encode_features(kind, column("-0", "-0.0", "-1e-999"))
        assert not np.signbit(features).any()


@pytest.mark.parametrize("text", ["true", "TRUE", "Yes", "1", " yes "])
def test_forms_of_true(text):
    assert encode_features(BOOLEAN, column(text, "no"))[0].tolist() == [[1.0], [0.0]]
    assert encode_label(BOOLEAN, column(text, "no"))[0].tolist() == [1, 0]


@pytest.mark.parametrize("text", ["t", "y", "on", "1.0", "2", "-", "truee", "0.0", "١", "yeſ"])
def test_forms_of_neither(text):
    assert reasons(encode_features(BOOLEAN, column("yes", text))[1]) == {1: NEITHER}


def test_a_category_is_what_it_looks_like():
    features, faults = encode_features(CATEGORY, column("Gro\u0308ße", "\u2003Größe\xa0", "Grosse"))
    assert features[:2].tolist() == [[0, 0, 0, 1]] * 2
    assert list(reasons(faults)) == [2]


def test_categories_are_exact_and_their_list_is_cut():
    many = Column(name="ward", kind="category", values=tuple(f"w{i}" for i in range(20)))
    _, faults = encode_features(many, column("w1", "W1", "w20"))
    assert reasons(faults) == dict.fromkeys((1, 2), "is none of the categories w0, w1, w2, w3, w4, w5, w6, w7, ...")


def test_a_missing_cell_is_the_middle_or_no_category_and_an_indicator():
    for kind, middle in ((NUMBER, [55.0]), (INTEGER, [22.5]), (CATEGORY, [0.0] * 4), (BOOLEAN, [0.5])):
        features, faults = encode_features(lenient(kind), column("", "  "))
        assert not faults
        assert features.tolist() == [[*middle, 1.0]] * 2
        assert reasons(encode_features(kind, column("", "  "))[1]) == {0: "is empty", 1: "is empty"}
        assert reasons(encode_label(lenient(kind), column("", "  "))[1]) == {0: "is empty", 1: "is empty"}


def test_many_faults_take_little_room():
    _, faults = encode_features(NUMBER, column(*(f"no number {i}" for i in range(50_000))))
    assert len(faults) == 1
    assert faults[0].rows.tolist() == list(range(50_000))
