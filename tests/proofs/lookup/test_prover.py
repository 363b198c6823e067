"""Lookups by an honest prover are accepted, and the claims that remain are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.proofs.lookup import prover
from tacit.proofs.lookup.table import Table, ranges

from ..conversation import draw, prove, verify
from .cases import CASES, accept, function_table, limits_of, plain_accepted, proof_of, rows_of, verifier

unhurried = settings(deadline=None, max_examples=15)  # a first call may compile


def check(table: Table, columns: list[np.ndarray]) -> None:
    multiplicities = prover.count(table, columns)
    before = [column.copy() for column in (*columns, multiplicities)]
    said = prove(lambda sender: prover.prove(sender, table, columns, multiplicities))
    for column, copy in zip((*columns, multiplicities), before, strict=True):
        np.testing.assert_array_equal(column, copy)
    accept(table, columns, multiplicities, said.proof)
    lookup = verify(lambda receiver: verifier.verify(receiver, table, len(columns[0]).bit_length() - 1), said.proof)
    assert said.result == (lookup.point, lookup.table_point)


@pytest.mark.parametrize("name", CASES)
def test_both_verifiers_accept(name):
    table, columns = CASES[name]
    check(table, columns)
    assert plain_accepted(table, columns, prover.count(table, columns), proof_of(table, columns))


@unhurried
@given(bits=st.integers(1, 8), variables=st.integers(0, 8), seed=st.integers(0, 2**32))
def test_ranges_and_numbers_of_rows(bits, variables, seed):
    check(ranges(bits), [limits_of(bits, variables, seed)])


@unhurried
@given(rows=st.integers(1, 40), width=st.integers(1, 4), variables=st.integers(0, 6), seed=st.integers(0, 2**32))
def test_functions_and_numbers_of_rows(rows, width, variables, seed):
    table = function_table(rows, width)
    check(table, rows_of(table, variables, seed))


@pytest.mark.parametrize("value", [0, 15])
def test_all_rows_equal_at_an_end_of_the_range(value):
    check(ranges(4), [np.full(16, value, dtype=np.uint64)])


def test_a_table_with_equal_rows():
    column = np.array([5, 5, 7], dtype=np.uint64)
    table = Table([column, column])
    columns = [np.array([5, 7, 5, 5], dtype=np.uint64)] * 2
    assert prover.count(table, columns).tolist() == [3, 0, 1, 0]
    check(table, columns)


def test_the_number_of_times_each_row_is_taken():
    assert prover.count(ranges(2), [np.array([3, 0, 3, 3], dtype=np.uint64)]).tolist() == [1, 0, 0, 3]
    assert prover.count(ranges(2), [np.array([], dtype=np.uint64)]).tolist() == [0, 0, 0, 0]


def test_what_is_not_in_the_table_cannot_be_counted_and_is_not_told():
    with pytest.raises(ProofError, match="range of 3 bits") as refusal:
        prover.count(ranges(3), [np.array([1, 8, 2**63], dtype=np.uint64)])
    assert "8" not in str(refusal.value)
    table = function_table(4)
    first, second = rows_of(table, 3)
    with pytest.raises(ProofError, match="not in the table"):
        prover.count(table, [first, np.roll(second, 1)])
    with pytest.raises(ProofError, match="not in the table"):
        prover.count(table, [draw(5, 8), second])
