"""The entry point: verbs, and how errors end.

Exit codes: 0 it holds or is done; 1 it does not hold or could not be done; 2 the command was used wrongly.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tacit.cli import commit, demo, identity, predict, prove, serve, study, train, verify
from tacit.cli.console import fail, use_json
from tacit.errors import TacitError

# What `pip install tacit` alone does not bring, and what asks for it.
EXTRAS = {
    "torch": "federated",
    "opacus": "federated",
    "dp_accounting": "federated",
    "opendp": "federated",
    "sklearn": "federated",
    "sqlalchemy": "federated",
    "onnx": "import",
    "flwr": "flower",
}

app = typer.Typer(
    name="tacit",
    help="Machine learning on data that nobody has to show.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
app.add_typer(identity.app, name="id")
app.add_typer(study.app, name="study")
app.command("train")(train.train)
app.add_typer(serve.party, name="party")
app.add_typer(serve.coordinator, name="coordinator")
app.command("verify")(verify.verify)
app.add_typer(commit.app, name="commit")
app.add_typer(prove.app, name="prove")
app.command("predict")(predict.predict)
app.command("demo")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        typer.echo(f"tacit {importlib.metadata.version('tacit')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Machine learning on data that nobody has to show."""


def main() -> None:
    """Run the command line; never shows a traceback for a user's mistake."""
    use_json("--json" in sys.argv)
    try:
        _run()
    except BrokenPipeError:  # whoever read our output has gone, as in `tacit ... | head`
        sys.exit(1)


def _run() -> None:
    try:
        app(prog_name="tacit")
    except TacitError as error:
        fail(error)
    except ModuleNotFoundError as error:
        fail(_missing_extra(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        fail(TacitError(f"the system refused{where}: {error.strerror or error}"))


def _missing_extra(error: ModuleNotFoundError) -> TacitError:
    """Return what to install; an error of our own packaging is shown as it is."""
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        raise error
    return TacitError(f"this needs {error.name}, which is not installed: pip install 'tacit[{extra}]'")
