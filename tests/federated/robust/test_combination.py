"""The combination equals its twin in plain Python, and no minority of groups moves it beyond what the others say."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tacit.federated.encoding import Encoding
from tacit.federated.privacy import ExactNoise
from tacit.federated.robust.combination import NOISE_INFLATION, combine, honest_norm, shortened, trimmed_mean

NUMBERS = st.floats(-1e6, 1e6)
HUGE = st.sampled_from([1e30, -1e30, 2.0**63, -(2.0**63), 0.0])


@st.composite
def groups(draw: st.DrawFn) -> tuple[np.ndarray, list[int], list[float], int]:
    poisoning, length = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    count = 2 * poisoning + 1
    totals = draw(arrays(np.float64, (count, length), elements=NUMBERS))
    parties = draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    limits = draw(st.lists(st.floats(1e-3, 1e7), min_size=count, max_size=count))
    return totals, parties, limits, poisoning


@given(groups())
def test_it_equals_the_twin(case: tuple[np.ndarray, list[int], list[float], int]) -> None:
    totals, parties, limits, poisoning = case
    means = []
    for total, count, limit in zip(totals.tolist(), parties, limits, strict=True):
        mean = [value / count for value in total]
        norm = math.sqrt(float(sum(Fraction(value) ** 2 for value in mean)))
        means.append([value * min(1, limit / norm) if norm else 0.0 for value in mean])
    middle = [sorted(column)[poisoning] for column in zip(*means, strict=True)]
    expected = np.array(middle) * sum(parties)
    assert combine(totals, parties, limits, poisoning) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(groups(), st.data())
def test_arbitrary_groups_cannot_move_it_beyond_the_honest_ones(
    case: tuple[np.ndarray, list[int], list[float], int], data: st.DataObject
) -> None:
    totals, parties, _, poisoning = case
    limits = [math.inf] * len(totals)  # so it holds whatever the limits are: shortened, a group is still arbitrary
    bad = data.draw(st.sets(st.integers(0, len(totals) - 1), max_size=poisoning))
    honest = [place for place in range(len(totals)) if place not in bad]
    means = np.array([totals[place] / parties[place] for place in honest])
    for place in bad:
        totals[place] = data.draw(arrays(np.float64, totals.shape[1], elements=HUGE))
    combined = combine(totals, parties, limits, poisoning) / sum(parties)
    slack = 1e-9 * np.abs(means).max()
    assert (combined >= means.min(axis=0) - slack).all()
    assert (combined <= means.max(axis=0) + slack).all()


def test_more_bad_groups_than_agreed_on_are_bounded_by_the_norm() -> None:
    totals = np.array([[3.0, 0.0], [1e30, 1e30], [1e30, 1e30]])
    combined = combine(totals, [3, 3, 3], [2.0, 2.0, 2.0], 1) / 9
    assert combined == pytest.approx([math.sqrt(2), math.sqrt(2)])


def test_one_sum_is_left_as_it_is_however_long() -> None:
    total = np.array([[1e300, 0.1, -3.0]])
    assert (combine(total, [3], [1e-3], 0) == total[0]).all()


@given(arrays(np.float64, st.tuples(st.integers(5, 9), st.integers(1, 4)), elements=NUMBERS), st.integers(0, 2))
def test_the_trimmed_mean_is_that_of_each_column(rows: np.ndarray, trim: int) -> None:
    expected = [np.mean(sorted(column)[trim : len(column) - trim]) for column in rows.T]
    assert trimmed_mean(rows, trim) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("rows", "trim"), [(2, 1), (4, 2), (3, 2), (3, -1)])
def test_a_trim_that_leaves_nothing_is_refused(rows: int, trim: int) -> None:
    with pytest.raises(ValueError, match="rows leave nothing"):
        trimmed_mean(np.zeros((rows, 2)), trim)


def test_a_vector_that_is_too_long_is_shortened_to_the_limit_and_no_other_is_touched() -> None:
    vector = np.array([3.0, -4.0])
    assert shortened(vector, 1.0) == pytest.approx([0.6, -0.8])
    assert shortened(vector, 5.0) is vector


def test_all_parties_round_alike_in_whatever_order_a_processor_adds() -> None:
    rng = np.random.default_rng(0)
    vector = rng.standard_normal(10_000) * 10.0 ** rng.integers(-8, 8, 10_000)
    for _ in range(20):
        order = rng.permutation(len(vector))
        assert (shortened(vector[order], 1.0) == shortened(vector, 1.0)[order]).all()


@pytest.mark.parametrize("noise_scale", [0.0, 2000.0])
def test_no_honest_group_is_shortened(noise_scale: float) -> None:
    """All contributions as long as can be, all in one direction, with the noise on top."""
    rows, parties, length = 4, 3, 40
    encoding = Encoding.fit(
        length=length, norm_bound=2.0, units=2**16, noise_scale=noise_scale, contributions=12, parties=parties
    )
    limit, longest = honest_norm(encoding, rows, parties, 3), np.full((rows, length), 2.0 / math.sqrt(length))
    for _ in range(50):
        total = np.zeros(length, np.int64)
        for _ in range(parties):
            total += encoding.total([longest])
            total += ExactNoise().sample(noise_scale, length) if noise_scale else 0
        mean = encoding.to_reals(encoding.to_words(total)) / parties
        assert shortened(mean, limit) is mean
    assert limit < 8.0 * (1 + 1e-6) + noise_scale * 0.00025


def test_the_norm_of_noise_alone_is_within_its_bound_and_not_far_below() -> None:
    encoding = Encoding.fit(length=500, norm_bound=1.0, units=2**16, noise_scale=1e5, contributions=0, parties=4)
    limit = honest_norm(encoding, 0, 4, 5)
    norms = [np.linalg.norm(sum(ExactNoise().sample(1e5, 500) for _ in range(4)) / 4 / 2**16) for _ in range(30)]
    assert 0.6 * limit < min(norms)
    assert max(norms) < limit


@pytest.mark.parametrize("groups_of", [3, 5, 11, 51])
def test_a_median_has_less_than_that_more_variance_than_a_mean(groups_of: int) -> None:
    rows = np.random.default_rng(1).standard_normal((groups_of, 100_000))
    assert trimmed_mean(rows, groups_of // 2).var() * groups_of < NOISE_INFLATION
