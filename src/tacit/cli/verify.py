"""`tacit verify`: check a bundle, offline, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.console import JsonOption, add_row, console, new_table, print_json, say
from tacit.keys import PublicIdentity

MARKS = {
    "holds": ("holds", "green"),
    "fails": ("FAILS", "bold red"),
    "warning": ("warning", "yellow"),
    "not checked": ("not checked", "red"),
}


def verify(
    bundle: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The bundle, model.tacit.")],
    study: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Your copy of the study: pins agreement and keys.")
    ] = None,
    pin: Annotated[list[str] | None, typer.Option(help="A .pub file or fingerprint that you trust; give each.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything that a bundle carries. Exit code 0: all of it holds; 1: something does not."""
    from tacit.bundle import verify as verify_bundle
    from tacit.study import Study

    pins = [PublicIdentity.load(Path(item)) if Path(item).is_file() else item for item in pin or ()]
    report = verify_bundle(bundle, study=Study.load(study) if study else None, pins=pins)
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
        say(("It holds.", "bold green") if report.holds else ("It does not hold.", "bold red"))
    if not report.holds:
        raise typer.Exit(1)
