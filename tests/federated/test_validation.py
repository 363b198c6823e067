"""Held-back rows: a share of each party's, and with unit `record` a choice of each row's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.data import Table
from tacit.federated.validation import split

from .agreements import make_agreement, make_table
from .test_contributions import some_of


def rows_of(table: Table) -> list[tuple[float, ...]]:
    return sorted(tuple(row) for row in np.column_stack([table.features, table.labels]).tolist())


@pytest.mark.parametrize("unit", ["none", "party"])
@pytest.mark.parametrize(("rows", "held"), [(1, 0), (2, 0), (4, 0), (5, 1), (9, 1), (50, 10), (200, 40)])
def test_a_party_holds_its_share_back_and_a_tiny_one_nothing(unit, rows, held):
    agreement = make_agreement(unit=unit, validation_share=0.2)
    kept, back = split(agreement, make_table(agreement.data, rows), "ash")
    assert (len(kept.features), len(back.features)) == (rows - held, held)


@pytest.mark.parametrize("unit", ["none", "party", "record"])
def test_every_row_is_on_one_side_with_its_label(unit):
    agreement = make_agreement(unit=unit, validation_share=0.3)
    table = make_table(agreement.data, 100)
    kept, back = split(agreement, table, "ash")
    assert 5 < len(back.features) < 60
    assert sorted(rows_of(kept) + rows_of(back)) == rows_of(table)


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(30)))
@pytest.mark.parametrize("unit", ["none", "party", "record"])
def test_the_order_of_the_rows_does_not_matter(unit, order):
    agreement = make_agreement(unit=unit, validation_share=0.3)
    table = make_table(agreement.data, 30)
    _, back = split(agreement, table, "ash")
    _, again = split(agreement, some_of(table, np.array(order)), "ash")
    assert rows_of(back) == rows_of(again)


def test_of_single_records_none_moves_another_from_side_to_side():
    """The sensitivity of a sum is one record's bound only if the other records stay where they were."""
    agreement = make_agreement(unit="record", validation_share=0.3)
    table = make_table(agreement.data, 60)
    kept, back = split(agreement, table, "ash")
    sides = set(rows_of(kept)), set(rows_of(back))
    for place in range(60):
        fewer = split(agreement, some_of(table, np.arange(60) != place), "ash")
        assert set(rows_of(fewer[0])) <= sides[0]
        assert set(rows_of(fewer[1])) <= sides[1]
    for place in range(60):
        alone = split(agreement, some_of(table, slice(place, place + 1)), "ash")
        assert set(rows_of(alone[1])) <= sides[1]


def test_the_share_of_single_records_is_about_what_was_agreed():
    agreement = make_agreement(unit="record", validation_share=0.25, max_rows=2000)
    _, back = split(agreement, make_table(agreement.data, 2000), "ash")
    assert len(back.features) == pytest.approx(500, abs=100)


@pytest.mark.parametrize("unit", ["none", "record"])
def test_parties_and_agreements_choose_unlike(unit):
    agreement, other = (make_agreement(unit=unit, validation_share=0.3, rounds=rounds) for rounds in (5, 6))
    table = make_table(agreement.data, 80)
    assert rows_of(split(agreement, table, "ash")[1]) == rows_of(split(agreement, table, "ash")[1])
    assert rows_of(split(agreement, table, "ash")[1]) != rows_of(split(agreement, table, "birch")[1])
    assert rows_of(split(agreement, table, "ash")[1]) != rows_of(split(other, table, "ash")[1])


def test_a_zero_with_a_sign_is_the_same_row():
    agreement = make_agreement(unit="record", validation_share=0.5)
    for seed in range(20):
        table = make_table(agreement.data, 1, seed)
        table.features[0, 0] = 0.0
        sides = len(split(agreement, table, "ash")[1].features)
        table.features[0, 0] = -0.0
        assert len(split(agreement, table, "ash")[1].features) == sides


def test_without_a_share_the_table_is_what_it_was():
    agreement = make_agreement()
    table = make_table(agreement.data, 20)
    kept, back = split(agreement, table, "ash")
    assert kept is table
    assert not len(back.features)
