"""`tacit prove`: make a certificate of a statement about what is committed, or say what that would take."""

from __future__ import annotations

import time
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tacit.cli.console import IdentityOption, JsonOption, add_row, console, load_identity, new_table, print_json, say
from tacit.errors import ProofError

if TYPE_CHECKING:
    from tacit.proofs.commitment.long_lived import LongLived
    from tacit.proofs.statements.statement import Statement


class Kind(StrEnum):
    """Which rates are compared between the groups."""

    PARITY = "parity"
    ODDS = "odds"


app = typer.Typer(no_args_is_help=True, help="Prove a statement about a committed model.")

ModelOption = Annotated[Path, typer.Option("--model", exists=True, dir_okay=False, help="The model's NAME.secret.")]
DataOption = Annotated[Path, typer.Option("--data", exists=True, dir_okay=False, help="The rows' NAME.secret.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="The certificate, NAME.proof.")]
ContextOption = Annotated[
    str, typer.Option(help="What the verifier gave you to bind the proof to, such as a fresh number.")
]
PlanOption = Annotated[bool, typer.Option("--plan", help="Only say what it would take; nothing is proved or counted.")]


@app.command("model")
def model(
    model: ModelOption,
    out: OutOption,
    identity: IdentityOption,
    context: ContextOption = "",
    plan: PlanOption = False,
    as_json: JsonOption = False,
) -> None:
    """What was committed to is a fixed-point model: once for each commitment, for whoever relies on other proofs."""
    from tacit.evidence import load_model
    from tacit.proofs.statements.well_formed import WellFormed

    secret = load_model(model, load_identity(identity))
    _finish(WellFormed(secret.commitment), (secret,), out, context, plan, as_json)


@app.command("inference")
def inference(
    rows: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The rows, which the proof shows.")],
    model: ModelOption,
    bundle: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The bundle whose columns these are.")],
    out: OutOption,
    identity: IdentityOption,
    context: ContextOption = "",
    plan: PlanOption = False,
    as_json: JsonOption = False,
) -> None:
    """The committed model gives these outputs on these rows."""
    from tacit.bundle import Bundle
    from tacit.evidence import inference as stated
    from tacit.evidence import load_model

    secret = load_model(model, load_identity(identity))
    statement = stated(secret, rows, Bundle.load(bundle).agreement.data)
    _finish(statement, (secret,), out, context, plan, as_json)


@app.command("accuracy")
def accuracy(
    model: ModelOption,
    data: DataOption,
    out: OutOption,
    identity: IdentityOption,
    least: Annotated[
        int | None, typer.Option(min=1, help="On at least so many rows; by default the number on which it is right.")
    ] = None,
    tolerance: Annotated[str | None, typer.Option(help="For numbers: how far off is still right.")] = None,
    context: ContextOption = "",
    plan: PlanOption = False,
    as_json: JsonOption = False,
) -> None:
    """The committed model is right on at least so many of the committed rows."""
    from tacit.evidence import accuracy as stated
    from tacit.evidence import load_model, load_set

    me = load_identity(identity)
    secrets = load_model(model, me), load_set(data, me)
    statement = stated(*secrets, least, None if tolerance is None else _ratio(tolerance))
    _finish(statement, secrets, out, context, plan, as_json)


@app.command("fairness")
def fairness(
    model: ModelOption,
    data: DataOption,
    kind: Annotated[
        Kind, typer.Option(help="parity: equally often predicted positive; odds: equal true and false positive rates.")
    ],
    bound: Annotated[str, typer.Option(help="The greatest gap between the groups, such as 0.05 or 1/20.")],
    out: OutOption,
    identity: IdentityOption,
    context: ContextOption = "",
    plan: PlanOption = False,
    as_json: JsonOption = False,
) -> None:
    """The committed model treats the two groups of the committed rows alike, to a stated bound."""
    from tacit.evidence import fairness as stated
    from tacit.evidence import load_model, load_set

    me = load_identity(identity)
    secrets = load_model(model, me), load_set(data, me)
    _finish(stated(*secrets, _ratio(bound), odds=kind is Kind.ODDS), secrets, out, context, plan, as_json)


@app.command("optimality")
def optimality(
    model: ModelOption,
    data: DataOption,
    out: OutOption,
    identity: IdentityOption,
    loss: Annotated[str, typer.Option(help="ridge, logistic or squared hinge.")] = "logistic",
    mu: Annotated[str, typer.Option(help="The penalty mu/2 |w|^2.")] = "0.01",
    context: ContextOption = "",
    plan: PlanOption = False,
    as_json: JsonOption = False,
) -> None:
    """The committed linear model is, within a stated distance, the best one on the committed rows."""
    from tacit.evidence import load_model, load_set
    from tacit.evidence import optimality as stated

    me = load_identity(identity)
    secrets = load_model(model, me), load_set(data, me)
    penalty = Fraction(round(_ratio(mu) * 2**20), 2**20)
    _finish(stated(*secrets, loss, penalty), secrets, out, context, plan, as_json)


def _finish(
    statement: Statement, secrets: tuple[LongLived, ...], out: Path, context: str, plan: bool, as_json: bool
) -> None:
    from tacit.evidence.statements import certify

    if plan:
        _show_plan(statement, as_json)
        return
    if out.exists():
        raise ProofError(f"{out} is there already: choose another name")
    begun = time.perf_counter()
    with console.status("proving"):
        certificate = certify(statement, *secrets, context=context.encode())
    certificate.save(out)
    seconds, size = time.perf_counter() - begun, out.stat().st_size
    left = [secret.left for secret in secrets]
    if as_json:
        shown = {"proof": out, "sentence": statement.sentence(), "seconds": seconds, "bytes": size, "proofs_left": left}
        print_json(shown)
        return
    say(statement.sentence())
    say((str(out), "bold"), f"  {size / 1e3:,.0f} kB in {seconds:.2f} s; {min(left)} proofs left for these commitments")


def _show_plan(statement: Statement, as_json: bool) -> None:
    from tacit.proofs.statements.estimate import estimate

    found, report = estimate(statement), statement.soundness()
    if as_json:
        print_json({"sentence": statement.sentence(), **found.as_dict(), "soundness_bits": report.bits})
        return
    say(statement.sentence())
    table = new_table("it would take", "about")
    for name, value in found.rows():
        add_row(table, name, value)
    add_row(table, "soundness", f"{report.bits:.1f} bits")
    console.print(table)


def _ratio(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ProofError(f"{text!r} is no number: write 0.05 or 1/20") from None
