"""A party of one secure sum, as a state machine: five steps, each once and in order, no input but messages.

Functionality: the server learns the sum of the vectors of U2 modulo 2^w, and U2; nobody learns more. Corrupt may be
the server together with any c of the n parties, and they may do anything (`thresholds` for c, d and t;
docs/protocols/secure-aggregation.md for the argument). Bonawitz et al. 2017, figure 4 with the underlined parts, on
the complete graph; Bell et al. 2020 have the same rounds.

    advertise() -> Advertisement       fresh keys, signed
    share(Roster) -> Shares            secrets dealt to the others, t of n
    mask(Inbox, vector) -> MaskedVector
    confirm(Survivors) -> Confirmation the survivor set, signed
    unmask(Confirmations) -> Unmasking one share for each party, of the self-mask seed *or* of the mask root

What a party knows after a step is an object of its own, which the next step takes out of its `Memory` before it looks
at anything: an error, a repeated message or one out of order leaves the party with nothing, for good. Rounds and bytes
are in `costs`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from tacit.errors import IdentityError, ProtocolError
from tacit.federated.secagg import advertisement, confirmation, masking, pieces, seeds, shamir
from tacit.federated.secagg.confirmation import View
from tacit.federated.secagg.memory import Memory
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
from tacit.federated.secagg.pieces import Dealt, Route
from tacit.federated.secagg.seeds import KemKeys
from tacit.federated.secagg.setting import Setting, Words
from tacit.keys import Identity


class _Fresh:
    """Nothing has happened."""


@dataclass(frozen=True, repr=False, eq=False)
class _Secrets:
    root: bytes
    seed: bytes
    channel: KemKeys
    mask: KemKeys


@dataclass(frozen=True, repr=False, eq=False)
class _Advertised:
    secrets: _Secrets
    own: Advertisement


@dataclass(frozen=True, repr=False, eq=False)
class _Shared:
    secrets: _Secrets
    roster_digest: bytes
    roster: tuple[str, ...]
    own: Dealt


@dataclass(frozen=True, repr=False, eq=False)
class _Masked:
    roster_digest: bytes
    held: dict[str, Dealt]


@dataclass(frozen=True, repr=False, eq=False)
class _Confirmed:
    view: View
    held: dict[str, Dealt]


class AggregationParty:
    """One party of one sum. Never start two for the same setting: see `Setting.instance`."""

    def __init__(self, setting: Setting, identity: Identity) -> None:
        """Take part in `setting` as `identity`; IdentityError if it is not one of the parties."""
        if identity.public not in setting.parties:
            raise IdentityError(f"{identity.name!r} is not a party of this sum, or the agreement has another key of it")
        self._setting = setting
        self._identity = identity
        self._memory = Memory(_Fresh(), setting.coordinator)

    def advertise(self) -> Advertisement:
        """Draw the secrets of this sum and return the signed public keys."""
        self._memory.take(_Fresh, "advertise")
        secrets = _draw(self._setting)
        own = advertisement.sign_advertisement(
            self._setting,
            self._identity,
            secrets.channel.public,
            secrets.mask.public,
            seeds.seed_commitment(secrets.seed, self._setting.digest, self._identity.name),
        )
        self._memory.keep(_Advertised(secrets, own))
        return own

    def share(self, roster: Roster) -> Shares:
        """Check everyone's keys; return the pieces that deal the secrets to the others.

        Raises:
            ProtocolError: the roster is not one to go on with; names the coordinator.
        """
        known = self._memory.take(_Advertised, "share")
        self._refuse(advertisement.roster_fault(self._setting, roster, known.own), "share")
        digest = advertisement.roster_digest(self._setting, roster)
        dealt = self._deal(known.secrets, digest)
        sealed = tuple(
            pieces.seal_piece(dealt[peer.party], Route(digest, self._identity.name, peer.party), peer)
            for peer in roster.advertisements
            if peer.party != self._identity.name
        )
        names = tuple(ad.party for ad in roster.advertisements)
        self._memory.keep(_Shared(known.secrets, digest, names, dealt[self._identity.name]))
        return Shares(self._identity.name, sealed)

    def mask(self, inbox: Inbox, vector: Words) -> MaskedVector:
        """Open the others' pieces and return `vector` (left as it is) under the masks.

        Raises:
            ValueError: `vector` does not have the setting's type and length.
            ProtocolError: names the coordinator, or the sender of a malformed piece.
        """
        known = self._memory.take(_Shared, "mask")
        if vector.dtype != self._setting.dtype or vector.shape != (self._setting.length,):
            raise ValueError(
                f"the vector is {vector.dtype} of shape {vector.shape}; this sum is over vectors of "
                f"{self._setting.length} words of {self._setting.dtype}"
            )
        self._refuse(self._inbox_fault(inbox, known.roster), "mask")
        received = self._open(inbox, known)
        masked = self._put_masks(vector, known, received)
        data = masked.astype(masked.dtype.newbyteorder("<"), copy=False).tobytes()
        self._memory.keep(_Masked(known.roster_digest, {**received, self._identity.name: known.own}))
        return MaskedVector(self._identity.name, data)

    def confirm(self, survivors: Survivors) -> Confirmation:
        """Check the survivor set and return this party's signature of it.

        Raises:
            ProtocolError: names the coordinator.
        """
        known = self._memory.take(_Masked, "confirm")
        dealers = self._setting.in_order(known.held)
        fault = confirmation.survivors_fault(self._setting, dealers, survivors, self._identity.name)
        self._refuse(fault, "confirm")
        view = View(known.roster_digest, dealers, survivors.parties)
        signed = confirmation.sign_confirmation(self._setting, self._identity, view)
        self._memory.keep(_Confirmed(view, known.held))
        return signed

    def unmask(self, confirmations: Confirmations) -> Unmasking:
        """Return the shares that unmask the sum over the confirmed survivors; the party is then done.

        Raises:
            ProtocolError: too few signed what this party signed; names the coordinator.
        """
        known = self._memory.take(_Confirmed, "unmask")
        self._refuse(confirmation.confirmations_fault(self._setting, known.view, confirmations), "unmask")
        # Never both shares of one peer: survivors and dropped are disjoint parts of U1.
        return Unmasking(
            self._identity.name,
            tuple(known.held[peer].seed_share for peer in known.view.survivors),
            tuple(known.held[peer].root_share for peer in known.view.dropped),
        )

    def _refuse(self, fault: str | None, step: str) -> None:
        if fault:
            raise ProtocolError(fault, culprit=self._setting.coordinator, step=step)

    def _deal(self, secrets: _Secrets, digest: bytes) -> dict[str, Dealt]:
        # Shares by position in the agreement: whoever is missing from the roster leaves its point unused.
        n, t = len(self._setting.parties), self._setting.threshold
        shares = zip(
            self._setting.names, shamir.split(secrets.root, t, n), shamir.split(secrets.seed, t, n), strict=True
        )
        return {
            peer: Dealt(root_share, seed_share, seeds.contribution(secrets.root, digest, self._identity.name, peer))
            for peer, root_share, seed_share in shares
        }

    def _inbox_fault(self, inbox: Inbox, roster: tuple[str, ...]) -> str | None:
        senders = tuple(delivery.sender for delivery in inbox.deliveries)
        others = {name for name in roster if name != self._identity.name}
        if senders != self._setting.in_order(senders) or not set(senders) <= others:
            return "the inbox is not from other parties on the roster, each once, in its order"
        if len(senders) + 1 < self._setting.minimum_survivors:
            return f"{len(senders) + 1} parties dealt shares, fewer than {self._setting.minimum_survivors}"
        return None

    def _open(self, inbox: Inbox, known: _Shared) -> dict[str, Dealt]:
        return {
            delivery.sender: pieces.open_piece(
                delivery.piece,
                Route(known.roster_digest, delivery.sender, self._identity.name),
                known.secrets.channel,
                known.secrets.mask,
                self._setting.coordinator,
            )
            for delivery in inbox.deliveries
        }

    def _put_masks(self, vector: Words, known: _Shared, received: dict[str, Dealt]) -> Words:
        masked = np.array(vector, order="C")
        masking.add_self_mask(masked, self._setting, known.secrets.seed)
        for peer, dealt in received.items():
            sent = seeds.contribution(known.secrets.root, known.roster_digest, self._identity.name, peer)
            masking.add_pair_mask(
                masked, self._setting, known.roster_digest, self._identity.name, sent, peer, dealt.contribution
            )
        return masked

    def __repr__(self) -> str:
        return f"AggregationParty({self._identity.name!r}, secrets hidden)"


def _draw(setting: Setting) -> _Secrets:
    root, seed = os.urandom(seeds.SECRET_BYTES), os.urandom(seeds.SECRET_BYTES)
    return _Secrets(root, seed, KemKeys.fresh(), KemKeys.from_root(root, setting.digest))
