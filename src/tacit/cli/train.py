"""`tacit train`: take part in a run of a study, as a party or as its coordinator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tacit.cli.console import IdentityOption, JsonOption, errors, load_identity, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from tacit.run import Emit, Event, RunReport
    from tacit.study import Study


def train(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", exists=True, file_okay=False, help="The study's folder.")],
    identity: IdentityOption,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", exists=True, dir_okay=False, help="Your table, CSV or Parquet (parties)."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="Where to write the bundle.")] = Path(
        "model.tacit"
    ),
    listen: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT to listen on, where it differs from the agreed address (coordinator; with mpc, parties)."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="TACIT_STORE",
            help="SQLAlchemy URL of the database for the record of runs (coordinator); by default SQLite in the study.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train with the others. Parties give --data; the coordinator, who carries messages, gives none.

    Your role follows from your identity. Your table is read here and stays here.
    """
    from tacit.run import take_part
    from tacit.study import Study

    study = Study.load(folder)
    warn_of_test_seed(study)
    own = load_identity(identity)
    watch_and_show(study, out, as_json, lambda emit: take_part(study, own, data, out, listen, emit, store=store))


def warn_of_test_seed(study: Study) -> None:
    """Say loudly that a run under this agreement hides nothing, if so."""
    if study.agreement.insecure is not None:
        errors.print(
            "[bold white on red] TEST SEED [/] the agreement names a test seed: the noise can be predicted, "
            "[bold]there is NO privacy[/]. Never do this with real data."
        )


def watch_and_show(study: Study, out: Path, as_json: bool, take_part: Callable[[Emit], RunReport]) -> None:
    """Take part, show what happens, and what came out; or tell it all as JSON."""
    from tacit.cli.progress import show_progress

    if as_json:

        def tell(event: Event) -> None:
            print_json({"event": event.kind, **event.body})

        print_json({"event": "done", **_summary(take_part(tell), out)})
        return
    with show_progress(study) as watch:
        report = take_part(watch)
    _show(report, out)


def _summary(report: RunReport, out: Path) -> dict[str, Any]:
    ledger = report.bundle.manifest.privacy
    return {
        "bundle": str(out),
        "signers": list(report.bundle.manifest.signers),
        "epsilon": ledger.epsilon_spent,
        "void": ledger.void,
        "fixed_point": report.fixed_point,
    }


def _show(report: RunReport, out: Path) -> None:
    ledger = report.bundle.manifest.privacy
    if report.fixed_point is not None:
        own = report.fixed_point
        say(
            f"fixed point    changes {own['changed']} of {own['rows']} predictions on your own rows, by at most "
            f"{own['largest_difference']:.1e} (known to you alone)"
        )
    spent = (
        f"epsilon {ledger.epsilon_spent:.3g} of {ledger.epsilon_budget:g} at delta {ledger.delta:g}, per {ledger.unit}"
    )
    say("privacy        ", (f"none: {ledger.void}", "bold red") if ledger.void else spent)
    say(f"signed by      {', '.join(report.bundle.manifest.signers)}")
    say((str(out), "bold"), f"  the sealed model; check it with  tacit verify {out}")
