"""The exact curve against values worked out with 50 digits, far out in the tails too, and against itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.bundle.gaussian import least_delta


@pytest.mark.parametrize(
    ("mu", "epsilon", "delta"),
    [
        (1.0, 0.0, 0.38292492254802621),
        (1.0, 1.0, 0.12693673750664395),
        (0.5, 1.0, 0.0068295949831145754),
        (2.0, 4.0, 0.084953318671071063),
        (0.1, 0.5, 6.8565824558387371e-9),
        (0.05, 0.3, 9.0803399664009204e-12),
        (30.0, 600.0, 2.4420846255665562e-7),
        (40.0, 1000.0, 2.5362965149565509e-7),
        (50.0, 1000.0, 0.99999968032650774),
    ],
)
def test_is_the_curve_of_the_gaussian_mechanism(mu, epsilon, delta):
    assert least_delta([(1 / mu, 1)], epsilon) == pytest.approx(delta, rel=1e-8)


@given(st.floats(0.02, 500), st.integers(1, 10_000), st.floats(0, 1000))
def test_many_releases_are_one_of_less_noise(multiplier, count, epsilon):
    together = least_delta([(multiplier, count)], epsilon)
    assert together == pytest.approx(least_delta([(multiplier / math.sqrt(count), 1)], epsilon), rel=1e-6, abs=1e-15)
    assert together == pytest.approx(
        least_delta([(multiplier, count - 1), (multiplier, 1)], epsilon), rel=1e-6, abs=1e-15
    )


@given(st.floats(0.02, 500), st.floats(0, 1000), st.floats(0, 10))
def test_a_larger_epsilon_needs_no_larger_delta(multiplier, epsilon, more):
    assert least_delta([(multiplier, 1)], epsilon + more) <= least_delta([(multiplier, 1)], epsilon) + 1e-12


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.integers(1, 10_000)), max_size=3), st.floats(0, 1e300))
def test_any_numbers_give_a_probability(releases, epsilon):
    assert -1e-12 <= least_delta(releases, epsilon) <= 1


@pytest.mark.parametrize("multiplier", [0.0, -1.0, 5e-324])
def test_no_noise_hides_nothing(multiplier):
    assert least_delta([(10.0, 1), (multiplier, 1)], 1000.0) == 1.0


def test_nothing_released_costs_nothing():
    assert least_delta([], 0.0) == 0.0
