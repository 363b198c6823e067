from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import AccumulatorError, AveragePool, Graph, MaxPool


def pooled(kind: type[AveragePool | MaxPool], size: int | tuple[int, int], x: np.ndarray, **options: int) -> np.ndarray:
    graph = Graph.build([kind.of(size, **options)], -8, 8, input_shape=x.shape[1:])  # type: ignore[arg-type]
    return graph.predict(x)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(8, 20), st.integers(0, 2**32))
def test_the_mean_within_its_error(height: int, width: int, f: int, seed: int) -> None:
    """Half a unit, and 2**-(f+1) of the mean of the absolute values; on powers of two the reciprocal is exact."""
    k = height * width
    graph = Graph.build([AveragePool.of((height, width))], -8, 8, input_shape=(2, height, width), fraction_bits=f)
    x = graph.encode(np.random.default_rng(seed).uniform(-8, 8, (5, 2, height, width)))
    for row, output in zip(x.reshape(10, k).tolist(), graph.evaluate(x).ravel().tolist(), strict=True):
        mean = Fraction(sum(row), k)
        slack = 0 if k & (k - 1) == 0 else Fraction(abs(sum(row)), 2 ** (f + 1) * k)
        assert abs(output - mean) <= Fraction(1, 2) + slack


def test_padding_is_counted_in_means_and_never_wins_a_maximum() -> None:
    x = np.full((1, 1, 2, 2), -4.0)
    assert pooled(AveragePool, 2, x, padding=1).ravel().tolist() == [-1.0] * 4
    assert pooled(MaxPool, 2, x, padding=1).ravel().tolist() == [-4.0] * 4


def test_odd_sizes_leave_out_what_does_not_fill_a_window() -> None:
    x = np.arange(35.0).reshape(1, 1, 5, 7) / 8
    assert pooled(MaxPool, 2, x).shape == (1, 1, 2, 3)
    assert pooled(MaxPool, 3, x, stride=2).ravel().tolist() == [v / 8 for v in (16, 18, 20, 30, 32, 34)]
    assert pooled(MaxPool, (5, 7), x).ravel().tolist() == [34 / 8]


@pytest.mark.parametrize("kind", [AveragePool, MaxPool])
def test_what_does_not_fit(kind: type[AveragePool | MaxPool]) -> None:
    with pytest.raises(GraphError, match="more than half"):
        pooled(kind, 3, np.zeros((1, 1, 8, 8)), padding=2)
    with pytest.raises(GraphError, match=r"a window of \(9, 9\) does not fit"):
        pooled(kind, 9, np.zeros((1, 1, 8, 8)))
    with pytest.raises(GraphError, match="takes a tensor of shape"):
        pooled(kind, 2, np.zeros((1, 8)))
    with pytest.raises(GraphError, match="stride is"):
        pooled(kind, 2, np.zeros((1, 1, 8, 8)), stride=0)


def test_the_largest_accumulator_of_a_mean() -> None:
    """k * |x| * 2**f with k = 4: 2 + 53 + 16 bits are too many, 2 + 44 + 16 are not."""
    assert Graph.build([AveragePool.of(2)], -(2.0**28), 2.0**28, input_shape=(1, 2, 2)).accumulator_bounds == {
        "average_pool_1": 2**62
    }
    with pytest.raises(AccumulatorError, match="the largest that fits is 15"):
        Graph.build([AveragePool.of(2)], -(2.0**28), 2.0**28 + 1, input_shape=(1, 2, 2))


def test_the_most_negative_input_of_a_maximum() -> None:
    graph = Graph.build([MaxPool.of(2, padding=1)], -(2.0**37), 2.0**37, input_shape=(1, 2, 2))
    x = np.full((1, 1, 2, 2), -(2**53))
    assert (graph.evaluate(x) == -(2**53)).all()
