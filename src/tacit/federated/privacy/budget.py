"""How much noise the budget asks for.

A release adds noise of `multiplier` times its sensitivity. Releases are Gaussian (rho-zCDP with
rho = 1 / (2 multiplier^2), Bun and Steinke 2016), so that their rho add up; `calibrate` finds the rho whose
(epsilon, delta), by dp-accounting's Renyi accountant, is the budget, and divides it between the scaling statistics
and the rounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tacit.errors import AgreementError
from tacit.study import Privacy

_TIGHT = 1e-9


@dataclass(frozen=True)
class Multipliers:
    """Noise multipliers (standard deviation over sensitivity) of the statistics and of each training round."""

    statistics: float
    round: float


def calibrate(privacy: Privacy, rounds: int) -> Multipliers:
    """Return the least noise under which statistics and `rounds` training rounds together keep to the budget.

    With unit `none` both multipliers are 0.
    """
    if privacy.unit == "none":
        return Multipliers(0.0, 0.0)
    rho = _largest_rho(privacy.epsilon, privacy.delta)
    share = privacy.statistics_share
    return Multipliers(1 / math.sqrt(2 * share * rho), math.sqrt(rounds / (2 * (1 - share) * rho)))


def rounds_for_statistics(statistics: float, one_round: float) -> int:
    """Return how many rounds of multiplier `one_round` spend as much as statistics of multiplier `statistics`, or more.

    Without noise nothing is spent, and it is 0.
    """
    if not statistics > 0:
        return 0
    # Multipliers are rounded in their last digits; `_largest_rho` leaves more room than that. No plan has 10^12 rounds.
    return math.ceil(min(one_round / statistics, 1e6) ** 2 * (1 - _TIGHT))


def effective_multiplier(scale: float, sensitivity: float, honest: int, length: int) -> float:
    """Return the multiplier of the central Gaussian that `honest` discrete Gaussian shares are as private as.

    Kairouz, Liu, Steinke 2021, theorem 1: a sum of m = `honest` independent discrete Gaussians of parameter s = `scale`
    (1/2 or more) in d = `length` dimensions is (e^2/2)-concentrated private with e = D/(sqrt(m) s) + tau sqrt(d),
    tau = 10 sum_{k<m} exp(-2 pi^2 s^2 k/(k+1)). A sum of discrete Gaussians is not exactly one, which tau pays for;
    it is below 1e-300 for every scale that a plan allows.
    """
    tau = 10 * sum(math.exp(-2 * math.pi**2 * scale**2 * k / (k + 1)) for k in range(1, honest))
    return 1 / (sensitivity / (math.sqrt(honest) * scale) + tau * math.sqrt(length))


def epsilon_of(multipliers: dict[float, int], delta: float) -> float:
    """Return the epsilon at `delta` of releases given as {multiplier: how many}."""
    import dp_accounting
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    for multiplier, count in multipliers.items():
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier), count)
    return float(accountant.get_epsilon(delta))


def _largest_rho(epsilon: float, delta: float) -> float:
    low, high = 1e-9, 1e5
    if epsilon_of({1 / math.sqrt(2 * low): 1}, delta) > epsilon:
        raise AgreementError("the privacy budget is too small for any noise: raise privacy.epsilon or privacy.delta")
    while high / low > 1 + _TIGHT:
        middle = math.sqrt(low * high)
        if epsilon_of({1 / math.sqrt(2 * middle): 1}, delta) > epsilon:
            high = middle
        else:
            low = middle
    # A hair below, so that rounding in the accountant never turns an exact fit into an overdraft.
    return low * (1 - 1e-6)
