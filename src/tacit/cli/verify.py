"""`tacit verify`: check a bundle, line by line, or the certificate of a proof; offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.console import (
    JsonOption,
    PinOption,
    StudyOption,
    add_row,
    console,
    load_pins,
    new_table,
    print_json,
    say,
)

MARKS = {
    "holds": ("holds", "green"),
    "fails": ("FAILS", "bold red"),
    "warning": ("warning", "yellow"),
    "not checked": ("not checked", "red"),
}


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A bundle, model.tacit, or a NAME.proof.")],
    study: StudyOption = None,
    pin: PinOption = None,
    commitment: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A NAME.commitment that the proof has to be about; give each."),
    ] = None,
    context: Annotated[str | None, typer.Option(help="What you gave the prover to bind the proof to.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything that a bundle carries, or a proof. Exit code 0: all of it holds; 1: something does not."""
    from tacit.bundle.container import MAGIC

    with file.open("rb") as stream:
        is_bundle = stream.read(len(MAGIC)) == MAGIC
    if is_bundle or file.suffix != ".proof":
        _verify_bundle(file, study, pin, as_json)
    else:
        _verify_proof(file, commitment or [], context, as_json)


def _verify_proof(file: Path, commitments: list[Path], context: str | None, as_json: bool) -> None:
    from tacit.evidence import load_commitment
    from tacit.proofs.certificate import Certificate

    certificate = Certificate.load(file)
    expected = [load_commitment(path).to_bytes() for path in commitments]
    report = certificate.verify(expected, None if context is None else context.encode())
    sentence = certificate.statement.sentence()
    needed = 1 + (certificate.data is not None)
    pinned = len(set(expected)) == needed
    if as_json:
        terms = [{"term": term.name, "bits": term.bits} for term in report.terms]
        print_json({"holds": True, "sentence": sentence, "bits": report.bits, "terms": terms, "pinned": pinned})
        return
    say(("holds", "green"), f"  {sentence}")
    if certificate.context and context is None:
        say(("warning", "yellow"), "  the proof is bound to a context, which was not compared: give --context")
    if not pinned:
        say(
            ("warning", "yellow"),
            "  whose commitments these are, the proof cannot say: give --commitment with each that you were given",
        )
    table = new_table("a false statement passes", "with chance at most")
    for term in report.terms:
        add_row(table, term.name, f"2^-{term.bits:.1f}")
    add_row(table, ("all together", "bold"), (f"2^-{report.bits:.1f}", "bold"))
    console.print(table)


def _verify_bundle(bundle: Path, study: Path | None, pin: list[str] | None, as_json: bool) -> None:
    from tacit.bundle import verify as verify_bundle
    from tacit.study import Study

    report = verify_bundle(bundle, study=Study.load(study) if study else None, pins=load_pins(pin))
    if as_json:
        rows = [{"check": row.check, "result": row.result, "detail": row.detail} for row in report.rows]
        print_json({"holds": report.holds, "rows": rows, "notes": list(report.notes)})
    else:
        table = new_table("", "check", "")
        table.show_header = False
        for row in report.rows:
            add_row(table, MARKS[row.result], row.check, row.detail)
        console.print(table)
        for note in report.notes:
            say((note, "dim"))
        colour = "red" if not report.holds else "yellow" if report.warnings else "green"
        say((report.verdict, f"bold {colour}"))
    if not report.holds:
        raise typer.Exit(1)
