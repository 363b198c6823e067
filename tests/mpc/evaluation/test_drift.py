"""How far shares may be from the reference."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import LAYERS, Add, Graph, Linear, ReLU, Square
from tacit.mpc.evaluation import SHARED, drifts
from tacit.mpc.evaluation.layer import shared


def test_every_kind_of_layer_has_its_twin_on_shares() -> None:
    assert set(SHARED) == set(LAYERS)


def test_a_kind_has_one_twin() -> None:
    with pytest.raises(ValueError, match="two classes on shares for layers of kind 'linear'"):
        shared("linear")(type(SHARED["linear"]))


def test_a_rescaling_is_one_unit_and_weights_enlarge_it() -> None:
    layers = [Linear.of(np.eye(2)), ReLU.of(), Linear.of([[3.0, -4.0], [0.5, 0.0]])]
    graph = Graph.build(layers, -1, 1)
    assert [drift.output for drift in drifts(graph)] == [1, 1, 8]  # 3 and 4 units, and the rescaling's own
    bounds = graph.accumulator_bounds.values()
    assert [drift.reach - bound for drift, bound in zip(drifts(graph), bounds, strict=True)] == [0, 1, 7 << 16]


def test_sums_add_up_and_squares_count_twice_the_value() -> None:
    graph = Graph.build([Linear.of([[2.0]], name="a"), Add.of(inputs=("a", "a")), Square.of()], -1, 1)
    assert [drift.output for drift in drifts(graph)] == [1, 2, 2 * 2 * 4 + 2]


def test_what_comes_from_the_input_alone_is_exact() -> None:
    graph = Graph.build([ReLU.of(name="r"), Add.of(inputs=("r", "r"))], -1, 1, input_shape=(3,))
    assert [drift.output for drift in drifts(graph)] == [0, 0]
