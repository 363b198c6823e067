"""What is said in a run besides the messages of secure aggregation."""

from __future__ import annotations

import msgspec

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


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What all messages share: arrays in msgpack, as those of secure aggregation are."""


class JoinBody(_Said, frozen=True):
    """What a party signs to join: fresh randomness, what its earlier runs came to, and a digest of its grants."""

    party: str
    study: bytes
    nonce: bytes
    history: bytes
    grants: bytes


class SignedJoin(_Said, frozen=True):
    """A party's join, signed by its identity."""

    body: JoinBody
    signature: bytes


class Join(_Said, frozen=True, tag="run/join"):
    """Party to coordinator: I take part. `grants` seals a group key to each other party, used if this one leads."""

    signed: SignedJoin
    grants: dict[str, bytes]


class Participants(_Said, frozen=True, tag="run/participants"):
    """Coordinator to all: who takes part, and the grants of the first of them, who leads."""

    joins: tuple[SignedJoin, ...]
    grants: dict[str, bytes]


class Total(_Said, frozen=True, tag="run/total"):
    """Coordinator to all: the blinded sum of a step."""

    words: bytes


class Proposal(_Said, frozen=True, tag="run/proposal"):
    """Leader to all, through the coordinator: the bundle's manifest, and the model under the content key."""

    manifest: bytes
    payload: bytes


class Ready(_Said, frozen=True, tag="run/ready"):
    """Party to coordinator: trained, and waiting."""


class Signers(_Said, frozen=True, tag="run/signers"):
    """Coordinator to all: who is left to sign, in the agreement's order; the first proposes the bundle."""

    parties: tuple[str, ...]


class ManifestSignature(_Said, frozen=True, tag="run/signature"):
    """Party to coordinator: my signature of the manifest."""

    signature: bytes


class ManifestSignatures(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/signatures"
):
    """Coordinator to all: everyone's signatures of the manifest."""

    signatures: dict[str, bytes]


class Done(_Said, frozen=True, tag="run/done"):
    """Party to coordinator: I have the whole bundle, checked and written."""


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
    | Done
    | Stop
)
CoordinatorMessage = (
    Participants | Roster | Inbox | Survivors | Confirmations | Total | Signers | Proposal | ManifestSignatures | Stop
)


class FromParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run/from-party"):
    """The envelope of everything that a party says."""

    message: PartyMessage


class FromCoordinator(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="run/from-coordinator"):
    """The envelope of everything that the coordinator says."""

    message: CoordinatorMessage
