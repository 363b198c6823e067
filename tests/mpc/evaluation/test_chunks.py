"""Large batches in chunks: bounded memory, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Conv2d, Flatten, FloatLayer, Graph, Linear, MaxPool, ReLU, Sigmoid
from tacit.mpc.evaluation import Skeleton, drifts
from tacit.mpc.evaluation.chunks import ALL_LAYERS, LARGEST_LAYER, rows_at_once

from .models import measured, rows_for


def network() -> Graph:
    return Graph.build([Linear.of(np.ones((4, 3)) / 4), ReLU.of(), Linear.of(np.ones((2, 4)) / 4)], -1, 1)


def test_the_largest_layer_decides_in_passive_mode_and_their_sum_in_active_mode() -> None:
    skeleton = Skeleton.of(network())
    words = [3 + 6 * 4, 6 * 4, 4 + 6 * 2]
    assert rows_at_once(skeleton, active=False) == LARGEST_LAYER // 27
    assert rows_at_once(skeleton, active=True) == (ALL_LAYERS - 12 - 4 - 8 - 2) // sum(words)


def test_unrolled_windows_and_tables_count() -> None:
    layers: list[FloatLayer] = [Conv2d.of(np.ones((2, 1, 3, 3))), MaxPool.of(2), Sigmoid.of()]
    skeleton = Skeleton.of(Graph.build(layers, -1, 1, input_shape=(1, 6, 6)))
    words = [16 * 9 + 6 * 32, 6 * 4 * 8, 100 * 8]
    assert rows_at_once(skeleton, active=False) == LARGEST_LAYER // max(words)
    assert rows_at_once(skeleton, active=True) == (ALL_LAYERS - 20) // sum(words)


@pytest.mark.parametrize("security", ["passive", "active"])
def test_chunks_change_rounds_and_nothing_else(monkeypatch: pytest.MonkeyPatch, security: str) -> None:
    graph = network()
    x = rows_for(graph, 7, np.random.default_rng(0))
    _, whole = measured(graph, x, security)
    monkeypatch.setattr("tacit.mpc.evaluation.graphs.rows_at_once", lambda skeleton, active: 3)
    found, price = measured(graph, x, security)
    assert np.abs(found - graph.evaluate(x)).max() <= drifts(graph)[-1].output
    if security == "passive":
        assert price.rounds == 3 * whole.rounds
    else:
        assert price.rounds > 3 * whole.rounds  # what a chunk leaves is verified


def test_a_row_larger_than_the_bound_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tacit.mpc.evaluation.chunks.ALL_LAYERS", 5)
    monkeypatch.setattr("tacit.mpc.evaluation.chunks.LARGEST_LAYER", 5)
    skeleton = Skeleton.of(network())
    assert rows_at_once(skeleton, active=True) == rows_at_once(skeleton, active=False) == 1


def test_batches_of_1024_of_ordinary_networks_are_one_chunk_or_few() -> None:
    mlp = Graph.build([Linear.of(np.ones((128, 784)) / 784), ReLU.of(), Linear.of(np.ones((10, 128)) / 128)], 0, 1)
    assert rows_at_once(Skeleton.of(mlp), active=True) > 1024
    layers = [Conv2d.of(np.ones((6, 1, 5, 5)) / 25, padding=2), ReLU.of(), MaxPool.of(2), Flatten.of()]
    cnn = Graph.build([*layers, Linear.of(np.ones((10, 1176)) / 1176)], 0, 1, input_shape=(1, 28, 28))
    assert rows_at_once(Skeleton.of(cnn), active=False) > 700
    assert rows_at_once(Skeleton.of(cnn), active=True) > 150
