"""The payload: the model's bytes, encrypted once, and the commitment to them.

Encryption is AES-256-GCM under a key that HKDF-Expand (RFC 5869, SHA-256) makes of the content key, the agreement,
the run and the commitment. The nonce is zero: two different models never meet under one key, even when a malicious
coordinator has made two parties compute two results, because their commitments differ. The same inputs give the
same payload, so every party can compute it and compare.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tacit.errors import FormatError

KEY_BYTES = 32
SALT_BYTES = 32
TAG_BYTES = 16
COMMITMENT_DOMAIN = b"tacit model commitment/1\x00"
KEY_DOMAIN = b"tacit bundle payload key/1\x00"
PAYLOAD_DOMAIN = b"tacit bundle payload/1\x00"

_NONCE = b"\x00" * 12


def encrypt(graph: bytes, content_key: bytes, salt: bytes, agreement: bytes, run: bytes) -> bytes:
    """Return the payload for the graph's bytes; `agreement` is the agreement's digest, `run` the run's id."""
    cipher = _cipher(content_key, agreement, run, commit(graph, salt))
    return cipher.encrypt(_NONCE, graph, PAYLOAD_DOMAIN + agreement + run)


def decrypt(payload: bytes, content_key: bytes, salt: bytes, agreement: bytes, run: bytes, commitment: bytes) -> bytes:
    """Return the graph's bytes, which are the ones committed to.

    Raises:
        FormatError: another key, agreement, run or commitment, or the payload was altered.
    """
    try:
        cipher = _cipher(content_key, agreement, run, commitment)
        graph = cipher.decrypt(_NONCE, payload, PAYLOAD_DOMAIN + agreement + run)
    except InvalidTag:
        raise FormatError("the payload does not open under this content key: one of them was exchanged") from None
    if commit(graph, salt) != commitment:
        raise FormatError("the payload opens to another model than the one committed to")
    return graph


def commit(graph: bytes, salt: bytes) -> bytes:
    """Return the commitment to the graph's bytes: binding (SHA-256), and hiding while the 32-byte salt is secret."""
    _check_length("salt", salt, SALT_BYTES)
    hasher = hashlib.sha256(COMMITMENT_DOMAIN + salt)
    hasher.update(graph)
    return hasher.digest()


def _cipher(content_key: bytes, agreement: bytes, run: bytes, commitment: bytes) -> AESGCM:
    _check_length("content key", content_key, KEY_BYTES)
    for name, value in (("agreement's digest", agreement), ("run's id", run), ("commitment", commitment)):
        _check_length(name, value, 32)
    return AESGCM(HKDFExpand(hashes.SHA256(), 32, KEY_DOMAIN + agreement + run + commitment).derive(content_key))


def _check_length(name: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise FormatError(f"the {name} has {len(value)} bytes, not {length}")
