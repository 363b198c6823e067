"""`tacit study`: write, sign, check and show a study's agreement."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.console import IdentityOption, JsonOption, add_row, console, load_identity, new_table, print_json, say
from tacit.errors import AgreementError, FormatError
from tacit.keys import PublicIdentity
from tacit.keys.public import check_name

app = typer.Typer(help="The agreement that all parties sign before anything runs.", no_args_is_help=True)


class Kind(StrEnum):
    """The kinds of model that need no more settings than there are options for."""

    LINEAR = "linear"
    LOGISTIC = "logistic"
    MLP = "mlp"


class Unit(StrEnum):
    """Whose privacy can be protected."""

    RECORD = "record"
    PARTY = "party"
    NONE = "none"


class Method(StrEnum):
    """How to train."""

    FEDERATED = "federated"
    MPC = "mpc"


class Security(StrEnum):
    """What a corrupt party may do in a multi-party computation."""

    PASSIVE = "passive"
    ACTIVE = "active"


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
    model: Annotated[
        Kind, typer.Option(help="What to train; a cnn, or code of yours for torch, is written into study.toml.")
    ] = Kind.LOGISTIC,
    hidden: Annotated[list[int] | None, typer.Option(help="Width of a hidden layer of an mlp; give each.")] = None,
    rounds: Annotated[int, typer.Option(help="Training rounds.")] = 30,
    unit: Annotated[
        Unit | None, typer.Option(help="Whose privacy is protected; by default record, and none with mpc.")
    ] = None,
    epsilon: Annotated[float, typer.Option(help="Privacy budget; smaller is more private.")] = 4.0,
    delta: Annotated[float, typer.Option(help="Chance that the budget does not hold.")] = 1e-5,
    corrupt: Annotated[
        int | None, typer.Option(help="Parties that may collude with the coordinator; by default 0, and 1 with mpc.")
    ] = None,
    dropping: Annotated[
        int | None, typer.Option(help="Parties that may fail during the run; by default 1, and 0 with mpc.")
    ] = None,
    poisoning: Annotated[int, typer.Option(help="Parties that may send poisoned contributions.")] = 0,
    holder: Annotated[list[str] | None, typer.Option(help="Who may hold the model; by default every party.")] = None,
    method: Annotated[
        Method, typer.Option(help="How to train: federated, or mpc, on shares between three parties.")
    ] = Method.FEDERATED,
    security: Annotated[
        Security | None,
        typer.Option(help="What a corrupt party may do (mpc): passive only looks, active does anything."),
    ] = None,
    party_address: Annotated[
        list[str] | None, typer.Option(help="HOST:PORT where a party will listen (mpc); give each, as the parties.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            help="PARTY=COLUMN,COLUMN where parties have different columns of the same rows (mpc); give each."
        ),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="The party that has the label, with --columns (mpc).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a study's agreement, for everyone to read, edit and sign."""
    from tacit.run import new_study
    from tacit.study.drafting import Choices

    on_shares = method is Method.MPC
    usual_unit = Unit.NONE if on_shares else Unit.RECORD
    choices = Choices(
        name=name or _name_of(folder),
        purpose=purpose,
        address=address,
        model=model.value,
        hidden=tuple(hidden or ()),
        rounds=rounds,
        unit=(unit or usual_unit).value,
        epsilon=epsilon,
        delta=delta,
        corrupt=int(on_shares) if corrupt is None else corrupt,
        dropping=int(not on_shares) if dropping is None else dropping,
        poisoning=poisoning,
        holders=tuple(holder or ()),
        method=method.value,
        security=security.value if security else "",
        party_addresses=tuple(party_address or ()),
        columns=dict(map(_columns, columns or ())),
        labels=labels or "",
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
    from tacit.run.preparing import check_method
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


def _columns(given: str) -> tuple[str, tuple[str, ...]]:
    """Return the party and its columns of PARTY=COLUMN,COLUMN."""
    party, equals, names = given.partition("=")
    if not equals:
        raise AgreementError(f"--columns {given!r} is not PARTY=COLUMN,COLUMN")
    return party, tuple(name for name in names.split(",") if name)


def _name_of(folder: Path) -> str:
    """Return the study's name where none is given: the folder's, if it can be one."""
    name = folder.resolve().name
    try:
        check_name(name)
    except FormatError as error:
        raise AgreementError(f"the study is named like its folder, and {error}; or give it another (--name)") from None
    return name
