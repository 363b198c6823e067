"""Random field elements for masks and salts: AES-256 in counter mode, keyed by the operating system's randomness.

A committed model's random symbols are made again from its key whenever its file is opened, so a key is kept as
secret as the values are.
"""

from __future__ import annotations

import secrets
from typing import cast

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tacit.proofs.field import MODULUS, Words

KEY = 32  # bytes


def fresh_key() -> bytes:
    """32 bytes from the operating system."""
    return secrets.token_bytes(KEY)


class Randomness:
    """A stream of words under a key; the same key gives the same stream."""

    def __init__(self, key: bytes) -> None:
        self._stream = Cipher(AES256(key), CTR(bytes(16))).encryptor()

    def words(self, count: int) -> Words:
        """`count` words of 64 bits (count,)."""
        return np.frombuffer(self._stream.update(bytes(8 * count)), dtype="<u8").astype(np.uint64)

    def elements(self, *shape: int) -> Words:
        """Uniform elements of the field. A word of p or more, one of 2^32, is drawn again."""
        count = int(np.prod(shape))
        words = self.words(count)
        bad = np.flatnonzero(words >= np.uint64(MODULUS))
        while bad.size:
            words[bad] = self.words(bad.size)
            bad = bad[words[bad] >= np.uint64(MODULUS)]
        return cast(Words, words.reshape(shape))
