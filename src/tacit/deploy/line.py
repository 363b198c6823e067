"""A line: frames numbered and acknowledged, in parcels that whatever carries them may lose, repeat or delay.

Flower loses messages when its nodes come and go. A parcel holds the frames that the other side has not acknowledged,
with the number of the first, so the next parcel makes up for a lost one, and a repeated one changes nothing. None of
that is trusted: what a carrier alters, drops for good or reorders does not open (`tacit.wire.records`).

Each end of a line begins with an origin, 8 bytes of time and 8 random ones, so that later origins are larger: a parcel
from an earlier life of the other process is passed over, and a process that began anew is noticed.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import Annotated

import msgspec

from tacit.errors import FormatError
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import Inbox, InboxClosedError, LineError

ORIGIN_BYTES = 16
NOBODY = b""
PARCEL_BYTES = 64 * 1024 * 1024
MAX_FRAMES = 4096

_Origin = Annotated[bytes, msgspec.Meta(max_length=ORIGIN_BYTES)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Parcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What one end sends: `frames` from number `first` on, and how many of the other end's it has `received`.

    `to` is the origin of the end that the frames are for, empty where none has been heard of; `ended` says that no
    frame follows these.
    """

    origin: _Origin
    to: _Origin
    first: _Number
    frames: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=MAX_FRAMES)]
    received: _Number
    ended: bool

    def encode(self) -> bytes:
        """Return the parcel as bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Parcel:
        """Return the parcel in `data`; raises FormatError for anything else."""
        try:
            return _DECODER.decode(data)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise FormatError("what the carrier brought is no parcel of this version") from None


_DECODER = msgspec.msgpack.Decoder(Parcel)


class Line:
    """One end of a line; any number of threads may use it."""

    def __init__(self, max_frame: int, capacity: int) -> None:
        """Begin a line that takes frames of `max_frame` bytes and holds `capacity` bytes in each direction."""
        self.origin = time.time_ns().to_bytes(8, "big") + os.urandom(ORIGIN_BYTES - 8)
        self.peer = NOBODY
        self.inbox = Inbox(capacity)
        self._max_frame = max_frame
        self._capacity = capacity
        self._kept: deque[bytes] = deque()
        self._held = 0
        self._first = 0
        self._received = 0
        self._expecting = True
        self._ended = False
        self._end_said = False
        self._end_told = False
        self._changed = threading.Condition()

    def put(self, frame: bytes, deadline: Deadline) -> None:
        """Take `frame` for the other end, once there is room.

        Raises:
            LineError: the line has ended. TimeoutError: there was no room by the deadline.
        """
        with self._changed:
            while not self._ended and self._kept and self._held + len(frame) > self._capacity:
                self._changed.wait(deadline.need())
            if self._ended:
                raise LineError("hung up")
            self._kept.append(frame)
            self._held += len(frame)
            self._expecting = True
            self._changed.notify_all()

    def end(self, reason: str | None = None) -> None:
        """Say that no frame follows; with a `reason` nothing more is taken from the other end either."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if reason is not None:
            self.inbox.fail(reason)

    def expect(self) -> None:
        """Say that the other end is to speak next, as after `put`."""
        with self._changed:
            self._expecting = True

    def parcel(self) -> Parcel:
        """Return what the other end has not acknowledged, up to `PARCEL_BYTES` or one frame."""
        with self._changed:
            frames: list[bytes] = []
            size = 0
            for frame in self._kept:
                size += len(frame)
                if frames and (size > PARCEL_BYTES or len(frames) == MAX_FRAMES):
                    break
                frames.append(frame)
            last = self._ended and len(frames) == len(self._kept)
            self._end_said = self._end_said or last
            return Parcel(self.origin, self.peer, self._first, tuple(frames), self._received, last)

    def take(self, parcel: Parcel) -> bool:
        """Take in what the other end sent; returns False where the parcel is not of this line's two ends.

        A fault of the carrier or of the other end ends the line, and `inbox` says which.
        """
        with self._changed:
            if parcel.origin != self.peer and self.peer != NOBODY:
                return False
            if parcel.to not in (NOBODY, self.origin):
                return False
            self.peer = parcel.origin
            self._forget(parcel.received if parcel.to else 0)
            for number, frame in enumerate(parcel.frames, start=parcel.first):
                if number == self._received and not self._accept(frame):
                    break
            if parcel.ended and self._received == parcel.first + len(parcel.frames):
                self.inbox.fail("hung up")
            self._end_told = self._end_said
            self._changed.notify_all()
            return True

    def wait_for_frames(self, seconds: float) -> None:
        """Return once there is something for the other end to hear, or after `seconds`."""
        deadline = Deadline(seconds)
        with self._changed:
            while not (self._kept or self._ended) and (left := deadline.left()) > 0:
                self._changed.wait(left)

    def wait_until_heard(self, seconds: float) -> bool:
        """Return whether the other end has acknowledged everything, waiting for that up to `seconds`."""
        deadline = Deadline(seconds)
        with self._changed:
            while self._kept and (left := deadline.left()) > 0:
                self._changed.wait(left)
            return not self._kept

    @property
    def wants_carrying(self) -> bool:
        """Whether there is something to bring to the other end, or an answer to fetch from it."""
        with self._changed:
            return bool(self._kept) or (self._ended and not self._end_told) or (self._expecting and not self._ended)

    @property
    def has_to_be_told(self) -> bool:
        """Whether the other end, which has been heard of, has yet to learn something of what was said."""
        with self._changed:
            return self.peer != NOBODY and (bool(self._kept) or (self._ended and not self._end_told))

    @property
    def is_over(self) -> bool:
        """Whether the line has ended and the other end knows."""
        with self._changed:
            return self._ended and (self._end_told or self.peer == NOBODY)

    def _forget(self, acknowledged: int) -> None:
        if acknowledged > self._first + len(self._kept):
            self._fail("acknowledged more than was sent to it, or the carrier did")
            return
        while self._first < acknowledged:
            self._held -= len(self._kept.popleft())
            self._first += 1

    def _accept(self, frame: bytes) -> bool:
        """Take one frame; False where there is no room for it yet, so that it has to be sent again."""
        if len(frame) > self._max_frame:
            self._fail(f"sent a message of {len(frame)} bytes where at most {self._max_frame} are taken")
            return False
        try:
            self.inbox.put(frame, Deadline(0.0))
        except (TimeoutError, InboxClosedError):
            return False
        self._received += 1
        self._expecting = False
        return True

    def _fail(self, reason: str) -> None:
        self._ended = True
        self._kept.clear()
        self._held = 0
        self.inbox.fail(reason)
