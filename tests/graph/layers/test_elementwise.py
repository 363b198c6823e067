"""ReLU, Square, Add, Flatten, Normalise: exact, or to half a unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import AccumulatorError, Add, Flatten, Graph, Layer, Normalise, ReLU, Square

MOST = 2**53


def graph_of(*layers: Layer, end: float = 2.0**37, f: int = 16) -> Graph:
    return Graph(layers, np.array([-end]), np.array([end]), f)


def test_relu_at_the_ends() -> None:
    graph = graph_of(ReLU("r", ("input",)))
    assert graph.evaluate(np.array([[-MOST], [-1], [0], [1], [MOST]])).ravel().tolist() == [0, 0, 0, 1, MOST]
    assert (graph.bounds["r"].low[0], graph.bounds["r"].high[0]) == (0, MOST)


def test_square_ties_and_the_largest_that_fits() -> None:
    graph = graph_of(Square("s", ("input",)), end=2.0**15)
    assert graph.accumulator_bounds["s"] == 2**62
    x = np.array([[-(2**31)], [2**31], [0], [181], [182]])  # 181**2 = 32761 < 2**15 < 182**2
    assert graph.evaluate(x).ravel().tolist() == [2**46, 2**46, 0, 0, 1]
    with pytest.raises(AccumulatorError):
        graph_of(Square("s", ("input",)), end=2.0**15 + 2.0**-16)


@given(st.integers(-(2**20), 2**20), st.integers(-(2**20), 2**20))
def test_square_bounds_are_tight(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    graph = Graph([Square("s", ("input",))], np.array([low / 2**16]), np.array([high / 2**16]), 16)
    bound = graph.bounds["s"]
    ends = [graph.evaluate(np.array([[x]]))[0, 0] for x in {low, high, min(max(0, low), high)}]
    assert (bound.low[0], bound.high[0]) == (min(ends), max(ends))


def test_add_doubles_until_the_limit() -> None:
    def doubled(times: int) -> Graph:
        names = ["input", *(f"a{i}" for i in range(times))]
        return graph_of(*(Add(after, (before, before)) for before, after in itertools.pairwise(names)))

    assert doubled(9).evaluate(np.array([[MOST], [-MOST]])).ravel().tolist() == [2**62, -(2**62)]
    with pytest.raises(AccumulatorError, match="layer 'a9' .add."):
        doubled(10)


def test_add_needs_one_shape() -> None:
    with pytest.raises(GraphError, match=r"adds tensors of one shape, not \(4,\) and \(2, 2\)"):
        Graph.build([Flatten.of(name="f"), Add.of(inputs=("f", "input"))], 0, 1, input_shape=(2, 2))


def test_flatten_keeps_the_order() -> None:
    graph = Graph.build([Flatten.of()], 0, 100, input_shape=(2, 3, 4))
    x = np.arange(48.0).reshape(2, 2, 3, 4)
    assert (graph.predict(x) == x.reshape(2, -1)).all()
    assert graph.predict(x[:0]).shape == (0, 24)


def test_normalise_rounds_half_up_and_keeps_its_bounds() -> None:
    layer = Normalise("n", ("input",), np.array([2**15, -(2**15)]), np.array([0, 0]), 16)
    graph = Graph([layer], np.array([-1.0, -1.0]), np.array([1.0, 1.0]), 16)
    assert graph.evaluate(np.array([[1, 1], [-1, -1], [3, 3]])).tolist() == [[1, 0], [0, 1], [2, -1]]
    assert graph.bounds["n"].low.tolist() == [-(2**15), -(2**15)]


def test_normalise_just_fits() -> None:
    def graph(offset: int) -> Graph:
        layer = Normalise("n", ("input",), np.array([2**46 - 1]), np.array([offset]), 16)
        return Graph([layer], np.array([-1.0]), np.array([1.0]), 16)

    assert graph(2**16).accumulator_bounds["n"] == 2**62
    with pytest.raises(AccumulatorError, match="4611686018427387905"):
        graph(2**16 + 1)


def test_normalise_by_channel() -> None:
    layers = [Normalise.of(np.array([1.0, 2.0]).reshape(2, 1, 1), np.array([2.0, 4.0]).reshape(2, 1, 1))]
    graph = Graph.build(layers, 0, 8, input_shape=(2, 2, 2))
    assert graph.predict(np.full((1, 2, 2, 2), 3.0))[0, :, 0, 0].tolist() == [4.0, 4.0]
    with pytest.raises(GraphError, match="does not fit a tensor"):
        Graph.build(layers, 0, 8, input_shape=(3, 2, 2))
    with pytest.raises(GraphError, match="do not fit each other"):
        Normalise.of(np.ones(2), np.ones(3))
