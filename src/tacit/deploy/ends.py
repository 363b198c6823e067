"""The two ends of the lines, each in a long-lived process: a party's, and the coordinator's to all nodes.

Which node is which party is never believed from Flower: each line shakes hands, and what comes out of `accept` is a
channel whose peer has proved itself. An end that begins anew (a restarted process, the next run) has a later origin, so
the other end gives up the line that it had and answers on a new one.
"""

from __future__ import annotations

import threading
import time
from collections import deque

import msgspec

from tacit.canonical import quote
from tacit.deploy.channel import answer_line, new_line, open_line
from tacit.deploy.line import NOBODY, Line, Parcel
from tacit.errors import FormatError, ProtocolError, TacitError
from tacit.keys import Identity
from tacit.study import Study
from tacit.wire import Channel

BEGAN_ANEW = "began anew"
NOTHING = b""
KEPT_REFUSALS = 64
HANDSHAKE_SECONDS = 600.0
ORDERS_BYTES = 2**29
SPARE_NODES = 16


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What the ServerApp tells the coordinator: what `arrived` from nodes, and the nodes `free` to carry something."""

    arrived: tuple[tuple[str, bytes], ...]
    free: tuple[str, ...]


class Orders(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What the ServerApp is to bring to which nodes; `done` when it is no longer needed."""

    parcels: tuple[tuple[str, bytes], ...]
    done: bool


class PartyEnd:
    """A party's end: one line at a time."""

    def __init__(self, study: Study, me: Identity) -> None:
        """Begin without a line."""
        self._study = study
        self._me = me
        self._line: Line | None = None
        self._changed = threading.Condition()

    def connect(self) -> Channel:
        """Return a new channel to the coordinator, on a new line; an earlier one ends.

        Raises:
            ProtocolError: the coordinator is not there within the agreement's timeout, or it is another.
        """
        line = new_line()
        with self._changed:
            if self._line is not None:
                self._line.end("was left for a new line")
            self._line = line
            self._changed.notify_all()
        return open_line(line, self._me, self._study.coordinator, self._study.agreement.training.timeout_seconds)

    def answer(self, question: bytes, seconds: float) -> bytes:
        """Return what this party says to a parcel of the coordinator's, waiting up to `seconds` for that.

        Raises:
            FormatError: the question is no parcel.
        """
        line = self._wait_for_line(seconds)
        if line is None:
            return NOTHING
        parcel = Parcel.decode(question)
        if line.take(parcel):
            line.wait_for_frames(seconds)
            return line.parcel().encode()
        if line.peer not in (NOBODY, parcel.origin):
            if parcel.origin > line.peer:
                line.end(BEGAN_ANEW)
            return NOTHING
        # The coordinator speaks to an earlier life of this process: let it know of this one.
        return Parcel(line.origin, parcel.origin, 0, (), 0, False).encode()

    def close(self) -> None:
        """End the line, at once: whoever waits on it stops."""
        if self._line is not None:
            self._line.end("was closed at this end")

    def linger(self, seconds: float) -> None:
        """Wait up to `seconds` until the coordinator has all that this party said."""
        if self._line is not None:
            self._line.wait_until_heard(seconds)

    def _wait_for_line(self, seconds: float) -> Line | None:
        with self._changed:
            if self._line is None:
                self._changed.wait(seconds)
            return self._line


class CoordinatorEnd:
    """The coordinator's end: a line to every node there is; `accept` brings those that proved to be parties."""

    def __init__(self, study: Study, me: Identity) -> None:
        """Begin without nodes."""
        self.asked = 0.0
        """When the ServerApp last asked for orders, on the monotonic clock."""
        self._study = study
        self._me = me
        self._lines: dict[str, Line] = {}
        self._accepted: deque[Channel] = deque()
        self._refused: deque[ProtocolError] = deque(maxlen=KEPT_REFUSALS)
        self._lock = threading.Lock()
        self._came = threading.Condition()
        self._done = False

    def accept(self, seconds: float) -> Channel:
        """Return the next channel; raises ProtocolError where no party comes within `seconds`."""
        with self._came:
            if self._came.wait_for(lambda: bool(self._accepted), max(seconds, 0.0)):
                return self._accepted.popleft()
        reason = f"no further party came within {seconds:g} s over {len(self._lines)} nodes"
        if self._refused:
            reason += f"; {len(self._refused)} were refused, the last: {self._refused[-1]}"
        raise ProtocolError(reason, culprit="the nodes", step="accept")

    def answer(self, question: bytes) -> bytes:
        """Return the ServerApp's orders for its report; raises FormatError where it is none."""
        self.asked = time.monotonic()
        try:
            report = msgspec.msgpack.decode(question, type=Report)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise FormatError("the ServerApp sent no report of this version") from None
        for node, data in report.arrived:
            self._take(node, data)
        self._forget(set(report.free))
        return msgspec.msgpack.encode(Orders(self._parcels(report.free), self._done))

    def finish(self, seconds: float) -> None:
        """Wait up to `seconds` until all lines have brought what was said on them, then dismiss the ServerApp."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(line.has_to_be_told for line in list(self._lines.values())):
            time.sleep(0.1)
        self._done = True

    def _take(self, node: str, data: bytes) -> None:
        if data == NOTHING:
            return
        try:
            parcel = Parcel.decode(data)
        except FormatError as error:
            self._refused.append(ProtocolError(str(error), culprit=f"node {node}", step="line"))
            return
        with self._lock:
            line = self._lines.get(node)
            if line is not None and not line.take(parcel) and parcel.origin > line.peer:
                line.end(BEGAN_ANEW)
                self._lines[node] = self._new_line(node)

    def _parcels(self, nodes: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
        """Return what there is for `nodes`, up to `ORDERS_BYTES` or one parcel; the others stay free, and are next."""
        parcels: list[tuple[str, bytes]] = []
        size = 0
        for node in nodes:
            if size > ORDERS_BYTES:
                break
            parcel = self._parcel(node)
            if parcel is not None:
                parcels.append((node, parcel))
                size += len(parcel)
        return tuple(parcels)

    def _parcel(self, node: str) -> bytes | None:
        with self._lock:
            line = self._lines.get(node)
            if line is None and len(self._lines) >= len(self._study.parties) + SPARE_NODES:
                self._refused.append(ProtocolError("is one too many", culprit=f"node {quote(node)}", step="line"))
                return None
            if line is None or line.is_over:
                line = self._lines[node] = self._new_line(node)
            return line.parcel().encode() if line.wants_carrying else None

    def _forget(self, there: set[str]) -> None:
        """Let go of lines that are over, of nodes that have gone: each would keep what was said on it."""
        with self._lock:
            for node in [node for node, line in self._lines.items() if node not in there and line.is_over]:
                del self._lines[node]

    def _new_line(self, node: str) -> Line:
        line = new_line()
        threading.Thread(target=self._shake_hands, args=(node, line), name=f"tacit node {node}", daemon=True).start()
        return line

    def _shake_hands(self, node: str, line: Line) -> None:
        try:
            channel = answer_line(line, self._me, self._study.parties, f"node {node}", HANDSHAKE_SECONDS)
        except ProtocolError as error:
            self._refused.append(error)
        except TacitError as error:
            self._refused.append(ProtocolError(str(error), culprit=self._me.name, step="handshake"))
        else:
            self._let_in(channel)

    def _let_in(self, channel: Channel) -> None:
        """Have `accept` return `channel`; one of the same party that nobody took has been given up, mail and all."""
        with self._came:
            earlier = [each for each in self._accepted if each.peer == channel.peer]
            for each in earlier:
                self._accepted.remove(each)
            self._accepted.append(channel)
            self._came.notify()
        for each in earlier:
            each.close()
