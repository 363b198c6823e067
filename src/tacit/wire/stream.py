"""TLS over a connected socket, read and written by different threads, every wait with an end.

OpenSSL allows one thread at a time per connection, and Python 3.11's SSLSocket does not see to it. So TLS works on
memory here (`ssl.MemoryBIO`) under a lock that is held only while it computes, and the socket is waited for outside
that lock: a blocked writer never blocks the reader, which keeps two parties that both send from waiting for ever.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from tacit.errors import TacitError
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import LineError

READ_BYTES = 256 * 1024
WRITE_BYTES = 256 * 1024
ANSWER_BYTES = 2 * WRITE_BYTES
TLS_RECORD_BYTES = 16 * 1024
IDLE_SECONDS = 3600.0
GOODBYE_SECONDS = 1.0


class TlsStream:
    """One TLS connection; at most one thread reads and one writes."""

    def __init__(self, raw: socket.socket, context: ssl.SSLContext, *, server_side: bool) -> None:
        """Take over `raw`, which is connected; raises TacitError where this process may open no more files."""
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._writer = raw
        try:
            self._reader = raw.dup()
        except OSError as error:
            raw.close()
            raise TacitError(f"cannot open a connection: {error.strerror}; allow more open files") from None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._lock = threading.Lock()

    def handshake(self, deadline: Deadline) -> bytes:
        """Do the TLS handshake; returns the other side's certificate (DER).

        Raises:
            LineError: refused, malformed, hung up. TimeoutError: not done by the deadline.
        """
        done = False
        while not done:
            try:
                with self._lock:
                    self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise LineError(_in_words(error)) from None
            self._flush(deadline)
            if not done:
                self._pull(deadline)
        certificate = self._tls.getpeercert(binary_form=True)
        if certificate is None:
            raise LineError("showed no certificate")
        return certificate

    def read_exactly(self, size: int, deadline: Deadline | None = None) -> bytearray:
        """Return the next `size` bytes; memory is taken as they arrive.

        Raises:
            LineError: the other side hung up, or what came is not of this connection.
            TimeoutError: they were not all there by the deadline.
        """
        data = bytearray()
        while len(data) < size:
            try:
                with self._lock:
                    piece = self._tls.read(min(size - len(data), TLS_RECORD_BYTES))
            except ssl.SSLWantReadError:
                self._pull(deadline)
                continue
            except ssl.SSLError as error:
                raise LineError(_in_words(error)) from None
            if not piece:
                raise LineError("hung up")
            data += piece
        return data

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send `data`, all of it.

        Raises:
            LineError: the other side hung up. TimeoutError: it took too little by the deadline.
        """
        view = memoryview(data)
        while view:
            with self._lock:
                try:
                    taken = self._tls.write(view[:WRITE_BYTES])
                except ssl.SSLError as error:
                    raise LineError(_in_words(error)) from None
            view = view[taken:]
            self._flush(deadline)

    def say_goodbye(self) -> None:
        """Tell the other side that no more comes, or why TLS failed, as far as it listens; the writer's last act."""
        with contextlib.suppress(ssl.SSLError), self._lock:
            self._tls.unwrap()
        with contextlib.suppress(LineError, TimeoutError):
            self._flush(Deadline(GOODBYE_SECONDS))
        with contextlib.suppress(OSError):
            self._writer.shutdown(socket.SHUT_WR)

    def discard(self) -> None:
        """Read and forget until the other side hangs up, so that the system does not reset what it has yet to read."""
        deadline = Deadline(GOODBYE_SECONDS)
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                self._reader.settimeout(deadline.need())
                if not self._reader.recv(READ_BYTES):
                    return

    def cut(self) -> None:
        """End the connection both ways; threads that wait on it stop at once."""
        with contextlib.suppress(OSError):
            self._writer.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the sockets back, once no thread uses them."""
        self._reader.close()
        self._writer.close()

    def _flush(self, deadline: Deadline) -> None:
        with self._lock:
            data = self._outgoing.read()
        if data:
            try:
                self._writer.settimeout(deadline.need())
                self._writer.sendall(data)
            except TimeoutError:
                raise
            except OSError:
                raise LineError("hung up") from None

    def _pull(self, deadline: Deadline | None) -> None:
        try:
            self._reader.settimeout(IDLE_SECONDS if deadline is None else deadline.need())
            data = self._reader.recv(READ_BYTES)
        except TimeoutError:
            if deadline is None:
                return
            raise
        except OSError:
            data = b""
        if not data:
            raise LineError("hung up")
        with self._lock:
            # OpenSSL answers each update of keys, into memory, from which only a writer takes it.
            if self._outgoing.pending > ANSWER_BYTES:
                raise LineError("asked for more answers within TLS than anybody needs")
            self._incoming.write(data)


def _in_words(error: ssl.SSLError) -> str:
    """Return what happened, without the library's file names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"showed a certificate that is not pinned here ({error.verify_message})"
    reason = (error.reason or "unknown").replace("_", " ").lower()
    if "alert" in reason:
        return f"refused this side in TLS ({reason}): check that it has this side's .pub file, and not an older one"
    return f"broke TLS 1.3 ({reason})"
