"""The manifest: what the parties sign about a finished run, in canonical JSON.

It binds the agreement, the run, the encrypted model, its holders, the privacy ledger and the head of the log into
one byte string. Every party that finished computes all of it on its own, but for the sealed keys, before it signs.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tacit import canonical
from tacit.bundle.ledger import PrivacyLedger
from tacit.errors import FormatError
from tacit.study import Head, Trust
from tacit.study.model import Kind

FORMAT = "tacit-bundle/1"
SIGNING_DOMAIN = "bundle manifest"
SEALING_DOMAIN = "bundle content key"
DIGEST_BYTES = 32
MAX_BYTES = 1024 * 1024


class SealedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model as the world sees it: what it predicts, a commitment to it, and its ciphertext's hash and size.

    `commitment` is the SHA-256 of a domain, a secret salt and the graph's bytes: it fixes the model and hides it.
    """

    task: str
    kind: Kind
    commitment: bytes
    payload_digest: bytes
    payload_size: int


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may open the model: name, fingerprint, and the content key and salt sealed to that key."""

    name: str
    key: str
    sealed: bytes


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proof or an attestation about the run, by the SHA-256 and the size of its bytes. None is defined yet."""

    kind: str
    format: str
    digest: bytes
    size: int


class Rounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many training rounds the agreement plans, and how many of them are in the model.

    Others were lost when runs broke off, given up for statistics that were lost, or left out by early stopping.
    """

    planned: int
    taken: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that the signers state. `signers` and `absent` are the parties that finished and the others.

    `method` is how the model was trained, and `security` that of a multi-party computation (`mpc`).
    """

    format: str = FORMAT
    study: str
    agreement: bytes
    run: bytes
    signers: tuple[str, ...]
    absent: tuple[str, ...]
    model: SealedModel
    method: Literal["federated", "mpc"] = "federated"
    security: Literal["", "passive", "active"] = ""
    rounds: Rounds
    holders: tuple[Holder, ...]
    privacy: PrivacyLedger
    trust: Trust
    log: Head
    evidence: tuple[Evidence, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Return the manifest in canonical JSON `data`; raises FormatError."""
        if len(data) > MAX_BYTES:
            raise FormatError(f"the manifest is larger than {MAX_BYTES} bytes, which none can be")
        _check_format(data)
        manifest = canonical.decode(data, cls, "the manifest")
        manifest._check_sizes()
        return manifest

    def encode(self) -> bytes:
        """Return the canonical JSON: the bytes that are signed."""
        return canonical.encode(self)

    def _check_sizes(self) -> None:
        digests = {
            "agreement": self.agreement,
            "run": self.run,
            "model.commitment": self.model.commitment,
            "model.payload_digest": self.model.payload_digest,
            "log.root": self.log.root,
            **{f"evidence[{i}].digest": item.digest for i, item in enumerate(self.evidence)},
        }
        for name, value in digests.items():
            if len(value) != DIGEST_BYTES:
                raise FormatError(f"the manifest's {name} has {len(value)} bytes, not {DIGEST_BYTES}")
        sizes = {"model.payload_size": self.model.payload_size, "log.size": self.log.size}
        for name, number in sizes.items():
            if number < 0:
                raise FormatError(f"the manifest's {name} is negative")


def _check_format(data: bytes) -> None:
    """Say "another version" before the fields of another version are complained about."""
    try:
        found: Any = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("format")
        stated = msgspec.json.decode(found, type=str) if found is not None else ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise FormatError(f"the manifest cannot be read: {canonical.quote(str(error))}") from None
    if stated != FORMAT:
        raise FormatError(f"manifest of format '{canonical.quote(stated)}'; this version reads {FORMAT!r}")
