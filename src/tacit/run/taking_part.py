"""One call from a study folder to a sealed bundle on disk, over this library's own channels.

`take_part` is one attempt, what `tacit train` does; `keep_taking_part` tries again until it is done.
"""

from __future__ import annotations

from pathlib import Path

from tacit.data import Table, load
from tacit.errors import AgreementError, ProtocolError
from tacit.keys import Identity
from tacit.run.events import Event
from tacit.run.preparing import check_party, check_study
from tacit.run.report import RunReport, check_place
from tacit.run.service import DEFAULT_PATIENCE, Patience, serve_runs_as_coordinator, serve_runs_as_party
from tacit.run.serving import serve_coordinator, serve_party
from tacit.run.talk import Emit
from tacit.study import Study
from tacit.study.computation import columns_of, has_label
from tacit.wire import Channel, Listener, connect


def take_part(
    study: Study,
    identity: Identity,
    data: Path | None,
    out: Path,
    listen: str | None,
    emit: Emit,
    *,
    store: str | None = None,
) -> RunReport:
    """Take part in one run of `study` in the role that `identity` has in it, and write the bundle to `out`.

    A party gives its table as `data`; the coordinator gives None, and may keep its record of runs in the database at
    the SQLAlchemy URL `store` (None: a SQLite file in its folder). Who listens, which is the coordinator and with the
    method `mpc` every party, may do so at another address, `listen`, than agreed on.

    Raises:
        TacitError: whatever stands in the way; nothing is left half written.
    """
    check_place(out)
    table_path = _checked(study, identity, data, store)
    if table_path is not None:
        table, place = load_own(study, identity.name, table_path), _own_place(study, listen)
        check_party(study)
        with _connect(study, identity, emit) as channel:
            result = serve_party(study, identity, table, channel, emit, listen=place)
        return RunReport(result.bundle, result.fixed_point).write(out)
    study.use_store(identity.name, store)
    study.run_logs(identity.name)  # a store that cannot be used is found out before the parties come
    with _listener(study, identity, listen) as listener:
        return RunReport(serve_coordinator(study, listener.accept, emit), None).write(out)


def keep_taking_part(
    study: Study,
    identity: Identity,
    data: Path | None,
    out: Path,
    listen: str | None,
    emit: Emit,
    *,
    store: str | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> RunReport:
    """Take part like `take_part`, again after every run that broke off, until one is sealed and written to `out`.

    See `tacit.run.service` for what is tried again; started once more after the end, it finds `out` and returns.

    Raises:
        TacitError: what trying again does not mend, or the last of the tries that `patience` allows.
    """
    table_path = _checked(study, identity, data, store)
    if table_path is not None:
        table = load_own(study, identity.name, table_path)
        place = _own_place(study, listen)
        return serve_runs_as_party(
            study, identity, table, lambda: _connect(study, identity, emit), out, emit, patience=patience, listen=place
        )
    with _listener(study, identity, listen) as listener:
        return serve_runs_as_coordinator(study, identity, listener.accept, out, emit, store=store, patience=patience)


def load_own(study: Study, party: str, path: Path) -> Table:
    """Load the party's table, checked against the agreement: with its own columns alone where they are divided."""
    agreement = study.agreement
    if agreement.split == "horizontal":
        return load(path, agreement.data)
    return load(path, agreement.data, labelled=has_label(agreement, party), columns=columns_of(agreement, party))


def _checked(study: Study, identity: Identity, data: Path | None, store: str | None) -> Path | None:
    """Return a party's `data`, None for the coordinator, once the agreement holds and the arguments suit the role."""
    study.require_signed()
    check_study(study)
    role, name = study.role_of(identity.public), identity.name
    if role == "recipient":
        raise AgreementError(f"{name!r} receives the model but takes no part in training")
    if role == "party" and data is None:
        raise AgreementError(f"{name!r} is a party: give its table with --data")
    if role == "party" and store is not None:
        raise AgreementError(
            f"{name!r} is a party, which keeps its record in its folder: leave --store (TACIT_STORE) out"
        )
    if role == "coordinator" and data is not None:
        raise AgreementError(f"{name!r} is the coordinator, which never sees a table: leave --data out")
    return data


def _connect(study: Study, identity: Identity, emit: Emit) -> Channel:
    place, patience = study.agreement.coordinator, study.agreement.training.timeout_seconds

    def waiting(reason: str) -> None:
        said = f"no coordinator at {place.address} yet ({reason}): it has to be started; trying for {patience:g} s"
        emit(Event("waiting", {"reason": said, "seconds": patience}))

    try:
        return connect(
            place.host, place.port, identity, study.coordinator, timeout=patience, retry_for=patience, waiting=waiting
        )
    except ProtocolError as error:
        if error.step != "connect":
            raise
        reason = f"{error.reason}; start the coordinator first, `tacit train` with its identity, then the parties"
        raise ProtocolError(reason, culprit=error.culprit, step=error.step) from None


def _own_place(study: Study, listen: str | None) -> tuple[str, int] | None:
    """Return where a party listens for its neighbour, if it said where; of a federated run there is no such place."""
    return None if listen is None or study.agreement.training.method != "mpc" else _place(listen)


def _listener(study: Study, identity: Identity, listen: str | None) -> Listener:
    host, port = _place(listen or study.agreement.coordinator.address)
    return Listener(host, port, identity, study.parties)


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit()):
        raise AgreementError(f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
