"""Who is whose neighbour: everyone on the complete graph, those who picked one another on the sparse one.

A party deals shares to its *holders*: those it picked, and itself. Its *neighbours*, with whom it exchanges masks, are
those that it picked and those that picked it. The picks are in the signed advertisements, so each side can see both.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable

from tacit.federated.secagg.messages import Advertisement
from tacit.federated.secagg.setting import Setting


class Topology:
    """The graph among those whose advertisements are known: all of them at the server, a neighbourhood at a party."""

    def __init__(self, setting: Setting, advertisements: Iterable[Advertisement]) -> None:
        """Read the picks of `advertisements`, which have been checked."""
        self._complete = setting.graph is None
        self._names = setting.names
        self._positions = setting.positions
        self._picks = {ad.party: frozenset(ad.picks) for ad in advertisements}
        self._pickers: dict[int, set[str]] = {}
        for name, picks in self._picks.items():
            for position in picks:
                self._pickers.setdefault(position, set()).add(name)

    def deals(self, dealer: str, holder: str) -> bool:
        """Return whether `dealer`, on the roster, deals shares to `holder`."""
        return self._complete or holder == dealer or self._positions[holder] in self._picks[dealer]

    def neighbours(self, name: str) -> tuple[str, ...]:
        """Return the neighbours of `name` on the roster, in the agreement's order."""
        if self._complete:
            return tuple(other for other in self._picks if other != name)
        picked = {self._names[position] for position in self._picks[name]} & self._picks.keys()
        return tuple(sorted(picked | self._picked_by(name), key=self._positions.__getitem__))

    def held(self, name: str, owners: Iterable[str]) -> tuple[str, ...]:
        """Return those of `owners` whose shares `name` holds, itself among them, in the order of `owners`."""
        if self._complete:
            return tuple(owners)
        pickers = self._picked_by(name)
        return tuple(owner for owner in owners if owner == name or owner in pickers)

    def holders(self, owner: str, among: Iterable[str]) -> tuple[str, ...]:
        """Return those of `among` that hold shares of `owner`, itself among them, in the order of `among`."""
        return tuple(name for name in among if self.deals(owner, name))

    def _picked_by(self, name: str) -> set[str]:
        return self._pickers.get(self._positions[name], set())


def pick(setting: Setting, party: str) -> tuple[int, ...]:
    """Return the positions of the parties that `party` deals shares to, from the operating system's coins.

    They are drawn among all of the agreement, whoever is there: nobody else has a say in them.
    """
    if setting.graph is None:
        return ()
    others = [position for position in range(len(setting.parties)) if position != setting.positions[party]]
    return tuple(sorted(secrets.SystemRandom().sample(others, setting.graph.degree)))


def picks_fault(setting: Setting, party: str, picks: tuple[int, ...]) -> str | None:
    """Return why these are not picks of `party`, or None."""
    degree = setting.graph.degree if setting.graph else 0
    rising = all(before < after for before, after in itertools.pairwise(picks))
    own = setting.positions[party]
    if len(picks) != degree or not rising or own in picks or any(not 0 <= p < len(setting.parties) for p in picks):
        return f"{party!r} does not pick {degree} others, each once, in the agreement's order"
    return None
