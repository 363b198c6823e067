"""The agreement's multi-party computation: against whom it is secure, where the parties meet, and who has which column.

Everything that such a training does not heed is refused, so that nobody signs a setting in the belief that it acts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from tacit.canonical import quote
from tacit.errors import AgreementError

if TYPE_CHECKING:
    from tacit.study.agreement import Agreement, Training

PARTIES = 3
MAX_RATE = 8.0  # of learning rate and l2, as public factors in fixed point
LISTED = 5
HEEDED = (
    "method", "rounds", "learning_rate", "l2", "momentum", "batch_rows", "timeout_seconds",
)  # fmt: skip
TRUST = {"corrupt": 1, "dropping": 0, "poisoning": 0}

_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.\-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]):(?P<port>[0-9]{1,5})\Z")

Security = Literal["passive", "active"]

PROMISES = {
    "passive": "one of the three may look at all that it gets and learns nothing; one that deviates may learn anything",
    "active": "one of the three may do what it likes and learns nothing; a wrong result stops all but with odds 2^-40",
}


class Computation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the three parties compute on shares; docs/mpc.md says what it promises.

    Attributes:
        security: `passive` or `active`.
        addresses: HOST:PORT at which each party listens for the one before it, in the order of the agreement.
        columns: where the split is `vertical`, for each party the names of its columns, without the label.
        labels: where the split is `vertical`, the party that has the label.
    """

    security: Security
    addresses: tuple[str, ...]
    columns: dict[str, tuple[str, ...]] = {}
    labels: str = ""

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Host (without brackets) and TCP port of each party."""
        parts = [address.rpartition(":") for address in self.addresses]
        return tuple((host.strip("[]"), int(port)) for host, _, port in parts)


def is_address(text: str) -> bool:
    """Return whether `text` is HOST:PORT."""
    match = _ADDRESS.match(text)
    return match is not None and 0 < int(match["port"]) < 65536


def columns_of(agreement: Agreement, party: str) -> tuple[str, ...]:
    """Return the names of the party's columns, without the label, in the schema's order."""
    known = [column.name for column in agreement.data.feature_columns]
    if agreement.computation is None or agreement.split == "horizontal":
        return tuple(known)
    own = set(agreement.computation.columns.get(party, ()))
    return tuple(name for name in known if name in own)


def has_label(agreement: Agreement, party: str) -> bool:
    """Return whether the party's table has the label."""
    return agreement.computation is None or agreement.split == "horizontal" or agreement.computation.labels == party


def check_computation(agreement: Agreement) -> None:
    """Check that the method and the table `[computation]` go together, and that all other settings are heeded.

    Raises:
        AgreementError: names the setting, and what would do.
    """
    if agreement.training.method != "mpc":
        _refuse_unless(agreement.computation is None, "the table [computation] is for training.method 'mpc': remove it")
        _refuse_unless(
            agreement.split == "horizontal",
            "split 'vertical' needs training.method = 'mpc': secure sums take whole rows from each party",
        )
        return
    computation = agreement.computation
    if computation is None:
        raise AgreementError(
            "training.method 'mpc' needs a table [computation] with security = 'passive' or 'active' (there is no "
            "default) and the addresses of the three parties"
        )
    count = len(agreement.parties)
    _refuse_unless(count == PARTIES, f"training.method 'mpc' is for {PARTIES} parties, and there are {count}")
    _check_addresses(agreement, computation)
    _check_heeded(agreement)
    _check_split(agreement, computation)


def _check_addresses(agreement: Agreement, computation: Computation) -> None:
    addresses = computation.addresses
    _refuse_unless(
        len(addresses) == PARTIES,
        f"computation.addresses has {len(addresses)} entries: HOST:PORT of each of the {PARTIES} parties, in order",
    )
    for name, address in zip(agreement.names, addresses, strict=True):
        _refuse_unless(is_address(address), f"computation.addresses: '{quote(address)}' of {name!r} is not HOST:PORT")
    used = [*addresses, agreement.coordinator.address]
    twice = sorted({address for address in used if used.count(address) > 1})
    _refuse_unless(not twice, f"computation.addresses: two members would listen at {twice}: each needs its own")


def _check_heeded(agreement: Agreement) -> None:
    training, model = agreement.training, agreement.model
    _refuse_unless(
        model.kind in ("linear", "logistic", "mlp"),
        f"training.method 'mpc' trains the kinds linear, logistic and mlp, and model.kind is {model.kind!r}",
    )
    _refuse_unless(
        agreement.privacy.unit == "none",
        f"privacy.unit is {agreement.privacy.unit!r}, and training.method 'mpc' adds no noise: noise that is drawn "
        "inside the computation is not built yet, so nothing could be promised. Set privacy.unit = 'none'",
    )
    usual_share = type(agreement.privacy)("none").statistics_share
    _refuse_unless(
        agreement.privacy.statistics_share == usual_share,
        "privacy.statistics_share is not heeded by training.method 'mpc': leave it out",
    )
    for name, needed in TRUST.items():
        _refuse_unless(
            getattr(agreement.trust, name) == needed,
            f"trust.{name} must be {needed} with training.method 'mpc': any one of the three may be corrupt, and all "
            "have to stay to the end",
        )
    usual = type(training)(training.rounds, training.learning_rate)
    for name in training.__struct_fields__:
        _refuse_unless(
            name in HEEDED or getattr(training, name) == getattr(usual, name),
            f"training.{name} is not heeded by training.method 'mpc': leave it out",
        )
    _check_rates(training)
    _refuse_unless(agreement.insecure is None, "insecure.test_seed is not heeded by training.method 'mpc': remove it")


def _check_rates(training: Training) -> None:
    for name in ("learning_rate", "l2"):
        _refuse_unless(
            getattr(training, name) <= MAX_RATE, f"training.{name} must be at most {MAX_RATE:g} with method 'mpc'"
        )


def _check_split(agreement: Agreement, computation: Computation) -> None:
    if agreement.split == "horizontal":
        for name in ("columns", "labels"):
            _refuse_unless(
                not getattr(computation, name),
                f"computation.{name} is for split 'vertical': where each party has whole rows, leave it out",
            )
        return
    names, schema = agreement.names, agreement.data
    strangers = sorted(set(computation.columns) - set(names))
    _refuse_unless(not strangers, f"computation.columns names {quote(str(strangers[:LISTED]))}, who are no parties")
    _refuse_unless(
        computation.labels in names,
        f"computation.labels must be the party that has the column {schema.label!r}, one of {', '.join(names)}",
    )
    given = [name for columns in computation.columns.values() for name in columns]
    known = {column.name for column in schema.feature_columns}
    _refuse_unless(
        schema.label not in given,
        f"computation.columns lists the label {schema.label!r}: computation.labels says who has it",
    )
    unknown = [name for name in given if name not in known]
    _refuse_unless(not unknown, f"computation.columns: {quote(str(unknown[:LISTED]))} are no columns of the data")
    twice = sorted({name for name in given if given.count(name) > 1}) if len(set(given)) < len(given) else []
    _refuse_unless(not twice, f"computation.columns lists {quote(str(twice[:LISTED]))} twice: each has one owner")
    missing = [column.name for column in schema.feature_columns if column.name not in set(given)]
    _refuse_unless(not missing, f"computation.columns: nobody has {quote(str(missing[:LISTED]))}: list it, or drop it")
    for name in names:
        _refuse_unless(
            bool(computation.columns.get(name)) or computation.labels == name,
            f"computation.columns: {name!r} has neither a column nor the label, so it would have no rows to bring",
        )


def _refuse_unless(holds: bool, message: str) -> None:
    if not holds:
        raise AgreementError(message)
