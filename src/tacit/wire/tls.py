"""Connecting to a party: TLS 1.3 with pinned certificates on both sides, then the handshake of `tacit.wire.handshake`.

The certificate that the other side proves it holds the key of has to be, byte for byte, the one in its public identity;
and inside TLS it proves the rest of that identity. See docs/protocols/channel.md.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tacit.errors import ProtocolError
from tacit.keys import Identity, PublicIdentity
from tacit.wire.channel import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel
from tacit.wire.credentials import client_context
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import MAX_HANDSHAKE_BYTES, STEP, ClientHandshake
from tacit.wire.inbox import LineError
from tacit.wire.remote import RemoteChannel, check_limit, read_frame, write_frame
from tacit.wire.stream import TlsStream

HANDSHAKE_SECONDS = 10.0
RETRY_SECONDS = 0.05


def connect(
    host: str,
    port: int,
    me: Identity,
    peer: PublicIdentity,
    *,
    timeout: float = HANDSHAKE_SECONDS,
    retry_for: float = 0.0,
    waiting: Callable[[str], None] | None = None,
    max_message: int = MAX_MESSAGE_BYTES,
    default_timeout: float = DEFAULT_TIMEOUT,
) -> Channel:
    """Return a channel to `peer`, which listens at `host` and `port`.

    Args:
        host: name or address.
        port: TCP port.
        me: who connects.
        peer: who has to answer.
        timeout: seconds for one attempt to connect, and for the handshakes after it; one more to part after a failure.
            Looking up a name takes as long as the system lets it.
        retry_for: seconds to go on trying while nobody listens there yet; a handshake that failed is not repeated.
        waiting: is told once why the first attempt failed, if others follow.
        max_message: bytes of the largest message, the same at both ends.
        default_timeout: the channel's own, for calls that name none.

    Raises:
        ProtocolError: nobody listens there, or whoever does is not `peer`, refuses, or is too slow.
        IdentityError: the peer's certificate cannot be used.
        ValueError: `max_message` is not possible.
    """
    check_limit(max_message)
    context = client_context(me, peer)
    raw = _reach(host, port, peer.name, timeout, retry_for, waiting)
    deadline = Deadline(timeout)
    with shaking_hands(raw, context, server_side=False, who=peer.name, timeout=timeout) as stream:
        # Trusted by OpenSSL is not enough: a pinned certificate could itself have issued the one that was shown.
        if stream.handshake(deadline) != peer.certificate:
            raise LineError("showed another certificate than the one pinned for it")
        handshake = ClientHandshake(me, peer)
        write_frame(stream, handshake.hello(), deadline)
        finish, cipher = handshake.finish(read_frame(stream, MAX_HANDSHAKE_BYTES, deadline))
        write_frame(stream, finish, deadline)
        return RemoteChannel(peer, stream, cipher, max_message=max_message, default_timeout=default_timeout)


@contextmanager
def shaking_hands(
    raw: socket.socket, context: ssl.SSLContext, *, server_side: bool, who: str, timeout: float
) -> Iterator[TlsStream]:
    """Give TLS over `raw` for a block that does the handshakes; where the block fails, hang up and blame `who`."""
    stream = TlsStream(raw, context, server_side=server_side)
    try:
        yield stream
    except BaseException as error:
        stream.say_goodbye()
        if not isinstance(error, TimeoutError):
            stream.discard()
        stream.cut()
        stream.release()
        if isinstance(error, TimeoutError):
            raise ProtocolError(f"was not done within {timeout:g} s", culprit=who, step=STEP) from None
        if isinstance(error, LineError):
            raise ProtocolError(str(error), culprit=who, step=STEP) from None
        raise


def _reach(
    host: str, port: int, name: str, timeout: float, retry_for: float, waiting: Callable[[str], None] | None
) -> socket.socket:
    """Return a socket connected to `host` and `port`; tries again while nobody listens."""
    deadline = Deadline(retry_for)
    while True:
        try:
            raw = socket.create_connection((host, port), timeout=timeout)
            if raw.getsockname() != raw.getpeername():
                return raw
            raw.close()  # TCP can connect a free local port to itself
            reason = "nobody listens there"
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "too slow, or no such address"
        if deadline.left() <= 0.0:
            waited = f" for {retry_for:g} s" if retry_for > 0.0 else ""
            raise ProtocolError(f"cannot be reached at {host}:{port}{waited}: {reason}", culprit=name, step="connect")
        if waiting is not None:
            waiting(reason)
            waiting = None
        time.sleep(min(RETRY_SECONDS, max(deadline.left(), 0.0)))
