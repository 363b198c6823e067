"""The live display of a run: who is there, which round, the loss, the privacy spent, the time left or taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tacit.cli.console import console
from tacit.run import Emit, Event
from tacit.study import Study


@contextmanager
def show_progress(study: Study) -> Iterator[Emit]:
    """Show a bar while the block runs; the value is what to give events to."""
    unit = "epoch" if study.agreement.training.method == "mpc" else "round"
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        TextColumn(f"{unit} {{task.completed:.0f}} of {{task.total:.0f}}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task("waiting for the others", total=study.agreement.training.rounds, note="")

        def watch(event: Event) -> None:
            body = event.body
            if event.kind in ("connected", "refused", "dropped"):
                words = [word for word in (body.get("party"), body.get("reason")) if word]
                progress.console.print(f"{event.kind:<10} {': '.join(words)}", markup=False, soft_wrap=True)
            elif event.kind == "waiting":
                progress.update(task, description="waiting for the others")
                progress.console.print(f"waiting    {body.get('reason', '')}", markup=False, soft_wrap=True)
            elif event.kind == "personal":
                own = body["own"]
                progress.console.print(f"personal   {own.get('reason') or own['path']}", markup=False, soft_wrap=True)
            elif event.kind == "joined":
                progress.update(task, description="training", completed=body.get("continues_after", 0))
                if "continues_after" in body:
                    lost = f", {body['lost']} lost when it broke off" if body["lost"] else ""
                    progress.console.print(f"continues  after {unit} {body['continues_after']}{lost}", soft_wrap=True)
                elif "statistics_lost" in body:
                    lost = f"the statistics were lost in {body['statistics_lost']} earlier tries"
                    progress.console.print(f"anew       {lost}; the first rounds are given up for them", soft_wrap=True)
            elif event.kind == "epoch":
                progress.update(task, completed=body["step"])
            elif event.kind == "round":
                progress.update(task, completed=body["step"], note=round_note(event, study))
            elif event.kind == "sealed":
                progress.update(task, description="sealed")

        yield watch


def round_note(event: Event, study: Study) -> str:
    """Return loss and privacy of a round in words; the coordinator knows neither loss nor model."""
    body = event.body
    parts = []
    if body.get("loss") is not None:
        parts.append(f"loss {body['loss']:.3f}")
    if body.get("validation") is not None:
        parts.append(f"held back {body['validation']:.3f}")
    if "epsilon" in body and study.agreement.privacy.unit != "none":
        parts.append(f"epsilon {body['epsilon']:.2f} of {study.agreement.privacy.epsilon:g}")
    parts.append(f"{body['survivors']} parties")
    return "  ".join(parts)
