"""What all verbs use to show things: a console for people, JSON for programs, and one way to fail."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tacit.errors import IdentityError, TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.keys.identity import needs_passphrase

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

_state = {"json": False}

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
IdentityOption = Annotated[
    Path,
    typer.Option(
        "--identity",
        "-i",
        exists=True,
        dir_okay=False,
        envvar="TACIT_IDENTITY",
        help="Your private identity file, NAME.key (made by `tacit id new`).",
    ),
]
StudyOption = Annotated[
    Path | None,
    typer.Option("--study", exists=True, file_okay=False, help="Your copy of the study: pins agreement and keys."),
]
PinOption = Annotated[
    list[str] | None, typer.Option("--pin", help="A .pub file or fingerprint that you trust; give each.")
]


def use_json(wanted: bool) -> None:
    """Choose how errors are printed."""
    _state["json"] = wanted


def print_json(value: Any) -> None:
    """Print one JSON value as one line, flushed: programs read line by line."""
    sys.stdout.write(json.dumps(value, default=_plain) + "\n")
    sys.stdout.flush()


def say(*parts: str | tuple[str, str]) -> None:
    """Print one line of texts and (text, style) pairs, as they are: a name or a path may hold anything."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def fail(error: TacitError) -> NoReturn:
    """Show the error and exit with code 1."""
    if _state["json"]:
        print_json({"error": {"kind": type(error).__name__, "message": str(error)}})
    else:
        errors.print(Text.assemble((type(error).__name__, "bold red"), ": ", str(error)), soft_wrap=True)
    sys.exit(1)


def load_identity(path: Path) -> Identity:
    """Read a private identity, with TACIT_PASSPHRASE or by asking where it is encrypted; raises TacitError."""
    if path.suffix == ".pub":
        raise IdentityError(f"{path} is a public identity, with which nothing can be signed or opened: give NAME.key")
    if not needs_passphrase(path):
        return Identity.load(path)
    passphrase = os.environ.get("TACIT_PASSPHRASE")
    if passphrase is None and sys.stdin.isatty():
        passphrase = typer.prompt(f"Passphrase of {path}", hide_input=True)
    return Identity.load(path, passphrase)


def load_pins(given: list[str] | None) -> list[PublicIdentity | str]:
    """Return the pins of a command line: public identities where files are named, fingerprints elsewhere."""
    return [PublicIdentity.load(Path(item)) if Path(item).is_file() else item for item in given or ()]


def new_table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the house's style."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def add_row(table: Table, *cells: str | tuple[str, str]) -> None:
    """Add texts, or (text, style) pairs, as a row; as they are."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else Text(*cell) for cell in cells))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"no JSON for {type(value).__name__}")
