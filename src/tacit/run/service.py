"""Taking part until it is done: a run that breaks off is begun again, and goes on after its last finished step.

`take_part` is one attempt, and a person says it again. These functions say it again themselves: whoever was lost, the
coordinator included, comes back, and all continue (see `run/continuing.py`) until the bundle is sealed and written.
They know no transport: the coordinator is given a function that brings the next channel, a party one that opens one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tacit.data import Table
from tacit.errors import AgreementError, ProtocolError, TacitError
from tacit.keys import Identity
from tacit.run.events import Event
from tacit.run.messages import FromCoordinator, Stop
from tacit.run.preparing import check_party, check_study
from tacit.run.report import RunReport, check_place, earlier_report
from tacit.run.serving import LEFT_OUT, Accept, serve_coordinator, serve_party
from tacit.run.talk import Emit
from tacit.study import Study
from tacit.wire import Channel

Connect = Callable[[], Channel]

SEALED_WITHOUT = "the run was sealed without it: copy the bundle from another member"
REFUSALS = 2
COMINGS = 8  # per party, between two runs


@dataclass(frozen=True)
class Patience:
    """How often and how long a service tries again.

    Attributes:
        tries: attempts in a row in which no step was finished; with the last of them the service gives up.
        first_pause: seconds before the first attempt to try again; doubled with every one that finished no step.
        longest_pause: seconds that no pause exceeds, nor a quarter of the agreement's timeout, in which all must meet.
    """

    tries: int = 30
    first_pause: float = 1.0
    longest_pause: float = 60.0

    def pause(self, fruitless: int, timeout: float) -> float:
        """Return the seconds to wait after `fruitless` attempts in a row; `timeout` is the agreement's."""
        longest = min(self.longest_pause, timeout / 4)
        return min(longest, self.first_pause * 2.0 ** min(max(fruitless - 1, 0), 30))


DEFAULT_PATIENCE = Patience()


def serve_runs_as_coordinator(
    study: Study,
    identity: Identity,
    accept: Accept,
    out: Path,
    emit: Emit,
    *,
    store: str | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> RunReport:
    """Coordinate runs of `study` until one is sealed, and write its bundle to `out`.

    Started again after it was killed, it goes on: the parties come back and continue after their last common step. If
    `out` is the bundle of a run that it has sealed before, it returns that at once.

    Args:
        study: what all have signed.
        identity: the coordinator's.
        accept: returns the next channel of a party within the seconds that it is given, 0.0 for one that waits
            already, and raises ProtocolError where there is none. It lives as long as this call: parties may come while
            a run goes on.
        out: a file that does not exist, in a folder that does.
        emit: is told what happens; `waiting` before every pause.
        store: where to keep the record of runs: a SQLAlchemy URL; None is a SQLite file in the coordinator's folder.
        patience: how often and how long to try again.

    Raises:
        TacitError: what trying again does not mend, or the last of the tries.
    """
    name = _check_role(study, identity, "coordinator")
    study.use_store(name, store)
    with study.running(name):
        done = _begin(study, name, out)
        if done is not None:
            return done
        door, trying = _Door(accept, len(study.agreement.parties)), _Trying(study, emit, patience)
        while True:
            try:
                door.clear()
                report = RunReport(serve_coordinator(study, door.accept, trying.watch), None)
            except TacitError as error:
                trying.wait_after(error)
                continue
            report.write(out)
            door.dismiss(SEALED_WITHOUT)
            return report


def serve_runs_as_party(
    study: Study,
    identity: Identity,
    table: Table,
    connect: Connect,
    out: Path,
    emit: Emit,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    listen: tuple[str, int] | None = None,
) -> RunReport:
    """Take part in runs of `study` with `table` until one is sealed, and write its bundle to `out`.

    Killed and started again, or with a coordinator that was, it goes on after its last common step with the others. If
    `out` is the bundle of a run that it has sealed before, it returns that at once.

    Args:
        study: what all have signed.
        identity: a party's.
        table: its rows.
        connect: opens a channel to the coordinator, or raises ProtocolError where there is none: called for each try.
        out: a file that does not exist, in a folder that does.
        emit: is told what happens; `waiting` before every pause.
        patience: how often and how long to try again.
        listen: where it listens for its neighbour, if the method is `mpc` and that is not where it was agreed on.

    Raises:
        TacitError: what trying again does not mend (the agreement, the budget, the keys, the data; being left out
            twice in a row), or the last of the tries.
    """
    name = _check_role(study, identity, "party")
    done = _begin(study, name, out)
    if done is not None:
        return done
    check_party(study)
    trying = _Trying(study, emit, patience)
    while True:
        try:
            with connect() as channel:
                result = serve_party(study, identity, table, channel, trying.watch, listen=listen)
        except TacitError as error:
            trying.wait_after(error)
            continue
        return RunReport(result.bundle, result.fixed_point).write(out)


def _check_role(study: Study, identity: Identity, role: str) -> str:
    found = study.role_of(identity.public)
    if found != role:
        raise AgreementError(f"{identity.name!r} is {found} of the study {study.agreement.name!r}, not {role}")
    return identity.name


def _begin(study: Study, member: str, out: Path) -> RunReport | None:
    """Check what would stop every attempt; returns the report if nothing is left to do."""
    study.require_signed()
    check_study(study)
    done = earlier_report(study, member, out)
    if done is None:
        check_place(out)
    return done


class _Trying:
    """Counts the attempts in which nothing came about, and decides whether there is another."""

    def __init__(self, study: Study, emit: Emit, patience: Patience) -> None:
        self._emit = emit
        self._patience = patience
        self._timeout = study.agreement.training.timeout_seconds
        self._fruitless = 0
        self._refusals = 0

    def watch(self, event: Event) -> None:
        """Pass on `event`; one of a step is progress, and there are only so many steps."""
        if event.kind == "joined":
            self._refusals = 0
        if "step" in event.body:
            self._fruitless = 0
        self._emit(event)

    def wait_after(self, error: TacitError) -> None:
        """Wait before the next attempt; raises `error` where there is none."""
        self._fruitless += 1
        if not _can_be_mended(error) or self._is_refused(error) or self._fruitless >= self._patience.tries:
            raise error
        seconds = self._patience.pause(self._fruitless, self._timeout)
        body = {"reason": str(error), "try": self._fruitless + 1, "of": self._patience.tries, "seconds": seconds}
        self._emit(Event("waiting", body))
        time.sleep(seconds)

    def _is_refused(self, error: TacitError) -> bool:
        if SEALED_WITHOUT in str(error):
            return True
        self._refusals = self._refusals + 1 if _is_left_out(error) else 0
        return self._refusals >= REFUSALS


def _can_be_mended(error: TacitError) -> bool:
    """Return whether another attempt may end otherwise: somebody was lost, or this machine lacked something."""
    # The children say what is wrong with a key, a file, the data, the agreement or the budget, and stays wrong.
    return isinstance(error, ProtocolError) or type(error) is TacitError


def _is_left_out(error: TacitError) -> bool:
    return isinstance(error, ProtocolError) and error.step == "join" and LEFT_OUT in str(error)


class _Door:
    """The parties' channels between two runs: of those that came meanwhile, only the newest of each is of use."""

    def __init__(self, accept: Accept, parties: int) -> None:
        self._accept = accept
        self._most = COMINGS * parties
        self._newest: dict[str, Channel] = {}

    def clear(self) -> None:
        """Take in those who wait; a party that came twice has given up its first channel.

        Only so many: one that comes again and again would keep all others from the next run.
        """
        for _ in range(self._most):
            try:
                channel = self._accept(0.0)
            except ProtocolError:
                return
            earlier = self._newest.pop(channel.peer.name, None)
            if earlier is not None:
                earlier.close()
            self._newest[channel.peer.name] = channel

    def accept(self, seconds: float) -> Channel:
        """Return one of those taken in, or the next that comes."""
        if self._newest:
            return self._newest.pop(next(iter(self._newest)))
        return self._accept(seconds)

    def dismiss(self, reason: str) -> None:
        """Tell those who still wait that there is nothing to wait for."""
        self.clear()
        for channel in self._newest.values():
            with channel:
                try:
                    channel.send(FromCoordinator(Stop(reason)), 5.0)
                except TacitError:
                    continue
