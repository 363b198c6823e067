"""A channel: an authenticated, confidential, ordered line of typed messages to one party.

Every channel keeps these promises, whatever carries it (`tacit.wire.tls` between machines, `tacit.wire.memory` within
one process):

- What `receive` returns is what `peer` sent, whole, once, in order, and of the kind that was asked for.
- Whatever else the peer does ends in a ProtocolError that names it, the step, and what it did: silent, hung up, sent
  garbage, too much, or another kind of message. No call waits for longer than its timeout.
- What has arrived waits in memory, up to `max_message` bytes and one message more, while nobody receives. So two
  parties that both send before they receive do not block each other, as long as neither sends more than `max_message`
  ahead; beyond it `send` waits for the other side to receive, and gives up at its timeout.

Any number of threads may use one channel: sends take turns, and receives take turns. A timeout in `receive` leaves the
channel usable; one in `send` does not, since half a message may have left.

`bytes_sent` and `bytes_received` count encoded messages: the same on every kind of channel, and what a protocol's
formula says. On the network a message costs 20 bytes more, and 22 bytes more per 16 KiB of TLS record.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import msgspec

from tacit.errors import FormatError, ProtocolError, TacitError
from tacit.keys import PublicIdentity
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import Inbox, InboxClosedError, LineError
from tacit.wire.messages import check_kind, decode, encode

T = TypeVar("T", bound=msgspec.Struct)

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
DEFAULT_TIMEOUT = 300.0


class Channel(ABC):
    """A line to `peer`; close it, or use it in a `with` statement."""

    def __init__(self, peer: PublicIdentity, *, max_message: int, default_timeout: float) -> None:
        """Hold what all kinds of channel share; made by `connect`, `Listener.accept` and `pair`."""
        self.peer = peer
        self.max_message = max_message
        self.default_timeout = default_timeout
        self.bytes_sent = 0
        self.bytes_received = 0
        self.messages_sent = 0
        self.messages_received = 0
        self._inbox = Inbox(max_message)
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False
        self._broken: str | None = None

    def send(self, message: msgspec.Struct, timeout: float | None = None, *, step: str | None = None) -> None:
        """Send `message`; returns when the system has taken it, which is not when the peer has read it.

        Args:
            message: of a kind that `tacit.wire.encode` takes.
            timeout: seconds for all of it; None is the channel's `default_timeout`.
            step: what to call this step in an error; by default after the message's kind.

        Raises:
            ProtocolError: the peer hung up, or took no more within the time.
            FormatError: the message is larger than the channel takes; nothing was sent.
            TacitError: this end is closed.
        """
        payload = encode(message)
        if len(payload) > self.max_message:
            raise FormatError(
                f"a {type(message).__name__} of {len(payload)} bytes does not go through a channel that takes "
                f"{self.max_message}: send it in parts, or raise max_message at both ends"
            )
        seconds = self.default_timeout if timeout is None else timeout
        deadline = Deadline(seconds)
        step = step or f"send {type(message).__name__}"
        with self._blaming(step, f"took no message for {seconds:g} s"), _turn(self._sending, deadline):
            self._send_payload(payload, deadline)

    def receive(self, kind: type[T], step: str, timeout: float | None = None) -> T:
        """Return the next message, which has to be of `kind`.

        Args:
            kind: what is expected in this step.
            step: what to call this step in an error.
            timeout: seconds to wait for all of it; None is the channel's `default_timeout`.

        Raises:
            ProtocolError: silent past the timeout, hung up, or sent something else; says which.
            TacitError: this end is closed.
        """
        check_kind(kind)
        seconds = self.default_timeout if timeout is None else timeout
        deadline = Deadline(seconds)
        with self._blaming(step, f"was silent for {seconds:g} s"), _turn(self._receiving, deadline):
            payload = self._open(self._inbox.get(deadline), step)
            self.bytes_received += len(payload)
            self.messages_received += 1
        return decode(payload, kind, sender=self.peer.name, step=step)

    def close(self) -> None:
        """Hang up: the peer can still receive what was sent; calls that wait at this end stop. Safe to repeat."""
        with self._closing:
            already, self._closed = self._closed, True
        if not already:
            self._inbox.close()
            self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(peer={self.peer.name!r}, {'closed' if self._closed else 'open'})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a channel is not pickled: it holds keys and ends in this process")

    @abstractmethod
    def _transmit(self, payload: bytes, deadline: Deadline) -> None:
        """Carry `payload` to the peer; raises LineError, or TimeoutError at the deadline."""

    @abstractmethod
    def _open(self, received: bytes | bytearray, step: str) -> bytes | bytearray:
        """Return the payload in what the inbox held; raises ProtocolError when it was tampered with."""

    @abstractmethod
    def _hang_up(self) -> None:
        """Let go of whatever carries this end; called once."""

    def _send_payload(self, payload: bytes, deadline: Deadline) -> None:
        if self._broken is not None:
            raise LineError(self._broken)
        # Holds unless all of it leaves, whatever stops it: an interrupt counts as much as the peer does.
        self._broken = "took an earlier message in part or not at all, after which nothing more can be sent to it"
        try:
            self._transmit(payload, deadline)
        except LineError as error:
            self._broken = str(error)
            raise
        self._broken = None
        self.bytes_sent += len(payload)
        self.messages_sent += 1

    @contextmanager
    def _blaming(self, step: str, silence: str) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, LineError, InboxClosedError) as error:
            if self._closed:
                raise TacitError(f"the channel with {self.peer.name} is closed at this end") from None
            reason = silence if isinstance(error, TimeoutError) else str(error)
            raise ProtocolError(reason, culprit=self.peer.name, step=step) from None


@contextmanager
def _turn(lock: threading.Lock, deadline: Deadline) -> Iterator[None]:
    if not lock.acquire(timeout=deadline.left()):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()
