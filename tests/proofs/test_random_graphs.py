"""Completeness on graphs of all layers, of all shapes: whatever the graph computes can be proved."""

from __future__ import annotations

import numpy as np
import pytest

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
    ReLU,
    Sigmoid,
    Square,
    Tanh,
)

from .models import MODES, accepted, cheat, committed, honest, inference, rows_for


def images(rng: np.random.Generator) -> tuple[list[FloatLayer], tuple[int, ...], int]:
    """Some convolutions and pools, and how long a row is behind them."""
    shape = tuple(int(side) for side in rng.integers([1, 3, 3], [4, 9, 9]))
    layers: list[FloatLayer] = []
    current = shape
    for _ in range(rng.integers(0, 3)):
        kind = rng.choice(["conv", "average", "max", "relu"])
        size = tuple(int(rng.integers(1, min(side, 3) + 1)) for side in current[1:])
        stride = int(rng.integers(1, 3))
        if kind == "conv":
            weight = rng.normal(size=(int(rng.integers(1, 4)), current[0], *size))
            padding = tuple(int(rng.integers(0, side)) for side in size)
            layers.append(Conv2d.of(weight, rng.normal(size=len(weight)), stride=stride, padding=padding))
        elif kind == "relu":
            layers.append(ReLU.of())
        else:
            pool = AveragePool if kind == "average" else MaxPool
            layers.append(pool.of(size, stride=stride, padding=tuple(int(side // 2) for side in size)))
        current = layers[-1].output_shape([current])  # type: ignore[assignment]
    return [*layers, Flatten.of()], shape, int(np.prod(current))


def vectors(rng: np.random.Generator, width: int) -> list[FloatLayer]:
    """Some layers on vectors; the last may be an ArgMax."""
    layers: list[FloatLayer] = []
    for number in range(rng.integers(1, 5)):
        kind = rng.choice(["linear", "linear", "relu", "square", "sigmoid", "tanh", "add"])
        if kind == "linear" or not layers:
            outputs = int(rng.integers(1, 9))
            layers.append(
                Linear.of(rng.normal(size=(outputs, width)) / width, rng.normal(size=outputs), name=f"v{number}")
            )
            width = outputs
        elif kind == "add":
            layers.append(Add.of(name=f"v{number}", inputs=(layers[-1].name, layers[-1].name)))
        else:
            layer = {"relu": ReLU, "square": Square, "sigmoid": Sigmoid, "tanh": Tanh}[kind]
            layers.append(layer.of(name=f"v{number}"))
    return [*layers, ArgMax.of()] if rng.random() < 0.3 and layers[-1].kind is Linear else layers


def random_graph(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    before, shape, width = images(rng) if rng.random() < 0.5 else ([], (int(rng.integers(1, 20)),), 0)
    layers = [*before, *vectors(rng, width or shape[0])]
    bits = int(rng.integers(8, 21))
    low = -float(rng.random()) * 2
    return Graph.build(layers, low, 1.0, input_shape=shape, fraction_bits=bits)


def check(seed: int) -> None:
    """Proved in one mode, and with an output that is one unit off refused in the other."""
    try:
        graph = random_graph(seed)
    except GraphError:
        return  # accumulators that are too wide
    rows = rows_for(graph, 1 + seed % 4, seed)
    rows[0] = graph.bounds["input"].low
    assert honest(graph, rows, MODES[seed % 2]), seed
    model, wrong = committed(graph, MODES[(seed + 1) % 2]), graph.evaluate(rows)
    bound = 1 << model.commitment.architecture.steps[-1].bits
    wrong[-1].flat[0] += 1 if wrong[-1].flat[0] + 1 < bound else -1
    if abs(int(wrong[-1].flat[0])) >= bound:
        return  # the output is zero, whatever the input is
    claim = inference(model, rows, wrong)
    assert not accepted(claim, cheat(claim, model, rows, lambda witness, claim: None)), seed


@pytest.mark.parametrize("seed", range(24))
def test_a_random_graph_can_be_proved_and_not_with_another_output(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_random_graphs_can_be_proved(part: int) -> None:
    for seed in range(1000 + 100 * part, 1100 + 100 * part):
        check(seed)
