from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.graph.fixed import ACCUMULATOR_LIMIT
from tacit.graph.intervals import AccumulatorError, Interval, check_accumulator, largest, sums

NEAR = st.integers(ACCUMULATOR_LIMIT - 2**43, ACCUMULATOR_LIMIT + 2**43)


def test_magnitudes_and_maps() -> None:
    interval = Interval(np.array([-5, 1, -(2**62)]), np.array([3, 2, 0]))
    assert interval.magnitudes.tolist() == [5, 2, 2**62]
    assert interval.magnitude == 2**62
    assert interval.map(lambda x: np.maximum(x, 0)).high.tolist() == [3, 2, 0]
    assert interval.reshape((3, 1)).shape == (3, 1)


def test_intervals_cannot_be_written_to() -> None:
    interval = Interval(np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64))
    for end in (interval.low, interval.high):
        with pytest.raises(ValueError, match="read-only"):
            end[0] = 7


NEAR_EXACT_FLOATS = st.integers(2**52 - 5, 2**53 + 5)


@given(
    st.lists(st.one_of(NEAR, NEAR_EXACT_FLOATS, st.integers(0, 2**80)), min_size=1, max_size=5),
    st.floats(-(2.0**-28), 2.0**-28),
)
def test_the_largest_is_exact_up_to_the_limit(values: list[int], error: float) -> None:
    """Integers, not the float estimate, decide wherever the estimate may be off."""
    estimate = np.array([float(v) * (1 + error) if v >= 2**53 else float(v) for v in values])
    found = largest(estimate, lambda: np.array(values, dtype=np.uint64))
    if max(values) < 2**63 * (1 - 2.0**-28):
        assert found == max(values)
    else:
        assert found > ACCUMULATOR_LIMIT
        assert abs(found - max(values)) <= max(values) * 2.0**-27


@pytest.mark.parametrize("shift", [0, 20, 44])  # the sums fit float64, or int64 alone
@given(st.data())
def test_sums_are_bounded_exactly_and_reached(shift: int, data: st.DataObject) -> None:
    """Of all inputs in the interval, against every corner in Python's integers."""
    small = st.lists(st.integers(-7, 7), min_size=3, max_size=3)
    low, high = ((np.array(data.draw(small)) << shift) + np.array(data.draw(small)) for _ in range(2))
    x = Interval(np.minimum(low, high), np.maximum(low, high))
    weight = (np.array([data.draw(small)]) << 10) + np.array(data.draw(small))
    bias = np.array([data.draw(st.integers(-(2**53), 2**53))])
    found, bound = sums("a", weight, bias, x, lambda x, w: x @ w.T)
    corners = [
        sum(int(w) * int(v) for w, v in zip(weight[0], corner, strict=True)) + int(bias[0])
        for corner in itertools.product(*zip(x.low.tolist(), x.high.tolist(), strict=True))
    ]
    assert (found.low[0], found.high[0]) == (min(corners), max(corners))
    assert bound == sum(abs(w) * m for w, m in zip(weight[0].tolist(), x.magnitudes.tolist(), strict=True)) + abs(
        int(bias[0])
    )


def test_a_large_weight_on_an_input_that_is_always_zero() -> None:
    """Such a weight has no exact float64, and does not matter."""
    x = Interval(np.array([0, -3]), np.array([0, 5]))
    found, bound = sums("a", np.array([[2**62 - 1, 7]]), np.array([1]), x, lambda x, w: x @ w.T)
    assert (found.low[0], found.high[0], bound) == (-20, 36, 36)


def test_many_sums_near_the_limit_take_no_loop_over_them() -> None:
    """A million accumulators at exactly 2**62; one by one in Python's integers they took minutes."""
    x = Interval(np.full(2**10, -(2**16)), np.full(2**10, 2**16))
    weight, bias = np.full(2**10, 2**46 - 2**10), np.full(2**10, 2**26)
    found, bound = sums("a", weight[:, None], bias[:, None], x, lambda x, w: x[:, None] * w)
    assert bound == 2**62
    assert (found.high == 2**62).all()
    with pytest.raises(AccumulatorError):
        sums("a", weight[:, None], bias[:, None] + 1, x, lambda x, w: x[:, None] * w)


def test_the_limit_itself_fits() -> None:
    assert check_accumulator("'a' (linear)", 2**62) == 2**62
    with pytest.raises(AccumulatorError) as caught:
        check_accumulator("'a' (linear)", 2**62 + 1)
    assert caught.value.bound == 2**62 + 1
    assert str(2**62 + 1) in str(caught.value)


def test_bounds_beyond_floats_are_still_shown() -> None:
    with pytest.raises(AccumulatorError, match=r"2\*\*200\.00"):
        check_accumulator("'a' (linear)", 2**200)
