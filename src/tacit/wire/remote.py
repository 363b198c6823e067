"""The network's channel: records in frames in TLS, with a thread that reads so that both sides can send at once.

A frame is 4 bytes of length (big-endian), then that many bytes: a message of the handshake, later a record. A length
over the limit ends the line before anything is allocated for it.
"""

from __future__ import annotations

import threading

from tacit.keys import PublicIdentity
from tacit.wire.channel import Channel
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import InboxClosedError, LineError
from tacit.wire.records import TAG_BYTES, RecordCipher
from tacit.wire.stream import GOODBYE_SECONDS, TlsStream

LENGTH_BYTES = 4
LARGEST_MESSAGE = 2**31 - 1 - TAG_BYTES


class RemoteChannel(Channel):
    """A channel over `stream`, whose handshakes are done."""

    def __init__(
        self,
        peer: PublicIdentity,
        stream: TlsStream,
        cipher: RecordCipher,
        *,
        max_message: int,
        default_timeout: float,
    ) -> None:
        """Start the thread that reads."""
        super().__init__(peer, max_message=max_message, default_timeout=default_timeout)
        self._stream = stream
        self._cipher = cipher
        self._reader = threading.Thread(target=self._read_frames, name=f"tacit channel {peer.name}", daemon=True)
        self._reader.start()

    def _transmit(self, payload: bytes, deadline: Deadline) -> None:
        write_frame(self._stream, self._cipher.seal(payload), deadline)

    def _open(self, received: bytes | bytearray, step: str) -> bytes:
        return self._cipher.open(received, step)

    def _hang_up(self) -> None:
        """Say goodbye if no send is under way, wait a moment for the other side's, and let go."""
        if self._sending.acquire(blocking=False):
            try:
                self._stream.say_goodbye()
            finally:
                self._sending.release()
            self._reader.join(GOODBYE_SECONDS)
        self._stream.cut()
        self._reader.join()
        with self._sending:
            self._stream.release()

    def _read_frames(self) -> None:
        try:
            while True:
                self._inbox.put(read_frame(self._stream, self.max_message + TAG_BYTES))
        except InboxClosedError:
            pass
        except LineError as error:
            self._inbox.fail(str(error))
        except Exception as error:  # a thread that ends unheard would leave receivers to their timeouts
            self._inbox.fail(f"cannot be heard: {type(error).__name__} while reading from it")
        if self._closed:
            self._stream.discard()
        self._stream.cut()


def check_limit(max_message: int) -> None:
    """Check that messages of `max_message` bytes fit a record; raises ValueError."""
    if not 0 < max_message <= LARGEST_MESSAGE:
        raise ValueError(f"max_message is {max_message}; a channel takes 1 to {LARGEST_MESSAGE} bytes")


def write_frame(stream: TlsStream, content: bytes, deadline: Deadline) -> None:
    """Send `content` as one frame; raises LineError or TimeoutError."""
    stream.write(len(content).to_bytes(LENGTH_BYTES, "big") + content, deadline)


def read_frame(stream: TlsStream, limit: int, deadline: Deadline | None = None) -> bytearray:
    """Return the content of the next frame.

    Raises:
        LineError: longer than `limit`, or the other side hung up before its end.
        TimeoutError: it was not whole by the deadline.
    """
    size = int.from_bytes(stream.read_exactly(LENGTH_BYTES, deadline), "big")
    if size > limit:
        raise LineError(f"announced a message of {size} bytes where at most {limit} are taken")
    try:
        return stream.read_exactly(size, deadline)
    except LineError as error:
        raise LineError(f"{error} in the middle of a message") from None
