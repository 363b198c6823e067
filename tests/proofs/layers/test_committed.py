"""Committed tensors: signs, digits, and the sums over real entries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph import Add, Linear, ReLU
from tacit.proofs import multilinear
from tacit.proofs.field import Words
from tacit.proofs.layers import real
from tacit.proofs.tensors import Axes

from ..conversation import draw_point
from ..models import graph_of, rows_for
from .unbound import Unbound


def relu() -> Unbound:
    graph = graph_of([ReLU.of(name="r")], (3,))
    return Unbound(graph, np.array([[100, -7, 0], [-1, 1, 256]]))


def test_an_honest_prover_is_accepted() -> None:
    assert relu().accepted()


@pytest.mark.parametrize(("row", "place"), [(0, 0), (0, 1), (0, 2)])
def test_both_parts_moved_by_the_same_leave_the_difference_but_not_the_product(row: int, place: int) -> None:
    """x = (x + 1) - 1 would make max(x, 0) one more: a zero, too, has just one form."""
    prover = relu()

    def alter(witness: Words) -> None:
        for limbs in ("r/positive", "r/negative"):
            prover.limbs(witness, limbs)[row, place] += np.uint64(1)

    prover.changes.append(alter)
    output = prover.values.tensors["r"].copy()
    output[row, place] += 1
    lying = Unbound(prover.model.graph, prover.claim.rows, output)
    lying.changes.append(alter)
    assert not lying.accepted()


def test_parts_whose_difference_is_another_number_are_refused() -> None:
    prover = relu()
    output = prover.values.tensors["r"].copy()
    output[0, 0] += 1
    lying = Unbound(prover.model.graph, prover.claim.rows, output)
    lowest = int(lying.limbs(lying.values.vector(), "r/positive")[0, 0])  # a digit that can be one more
    assert lowest + 1 < 1 << lying.claim.planning.witness.digit_bits
    lying.changes.append(lambda witness: lying.limbs(witness, "r/positive").__setitem__((0, 0), lowest + 1))
    assert not lying.accepted()


def test_a_digit_too_wide_for_its_place_is_refused_though_it_is_a_digit() -> None:
    """A remainder of 13 bits has a digit that is narrower than the others: one bit more would still pass the lookup."""
    rng = np.random.default_rng(1)
    graph = graph_of([Linear.of(rng.normal(size=(3, 4)), name="a", weight_bits=13)], (4,))
    prover = Unbound(graph, rows_for(graph, 2))
    plan = prover.claim.planning.witness
    narrow = [number for number, digit in enumerate(plan.digits("a/remainder")) if digit.moved is not None]
    assert narrow
    digit = plan.digits("a/remainder")[narrow[0]]
    lying = Unbound(graph, prover.claim.rows, prover.claim.outputs - np.array([[1, 0, 0], [0, 0, 0]]))

    def alter(witness: Words) -> None:  # y is one less, and the remainder 2^13 more
        lying.limbs(witness, "a/remainder", narrow[0])[0, 0] += np.uint64(1 << digit.bits)
        value = lying.limbs(witness, "a/value")
        assert value[0, 0] > 0
        value[0, 0] -= np.uint64(1)

    lying.changes.append(alter)
    assert not lying.accepted()


def test_a_sum_of_tensors_is_split_where_a_relu_reads_it() -> None:
    graph = graph_of([Add.of(name="s", inputs=("input", "input")), ReLU.of(name="r")], (3,))
    prover = Unbound(graph, np.array([[100, -7, 0]]))
    assert prover.accepted()
    assert not Unbound(graph, prover.claim.rows, prover.claim.outputs + 1).accepted()


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes=SIZES, seed=st.integers(0, 9))
def test_the_weight_of_real_entries_is_the_extension_of_its_table(sizes: tuple[int, ...], seed: int) -> None:
    axes = Axes(sizes)
    tau, at = (tuple(draw_point(seed + i, axes.variables)) for i in range(2))
    table = real.table(axes, multilinear.equality_table(tau))
    assert real.equality(axes, tau, at) == multilinear.evaluate(table, at)
