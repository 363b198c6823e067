"""`tacit commit`: fix a model, or a table of rows, once; proofs about it can be made afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tacit.cli.console import (
    IdentityOption,
    JsonOption,
    PinOption,
    StudyOption,
    load_identity,
    load_pins,
    print_json,
    say,
)

if TYPE_CHECKING:
    from tacit.proofs.commitment.long_lived import LongLived

app = typer.Typer(no_args_is_help=True, help="Commit to a model or to rows, for proofs about them.")

NameOption = Annotated[
    Path, typer.Option("--name", "-n", help="Writes NAME.secret, to keep, and NAME.commitment, to give away.")
]
UsesOption = Annotated[int, typer.Option(min=1, max=4096, help="For how many proofs; then commit anew.")]
BundleArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The bundle, model.tacit.")]


@app.command("model")
def model(
    bundle: BundleArgument,
    name: NameOption,
    identity: IdentityOption,
    uses: UsesOption = 64,
    study: StudyOption = None,
    pin: PinOption = None,
    as_json: JsonOption = False,
) -> None:
    """Commit to the model of a bundle, as one of its holders."""
    from tacit.bundle import Bundle
    from tacit.evidence import commit_model
    from tacit.study import Study

    me = load_identity(identity)
    expected = Study.load(study) if study else None
    _save(commit_model(Bundle.load(bundle), me, expected, load_pins(pin), uses=uses), name, identity, as_json)


@app.command("data")
def data(
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rows with labels, CSV or Parquet.")],
    bundle: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The bundle whose columns these are.")],
    model: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The model's NAME.commitment.")],
    name: NameOption,
    identity: IdentityOption,
    group: Annotated[
        str | None,
        typer.Option(help="The sensitive attribute, COLUMN=VALUE: those rows are one group, the rest the other."),
    ] = None,
    uses: UsesOption = 64,
    as_json: JsonOption = False,
) -> None:
    """Commit to a table of rows, in the scale of a committed model."""
    from tacit.bundle import Bundle
    from tacit.errors import FormatError
    from tacit.evidence import commit_table, load_commitment
    from tacit.proofs.model.commitment import ModelCommitment

    committed = load_commitment(model)
    if not isinstance(committed, ModelCommitment):
        raise FormatError(f"{model} is the commitment of a set of rows, not of a model")
    schema = Bundle.load(bundle).agreement.data
    _save(commit_table(table, schema, committed, group, uses=uses), name, identity, as_json)


@app.command("fit")
def fit(
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rows with labels, CSV or Parquet.")],
    bundle: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The bundle whose columns these are.")],
    name: NameOption,
    identity: IdentityOption,
    loss: Annotated[str, typer.Option(help="ridge, logistic or squared hinge.")] = "logistic",
    mu: Annotated[float, typer.Option(min=1e-6, help="The penalty mu/2 |w|^2.")] = 0.01,
    uses: UsesOption = 64,
    as_json: JsonOption = False,
) -> None:
    """Fit the best convex model on your own rows, and commit to both: NAME-model and NAME-rows."""
    from tacit.bundle import Bundle
    from tacit.evidence import commit_fit

    both = commit_fit(table, Bundle.load(bundle).agreement.data, loss, mu, uses=uses)
    for secret, kind in zip(both, ("model", "rows"), strict=True):
        _save(secret, name.with_name(f"{name.name}-{kind}"), identity, as_json)


def _save(secret: LongLived, name: Path, identity: Path, as_json: bool) -> None:
    from tacit.evidence import save

    kept, shown = save(secret, name, load_identity(identity))
    root = (secret.commitment.source.root or b"").hex()
    if as_json:
        print_json({"secret": kept, "commitment": shown, "root": root, "proofs": secret.left})
        return
    say((str(kept), "bold"), "  yours, sealed to your key: keep one copy, it counts the proofs")
    say((str(shown), "bold"), f"  for everybody: root {root[:16]}..., good for {secret.left} proofs")
