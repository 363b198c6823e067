from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.graph.fixed import ACCUMULATOR_LIMIT
from tacit.graph.intervals import AccumulatorError, Interval, check_accumulator, largest

NEAR = st.integers(ACCUMULATOR_LIMIT - 2**43, ACCUMULATOR_LIMIT + 2**43)


def test_magnitudes_and_maps() -> None:
    interval = Interval(np.array([-5, 1, -(2**62)]), np.array([3, 2, 0]))
    assert interval.magnitudes.tolist() == [5, 2, 2**62]
    assert interval.magnitude == 2**62
    assert interval.map(lambda x: np.maximum(x, 0)).high.tolist() == [3, 2, 0]
    assert interval.reshape((3, 1)).shape == (3, 1)


def test_intervals_cannot_be_written_to() -> None:
    interval = Interval(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64))
    with pytest.raises(ValueError, match="read-only"):
        interval.low[0] = 7


@given(st.lists(st.one_of(NEAR, st.integers(0, 2**80)), min_size=1, max_size=5))
def test_the_largest_is_exact_up_to_the_limit(values: list[int]) -> None:
    """Python's integers, not the float estimate, decide near the limit."""
    estimate = np.array([float(v) for v in values])
    found = largest(estimate, lambda: np.array(values, dtype=np.int64), lambda index: values[index[0]])
    if max(values) <= ACCUMULATOR_LIMIT:
        assert found == max(values)
    else:
        assert ACCUMULATOR_LIMIT < found <= max(values)


def test_the_limit_itself_fits() -> None:
    assert check_accumulator("'a' (linear)", 2**62) == 2**62
    with pytest.raises(AccumulatorError) as caught:
        check_accumulator("'a' (linear)", 2**62 + 1)
    assert caught.value.bound == 2**62 + 1
    assert str(2**62 + 1) in str(caught.value)


def test_bounds_beyond_floats_are_still_shown() -> None:
    with pytest.raises(AccumulatorError, match=r"2\*\*200\.00"):
        check_accumulator("'a' (linear)", 2**200)
