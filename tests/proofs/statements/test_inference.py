"""Inference proofs: complete on all sorts of graphs, and refused for everything that is not so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Linear
from tacit.proofs.field import Words
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.inference import Inference

from ..models import MODES, accepted, cheat, committed, dense, graph_of, honest, inference, recount, rows_for, small


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    rows=st.integers(1, 5),
    fraction_bits=st.sampled_from([8, 11, 16, 20]),
    weight_bits=st.sampled_from([None, 5, 13]),
    uses=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_what_a_graph_computes_can_be_proved(
    sizes: list[int], rows: int, fraction_bits: int, weight_bits: int | None, uses: int, seed: int
) -> None:
    graph = dense(sizes, seed, fraction_bits=fraction_bits, weight_bits=weight_bits)
    assert honest(graph, rows_for(graph, rows, seed), uses)


@pytest.mark.parametrize("uses", MODES)
def test_values_at_the_ends_of_the_input_s_range_can_be_proved(uses: int) -> None:
    graph = dense([3, 4, 2], 7)
    ends = np.stack([graph.bounds["input"].low, graph.bounds["input"].high])
    assert honest(graph, ends, uses)


@pytest.mark.parametrize("bias", [-(2.0**-9), 2.0**-9, -0.5, 0.0])
def test_accumulators_that_lie_just_between_two_outputs_round_as_the_graph_does(bias: float) -> None:
    graph = graph_of([Linear.of([[0.5]], [bias])], (1,))
    rows = np.arange(-256, 257, 51).reshape(-1, 1)
    assert honest(graph, rows, 0)


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("delta", [1, -1])
def test_an_output_that_is_wrong_by_one_unit_is_refused(uses: int, delta: int) -> None:
    model = committed(small(0).graph, uses)
    rows = rows_for(model.graph, 2)
    wrong = model.graph.evaluate(rows)
    wrong[1, 2] += delta
    claim = inference(model, rows, wrong)
    with pytest.raises(ProofError, match="gives other outputs"):
        proving.prove(claim, model)
    assert not accepted(claim, cheat(claim, model, rows, lambda witness, claim: None))


def test_a_witness_of_the_wrong_output_is_refused_for_its_remainder() -> None:
    """The last layer's value moved by one unit, its remainder left alone: the relation no longer holds."""
    model, rows = small(0), rows_for(small(0).graph, 1)
    wrong = model.graph.evaluate(rows)
    wrong[0, 0] += 1

    def alter(witness: Words, claim: Inference) -> None:
        lowest = claim.planning.witness.digits(f"{claim.model.architecture.steps[-1].name}/value")[0]
        witness[lowest.block.offset] += np.uint64(1)
        recount(witness, claim)

    claim = inference(model, rows, wrong)
    with pytest.raises(ProofError, match="claims on the witness"):
        statement.verify(claim, cheat(claim, model, rows, alter))


def test_a_remainder_that_is_no_digit_is_refused_by_the_lookup() -> None:
    """The output is one too high and the remainder 2^g lower, modulo p: only its range is wrong."""
    model, rows = small(0), rows_for(small(0).graph, 1)
    wrong = model.graph.evaluate(rows)
    wrong[0, 0] += 1

    def alter(witness: Words, claim: Inference) -> None:
        name = claim.model.architecture.steps[-1].name
        plan = claim.planning.witness
        witness[plan.digits(f"{name}/value")[0].block.offset] += np.uint64(1)
        low = plan.digits(f"{name}/remainder")[0].block.offset
        bits = claim.model.architecture.steps[-1].number("weight_bits")
        witness[low] = np.uint64((int(witness[low]) - 2**bits) % (2**64 - 2**32 + 1))
        recount(witness, claim)

    claim = inference(model, rows, wrong)
    with pytest.raises(ProofError, match="lookup"):
        statement.verify(claim, cheat(claim, model, rows, alter))


@pytest.mark.parametrize("uses", MODES)
def test_a_proof_is_of_its_own_rows_and_model_and_context_alone(uses: int) -> None:
    model, other = committed(small(0).graph, uses), committed(dense([5, 4, 3], 1), uses)
    rows = rows_for(model.graph, 2)
    claim = inference(model, rows)
    proof = proving.prove(claim, model, context=b"nonce")
    statement.verify(inference(model, rows), proof, context=b"nonce")
    for context in (b"", b"nonce2"):
        with pytest.raises(ProofError):
            statement.verify(claim, proof, context=context)
    moved = rows.copy()
    moved[0, 0] -= 1 if moved[0, 0] > 0 else -1
    assert not accepted(inference(model, moved, claim.outputs), proof)
    again = committed(small(0).graph, uses)
    if uses:  # in clear, the same model has the same commitment
        assert not accepted(inference(again, rows), proof)
    assert not accepted(Inference(other.commitment, rows, claim.outputs), proof)


def test_the_shown_soundness_is_at_least_100_bits() -> None:
    for uses in MODES:
        model = committed(small(0).graph, uses)
        claim = inference(model, rows_for(model.graph, 2))
        planned = claim.soundness()
        assert planned.bits >= 100
        if uses:
            assert statement.verify(claim, proving.prove(claim, model)) == planned


def test_rows_and_outputs_that_no_graph_could_have_are_refused_before_any_work() -> None:
    model = small(0)
    rows = rows_for(model.graph, 2)
    outputs = model.graph.evaluate(rows)
    with pytest.raises(ProofError, match=r"row 1, index \(2,\)"):
        bad = rows.copy()
        bad[1, 2] = 2**40
        Inference(model.commitment, bad, outputs)
    with pytest.raises(ProofError, match="int64 of shape"):
        Inference(model.commitment, rows, outputs[:, :1])
    with pytest.raises(ProofError, match="bits that this model's outputs have"):
        Inference(model.commitment, rows, outputs + 2**50)
    with pytest.raises(ProofError, match="1 to"):
        Inference(model.commitment, rows[:0], outputs[:0])
