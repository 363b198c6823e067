"""Many rows in bounded memory, in chunks that change nothing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tacit.graph import Add, Conv2d, FloatLayer, Graph, Linear, ReLU, Softmax
from tacit.graph.evaluation import CHUNK, rows_at_once, run


def branches(count: int, width: int) -> Graph:
    """So many tensors that all stay until they are added up."""
    layers: list[FloatLayer] = [ReLU.of(name=f"r{i}", inputs=("input",)) for i in range(count)]
    sums = [Add.of(name=f"s{i}", inputs=("r0" if i == 1 else f"s{i - 1}", f"r{i}")) for i in range(1, count)]
    return Graph.build([*layers, *sums], -1, 1, input_shape=(width,))


def test_rows_do_not_depend_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph.build([Linear.of(np.ones((3, 5))), Softmax.of()], -1, 1)
    x = graph.encode(np.random.default_rng(0).uniform(-1, 1, (100, 5)))
    whole = graph.evaluate(x)
    monkeypatch.setattr("tacit.graph.evaluation.CHUNK", 77)
    assert rows_at_once(graph.layers, graph.shapes) == 7
    assert (graph.evaluate(x) == whole).all()
    assert (np.concatenate([graph.evaluate(row[None]) for row in x]) == whole).all()


def test_all_tensors_alive_at_one_time_count() -> None:
    graph = branches(100, 1000)
    assert rows_at_once(graph.layers, graph.shapes) == CHUNK // (1000 * 102)  # input, branches, and the last's scratch


def test_what_is_read_no_more_does_not_count() -> None:
    layers: list[FloatLayer] = [ReLU.of() for _ in range(100)]
    graph = Graph.build(layers, -1, 1, input_shape=(1000,))
    assert rows_at_once(graph.layers, graph.shapes) == CHUNK // 3000  # one in, one out, and scratch


def test_what_a_layer_needs_on_the_way_counts() -> None:
    graph = Graph.build([Conv2d.of(np.ones((1, 1, 8, 8)))], -1, 1, input_shape=(1, 64, 64))
    assert rows_at_once(graph.layers, graph.shapes) == CHUNK // (64 * 64 + 57 * 57 + 64 * 64 + 57 * 64)


def test_a_row_larger_than_a_chunk_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = branches(2, 10)
    monkeypatch.setattr("tacit.graph.evaluation.CHUNK", 5)
    assert graph.evaluate(np.ones((3, 10), dtype=np.int64)).tolist() == [[2] * 10] * 3


def test_many_rows_of_a_wide_graph_stay_within_bounds() -> None:
    """All at once they would take 770 MB."""
    graph = branches(300, 64)
    x = np.ones((5000, 64), dtype=np.int64)
    tracemalloc.start()
    output = graph.evaluate(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (output == 300).all()
    assert peak < 2 * 8 * CHUNK


def test_tensors_are_kept_only_where_asked_for() -> None:
    graph = branches(3, 2)
    x = np.ones((1, 2), dtype=np.int64)
    assert set(run(graph.layers, x, 16, keep=False)) == {"s2"}
    assert set(run(graph.layers, x, 16, keep=True)) == {"input", "r0", "r1", "r2", "s1", "s2"}
