"""A channel over a line: the handshake and the records of `tacit.wire`, end to end, whatever carries the frames.

There is no TLS here whose certificates could say whom one speaks to, so the handshake alone does; it names its carrier,
and a hello meant for a line is no hello over TLS. Flower sees sizes and times of frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tacit.deploy.line import Line
from tacit.errors import ProtocolError
from tacit.keys import Identity, PublicIdentity
from tacit.wire import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import MAX_HANDSHAKE_BYTES, STEP, ClientHandshake, ServerHandshake
from tacit.wire.inbox import InboxClosedError, LineError
from tacit.wire.records import TAG_BYTES, RecordCipher

CARRIER = b"tacit line/1"


class LineChannel(Channel):
    """A channel to `peer` over `line`, whose handshake is done."""

    def __init__(self, peer: PublicIdentity, line: Line, cipher: RecordCipher, *, max_message: int) -> None:
        """Take over `line`."""
        super().__init__(peer, max_message=max_message, default_timeout=DEFAULT_TIMEOUT)
        self._inbox = line.inbox
        self._line = line
        self._cipher = cipher

    def _transmit(self, payload: bytes, deadline: Deadline) -> None:
        self._line.put(self._cipher.seal(payload), deadline)

    def _open(self, received: bytes | bytearray, step: str) -> bytes:
        return self._cipher.open(received, step)

    def _hang_up(self) -> None:
        self._line.end()


def new_line(max_message: int = MAX_MESSAGE_BYTES) -> Line:
    """Return a line for a channel of messages of up to `max_message` bytes."""
    return Line(max_message + TAG_BYTES, max_message)


def open_line(
    line: Line, me: Identity, peer: PublicIdentity, timeout: float, max_message: int = MAX_MESSAGE_BYTES
) -> Channel:
    """Return a channel to `peer` over `line`, at the end that speaks first (a party's).

    Raises:
        ProtocolError: not done within `timeout` seconds, or whoever answers is not `peer`; the line has ended.
    """
    deadline = Deadline(timeout)
    handshake = ClientHandshake(me, peer, carrier=CARRIER)

    def shake() -> Channel:
        line.put(handshake.hello(), deadline)
        finish, cipher = handshake.finish(_hear(line, deadline))
        line.put(finish, deadline)
        return LineChannel(peer, line, cipher, max_message=max_message)

    return _shaking(line, peer.name, timeout, shake)


def answer_line(
    line: Line,
    me: Identity,
    peers: Iterable[PublicIdentity],
    who: str,
    timeout: float,
    max_message: int = MAX_MESSAGE_BYTES,
) -> Channel:
    """Return a channel over `line` to whichever of `peers` proves to be there; errors call it `who` until then.

    Raises:
        ProtocolError: not done within `timeout` seconds, or nobody of `peers`; the line has ended.
    """
    deadline = Deadline(timeout)
    handshake = ServerHandshake(me, peers, client=who, carrier=CARRIER)

    def shake() -> Channel:
        line.put(handshake.answer(_hear(line, deadline)), deadline)
        peer, cipher = handshake.finish(_hear(line, deadline))
        line.expect()
        return LineChannel(peer, line, cipher, max_message=max_message)

    return _shaking(line, who, timeout, shake)


def _shaking(line: Line, who: str, timeout: float, shake: Callable[[], Channel]) -> Channel:
    try:
        return shake()
    except ProtocolError:
        line.end("the handshake failed")
        raise
    except (TimeoutError, LineError, InboxClosedError) as error:
        line.end("the handshake failed")
        reason = f"was not done within {timeout:g} s" if isinstance(error, TimeoutError) else str(error) or "was closed"
        raise ProtocolError(reason, culprit=who, step=STEP) from None


def _hear(line: Line, deadline: Deadline) -> bytes | bytearray:
    frame = line.inbox.get(deadline)
    if len(frame) > MAX_HANDSHAKE_BYTES:
        raise LineError(f"sent {len(frame)} bytes where a handshake has at most {MAX_HANDSHAKE_BYTES}")
    return frame
