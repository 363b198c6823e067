"""Masks: a 16-byte seed, stretched by AES-128 in counter mode, and added to or taken from a vector.

Two parties that share a seed hold the same mask: one adds it, the other subtracts it, and in the sum of their vectors
it is gone, while each vector alone is uniformly random to whoever lacks the seed.

The mask of a seed is the AES-128-CTR keystream under the seed as key, its counter starting from zero, read as
little-endian words of the vector's width (16, 32 or 64 bits). There is no nonce, or rather it is zero: **a seed is
used for one mask, once.** Two vectors under one seed differ by what they hide. Who calls this derives a fresh seed for
every vector.

No Numba here: AES comes from the machine's own instructions through `cryptography`, and numpy adds as fast as memory
moves. The keystream is made in chunks that are added while they are in the second cache.
"""

from __future__ import annotations

import operator
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tacit.kernels.arrays import Array, checked

SEED = 16  # bytes
CHUNK = 2**18  # bytes of keystream made at once
WORD_TYPES = (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64))

_ZEROS = memoryview(bytes(CHUNK))
_threads = threading.local()


def add_mask(vector: Array, seed: bytes) -> None:
    """Add the mask of `seed` to a vector (n,) of uint16, uint32 or uint64, in place, modulo 2^16, 2^32 or 2^64."""
    _apply(np.add, vector, seed)


def subtract_mask(vector: Array, seed: bytes) -> None:
    """Subtract the mask of `seed` from a vector (n,) of uint16, uint32 or uint64, in place."""
    _apply(np.subtract, vector, seed)


def expand(seed: bytes, length: int, dtype: npt.DTypeLike) -> Array:
    """The mask of `seed` itself: a vector (length,) of uint16, uint32 or uint64."""
    kind = _word_type(np.dtype(dtype))
    length = operator.index(length)
    if length < 0:
        raise ValueError(f"length must not be negative, and is {length}")
    keystream = _keystream(seed)
    mask = np.empty(length, dtype=kind.newbyteorder("<"))
    octets = mask.view(np.uint8)
    for start in range(0, octets.size, CHUNK):
        part = octets[start : start + CHUNK]
        keystream.update_into(_ZEROS[: part.size], part.data)
    return mask.astype(kind, copy=False)


def _apply(operation: np.ufunc, vector: Array, seed: bytes) -> None:
    if not isinstance(vector, np.ndarray):
        raise TypeError(f"vector must be a numpy array, not {type(vector).__name__}")
    kind = _word_type(vector.dtype)
    words = checked("vector", vector, kind, 1)
    if not words.flags.writeable:
        raise ValueError("vector is read-only")
    keystream = _keystream(seed)
    room = _room()
    step = CHUNK // kind.itemsize
    try:
        for start in range(0, words.size, step):
            part = words[start : start + step]
            keystream.update_into(_ZEROS[: part.nbytes], room)
            mask = np.frombuffer(room, dtype=kind.newbyteorder("<"), count=part.size)
            operation(part, mask, out=part)
    finally:  # the last of the mask does not stay behind
        used = min(words.nbytes, CHUNK)
        room[:used] = _ZEROS[:used]


def _word_type(kind: np.dtype[Any]) -> np.dtype[Any]:
    if kind not in WORD_TYPES:
        raise TypeError(f"masks are of uint16, uint32 or uint64, not of {kind}")
    return kind


def _keystream(seed: bytes) -> CipherContext:
    if not isinstance(seed, bytes):
        raise TypeError(f"seed must be bytes, not {type(seed).__name__}")
    if len(seed) != SEED:
        raise ValueError(f"seed must be {SEED} bytes, not {len(seed)}")
    return Cipher(AES128(seed), CTR(bytes(16))).encryptor()


def _room() -> memoryview:
    """This thread's chunk: a fresh one for every call would cost as much in page faults as its keystream does."""
    room: memoryview | None = getattr(_threads, "room", None)
    if room is None:
        room = _threads.room = memoryview(bytearray(CHUNK))
    return room
