"""Calibration: the budget is kept, and used up; checked by formulas that are not the accountant's."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import AgreementError
from tacit.federated.privacy import calibrate, effective_multiplier
from tacit.federated.privacy.budget import epsilon_of
from tacit.study import Privacy

unhurried = settings(deadline=None)

BUDGETS = [(0.1, 1e-5), (1.0, 1e-9), (1.0, 1e-5), (4.0, 1e-5), (20.0, 1e-3), (200.0, 1e-6)]


def total_rho(privacy: Privacy, rounds: int) -> float:
    """Of the calibrated releases; a Gaussian of multiplier z is (1/2z^2)-zCDP (Bun and Steinke 2016, lemma 2.5)."""
    multipliers = calibrate(privacy, rounds)
    return 1 / (2 * multipliers.statistics**2) + rounds / (2 * multipliers.round**2)


def normal_tail(value: float) -> float:
    return 0.5 * math.erfc(value / math.sqrt(2))


def gaussian_delta(rho: float, epsilon: float) -> float:
    """The exact delta at `epsilon` of Gaussian releases of `rho` in all (Balle and Wang 2018, theorem 8)."""
    shift = math.sqrt(2 * rho)
    first = normal_tail(epsilon / shift - shift / 2)
    second = normal_tail(epsilon / shift + shift / 2)
    return first - math.exp(epsilon + math.log(second)) if second > 0 else first


@pytest.mark.parametrize(("epsilon", "delta"), BUDGETS)
@pytest.mark.parametrize("rounds", [1, 30, 1000])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_budget_is_kept_and_used_up(epsilon: float, delta: float, rounds: int, share: float) -> None:
    multipliers = calibrate(Privacy("record", epsilon, delta, share), rounds)
    releases = Counter({multipliers.statistics: 1}) + Counter({multipliers.round: rounds})
    spent = epsilon_of(dict(releases), delta)
    assert 0.999 * epsilon <= spent <= epsilon


@pytest.mark.parametrize(("epsilon", "delta"), BUDGETS)
def test_the_exact_delta_of_the_gaussian_is_within_the_budget(epsilon: float, delta: float) -> None:
    exact = gaussian_delta(total_rho(Privacy("record", epsilon, delta), 30), epsilon)
    assert delta / 1000 < exact <= delta


@pytest.mark.parametrize(("epsilon", "delta"), BUDGETS)
def test_the_closed_form_of_zcdp_bounds_the_epsilon(epsilon: float, delta: float) -> None:
    """Bun and Steinke 2016, proposition 1.3: rho-zCDP is (rho + 2 sqrt(rho log(1/delta)), delta)-DP."""
    rho = total_rho(Privacy("record", epsilon, delta), 30)
    assert epsilon <= rho + 2 * math.sqrt(rho * math.log(1 / delta))


@unhurried
@given(
    releases=st.dictionaries(st.floats(0.5, 50), st.integers(1, 100), min_size=1, max_size=3),
    delta=st.sampled_from((1e-9, 1e-5, 1e-3)),
)
def test_the_epsilon_of_any_releases_is_sound_and_not_above_the_closed_form(
    releases: dict[float, int], delta: float
) -> None:
    rho = sum(count / (2 * multiplier**2) for multiplier, count in releases.items())
    epsilon = epsilon_of(releases, delta)
    assert gaussian_delta(rho, epsilon) <= delta * (1 + 1e-6)
    # The accountant searches a grid of orders, so it may lose a little against the formula's best order.
    assert epsilon <= (rho + 2 * math.sqrt(rho * math.log(1 / delta))) * 1.01 + 0.05


def best_conversion(rho: float, delta: float) -> float:
    """The least epsilon that rho-zCDP gives over all real orders (Canonne, Kamath, Steinke 2020, proposition 12)."""
    orders = 1 + np.exp(np.linspace(-7, 16, 200_001))
    by_order = orders * rho + np.log1p(-1 / orders) - (math.log(delta) + np.log(orders)) / (orders - 1)
    return max(0.0, float(by_order.min()))


@pytest.mark.parametrize("rho", [1e-3, 0.01, 0.1, 0.5, 2.0, 20.0, 500.0])
@pytest.mark.parametrize("delta", [1e-15, 1e-9, 1e-5, 1e-3])
def test_no_more_is_claimed_than_zcdp_gives(rho: float, delta: float) -> None:
    """The noise is known to be concentrated, and no more: less epsilon than this would need an exact Gaussian."""
    epsilon = epsilon_of({1 / math.sqrt(2 * rho): 1}, delta)
    assert best_conversion(rho, delta) * (1 - 1e-6) <= epsilon <= best_conversion(rho, delta) * 1.06
    assert gaussian_delta(rho, epsilon) <= delta


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_statistics_get_their_share(share: float) -> None:
    privacy = Privacy("record", 4.0, 1e-5, share)
    statistics = 1 / (2 * calibrate(privacy, 30).statistics ** 2)
    assert statistics / total_rho(privacy, 30) == pytest.approx(share)


def test_a_larger_budget_asks_for_less_noise() -> None:
    by_epsilon = [calibrate(Privacy("record", epsilon, 1e-5), 30) for epsilon in (0.5, 1, 2, 4, 8)]
    by_delta = [calibrate(Privacy("party", 1.0, delta), 30) for delta in (1e-9, 1e-7, 1e-5, 1e-3)]
    for multipliers in (by_epsilon, by_delta):
        for name in ("statistics", "round"):
            values = [getattr(each, name) for each in multipliers]
            assert values == sorted(set(values), reverse=True)


def test_more_rounds_ask_for_more_noise_in_each_and_none_in_the_statistics() -> None:
    multipliers = [calibrate(Privacy("record", 1.0, 1e-5), rounds) for rounds in (1, 10, 100)]
    assert [each.round / multipliers[0].round for each in multipliers] == pytest.approx([1, 10**0.5, 10])
    assert len({each.statistics for each in multipliers}) == 1


def test_without_a_unit_there_is_no_noise() -> None:
    multipliers = calibrate(Privacy("none"), 30)
    assert (multipliers.statistics, multipliers.round) == (0.0, 0.0)


def test_a_budget_that_no_noise_can_keep_is_refused() -> None:
    with pytest.raises(AgreementError, match="raise privacy.epsilon or privacy.delta"):
        calibrate(Privacy("record", 1e-6, 1e-15), 30)


@unhurried
@given(
    scale=st.floats(0.2, 1e6), sensitivity=st.floats(1, 1e5), honest=st.integers(1, 50), length=st.integers(1, 10**6)
)
def test_discrete_shares_are_never_more_private_than_one_gaussian(
    scale: float, sensitivity: float, honest: int, length: int
) -> None:
    central = math.sqrt(honest) * scale / sensitivity
    assert effective_multiplier(scale, sensitivity, honest, length) <= central * (1 + 1e-12)


@pytest.mark.parametrize("honest", [1, 2, 10, 99])
def test_at_the_scales_of_a_plan_nothing_is_lost(honest: int) -> None:
    central = math.sqrt(honest) * 64 / 2**16
    assert effective_multiplier(64, 2**16, honest, 10**6) == pytest.approx(central, rel=1e-12)


def test_at_small_scales_the_sum_of_shares_is_less_private() -> None:
    losses = [effective_multiplier(scale, 1.0, 4, 10) / (2 * scale) for scale in (0.25, 0.35, 0.5, 2.0)]
    assert losses == sorted(losses)
    assert losses[0] < 0.5
    assert losses[-1] == pytest.approx(1, abs=1e-6)


def test_one_share_alone_is_exactly_a_discrete_gaussian() -> None:
    """Canonne, Kamath, Steinke 2020, theorem 14: no correction at any scale."""
    assert effective_multiplier(0.3, 1.0, 1, 10**6) == pytest.approx(0.3)


@pytest.mark.parametrize("scale", [0.3, 0.4, 0.6, 1.0])
@pytest.mark.parametrize("honest", [2, 3])
def test_the_correction_covers_the_divergence_that_is_computed_from_probabilities(scale: float, honest: int) -> None:
    """Renyi divergence of the sum of shares and of the sum moved by 1: at most order / (2 multiplier^2)."""
    support = np.arange(-60, 61)
    share = np.exp(-(support**2) / (2 * scale**2))
    total = share / share.sum()
    for _ in range(honest - 1):
        total = np.convolve(total, share / share.sum())
    moved, unmoved = total[:-1], total[1:]
    multiplier = effective_multiplier(scale, 1.0, honest, 1)
    seen = (moved > 0) & (unmoved > 0)
    for order in (1.5, 2.0, 4.0, 8.0):
        moment = float(np.sum(np.exp(order * np.log(moved[seen]) + (1 - order) * np.log(unmoved[seen]))))
        assert math.log(moment) / (order - 1) <= order / (2 * multiplier**2) + 1e-9
