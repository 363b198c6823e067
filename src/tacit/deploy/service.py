"""A member's part in a deployment on Flower: its own process, and Flower's programs beside it.

A party's process takes part in runs (`tacit.run.service`); its SuperNode brings it frames through a Unix socket. The
coordinator's process does as much, with a SuperLink that the SuperNodes connect to. A program that stops is started
again, and the run goes on: frames that were lost with it are sent again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tacit.data import Table
from tacit.deploy.ends import CoordinatorEnd, PartyEnd
from tacit.deploy.post import Post
from tacit.deploy.processes import Program, Supervised, flwr
from tacit.deploy.server_app import SOCKET_VARIABLE
from tacit.deploy.statements import own_certificate, own_node_key, stated
from tacit.errors import AgreementError, TacitError
from tacit.files import write_atomically
from tacit.keys import Identity
from tacit.run import Emit, Event
from tacit.run.preparing import check_study
from tacit.run.report import RunReport
from tacit.run.service import DEFAULT_PATIENCE, Patience, serve_runs_as_coordinator, serve_runs_as_party
from tacit.study import Study

SUPERLINK = "tacit"
ANSWER_SECONDS = 20.0
LINGER_SECONDS = 15.0
START_SECONDS = 60.0
LOOPBACK = "127.0.0.1"
WILDCARDS = {"0.0.0.0", "::", ""}  # noqa: S104  # what listens everywhere is reached here on loopback


def serve_party(
    study: Study,
    identity: Identity,
    table: Table,
    out: Path,
    emit: Emit,
    *,
    superlink: str | None = None,
    port: int = 9094,
    patience: Patience = DEFAULT_PATIENCE,
) -> RunReport:
    """Take part in runs over Flower until one is sealed and written to `out`.

    `superlink` is HOST:PORT of the coordinator's SuperLink, by default the agreement's address; `port` is free on this
    machine, for the SuperNode's own use on loopback.

    Raises:
        TacitError: what trying again does not mend; the coordinator's statement is missing; a program stopped.
    """
    _check(study, identity, "party")
    node_key = own_node_key(study, identity)
    authority = stated(study, study.coordinator)
    with ExitStack() as held:
        folder = held.enter_context(_private_folder())
        write_atomically(folder / "authority.pem", authority)
        end, post = PartyEnd(study, identity), folder / "party.sock"
        held.enter_context(Post(post, lambda question: end.answer(question, ANSWER_SECONDS)))
        held.enter_context(
            Supervised(
                "flower-supernode",
                [
                    *("--superlink", superlink or study.agreement.coordinator.address),
                    *("--root-certificates", str(folder / "authority.pem")),
                    *("--auth-supernode-private-key", str(node_key.resolve())),
                    *("--node-config", f'tacit-socket="{post}"'),
                    *("--host", LOOPBACK, "--port", str(port)),
                ],
                folder,
                emit=emit,
            )
        )
        held.callback(end.close)
        report = serve_runs_as_party(study, identity, table, end.connect, out, emit, patience=patience)
        end.linger(LINGER_SECONDS)
        return report


def serve_coordinator(
    study: Study,
    identity: Identity,
    out: Path,
    emit: Emit,
    *,
    listen: str | None = None,
    store: str | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> RunReport:
    """Coordinate runs over Flower until one is sealed and written to `out`; a SuperLink listens at `listen`, HOST:PORT.

    Raises:
        TacitError: what trying again does not mend; too few parties' statements are there; a program stopped.
    """
    _check(study, identity, "coordinator")
    address = study.agreement.coordinator
    host, _, port = (listen or address.address).rpartition(":")
    if not (port.isascii() and port.isdigit()):
        raise AgreementError(f"{listen!r} is not HOST:PORT")
    authority, certificate, key = own_certificate(study, identity, _names(address.host, host.strip("[]")))
    end = CoordinatorEnd(study, identity)
    reach = LOOPBACK if host.strip("[]") in WILDCARDS else host.strip("[]")
    with ExitStack() as held:
        folder = held.enter_context(_private_folder())
        registrations = _registrations(study, folder, emit)
        _configure(folder, f"{reach}:{port}", authority)
        held.enter_context(Post(folder / "coordinator.sock", end.answer))

        def begin(link: Program) -> None:
            link.wait_for_port(reach, int(port), START_SECONDS)
            _submit(folder, [])

        link = held.enter_context(
            Supervised(
                "flower-superlink",
                [
                    *("--ssl-ca-certfile", str(authority.resolve()), "--ssl-certfile", str(certificate.resolve())),
                    *("--ssl-keyfile", str(key.resolve()), "--enable-supernode-auth"),
                    *("--disable-runtime-dependency-installation", "--database", str(folder / "superlink.sqlite")),
                    *("--host", host.strip("[]"), "--port", port),
                ],
                folder,
                {SOCKET_VARIABLE: str(folder / "coordinator.sock")},
                emit=emit,
                begin=begin,
            )
        )
        link.program.wait_for_port(reach, int(port), START_SECONDS)
        _submit(folder, registrations)
        report = serve_runs_as_coordinator(study, identity, end.accept, out, emit, store=store, patience=patience)
        end.finish(LINGER_SECONDS)
        return report


def _check(study: Study, identity: Identity, role: str) -> None:
    study.require_signed()
    check_study(study)
    found = study.role_of(identity.public)
    if found != role:
        raise AgreementError(f"{identity.name!r} is {found} of the study {study.agreement.name!r}, not {role}")


@contextmanager
def _private_folder() -> Iterator[Path]:
    # Under the system's folder, not the study's: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="tacit-") as name:
        yield Path(name)


def _names(*hosts: str) -> tuple[str, ...]:
    """Return the names that the SuperLink's certificate is for: where it is reached from outside, and from here."""
    return tuple(sorted({*hosts, "localhost", LOOPBACK} - WILDCARDS))


def _configure(folder: Path, address: str, authority: Path) -> None:
    lines = (
        "[superlink]",
        f'default = "{SUPERLINK}"',
        f"[superlink.{SUPERLINK}]",
        f'address = "{address}"',
        f'root-certificates = "{authority.resolve()}"',
    )
    write_atomically(folder / "config.toml", "\n".join(lines).encode())


def _registrations(study: Study, folder: Path, emit: Emit) -> list[list[str]]:
    """Return the commands that let in the SuperNodes whose parties have stated their keys; of the others it is told."""
    commands, missing = [], []
    for party in study.parties:
        try:
            public = stated(study, party)
        except AgreementError as error:
            missing.append(party.name)
            emit(Event("refused", {"party": party.name, "reason": str(error)}))
            continue
        path = folder / f"{party.name}.pub"
        write_atomically(path, public)
        commands.append(["supernode", "register", str(path), SUPERLINK])
    if len(missing) > study.agreement.trust.dropping:
        raise AgreementError(
            f"no statements of {', '.join(missing)}: `tacit party serve` makes them; copy them to {study.folder}"
        )
    return commands


def _submit(folder: Path, before: list[list[str]]) -> None:
    """Start the ServerApp, after the commands `before`: the app that is sent along is empty, as the relay is pinned."""
    app = folder / "app"
    (app / "relay").mkdir(parents=True, exist_ok=True)
    (app / "relay" / "__init__.py").write_text(_RELAY)
    (app / "pyproject.toml").write_text(_APP)
    printed = flwr([*before, ["run", str(app), SUPERLINK]], folder)
    if printed is not None:
        raise TacitError(f"Flower did not start the relay: {_last_words(printed)}")


def _last_words(text: str) -> str:
    """Return the end of what a program printed, without what draws boxes around it."""
    words = " ".join(word for word in text.split() if any(c.isalnum() for c in word))
    return "".join(c for c in words[-500:] if c.isprintable()) or "it said nothing"


_RELAY = """from tacit.deploy import client_app, server_app

client = client_app.app
server = server_app.app
"""
_APP = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "relay"
version = "1.0.0"
description = "Carries sealed frames"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "tacit"

[tool.flwr.app.components]
serverapp = "relay:server"
clientapp = "relay:client"

[tool.flwr.app.config]
"""
