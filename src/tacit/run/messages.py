"""What is said in a run besides the messages of secure aggregation."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tacit.federated.blinding import GROUP_KEY_BYTES
from tacit.federated.secagg.messages import (
    Advertisement,
    Confirmation,
    Confirmations,
    Inbox,
    MaskedVector,
    Name,
    Roster,
    Shares,
    Signature,
    Survivors,
    Unmasking,
)
from tacit.keys.public import SEAL_OVERHEAD
from tacit.run.continuing import Mark
from tacit.study.agreement import MAX_PARTIES

GRANT_BYTES = SEAL_OVERHEAD + GROUP_KEY_BYTES
MAX_MARKS = 8

Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Grant = Annotated[bytes, msgspec.Meta(min_length=GRANT_BYTES, max_length=GRANT_BYTES)]
Reason = Annotated[str, msgspec.Meta(max_length=1000)]
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_PARTIES)]
Grants = Annotated[dict[Name, Grant], msgspec.Meta(max_length=MAX_PARTIES)]


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What all messages share: arrays in msgpack, as those of secure aggregation are."""


class JoinBody(_Said, frozen=True):
    """What a party signs to join.

    Attributes:
        party: who joins.
        study: the agreement's digest.
        plan: digest of the plan that it works out from the agreement.
        nonce: fresh randomness.
        history: what its earlier runs came to.
        grants: digest of its grants.
        group_key: commitment to the one key in all of them.
        marks: the steps of an unfinished run that it could continue after.
        step: the first step that, as far as it knows, nobody has been charged for.
        lost: how many sums of the statistics, as far as it knows, somebody has been charged for.
    """

    party: Name
    study: Digest
    plan: Digest
    nonce: Digest
    history: Digest
    grants: Digest
    group_key: Digest
    marks: Annotated[tuple[Mark, ...], msgspec.Meta(max_length=MAX_MARKS)]
    step: int
    lost: int


class SignedJoin(_Said, frozen=True):
    """A party's join, signed by its identity."""

    body: JoinBody
    signature: Signature


class Join(_Said, frozen=True, tag="run/join"):
    """Party to coordinator: I take part. `grants` seals a group key to each other party, used if this one leads."""

    signed: SignedJoin
    grants: Grants


class Participants(_Said, frozen=True, tag="run/participants"):
    """Coordinator to all: who takes part, and the grants of the first of them, who leads."""

    joins: Annotated[tuple[SignedJoin, ...], msgspec.Meta(max_length=MAX_PARTIES)]
    grants: Grants


class Total(_Said, frozen=True, tag="run/total"):
    """Coordinator to all: the blinded sums of a step.

    Attributes:
        words: each group's sum, packed, one after the other.
        survivors: whose vectors are in each of them, in the agreement's order.
    """

    words: bytes
    survivors: Annotated[tuple[Names, ...], msgspec.Meta(max_length=MAX_PARTIES)]


class Proposal(_Said, frozen=True, tag="run/proposal"):
    """Leader to all, through the coordinator: the bundle's manifest, signed by the leader, and the encrypted model."""

    manifest: bytes
    payload: bytes
    signature: Signature


class Ready(_Said, frozen=True, tag="run/ready"):
    """Party to coordinator: trained, and waiting for another's proposal."""


class Signers(_Said, frozen=True, tag="run/signers"):
    """Coordinator to all: who is left to sign, in the agreement's order; the first proposes the bundle.

    It is said again, with fewer, when one of them was lost before all had signed.
    """

    parties: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_PARTIES)]


class ManifestSignature(_Said, frozen=True, tag="run/signature"):
    """Party to coordinator: my signature of the manifest."""

    signature: Signature


class ManifestSignatures(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/signatures"
):
    """Coordinator to all: everyone's signatures of the manifest."""

    signatures: Annotated[dict[Name, Signature], msgspec.Meta(max_length=MAX_PARTIES)]


class Done(_Said, frozen=True, tag="run/done"):
    """Party to coordinator: I have the whole bundle, and it verifies."""


class Working(_Said, frozen=True, tag="run/working"):
    """Party to coordinator, unasked: I compute with the others, and so many epochs are done."""

    epoch: int


class Failed(_Said, frozen=True, tag="run/failed"):
    """Party to coordinator: the computation stopped here; whom I blame, and why."""

    culprit: Reason
    reason: Reason


class Lost(_Said, frozen=True, tag="run/lost"):
    """Coordinator to a party whose computation stopped: who is no longer there."""

    parties: Names


class Stop(_Said, frozen=True, tag="run/stop"):
    """Coordinator to a party, or a party to the coordinator: this run is over, and why."""

    reason: str


PartyMessage = (
    Join
    | Advertisement
    | Shares
    | MaskedVector
    | Confirmation
    | Unmasking
    | Ready
    | Proposal
    | ManifestSignature
    | Working
    | Failed
    | Done
    | Stop
)
CoordinatorMessage = (
    Participants
    | Roster
    | Inbox
    | Survivors
    | Confirmations
    | Total
    | Lost
    | Signers
    | Proposal
    | ManifestSignatures
    | Stop
)


class FromParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run/from-party"):
    """The envelope of everything that a party says."""

    message: PartyMessage


class FromCoordinator(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run/from-coordinator"):
    """The envelope of everything that the coordinator says."""

    message: CoordinatorMessage
