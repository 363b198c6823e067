"""Sigmoid and Tanh: the table's quadratics, and the clamps at its ends, as the graph has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, ReLU, Sigmoid, Tanh
from tacit.graph.pieces import sigmoid_pieces
from tacit.proofs.field import MODULUS, Words
from tacit.proofs.statements import statement
from tacit.proofs.statements.inference import Inference

from ..models import MODES, accepted, cheat, committed, honest, inference, recount


def graph_of(layer: object, fraction_bits: int = 8, reach: float = 40.0) -> Graph:
    return Graph.build([layer], -reach, reach, input_shape=(3,), fraction_bits=fraction_bits)  # type: ignore[list-item]


def boundaries(fraction_bits: int) -> np.ndarray:
    """Arguments at the ends of the table's range, of its pieces, around zero, and beyond."""
    pieces = sigmoid_pieces(fraction_bits)
    width = 1 << (fraction_bits - pieces.step_bits)
    ends = [pieces.low - 1, pieces.low, pieces.low + 1, pieces.high - 1, pieces.high, pieces.high + 1]
    ends += [-width - 1, -width, -1, 0, 1, width - 1, width, pieces.low // 2, pieces.high // 2, pieces.high // 2 + 1]
    ends += [-40 << fraction_bits, 40 << fraction_bits]
    return np.array(ends).reshape(-1, 3)


@pytest.mark.parametrize("kind", [Sigmoid, Tanh])
@pytest.mark.parametrize("fraction_bits", [8, 13, 20])
@pytest.mark.parametrize("uses", MODES)
def test_boundary_values_can_be_proved(kind: type, fraction_bits: int, uses: int) -> None:
    graph = graph_of(kind.of(), fraction_bits)
    assert honest(graph, boundaries(fraction_bits), uses)


@pytest.mark.parametrize("uses", MODES)
def test_they_can_be_proved_between_other_layers(uses: int) -> None:
    rng = np.random.default_rng(2)
    layers = [
        Linear.of(rng.normal(size=(4, 3))),
        Tanh.of(),
        ReLU.of(),
        Linear.of(rng.normal(size=(2, 4))),
        Sigmoid.of(),
    ]
    graph = Graph.build(layers, -3.0, 3.0, input_shape=(3,), fraction_bits=10)
    assert honest(graph, rng.integers(-3000, 3000, (5, 3)), uses)


def forged(alter: Callable[[Words, Inference], None], delta: int = 0) -> tuple[Inference, bytes]:
    graph = graph_of(Sigmoid.of())
    rows = np.array([[100, -300, 7]])
    model, outputs = committed(graph, 0), graph.evaluate(rows)
    outputs[0, 0] += delta
    claim = inference(model, rows, outputs)
    return claim, cheat(claim, model, rows, alter)


@pytest.mark.parametrize("delta", [1, -1])
def test_another_output_is_refused(delta: int) -> None:
    claim, proof = forged(lambda witness, claim: None, delta)
    assert not accepted(claim, proof)


@pytest.mark.parametrize("column", ["index", "c0", "c1", "c2"])
def test_a_row_that_is_not_in_the_table_is_refused_by_the_lookup(column: str) -> None:
    def alter(witness: Words, claim: Inference) -> None:
        block = claim.planning.witness.columns()[f"{claim.model.architecture.steps[0].name}/{column}"]
        witness[block.offset] += np.uint64(1)

    claim, proof = forged(alter)
    with pytest.raises(ProofError, match="lookup: a row is not in the table"):
        statement.verify(claim, proof)


@pytest.mark.parametrize("limbs", ["over/positive", "over/negative", "under/positive", "under/negative", "rest"])
def test_each_part_of_the_clamp_is_fixed(limbs: str) -> None:
    def alter(witness: Words, claim: Inference) -> None:
        name = claim.model.architecture.steps[0].name
        for digit in claim.planning.witness.digits(f"{name}/{limbs}")[:1]:
            low = witness[digit.block.offset]
            witness[digit.block.offset] = low + np.uint64(1) if low == 0 else low - np.uint64(1)
        recount(witness, claim)

    claim, proof = forged(alter)
    assert not accepted(claim, proof)


def test_another_slope_is_refused() -> None:
    def alter(witness: Words, claim: Inference) -> None:
        block = claim.planning.witness.columns()[f"{claim.model.architecture.steps[0].name}/slope"]
        witness[block.offset] = (int(witness[block.offset]) + 1) % MODULUS

    claim, proof = forged(alter)
    assert not accepted(claim, proof)
