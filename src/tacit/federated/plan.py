"""The plan of a run: every secure sum that will be taken, worked out from the agreement alone.

All parties and the coordinator compute the same plan, so nobody can be talked into another vector, another width
or less noise. It needs neither torch nor data.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import msgspec

from tacit import canonical
from tacit.errors import AgreementError
from tacit.federated.encoding import EXACT_UNITS, PRIVATE_UNITS, Encoding
from tacit.federated.privacy.budget import calibrate, effective_multiplier
from tacit.federated.secagg import thresholds
from tacit.study import Agreement

LOSS_WEIGHT = 0.35
LOSS_CAP = 2.0
COUNT_WEIGHT = 0.25
MIN_NOISE_SCALE = 64.0


@dataclass(frozen=True)
class Step:
    """One secure sum: its position, what it is for, how its vectors travel, and the noise it is accounted with."""

    index: int
    kind: str
    encoding: Encoding
    multiplier: float


@dataclass(frozen=True)
class Plan:
    """All steps of a run in order: the scaling statistics, then the training rounds."""

    steps: tuple[Step, ...]
    parameters: int

    def releases(self, first: int = 0) -> dict[float, int]:
        """Return {noise multiplier: how many releases} from step `first` on, as the accountant takes them."""
        return dict(Counter(step.multiplier for step in self.steps[first:] if step.multiplier > 0))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the plan: parties compare it, as another library's rounding could lead to another plan."""
        return hashlib.sha256(b"tacit plan/1\x00" + canonical.encode(msgspec.to_builtins(self.steps))).digest()


def make_plan(agreement: Agreement) -> Plan:
    """Return the plan of `agreement`.

    Raises:
        AgreementError: a setting cannot be met.
    """
    check_method(agreement)
    multipliers = calibrate(agreement.privacy, agreement.training.rounds)
    parameters = parameter_count(agreement)
    statistics = _step(agreement, 0, "statistics", multipliers.statistics, *statistics_shape(agreement))
    length, bound = round_shape(agreement)
    one_round = _step(agreement, 1, "round", multipliers.round, length, bound)
    rounds = (
        Step(index, "round", one_round.encoding, one_round.multiplier)
        for index in range(1, agreement.training.rounds + 1)
    )
    return Plan((statistics, *rounds), parameters)


def layer_widths(agreement: Agreement) -> tuple[int, ...]:
    """Return the widths of the model's layers, from features to outputs."""
    schema = agreement.data
    outputs = len(schema.classes) if schema.task == "multiclass" else 1
    return (len(schema.features), *agreement.model.hidden, outputs)


def parameter_count(agreement: Agreement) -> int:
    """Return the number of weights and biases."""
    widths = layer_widths(agreement)
    return sum(before * after + after for before, after in itertools.pairwise(widths))


def count_weight(features: int) -> float:
    """Return the weight of the count in the statistics: large enough that noise leaves it useful."""
    return math.sqrt(max(features, 2) / 2)


def statistics_shape(agreement: Agreement) -> tuple[int, float]:
    """Return length and norm bound of (count, scaled features, their squares), all but the count within [-1, 1]."""
    features = len(agreement.data.features)
    return 1 + 2 * features, math.sqrt(count_weight(features) ** 2 + 2 * features)


def round_shape(agreement: Agreement) -> tuple[int, float]:
    """Return length and norm bound of (clipped gradient or update, capped loss, count where nothing is private)."""
    clip = agreement.training.clip
    if agreement.privacy.unit == "none":
        return parameter_count(agreement) + 2, clip * math.sqrt(1 + LOSS_WEIGHT**2 + COUNT_WEIGHT**2)
    return parameter_count(agreement) + 1, clip * math.sqrt(1 + LOSS_WEIGHT**2)


def unknown_shares(agreement: Agreement) -> int:
    """Return how many parties' shares, of the noise or of the sum, stay unknown to those who look at any total.

    All parties see the totals, and each knows its own share; `trust.corrupt` of them may put theirs together. So this
    is the least number of survivors without the corrupt ones, and where no party is corrupt, without the one who looks.
    """
    trust = agreement.trust
    return thresholds.minimum_survivors(len(agreement.parties), trust.dropping) - max(trust.corrupt, 1)


def _step(agreement: Agreement, index: int, kind: str, multiplier: float, length: int, bound: float) -> Step:
    parties = len(agreement.parties)
    per_party = 1 if agreement.privacy.unit == "party" else agreement.data.max_rows
    unknown = unknown_shares(agreement)
    units = PRIVATE_UNITS if multiplier else EXACT_UNITS
    scale = multiplier * units / math.sqrt(unknown)
    if multiplier and scale < MIN_NOISE_SCALE:
        raise AgreementError("the privacy budget is so large that the noise vanishes: use privacy.unit = 'none'")
    encoding = Encoding.fit(
        length=length,
        norm_bound=bound,
        units=units,
        noise_scale=scale,
        contributions=parties * per_party,
        parties=parties,
    )
    accounted = effective_multiplier(scale, units, unknown, length) if multiplier else 0.0
    return Step(index, kind, encoding, accounted)


def check_method(agreement: Agreement) -> None:
    """Check what of the agreement can be checked without working out the noise; raises AgreementError."""
    parties, trust = len(agreement.parties), agreement.trust
    thresholds.check(parties, trust.corrupt, trust.dropping)
    if agreement.privacy.unit == "none" and unknown_shares(agreement) < 2:
        raise AgreementError(
            f"of {parties} parties {trust.corrupt} corrupt and {trust.dropping} dropping may leave one in a sum "
            "besides those who look at it, and they could work out its exact contribution: lower trust.corrupt or "
            "trust.dropping, or choose another privacy.unit"
        )
    if agreement.privacy.unit == "record" and agreement.training.local_steps != 1:
        raise AgreementError(
            "privacy.unit 'record' takes one step per round, since the noise is added to the sum of gradients: "
            "set training.local_steps = 1"
        )
