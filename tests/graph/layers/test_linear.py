from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import AccumulatorError, Graph, Linear

ENDS = np.array([-1.0]), np.array([1.0])


def one_weight(weight: int, bias: int = 0, bits: int = 16, end: float = 1.0) -> Graph:
    """y = rescale(weight * x + bias) for |x| <= end, at f = 16."""
    layer = Linear("a", ("input",), np.array([[weight]]), np.array([bias]), bits)
    return Graph([layer], np.array([-end]), np.array([end]), 16)


@pytest.mark.parametrize(("acc", "expected"), [(1, 0), (-1, 0), (2**15, 1), (-(2**15), 0), (-(2**15) - 1, -1)])
def test_rescaling_ties(acc: int, expected: int) -> None:
    assert one_weight(0, acc).evaluate(np.array([[0]])).tolist() == [[expected]]


def test_the_largest_accumulator_just_fits() -> None:
    """|w| * |x| + |b| = 2**62 exactly, at both ends, and one more does not."""
    graph = one_weight(2**46 - 1, 2**16)
    assert graph.accumulator_bounds["a"] == 2**62
    assert graph.evaluate(np.array([[2**16], [-(2**16)]])).tolist() == [[2**46], [-(2**46) + 2]]
    with pytest.raises(AccumulatorError, match="layer 'a' .linear.: an accumulator could reach 4611686018427387905"):
        one_weight(2**46 - 1, 2**16 + 1)
    with pytest.raises(AccumulatorError):
        one_weight(-(2**46) + 1, -(2**16) - 1)


def test_no_partial_sum_passes_the_limit_even_where_the_whole_sum_is_small() -> None:
    """Weights that cancel on the only possible input still count with their absolute values."""
    weight = np.array([[2**46, -(2**46)]])
    with pytest.raises(AccumulatorError):
        Graph([Linear("a", ("input",), weight, np.zeros(1, dtype=np.int64), 16)], np.ones(2), np.ones(2), 16)


def test_a_wide_sum_is_bounded_exactly() -> None:
    """An int64 bound would have wrapped to something small here, and a float would have rounded."""
    n = 1000
    weight = np.full((2, n), 2**50)
    weight[1] = 2**36
    layer = Linear("a", ("input",), weight, np.zeros(2, dtype=np.int64), 16)
    with pytest.raises(AccumulatorError) as caught:
        Graph([layer], np.full(n, -1.0), np.full(n, 1.0), 16)
    assert caught.value.bound == n * 2**66


@given(st.integers(-(2**20), 2**20), st.integers(-(2**20), 2**20), st.integers(1, 40), st.integers(-(2**16), 2**16))
def test_one_weight_against_whole_numbers(weight: int, bias: int, bits: int, x: int) -> None:
    expected = (2 * (weight * x + bias) + 2**bits) // 2 ** (bits + 1)
    assert one_weight(weight, bias, bits).evaluate(np.array([[x]])).tolist() == [[expected]]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 9), st.integers(8, 20), st.integers(0, 2**32))
def test_error_against_floats(inputs: int, outputs: int, f: int, seed: int) -> None:
    """2**-(f+1) for rescaling, 2**-(f+1) |w| for the input, 2**-(f+1) |x| for the weight, and the bias's."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(outputs, inputs)), rng.normal(size=outputs)
    graph = Graph.build([Linear.of(weight, bias)], -1.0, 1.0, fraction_bits=f)
    x = rng.uniform(-1, 1, (20, inputs))
    unit = 2.0 ** -(f + 1)
    bound = unit * (1 + (np.abs(weight) + unit).sum(axis=1) + np.abs(x).sum(axis=1, keepdims=True) + unit)
    assert (np.abs(graph.predict(x) - (x @ weight.T + bias)) <= bound + 1e-12).all()


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(GraphError, match=r"takes a tensor of shape \(2,\), not \(3,\)"):
        Graph.build([Linear.of(np.ones((1, 2)))], 0, 1, input_shape=(3,))
    with pytest.raises(GraphError, match="put a Flatten before it"):
        Graph.build([Linear.of(np.ones((1, 4)))], 0, 1, input_shape=(2, 2))
    with pytest.raises(GraphError, match=r"weight has shape \(2,\), not \(outputs, inputs\)"):
        Linear.of([1.0, 2.0])
    with pytest.raises(GraphError, match="bias"):
        Graph.build([Linear.of(np.ones((1, 2)), [1.0, 2.0])], 0, 1)


def test_a_weight_that_is_not_finite_is_named_by_index() -> None:
    with pytest.raises(GraphError, match=r"layer 'first' \(linear\), weight: the value at \(0, 1\) is not a finite"):
        Graph.build([Linear.of([[1.0, np.nan]], name="first")], 0, 1)
