"""An identity: the private keys of a party, and the file that keeps them.

The file is canonical JSON, mode 0600. With a passphrase the secret is AES-256-GCM under a key from scrypt
(RFC 7914, n = 2^17, r = 8, p = 1: 128 MiB); without one it is protected by the file's permissions alone. A passphrase
is text in normal form C (RFC 8265, section 4.2), as keyboards compose one accent in several ways.
"""

from __future__ import annotations

import datetime
import os
import shlex
import stat
import unicodedata
from pathlib import Path
from typing import NoReturn

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tacit import canonical
from tacit.errors import FormatError, IdentityError
from tacit.files import read_bounded, write_atomically
from tacit.keys.public import (
    FINGERPRINT_PREFIX,
    FORMAT,
    SELF_DOMAIN,
    SUITE,
    PublicIdentity,
    _Body,
    check_name,
    frame,
)

__all__ = ["FINGERPRINT_PREFIX", "Identity"]

PRIVATE_FORMAT = "tacit-identity/1"
MAX_FILE_BYTES = 64 * 1024
ROOT_BYTES = 32
SCRYPT_N = 2**17


class _PrivateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    public: bytes
    salt: bytes
    nonce: bytes
    secret: bytes

    def __repr__(self) -> str:
        return "_PrivateFile(hidden)"


class Identity:
    """A name and its private keys. Never printed, pickled or compared; `public` is the half to give away."""

    def __init__(self, root: bytes, public: PublicIdentity) -> None:
        """Derive the keys from the 32-byte `root`; use `new` or `load`."""
        self.__root = root
        self.__keys = _PrivateKeys(root)
        self.public = public

    @classmethod
    def new(cls, name: str) -> Identity:
        """Make an identity called `name` from the operating system's randomness."""
        check_name(name)
        root = os.urandom(ROOT_BYTES)
        keys = _PrivateKeys(root)
        body = _Body(FORMAT, name, *keys.public_parts(), keys.certificate(name))
        signature = keys.sign(SELF_DOMAIN, canonical.encode(body))
        return cls(root, PublicIdentity(body, signature))

    @property
    def name(self) -> str:
        """The identity's name."""
        return self.public.name

    def sign(self, domain: str, message: bytes) -> bytes:
        """Return the hybrid signature (3,373 bytes) of `message` under `domain`."""
        return self.__keys.sign(domain, message)

    def open(self, domain: str, sealed: bytes, context: bytes = b"") -> bytes:
        """Return what was sealed to this identity under the same `domain` and `context`.

        Raises:
            IdentityError: sealed to another key, for another purpose, or altered.
        """
        return self.__keys.open(domain, sealed, context, self.name)

    def tls_key(self) -> bytes:
        """Return the Ed25519 key as unencrypted PKCS#8 PEM, for the TLS library alone."""
        return self.__keys.ed25519.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def save(self, path: Path, passphrase: str | None = None) -> None:
        """Write the private file, mode 0600, encrypted when a passphrase is given; never over an existing file.

        Raises:
            IdentityError: the file exists, or the passphrase is empty or not text.
            TacitError: it cannot be written.
        """
        path = Path(path)
        salt, nonce = (os.urandom(16), os.urandom(12)) if passphrase is not None else (b"", b"")
        secret = self.__root
        if passphrase is not None:
            secret = _file_cipher(passphrase, salt).encrypt(nonce, self.__root, PRIVATE_FORMAT.encode())
        content = _PrivateFile(PRIVATE_FORMAT, self.public.encode(), salt, nonce, secret)
        try:
            write_atomically(path, canonical.encode(content), mode=0o600, overwrite=False)
        except FileExistsError:
            reason = f"{path} exists already; a private key is never overwritten: choose another name"
            raise IdentityError(reason) from None

    @classmethod
    def load(cls, path: Path, passphrase: str | None = None) -> Identity:
        """Read a private file.

        Raises:
            IdentityError: others may read it, the passphrase is wrong or missing, or there is no memory to try it.
            FormatError: not an identity file.
        """
        path = Path(path)
        data = read_bounded(path, MAX_FILE_BYTES, "identity", check=lambda status: _refuse_loose(path, status))
        parts = canonical.decode(data, _PrivateFile, f"identity {path}")
        if parts.format != PRIVATE_FORMAT:
            raise FormatError(f"{path} is an identity of another version")
        try:
            public = PublicIdentity.decode(parts.public)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None
        root = _recover_root(parts, passphrase, path)
        if len(root) != ROOT_BYTES or _PrivateKeys(root).public_parts() != public.keys:
            raise FormatError(f"{path}: the private keys do not belong to the public ones")
        return cls(root, public)

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, private keys hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Identity is not pickled: save it to a file of its own")


def needs_passphrase(path: Path) -> bool:
    """Return whether the private file at `path` is encrypted."""
    data = read_bounded(path, MAX_FILE_BYTES, "identity")
    return bool(canonical.decode(data, _PrivateFile, f"identity {path}").salt)


class _PrivateKeys:
    """The four private keys, each expanded from the root under its own label."""

    def __init__(self, root: bytes) -> None:
        self.ed25519 = ed25519.Ed25519PrivateKey.from_private_bytes(_expand(root, "ed25519", 32))
        self.mldsa65 = mldsa.MLDSA65PrivateKey.from_seed_bytes(_expand(root, "mldsa65", 32))
        self.x25519 = x25519.X25519PrivateKey.from_private_bytes(_expand(root, "x25519", 32))
        self.mlkem768 = mlkem.MLKEM768PrivateKey.from_seed_bytes(_expand(root, "mlkem768", 64))

    def public_parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        return (
            self.ed25519.public_key().public_bytes_raw(),
            self.mldsa65.public_key().public_bytes_raw(),
            self.x25519.public_key().public_bytes_raw(),
            self.mlkem768.public_key().public_bytes_raw(),
        )

    def sign(self, domain: str, message: bytes) -> bytes:
        framed = frame(domain, message)
        return self.ed25519.sign(framed) + self.mldsa65.sign(framed, domain.encode())

    def open(self, domain: str, sealed: bytes, context: bytes, name: str) -> bytes:
        key = hpke.MLKEM768X25519PrivateKey(self.mlkem768, self.x25519)
        try:
            return SUITE.decrypt(sealed, key, frame(domain, context))
        except InvalidTag:
            raise IdentityError(f"this {domain} was not sealed to {name!r}, or it was altered") from None

    def certificate(self, name: str) -> bytes:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        # Pinned by fingerprint, so it has no well-defined end (RFC 5280, section 4.1.2.5).
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.ed25519.public_key())
            .serial_number(1)
            .not_valid_before(datetime.datetime(2020, 1, 1))
            .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.ed25519, None)
        )
        return certificate.public_bytes(serialization.Encoding.DER)


def _refuse_loose(path: Path, status: os.stat_result) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise IdentityError(f"{path} can be read by others; run: chmod 600 {shlex.quote(str(path))}")


def _expand(root: bytes, label: str, length: int) -> bytes:
    return HKDFExpand(hashes.SHA256(), length, f"tacit identity/1 {label}".encode()).derive(root)


def _file_cipher(passphrase: str, salt: bytes) -> AESGCM:
    try:
        password = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:  # it would carry the passphrase
        password = b""
    if not password:
        raise IdentityError("the passphrase is empty or not text: choose another")
    try:
        return AESGCM(Scrypt(salt, 32, SCRYPT_N, 8, 1).derive(password))
    except MemoryError:
        raise IdentityError("a passphrase takes 128 MiB of memory, which this process cannot get: free some") from None


def _recover_root(parts: _PrivateFile, passphrase: str | None, path: Path) -> bytes:
    if not parts.salt:
        return parts.secret
    if passphrase is None:
        raise IdentityError(f"{path} is encrypted: give its passphrase (TACIT_PASSPHRASE or the prompt)")
    try:
        return _file_cipher(passphrase, parts.salt).decrypt(parts.nonce, parts.secret, PRIVATE_FORMAT.encode())
    except (InvalidTag, ValueError):
        raise IdentityError(f"{path}: wrong passphrase, or the file was altered") from None
