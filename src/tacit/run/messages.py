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


class JoinBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What a party signs to join: fresh randomness, what its earlier runs came to, and a digest of its grants."""

    party: str
    study: bytes
    nonce: bytes
    history: bytes
    grants: bytes


class SignedJoin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A party's join, signed by its identity."""

    body: JoinBody
    signature: bytes


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/join"):
    """Party to coordinator: I take part. `grants` seals a group key to each other party, used if this one leads."""

    signed: SignedJoin
    grants: dict[str, bytes]


class Participants(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/participants"):
    """Coordinator to all: who takes part, and the grants of the first of them, who leads."""

    joins: tuple[SignedJoin, ...]
    grants: dict[str, bytes]


class Total(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/total"):
    """Coordinator to all: the blinded sum of a step."""

    words: bytes


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/proposal"):
    """Leader to all, through the coordinator: the bundle's manifest, and the model under the content key."""

    manifest: bytes
    payload: bytes


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/ready"):
    """Any other party to the coordinator: trained, and waiting for the proposal."""


class ManifestSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/signature"):
    """Party to coordinator: my signature of the manifest."""

    signature: bytes


class ManifestSignatures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/signatures"):
    """Coordinator to all: everyone's signatures of the manifest."""

    signatures: dict[str, bytes]


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/done"):
    """Party to coordinator: I have the whole bundle, checked and written."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True, tag="run/stop"):
    """Coordinator to a party, or a party to the coordinator: this run is over, and why."""

    reason: str


PartyMessage = (
    Join | Advertisement | Shares | MaskedVector | Confirmation | Unmasking | Ready | Proposal | ManifestSignature | Done | Stop
)
CoordinatorMessage = (
    Participants | Roster | Inbox | Survivors | Confirmations | Total | Proposal | ManifestSignatures | Stop
)
