"""Headers, and columns as their different texts."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data.blocks import BLOCK_CELLS, BLOCK_ROWS, Block, TextColumn, block_rows, check_header, compose
from tacit.errors import DataError


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=3), min_size=1, max_size=20))
def test_a_column_holds_each_cell_as_it_was(texts):
    column = TextColumn.of(texts)
    values = column.values.to_pylist()
    assert [values[at] for at in column.index] == texts
    assert len(values) == len(set(texts))


def test_columns_and_blocks_show_no_cells():
    column = TextColumn.of(["7734", "x"])
    assert repr(column) == str(column) == "TextColumn(2 cells, hidden)"
    block = Block({"a": column}, column.index)
    assert repr(block) == str(block) == "Block(2 rows, 1 columns, hidden)"


@pytest.mark.parametrize("columns", [1, 3, 20, 10_000, BLOCK_CELLS, 10 * BLOCK_CELLS])
def test_a_block_is_bounded_and_never_empty(columns):
    rows = block_rows(columns)
    assert 1 <= rows <= BLOCK_ROWS
    assert rows == 1 or rows * columns <= BLOCK_CELLS


def test_names_lose_spaces_and_take_the_composed_form():
    decomposed = unicodedata.normalize("NFD", "Größe")
    assert check_header("F", [" age ", decomposed, "\tx\xa0"]) == ("age", "Größe", "x")
    assert decomposed != "Größe"


@pytest.mark.parametrize("second", ["Größe", " Größe", unicodedata.normalize("NFD", "Größe")])
def test_two_columns_of_one_name_are_told_by_their_places(second):
    with pytest.raises(
        DataError, match=r"^F, line 1: two columns have the same name: columns 2 and 4; rename"
    ) as caught:
        check_header("F, line 1", ["a", "Größe", "b", second])
    assert "Gr" not in str(caught.value)  # without a header, the first line is a row


def test_many_pairs_of_one_name_are_cut():
    with pytest.raises(DataError, match=r"columns 1 and 6; and 94 more; rename") as caught:
        check_header("F", ["x"] * 100)
    assert len(str(caught.value)) < 200


def test_more_columns_than_a_study_has_are_refused():
    assert len(check_header("F", list(map(str, range(10_000))))) == 10_000
    with pytest.raises(DataError, match="^F: has 10001 columns; a study has at most 10000"):
        check_header("F", list(map(str, range(10_001))))


@given(st.text(max_size=5))
def test_composing_twice_changes_nothing(text):
    assert compose(compose(text)) == compose(text)
