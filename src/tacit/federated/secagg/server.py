"""The server of one secure sum, as a state machine: five steps, each once and in order, no input but messages.

    roster(advertisements) -> Roster          everyone gets the same
    inboxes(shares) -> {party: Inbox}         the pieces, sorted by recipient
    survivors(masked vectors) -> Survivors
    confirmations(confirmations) -> Confirmations
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
    Unmasking,
)
from tacit.federated.secagg.recovery import Ledger
from tacit.federated.secagg.setting import Setting, Words

M = TypeVar("M", Advertisement, Shares, MaskedVector, Confirmation, Unmasking)


class _Empty:
    """Nothing has happened."""


@dataclass(frozen=True, repr=False, eq=False)
class _Rostered:
    roster: Roster
    names: tuple[str, ...]


@dataclass(frozen=True, repr=False, eq=False)
class _Dealt:
    roster: Roster
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

    def roster(self, advertisements: Mapping[str, Advertisement]) -> Roster:
        """Return the roster of those who advertised usable, signed keys; ProtocolError if they are too few."""
        self._memory.take(_Empty, "advertise")
        members = [ad for name, ad in advertisements.items() if name in self._setting.positions]
        keys = Counter(key for ad in members for key in (ad.channel_key, ad.mask_key))

        def fault(ad: Advertisement) -> str | None:
            if keys[ad.channel_key] + keys[ad.mask_key] > 2:
                return f"a key that {ad.party!r} advertises is advertised twice"
            return advertisement.advertisement_fault(self._setting, ad)

        everyone = self._setting.names
        good = self._gather("advertise", advertisements, everyone, self._setting.minimum_survivors, fault)
        roster = Roster(tuple(good.values()))
        self._memory.keep(_Rostered(roster, tuple(good)))
        return roster

    def inboxes(self, shares: Mapping[str, Shares]) -> dict[str, Inbox]:
        """Return, for each party that dealt shares (U1), what the others dealt it; ProtocolError if too few did."""
        known = self._memory.take(_Rostered, "share")

        def fault(message: Shares) -> str | None:
            if len(message.pieces) != len(known.names) - 1:
                return f"it dealt {len(message.pieces)} pieces to {len(known.names) - 1} others on the roster"
            return None

        good = self._gather("share", shares, known.names, self._setting.minimum_survivors, fault)
        pieces = {sender: _by_recipient(message, known.names) for sender, message in good.items()}
        inboxes = {
            recipient: Inbox(
                tuple(Delivery(sender, pieces[sender][recipient]) for sender in pieces if sender != recipient)
            )
            for recipient in pieces
        }
        self._memory.keep(_Dealt(known.roster, pieces))
        return inboxes

    def survivors(self, vectors: Mapping[str, MaskedVector]) -> Survivors:
        """Add up the masked vectors and return whose they are (U2); ProtocolError if they are too few."""
        known = self._memory.take(_Dealt, "mask")

        def fault(message: MaskedVector) -> str | None:
            if len(message.vector) != self._setting.vector_bytes:
                return f"its vector has {len(message.vector)} bytes, not {self._setting.vector_bytes}"
            return None

        good = self._gather("mask", vectors, tuple(known.pieces), self._setting.minimum_survivors, fault)
        total = np.zeros(self._setting.length, self._setting.dtype)
        for message in good.values():
            total += np.frombuffer(message.vector, self._setting.dtype.newbyteorder("<"))
        digest = advertisement.roster_digest(self._setting, known.roster)
        view = View(digest, tuple(known.pieces), tuple(good))
        advertisements = {ad.party: ad for ad in known.roster.advertisements}
        self._surviving = view.survivors
        self._memory.keep(Ledger(self._setting, advertisements, known.pieces, view, total))
        return Survivors(view.survivors)

    def confirmations(self, confirmations: Mapping[str, Confirmation]) -> Confirmations:
        """Return the signatures on the survivor set; ProtocolError if fewer than t hold."""
        ledger = self._memory.take(Ledger, "confirm")

        def fault(message: Confirmation) -> str | None:
            return confirmation.confirmation_fault(self._setting, ledger.view, message)

        good = self._gather("confirm", confirmations, self.surviving, self._setting.threshold, fault)
        self._memory.keep(_Confirmed(ledger))
        return Confirmations(tuple(good.values()))

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


def _by_recipient(message: Shares, roster: tuple[str, ...]) -> dict[str, Piece]:
    others = (name for name in roster if name != message.party)
    return dict(zip(others, message.pieces, strict=True))
