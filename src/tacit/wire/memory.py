"""The in-process twin of a network channel: for tests, simulations, and parties that share a process.

Messages are encoded, bounded, counted and decoded as between machines, so what works here works there; there is nobody
in between, so nothing is encrypted, and the two identities are taken at their word.
"""

from __future__ import annotations

from tacit.keys import PublicIdentity
from tacit.wire.channel import DEFAULT_TIMEOUT, MAX_MESSAGE_BYTES, Channel
from tacit.wire.deadline import Deadline
from tacit.wire.inbox import InboxClosedError, LineError


def pair(
    a: PublicIdentity,
    b: PublicIdentity,
    *,
    max_message: int = MAX_MESSAGE_BYTES,
    default_timeout: float = DEFAULT_TIMEOUT,
) -> tuple[Channel, Channel]:
    """Return the two ends of a line: first the one that `a` holds (its peer is `b`), then the one that `b` holds."""
    held_by_a = _MemoryChannel(b, max_message=max_message, default_timeout=default_timeout)
    held_by_b = _MemoryChannel(a, max_message=max_message, default_timeout=default_timeout)
    held_by_a.other, held_by_b.other = held_by_b, held_by_a
    return held_by_a, held_by_b


class _MemoryChannel(Channel):
    other: _MemoryChannel

    def _transmit(self, payload: bytes, deadline: Deadline) -> None:
        try:
            self.other._inbox.put(payload, deadline)
        except InboxClosedError:
            raise LineError("hung up") from None

    def _open(self, received: bytes | bytearray, step: str) -> bytes | bytearray:
        return received

    def _hang_up(self) -> None:
        self.other._inbox.fail("hung up")
