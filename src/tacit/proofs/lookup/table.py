"""Public tables that rows are looked up in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.proofs import field, multilinear
from tacit.proofs.field import Element, Words

MOST_VARIABLES = 30  # of a table and of its lookups: no multiplicity then wraps modulo p, and soundness is counted so
MOST_COLUMNS = 8


class Table:
    """Rows of base elements, as columns of 2^variables each.

    A number of rows that is no power of two is filled up with copies of the first row. Two rows may be equal.
    """

    def __init__(self, columns: Sequence[Words]) -> None:
        rows = {len(column) for column in columns}
        if len(rows) != 1 or not 1 <= len(columns) <= MOST_COLUMNS:
            raise ValueError(f"a table has 1 to {MOST_COLUMNS} columns of one length, not {sorted(rows)}")
        count = rows.pop()
        self.variables = max(1, (count - 1).bit_length())
        if not 1 <= count <= 1 << MOST_VARIABLES:
            raise ValueError(f"a table has 1 to 2^{MOST_VARIABLES} rows, not {count}")
        if not all(column.dtype == np.uint64 and field.is_canonical(column) for column in columns):
            raise ValueError("a table holds canonical words")
        fill = (1 << self.variables) - count
        self._columns = [np.concatenate([column, np.repeat(column[:1], fill)]) for column in columns]
        self.width = len(columns)

    @property
    def columns(self) -> list[Words]:
        """The columns, each `(2^variables,)`."""
        return self._columns

    def evaluate_halves(self, point: Sequence[Element]) -> list[list[Element]]:
        """The extension of each column at (0, point), and then at (1, point). O(2^variables) for each."""
        weights = multilinear.equality_table(point)
        halves = [np.split(column, 2) for column in self._columns]
        return [[field.dot(half[place], weights) for half in halves] for place in range(2)]


class Range(Table):
    """The table of one column 0, 1, ..., 2^bits - 1, which is evaluated in O(bits)."""

    def __init__(self, bits: int) -> None:
        if not 1 <= bits <= MOST_VARIABLES:
            raise ValueError(f"a range has 1 to {MOST_VARIABLES} bits, not {bits}")
        self.variables = bits
        self.width = 1

    @property
    def columns(self) -> list[Words]:
        """The column, made afresh."""
        return [np.arange(1 << self.variables, dtype=np.uint64)]

    def evaluate_halves(self, point: Sequence[Element]) -> list[list[Element]]:
        """The index at (0, point) and at (1, point)."""
        low = multilinear.identity(point)
        return [[low], [low + (1 << len(point))]]


def ranges(bits: int) -> Range:
    """The table of all integers of so many bits."""
    return Range(bits)
