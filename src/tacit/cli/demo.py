"""`tacit demo`: the whole walk, on this machine, with real patients' data that is public."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tacit.cli.console import JsonOption, console, errors, new_table, print_json

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
    kept = _set_aside(out)
    if as_json:
        from tacit.demo import run_demo

        report = run_demo(out, seed, _ignore_step, _ignore_line)
        print_json(_as_dict(report))
        return
    console.print("[bold]tacit demo[/]: four hospitals, one model, no row of any table leaves its hospital")
    if kept is not None:
        console.print(f"(the earlier {out} is kept as {kept})")
    _show(_walk(out, seed))


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
            progress.console.print(
                f"[bold cyan]{step.number}[/] [bold]{step.title:<15}[/]{step.outcome}", soft_wrap=True
            )

        def watch(party: str, line: dict[str, Any]) -> None:
            if line.get("event") == "round" and "loss" in line:
                note = (
                    f"round {line['step']} of {line['steps']}  loss {line['loss']:.3f}  epsilon {line['epsilon']:.2f}"
                )
                progress.update(task, description="training", total=line["steps"], completed=line["step"], note=note)
            elif line.get("event") == "dropped":
                progress.console.print(f"  dropped: {line.get('party')}, {line.get('reason')}", markup=False)

        return run_demo(out, seed, tell, watch)


def _show(report: DemoReport) -> None:
    if report.verification is not None:
        for row in report.verification.rows:
            if row.result != "holds":
                console.print(f"  {row.result}: {row.check}: {row.detail}", markup=False)
    console.print()
    table = new_table(
        "model", "rows", "accuracy", title=f"Accuracy on {report.holdout_rows} patients that no hospital has"
    )
    rows = sum(report.rows.values())
    private = (
        "NO privacy (test seed)" if report.void else f"epsilon {report.epsilon:.2g}, delta {report.delta:g} per patient"
    )
    table.add_row(f"[bold]trained together, {private}[/]", str(rows), f"[bold]{report.accuracy:.1%}[/]")
    table.add_row("one hospital alone, on average", "", f"{report.alone_mean:.1%}")
    for name, value in report.alone.items():
        table.add_row(f"  {name} alone", str(report.rows[name]), f"{value:.1%}")
    table.add_row("all data pooled in the clear", str(rows), f"{report.pooled:.1%}")
    console.print(table)
    console.print(f"\n{report.seconds:.0f} s. Everything is in [bold]{report.folder}[/]: copy it and edit it. Try:")
    console.print(f"  tacit verify {report.folder / 'model.tacit'} --study {report.folder / 'study'}", soft_wrap=True)
    console.print(
        f"  tacit predict {report.folder / 'model.tacit'} {report.folder / 'patients.csv'} "
        f"--identity {report.folder / 'hospitals' / 'north' / 'north.key'}",
        soft_wrap=True,
    )


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
        "verified": bool(report.verification and report.verification.holds),
        "seconds": round(report.seconds, 1),
    }


def _set_aside(out: Path) -> Path | None:
    """Move what is at `out` out of the way, so that nothing of an earlier demo is lost; return where it is now."""
    if not out.exists():
        return None
    number = 1
    while (kept := out.with_name(f"{out.name}.{number}")).exists():
        number += 1
    return out.rename(kept)


def _ignore_step(step: Step) -> None:
    pass


def _ignore_line(party: str, line: dict[str, Any]) -> None:
    pass
