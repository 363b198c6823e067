"""The public half of an identity: what everyone may know, and what signatures and sealed messages are checked against.

Signatures are hybrid: one of Ed25519 (RFC 8032) and one of ML-DSA-65 (FIPS 204) over the same framed message, and
both must hold. Sealing is HPKE base mode (RFC 9180) with the hybrid KEM X25519+ML-KEM-768, HKDF-SHA256 and
AES-256-GCM. A forger has to break both halves of either.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, x25519

from tacit import canonical
from tacit.errors import FormatError, IdentityError
from tacit.files import read_bounded, write_atomically

FORMAT = "tacit-public-identity/1"
FINGERPRINT_PREFIX = "tacit1:"
MAX_FILE_BYTES = 32 * 1024
SIGNATURE_BYTES = 64 + 3309
SEAL_OVERHEAD = 32 + 1088 + 16
SELF_DOMAIN = "tacit identity"

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    name: str
    ed25519: bytes
    mldsa65: bytes
    x25519: bytes
    mlkem768: bytes
    certificate: bytes


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: _Body
    signature: bytes


class PublicIdentity:
    """A name and its public keys, signed by themselves. Compare equal by fingerprint."""

    def __init__(self, body: _Body, signature: bytes) -> None:
        """Check and hold the parts; use `decode` or `load`."""
        check_name(body.name)
        if body.format != FORMAT:
            raise FormatError(f"public identity of format {canonical.quote(body.format)}; this version reads {FORMAT}")
        self._body = body
        self._signature = signature
        try:
            self._ed25519 = ed25519.Ed25519PublicKey.from_public_bytes(body.ed25519)
            self._mldsa65 = mldsa.MLDSA65PublicKey.from_public_bytes(body.mldsa65)
            self.sealing_key = sealing_key(body.x25519 + body.mlkem768)
        except ValueError:
            raise FormatError(f"public identity {body.name!r}: a key is malformed") from None
        self.verify(SELF_DOMAIN, canonical.encode(body), signature)
        self._check_certificate()

    @property
    def name(self) -> str:
        """The name, as agreements spell it: lower case letters, digits and dashes."""
        return self._body.name

    @property
    def keys(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The public keys, raw: Ed25519, ML-DSA-65, X25519, ML-KEM-768."""
        return self._body.ed25519, self._body.mldsa65, self._body.x25519, self._body.mlkem768

    @property
    def certificate(self) -> bytes:
        """The self-signed X.509 certificate (DER) of the Ed25519 key, which TLS 1.3 channels are pinned to."""
        return self._body.certificate

    @cached_property
    def fingerprint(self) -> str:
        """`tacit1:` and the SHA-256 of the canonical body, in hex: what an agreement names."""
        return FINGERPRINT_PREFIX + hashlib.sha256(canonical.encode(self._body)).hexdigest()

    def verify(self, domain: str, message: bytes, signature: bytes) -> None:
        """Check both signatures of `message` under `domain`.

        Raises:
            IdentityError: either does not hold.
        """
        framed = frame(domain, message)
        try:
            self._ed25519.verify(signature[:64], framed)
            self._mldsa65.verify(signature[64:], framed, domain.encode())
        except InvalidSignature:
            raise IdentityError(f"the signature of {self.name!r} on this {domain} is false") from None

    def seal(self, domain: str, plaintext: bytes, context: bytes = b"") -> bytes:
        """Encrypt `plaintext` so that only this identity can open it under the same `domain` and `context`."""
        return SUITE.encrypt(plaintext, self.sealing_key, frame(domain, context))

    def encode(self) -> bytes:
        """Return the canonical JSON of this identity: the contents of a `.pub` file."""
        return canonical.encode(_File(self._body, self._signature))

    @classmethod
    def decode(cls, data: bytes) -> PublicIdentity:
        """Return the identity that `data` encodes.

        Raises:
            FormatError: malformed, or its own signature is false.
        """
        if len(data) > MAX_FILE_BYTES:
            raise FormatError("public identity is larger than any can be")
        parts = canonical.decode(data, _File, "public identity")
        try:
            return cls(parts.body, parts.signature)
        except IdentityError:
            raise FormatError("public identity is not signed by its own keys: it was altered") from None

    def save(self, path: Path) -> None:
        """Write the `.pub` file."""
        write_atomically(path, self.encode())

    @classmethod
    def load(cls, path: Path) -> PublicIdentity:
        """Read a `.pub` file; raises FormatError that names it."""
        data = read_bounded(path, MAX_FILE_BYTES, "public identity")
        if not data.startswith(b"{"):
            raise FormatError(f"{path} is no public identity: give a file NAME.pub, as `tacit id new NAME` writes it")
        try:
            return cls.decode(data)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None

    def _check_certificate(self) -> None:
        try:
            certificate = x509.load_der_x509_certificate(self.certificate)
            key = certificate.public_key()
            raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            certificate.verify_directly_issued_by(certificate)
            name = certificate.subject.rfc4514_string()
        except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion):
            raise FormatError(f"public identity {self.name!r}: its certificate is malformed") from None
        if raw != self._body.ed25519 or name != f"CN={self.name}":
            raise FormatError(f"public identity {self.name!r}: its certificate is for another key or name")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicIdentity) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"PublicIdentity({self.name!r}, {self.fingerprint})"


def check_name(name: str) -> str:
    """Return `name` if an identity may have it; raises FormatError."""
    if not _NAME.match(name):
        raise FormatError(
            f"{canonical.quote(name)!r} cannot be a name: use 1 to 40 of a-z, 0-9 and '-', not starting with '-'"
        )
    return name


def frame(domain: str, message: bytes) -> bytes:
    """Return the bytes that are really signed or bound: no two (domain, message) pairs share them.

    Raises:
        ValueError: the domain holds a zero byte, which would blur where it ends.
    """
    if "\x00" in domain:
        raise ValueError("a domain holds no zero byte")
    return b"tacit/1 " + domain.encode() + b"\x00" + message


# Any key: a point of low order refuses the exchange with every one.
_TRIAL = x25519.X25519PrivateKey.from_private_bytes(bytes(32))


def sealing_key(raw: bytes, *, tried: bool = True) -> hpke.MLKEM768X25519PublicKey:
    """Return the HPKE key of 32 bytes of X25519 followed by 1,184 bytes of ML-KEM-768.

    Who seals to it at once may leave it untried: sealing to a point of low order is a ValueError then.

    Raises:
        ValueError: malformed, or a point of low order (RFC 7748, section 6.1), to which nothing can be sealed.
    """
    first = x25519.X25519PublicKey.from_public_bytes(raw[:32])
    if tried:
        _TRIAL.exchange(first)
    return hpke.MLKEM768X25519PublicKey(mlkem.MLKEM768PublicKey.from_public_bytes(raw[32:]), first)
