"""What a run tells whoever watches it. Public values only, but for `own`, which is for the table's owner alone."""

from __future__ import annotations

from typing import Any

import msgspec

from tacit.run.continuing import Start


class Event(msgspec.Struct, frozen=True):
    """Something that happened.

    `kind` is one of connected, refused, joined, statistics, round, epoch, model, dropped, sealed, personal, and
    waiting: of a party for its coordinator to be there, and of a service that will try again.
    """

    kind: str
    body: dict[str, Any]


def joined_event(run_id: bytes, participants: tuple[str, ...], start: Start) -> Event:
    """Return the event that a run has begun, and, where it continues another, after which step."""
    body: dict[str, Any] = {"run": run_id.hex(), "participants": list(participants)}
    if start.after is not None:
        body |= {"continues_after": start.after.step, "lost": start.step - start.after.step - 1}
    elif start.lost:
        body |= {"statistics_lost": start.lost}
    return Event("joined", body)
