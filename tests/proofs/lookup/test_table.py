"""Tables evaluate as the extensions of their columns."""

import numpy as np
import pytest

from tacit.proofs import multilinear
from tacit.proofs.field import MODULUS, ONE, ZERO
from tacit.proofs.lookup.table import Range, Table, ranges

from ..conversation import draw, draw_point


def check_halves(table: Table) -> None:
    point = draw_point(3, table.variables - 1)
    expected = [[multilinear.evaluate(column, [bit, *point]) for column in table.columns] for bit in (ZERO, ONE)]
    assert table.evaluate_halves(point) == expected


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_columns_are_filled_up_with_the_first_row(rows, width):
    columns = [draw(seed, rows) for seed in range(width)]
    table = Table(columns)
    assert table.width == width
    assert 2**table.variables >= rows
    for column, filled in zip(columns, table.columns, strict=True):
        assert filled.tolist() == column.tolist() + [column[0]] * (2**table.variables - rows)
    check_halves(table)


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_a_range_is_the_table_of_its_integers(bits):
    table = ranges(bits)
    assert [column.tolist() for column in table.columns] == [list(range(2**bits))]
    check_halves(table)
    check_halves(Table(table.columns))


def test_tables_that_are_none():
    words = np.arange(4, dtype=np.uint64)
    for columns, message in (
        ([], "1 to 8 columns"),
        ([words] * 9, "1 to 8 columns"),
        ([words, words[:3]], "one length"),
        ([words[:0]], "rows"),
        ([words.astype(np.int64)], "canonical"),
        ([np.array([MODULUS], dtype=np.uint64)], "canonical"),
    ):
        with pytest.raises(ValueError, match=message):
            Table(columns)
    for bits in (0, 31):
        with pytest.raises(ValueError, match="1 to 30 bits"):
            Range(bits)
