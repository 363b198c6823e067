"""What a run tells whoever watches it. Public values only, but for `own`, which is for the table's owner alone."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True):
    """Something that happened: `kind` is one of joined, statistics, round, model, sealed, dropped."""

    kind: str
    body: dict[str, Any]
