"""Writing an agreement for people to read and edit, and saying in words what one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tacit.canonical import quote
from tacit.data import Column, Schema, infer, to_toml
from tacit.errors import AgreementError, FormatError
from tacit.files import read_bounded
from tacit.keys import PublicIdentity
from tacit.study.agreement import Agreement, Trust
from tacit.study.study import Study
from tacit.study.text import MAX_BYTES, check_text

SHOWN_COLUMNS = 100
HEADER = """\
# The agreement of the study {name}.
# Every party signs these very bytes (`tacit study sign`): change anything, a space even, and all must sign again.
"""


@dataclass(frozen=True)
class Choices:
    """What a draft is made of; everything else takes its default, and all of it can be edited afterwards."""

    name: str
    purpose: str
    address: str
    model: str = "logistic"
    hidden: tuple[int, ...] = ()
    rounds: int = 30
    learning_rate: float = 1.0
    momentum: float = 0.5
    unit: str = "record"
    epsilon: float = 4.0
    delta: float = 1e-5
    corrupt: int = 0
    dropping: int = 1
    poisoning: int = 0
    holders: tuple[str, ...] = ()
    test_seed: int | None = None


def compose(
    choices: Choices,
    parties: Sequence[PublicIdentity],
    coordinator: PublicIdentity,
    schema: Schema | Path,
    label: str | None = None,
) -> bytes:
    """Return the agreement's TOML for these choices, with comments for those who will edit it.

    `schema` is a value, a TOML file of columns, or a table (CSV, Parquet) to draft the columns of `label` from.

    Raises:
        AgreementError, FormatError, DataError: something in it cannot be.
    """
    columns = _columns(schema, label)
    text = HEADER.format(name=choices.name) + _settings(choices, parties, coordinator) + "\n" + columns
    return text.encode()


def describe(study: Study) -> list[tuple[str, str]]:
    """Return what the agreement says as (subject, sentence) pairs."""
    agreement = study.agreement
    privacy, trust = agreement.privacy, agreement.trust
    promised = (
        "none: nothing is hidden from those who hold the model"
        if privacy.unit == "none"
        else f"one {privacy.unit} changes the model's odds by at most e^{privacy.epsilon:g} (delta {privacy.delta:g})"
    )
    lines = [
        ("study", f"{agreement.name}: {agreement.purpose}"),
        ("agreement", study.digest.hex()),
        ("parties", ", ".join(agreement.names)),
        ("coordinator", f"{agreement.coordinator.name} at {agreement.coordinator.address}"),
        (
            "data",
            f"{len(agreement.data.columns) - 1} columns to predict {agreement.data.label} ({agreement.data.task}), "
            f"at most {agreement.data.max_rows} rows a party",
        ),
        ("columns", "; ".join(_column(column) for column in agreement.data.columns[:SHOWN_COLUMNS])),
        ("model", f"{agreement.model.kind}, {agreement.training.rounds} rounds, {agreement.training.method}"),
        ("training", _training(agreement)),
        ("privacy", promised),
        ("trust", _trust(trust)),
        ("holders", ", ".join(_holder(agreement, name) for name in agreement.release.holders)),
    ]
    if agreement.insecure is not None:
        lines.append(("INSECURE", f"test seed {agreement.insecure.test_seed}: there is NO privacy"))
    return lines


def _column(column: Column) -> str:
    allowed = ""
    if column.low is not None:
        allowed = f" {column.low:g} to {column.high:g}"
    elif column.values:
        allowed = f" {', '.join(column.values)}"
    unit = f" {column.unit}" if column.unit else ""
    return f"{column.name}: {column.kind}{allowed}{unit}{' or missing' if column.missing == 'indicator' else ''}"


def _training(agreement: Agreement) -> str:
    training = agreement.training
    parts = [
        f"learning rate {training.learning_rate:g}, momentum {training.momentum:g}, l2 {training.l2:g}, "
        f"contributions clipped to {training.clip:g}, {training.timeout_seconds:g} s to answer"
    ]
    if training.strategy != "auto":
        parts.append(f"strategy {training.strategy}, {training.local_steps} local steps")
    if training.validation_share:
        parts.append(f"{training.validation_share:.0%} of the rows held back")
    if training.patience:
        parts.append(f"stops after {training.patience} rounds without improvement")
    if training.personal != "none":
        parts.append("each party keeps a last layer of its own")
    return ", ".join(parts)


def _trust(trust: Trust) -> str:
    said = f"{trust.corrupt} may collude with the coordinator, {trust.dropping} may fail"
    if not trust.poisoning:
        return said
    return f"{said}, {trust.poisoning} may poison: {2 * trust.poisoning + 1} groups are summed by themselves"


def _holder(agreement: Agreement, name: str) -> str:
    return name if name in agreement.names else f"{name} (takes no part in the training)"


def _columns(schema: Schema | Path, label: str | None) -> str:
    if isinstance(schema, Schema):
        return to_toml(schema)
    if schema.suffix != ".toml":
        if label is None:
            raise AgreementError("drafting the columns from a table needs the label: which column is to be predicted?")
        return to_toml(infer(schema, label), source=schema.name)
    text = read_bounded(schema, MAX_BYTES, "schema")
    check_text(text, f"schema {schema}")
    try:
        msgspec.toml.decode(text, type=_SchemaFile)
        return text.decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        reason = quote(str(error))
        raise FormatError(f"{schema} is no schema, a [data] table with [[data.columns]]: {reason}") from None


class _SchemaFile(msgspec.Struct, forbid_unknown_fields=True):
    data: Schema


def _settings(choices: Choices, parties: Sequence[PublicIdentity], coordinator: PublicIdentity) -> str:
    names = [party.name for party in parties]
    private = choices.unit != "none"
    parts = [
        _lines(None, format="tacit-study/1", name=choices.name, purpose=choices.purpose, split="horizontal"),
        _lines("coordinator", name=coordinator.name, key=coordinator.fingerprint, address=choices.address),
        *(_lines("[parties]", name=party.name, key=party.fingerprint) for party in parties),
        _lines("model", kind=choices.model, **({"hidden": list(choices.hidden)} if choices.hidden else {})),
        _lines(
            "training",
            method="federated",
            rounds=choices.rounds,
            learning_rate=choices.learning_rate,
            momentum=choices.momentum,
            clip=1.0,
        ),
        _lines(
            "privacy",
            unit=choices.unit,
            **({"epsilon": choices.epsilon, "delta": choices.delta, "statistics_share": 0.1} if private else {}),
        ),
        _lines(
            "trust",
            corrupt=choices.corrupt,
            dropping=choices.dropping,
            **({"poisoning": choices.poisoning} if choices.poisoning else {}),
        ),
        _lines("release", holders=list(choices.holders) or names),
    ]
    if choices.test_seed is not None:
        parts.append(
            "# TEST SEED: whoever knows it can take the noise off. There is NO privacy. Never for real data.\n"
            + _lines("insecure", test_seed=choices.test_seed)
        )
    return "\n".join(parts)


def _lines(table: str | None, **values: Any) -> str:
    heading = f"[{table}]\n" if table else ""
    return heading + msgspec.toml.encode(values).decode()
