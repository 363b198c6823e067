"""Keystreams: randomness that two parties share without a message.

Each component j of a sharing has a key that its two holders, P_j and P_{j-1}, have in common; both stretch it by
AES-128 in counter mode and read it in the same order, because they run the same program. A party holds the streams of
components i and i + 1.

**A keystream never repeats.** The key is derived from fresh randomness of both holders, the session's id and the
component (`mpc/session.py`), so no two sessions share one; within a session the position only moves on.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tacit.mpc.exchange import Array
from tacit.mpc.replicated import Words

KEY = 16  # bytes
READY = 2**15  # bytes made ahead, from which short masks are taken: a call of the cipher costs as much as 20 kB of it
_ZEROS = memoryview(bytes(2**17))

Octets = npt.NDArray[np.uint8]


class Stream:
    """The keystream of one component key, from its start."""

    def __init__(self, key: bytes) -> None:
        """Of a key of 16 bytes, which is used for nothing else."""
        if len(key) != KEY:
            raise ValueError(f"a component key has {KEY} bytes, not {len(key)}")
        self._keystream = Cipher(AES128(key), CTR(bytes(16))).encryptor()
        self._ready = np.zeros(READY, dtype=np.uint8)
        self._read = READY

    def take(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint64) -> Array:
        """The next words of the keystream: a fresh array of the shape, of an unsigned dtype."""
        kind = np.dtype(dtype)
        if kind.kind != "u":
            raise TypeError(f"keystreams are of unsigned integers, not {kind}")
        octets = np.empty(prod(shape) * kind.itemsize, dtype=np.uint8)
        head = min(octets.size, READY - self._read)
        self._pour(octets[:head])
        rest = octets[head:]
        if rest.size >= READY // 2:
            self._fill(rest)
        elif rest.size:
            self._fill(self._ready)
            self._read = 0
            self._pour(rest)
        return octets.view(kind).reshape(shape)

    def _pour(self, octets: Octets) -> None:
        """Move what is ready into `octets`; it does not stay behind."""
        part = self._ready[self._read : self._read + octets.size]
        octets[:] = part
        part[:] = 0
        self._read += octets.size

    def _fill(self, octets: Octets) -> None:
        """The keystream's next bytes."""
        for start in range(0, octets.size, len(_ZEROS)):
            part = octets[start : start + len(_ZEROS)]
            self._keystream.update_into(_ZEROS[: part.size], part.data)

    def __repr__(self) -> str:
        return "Stream(secret)"


class Streams:
    """The keystreams of the two components that a party holds."""

    def __init__(self, own_key: bytes, next_key: bytes) -> None:
        """own_key: of component i, shared with the previous party; next_key: of i + 1, shared with the next."""
        self._own, self._next = Stream(own_key), Stream(next_key)

    def own(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint64) -> Array:
        """F(k_i): words that the previous party takes as its `next`."""
        return self._own.take(shape, dtype)

    def next(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint64) -> Array:
        """F(k_{i+1}): words that the next party takes as its `own`."""
        return self._next.take(shape, dtype)

    def zero(self, shape: tuple[int, ...]) -> tuple[Words, Words]:
        """F(k_i) and F(k_{i+1}) of uint64: over the three parties the differences sum to zero, and so do the ex-ors."""
        return self.own(shape), self.next(shape)

    def __repr__(self) -> str:
        return "Streams(secret)"
