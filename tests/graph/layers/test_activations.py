"""Sigmoid, Tanh, Softmax, ArgMax: within their stated errors, never falling, and sound at the far ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import AccumulatorError, ArgMax, Graph, Layer, Sigmoid, Softmax, Tanh

ALL_BITS = range(8, 21)


def exact(layer: type[Layer], x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x)) if layer is Sigmoid else np.tanh(x)


@pytest.mark.parametrize("f", ALL_BITS)
@pytest.mark.parametrize("layer", [Sigmoid, Tanh])
def test_within_the_stated_error_and_never_falling(layer: type[Sigmoid | Tanh], f: int) -> None:
    """Every argument in [-17, 17] up to f = 14, every third one above it at 16, a seventeenth at 20."""
    x = np.arange(-17 << f, (17 << f) + 1, {15: 2, 16: 3, 17: 5}.get(f, 1 if f < 15 else 17))
    y = layer("a", ("input",)).evaluate([x], f)
    assert np.abs(y / 2.0**f - exact(layer, x / 2.0**f)).max() <= layer.error(f)
    assert (np.diff(y) >= 0).all()
    assert y.max() <= 1 << f
    assert y.min() >= (0 if layer is Sigmoid else -1 << f)


@pytest.mark.parametrize("f", ALL_BITS)
def test_the_middle_is_exact(f: int) -> None:
    zero = np.zeros(1, dtype=np.int64)
    assert Sigmoid("a", ("input",)).evaluate([zero], f)[0] == 1 << (f - 1)
    assert Tanh("a", ("input",)).evaluate([zero], f)[0] == 0


@pytest.mark.parametrize("f", ALL_BITS)
def test_the_far_ends(f: int) -> None:
    x = np.array([-(2**62), -(2**40), 2**40, 2**62])
    one = 1 << f
    assert Sigmoid("a", ("input",)).evaluate([x], f).tolist() == [0, 0, one, one]
    assert Tanh("a", ("input",)).evaluate([x], f).tolist() == [-one, -one, one, one]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@settings(max_examples=200, deadline=None)
@given(st.integers(8, 20), st.integers(1, 50), st.sampled_from([0.01, 1.0, 4.0, 16.0, 1000.0]), st.integers(0, 2**32))
def test_softmax_within_the_stated_error(f: int, classes: int, spread: float, seed: int) -> None:
    x = np.rint(np.random.default_rng(seed).uniform(-spread, spread, (8, classes)) * 2**f).astype(np.int64)
    y = Softmax("a", ("input",)).evaluate([x], f)
    assert np.abs(y / 2.0**f - softmax(x / 2.0**f)).max() <= Softmax.error(f, classes)
    assert (np.abs(y.sum(axis=1) - 2**f) <= classes / 2).all()
    assert (y >= 0).all()
    assert (y <= 1 << f).all()


@pytest.mark.parametrize("f", [8, 16, 20])
def test_softmax_at_the_ends(f: int) -> None:
    layer = Softmax("a", ("input",))
    equal = layer.evaluate([np.full((1, 4), -(2**61))], f)
    assert equal.tolist() == [[1 << (f - 2)] * 4]
    far = layer.evaluate([np.array([[2**61, -(2**61), 0]])], f)
    assert np.abs(far - np.array([[1 << f, 0, 0]])).max() <= 2.0**f * Softmax.error(f, 3)
    assert layer.evaluate([np.array([[12345]])], f).tolist() == [[1 << f]]
    assert layer.evaluate([np.empty((0, 3), dtype=np.int64)], f).shape == (0, 3)


def test_softmax_of_many_classes_keeps_its_accumulator() -> None:
    for f in (8, 20):
        graph = Graph([Softmax("a", ("input",))], np.full(3000, -50.0), np.full(3000, 50.0), f)
        ends = np.array([graph.bounds["input"].low, graph.bounds["input"].high])
        assert np.abs(graph.decode(graph.evaluate(ends)) - 1 / 3000).max() <= Softmax.error(f, 3000)
    layer = Softmax("a", ("input",))
    from tacit.graph import Interval

    wide = Interval(np.array([-(2**61), -(2**61)]), np.array([2**61, 2**61 + 1]))
    with pytest.raises(AccumulatorError):
        layer.bounds([wide], 16)


def test_argmax_takes_the_first_of_equals() -> None:
    graph = Graph([ArgMax("a", ("input",))], np.full(3, -1.0), np.full(3, 1.0), 8)
    assert graph.predict([[0, 0, 0], [0, 1, 1], [-1, -1, 0.5]]).tolist() == [[0.0], [1.0], [2.0]]
    assert graph.evaluate(np.array([[0, 5, 5]])).tolist() == [[1 << 8]]


def test_argmax_bounds_leave_out_classes_that_cannot_win() -> None:
    graph = Graph([ArgMax("a", ("input",))], np.array([0.0, 2.0, 1.0, 0.0]), np.array([1.0, 3.0, 3.0, 1.0]), 16)
    assert (graph.bounds["a"].low[0] >> 16, graph.bounds["a"].high[0] >> 16) == (1, 2)


@pytest.mark.parametrize("layer", [Softmax, ArgMax])
def test_only_vectors(layer: type[Layer]) -> None:
    with pytest.raises(GraphError, match="takes a vector"):
        Graph([layer("a", ("input",))], np.zeros((2, 2)), np.ones((2, 2)), 16)
