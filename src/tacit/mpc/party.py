"""One of the three parties, as a protocol sees it: its place, its keystreams, and what it still has to verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tacit.mpc.pending import Pending
from tacit.mpc.streams import Streams

PARTIES = 3
Security = Literal["passive", "active"]


@dataclass(repr=False)
class Party:
    """Party `index` of a session; protocols take it as their first argument."""

    index: int
    names: tuple[str, str, str]
    streams: Streams
    security: Security
    pending: Pending = field(default_factory=Pending)

    def __post_init__(self) -> None:
        if self.index not in range(PARTIES):
            raise ValueError(f"a party's index is 0, 1 or 2, not {self.index}")
        if self.security not in ("passive", "active"):
            raise ValueError(f'security is "passive" or "active", not {self.security!r}')

    @property
    def active(self) -> bool:
        """Whether every product is verified before anything is opened."""
        return self.security == "active"

    @property
    def previous(self) -> str:
        """The name of the party that holds component i with this one."""
        return self.names[(self.index - 1) % PARTIES]

    @property
    def next(self) -> str:
        """The name of the party that holds component i + 1 with this one."""
        return self.names[(self.index + 1) % PARTIES]

    def __repr__(self) -> str:
        return f"Party({self.names[self.index]}, {self.index}, {self.security})"


def check_names(names: Sequence[str]) -> tuple[str, str, str]:
    """Three different names; raises ValueError."""
    if len(names) != PARTIES or len(set(names)) != PARTIES:
        raise ValueError(f"three different parties compute, not {list(names)}")
    first, second, third = names
    return first, second, third
