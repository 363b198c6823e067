"""Graphs on shares agree with the reference evaluator."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
)
from tacit.mpc.evaluation import Skeleton, drifts, evaluate, weights_of
from tacit.mpc.inputs import constant
from tacit.mpc.party import Security

from ..functions import prices
from ..lockstep import parties
from .models import graphs, measured, on_shares, rows_for

BUDGET = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("security", ["passive", "active"])
@BUDGET
@given(data=st.data())
def test_any_graph_is_within_its_drift_of_the_reference(security: Security, data: st.DataObject) -> None:
    graph = data.draw(graphs())
    x = rows_for(graph, data.draw(st.integers(1, 3)), np.random.default_rng(data.draw(st.integers(0, 99))))
    found, expected = on_shares(graph, x, security), graph.evaluate(x)
    assert np.abs(found - expected).max() <= drifts(graph)[-1].output


@pytest.mark.parametrize("security", ["passive", "active"])
@BUDGET
@given(data=st.data())
def test_where_no_layer_enlarges_a_difference_it_is_a_unit_for_each_rescaling(
    security: Security, data: st.DataObject
) -> None:
    graph = data.draw(graphs(contracting=True))
    x = rows_for(graph, 2, np.random.default_rng(data.draw(st.integers(0, 99))))
    found, expected = on_shares(graph, x, security), graph.evaluate(x)
    assert np.abs(found - expected).max() <= units(graph)


def units(graph: Graph) -> int:
    """Rescalings on the way to the output; where an input is read twice, or squared, its own count as often."""
    known = {"input": 0}
    for layer in graph.layers:
        before = sum(known[name] for name in layer.inputs)
        if layer.kind == "square":
            before *= -(-2 * graph.bounds[layer.inputs[0]].magnitude >> graph.fraction_bits)
        known[layer.name] = before + (layer.kind in RESCALING)
    return known[graph.layers[-1].name]


@pytest.mark.parametrize("f", [8, 16, 20])
@pytest.mark.parametrize("layer", [Softmax, Sigmoid, Tanh, Square, ArgMax], ids=lambda layer: layer.kind)
def test_layers_that_need_many_bits_are_taken_at_every_precision(layer: Any, f: int) -> None:
    graph = Graph.build([layer.of()], -4, 4, input_shape=(10,), fraction_bits=f)
    x = rows_for(graph, 5, np.random.default_rng(f))
    assert np.abs(on_shares(graph, x, "passive") - graph.evaluate(x)).max() <= drifts(graph)[-1].output <= 3


@pytest.mark.parametrize("verified_layers", ["image", "vector"])
def test_every_product_of_every_layer_can_be_verified(verified_layers: str) -> None:
    rng = np.random.default_rng(5)
    if verified_layers == "image":
        layers = [
            Conv2d.of(rng.uniform(-0.3, 0.3, (3, 2, 3, 3)), padding=1),
            ReLU.of(),
            MaxPool.of(2),
            Normalise.of(0.1, rng.uniform(0.5, 1, (3, 1, 1))),
            Square.of(),
            AveragePool.of(2, padding=1),
            Flatten.of(),
            Linear.of(rng.uniform(-0.5, 0.5, (4, 27))),
            Softmax.of(),
        ]
        shape: tuple[int, ...] = (2, 9, 9)
    else:
        layers = [
            Linear.of(rng.uniform(-1, 1, (6, 5)), name="first"),
            Sigmoid.of(name="s"),
            Tanh.of(name="t", inputs=("first",)),
            Add.of(inputs=("s", "t")),
            ArgMax.of(),
        ]
        shape = (5,)
    graph = Graph.build(layers, -1, 1, input_shape=shape)
    x = rows_for(graph, 3, rng)
    found, _ = measured(graph, x, "active", verified=True)
    assert np.abs(found - graph.evaluate(x)).max() <= drifts(graph)[-1].output


@pytest.mark.parametrize("security", ["passive", "active"])
@pytest.mark.parametrize("rows", [1, 128])
def test_rounds_and_bytes_of_a_network_are_those_of_its_parts(rows: int, security: Security) -> None:
    rng = np.random.default_rng(0)
    layers = [Linear.of(rng.normal(0, 0.05, (20, 70))), ReLU.of(), Linear.of(rng.normal(0, 0.1, (3, 20)))]
    graph = Graph.build(layers, 0, 1)
    steps = Skeleton.of(graph).steps
    _, price = measured(graph, rows_for(graph, rows, rng), security)
    n = 20 * rows
    relu = prices.relu_rescaled(n, steps[0].accumulator_bits, 16, security)
    expected = prices.products(n) + relu
    expected += prices.products(3 * rows) + prices.rescaling(3 * rows, 16, security)
    assert price == expected


def test_a_large_mlp_sends_less_than_two_megabytes_a_party_for_128_rows() -> None:
    rng = np.random.default_rng(0)
    sides = [784, 128, 128, 10]
    layers: list[FloatLayer] = []
    for before, after in pairwise(sides):
        layers += [Linear.of(rng.normal(0, (2 / before) ** 0.5, (after, before))), ReLU.of()]
    graph = Graph.build(layers[:-1], 0, 1)
    x = rows_for(graph, 128, rng)
    found, price = measured(graph, x, "passive")
    assert max(price.sent) < 2e6
    assert price.rounds == 25
    assert np.abs(found - graph.evaluate(x)).max() <= drifts(graph)[-1].output


def test_shares_of_other_shapes_are_refused() -> None:
    graph = Graph.build([Linear.of(np.ones((2, 3)))], -1, 1)
    party, skeleton = parties("passive")[0], Skeleton.of(graph)
    weight, bias = (constant(party, words) for words in weights_of(graph))
    for x in (np.ones((2, 4)), np.ones(3), np.ones((0, 3))):
        with pytest.raises(GraphError, match=r"not \(rows, \*\(3,\)\)"):
            next(evaluate(party, skeleton, [weight, bias], constant(party, x.astype(np.uint64))))
    with pytest.raises(GraphError, match="shared weights have shapes"):
        next(evaluate(party, skeleton, [bias, weight], constant(party, np.ones((1, 3), dtype=np.uint64))))


RESCALING = ("linear", "conv2d", "normalise", "square", "average_pool", "sigmoid", "tanh")
