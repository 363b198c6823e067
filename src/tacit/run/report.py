"""What is left at the end of a run: the bundle, in a file of the member's choice."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tacit.bundle import Bundle
from tacit.errors import AgreementError, TacitError
from tacit.run.continuing import SEALED
from tacit.study import Study


@dataclass(frozen=True)
class RunReport:
    """The bundle, and for a party what fixed point changed on its own rows.

    `fixed_point` is None for the coordinator, and for a service that found its run done when it was started.
    """

    bundle: Bundle
    fixed_point: dict[str, Any] | None

    def write(self, out: Path) -> RunReport:
        """Write the bundle to `out`; raises TacitError, which says where else it is to be had."""
        try:
            self.bundle.save(out)
        except TacitError as error:
            reason = f"{error}. The run is done: the other members have the same bundle, copy theirs"
            raise TacitError(reason) from None
        return self


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


def earlier_report(study: Study, member: str, out: Path) -> RunReport | None:
    """Return the report of a run that `member` has sealed before, or None where it has sealed none.

    A service that is started once more after the end, as after a restart of the machine, has nothing left to do.

    Raises:
        AgreementError: one was sealed, and `out` is not its bundle.
        TacitError: the logs cannot be read.
    """
    sealed = {entry.body.get("sha256") for log in study.run_logs(member) for entry in log if entry.kind == SEALED}
    if not sealed:
        return None
    if out.is_file():
        bundle = Bundle.load(out)
        if hashlib.sha256(bundle.encode()).hexdigest() in sealed:
            return RunReport(bundle, None)
    raise AgreementError(
        f"{member!r} has sealed a run of the study {study.agreement.name!r} before, and {out} is not its bundle: copy "
        "it from another member, or agree on a new study"
    )


def _check_folder(out: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            return
    except OSError as error:
        raise TacitError(f"cannot write {out}: {error.strerror}; check the folder and its permissions") from None
