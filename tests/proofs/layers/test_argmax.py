"""ArgMax: the first of the greatest entries, and no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import ArgMax, Conv2d, Flatten, Graph, Linear
from tacit.proofs.field import Words
from tacit.proofs.statements.inference import Inference

from ..models import MODES, accepted, cheat, committed, graph_of, honest, inference, recount, rows_for


def plain(classes: int) -> Graph:
    return graph_of([ArgMax.of()], (classes,))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data(), classes=st.integers(1, 9), uses=st.sampled_from(MODES))
def test_the_first_greatest_entry_can_be_proved_among_ties_too(data: st.DataObject, classes: int, uses: int) -> None:
    entries = st.lists(st.sampled_from([-256, -1, 0, 1, 256]), min_size=classes, max_size=classes)
    rows = data.draw(st.lists(entries, min_size=1, max_size=5))
    assert honest(plain(classes), np.array(rows), uses)


@pytest.mark.parametrize("uses", MODES)
def test_the_class_of_a_network_can_be_proved(uses: int) -> None:
    rng = np.random.default_rng(1)
    graph = graph_of([Linear.of(rng.normal(size=(6, 4)), rng.normal(size=6)), ArgMax.of()], (4,))
    assert honest(graph, rows_for(graph, 7), uses)


def forged(row: list[int], winner: int, *, greatest: int | None = None, difference: int = 0) -> bool:
    """Whether a proof that `winner` is the class of a row is accepted; its parts are made to fit as far as they go."""
    model, rows = committed(plain(len(row)), 0), np.array([row])
    claim = inference(model, rows, np.array([[winner << 8]]))

    def alter(witness: Words, claim: Inference) -> None:
        name, plan = claim.model.architecture.steps[0].name, claim.planning.witness
        top = row[winner] if greatest is None else greatest
        witness[plan.columns()[f"{name}/greatest"].offset] = np.uint64(top % (2**64 - 2**32 + 1))
        (selected,) = plan.digits(f"{name}/selected")
        for i, entry in enumerate(row):
            witness[selected.block.offset + i] = np.uint64(i == winner)
            value = max(top - entry - (i < winner), difference)
            for digit in plan.digits(f"{name}/differences"):
                witness[digit.block.offset + i] = np.uint64(value >> digit.place & (2**digit.bits - 1))
        recount(witness, claim)

    return accepted(claim, cheat(claim, model, rows, alter))


def test_the_forger_makes_a_proof_of_what_is_so() -> None:
    assert forged([3, 9, 2], 1)
    assert forged([9, 9, 2], 0)


@pytest.mark.parametrize(
    ("row", "winner", "options"),
    [
        ([3, 9, 2], 0, {}),  # a smaller one
        ([3, 9, 2], 2, {}),
        ([9, 9, 2], 1, {}),  # not the first
        ([3, 9, 2], 0, {"greatest": 9}),  # a greatest entry that is not the selected one's
        ([3, 9, 2], 1, {"greatest": 10}),
    ],
)
def test_another_class_is_refused(row: list[int], winner: int, options: dict[str, int]) -> None:
    assert not forged(row, winner, **options)


def test_two_halves_of_a_selection_are_refused() -> None:
    """Modulo p one half and one half are one: but neither is a digit."""
    model, rows = committed(plain(2), 0), np.array([[5, 5]])
    claim = inference(model, rows, np.array([[128]]))  # one half of class 1

    def alter(witness: Words, claim: Inference) -> None:
        (selected,) = claim.planning.witness.digits(f"{claim.model.architecture.steps[0].name}/selected")
        half = np.uint64((2**64 - 2**32 + 2) // 2)
        witness[selected.block.offset : selected.block.offset + 2] = half
        recount(witness, claim)

    assert not accepted(claim, cheat(claim, model, rows, alter))


def test_a_tensor_of_several_axes_is_no_vector() -> None:
    graph = graph_of([Conv2d.of(np.ones((2, 1, 1, 1))), Flatten.of(), ArgMax.of()], (1, 2, 2))
    with pytest.raises(ProofError, match="takes a vector"):
        committed(graph, 0)
