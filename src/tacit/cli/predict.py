"""`tacit predict`: classify rows with a bundle's model, as one of its holders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tacit.cli.console import (
    IdentityOption,
    JsonOption,
    PinOption,
    StudyOption,
    add_row,
    console,
    errors,
    load_identity,
    load_pins,
    new_table,
    print_json,
    say,
)

if TYPE_CHECKING:
    from tacit.bundle.prediction import Predictions

SHOWN_CLASSES = 4


def predict(
    bundle: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The bundle, model.tacit.")],
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The rows, CSV or Parquet.")],
    identity: IdentityOption,
    out: Annotated[Path | None, typer.Option("--out", "-o", dir_okay=False, help="Write a CSV, mode 0600.")] = None,
    study: StudyOption = None,
    pin: PinOption = None,
    personal: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Your personal model that goes with the bundle.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict for every row, with the model opened by your key. Rows and predictions stay on this machine.

    Anybody can seal a model of their own to you: --study or --pin says whose model this has to be.
    """
    from tacit.bundle import Bundle
    from tacit.bundle import prediction as predictions
    from tacit.study import Study

    expected = Study.load(study) if study else None
    result = predictions.predict(
        Bundle.load(bundle), load_identity(identity), table, expected, load_pins(pin), personal
    )
    if out is not None:
        result.save(out)
    if as_json:
        print_json(result.as_dict())
        return
    for warning in result.warnings:
        errors.print(Text.assemble(("warning", "yellow"), f"  {warning}"), soft_wrap=True)
    if out is not None:
        say((str(out), "bold"), f"  {len(result)} predictions")
        return
    _show(result)


def _show(result: Predictions) -> None:
    """Show the rows; of many classes the predicted one's probability alone, as a screen has no room for more."""
    classes = len(result.schema.classes) if result.schema.task != "regression" else 0
    if classes <= SHOWN_CLASSES:
        shown = new_table("row", *result.columns)
        for row in result.rows():
            add_row(shown, *(str(cell) for cell in row))
        console.print(shown)
        return
    shown = new_table("row", result.columns[0], "its probability")
    for number, value, *probabilities in result.rows():
        add_row(shown, str(number), value, str(max(probabilities)))
    console.print(shown)
    say((f"The probabilities of all {classes} classes are in what --out and --json write.", "dim"))
