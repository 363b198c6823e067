"""A point in time by which something must have happened."""

from __future__ import annotations

import threading
import time


class Deadline:
    """`seconds` from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        """Start the clock; `math.inf` is as long as the system can wait."""
        self._end = time.monotonic() + min(seconds, threading.TIMEOUT_MAX / 2)

    def left(self) -> float:
        """Return the seconds left, 0.0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    def need(self) -> float:
        """Return the seconds left, more than none.

        Raises:
            TimeoutError: it has passed.
        """
        left = self.left()
        if left <= 0.0:
            raise TimeoutError
        return left
