"""What Gaussian noise costs at the least: the exact privacy curve, from the standard library alone.

Releases with noise multipliers m_1, m_2, ... compose to one Gaussian mechanism of mu = sqrt(sum 1/m_i^2), whose
(epsilon, delta) is exactly delta = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu) (Balle and Wang 2018,
theorem 8; Dong, Roth and Su 2022, corollary 2.13). Every accountant that is right states at least that, so a smaller
epsilon is a false claim, whatever accountant made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

_FAR = 30.0


def least_delta(releases: Iterable[tuple[float, int]], epsilon: float) -> float:
    """Return the delta that releases, given as (noise multiplier, how many), have at `epsilon`; 1 without noise."""
    squares = 0.0
    for multiplier, count in releases:
        if multiplier <= 0:
            return 1.0
        inverse = 1 / multiplier
        squares += count * inverse * inverse
    mu = math.sqrt(squares)
    if mu == 0:
        return 0.0
    first, second = mu / 2 - epsilon / mu, -mu / 2 - epsilon / mu
    return math.exp(_log_phi(first)) - math.exp(min(0.0, epsilon + _log_phi(second)))


def _log_phi(x: float) -> float:
    """Return the logarithm of the standard normal distribution function at `x`."""
    if x > -_FAR:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2)))
    # Abramowitz and Stegun 1964, 26.2.12; the first term left out is below 1e-9 of the whole at 30.
    square = 1 / (x * x)
    series = 1 - square * (1 - 3 * square * (1 - 5 * square))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log(series)
