"""`tacit study`: write, sign, check and show a study's agreement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.console import IdentityOption, JsonOption, add_row, console, load_identity, new_table, print_json, say
from tacit.keys import PublicIdentity

app = typer.Typer(help="The agreement that all parties sign before anything runs.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The study's folder.")]


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to write the study to.")],
    party: Annotated[list[Path], typer.Option(exists=True, dir_okay=False, help="A party's .pub file; give each.")],
    coordinator: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The coordinator's .pub file.")],
    address: Annotated[str, typer.Option(help="HOST:PORT where the coordinator will listen.")],
    schema: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="The columns: a TOML file, or a CSV or Parquet file to draft them from."
        ),
    ],
    label: Annotated[str | None, typer.Option(help="The column to predict, when drafting from a table.")] = None,
    name: Annotated[str | None, typer.Option(help="The study's name; by default the folder's.")] = None,
    purpose: Annotated[str, typer.Option(help="What the model is for, in a sentence.")] = "to be written",
    model: Annotated[str, typer.Option(help="linear, logistic, or mlp.")] = "logistic",
    hidden: Annotated[list[int] | None, typer.Option(help="Width of a hidden layer of an mlp; give each.")] = None,
    rounds: Annotated[int, typer.Option(help="Training rounds.")] = 30,
    unit: Annotated[str, typer.Option(help="Whose privacy is protected: record, party, or none.")] = "record",
    epsilon: Annotated[float, typer.Option(help="Privacy budget; smaller is more private.")] = 4.0,
    delta: Annotated[float, typer.Option(help="Chance that the budget does not hold.")] = 1e-5,
    corrupt: Annotated[int, typer.Option(help="Parties that may collude with the coordinator.")] = 0,
    dropping: Annotated[int, typer.Option(help="Parties that may fail during the run.")] = 1,
    poisoning: Annotated[int, typer.Option(help="Parties that may send poisoned contributions.")] = 0,
    holder: Annotated[list[str] | None, typer.Option(help="Who may hold the model; by default every party.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a study's agreement, for everyone to read, edit and sign."""
    from tacit.run import new_study
    from tacit.study.drafting import Choices

    choices = Choices(
        name=name or folder.resolve().name,
        purpose=purpose,
        address=address,
        model=model,
        hidden=tuple(hidden or ()),
        rounds=rounds,
        unit=unit,
        epsilon=epsilon,
        delta=delta,
        corrupt=corrupt,
        dropping=dropping,
        poisoning=poisoning,
        holders=tuple(holder or ()),
    )
    parties = [PublicIdentity.load(path) for path in party]
    study = new_study(folder, choices, parties, PublicIdentity.load(coordinator), schema, label)
    if as_json:
        print_json({"folder": str(folder), "agreement": study.digest.hex(), "parties": list(study.agreement.names)})
        return
    say((str(folder / "study.toml"), "bold"), "  the agreement: read it, edit it, then everyone signs the same bytes")
    say(f"Next: send the folder to every party; each runs  tacit study sign {folder} --identity NAME.key")


@app.command("sign")
def sign(folder: Folder, identity: IdentityOption, as_json: JsonOption = False) -> None:
    """Sign the agreement as it stands, byte by byte."""
    from tacit.federated.plan import check_method
    from tacit.study import Study

    study = Study.load(folder)
    check_method(study.agreement)
    signature = study.sign(load_identity(identity))
    path = folder / "signatures" / f"{signature.signer}.sig"
    if as_json:
        print_json({"signer": signature.signer, "file": str(path), "agreement": study.digest.hex()})
        return
    say((str(path), "bold"), "  your signature: send it to the other members")


@app.command("check")
def check(folder: Folder, as_json: JsonOption = False) -> None:
    """Check that the agreement can be met and that every party has signed it; exit code 1 if not."""
    from tacit.run import check_study
    from tacit.study import Study

    study = Study.load(folder)
    plan = check_study(study)
    faults = study.signature_faults()
    if as_json:
        print_json({"holds": not faults, "agreement": study.digest.hex(), "faults": faults, "steps": len(plan.steps)})
    else:
        table = new_table("party", "signature")
        for name in study.agreement.names:
            fault = faults.get(name)
            add_row(table, name, (fault, "red") if fault else ("holds", "green"))
        console.print(table)
    if faults:
        raise typer.Exit(1)


@app.command("show")
def show(folder: Folder, as_json: JsonOption = False) -> None:
    """Show what the agreement says, in words."""
    from tacit.study import Study, drafting

    study = Study.load(folder)
    lines = drafting.describe(study)
    if as_json:
        print_json({"agreement": study.digest.hex(), **dict(lines)})
        return
    table = new_table("", "")
    table.show_header = False
    for key, value in lines:
        add_row(table, (key, "bold"), value)
    console.print(table)
