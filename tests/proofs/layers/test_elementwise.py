"""Add, Square and ReLU, alone and in each other's way."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Add, Linear, ReLU, Square

from ..models import MODES, accepted, cheat, committed, graph_of, honest, inference, rows_for

RNG = np.random.default_rng(3)
WEIGHT, OTHER = RNG.normal(size=(5, 5)), RNG.normal(size=(5, 5))


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize(
    "layers",
    [
        [Square.of()],
        [ReLU.of()],
        [ReLU.of(), ReLU.of(), Square.of()],
        [Add.of(inputs=("input", "input"))],
        [Linear.of(WEIGHT, name="a"), Add.of(inputs=("a", "input")), ReLU.of(), Linear.of(OTHER)],
        [Linear.of(WEIGHT, name="a"), ReLU.of(name="b"), Add.of(inputs=("a", "b")), Square.of(), ReLU.of()],
        [Linear.of(WEIGHT), Square.of(), Linear.of(OTHER)],
    ],
)
def test_elementwise_layers_can_be_proved_and_not_with_another_output(layers: list, uses: int) -> None:
    graph = graph_of(layers, (5,))
    rows = np.concatenate([rows_for(graph, 2), np.zeros((1, 5), dtype=np.int64)])
    assert honest(graph, rows, uses)
    model, wrong = committed(graph, uses), graph.evaluate(rows)
    wrong[0, 0] += -1 if wrong[0, 0] > 0 else 1
    claim = inference(model, rows, wrong)
    assert not accepted(claim, cheat(claim, model, rows, lambda witness, claim: None))
