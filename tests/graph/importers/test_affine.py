from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import Graph
from tacit.graph.importers.affine import affine

OPERATIONS = {
    "add": operator.add,
    "sub": operator.sub,
    "from": lambda x, c: c - x,
    "mul": operator.mul,
    "div": operator.truediv,
}


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(OPERATIONS)),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.lists(st.sampled_from([0, 1, 2, 3]), max_size=5),
    st.integers(0, 2**32),
)
def test_it_does_what_numpy_does_or_refuses(operation: str, shape: list[int], sides: list[int], seed: int) -> None:
    """A constant is fine exactly where it leaves every row its shape and is the same for all rows."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (4, *shape))
    constant = rng.uniform(0.5, 2, sides)
    try:
        expected = OPERATIONS[operation](x, constant)
    except ValueError:
        expected = None
    same_rows = len(sides) <= len(shape) or sides[-len(shape) - 1] == 1
    if expected is None or expected.shape != x.shape or not same_rows:
        with pytest.raises(GraphError, match=r"here: a constant of shape .* does not fit rows of shape"):
            affine("here", operation, constant, tuple(shape))
        return
    graph = Graph.build([affine("here", operation, constant, tuple(shape))], -1, 1, input_shape=tuple(shape))
    assert np.abs(graph.predict(x) - expected).max() < 2**-13


def test_a_division_by_zero_is_refused_where_it_is_rounded() -> None:
    with pytest.raises(GraphError, match="the value at 1 is not a finite number"):
        Graph.build([affine("here", "div", np.array([1.0, 0.0]), (2,))], -1, 1, input_shape=(2,))
