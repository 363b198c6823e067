"""Tables of quadratics on shares are the tables in the clear, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph.pieces import exp_pieces, sigmoid_pieces
from tacit.mpc.functions.piecewise import piecewise, shared_table

from . import prices
from .running import SECURITIES, run

TABLES = {"sigmoid": sigmoid_pieces, "exp": exp_pieces}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(sorted(TABLES)), st.integers(8, 20), st.sampled_from(SECURITIES))
def test_every_value_is_exact_inside_at_the_ends_and_beyond(data, name, f, security):
    pieces = TABLES[name](f)
    furthest = 2**61
    low = data.draw(st.sampled_from([pieces.low, pieces.low - 1, pieces.low + 7, -furthest]))
    high = data.draw(st.sampled_from([pieces.high, pieces.high + 1, 0, furthest - 1]))
    width = 1 << (f - pieces.step_bits)
    edges = [low, high, 0, pieces.low, pieces.high, pieces.low - 1, pieces.high + 1, -width, width - 1]
    number = st.one_of(st.integers(low, high), st.sampled_from([edge for edge in edges if low <= edge <= high]))
    near = st.integers(max(low, pieces.low), min(high, pieces.high))
    x = np.array(data.draw(st.lists(st.one_of(number, near), min_size=1, max_size=66)), dtype=np.int64)
    found = run(lambda p, x: piecewise(p, x, shared_table(pieces), low, high), x, security=security)
    assert (found.value == pieces(x)).all()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_piece_is_found(name):
    pieces = TABLES[name](8)
    x = np.arange(pieces.low, pieces.high + 1)
    found = run(lambda p, x: piecewise(p, x, shared_table(pieces), pieces.low, pieces.high), x)
    assert (found.value == pieces(x)).all()


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize(
    ("low", "high", "comparisons"),
    [(-(16 << 12), (16 << 12) - 1, []), (-(20 << 12), 0, [18]), (0, 2**40, [41]), (-(2**30), 2**30, [32, 32])],
)
def test_rounds_and_bytes_are_those_of_the_formula(low, high, comparisons, security):
    table = shared_table(sigmoid_pieces(12))
    found = run(lambda p, x: piecewise(p, x, table, low, high), np.zeros((3, 30)), security=security)
    assert found.value.shape == (3, 30)
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.piecewise(90, 10, comparisons)
