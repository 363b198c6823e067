"""A member's part in a deployment on Flower: its own process, and Flower's programs beside it.

A party's process takes part in runs (`tacit.run.service`); its SuperNode brings it frames through a Unix socket. The
coordinator's process does as much, with a SuperLink that the SuperNodes connect to. A program that stops is started
again, and the run goes on: frames that were lost with it are sent again.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tacit.canonical import quote
from tacit.data import Table
from tacit.deploy import gate
from tacit.deploy.ends import CoordinatorEnd, PartyEnd
from tacit.deploy.post import Post
from tacit.deploy.processes import POLL_VARIABLE, Program, Supervised, check_free
from tacit.deploy.relay import SUPERLINK, Relay, configure
from tacit.deploy.server_app import SOCKET_VARIABLE
from tacit.deploy.statements import own_certificate, own_node_key, stated_authority, stated_node_key
from tacit.errors import AgreementError, FormatError, TacitError
from tacit.files import write_atomically
from tacit.keys import Identity
from tacit.run import Emit, Event
from tacit.run.preparing import check_study
from tacit.run.report import RunReport
from tacit.run.service import DEFAULT_PATIENCE, Patience, serve_runs_as_coordinator, serve_runs_as_party
from tacit.study import Study

ANSWER_SECONDS = 20.0
LINGER_SECONDS = 15.0
START_SECONDS = 60.0
FOLDER_BYTES = 103 - len("/pymp-12345678/listener-12345678")  # of a path on macOS, less what the fork server adds
LOOPBACK = "127.0.0.1"
WILDCARDS = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  # what listens everywhere is reached here on loopback
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", re.ASCII)


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
        TacitError: what trying again does not mend; the coordinator's statement is missing; a program stopped; the
            port is taken.
    """
    _check(study, identity, "party")
    place = superlink or study.agreement.coordinator.address
    split_address(place)
    node_key = own_node_key(study, identity)
    authority = stated_authority(study)
    check_free(LOOPBACK, port, "choose another with --port")
    with ExitStack() as held:
        folder = held.enter_context(_private_folder())
        write_atomically(folder / "authority.pem", authority)
        end, post = PartyEnd(study, identity), folder / "party.sock"
        held.enter_context(Post(post, lambda question: end.answer(question, ANSWER_SECONDS)))
        held.enter_context(
            Supervised(
                "flower-supernode",
                [
                    *("--superlink", place),
                    *("--root-certificates", str(folder / "authority.pem")),
                    *("--auth-supernode-private-key", str(node_key.resolve())),
                    *("--node-config", f'tacit-socket="{post}"'),
                    *("--host", LOOPBACK, "--port", str(port)),
                ],
                folder,
                {gate.VARIABLE: gate.new_pass()},
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
        TacitError: what trying again does not mend; too few parties' statements are there; a program stopped; the
            address is taken or not this machine's; no such store is possible.
    """
    _check(study, identity, "coordinator")
    address = study.agreement.coordinator
    host, port = split_address(listen or address.address)
    study.use_store(identity.name, store)
    reach = WILDCARDS.get(host, host)
    authority, certificate, key = own_certificate(study, identity, _names(address.host, host, reach))
    check_free(host, port, "choose another with --listen")
    end = CoordinatorEnd(study, identity)
    with ExitStack() as held:
        folder = held.enter_context(_private_folder())
        registrations = _registrations(study, folder, emit)
        configure(folder, f"[{reach}]:{port}" if ":" in reach else f"{reach}:{port}", authority.resolve())
        post = folder / "coordinator.sock"
        held.enter_context(Post(post, end.answer))
        # The SuperLink starts nothing but the relay, and being asked for more takes more of a processor than the run.
        extra = {gate.VARIABLE: gate.new_pass(), SOCKET_VARIABLE: str(post), POLL_VARIABLE: "1.0"}
        relay = Relay(folder, extra, lambda: end.asked, emit)

        def begin(link: Program) -> None:
            link.wait_for_port(reach, port, START_SECONDS)
            relay.start()

        link = held.enter_context(
            Supervised(
                "flower-superlink",
                [
                    *("--ssl-ca-certfile", str(authority.resolve()), "--ssl-certfile", str(certificate.resolve())),
                    *("--ssl-keyfile", str(key.resolve()), "--enable-supernode-auth"),
                    *("--disable-runtime-dependency-installation", "--database", str(folder / "superlink.sqlite")),
                    *("--host", host, "--port", str(port)),
                ],
                folder,
                extra,
                emit=emit,
                begin=begin,
            )
        )
        link.program.wait_for_port(reach, port, START_SECONDS)
        relay.start(registrations)
        held.enter_context(relay)
        report = serve_runs_as_coordinator(study, identity, end.accept, out, emit, store=store, patience=patience)
        end.finish(LINGER_SECONDS)
        return report


def split_address(text: str) -> tuple[str, int]:
    """Return host, without brackets, and port of HOST:PORT; raises TacitError."""
    match = _ADDRESS.fullmatch(text)
    port = int(match[2]) if match else 0
    if match is None or not 0 < port < 2**16:
        raise TacitError(f"'{quote(text)}' is not HOST:PORT, such as carrier.example:9092 or [::1]:9092")
    return match[1].strip("[]"), port


def _check(study: Study, identity: Identity, role: str) -> None:
    study.require_signed()
    check_study(study)
    found = study.role_of(identity.public)
    if found != role:
        raise AgreementError(f"{identity.name!r} is {found} of the study {study.agreement.name!r}, not {role}")


@contextmanager
def _private_folder() -> Iterator[Path]:
    # Under the system's folder, not the study's: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="tacit-", ignore_cleanup_errors=True) as name:
        if len(os.fsencode(name)) > FOLDER_BYTES:
            raise TacitError(f"sockets take no path as long as that of {name}: set TMPDIR to a shorter one, as /tmp")
        yield Path(name)


def _names(*hosts: str) -> tuple[str, ...]:
    """Return the names that the SuperLink's certificate is for: where it is reached from outside, and from here."""
    return tuple(sorted({*hosts} - {*WILDCARDS}))


def _registrations(study: Study, folder: Path, emit: Emit) -> list[list[str]]:
    """Return the commands that let in the SuperNodes whose parties have stated their keys; of the others it is told."""
    commands, missing, known = [], [], set[bytes]()
    for party in study.parties:
        try:
            public = stated_node_key(study, party)
        except (AgreementError, FormatError) as error:
            missing.append(party.name)
            emit(Event("refused", {"party": party.name, "reason": str(error)}))
            continue
        if public in known:
            continue  # whoever states another's key has no use of it, and must not keep the other out
        known.add(public)
        path = folder / f"{party.name}.pub"
        write_atomically(path, public)
        commands.append(["supernode", "register", str(path), SUPERLINK])
    if len(missing) > study.agreement.trust.dropping:
        raise AgreementError(
            f"no statements of {', '.join(missing)} that are of use: `tacit party serve` makes them; copy them to "
            f"{study.folder}"
        )
    return commands
