"""Scaling statistics: right without noise, bounded whatever the rows, and no worse for being shrunk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tacit.federated.plan import Step, count_weight, make_plan, statistics_shape
from tacit.federated.statistics import MIN_COUNT, MIN_VARIANCE, Scaling, scaling_from, statistics_rows

from .agreements import make_agreement, make_table

unhurried = settings(deadline=None)

EXACT = make_agreement(max_rows=5000)
LOW, HIGH = EXACT.data.feature_low, EXACT.data.feature_high


def scaling_of(features: np.ndarray, step: Step | None = None) -> Scaling:
    """By way of integers, as in a run."""
    step = step or make_plan(EXACT).steps[0]
    words = step.encoding.to_words(step.encoding.total([statistics_rows(features, LOW, HIGH, "record")]))
    return scaling_from(step.encoding.to_reals(words), step, LOW, HIGH, 3)


def test_means_and_deviations_are_those_of_the_rows() -> None:
    features = make_table(EXACT.data, rows=3000).features
    scaling = scaling_of(features)
    assert scaling.count == pytest.approx(3000, rel=1e-6)
    assert scaling.mean == pytest.approx(features.mean(axis=0), abs=1e-5)
    assert scaling.deviation == pytest.approx(features.std(axis=0), rel=1e-4)


def test_scaling_gives_mean_zero_and_deviation_one() -> None:
    features = make_table(EXACT.data, rows=500).features
    scaled = scaling_of(features).apply(features)
    assert scaled.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-5)
    assert scaled.std(axis=0) == pytest.approx(np.ones(3), rel=1e-4)


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_constant_column_is_not_divided_by_zero(place: float) -> None:
    features = np.tile(LOW + place * (HIGH - LOW), (50, 1))
    scaling = scaling_of(features)
    assert scaling.mean == pytest.approx(features[0], abs=1e-5)
    assert scaling.deviation == pytest.approx((HIGH - LOW) / 2 * MIN_VARIANCE**0.5)


@pytest.mark.filterwarnings("error")
def test_columns_that_are_all_alike_are_not_divided_by_their_spread() -> None:
    scaling = scaling_of(np.tile((LOW + HIGH) / 2, (50, 1)))
    assert scaling.mean == pytest.approx((LOW + HIGH) / 2, abs=1e-5)


def test_noise_can_make_neither_count_nor_deviation_absurd() -> None:
    step = make_plan(EXACT).steps[0]
    scaling = scaling_from(np.array([-40.0, 90, -90, 5, 70, 80, -90]), step, LOW, HIGH, 3)
    assert scaling.count == MIN_COUNT
    assert ((scaling.mean >= LOW) & (scaling.mean <= HIGH)).all()
    half = (HIGH - LOW) / 2
    assert (scaling.deviation >= half * MIN_VARIANCE**0.5 * (1 - 1e-9)).all()
    assert (scaling.deviation <= half * (1 + 1e-9)).all()


reachable = st.floats(allow_nan=False, allow_infinity=False)


@unhurried
@given(features=arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=reachable), whole=st.booleans())
@example(features=HIGH[None, :], whole=False)
@example(features=np.full((1, 3), 1.7e308), whole=True)
def test_no_row_is_longer_than_the_bound(features: np.ndarray, whole: bool) -> None:
    """Neither within the schema's bounds nor out of them."""
    rows = statistics_rows(features, LOW, HIGH, "party" if whole else "record")
    length, bound = statistics_shape(EXACT)
    assert rows.shape == (1 if whole else len(features), length)
    assert (np.linalg.norm(rows, axis=1) <= bound * (1 + 1e-12)).all()


def test_the_bound_is_reached_at_the_corners() -> None:
    for corner in (LOW, HIGH):
        [row] = statistics_rows(corner[None, :], LOW, HIGH, "record")
        assert np.linalg.norm(row) == pytest.approx(statistics_shape(EXACT)[1])


def test_what_is_out_of_bounds_counts_as_the_bound() -> None:
    outside, at_bounds = statistics_rows(np.array([HIGH + 100, LOW - 1e9, HIGH, LOW]), LOW, HIGH, "record").reshape(
        2, 2, -1
    )
    assert (outside == at_bounds).all()


def test_rows_are_count_and_scaled_features_and_squares() -> None:
    quarter = LOW + (HIGH - LOW) / 4
    [row] = statistics_rows(quarter[None, :], LOW, HIGH, "record")
    assert row == pytest.approx([count_weight(3), *[-0.5] * 3, *[-0.5] * 3])


def test_a_party_as_unit_contributes_its_mean() -> None:
    features = make_table(EXACT.data, rows=20).features
    one = statistics_rows(features, LOW, HIGH, "party")
    assert one == pytest.approx(statistics_rows(features, LOW, HIGH, "record").mean(axis=0, keepdims=True))


def noisy_step(features: int, multiplier_of_budget: float) -> tuple[Step, np.ndarray, np.ndarray]:
    agreement = make_agreement(features=features, unit="record", epsilon=multiplier_of_budget, max_rows=5000)
    return make_plan(agreement).steps[0], agreement.data.feature_low, agreement.data.feature_high


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_shrinking_is_never_worse_on_average_under_much_noise(epsilon: float, spread: float) -> None:
    """James and Stein 1961: the total squared error of the means, over many draws of the noise."""
    step, low, high = noisy_step(20, epsilon)
    half = (high - low) / 2
    rng = np.random.default_rng(5)
    means = 0.2 + spread * rng.standard_normal(20).clip(-2, 2)
    count = 600
    deviation = step.encoding.noise_scale * np.sqrt(3) * step.encoding.norm_bound / step.encoding.units
    exact = np.concatenate([[count_weight(20) * count], count * means, count * (2 * (means**2 + 0.1) - 1)])
    shrunk, plain = [], []
    for _ in range(150):
        total = exact + deviation * rng.standard_normal(len(exact))
        scaling = scaling_from(total, step, low, high, 3)
        noisy_count = max(total[0] / count_weight(20), MIN_COUNT)
        shrunk.append((((scaling.mean - low) / half - 1 - means) ** 2).sum())
        plain.append(((np.clip(total[1:21] / noisy_count, -1, 1) - means) ** 2).sum())
    assert np.mean(shrunk) <= np.mean(plain)
    if spread == 0.0:
        assert np.mean(shrunk) < 0.5 * np.mean(plain)


def test_without_noise_nothing_is_shrunk() -> None:
    """The means of unlike columns stay as unlike as they are."""
    features = make_table(EXACT.data, rows=1000).features
    features[:, 0], features[:, 1] = LOW[0], HIGH[1]
    assert scaling_of(features).mean == pytest.approx(features.mean(axis=0), abs=1e-5)


def test_the_noise_of_more_parties_shrinks_more() -> None:
    step, low, high = noisy_step(20, 1.0)
    total = 450 * np.concatenate([[count_weight(20)], np.linspace(-0.5, 0.5, 20), np.full(20, -0.8)])
    spreads = [
        np.ptp((scaling_from(total, step, low, high, parties).mean - low) / (high - low)) for parties in (1, 3, 9)
    ]
    assert spreads[0] > spreads[1] > spreads[2]
