"""Batches: every row once in a pass, in an order that repeats."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tacit.federated.batches import batches


@given(rows=st.integers(1, 60), size=st.integers(1, 70), seed=st.binary(max_size=8))
def test_each_pass_takes_every_row_once_in_batches_of_the_size(rows, size, seed):
    of_a_pass = -(-rows // min(size, rows))
    order = batches(rows, size, seed)
    for _ in range(3):
        taken = list(itertools.islice(order, of_a_pass))
        assert sorted(np.concatenate(taken)) == list(range(rows))
        assert all(len(batch) == min(size, rows) for batch in taken[:-1])


def test_zero_is_all_rows_in_their_order():
    assert [list(batch) for batch in itertools.islice(batches(4, 0, b""), 2)] == [[0, 1, 2, 3]] * 2


def test_orders_repeat_for_a_seed_and_differ_between_seeds_and_passes():
    def first(seed):
        return [tuple(batch) for batch in itertools.islice(batches(30, 10, seed), 6)]

    assert first(b"a") == first(b"a")
    assert first(b"a") != first(b"b")
    assert first(b"a")[:3] != first(b"a")[3:]
