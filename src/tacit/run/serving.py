"""Carrying a run over channels: one party's end, and the coordinator's to all of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tacit.bundle import Bundle
from tacit.canonical import quote
from tacit.data import Table
from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity
from tacit.run.computing import Compute
from tacit.run.coordinator import coordinator_steps
from tacit.run.events import Event
from tacit.run.heartbeat import Heartbeat
from tacit.run.messages import CoordinatorMessage, Done, FromCoordinator, FromParty, PartyMessage, Stop, Working
from tacit.run.party import PartyResult, party_steps
from tacit.run.talk import Emit
from tacit.study import Study
from tacit.wire import Channel

if TYPE_CHECKING:
    from tacit.mpc.storage import Storage
    from tacit.mpc.training.train import DenseModel
    from tacit.run.computing import Progress
    from tacit.run.joining import Joined

Accept = Callable[[float], Channel]
LEFT_OUT = "left out of the run"


def serve_party(
    study: Study,
    identity: Identity,
    table: Table,
    channel: Channel,
    emit: Emit,
    *,
    listen: tuple[str, int] | None = None,
) -> PartyResult:
    """Take part in one run over `channel` to the coordinator; returns the result.

    Where the agreement's method is `mpc`, the party listens for its neighbour at `listen` (None: as agreed on).

    Raises:
        TacitError: whatever `party_steps` raises; the coordinator is told that this party stops, not why in detail.
    """
    steps = party_steps(study, identity, table, emit, _computation(study, channel, listen))
    patience = _patience(study)
    try:
        message = next(steps)
        while True:
            channel.send(FromParty(message))
            message = steps.send(channel.receive(FromCoordinator, type(message).__name__, patience).message)
    except StopIteration as end:
        # The result is whole and checked, whether or not the coordinator is still there to hear of it.
        _tell_quietly(channel, FromParty(Done()))
        result: PartyResult = end.value
        return result
    except TacitError as error:
        _tell_quietly(channel, FromParty(Stop(f"{type(error).__name__} at {identity.name}")))
        raise
    finally:
        steps.close()  # gives up this party's place in the study's folder, whoever still holds the error


def serve_coordinator(study: Study, accept: Accept, emit: Emit) -> Bundle:
    """Coordinate one run with the parties that `accept` brings within the agreement's timeout; returns the bundle."""
    crowd = _Crowd(study, emit)
    steps = coordinator_steps(study, emit)
    try:
        outgoing = next(steps)
        answers = crowd.hear(crowd.gather(accept))
        while True:
            outgoing = steps.send(answers)
            answers = crowd.exchange(outgoing)
    except StopIteration as end:
        bundle: Bundle = end.value
        return bundle
    except ProtocolError as error:
        crowd.stop(str(error))
        raise
    except TacitError as error:  # of the coordinator's own machine: its disk, its database
        crowd.stop(f"{type(error).__name__} at {study.coordinator.name}")
        raise
    finally:
        crowd.close()


def _computation(study: Study, channel: Channel, listen: tuple[str, int] | None) -> Compute | None:
    """Return what computes with the two other parties, while the coordinator hears signs of life; None: no need to."""
    if study.agreement.training.method != "mpc":
        return None
    from tacit.run.computation import computation_over_tls

    between_parties = computation_over_tls(study, listen)

    def compute(joined: Joined, identity: Identity, table: Table, storage: Storage, progress: Progress) -> DenseModel:
        with Heartbeat(channel, study.agreement.training.timeout_seconds) as heart:

            def tell(done: int, epochs: int) -> None:
                heart.at(done)
                progress(done, epochs)

            return between_parties(joined, identity, table, storage, tell)

    return compute


class _Crowd:
    """The parties that are connected. Its threads only send and receive; all else is done by the caller's."""

    def __init__(self, study: Study, emit: Emit) -> None:
        self._channels: dict[str, Channel] = {}
        self._emit = emit
        self._expected = len(study.agreement.parties)
        self._timeout = study.agreement.training.timeout_seconds
        self._threads = ThreadPoolExecutor(max_workers=self._expected)
        self._signs = _Signs(study, emit)

    def gather(self, accept: Accept) -> list[str]:
        """Wait until all parties have connected, or the timeout has passed; returns who has."""
        deadline = time.monotonic() + self._timeout
        while len(self._channels) < self._expected and (left := deadline - time.monotonic()) > 0:
            try:
                channel = accept(left)
            except ProtocolError as error:
                self._emit(Event("refused", {"reason": str(error)}))
                continue
            name = channel.peer.name
            if name in self._channels:
                self._channels.pop(name).close()
            self._channels[name] = channel
            self._emit(Event("connected", {"party": name, "of": self._expected}))
        return list(self._channels)

    def exchange(self, outgoing: Mapping[str, CoordinatorMessage]) -> dict[str, PartyMessage]:
        """Send each party its message and return the answers; parties without a message are dismissed."""
        for name in set(self._channels) - set(outgoing):
            self._drop(name, LEFT_OUT, tell=True)
        present = [name for name in outgoing if name in self._channels]
        faults = self._threads.map(lambda name: self._send(name, outgoing[name]), present)
        for name, fault in zip(present, list(faults), strict=True):
            if fault is not None:
                self._drop(name, fault)
        return self.hear([name for name in present if name in self._channels])

    def hear(self, names: list[str]) -> dict[str, PartyMessage]:
        """Return what each of `names` says next; whoever is silent, gone or stops is dropped."""
        self._signs.clear()
        heard = dict(zip(names, list(self._threads.map(self._receive, names)), strict=True))
        for name, said in heard.items():
            if isinstance(said, Stop):
                self._drop(name, quote(said.reason))
        return {name: said for name, said in heard.items() if not isinstance(said, Stop)}

    def stop(self, reason: str) -> None:
        """Tell everyone that the run is over."""
        for name in list(self._channels):
            self._drop(name, reason, tell=True)

    def close(self) -> None:
        """Hang up on everyone."""
        for channel in self._channels.values():
            channel.close()
        self._threads.shutdown(wait=False)

    def _send(self, name: str, message: CoordinatorMessage) -> str | None:
        """Send, and return what went wrong."""
        try:
            self._channels[name].send(FromCoordinator(message), self._timeout)
        except TacitError as error:
            return str(error)
        return None

    def _receive(self, name: str) -> PartyMessage:
        """Return what the party says; whatever goes wrong is its stopping."""
        try:
            while True:
                message = self._channels[name].receive(FromParty, "answer", self._signs.patience()).message
                if not (isinstance(message, Working) and self._signs.taken(name, message.epoch)):
                    self._signs.answered()
                    return message
        except TacitError as error:
            return Stop(str(error))

    def _drop(self, name: str, reason: str, *, tell: bool = False) -> None:
        channel = self._channels.pop(name)
        if tell:
            _tell_quietly(channel, FromCoordinator(Stop(reason)))
        channel.close()
        self._emit(Event("dropped", {"party": name, "reason": reason}))


class _Signs:
    """Signs of life of those who compute: whoever gives them is waited for, until another has done with it."""

    def __init__(self, study: Study, emit: Emit) -> None:
        self._computes = study.agreement.training.method == "mpc"
        self._names, self._epochs = study.agreement.names, study.agreement.training.rounds
        self._timeout = study.agreement.training.timeout_seconds
        self._emit = emit
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}
        self._told = 0
        self._deadline: float | None = None

    def clear(self) -> None:
        """Begin to wait for everybody's next answer."""
        self._deadline = None

    def patience(self) -> float:
        """Return how long to wait for the next message of one that has not answered yet."""
        with self._lock:
            return self._timeout if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def answered(self) -> None:
        """Note that somebody has: those who compute end together, so the others have as long again and no longer."""
        with self._lock:
            if self._computes and self._deadline is None:
                self._deadline = time.monotonic() + self._timeout

    def taken(self, name: str, epoch: int) -> bool:
        """Take in how far `name` is, and tell how far all are; returns whether a sign of life belongs here at all."""
        if not self._computes:
            return False
        with self._lock:
            self._done[name] = min(max(epoch, 0), self._epochs)
            least = min(self._done.get(each, 0) for each in self._names)
            if least > self._told:
                self._told = least
                self._emit(Event("epoch", {"step": least, "steps": self._epochs}))
        return True


def _patience(study: Study) -> float:
    """Return how long a party waits for the coordinator, who waits for every other party in each step."""
    return 2 * study.agreement.training.timeout_seconds + 30


def _tell_quietly(channel: Channel, message: FromParty | FromCoordinator) -> None:
    try:
        channel.send(message, 5.0)
    except TacitError:
        return
