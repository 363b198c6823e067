"""`tacit party serve` and `tacit coordinator serve`: a member's part in a deployment on Flower, until it is done."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tacit.cli.console import IdentityOption, JsonOption, load_identity
from tacit.cli.train import warn_of_test_seed, watch_and_show
from tacit.errors import AgreementError

if TYPE_CHECKING:
    from tacit.study import Study

party = typer.Typer(help="A party's part in a deployment on Flower.", no_args_is_help=True)
coordinator = typer.Typer(help="The coordinator's part in a deployment on Flower.", no_args_is_help=True)

StudyArgument = Annotated[
    Path, typer.Argument(metavar="STUDY", exists=True, file_okay=False, help="The study's folder.")
]
OutOption = Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="Where to write the bundle.")]


@party.command("serve")
def serve_party(
    folder: StudyArgument,
    identity: IdentityOption,
    data: Annotated[
        Path, typer.Option("--data", "-d", exists=True, dir_okay=False, help="Your table, CSV or Parquet.")
    ],
    out: OutOption = Path("model.tacit"),
    superlink: Annotated[
        str | None, typer.Option(help="HOST:PORT of the SuperLink, where it differs from the agreed address.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="A free port on this machine, for the SuperNode on loopback.")
    ] = 9094,
    as_json: JsonOption = False,
) -> None:
    """Take part with your table, over Flower, and go on after whatever stops, until the bundle is there.

    The first time it writes STUDY/flower/NAME.json, which the coordinator needs, and wants the coordinator's.
    """
    from tacit.data import load
    from tacit.deploy.service import serve_party as serve
    from tacit.study import Study

    study, own = Study.load(folder), load_identity(identity)
    _refuse_computation(study)
    warn_of_test_seed(study)
    table = load(data, study.agreement.data)
    with _ending_in_order():
        watch_and_show(
            study, out, as_json, lambda emit: serve(study, own, table, out, emit, superlink=superlink, port=port)
        )


@coordinator.command("serve")
def serve_coordinator(
    folder: StudyArgument,
    identity: IdentityOption,
    out: OutOption = Path("model.tacit"),
    listen: Annotated[
        str | None, typer.Option(help="HOST:PORT for the SuperLink, where it differs from the agreed address.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(envvar="TACIT_STORE", help="SQLAlchemy URL for the record of runs; by default a SQLite file."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Carry messages between the parties, over Flower, and go on after whatever stops, until the bundle is there.

    The first time it writes STUDY/flower/NAME.json, which the parties need, and wants theirs.
    """
    from tacit.deploy.service import serve_coordinator as serve
    from tacit.study import Study

    study, own = Study.load(folder), load_identity(identity)
    _refuse_computation(study)
    warn_of_test_seed(study)
    with _ending_in_order():
        watch_and_show(study, out, as_json, lambda emit: serve(study, own, out, emit, listen=listen, store=store))


def _refuse_computation(study: Study) -> None:
    """Refuse what Flower does not carry: in a multi-party computation the parties talk to one another."""
    if study.agreement.training.method == "mpc":
        raise AgreementError("training.method is 'mpc', which does not run over Flower: use `tacit train`")


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Have SIGTERM, as a service manager sends it, stop Flower's programs and remove what they left."""

    def end(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    earlier = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)
