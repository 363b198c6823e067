"""Writing an agreement for people to read and edit, and saying in words what one means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tacit.data import Column, Schema, infer, to_toml
from tacit.errors import AgreementError, FormatError
from tacit.files import read_bounded
from tacit.keys import PublicIdentity
from tacit.study.agreement import Agreement, Training, Trust
from tacit.study.computation import PROMISES, columns_of
from tacit.study.model import Model
from tacit.study.study import Study
from tacit.study.text import MAX_BYTES, check_text, explain

SHOWN_COLUMNS = 100
# Settings of training that a reader is told of where they are not what they are without being named.
SHOWN_UNLESS_USUAL = (
    "batch_rows", "server_learning_rate", "proximal", "beta1", "beta2", "tau", "control_clip", "average_last",
)  # fmt: skip
USUAL_MOMENTUM = 0.5
USUAL_RATE = {"federated": 1.0, "mpc": 0.1}
USUAL_BATCH = 128  # rows of a step, where the method is mpc
HEADER = """\
# The agreement of the study {name}.
# Every party signs these very bytes (`tacit study sign`): change anything, a space even, and all must sign again.
"""


@dataclass(frozen=True)
class Choices:
    """What a draft is made of; everything else takes its default, and all of it can be edited afterwards.

    Without a `momentum` it is 0.5 where there is use for one: for unit `party` no step is taken that would have it.
    Without a `learning_rate` it is 1 for the method `federated`, whose steps take all rows, and 0.1 for `mpc`. With
    `mpc` there are a `security`, an address for each party, and where parties have different columns, `columns` of each
    and the party that has the `labels`.
    """

    name: str
    purpose: str
    address: str
    model: str = "logistic"
    hidden: tuple[int, ...] = ()
    rounds: int = 30
    learning_rate: float | None = None
    momentum: float | None = None
    unit: str = "record"
    epsilon: float = 4.0
    delta: float = 1e-5
    corrupt: int = 0
    dropping: int = 1
    poisoning: int = 0
    holders: tuple[str, ...] = ()
    test_seed: int | None = None
    method: str = "federated"
    batch_rows: int | None = None
    security: str = ""
    party_addresses: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: str = ""


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
        ("model", f"{_model(agreement.model)}, {_length(agreement)}, {agreement.training.method}"),
        *_computation(agreement),
        ("training", _training(agreement)),
        ("privacy", promised),
        ("trust", _trust(trust) if agreement.computation is None else "one of the three may be corrupt, none may fail"),
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


def _model(model: Model) -> str:
    parts: list[str] = [model.kind]
    if model.image is not None:
        parts.append(f"images of {' x '.join(map(str, model.image))} (channels, height, width)")
    for layer in model.convolutions:
        padding = f", padding {layer.padding}" if layer.padding else ""
        pool = f", {layer.pooling} pooling over {layer.pool} x {layer.pool}" if layer.pool > 1 else ""
        parts.append(f"convolution {layer.kernel} x {layer.kernel} to {layer.channels} channels{padding}{pool}")
    if model.hidden:
        parts.append(f"hidden layers of {', '.join(map(str, model.hidden))}")
    if model.kind == "torch":
        parts.append(
            f"{model.parameters:,} parameters, CODE that runs at every party: {model.factory}, "
            f"from the file with {model.source}"
        )
    if model.fraction_bits != Model(model.kind).fraction_bits:
        parts.append(f"sealed with {model.fraction_bits} fraction bits")
    return "; ".join(parts)


def _length(agreement: Agreement) -> str:
    rounds = agreement.training.rounds
    return f"{rounds} rounds" if agreement.training.method == "federated" else f"{rounds} passes over all rows"


def _computation(agreement: Agreement) -> list[tuple[str, str]]:
    """Return what is said of a multi-party computation: its security in a line, places, and whose columns are which."""
    computation = agreement.computation
    if computation is None:
        return []
    places = zip(agreement.names, computation.addresses, strict=True)
    lines = [
        ("security", f"{computation.security}: {PROMISES[computation.security]}"),
        ("meeting at", ", ".join(f"{name} at {address}" for name, address in places)),
    ]
    if agreement.split == "vertical":
        owned = [f"{name}: {_owned(agreement, name)}" for name in agreement.names]
        lines.append(("whose columns", "; ".join(owned)))
    return lines


def _owned(agreement: Agreement, name: str) -> str:
    columns = columns_of(agreement, name)
    shown = ", ".join(columns[:SHOWN_COLUMNS])
    parts = [f"{shown} and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else shown]
    if agreement.computation is not None and agreement.computation.labels == name:
        parts.append(f"{agreement.data.label} (the label)")
    return ", ".join(part for part in parts if part)


def _training(agreement: Agreement) -> str:
    training = agreement.training
    parts = [f"learning rate {training.learning_rate:g}"]
    if training.momentum:
        parts.append(f"momentum {training.momentum:g}")
    clipped = f", contributions clipped to {training.clip:g}" if training.method == "federated" else ""
    parts.append(f"l2 {training.l2:g}{clipped}, {training.timeout_seconds:g} s to answer")
    if training.strategy != "auto":
        parts.append(f"strategy {training.strategy}")
    if training.strategy != "auto" or training.local_steps != 1:
        parts.append(f"{training.local_steps} local steps")
    usual = Training(training.rounds, training.learning_rate)
    parts += [
        f"{name.replace('_', ' ')} {getattr(training, name):g}"
        for name in SHOWN_UNLESS_USUAL
        if getattr(training, name) != getattr(usual, name)
    ]
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
        reason = explain(error, _SchemaFile)
        raise FormatError(f"{schema} is no schema, a [data] table with [[data.columns]]: {reason}") from None


class _SchemaFile(msgspec.Struct, forbid_unknown_fields=True):
    data: Schema


def _settings(choices: Choices, parties: Sequence[PublicIdentity], coordinator: PublicIdentity) -> str:
    names = [party.name for party in parties]
    private = choices.unit != "none"
    momentum = choices.momentum
    if momentum is None and choices.unit != "party":
        momentum = USUAL_MOMENTUM
    rate = USUAL_RATE.get(choices.method, 1.0) if choices.learning_rate is None else choices.learning_rate
    split = "vertical" if choices.columns else "horizontal"
    parts = [
        _lines(None, format="tacit-study/1", name=choices.name, purpose=choices.purpose, split=split),
        _lines("coordinator", name=coordinator.name, key=coordinator.fingerprint, address=choices.address),
        *(_lines("[parties]", name=party.name, key=party.fingerprint) for party in parties),
        _lines("model", kind=choices.model, **({"hidden": list(choices.hidden)} if choices.hidden else {})),
        _lines(
            "training",
            method=choices.method,
            rounds=choices.rounds,
            learning_rate=rate,
            **({} if momentum is None else {"momentum": momentum}),
            **_steps(choices),
        ),
        *_shared(choices),
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


def _steps(choices: Choices) -> dict[str, Any]:
    """Return what a step of the method takes, beside its length."""
    batch = USUAL_BATCH if choices.batch_rows is None and choices.method == "mpc" else choices.batch_rows
    rows = {} if batch is None else {"batch_rows": batch}
    return rows if choices.method == "mpc" else {**rows, "clip": 1.0}


def _shared(choices: Choices) -> list[str]:
    """Return the tables of a multi-party computation."""
    given = {"security": choices.security, "addresses": list(choices.party_addresses), "labels": choices.labels}
    if choices.method != "mpc":
        if choices.columns or any(given.values()):
            raise AgreementError(
                "security, addresses of parties, columns and labels are for the method 'mpc' (--method)"
            )
        return []
    tables = [_lines("computation", **{name: value for name, value in given.items() if value})]
    if choices.columns:
        tables.append(_lines("computation.columns", **{name: list(own) for name, own in choices.columns.items()}))
    return tables


def _lines(table: str | None, **values: Any) -> str:
    heading = f"[{table}]\n" if table else ""
    return heading + msgspec.toml.encode(values).decode()
