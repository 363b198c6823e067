"""`tacit verify`: check a bundle, offline, line by line."""

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
    bundle: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The bundle, model.tacit.")],
    study: StudyOption = None,
    pin: PinOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything that a bundle carries. Exit code 0: all of it holds; 1: something does not."""
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
