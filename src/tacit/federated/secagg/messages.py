"""The messages of the protocol, and their bytes: msgpack arrays, each opening with its kind.

Up is from a party to the server, down from the server to a party:

| step      | up               | down                                                       |
|-----------|------------------|------------------------------------------------------------|
| advertise | `Advertisement`  | `Roster`: the advertisements of itself and its neighbours  |
| share     | `Shares`         | `Inbox`: what its neighbours sealed to this party          |
| mask      | `MaskedVector`   | `Survivors`: whose vectors are in the sum                  |
| confirm   | `Confirmation`   | `Confirmations`: the signatures on that set                |
| unmask    | `Unmasking`      |                                                            |

On the complete graph everyone is everyone's neighbour, and what only the sparse one needs (`regular_graph`) is empty.

A list whose order is given (`Shares.pieces`, `Unmasking`) carries no names: nothing can be repeated or left out in it
without its length being wrong. A `repr` shows no contents.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from tacit.errors import FormatError
from tacit.federated.secagg.shamir import SHARE_BYTES
from tacit.federated.secagg.thresholds import MAX_PARTIES
from tacit.keys.public import SEAL_OVERHEAD, SIGNATURE_BYTES

KEM_KEY_BYTES = 32 + 1184
COMMITMENT_BYTES = 32
TAG_BYTES = 16
CONTRIBUTION_BYTES = 32
SEALED_SHARES_BYTES = SEAL_OVERHEAD + 2 * SHARE_BYTES
SEALED_CONTRIBUTION_BYTES = SEAL_OVERHEAD + CONTRIBUTION_BYTES

KemKey = Annotated[bytes, msgspec.Meta(min_length=KEM_KEY_BYTES, max_length=KEM_KEY_BYTES)]
Commitment = Annotated[bytes, msgspec.Meta(min_length=COMMITMENT_BYTES, max_length=COMMITMENT_BYTES)]
Signature = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]
SealedShares = Annotated[bytes, msgspec.Meta(min_length=SEALED_SHARES_BYTES, max_length=SEALED_SHARES_BYTES)]
SealedContribution = Annotated[
    bytes, msgspec.Meta(min_length=SEALED_CONTRIBUTION_BYTES, max_length=SEALED_CONTRIBUTION_BYTES)
]
Share = Annotated[bytes, msgspec.Meta(min_length=SHARE_BYTES, max_length=SHARE_BYTES)]
Tag = Annotated[bytes, msgspec.Meta(min_length=TAG_BYTES, max_length=TAG_BYTES)]
Name = Annotated[str, msgspec.Meta(max_length=40)]
Position = Annotated[int, msgspec.Meta(ge=0, lt=MAX_PARTIES)]
_Each = msgspec.Meta(max_length=MAX_PARTIES)  # one for each party at most


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What all messages share: an array in msgpack, and a `repr` that gives nothing away."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(contents hidden)"


class Advertisement(Message, frozen=True, tag="advertisement"):
    """A party's keys for this sum, signed by its identity.

    Attributes:
        party: who advertises.
        channel_key: others seal shares to it; fresh, and never revealed.
        mask_key: others seal contributions to pairwise masks to it; its private half follows from the mask root.
        seed_commitment: hash of the self-mask seed, so that a seed that was put together wrongly is noticed.
        picks: positions in the agreement of those that it deals shares to, ascending; empty on the complete graph.
        signature: of all of this and of the setting's digest.
    """

    party: Name
    channel_key: KemKey
    mask_key: KemKey
    seed_commitment: Commitment
    picks: Annotated[tuple[Position, ...], _Each]
    signature: Signature


class Roster(Message, frozen=True, tag="roster"):
    """The advertisements of one party and its neighbours, in the agreement's order."""

    advertisements: Annotated[tuple[Advertisement, ...], _Each]


class Dealing(Message, frozen=True, tag="dealing"):
    """Sealed shares, and the hashes by which a wrong one is found when they are revealed."""

    shares: SealedShares
    root_share_commitment: Commitment
    seed_share_commitment: Commitment


class Piece(Message, frozen=True, tag="piece"):
    """What one party gives a neighbour: a sealed contribution and its hash, and shares if it picked that neighbour."""

    contribution: SealedContribution
    contribution_commitment: Commitment
    dealing: Dealing | None


class Shares(Message, frozen=True, tag="shares"):
    """A party's pieces for the others on its roster, in its order."""

    party: Name
    pieces: Annotated[tuple[Piece, ...], _Each]


class Delivery(Message, frozen=True, tag="delivery"):
    """A piece and whom it is from."""

    sender: Name
    piece: Piece


class Inbox(Message, frozen=True, tag="inbox"):
    """U1, who dealt; and the pieces for one party from its neighbours in U1, in the agreement's order."""

    dealers: Annotated[tuple[Name, ...], _Each]
    deliveries: Annotated[tuple[Delivery, ...], _Each]


class MaskedVector(Message, frozen=True, tag="masked-vector"):
    """A party's vector plus its masks.

    Attributes:
        party: whose it is.
        vector: the words, packed (`Setting.pack`).
        tags: on the sparse graph, for each pick in U1 in the agreement's order: under a key that the two share, which
            dealers the masks are against.
    """

    party: Name
    vector: bytes
    tags: Annotated[tuple[Tag, ...], _Each]


class Survivors(Message, frozen=True, tag="survivors"):
    """U2, whose vectors are in the sum, in the agreement's order; and to one party, the tags of who picked it."""

    parties: Annotated[tuple[Name, ...], _Each]
    tags: Annotated[tuple[Tag, ...], _Each]


class Confirmation(Message, frozen=True, tag="confirmation"):
    """A party's signature of roster, U1 and U2."""

    party: Name
    signature: Signature


class Confirmations(Message, frozen=True, tag="confirmations"):
    """As many confirmations of one survivor set as it needs, in the agreement's order."""

    confirmations: Annotated[tuple[Confirmation, ...], _Each]


class Unmasking(Message, frozen=True, tag="unmasking"):
    """A party's shares of what has to be removed: one share for each member of U1 that dealt it some, never two.

    Attributes:
        party: whose shares they are.
        seed_shares: of the self-mask seeds of U2, in the agreement's order; None where the tag was wrong.
        root_shares: of the mask roots of U1 without U2, in the agreement's order.
    """

    party: Name
    seed_shares: Annotated[tuple[Share | None, ...], _Each]
    root_shares: Annotated[tuple[Share, ...], _Each]


M = TypeVar("M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the msgpack of `message`."""
    return msgspec.msgpack.encode(message)


def decode(data: bytes, kind: type[M]) -> M:
    """Return the `kind` of message that `data` encodes, in time and memory of the order of its length.

    Raises:
        FormatError: anything else.
    """
    try:
        return msgspec.msgpack.decode(data, type=kind, strict=True)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError):
        raise FormatError(f"these bytes are not a message of kind {kind.__name__}") from None
