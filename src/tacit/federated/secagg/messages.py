"""The messages of the protocol, and their bytes: msgpack arrays, each opening with its kind.

Up is from a party to the server, down from the server to a party:

| step      | up               | down                                                       |
|-----------|------------------|------------------------------------------------------------|
| advertise | `Advertisement`  | `Roster`: the advertisements of everyone who sent one      |
| share     | `Shares`         | `Inbox`: what the others sealed to this party              |
| mask      | `MaskedVector`   | `Survivors`: whose vectors are in the sum                  |
| confirm   | `Confirmation`   | `Confirmations`: the signatures on that set                |
| unmask    | `Unmasking`      |                                                            |

A list whose order is given (`Shares.pieces`, `Unmasking`) carries no names: nothing can be repeated or left out in it
without its length being wrong. A `repr` shows no contents.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from tacit.errors import FormatError
from tacit.federated.secagg.shamir import SHARE_BYTES
from tacit.keys.public import SEAL_OVERHEAD, SIGNATURE_BYTES

KEM_KEY_BYTES = 32 + 1184
COMMITMENT_BYTES = 32
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
Name = Annotated[str, msgspec.Meta(max_length=40)]


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
        signature: of all of this and of the setting's digest.
    """

    party: Name
    channel_key: KemKey
    mask_key: KemKey
    seed_commitment: Commitment
    signature: Signature


class Roster(Message, frozen=True, tag="roster"):
    """The advertisements of this sum, in the agreement's order."""

    advertisements: tuple[Advertisement, ...]


class Piece(Message, frozen=True, tag="piece"):
    """What one party gives another: sealed shares, a sealed contribution, and hashes of the three values.

    The hashes let the server see, when values are revealed, who revealed a wrong one.
    """

    shares: SealedShares
    contribution: SealedContribution
    root_share_commitment: Commitment
    seed_share_commitment: Commitment
    contribution_commitment: Commitment


class Shares(Message, frozen=True, tag="shares"):
    """A party's pieces for the others on the roster, in its order."""

    party: Name
    pieces: tuple[Piece, ...]


class Delivery(Message, frozen=True, tag="delivery"):
    """A piece and whom it is from."""

    sender: Name
    piece: Piece


class Inbox(Message, frozen=True, tag="inbox"):
    """The pieces for one party, by sender in the agreement's order: with itself, the senders are U1."""

    deliveries: tuple[Delivery, ...]


class MaskedVector(Message, frozen=True, tag="masked-vector"):
    """A party's vector plus its masks: little-endian words."""

    party: Name
    vector: bytes


class Survivors(Message, frozen=True, tag="survivors"):
    """U2, whose vectors are in the sum, in the agreement's order."""

    parties: tuple[Name, ...]


class Confirmation(Message, frozen=True, tag="confirmation"):
    """A party's signature of roster, U1 and U2."""

    party: Name
    signature: Signature


class Confirmations(Message, frozen=True, tag="confirmations"):
    """The confirmations of one survivor set, in the agreement's order."""

    confirmations: tuple[Confirmation, ...]


class Unmasking(Message, frozen=True, tag="unmasking"):
    """A party's shares of what has to be removed: one share for each member of U1, never two.

    Attributes:
        party: whose shares they are.
        seed_shares: of the self-mask seeds of U2, in the agreement's order.
        root_shares: of the mask roots of U1 without U2, in the agreement's order.
    """

    party: Name
    seed_shares: tuple[Share, ...]
    root_shares: tuple[Share, ...]


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
