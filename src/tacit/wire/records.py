"""Records: messages under AES-256-GCM, one key per direction, numbered from 0.

The nonce is the direction's secret 12-byte starting value XOR the record's 64-bit number (as in TLS 1.3, RFC 8446,
section 5.3), which is not sent: a record that was altered, dropped, repeated, reordered or sent back to where it came
from does not open. After `REKEY_BYTES` under one key the next key is derived from it and the old one is forgotten: that
keeps the advantage of a distinguisher per key under 2^-64 (2^32 blocks of 128 bits: (2^32)^2 / 2^129; Iwata, Ohashi and
Minematsu 2012), and past records closed to whoever learns a later key.
"""

from __future__ import annotations

import os
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tacit.errors import ProtocolError, TacitError

REKEY_LABEL = b"tacit channel/1 next record key"
REKEY_BYTES = 2**36
LAST_RECORD = 2**64 - 1
KEY_BYTES, IV_BYTES, TAG_BYTES = 32, 12, 16
SECRET_BYTES = KEY_BYTES + IV_BYTES


class RecordCipher:
    """Both directions of one party's end; sealing and opening share nothing, so two threads may do one each."""

    def __init__(self, peer: str, sending: bytes, receiving: bytes, *, rekey_bytes: int = REKEY_BYTES) -> None:
        """Take 44 secret bytes per direction; `peer` is whom to blame."""
        self._peer = peer
        self._sending = _Direction(sending, rekey_bytes)
        self._receiving = _Direction(receiving, rekey_bytes)
        self._failed = False

    def seal(self, plaintext: bytes) -> bytes:
        """Return the next record, 16 bytes longer than `plaintext`."""
        key, nonce = self._sending.step(len(plaintext))
        return key.encrypt(nonce, plaintext, None)

    def open(self, record: bytes | bytearray, step: str = "record") -> bytes:
        """Return the plaintext of the next record; once one has failed, all that follow fail.

        Raises:
            ProtocolError: not the next record that the peer sealed.
        """
        if not self._failed:
            key, nonce = self._receiving.step(len(record) - TAG_BYTES)
            try:
                return key.decrypt(nonce, record, None)
            except InvalidTag:
                pass
        self._failed = True
        reason = "a record was altered, dropped, repeated or out of order, by it or on the way"
        raise ProtocolError(reason, culprit=self._peer, step=step)

    def __repr__(self) -> str:
        return f"RecordCipher(peer={self._peer!r}, keys hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RecordCipher is not pickled: it holds keys")


class _Direction:
    """One key, its starting value, and how far it has been used."""

    def __init__(self, secret: bytes, rekey_bytes: int) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a direction takes {SECRET_BYTES} secret bytes")
        self._secret = secret
        self._key = AESGCM(secret[:KEY_BYTES])
        self._rekey_bytes = rekey_bytes
        self._number = 0
        self._used = 0
        self._process = os.getpid()

    def step(self, size: int) -> tuple[AESGCM, bytes]:
        """Return the key and nonce for the next record, of `size` bytes; they are never used again."""
        if os.getpid() != self._process:
            raise TacitError("a channel does not outlast a fork, or two would use one key and number: open a new one")
        if self._number >= LAST_RECORD:
            raise TacitError("a channel carries no more than 2^64 records: open a new one")
        if self._used >= self._rekey_bytes:
            self._secret = HKDFExpand(hashes.SHA256(), SECRET_BYTES, REKEY_LABEL).derive(self._secret)
            self._key = AESGCM(self._secret[:KEY_BYTES])
            self._used = 0
        start = int.from_bytes(self._secret[KEY_BYTES:], "big")
        nonce = (start ^ self._number).to_bytes(IV_BYTES, "big")
        self._number += 1
        self._used += size + TAG_BYTES
        return self._key, nonce
