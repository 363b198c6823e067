"""`tacit id`: make and show identities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tacit.cli.console import JsonOption, load_identity, print_json, say
from tacit.keys import Identity, PublicIdentity

app = typer.Typer(help="Identities: the keys that someone signs and decrypts with.", no_args_is_help=True)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Your name in studies: a-z, 0-9 and '-'.")],
    out: Annotated[
        Path, typer.Option(file_okay=False, exists=True, help="Where to write NAME.key and NAME.pub.")
    ] = Path(),
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Encrypt the private file; TACIT_PASSPHRASE does so too, unasked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make an identity: NAME.key, to keep (mode 0600), and NAME.pub, to give to the others."""
    secret = os.environ.get("TACIT_PASSPHRASE")
    if secret is None and passphrase:
        secret = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    identity = Identity.new(name)
    identity.save(out / f"{name}.key", secret)
    identity.public.save(out / f"{name}.pub")
    if as_json:
        print_json({"name": name, "fingerprint": identity.public.fingerprint, "encrypted": secret is not None})
        return
    say((f"{out / name}.key", "bold"), "  private: keep it here" + ("" if secret else ", it is not encrypted"))
    say((f"{out / name}.pub", "bold"), "  public: give it to the other members")
    say(f"fingerprint  {identity.public.fingerprint}")


@app.command("show")
def show(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .pub or .key file.")],
    out: Annotated[
        Path | None, typer.Option(file_okay=False, exists=True, help="Write NAME.pub here too: a key brings its own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show whose identity a file is, and its fingerprint: read it to the others over the phone."""
    public = load_identity(file).public if file.suffix == ".key" else PublicIdentity.load(file)
    if out is not None:
        public.save(out / f"{public.name}.pub")
    if as_json:
        print_json({"name": public.name, "fingerprint": public.fingerprint})
        return
    say("name         ", (public.name, "bold"))
    say(f"fingerprint  {public.fingerprint}")
    say("signs with   Ed25519 and ML-DSA-65, both must hold")
    say("opens with   HPKE, X25519 and ML-KEM-768 together")
