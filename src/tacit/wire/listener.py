"""Being connected to: every connection shakes hands in a thread of its own, and only proven peers come out."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tacit.errors import ProtocolError, TacitError
from tacit.keys import Identity, PublicIdentity
from tacit.wire.channel import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel
from tacit.wire.credentials import server_context
from tacit.wire.deadline import Deadline
from tacit.wire.handshake import MAX_HANDSHAKE_BYTES, STEP, ServerHandshake
from tacit.wire.inbox import LineError
from tacit.wire.remote import RemoteChannel, check_limit, read_frame, write_frame
from tacit.wire.stream import TlsStream
from tacit.wire.tls import HANDSHAKE_SECONDS, RETRY_SECONDS, shaking_hands

MAX_PENDING = 64
MAX_UNCLAIMED = 4
KEPT_REFUSALS = 64
WAKE_SECONDS = 0.5


class Listener:
    """Where peers connect to; close it, or use it in a `with` statement.

    One connection that is slow or silent keeps nobody waiting: at most `max_pending` shake hands at once, each for at
    most `timeout` seconds, and more wait in the system's queue. A peer may have 4 channels that nobody has accepted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        me: Identity,
        peers: Iterable[PublicIdentity],
        *,
        timeout: float = HANDSHAKE_SECONDS,
        max_pending: int = MAX_PENDING,
        max_message: int = MAX_MESSAGE_BYTES,
        default_timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Listen at `host` and `port` (0: one that is free, see `address`) as `me`, for `peers` and nobody else.

        Args:
            host: the address to listen at.
            port: TCP port.
            me: who listens.
            peers: who may connect.
            timeout: seconds for all the handshakes of one connection.
            max_pending: connections that may be shaking hands at once.
            max_message: bytes of the largest message, the same at both ends.
            default_timeout: the channels' own, for calls that name none; also that of `accept`.

        Raises:
            TacitError: the address is taken, or not this machine's.
            IdentityError: a peer's certificate cannot be used.
            ValueError: `max_message` is not possible.
        """
        check_limit(max_message)
        self._me = me
        self._peers = list(peers)
        self._timeout = timeout
        self._max_message = max_message
        self._default_timeout = default_timeout
        self._context = server_context(me, self._peers)
        self._slots = threading.Semaphore(max_pending)
        self._changed = threading.Condition()
        self._shaking: set[TlsStream] = set()
        self._unclaimed: deque[Channel] = deque()
        self._seen: set[PublicIdentity] = set()
        self._refused: deque[ProtocolError] = deque(maxlen=KEPT_REFUSALS)
        self._closed = False
        self._socket = _listen(host, port)
        name = self._socket.getsockname()
        self.address: tuple[str, int] = (name[0], name[1])
        self._thread = threading.Thread(target=self._take_connections, name="tacit listener", daemon=True)
        self._thread.start()

    @property
    def refused(self) -> tuple[ProtocolError, ...]:
        """Why the last connections were refused, oldest first: for the operator, as `accept` goes on without them."""
        with self._changed:
            return tuple(self._refused)

    def accept(self, timeout: float | None = None) -> Channel:
        """Return the next channel, whose `peer` has proved to be one of those awaited.

        Raises:
            ProtocolError: nobody came within `timeout` seconds (None: the default); names those who have not come yet,
                and says why the last connection was refused.
            TacitError: the listener is closed.
        """
        seconds = self._default_timeout if timeout is None else timeout
        deadline = Deadline(seconds)
        with self._changed:
            while not self._unclaimed and not self._closed:
                if deadline.left() <= 0.0:
                    raise self._nobody_came(seconds)
                self._changed.wait(deadline.left())
            if self._closed:
                raise TacitError("the listener is closed")
            channel = self._unclaimed.popleft()
            self._seen.add(channel.peer)
            return channel

    def close(self) -> None:
        """Stop listening; channels that were accepted stay open, all others are closed. Safe to repeat."""
        with self._changed:
            self._closed = True
            unclaimed, shaking = list(self._unclaimed), list(self._shaking)
            self._unclaimed.clear()
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, where the system does so
        for stream in shaking:
            stream.cut()
        for channel in unclaimed:
            channel.close()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take_connections(self) -> None:
        while not self._closed:
            if not self._slots.acquire(timeout=WAKE_SECONDS):
                continue
            try:
                raw, address = self._socket.accept()
            except TimeoutError:
                self._slots.release()
                continue
            except OSError:  # no descriptors left, or the other side has gone again: go on
                self._slots.release()
                if not self._closed:
                    time.sleep(RETRY_SECONDS)
                continue
            who = f"the one connecting from {address[0]}:{address[1]}"
            try:
                threading.Thread(target=self._welcome, args=(raw, who), name=f"tacit: {who}", daemon=True).start()
            except RuntimeError:  # no threads left
                raw.close()
                self._slots.release()
                time.sleep(RETRY_SECONDS)

    def _welcome(self, raw: socket.socket, who: str) -> None:
        try:
            self._offer(self._shake_hands(raw, who))
        except ProtocolError as error:
            self._note(error)
        except (TacitError, OSError, RuntimeError) as error:  # of this side: out of descriptors or threads
            self._note(ProtocolError(f"could not serve {who}: {error}", culprit=self._me.name, step=STEP))
        finally:
            self._slots.release()

    def _shake_hands(self, raw: socket.socket, who: str) -> Channel:
        deadline = Deadline(self._timeout)
        with (
            shaking_hands(raw, self._context, server_side=True, who=who, timeout=self._timeout) as stream,
            self._registered(stream),
        ):
            shown = stream.handshake(deadline)
            # Trusted by OpenSSL is not enough: a pinned certificate could itself have issued the one that was shown.
            candidates = [peer for peer in self._peers if peer.certificate == shown]
            if not candidates:
                raise LineError("showed a certificate that is not pinned here")
            handshake = ServerHandshake(self._me, candidates, client=candidates[0].name)  # all are of one name
            hello = read_frame(stream, MAX_HANDSHAKE_BYTES, deadline)
            write_frame(stream, handshake.answer(hello), deadline)
            peer, cipher = handshake.finish(read_frame(stream, MAX_HANDSHAKE_BYTES, deadline))
            return RemoteChannel(
                peer, stream, cipher, max_message=self._max_message, default_timeout=self._default_timeout
            )

    @contextmanager
    def _registered(self, stream: TlsStream) -> Iterator[None]:
        with self._changed:
            if self._closed:
                raise LineError("came when the listener was closing")
            self._shaking.add(stream)
        try:
            yield
        finally:
            with self._changed:
                self._shaking.discard(stream)

    def _offer(self, channel: Channel) -> None:
        """Put the channel where `accept` finds it, unless there are too many of its peer already."""
        with self._changed:
            waiting = sum(other.peer == channel.peer for other in self._unclaimed)
            if not self._closed and waiting < MAX_UNCLAIMED:
                self._unclaimed.append(channel)
                self._changed.notify_all()
                return
        channel.close()
        if not self._closed:
            reason = f"opened another channel while {waiting} of its channels wait to be accepted"
            raise ProtocolError(reason, culprit=channel.peer.name, step=STEP)

    def _note(self, error: ProtocolError) -> None:
        with self._changed:
            self._refused.append(error)

    def _nobody_came(self, seconds: float) -> ProtocolError:
        missing = [peer.name for peer in self._peers if peer not in self._seen] or [peer.name for peer in self._peers]
        reason = f"did not connect within {seconds:g} s"
        if self._refused:
            reason += f"; {len(self._refused)} connections were refused, the last: {self._refused[-1]}"
        return ProtocolError(reason, culprit=", ".join(missing) or "nobody", step="accept")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError, UnicodeError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "no such address"
        raise TacitError(f"cannot listen at {host}:{port}: {reason}; choose another address or port") from None
    listening.settimeout(WAKE_SECONDS)
    return listening
