"""The agreement: the TOML file `study.toml` that every party signs, byte by byte.

It names the parties by the fingerprints of their keys, the columns with their types and bounds, the model, the
method, the privacy budget, whom the parties distrust, and who may hold the result. Nothing that runs takes a
setting from anywhere else.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import Annotated, Any, Literal

import msgspec

from tacit.canonical import quote
from tacit.data import Schema
from tacit.errors import AgreementError, FormatError
from tacit.keys import FINGERPRINT_PREFIX
from tacit.keys.public import check_name
from tacit.study.computation import Computation, check_computation, is_address
from tacit.study.model import Model, check_model
from tacit.study.text import check_text, explain

FORMAT = "tacit-study/1"
MIN_PARTIES = 3
MAX_PARTIES = 1000
MAX_PURPOSE = 10_000
MAX_RECIPIENTS = 100

# TOML has numbers of any length in hexadecimal, and Python refuses to print the longest in an error.
_Count = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31)]

_FINGERPRINT = re.compile(re.escape(FINGERPRINT_PREFIX) + r"[0-9a-f]{64}\Z")


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data owner: its name and the fingerprint of its public identity."""

    name: str
    key: str


class Coordinator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who carries messages between the parties, and where. It never learns rows, updates or the model."""

    name: str
    key: str
    address: str

    @property
    def host(self) -> str:
        """The host of `address`, without brackets."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The TCP port of `address`."""
        return int(self.address.rpartition(":")[2])


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to train. `clip` bounds the Euclidean norm of what one record (or one party) contributes to a round.

    Where noise is added, the model is the average over the last `average_last` part of the rounds. What each
    `strategy` takes, early stopping (`validation_share`, `patience`) and `personal` are in docs/training.md; what the
    method `mpc` heeds is in docs/mpc.md, where `rounds` are passes over all rows.
    """

    rounds: int
    learning_rate: float
    clip: float = 1.0
    l2: float = 0.0
    momentum: float = 0.0
    average_last: float = 0.3
    method: Literal["federated", "mpc"] = "federated"
    local_steps: int = 1
    timeout_seconds: float = 120.0
    strategy: Literal["auto", "fedsgd", "fedavg", "fedprox", "fedadam", "scaffold"] = "auto"
    batch_rows: int = 0
    server_learning_rate: float = 1.0
    proximal: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3
    control_clip: float = 1.0
    validation_share: float = 0.0
    patience: int = 0
    min_improvement: float = 0.0
    personal: Literal["none", "last-layer"] = "none"


class Privacy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The budget: (epsilon, delta) differential privacy of one `record` or of one whole `party`, or `none`.

    `statistics_share` is the part of the budget that the scaling statistics take.
    """

    unit: Literal["record", "party", "none"]
    epsilon: float = 0.0
    delta: float = 0.0
    statistics_share: float = 0.1


class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many parties may collude with the coordinator (`corrupt`) and how many may fail (`dropping`).

    `poisoning` of them may send whatever they like into the sums: with 1 or more, 2 `poisoning` + 1 groups are summed
    by themselves and combined robustly (docs/protocols/robustness.md).
    """

    corrupt: _Count
    dropping: _Count
    poisoning: _Count = 0


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may hold the trained model: names of parties, or of others listed under `recipients`."""

    holders: tuple[str, ...]
    recipients: tuple[Party, ...] = ()


class Insecure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings for tests only. With a `test_seed` the privacy noise can be predicted: there is NO privacy."""

    test_seed: int


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that the parties agree on. Checked when made; `decode` and `encode` turn it from and into TOML."""

    format: str = FORMAT
    name: str
    purpose: str
    split: Literal["horizontal", "vertical"] = "horizontal"
    coordinator: Coordinator
    parties: tuple[Party, ...]
    model: Model
    training: Training
    privacy: Privacy
    trust: Trust
    release: Release
    data: Schema
    computation: Computation | None = None
    insecure: Insecure | None = None

    @classmethod
    def decode(cls, data: bytes) -> Agreement:
        """Return the agreement in the TOML bytes `data`, checked.

        Raises:
            FormatError: not TOML, or not of this form.
            AgreementError: it asks for something that cannot be.
        """
        check_text(data)
        try:
            agreement = msgspec.toml.decode(data, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
            raise FormatError(f"the agreement cannot be read: {explain(error, cls)}") from None
        agreement.check()
        return agreement

    def encode(self) -> bytes:
        """Return the agreement as TOML. What is signed are these bytes, not the value."""
        return msgspec.toml.encode(_without_nothing(msgspec.to_builtins(self)))

    @property
    def names(self) -> tuple[str, ...]:
        """The parties' names, in the order of the agreement."""
        return tuple(party.name for party in self.parties)

    @property
    def members(self) -> tuple[Party | Coordinator, ...]:
        """Everyone with a key in the agreement: parties, coordinator, further recipients."""
        return (*self.parties, self.coordinator, *self.release.recipients)

    def check(self) -> None:
        """Check that the agreement can be met.

        Raises:
            AgreementError: names the setting, and what would do.
        """
        if self.format != FORMAT:
            raise AgreementError(f"agreement of format '{quote(self.format)}'; this version reads {FORMAT!r}")
        _check_members(self)
        _refuse_unless(
            self.purpose.isprintable() and len(self.purpose) <= MAX_PURPOSE,
            f"purpose must be one line of at most {MAX_PURPOSE} characters that print",
        )
        check_model(self.model, self.data)
        _check_training(self.training)
        _check_privacy(self.privacy)
        check_computation(self)
        _check_trust(self)
        _check_release(self)


def digest(agreement_bytes: bytes) -> bytes:
    """Return the SHA-256 of the agreement's bytes: what parties sign, and what every message is bound to."""
    return hashlib.sha256(b"tacit agreement/1\x00" + agreement_bytes).digest()


def _refuse_unless(holds: bool, message: str) -> None:
    if not holds:
        raise AgreementError(message)


def _check_members(agreement: Agreement) -> None:
    count = len(agreement.parties)
    _refuse_unless(
        MIN_PARTIES <= count <= MAX_PARTIES,
        f"{count} {'party' if count == 1 else 'parties'}: secure aggregation needs {MIN_PARTIES} to {MAX_PARTIES}, "
        "as each of two could take its own part off their sum: list each with its key under [[parties]]",
    )
    recipients = len(agreement.release.recipients)
    _refuse_unless(recipients <= MAX_RECIPIENTS, f"{recipients} release.recipients: at most {MAX_RECIPIENTS} can be")
    try:
        check_name(agreement.name)
        for member in agreement.members:
            check_name(member.name)
    except FormatError as error:
        raise AgreementError(str(error)) from None
    for member in agreement.members:
        _refuse_unless(
            bool(_FINGERPRINT.match(member.key)),
            f"the key of {member.name!r} is not a fingerprint (see `tacit id show`)",
        )
    for kind, values in (("name", [m.name for m in agreement.members]), ("key", [m.key for m in agreement.members])):
        twice = {value for value in values if values.count(value) > 1}
        _refuse_unless(not twice, f"two members share the {kind} {sorted(twice)}: each needs its own")
    _refuse_unless(
        is_address(agreement.coordinator.address),
        f"the coordinator's address '{quote(agreement.coordinator.address)}' is not HOST:PORT",
    )


def _check_training(training: Training) -> None:
    _refuse_unless(1 <= training.rounds <= 10_000, "training.rounds must be 1 to 10,000")
    _refuse_unless(1 <= training.local_steps <= 1_000, "training.local_steps must be 1 to 1,000")
    for name, low, high in (
        ("learning_rate", 1e-6, 1e3),
        ("clip", 1e-6, 1e6),
        ("timeout_seconds", 1, 86_400),
        ("server_learning_rate", 1e-6, 1e3),
        ("tau", 1e-9, 1e3),
        ("control_clip", 1e-6, 1e6),
    ):
        _refuse_unless(low <= getattr(training, name) <= high, f"training.{name} must be {low:g} to {high:g}")
    _refuse_unless(0 <= training.l2 <= 1e3, "training.l2 must be 0 to 1000")
    _refuse_unless(0 <= training.proximal <= 1e3, "training.proximal must be 0 to 1000")
    for name in ("momentum", "average_last", "beta1", "beta2"):
        _refuse_unless(0 <= getattr(training, name) < 1, f"training.{name} must be 0 or more, below 1")
    _refuse_unless(0 <= training.batch_rows < 2**31, "training.batch_rows must be 0 (all rows) or more")
    _check_validation(training)


def _check_validation(training: Training) -> None:
    share = training.validation_share
    _refuse_unless(share == 0 or 0.01 <= share <= 0.5, "training.validation_share must be 0 (none), or 0.01 to 0.5")
    _refuse_unless(0 <= training.patience <= 10_000, "training.patience must be 0 (never stop early) to 10,000")
    _refuse_unless(0 <= training.min_improvement <= 2, "training.min_improvement must be 0 to 2, the largest loss")
    for name, used in (("patience", training.patience > 0), ("personal", training.personal != "none")):
        _refuse_unless(
            share > 0 or not used,
            f"training.{name} is decided on rows that are held back: set training.validation_share, 0.2 say",
        )


def _check_privacy(privacy: Privacy) -> None:
    _refuse_unless(0.01 <= privacy.statistics_share <= 0.5, "privacy.statistics_share must be 0.01 to 0.5")
    if privacy.unit == "none":
        _refuse_unless(
            privacy.epsilon == 0 and privacy.delta == 0,
            "privacy.unit is 'none', yet a budget is given: choose 'record' or 'party', or leave the budget out",
        )
        return
    _refuse_unless(
        math.isfinite(privacy.epsilon) and 0.01 <= privacy.epsilon <= 1000,
        "privacy.epsilon must be 0.01 to 1000 (1 is strong, 10 weak)",
    )
    _refuse_unless(1e-15 <= privacy.delta <= 1e-3, "privacy.delta must be 1e-15 to 1e-3, below one over the rows")


def _check_trust(agreement: Agreement) -> None:
    """Refuse what no protocol could keep; how many of each this one bears is `federated.secagg.thresholds`."""
    corrupt, dropping, count = agreement.trust.corrupt, agreement.trust.dropping, len(agreement.parties)
    _refuse_unless(
        corrupt >= 0 and dropping >= 0 and corrupt + dropping <= count - 1,
        f"trust: of {count} parties {corrupt} corrupt and {dropping} dropping leave no honest one",
    )
    poisoning = agreement.trust.poisoning
    _refuse_unless(poisoning >= 0, f"trust: {poisoning} poisoning parties cannot be")
    groups = 2 * poisoning + 1
    _refuse_unless(
        groups * MIN_PARTIES <= count,
        f"trust: {poisoning} poisoning parties take {groups} groups of {MIN_PARTIES} or more, {groups * MIN_PARTIES} "
        f"parties, and there are {count}: at most {(count // MIN_PARTIES - 1) // 2} can be",
    )


def _check_release(agreement: Agreement) -> None:
    holders = agreement.release.holders
    known = {*agreement.names, *(recipient.name for recipient in agreement.release.recipients)}
    unknown = sorted(set(holders) - known)
    _refuse_unless(bool(holders), "release.holders is empty: nobody could use the model")
    _refuse_unless(len(set(holders)) == len(holders), "release.holders names somebody twice")
    _refuse_unless(not unknown, f"release.holders: {quote(str(unknown))} are neither parties nor recipients")
    if agreement.insecure is not None:
        _refuse_unless(0 <= agreement.insecure.test_seed < 2**63, "insecure.test_seed must be 0 or more")


def _without_nothing(value: Any) -> Any:
    """Return `value` without the None that TOML has no form for."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nothing(item) for item in value]
    return value
