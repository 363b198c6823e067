"""A sign of life: while a party computes with the others, the coordinator hears how far it is, and that it is there."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tacit.errors import TacitError
from tacit.run.messages import FromParty, Working
from tacit.wire import Channel

LONGEST_PAUSE = 10.0  # seconds


class Heartbeat:
    """Sends `Working` every so often for as long as a block runs, in a thread of its own."""

    def __init__(self, channel: Channel, timeout: float) -> None:
        """Say it over `channel`, often enough for one who waits for `timeout` seconds."""
        self._channel = channel
        self._pause = min(timeout / 4, LONGEST_PAUSE)
        self._epoch = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="tacit heartbeat", daemon=True)

    def at(self, epoch: int) -> None:
        """Say at once that so many epochs are done."""
        self._epoch = epoch
        self._say()

    def _beat(self) -> None:
        while not self._over.wait(self._pause):
            self._say()

    def _say(self) -> None:
        # Where the coordinator has gone, the computation goes on without it; the next real message finds that out.
        with suppress(TacitError):
            self._channel.send(FromParty(Working(self._epoch)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
