"""A party's signature under the agreement: a small file that it sends to the others."""

from __future__ import annotations

import msgspec

from tacit import canonical
from tacit.errors import FormatError, IdentityError
from tacit.keys import Identity, PublicIdentity

FORMAT = "tacit-signature/1"
DOMAIN = "agreement"
MAX_BYTES = 16 * 1024


class AgreementSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed which agreement (by its digest), and the signature."""

    format: str
    signer: str
    key: str
    agreement: bytes
    signature: bytes

    @classmethod
    def make(cls, identity: Identity, agreement_digest: bytes) -> AgreementSignature:
        """Sign the agreement with this digest."""
        signature = identity.sign(DOMAIN, agreement_digest)
        return cls(FORMAT, identity.name, identity.public.fingerprint, agreement_digest, signature)

    @classmethod
    def decode(cls, data: bytes, what: str = "signature") -> AgreementSignature:
        """Return the signature in canonical JSON `data`; raises FormatError."""
        if len(data) > MAX_BYTES:
            raise FormatError(f"{what} is larger than any can be")
        signature = canonical.decode(data, cls, what)
        if signature.format != FORMAT:
            raise FormatError(f"{what} is of format {signature.format!r}; this version reads {FORMAT!r}")
        return signature

    def encode(self) -> bytes:
        """Return the canonical JSON."""
        return canonical.encode(self)

    def verify(self, signer: PublicIdentity, agreement_digest: bytes) -> str | None:
        """Return why this is not `signer`'s signature under that agreement, or None when it is."""
        if self.signer != signer.name or self.key != signer.fingerprint:
            return f"is by {self.signer!r} with another key"
        if self.agreement != agreement_digest:
            return "is under another text: the agreement was changed after signing"
        try:
            signer.verify(DOMAIN, agreement_digest, self.signature)
        except IdentityError as error:
            return str(error)
        return None
