"""The post: a Unix socket at which a long-lived process is asked, by the short-lived ones that Flower starts.

One question and one answer per connection, each with its length before it. The socket has mode 0600 in a folder of mode
0700: only the same user's processes reach it. What they bring is not believed; see `tacit.deploy.line`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tacit.errors import FormatError, TacitError

LENGTH_BYTES = 8
MAX_BYTES = 2**30
CONNECT_SECONDS = 5.0
WAKE_SECONDS = 0.5
MAX_QUESTIONS = 16

Answer = Callable[[bytes], bytes]


class Post:
    """Answers at `path` until it is closed; use it in a `with` statement."""

    def __init__(self, path: Path, answer: Answer) -> None:
        """Listen at `path`, new; `answer` is called from up to `MAX_QUESTIONS` threads; its TacitError is no answer."""
        self._path = path
        self._answer = answer
        self._closed = False
        self._places = threading.BoundedSemaphore(MAX_QUESTIONS)
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen(64)
        except OSError as error:
            self._socket.close()
            raise TacitError(f"cannot listen at {path}: {error.strerror or error}; choose a shorter path") from None
        self._socket.settimeout(WAKE_SECONDS)
        self._thread = threading.Thread(target=self._take_questions, name="tacit post", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket. Safe to repeat."""
        self._closed = True
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take_questions(self) -> None:
        while not self._closed:
            if not self._places.acquire(timeout=WAKE_SECONDS):
                continue
            try:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._take_one, args=(connection,), name="tacit post: one", daemon=True).start()
            except (OSError, RuntimeError) as error:
                self._places.release()
                if not isinstance(error, TimeoutError):  # no more files or threads at the moment
                    time.sleep(WAKE_SECONDS)

    def _take_one(self, connection: socket.socket) -> None:
        # Whoever hangs up or asks nonsense gets no answer; the carrier will ask again.
        try:
            with connection, contextlib.suppress(OSError, TacitError):
                connection.settimeout(CONNECT_SECONDS)
                question = _receive(connection)
                _send(connection, self._answer(question))
        finally:
            self._places.release()


def ask(path: Path, question: bytes, seconds: float) -> bytes:
    """Return the answer at `path` to `question`.

    Raises:
        TacitError: nobody answers there within `seconds`, or the answer is none.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(str(path))
            connection.settimeout(seconds)
            _send(connection, question)
            return _receive(connection)
    except OSError as error:
        raise TacitError(f"nobody answers at {path}: {error.strerror or 'too slow'}") from None


def _send(connection: socket.socket, content: bytes) -> None:
    connection.sendall(len(content).to_bytes(LENGTH_BYTES, "big") + content)


def _receive(connection: socket.socket) -> bytes:
    size = int.from_bytes(_read(connection, LENGTH_BYTES), "big")
    if size > MAX_BYTES:
        raise FormatError(f"{size} bytes were announced where at most {MAX_BYTES} are taken")
    return _read(connection, size)


def _read(connection: socket.socket, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        piece = connection.recv(min(size - len(content), 2**20))
        if not piece:
            raise FormatError("the other process hung up in the middle")
        content += piece
    return bytes(content)
