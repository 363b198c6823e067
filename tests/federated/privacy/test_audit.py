"""An audit in miniature: can a party that sees a released total tell whether one row, or one party, was in it?

Jagielski, Ullman, Oprea 2020: from how often a guess is right follows, with confidence, a lower bound of epsilon. It
must stay below the epsilon that is claimed, and it must *not* where the noise is too small: then the audit has teeth.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta

from tacit.data import Table
from tacit.federated.contributions import Contributor
from tacit.federated.plan import Step, make_plan
from tacit.federated.privacy import Accountant, ExactNoise
from tacit.federated.privacy.budget import epsilon_of
from tacit.federated.training import FederatedTraining

from ..agreements import make_agreement, make_table

TRIALS = 1500
DOUBT = 1e-10  # the chance that either bound of a rate is wrong, and so a fifth of that of a false alarm in 10^9

# One of three parties may fail, and each of the other two knows its own noise: one share has to be enough.
AGREEMENT = make_agreement(
    unit="record", dropping=1, rounds=1, epsilon=3.0, delta=1e-5, statistics_share=0.5, learning_rate=3.0
)
PLAN = make_plan(AGREEMENT)
SURVIVORS = AGREEMENT.names[:2]

WHOLE_PARTIES = make_agreement(
    unit="party", dropping=1, rounds=1, epsilon=3.0, delta=1e-5, statistics_share=0.5, learning_rate=3.0, local_steps=3
)


class FeebleNoise:
    """Less noise than was asked for."""

    def __init__(self, part: float) -> None:
        self._part = part

    def sample(self, scale: float, length: int) -> np.ndarray:
        return ExactNoise().sample(scale * self._part, length)


def with_canary(table: Table) -> Table:
    """One more row: at the corner of the schema, with the label that the model expects least."""
    corner = table.schema.feature_high[None, :]
    return Table(np.vstack([table.features, corner]), np.append(table.labels, 0), table.schema, "neighbour")


def parties_of(tables: list[Table], part_of_noise: float) -> list[FederatedTraining]:
    parties = [FederatedTraining(AGREEMENT, PLAN, table, name) for table, name in zip(tables, SURVIVORS, strict=True)]
    for party in parties:
        party._noise = FeebleNoise(part_of_noise)
        # Where training stands: sure that rows at the corner are of the other class, so that this one is clipped.
        party._start(np.array([100.0, *[0.0] * 3, *[-50.0] * 3]), PLAN.steps[0], 2)
        party._training.parameters = np.array([3.0, 3.0, 3.0, 3.0])
    return parties


def released(tables: list[Table], step: Step, part_of_noise: float) -> np.ndarray:
    """Many draws of the total that the survivors release, as the second sees it: without its own rows and noise."""
    parties = parties_of(tables, part_of_noise)
    totals = []
    for _ in range(TRIALS):
        total = np.zeros(step.encoding.length, step.encoding.dtype)
        words = [party.contribution(step) for party in parties]
        for each in words:
            total += each
        total -= words[1]
        totals.append(step.encoding.to_reals(total))
    return np.array(totals)


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Bounds that the true rate is within but with probability `DOUBT` (on either side)."""
    low = beta.ppf(DOUBT, hits, trials - hits + 1) if hits else 0.0
    high = beta.ppf(1 - DOUBT, hits + 1, trials - hits) if hits < trials else 1.0
    return float(low), float(high)


def empirical_epsilon(without: np.ndarray, with_it: np.ndarray, delta: float) -> float:
    """A lower bound of epsilon: thresholds chosen on one half of the scores, judged on the other."""
    half = TRIALS // 2
    best, chosen = -math.inf, 0.0
    for threshold in np.quantile(np.concatenate([without[:half], with_it[:half]]), np.linspace(0.02, 0.98, 49)):
        right, wrong = (with_it[:half] > threshold).mean(), (without[:half] > threshold).mean()
        advantage = math.log((right + 0.01) / (wrong + 0.01))
        best, chosen = max((best, chosen), (advantage, float(threshold)))
    right, _ = clopper_pearson(int((with_it[half:] > chosen).sum()), TRIALS - half)
    _, wrong = clopper_pearson(int((without[half:] > chosen).sum()), TRIALS - half)
    return math.log(max(right - delta, 1e-12) / wrong)


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A party's gradients do not change from trial to trial: compute them once."""
    known: dict[Contributor, np.ndarray] = {}
    total = Contributor.total

    def total_once(self: Contributor, *arguments) -> np.ndarray:
        if self not in known:
            known[self] = total(self, *arguments)
        return known[self]

    monkeypatch.setattr(Contributor, "total", total_once)


def scores_of_a_row(step: Step, part_of_noise: float) -> list[np.ndarray]:
    """How much each draw of the total points to the canary, where it is not there and where it is; (TRIALS,) each."""
    tables = [make_table(AGREEMENT.data, 30, seed) for seed in (1, 2)]
    neighbour = [with_canary(tables[0]), tables[1]]
    silent = [parties_of(each, 1e-9)[0].contribution(step) for each in (neighbour, tables)]
    direction = step.encoding.to_reals(silent[0] - silent[1])
    assert np.linalg.norm(direction) == pytest.approx(step.encoding.norm_bound, rel=0.01)
    return [released(each, step, part_of_noise) @ direction for each in (tables, neighbour)]


@pytest.mark.slow
@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("step", PLAN.steps, ids=lambda step: step.kind)
@pytest.mark.parametrize("part_of_noise", [1.0, 0.03, 1e-4])
def test_a_row_is_as_hidden_as_is_claimed(step: Step, part_of_noise: float) -> None:
    found = empirical_epsilon(*scores_of_a_row(step, part_of_noise), AGREEMENT.privacy.delta)
    claimed = epsilon_of({step.multiplier: 1}, AGREEMENT.privacy.delta)
    assert claimed < 3.0
    assert (found < claimed) == (part_of_noise == 1.0), (found, claimed)


@pytest.mark.slow
@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("part_of_noise", [1.0, 0.03])
def test_a_row_is_as_hidden_in_all_that_a_study_releases(part_of_noise: float) -> None:
    """The best test of both totals together adds up its evidence from each; the claim is the whole budget."""
    evidence = np.zeros((2, TRIALS))
    for step in PLAN.steps:
        encoding = step.encoding
        deviation = encoding.noise_scale * encoding.norm_bound / encoding.units
        evidence += np.array(scores_of_a_row(step, part_of_noise)) / deviation**2
    found, claimed = empirical_epsilon(*evidence, AGREEMENT.privacy.delta), Accountant(AGREEMENT.privacy)
    assert (found < claimed.after(PLAN.releases())) == (part_of_noise == 1.0), found
    assert claimed.fits(PLAN.releases())


@pytest.mark.slow
@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("step", make_plan(WHOLE_PARTIES).steps, ids=lambda step: step.kind)
@pytest.mark.parametrize("part_of_noise", [1.0, 0.03, 1e-4])
def test_a_party_is_as_hidden_as_is_claimed(step: Step, part_of_noise: float) -> None:
    """The canary is a whole party: all its rows at the corner, or nothing but its noise."""
    table = make_table(WHOLE_PARTIES.data, 5, 1)
    corner = np.repeat(table.schema.feature_high[None, :], len(table.features), axis=0)
    canary = Table(corner, np.zeros(len(corner), table.labels.dtype), table.schema, "canary")
    party = FederatedTraining(WHOLE_PARTIES, make_plan(WHOLE_PARTIES), canary, SURVIVORS[0])
    party._start(np.array([100.0, *[0.0] * 3, *[-50.0] * 3]), make_plan(WHOLE_PARTIES).steps[0], 2)
    party._training.parameters = np.array([3.0, 3.0, 3.0, 3.0])
    noise = party._noise = FeebleNoise(part_of_noise)
    encoding = step.encoding
    present = [encoding.to_reals(party.contribution(step)) for _ in range(TRIALS)]
    silent = noise.sample(encoding.noise_scale, TRIALS * encoding.length).reshape(TRIALS, -1)
    absent = [encoding.to_reals(encoding.to_words(row)) for row in silent]
    party._noise = FeebleNoise(1e-9)
    direction = encoding.to_reals(party.contribution(step))
    assert 0.8 * encoding.norm_bound < np.linalg.norm(direction) <= encoding.norm_bound * (1 + 1e-9)
    found = empirical_epsilon(np.array(absent) @ direction, np.array(present) @ direction, WHOLE_PARTIES.privacy.delta)
    claimed = epsilon_of({step.multiplier: 1}, WHOLE_PARTIES.privacy.delta)
    assert claimed < 3.0
    assert (found < claimed) == (part_of_noise == 1.0), (found, claimed)
