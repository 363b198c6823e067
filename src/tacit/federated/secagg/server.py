"""The server of one secure sum, as a state machine: five steps, each once and in order, no input but messages.

    roster(advertisements) -> {party: Roster}         its neighbourhood; everyone's is the same on the complete graph
    inboxes(shares) -> {party: Inbox}                 the pieces, sorted by recipient
    survivors(masked vectors) -> {party: Survivors}
    confirmations(confirmations) -> {party: Confirmations}
    result(unmaskings) -> the sum, modulo 2^w

Each takes the messages that came in, by the name of the party whose channel they came through. A party whose message
is missing or invalid is left out from then on and recorded, with the reason, in `excluded`; when too few are left,
ProtocolError names those who are missing. Who is *in the sum* is `surviving`, whatever happens in later steps. The
parties do not trust this class: its checks serve an honest server, to go on without a bad party and to name it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tacit.errors import ProtocolError
from tacit.federated.secagg import advertisement, confirmation, recovery
from tacit.federated.secagg.confirmation import View
from tacit.federated.secagg.memory import Memory
from tacit.federated.secagg.messages import (
    Advertisement,
    Confirmation,
    Confirmations,
    Delivery,
    Inbox,
    MaskedVector,
    Piece,
    Roster,
    Shares,
    Survivors,
    Tag,
    Unmasking,
)
from tacit.federated.secagg.recovery import Ledger
from tacit.federated.secagg.setting import Setting, Words
from tacit.federated.secagg.topology import Topology

M = TypeVar("M", Advertisement, Shares, MaskedVector, Confirmation, Unmasking)


class _Empty:
    """Nothing has happened."""


@dataclass(frozen=True, repr=False, eq=False)
class _Rostered:
    rosters: dict[str, Roster]
    topology: Topology
    advertisements: dict[str, Advertisement]


@dataclass(frozen=True, repr=False, eq=False)
class _Dealt:
    rostered: _Rostered
    pieces: dict[str, dict[str, Piece]]


@dataclass(frozen=True, repr=False, eq=False)
class _Confirmed:
    ledger: Ledger


class AggregationServer:
    """The server of one sum.

    Attributes:
        excluded: who was left out of a step, and why; empty if everyone did everything.
    """

    def __init__(self, setting: Setting) -> None:
        """Serve `setting`."""
        self._setting = setting
        self._memory = Memory(_Empty(), setting.coordinator)
        self._surviving: tuple[str, ...] | None = None
        self.excluded: dict[str, str] = {}

    @property
    def surviving(self) -> tuple[str, ...]:
        """U2, whose vectors are in the sum, in the agreement's order; known once `survivors` has returned."""
        if self._surviving is None:
            raise RuntimeError("the survivors are known once the masked vectors are in")
        return self._surviving

    def roster(self, advertisements: Mapping[str, Advertisement]) -> dict[str, Roster]:
        """Return the rosters of those who advertised usable, signed keys; ProtocolError if they are too few."""
        self._memory.take(_Empty, "advertise")
        members = [ad for name, ad in advertisements.items() if name in self._setting.positions]
        keys = Counter(key for ad in members for key in (ad.channel_key, ad.mask_key))

        def fault(ad: Advertisement) -> str | None:
            if keys[ad.channel_key] + keys[ad.mask_key] > 2:
                return f"a key that {ad.party!r} advertises is advertised twice"
            fault = advertisement.advertisement_fault(self._setting, ad)
            return fault or advertisement.keys_fault(ad)

        everyone = self._setting.names
        good = self._gather("advertise", advertisements, everyone, self._setting.minimum_survivors, fault)
        topology = Topology(self._setting, good.values())
        rosters = _rosters(self._setting, topology, good)
        self._memory.keep(_Rostered(rosters, topology, good))
        return dict(rosters)

    def inboxes(self, shares: Mapping[str, Shares]) -> dict[str, Inbox]:
        """Return, for each party that dealt shares (U1), what the others dealt it; ProtocolError if too few did."""
        known = self._memory.take(_Rostered, "share")

        def fault(message: Shares) -> str | None:
            neighbours = known.topology.neighbours(message.party)
            if len(message.pieces) != len(neighbours):
                return f"it dealt {len(message.pieces)} pieces to {len(neighbours)} others on its roster"
            for neighbour, piece in zip(neighbours, message.pieces, strict=True):
                if (piece.dealing is not None) != known.topology.deals(message.party, neighbour):
                    return f"its piece for {neighbour!r} has shares that it should not have, or lacks them"
            return None

        expected = tuple(known.advertisements)
        good = self._gather("share", shares, expected, self._setting.minimum_survivors, fault)
        neighbours = {name: known.topology.neighbours(name) for name in good}
        pieces = {
            sender: dict(zip(neighbours[sender], message.pieces, strict=True)) for sender, message in good.items()
        }
        dealers = tuple(good)
        inboxes = {
            recipient: Inbox(
                dealers,
                tuple(
                    Delivery(sender, pieces[sender][recipient]) for sender in neighbours[recipient] if sender in good
                ),
            )
            for recipient in good
        }
        self._memory.keep(_Dealt(known, pieces))
        return inboxes

    def survivors(self, vectors: Mapping[str, MaskedVector]) -> dict[str, Survivors]:
        """Add up the masked vectors and return whose they are (U2); ProtocolError if they are too few."""
        known = self._memory.take(_Dealt, "mask")
        rostered, dealers = known.rostered, tuple(known.pieces)
        total = np.zeros(self._setting.length, self._setting.dtype)
        tags: dict[str, dict[str, Tag]] = {}

        def fault(message: MaskedVector) -> str | None:
            # Added up here, so that no more than one vector is held unpacked.
            told = _told(self._setting, rostered.topology, message.party, dealers)
            if len(message.tags) != len(told):
                return f"it sent {len(message.tags)} tags for {len(told)} holders of its shares"
            words = self._setting.unpack(message.vector)
            if words is None:
                return f"its vector of {len(message.vector)} bytes is not one of {self._setting.vector_bytes}"
            np.add(total, words, out=total)
            tags[message.party] = dict(zip(told, message.tags, strict=True))
            return None

        good = self._gather("mask", vectors, dealers, self._setting.minimum_survivors, fault)
        digest = advertisement.roster_digest(self._setting, Roster(tuple(rostered.advertisements.values())))
        view = View(digest, dealers, tuple(good))
        self._surviving = view.survivors
        self._memory.keep(Ledger(self._setting, rostered.advertisements, rostered.topology, known.pieces, view, total))
        return {name: Survivors(view.survivors, _tags_for(name, rostered.topology, view, tags)) for name in good}

    def confirmations(self, confirmations: Mapping[str, Confirmation]) -> dict[str, Confirmations]:
        """Return enough signatures on the survivor set; ProtocolError if too few hold."""
        ledger, committee = self._memory.take(Ledger, "confirm"), self._setting.committee

        def fault(message: Confirmation) -> str | None:
            if message.party not in committee:
                return None
            return confirmation.confirmation_fault(self._setting, ledger.view, message)

        good = self._gather("confirm", confirmations, self.surviving, self._setting.quorum, fault)
        counting = [message for name, message in good.items() if name in committee]
        if len(counting) < self._setting.quorum:
            silent = [name for name in self._setting.names if name in committee and name not in good]
            reason = f"{len(counting)} of the committee confirmed the survivors, {self._setting.quorum} needed"
            raise ProtocolError(reason, culprit=", ".join(silent), step="confirm")
        self._memory.keep(_Confirmed(ledger))
        return dict.fromkeys(self.surviving, Confirmations(tuple(counting[: self._setting.quorum])))

    def result(self, unmaskings: Mapping[str, Unmasking]) -> Words:
        """Return the sum of the survivors' vectors modulo 2^w.

        Raises:
            ProtocolError: fewer than t parties sent the shares that were dealt to them, or a party dealt shares,
                a seed or contributions that do not fit together; names them.
        """
        known = self._memory.take(_Confirmed, "unmask")

        def fault(message: Unmasking) -> str | None:
            return recovery.unmasking_fault(known.ledger, message)

        good = self._gather("unmask", unmaskings, self.surviving, self._setting.threshold, fault)
        return recovery.recover_sum(known.ledger, good)

    def _gather(
        self,
        step: str,
        messages: Mapping[str, M],
        expected: tuple[str, ...],
        minimum: int,
        fault: Callable[[M], str | None],
    ) -> dict[str, M]:
        # The valid messages by party, in the agreement's order; everyone else goes to `excluded`.
        good: dict[str, M] = {}
        for name in expected:
            reason = _fault_of(name, messages, fault)
            if reason:
                self.excluded.setdefault(name, f"step {step}: {reason}")
            else:
                good[name] = messages[name]
        for name in messages:
            if name not in expected:
                self.excluded.setdefault(name, f"step {step}: it has no part in this step")
        if len(good) < minimum:
            missing = [name for name in expected if name not in good]
            reasons = "; ".join(f"{name}: {self.excluded[name]}" for name in missing)
            message = f"{len(good)} valid messages, {minimum} needed ({reasons})"
            raise ProtocolError(message, culprit=", ".join(missing), step=step)
        return good

    def __repr__(self) -> str:
        return f"AggregationServer({len(self._setting.parties)} parties, contents hidden)"


def _fault_of(name: str, messages: Mapping[str, M], fault: Callable[[M], str | None]) -> str | None:
    if name not in messages:
        return "it sent nothing"
    if messages[name].party != name:
        return "it sent a message in another party's name"
    return fault(messages[name])


def _rosters(setting: Setting, topology: Topology, good: dict[str, Advertisement]) -> dict[str, Roster]:
    if setting.graph is None:
        return dict.fromkeys(good, Roster(tuple(good.values())))
    circles = {name: setting.in_order({name, *topology.neighbours(name)}) for name in good}
    return {name: Roster(tuple(good[member] for member in circle)) for name, circle in circles.items()}


def _told(setting: Setting, topology: Topology, party: str, dealers: tuple[str, ...]) -> tuple[str, ...]:
    """Return whom `party` tells of its dealers: the holders of its shares, on the sparse graph."""
    if setting.graph is None:
        return ()
    return tuple(name for name in topology.holders(party, dealers) if name != party)


def _tags_for(name: str, topology: Topology, view: View, tags: dict[str, dict[str, Tag]]) -> tuple[Tag, ...]:
    held = topology.held(name, view.survivors) if tags[name] else ()
    return tuple(tags[owner][name] for owner in held if owner != name)
