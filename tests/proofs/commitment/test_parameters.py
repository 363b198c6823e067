"""Codes: rates, queries, and what is refused."""

from __future__ import annotations

from math import log2

import pytest

from tacit.errors import ProofError
from tacit.proofs.commitment.parameters import QUERY_BITS, choose, single_row

SIZES = [1, 2, 3, 100, 4097, 2**17 + 3, 2**22]


@pytest.mark.parametrize("values", SIZES)
@pytest.mark.parametrize("uses", [0, 1, 64])
def test_a_code_holds_the_values_and_hides_every_use_at_rate_a_quarter_or_lower(values: int, uses: int) -> None:
    code = choose(values, uses)
    assert code.rows * code.columns >= values > (code.rows - 1) * code.columns
    assert code.length - code.columns == uses * code.queries
    assert 4 * code.length <= code.points
    assert code.points & (code.points - 1) == 0
    assert code.columns & (code.columns - 1) == 0
    assert 2**code.variables >= values


@pytest.mark.parametrize("values", SIZES)
@pytest.mark.parametrize("uses", [0, 1, 64])
def test_queries_reach_the_bits_and_one_fewer_would_not(values: int, uses: int) -> None:
    code = choose(values, uses)
    missed = 1 - (1 - code.length / code.points) / 2
    assert -code.queries * log2(missed) == code.query_bits >= QUERY_BITS
    fewer = code.columns + uses * (code.queries - 1)
    assert -(code.queries - 1) * log2(1 - (1 - fewer / code.points) / 2) < QUERY_BITS or code.queries == QUERY_BITS


def test_148_columns_are_opened_for_100_bits_at_rate_a_quarter() -> None:
    assert -148 * log2(1 - (1 - 1 / 4) / 2) == pytest.approx(100.3, abs=0.1)


def test_a_model_of_100_000_weights_opens_under_300_kilobytes_for_64_proofs() -> None:
    assert choose(2**17 + 2**11, 64).opening_bytes() < 300_000


@pytest.mark.parametrize("values", [0, -1, 2**28 + 1])
def test_no_code_is_for_no_values_or_too_many(values: int) -> None:
    with pytest.raises(ProofError, match="values cannot be committed"):
        choose(values, 1)


@pytest.mark.parametrize("length", [1, 5, 1500, 100_000])
def test_a_single_row_has_any_length(length: int) -> None:
    code = single_row(length)
    assert (code.rows, code.columns) == (1, length)
    assert 4 * code.length <= code.points
