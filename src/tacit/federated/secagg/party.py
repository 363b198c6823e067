"""A party of one secure sum, as a state machine: five steps, each once and in order, no input but messages.

Functionality: the server learns the sum of the vectors of U2 modulo 2^w, and U2; nobody learns more. Corrupt may be
the server together with any c of the n parties, and they may do anything (`thresholds` for c, d and t;
docs/protocols/secure-aggregation.md for the argument). Bonawitz et al. 2017, figure 4 with the underlined parts, on
the complete graph; and on a sparse one, in the same rounds, after Bell et al. 2020, section 4 (`regular_graph`).

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

import hmac
import os
from dataclasses import dataclass

import numpy as np

from tacit.errors import IdentityError, ProtocolError
from tacit.federated.secagg import advertisement, confirmation, pieces, seeds, shamir
from tacit.federated.secagg.confirmation import View
from tacit.federated.secagg.masking import Masks
from tacit.federated.secagg.memory import Memory
from tacit.federated.secagg.messages import (
    Advertisement,
    Confirmation,
    Confirmations,
    Inbox,
    MaskedVector,
    Piece,
    Roster,
    Shares,
    Survivors,
    Unmasking,
)
from tacit.federated.secagg.pieces import Dealt, Route
from tacit.federated.secagg.seeds import KemKeys
from tacit.federated.secagg.setting import Setting, Words
from tacit.federated.secagg.topology import Topology, pick
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
    topology: Topology
    picks: tuple[str, ...]
    own: Dealt


@dataclass(frozen=True, repr=False, eq=False)
class _Masked:
    view_so_far: tuple[bytes, tuple[str, ...]]
    held: dict[str, Dealt]
    tags: dict[str, bytes]


@dataclass(frozen=True, repr=False, eq=False)
class _Confirmed:
    view: View
    held: dict[str, Dealt]
    mistold: frozenset[str]


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
            pick(self._setting, self._identity.name),
        )
        self._memory.keep(_Advertised(secrets, own))
        return own

    def share(self, roster: Roster) -> Shares:
        """Check the keys of all neighbours; return the pieces that deal the secrets to them.

        Raises:
            ProtocolError: the roster is not one to go on with; names the coordinator.
        """
        known = self._memory.take(_Advertised, "share")
        self._refuse(advertisement.roster_fault(self._setting, roster, known.own), "share")
        digest = advertisement.roster_digest(self._setting, roster)
        topology = Topology(self._setting, roster.advertisements)
        dealt = self._deal(known.secrets, digest, topology, known.own.picks)
        sealed = tuple(
            self._seal(dealt[peer.party], digest, peer)
            for peer in roster.advertisements
            if peer.party != self._identity.name
        )
        picks = tuple(self._setting.names[position] for position in known.own.picks)
        self._memory.keep(_Shared(known.secrets, digest, topology, picks, dealt[self._identity.name]))
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
        self._refuse(self._inbox_fault(inbox, known), "mask")
        received = self._open(inbox, known)
        sent = {
            peer: seeds.contribution(known.secrets.root, known.roster_digest, self._identity.name, peer)
            for peer in received
        }
        masked = self._put_masks(vector, known, sent, received)
        own_tags, others_tags = self._tags(inbox.dealers, known, sent, received)
        held = {peer: dealt for peer, dealt in received.items() if dealt.root_share is not None}
        held[self._identity.name] = known.own
        self._memory.keep(_Masked((known.roster_digest, inbox.dealers), held, others_tags))
        return MaskedVector(self._identity.name, self._setting.pack(masked), own_tags)

    def confirm(self, survivors: Survivors) -> Confirmation:
        """Check the survivor set and return this party's signature of it.

        Raises:
            ProtocolError: names the coordinator.
        """
        known = self._memory.take(_Masked, "confirm")
        digest, dealers = known.view_so_far
        fault = confirmation.survivors_fault(self._setting, dealers, survivors, self._identity.name)
        self._refuse(fault, "confirm")
        tellers = [name for name in survivors.parties if name in known.tags]
        fits = len(survivors.tags) == len(tellers)
        self._refuse(None if fits else f"{len(survivors.tags)} tags from {len(tellers)} that picked us", "confirm")
        told = zip(tellers, survivors.tags, strict=True)
        mistold = frozenset(name for name, tag in told if not hmac.compare_digest(tag, known.tags[name]))
        view = View(digest, dealers, survivors.parties)
        signed = confirmation.sign_confirmation(self._setting, self._identity, view)
        self._memory.keep(_Confirmed(view, known.held, mistold))
        return signed

    def unmask(self, confirmations: Confirmations) -> Unmasking:
        """Return the shares that unmask the sum over the confirmed survivors; the party is then done.

        Raises:
            ProtocolError: too few signed what this party signed; names the coordinator.
        """
        known = self._memory.take(_Confirmed, "unmask")
        self._refuse(confirmation.confirmations_fault(self._setting, known.view, confirmations), "unmask")
        held = known.held
        # Never both shares of one peer: survivors and dropped are disjoint parts of U1. And none of a survivor that
        # masked against others than we think: what hangs together by masks would not be all that is summed.
        return Unmasking(
            self._identity.name,
            tuple(
                None if peer in known.mistold else held[peer].seed_share
                for peer in known.view.survivors
                if peer in held
            ),
            tuple(
                share for peer in known.view.dropped if peer in held and (share := held[peer].root_share) is not None
            ),
        )

    def _refuse(self, fault: str | None, step: str) -> None:
        if fault:
            raise ProtocolError(fault, culprit=self._setting.coordinator, step=step)

    def _deal(self, secrets: _Secrets, digest: bytes, topology: Topology, picks: tuple[int, ...]) -> dict[str, Dealt]:
        # Shares by position in the agreement: whoever is missing from the roster leaves its point unused.
        own, positions = self._identity.name, self._setting.positions
        everyone = tuple(range(len(self._setting.parties)))
        places = everyone if self._setting.graph is None else (*picks, positions[own])
        points, t = [place + 1 for place in places], self._setting.threshold
        root_shares = dict(zip(places, shamir.split(secrets.root, t, points), strict=True))
        seed_shares = dict(zip(places, shamir.split(secrets.seed, t, points), strict=True))
        return {
            peer: Dealt(
                seeds.contribution(secrets.root, digest, own, peer),
                root_shares.get(positions[peer]),
                seed_shares.get(positions[peer]),
            )
            for peer in (*topology.neighbours(own), own)
        }

    def _seal(self, dealt: Dealt, digest: bytes, peer: Advertisement) -> Piece:
        try:
            keys = advertisement.sealing_keys(peer, tried=False)
            return pieces.seal_piece(dealt, Route(digest, self._identity.name, peer.party), keys)
        except ValueError:
            fault = advertisement.unusable(peer.party)
        # Not in the handler above: no chain leads to what was being sealed.
        raise ProtocolError(fault, culprit=self._setting.coordinator, step="share")

    def _inbox_fault(self, inbox: Inbox, known: _Shared) -> str | None:
        own, dealers = self._identity.name, inbox.dealers
        if dealers != self._setting.in_order(dealers) or own not in dealers:
            return "the dealers are not parties of the agreement with us among them, each once, in its order"
        if len(dealers) < self._setting.minimum_survivors:
            return f"{len(dealers)} parties dealt shares, fewer than {self._setting.minimum_survivors}"
        neighbours, dealt = set(known.topology.neighbours(own)), set(dealers) - {own}
        strangers = dealt - neighbours if self._setting.graph is None else dealt & set(known.picks) - neighbours
        if strangers:
            return f"{min(strangers)!r} dealt shares and was not on our roster"
        if tuple(delivery.sender for delivery in inbox.deliveries) != self._setting.in_order(dealt & neighbours):
            return "the inbox is not from the dealers on our roster, each once, in the agreement's order"
        holders = len(known.topology.holders(own, dealers))
        if holders < self._setting.threshold:
            return f"{holders} dealers hold shares of ours, fewer than {self._setting.threshold}"
        return None

    def _open(self, inbox: Inbox, known: _Shared) -> dict[str, Dealt]:
        own, opened = self._identity.name, {}
        for delivery in inbox.deliveries:
            sender, piece = delivery.sender, delivery.piece
            fits = (piece.dealing is not None) == known.topology.deals(sender, own)
            self._refuse(None if fits else f"the piece of {sender!r} lacks shares, or has some unasked", "mask")
            opened[sender] = pieces.open_piece(
                piece,
                Route(known.roster_digest, sender, own),
                known.secrets.channel,
                known.secrets.mask,
                self._setting.coordinator,
            )
        return opened

    def _put_masks(self, vector: Words, known: _Shared, sent: dict[str, bytes], received: dict[str, Dealt]) -> Words:
        masks = Masks(self._setting, known.roster_digest)
        masks.add_self_mask(known.secrets.seed)
        for peer, dealt in received.items():
            masks.add_pair_mask(self._identity.name, sent[peer], peer, dealt.contribution)
        masked = np.array(vector, order="C")
        masks.apply(masked)
        return masked

    def _tags(
        self, dealers: tuple[str, ...], known: _Shared, sent: dict[str, bytes], received: dict[str, Dealt]
    ) -> tuple[tuple[bytes, ...], dict[str, bytes]]:
        """Return the tags for our holders, and those that we expect from the ones whose shares we hold."""
        if self._setting.graph is None:
            return (), {}
        own, digest, told = self._identity.name, known.roster_digest, seeds.dealers_digest(dealers)
        holders = [name for name in known.topology.holders(own, dealers) if name != own]
        owners = [name for name in known.topology.held(own, dealers) if name != own]
        ours = (seeds.dealers_tag(sent[name], received[name].contribution, digest, own, name, told) for name in holders)
        theirs = {
            name: seeds.dealers_tag(received[name].contribution, sent[name], digest, name, own, told) for name in owners
        }
        return tuple(ours), theirs

    def __repr__(self) -> str:
        return f"AggregationParty({self._identity.name!r}, secrets hidden)"


def _draw(setting: Setting) -> _Secrets:
    root, seed = os.urandom(seeds.SECRET_BYTES), os.urandom(seeds.SECRET_BYTES)
    return _Secrets(root, seed, KemKeys.fresh(), KemKeys.from_root(root, setting.digest))
