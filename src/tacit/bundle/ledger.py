"""The privacy ledger: what a run spent of the agreed budget, or why it can claim no privacy at all."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from tacit.bundle.gaussian import least_delta
from tacit.federated.privacy.budget import rounds_for_statistics
from tacit.study import Agreement

# How much of delta may be lost to rounding in two computations of it.
_TOLERANCE = 1e-6


class NoisyRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of noisy sum that was released `count` times, as the accountant saw it.

    `noise_multiplier` is the standard deviation of the noise over `sensitivity`, the norm by which one unit can move
    the sum; `sampling_rate` is the chance that a unit takes part in one release.
    """

    step: str
    count: int
    noise_multiplier: float
    sensitivity: float
    sampling_rate: float = 1.0


class PrivacyLedger(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """(epsilon_spent, delta) differential privacy of one `unit`, unless `void` says why none is claimed.

    `adjacency` says in words which two data sets are neighbours. A `void` that is not empty means: NO privacy, for
    the reason given ("test seed: the noise can be predicted").
    """

    unit: Literal["record", "party", "none"]
    adjacency: str
    epsilon_budget: float
    epsilon_spent: float
    delta: float
    void: str
    releases: tuple[NoisyRelease, ...]


def faults(ledger: PrivacyLedger, agreement: Agreement) -> list[str]:
    """Return what in `ledger` contradicts the agreement or itself; empty when nothing does."""
    budget = agreement.privacy
    found = [
        f"{name} is {have!r}, but the agreement says {want!r}"
        for name, have, want in (
            ("unit", ledger.unit, budget.unit),
            ("epsilon_budget", ledger.epsilon_budget, budget.epsilon),
            ("delta", ledger.delta, budget.delta),
        )
        if have != want
    ]
    if not 0 <= ledger.epsilon_spent <= ledger.epsilon_budget:
        found.append(f"epsilon_spent is {ledger.epsilon_spent!r}, outside the budget of {ledger.epsilon_budget!r}")
    for release in ledger.releases:
        found += _release_faults(release)
    if ledger.void.strip():
        return found
    if ledger.void:
        found.append("void gives no reason: leave it empty, or say why there is no privacy")
    if ledger.unit == "none":
        found.append("void must say that there is no privacy: the agreement's unit is 'none'")
    if agreement.insecure is not None:
        found.append("void must say that there is no privacy: the agreement has a test seed, so noise can be predicted")
    return found + _claim_faults(ledger, agreement)


def _claim_faults(ledger: PrivacyLedger, agreement: Agreement) -> list[str]:
    """Return why a ledger that claims privacy cannot."""
    found = []
    if not ledger.adjacency.strip():
        found.append("adjacency is empty: a privacy claim says which data sets are neighbours")
    stated = [(release.step, release.count) for release in ledger.releases]
    made = _made(ledger, agreement)
    if stated != made:
        found.append(f"releases is not what the agreement's training releases, which is {made}")
    if any(release.sampling_rate != 1 for release in ledger.releases):
        found.append("sampling_rate is not 1, yet every unit takes part in every release")
    found += [
        f"release {r.step!r} has no noise, yet privacy is claimed" for r in ledger.releases if r.noise_multiplier <= 0
    ]
    return found or _cost_faults(ledger)


def _made(ledger: PrivacyLedger, agreement: Agreement) -> list[tuple[str, int]]:
    """Return the steps and counts that the ledger must have, given how often it says the statistics were taken.

    Taken again, after a run that broke off in them, they are paid for with rounds.
    """
    lost, price = 0, 0
    if len(ledger.releases) == 2 and all(release.noise_multiplier > 0 for release in ledger.releases):
        statistics, one_round = ledger.releases
        lost = max(statistics.count - 1, 0)
        price = rounds_for_statistics(statistics.noise_multiplier, one_round.noise_multiplier)
    return [("statistics", 1 + lost), ("round", agreement.training.rounds - lost * price)]


def _cost_faults(ledger: PrivacyLedger) -> list[str]:
    """Return that the releases cost more than is said. They may cost less: earlier runs count too."""
    releases = [(release.noise_multiplier, release.count) for release in ledger.releases]
    if least_delta(releases, ledger.epsilon_spent) <= ledger.delta * (1 + _TOLERANCE):
        return []
    return [f"epsilon_spent is {ledger.epsilon_spent!r}, but the noise in its releases is too little for that"]


def _release_faults(release: NoisyRelease) -> list[str]:
    wrong = [
        name
        for name, holds in (
            ("step", bool(release.step)),
            ("count", release.count >= 1),
            ("noise_multiplier", 0 <= release.noise_multiplier < math.inf),
            ("sensitivity", 0 < release.sensitivity < math.inf),
            ("sampling_rate", 0 < release.sampling_rate <= 1),
        )
        if not holds
    ]
    return [f"release {release.step!r}: {name} is {getattr(release, name)!r}, which cannot be" for name in wrong]
