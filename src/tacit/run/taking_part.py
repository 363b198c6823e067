"""One call from a study folder to a sealed bundle on disk: what `tacit train` does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tacit.bundle import Bundle
from tacit.data import load
from tacit.errors import AgreementError, TacitError
from tacit.keys import Identity
from tacit.run.preparing import check_study
from tacit.run.serving import serve_coordinator, serve_party
from tacit.run.talk import Emit
from tacit.study import Study
from tacit.wire import Listener, connect


@dataclass(frozen=True)
class RunReport:
    """The bundle, and for a party what fixed point changed on its own rows (None for the coordinator)."""

    bundle: Bundle
    fixed_point: dict[str, Any] | None


def take_part(
    study: Study, identity: Identity, data: Path | None, out: Path, listen: str | None, emit: Emit
) -> RunReport:
    """Take part in one run of `study` in the role that `identity` has in it, and write the bundle to `out`.

    A party gives its table as `data`; the coordinator gives None and may listen at another address than agreed on.

    Raises:
        TacitError: whatever stands in the way; nothing is left half written.
    """
    check_place(out)
    study.require_signed()
    check_study(study)
    role = study.role_of(identity.public)
    if role == "party":
        if data is None:
            raise AgreementError(f"{identity.name!r} is a party: give its table with --data")
        report = _as_party(study, identity, data, emit)
    elif role == "coordinator":
        if data is not None:
            raise AgreementError(f"{identity.name!r} is the coordinator, which never sees a table: leave --data out")
        report = _as_coordinator(study, identity, listen, emit)
    else:
        raise AgreementError(f"{identity.name!r} receives the model but takes no part in training")
    try:
        report.bundle.save(out)
    except TacitError as error:
        raise TacitError(f"{error}. The run is done: the other members have the same bundle, copy theirs") from None
    return report


def check_place(out: Path) -> None:
    """Check, before anything is spent on it, that a bundle can be written to `out`.

    Raises:
        TacitError: something is there already, or nothing can be written there.
    """
    try:
        out.lstat()
    except FileNotFoundError:
        _check_folder(out)
    except OSError as error:
        raise TacitError(f"cannot write {out}: {error.strerror}") from None
    else:
        raise TacitError(f"{out} exists already and is not written over: choose another place for the bundle (--out)")


def _check_folder(out: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            return
    except OSError as error:
        raise TacitError(f"cannot write {out}: {error.strerror}; check the folder and its permissions") from None


def _as_party(study: Study, identity: Identity, data: Path, emit: Emit) -> RunReport:
    table = load(data, study.agreement.data)
    place, patience = study.agreement.coordinator, study.agreement.training.timeout_seconds
    with connect(place.host, place.port, identity, study.coordinator, timeout=patience, retry_for=patience) as channel:
        result = serve_party(study, identity, table, channel, emit)
    return RunReport(result.bundle, result.fixed_point)


def _as_coordinator(study: Study, identity: Identity, listen: str | None, emit: Emit) -> RunReport:
    host, _, port = (listen or study.agreement.coordinator.address).rpartition(":")
    if not (port.isascii() and port.isdigit()):
        raise AgreementError(f"{listen!r} is not HOST:PORT")
    with Listener(host.strip("[]"), int(port), identity, study.parties) as listener:
        bundle = serve_coordinator(study, listener.accept, emit)
    return RunReport(bundle, None)
