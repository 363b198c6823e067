"""The plan of a run: every secure sum that will be taken, worked out from the agreement alone.

All parties and the coordinator compute the same plan, so nobody can be talked into another vector, another width
or less noise. It needs neither torch nor data.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import msgspec

from tacit import canonical
from tacit.errors import AgreementError
from tacit.federated.encoding import EXACT_UNITS, PRIVATE_UNITS, Encoding
from tacit.federated.privacy.budget import calibrate, effective_multiplier, rounds_for_statistics
from tacit.federated.robust.groups import group_count, group_sizes
from tacit.federated.round_vector import COUNT_WEIGHT as COUNT_WEIGHT
from tacit.federated.round_vector import LOSS_CAP as LOSS_CAP
from tacit.federated.round_vector import LOSS_WEIGHT as LOSS_WEIGHT
from tacit.federated.round_vector import RoundVector
from tacit.federated.secagg import thresholds
from tacit.federated.shapes import layer_widths as layer_widths
from tacit.federated.shapes import parameter_count as parameter_count
from tacit.federated.strategies import STRATEGIES, strategy_name, sums_records
from tacit.kernels.packing import packed_bytes
from tacit.study import Agreement, Training
from tacit.wire import MAX_MESSAGE_BYTES

MIN_NOISE_SCALE = 64.0
FRAME_BYTES = 2**20  # for what a message has beside its words: names of survivors, of 1,000 parties at most
_SETTINGS_OF_ONE_STRATEGY = {"beta1": "fedadam", "beta2": "fedadam", "tau": "fedadam", "control_clip": "scaffold"}


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
        return releases_of(self.steps[first:])

    @property
    def statistics_in_rounds(self) -> int:
        """How many rounds have to be given up where the statistics are lost and taken again; 0 without noise."""
        return rounds_for_statistics(self.steps[0].multiplier, self.steps[1].multiplier)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the plan: parties compare it, as another library's rounding could lead to another plan."""
        return hashlib.sha256(b"tacit plan/1\x00" + canonical.encode(msgspec.to_builtins(self.steps))).digest()


def releases_of(steps: Iterable[Step]) -> dict[float, int]:
    """Return {noise multiplier: how many releases} of `steps`, as the accountant takes them."""
    return dict(Counter(step.multiplier for step in steps if step.multiplier > 0))


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


def count_weight(features: int) -> float:
    """Return the weight of the count in the statistics: large enough that noise leaves it useful."""
    return math.sqrt(max(features, 2) / 2)


def statistics_shape(agreement: Agreement) -> tuple[int, float]:
    """Return length and norm bound of (count, scaled features, their squares), all but the count within [-1, 1]."""
    features = len(agreement.data.features)
    return 1 + 2 * features, math.sqrt(count_weight(features) ** 2 + 2 * features)


def round_vector(agreement: Agreement) -> RoundVector:
    """Return the layout of a round's vectors."""
    training = agreement.training
    limits = (training.clip, training.control_clip)[: STRATEGIES[strategy_name(agreement)].blocks]
    return RoundVector(parameter_count(agreement), limits, agreement.privacy.unit, training.validation_share > 0)


def round_shape(agreement: Agreement) -> tuple[int, float]:
    """Return length and norm bound of a round's vectors."""
    vector = round_vector(agreement)
    return vector.length, vector.norm_bound


def unknown_shares(agreement: Agreement) -> int:
    """Return how many parties' shares, of the noise or of the sum, stay unknown to those who look at any total.

    All parties see the totals, and each knows its own share; `trust.corrupt` of them may put theirs together. So this
    is the least number of survivors without the corrupt ones, and where no party is corrupt, without the one who looks.
    Where groups are summed by themselves, it is that of the smallest group, with all of the corrupt and the lost in it.
    """
    trust = agreement.trust
    least = min(thresholds.least_in_sum(size, trust.corrupt, trust.dropping) for size in _sizes(agreement))
    return least - max(trust.corrupt, 1)


def contributions_per_party(agreement: Agreement) -> int:
    """Return how many contributions, each within the norm bound, one party adds to a sum at most."""
    return 1 if agreement.privacy.unit == "party" else agreement.data.max_rows


def _sizes(agreement: Agreement) -> tuple[int, ...]:
    """Return how many parties are in each of a step's sums."""
    return group_sizes(len(agreement.parties), agreement.trust.poisoning)


def _step(agreement: Agreement, index: int, kind: str, multiplier: float, length: int, bound: float) -> Step:
    parties = max(_sizes(agreement))
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
        contributions=parties * contributions_per_party(agreement),
        parties=parties,
    )
    _check_total(agreement, encoding)
    accounted = effective_multiplier(scale, units, unknown, length) if multiplier else 0.0
    return Step(index, kind, encoding, accounted)


def _check_total(agreement: Agreement, encoding: Encoding) -> None:
    """Refuse what no channel would carry: all groups' totals of a step go to each party in one message."""
    groups = len(_sizes(agreement))
    size, room = groups * packed_bytes(encoding.length, encoding.word_bits), MAX_MESSAGE_BYTES - FRAME_BYTES
    if size > room:
        summed = f"of {groups} groups (trust.poisoning = {agreement.trust.poisoning})" if groups > 1 else "of a step"
        less = ", or lower trust.poisoning" if groups > 1 else ""
        raise AgreementError(
            f"the totals {summed} are {size:,} bytes, {encoding.length:,} numbers of {encoding.word_bits} bits each, "
            f"and one message takes {room:,}: choose a smaller model (this has {parameter_count(agreement):,} "
            f"parameters){less}"
        )


def check_method(agreement: Agreement) -> None:
    """Check what of the agreement can be checked without working out the noise; raises AgreementError."""
    trust = agreement.trust
    for size in sorted(set(_sizes(agreement))):
        _check_size(agreement, size)
    if agreement.privacy.unit == "none" and unknown_shares(agreement) < 2:
        raise AgreementError(
            f"of {_said(agreement, min(_sizes(agreement)))} {trust.corrupt} corrupt and {trust.dropping} dropping may "
            "leave one in a sum "
            "besides those who look at it, and they could work out its exact contribution: lower trust.corrupt or "
            "trust.dropping, or choose another privacy.unit"
        )
    _check_strategy(agreement)


def _check_size(agreement: Agreement, size: int) -> None:
    """Refuse a sum over `size` parties that cannot bear all of the corrupt and the dropping: they may all be in it."""
    trust = agreement.trust
    try:
        thresholds.check(size, trust.corrupt, trust.dropping, sparse=thresholds.needs_sparse(size))
    except AgreementError as error:
        if not trust.poisoning:
            raise
        groups, each = group_count(trust.poisoning), max(thresholds.MIN_PARTIES, trust.corrupt + 2 * trust.dropping + 1)
        raise AgreementError(
            f"trust.poisoning = {trust.poisoning} sums {groups} groups by themselves, and one of {error} "
            f"({groups} groups of {each} would be {groups * each} parties)"
        ) from None


def _said(agreement: Agreement, size: int) -> str:
    return f"{size} parties of a group" if agreement.trust.poisoning else f"{size} parties"


def _check_strategy(agreement: Agreement) -> None:
    """Refuse what does not go together, and settings that the strategy would not heed."""
    training, unit, name = agreement.training, agreement.privacy.unit, strategy_name(agreement)
    faults = (
        (
            unit == "record" and training.local_steps != 1,
            "privacy.unit 'record' takes one step per round, since the noise is added to the sum of gradients: "
            "set training.local_steps = 1",
        ),
        (
            unit == "record" and name not in ("fedsgd", "fedadam"),
            f"training.strategy {name!r} sums whole parties' changes, and privacy.unit 'record' needs single records' "
            "gradients: choose 'fedsgd' or 'fedadam', or privacy.unit 'party'",
        ),
        (
            name == "fedsgd" and unit == "party",
            "training.strategy 'fedsgd' sums single records' gradients, and privacy.unit 'party' needs one "
            "contribution of each party: choose 'fedavg', which with training.local_steps = 1 is the like of it",
        ),
        (
            name == "fedsgd" and training.local_steps != 1,
            "training.strategy 'fedsgd' takes one step per round: set training.local_steps = 1, or choose 'fedavg'",
        ),
        (
            training.batch_rows > 0 and sums_records(agreement),
            "training.batch_rows is for local steps, and here every round takes all rows: set it to 0, or choose "
            "training.strategy 'fedavg' with another privacy.unit than 'record'",
        ),
        (
            training.proximal > 0 and name != "fedprox",
            f"training.proximal is for training.strategy 'fedprox', not {name!r}: set it to 0 or choose that",
        ),
        (
            training.server_learning_rate != 1 and name == "fedsgd",
            "training.server_learning_rate is not for 'fedsgd', whose step is training.learning_rate: leave it out",
        ),
        (
            training.momentum > 0 and name != "fedsgd",
            f"training.momentum is for training.strategy 'fedsgd', not {name!r}"
            + (", which 'auto' is here" if training.strategy == "auto" else "")
            + ": set it to 0 or leave it out",
        ),
        (
            agreement.trust.poisoning > 0 and name == "scaffold",
            "training.strategy 'scaffold' needs the mean of all parties' control variates, which trust.poisoning takes "
            "away: choose 'fedavg' or 'fedprox', or set trust.poisoning = 0",
        ),
    )
    for holds, reason in faults:
        if holds:
            raise AgreementError(reason)
    _refuse_unheeded(training, name)


def _refuse_unheeded(training: Training, name: str) -> None:
    """Refuse a setting that is not what it is without being named, where nothing would heed it."""
    usual = Training(training.rounds, training.learning_rate)
    for setting, strategy in _SETTINGS_OF_ONE_STRATEGY.items():
        if name != strategy and getattr(training, setting) != getattr(usual, setting):
            raise AgreementError(
                f"training.{setting} is for training.strategy {strategy!r}, not {name!r}: leave it out or choose that"
            )
    if training.min_improvement > 0 and not training.patience:
        raise AgreementError(
            "training.min_improvement is for stopping early: set training.patience, 5 say, or leave it out"
        )
