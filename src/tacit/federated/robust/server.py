"""The server of a step's sums, one for each group, side by side in the same five messages.

It has the methods of `AggregationServer`; each group's messages go to that group's server and nowhere else. A group
that fails stops the run: it bears `trust.dropping` by itself, so either more are gone than the run may lose, or
somebody broke the protocol, which stops the sum over all parties as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from tacit.federated.secagg import AggregationServer
from tacit.federated.secagg.messages import (
    Advertisement,
    Confirmation,
    Confirmations,
    Inbox,
    MaskedVector,
    Roster,
    Shares,
    Survivors,
    Unmasking,
)
from tacit.federated.secagg.setting import Setting, Words

M = TypeVar("M")


class GroupedServer:
    """The server of one step: one `AggregationServer` for each of the `settings`, whose parties are disjoint."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        """Serve `settings`."""
        self._servers = [AggregationServer(setting) for setting in settings]
        self._group = {name: place for place, setting in enumerate(settings) for name in setting.names}

    @property
    def excluded(self) -> dict[str, str]:
        """Who was left out of a step, and why."""
        return {name: reason for server in self._servers for name, reason in server.excluded.items()}

    @property
    def surviving(self) -> tuple[tuple[str, ...], ...]:
        """Whose vectors are in each group's sum; known once `survivors` has returned."""
        return tuple(server.surviving for server in self._servers)

    def roster(self, advertisements: Mapping[str, Advertisement]) -> dict[str, Roster]:
        """Return each party's roster, of its group alone; ProtocolError if a group is too few."""
        parts = zip(self._servers, self._split(advertisements), strict=True)
        return _merged(server.roster(part) for server, part in parts)

    def inboxes(self, shares: Mapping[str, Shares]) -> dict[str, Inbox]:
        """Return what each party was dealt; ProtocolError if too few of a group dealt."""
        return _merged(server.inboxes(part) for server, part in zip(self._servers, self._split(shares), strict=True))

    def survivors(self, vectors: Mapping[str, MaskedVector]) -> dict[str, Survivors]:
        """Add up each group's masked vectors and return whose they are; ProtocolError if a group's are too few."""
        return _merged(server.survivors(part) for server, part in zip(self._servers, self._split(vectors), strict=True))

    def confirmations(self, confirmations: Mapping[str, Confirmation]) -> dict[str, Confirmations]:
        """Return enough signatures on each group's survivors; ProtocolError if too few hold."""
        parts = zip(self._servers, self._split(confirmations), strict=True)
        return _merged(server.confirmations(part) for server, part in parts)

    def result(self, unmaskings: Mapping[str, Unmasking]) -> list[Words]:
        """Return each group's sum modulo 2^w; ProtocolError as of `AggregationServer.result`."""
        return [server.result(part) for server, part in zip(self._servers, self._split(unmaskings), strict=True)]

    def _split(self, messages: Mapping[str, M]) -> list[dict[str, M]]:
        # A stranger's message goes to the first, which says that it has no part in this.
        parts: list[dict[str, M]] = [{} for _ in self._servers]
        for name, message in messages.items():
            parts[self._group.get(name, 0)][name] = message
        return parts

    def __repr__(self) -> str:
        return f"GroupedServer({len(self._servers)} groups, contents hidden)"


def _merged(parts: Iterable[Mapping[str, M]]) -> dict[str, M]:
    return {name: message for part in parts for name, message in part.items()}
