"""The messages that have arrived and nobody has asked for yet: bounded, in order, with a deadline at both ends."""

from __future__ import annotations

import threading
from collections import deque

from tacit.wire.deadline import Deadline

ENTRY_BYTES = 256


class LineError(Exception):
    """What the other side did, in words that follow its name; a channel turns it into a ProtocolError."""


class InboxClosedError(Exception):
    """The owner of the inbox has closed it."""


class Inbox:
    """A queue of byte strings, full at `capacity` bytes (each counts `ENTRY_BYTES` more); it always takes one."""

    def __init__(self, capacity: int) -> None:
        """Start empty."""
        self._capacity = capacity
        self._held = 0
        self._messages: deque[bytes | bytearray] = deque()
        self._failure: str | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, message: bytes | bytearray, deadline: Deadline | None = None) -> None:
        """Append `message` once there is room.

        Raises:
            TimeoutError: there was none by the deadline.
            InboxClosedError: its owner wants no more, or the line has failed.
        """
        size = len(message) + ENTRY_BYTES
        with self._changed:
            while not self._ended() and self._messages and self._held + size > self._capacity:
                self._changed.wait(None if deadline is None else deadline.need())
            if self._ended():
                raise InboxClosedError
            self._messages.append(message)
            self._held += size
            self._changed.notify_all()

    def get(self, deadline: Deadline) -> bytes | bytearray:
        """Return the oldest message.

        Raises:
            TimeoutError: there was none by the deadline.
            LineError: the line has failed, and all that came before has been taken.
            InboxClosedError: closed on this side.
        """
        with self._changed:
            while not self._messages:
                if self._closed:
                    raise InboxClosedError
                if self._failure is not None:
                    raise LineError(self._failure)
                self._changed.wait(deadline.need())
            message = self._messages.popleft()
            self._held -= len(message) + ENTRY_BYTES
            self._changed.notify_all()
            return message

    def fail(self, reason: str) -> None:
        """Say why no more will come; the first reason stays."""
        with self._changed:
            if self._failure is None:
                self._failure = reason
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what is held and refuse what comes."""
        with self._changed:
            self._closed = True
            self._messages.clear()
            self._held = 0
            self._changed.notify_all()

    def _ended(self) -> bool:
        return self._closed or self._failure is not None
