"""`tacit demo`: the whole walk, on this machine, with real patients' data that is public."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tacit.cli.console import JsonOption, add_row, console, errors, new_table, print_json, say

if TYPE_CHECKING:
    from tacit.demo import DemoReport, Step


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, help="Where to write the study.")] = Path(
        "tacit-demo"
    ),
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="TEST USE ONLY: a repeatable result, with NO privacy at all."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Four hospitals train one model on 569 real patients' data that none of them shows."""
    if seed is not None:
        errors.print(
            f"[bold white on red] TEST SEED {seed} [/] the noise can be predicted: [bold]there is NO privacy[/]. "
            "For tests only, never with real data."
        )
    from tacit.demo import run_demo, set_aside

    kept = set_aside(out)
    if as_json:
        report = run_demo(out, seed, _ignore_step, _ignore_line)
        print_json(_as_dict(report))
    else:
        say(("tacit demo", "bold"), ": four hospitals, one model, no row of any table leaves its hospital")
        if kept is not None:
            say(f"(the earlier {out} is kept as {kept})")
        report = _walk(out, seed)
        _show(report)
    if not report.verified:
        raise typer.Exit(1)


def _walk(out: Path, seed: int | None) -> DemoReport:
    from tacit.demo import run_demo

    columns = (
        TextColumn("  [bold]{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None, note="")

        def tell(step: Step) -> None:
            say((str(step.number), "bold cyan"), (f" {step.title:<15}", "bold"), step.outcome)

        def watch(party: str, line: dict[str, Any]) -> None:
            if line.get("event") == "round" and "loss" in line:
                note = (
                    f"round {line['step']} of {line['steps']}  loss {line['loss']:.3f}  epsilon {line['epsilon']:.2f}"
                )
                progress.update(task, description="training", total=line["steps"], completed=line["step"], note=note)
            elif line.get("event") == "dropped":
                say(f"  dropped: {line.get('party')}, {line.get('reason')}")

        return run_demo(out, seed, tell, watch)


def _show(report: DemoReport) -> None:
    if report.verification is not None:
        for row in report.verification.rows:
            if row.result != "holds":
                say(f"  {row.result}: {row.check}: {row.detail}")
    say()
    table = new_table(
        "model", "rows", "accuracy", title=f"Accuracy on {report.holdout_rows} patients that no hospital has"
    )
    rows = sum(report.rows.values())
    private = (
        "NO privacy (test seed)" if report.void else f"epsilon {report.epsilon:.2g}, delta {report.delta:g} per patient"
    )
    add_row(table, (f"trained together, {private}", "bold"), str(rows), (f"{report.accuracy:.1%}", "bold"))
    add_row(table, "one hospital alone, on average", "", f"{report.alone_mean:.1%}")
    for name, value in report.alone.items():
        add_row(table, f"  {name} alone", str(report.rows[name]), f"{value:.1%}")
    add_row(table, "all data pooled in the clear", str(rows), f"{report.pooled:.1%}")
    console.print(table)
    say(f"\n{report.seconds:.0f} s. Everything is in ", (str(report.folder), "bold"), ": copy it and edit it. Try:")
    model, folder = quote(str(report.folder / "model.tacit")), report.folder
    study = quote(str(folder / "study"))
    say(f"  tacit verify {model} --study {study}")
    key = quote(str(folder / "hospitals" / "north" / "north.key"))
    say(f"  tacit predict {model} {quote(str(folder / 'patients.csv'))} --identity {key} --study {study}")


def _as_dict(report: DemoReport) -> dict[str, Any]:
    return {
        "folder": str(report.folder),
        "accuracy": report.accuracy,
        "alone": report.alone,
        "alone_mean": report.alone_mean,
        "pooled": report.pooled,
        "rows": report.rows,
        "holdout_rows": report.holdout_rows,
        "fixed_point": report.fixed_point,
        "epsilon": report.epsilon,
        "delta": report.delta,
        "void": report.void,
        "model_digest": report.model_digest,
        "verified": report.verified,
        "seconds": round(report.seconds, 1),
    }


def _ignore_step(step: Step) -> None:
    pass


def _ignore_line(party: str, line: dict[str, Any]) -> None:
    pass
