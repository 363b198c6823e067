"""Pieces: what one party deals another, sealed; and the hashes by which a wrong value is found later.

A piece to somebody that its sender picked (on the complete graph, to everyone) has two seals, because two different
keys are revealed at different times: the shares go to the recipient's *channel* key, which nobody ever learns, and the
contribution to its *mask* key, which the server learns when the recipient drops out. Under one key, a dropped party's
inbox would open everyone's shares to the server. A piece to other neighbours has a contribution alone.

Both seals are bound to the roster (hence to the setting and the instance), the sender and the recipient. They do not
prove who sealed: a party that finds a malformed value names the sender, but a malicious server can stage that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tacit.errors import ProtocolError
from tacit.federated.secagg import seeds
from tacit.federated.secagg.advertisement import SealingKeys
from tacit.federated.secagg.messages import CONTRIBUTION_BYTES, Dealing, Piece
from tacit.federated.secagg.seeds import KemKeys
from tacit.federated.secagg.shamir import SHARE_BYTES, is_share
from tacit.keys.public import frame

SHARES_DOMAIN = "tacit secagg sealed shares"
CONTRIBUTION_DOMAIN = "tacit secagg sealed contribution"
ROOT_SHARE_DOMAIN = "tacit secagg root share commitment"
SEED_SHARE_DOMAIN = "tacit secagg seed share commitment"
CONTRIBUTION_COMMITMENT_DOMAIN = "tacit secagg contribution commitment"


@dataclass(frozen=True)
class Route:
    """From whom to whom, under which roster: what a piece is bound to."""

    roster_digest: bytes
    sender: str
    recipient: str

    def context(self) -> bytes:
        """Return bytes that no other route has."""
        return self.roster_digest + f"{self.sender}\x00{self.recipient}\x00".encode()

    def commit(self, domain: str, value: bytes) -> bytes:
        """Return the hash of a value of 128 random bits or more, which therefore hides it."""
        return hashlib.sha256(frame(domain, self.context() + value)).digest()


@dataclass(frozen=True, repr=False, eq=False)
class Dealt:
    """What one party gives another: its contribution, and shares of mask root and self-mask seed if it picked it."""

    contribution: bytes
    root_share: bytes | None = None
    seed_share: bytes | None = None


def seal_piece(dealt: Dealt, route: Route, recipient: SealingKeys) -> Piece:
    """Seal `dealt` to the keys that the recipient advertises."""
    context, dealing = route.context(), None
    if dealt.root_share is not None and dealt.seed_share is not None:
        dealing = Dealing(
            seeds.seal(recipient.channel, SHARES_DOMAIN, dealt.root_share + dealt.seed_share, context),
            route.commit(ROOT_SHARE_DOMAIN, dealt.root_share),
            route.commit(SEED_SHARE_DOMAIN, dealt.seed_share),
        )
    return Piece(
        seeds.seal(recipient.mask, CONTRIBUTION_DOMAIN, dealt.contribution, context),
        route.commit(CONTRIBUTION_COMMITMENT_DOMAIN, dealt.contribution),
        dealing,
    )


def open_piece(piece: Piece, route: Route, channel: KemKeys, mask: KemKeys, coordinator: str) -> Dealt:
    """Open a piece with the recipient's two key pairs.

    Raises:
        ProtocolError: a seal does not open (names the coordinator), or holds what it should not (names the sender).
    """
    context, dealing = route.context(), piece.dealing
    shares = channel.open(SHARES_DOMAIN, dealing.shares, context) if dealing else b""
    contribution = mask.open(CONTRIBUTION_DOMAIN, piece.contribution, context)
    if shares is None or contribution is None:
        raise ProtocolError(
            f"the piece from {route.sender!r} to {route.recipient!r} was altered, or sealed for another roster",
            culprit=coordinator,
            step="mask",
        )
    halves = (shares[:SHARE_BYTES], shares[SHARE_BYTES:]) if dealing else (None, None)
    dealt = Dealt(contribution, *halves)
    if not _well_formed(dealt, piece, route):
        raise ProtocolError(
            f"the piece for {route.recipient!r} opens, but is malformed or not what it commits to",
            culprit=route.sender,
            step="mask",
        )
    return dealt


def open_contribution(piece: Piece, route: Route, mask: KemKeys) -> bytes | None:
    """Open the contribution alone, with a mask key that was put together again; None unless it is as committed."""
    contribution = mask.open(CONTRIBUTION_DOMAIN, piece.contribution, route.context())
    return contribution if contribution is not None and contribution_matches(contribution, piece, route) else None


def root_share_matches(share: bytes, piece: Piece, route: Route) -> bool:
    """Return whether `share` is the share of the mask root that the sender committed to."""
    return piece.dealing is not None and route.commit(ROOT_SHARE_DOMAIN, share) == piece.dealing.root_share_commitment


def seed_share_matches(share: bytes, piece: Piece, route: Route) -> bool:
    """Return whether `share` is the share of the self-mask seed that the sender committed to."""
    return piece.dealing is not None and route.commit(SEED_SHARE_DOMAIN, share) == piece.dealing.seed_share_commitment


def contribution_matches(contribution: bytes, piece: Piece, route: Route) -> bool:
    """Return whether `contribution` is the one that the sender committed to."""
    return (
        len(contribution) == CONTRIBUTION_BYTES
        and route.commit(CONTRIBUTION_COMMITMENT_DOMAIN, contribution) == piece.contribution_commitment
    )


def _well_formed(dealt: Dealt, piece: Piece, route: Route) -> bool:
    if not contribution_matches(dealt.contribution, piece, route):
        return False
    if dealt.root_share is None or dealt.seed_share is None:
        return piece.dealing is None
    return (
        is_share(dealt.root_share)
        and is_share(dealt.seed_share)
        and root_share_matches(dealt.root_share, piece, route)
        and seed_share_matches(dealt.seed_share, piece, route)
    )
