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
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tacit.kernels.arrays import Array, checked

SEED = 16  # bytes
CHUNK = 2**17  # bytes of keystream made at once: with as much of the vector, it stays in the second cache
BLOCK = 16  # bytes of AES
WORTH_A_THREAD = 2**22  # bytes of keystream for which a thread of its own gains more than it costs
MOST_WORKERS = 8
WORD_TYPES = (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64))

_ZEROS = memoryview(bytes(CHUNK))
_threads = threading.local()


def add_mask(vector: Array, seed: bytes) -> None:
    """Add the mask of `seed` to a vector (n,) of uint16, uint32 or uint64, in place, modulo 2^16, 2^32 or 2^64."""
    _apply(np.add, vector, seed)


def subtract_mask(vector: Array, seed: bytes) -> None:
    """Subtract the mask of `seed` from a vector (n,) of uint16, uint32 or uint64, in place."""
    _apply(np.subtract, vector, seed)


def apply_masks(vector: Array, added: Sequence[bytes], subtracted: Sequence[bytes]) -> None:
    """Add the masks of some seeds to a vector (n,) of uint16, uint32 or uint64 and subtract those of others, in place.

    What as many calls of `add_mask` and `subtract_mask` do, in one pass: a part of the vector stays in the cache while
    all masks go over it, and long vectors are cut among the machine's cores: AES and numpy leave Python's lock free.
    """
    words = _writable_words(vector)
    operations = [(np.add, seed) for seed in added] + [(np.subtract, seed) for seed in subtracted]
    for _, seed in operations:
        _check_seed(seed)
    workers = min(cores(), MOST_WORKERS, words.nbytes * len(operations) // WORTH_A_THREAD)
    if workers < 2:
        _apply_all(words, 0, operations)
        return
    step = -(-words.size // workers // BLOCK) * BLOCK  # whole blocks of the cipher, and so of the keystream
    first, *others = range(0, words.size, step)
    # This thread works too: where it only waited, the system often put two new threads on the core that it was on.
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        rest = [pool.submit(_apply_all, words[start : start + step], start, operations) for start in others]
        _apply_all(words[first : first + step], first, operations)
        for part in rest:
            part.result()


def expand(seed: bytes, length: int, dtype: npt.DTypeLike) -> Array:
    """The mask of `seed` itself: a vector (length,) of uint16, uint32 or uint64."""
    kind = _word_type(np.dtype(dtype))
    length = operator.index(length)
    if length < 0:
        raise ValueError(f"length must not be negative, and is {length}")
    _check_seed(seed)
    keystream = _keystream(seed)
    mask = np.empty(length, dtype=kind.newbyteorder("<"))
    octets = mask.view(np.uint8)
    for start in range(0, octets.size, CHUNK):
        part = octets[start : start + CHUNK]
        keystream.update_into(_ZEROS[: part.size], part.data)
    return mask.astype(kind, copy=False)


def _apply(operation: np.ufunc, vector: Array, seed: bytes) -> None:
    words = _writable_words(vector)
    _check_seed(seed)
    _apply_all(words, 0, [(operation, seed)])


def _apply_all(words: Array, start: int, operations: Sequence[tuple[np.ufunc, bytes]]) -> None:
    """Apply all masks to `words`, which lie `start` words, whole blocks of the cipher, into the vector."""
    kind = words.dtype
    keystreams = [(operation, _keystream(seed, start * kind.itemsize)) for operation, seed in operations]
    room = _room()
    step = CHUNK // kind.itemsize
    try:
        for begin in range(0, words.size, step):
            part = words[begin : begin + step]
            mask = np.frombuffer(room, dtype=kind.newbyteorder("<"), count=part.size)
            for operation, keystream in keystreams:
                keystream.update_into(_ZEROS[: part.nbytes], room)
                operation(part, mask, out=part)
    finally:  # the last of the mask does not stay behind
        used = min(words.nbytes, CHUNK)
        room[:used] = _ZEROS[:used]


def _writable_words(vector: Array) -> Array:
    if not isinstance(vector, np.ndarray):
        raise TypeError(f"vector must be a numpy array, not {type(vector).__name__}")
    words = checked("vector", vector, _word_type(vector.dtype), 1)
    if not words.flags.writeable:
        raise ValueError("vector is read-only")
    return words


def _word_type(kind: np.dtype[Any]) -> np.dtype[Any]:
    if kind not in WORD_TYPES:
        raise TypeError(f"masks are of uint16, uint32 or uint64, not of {kind}")
    return kind


def _check_seed(seed: bytes) -> None:
    if not isinstance(seed, bytes):
        raise TypeError(f"seed must be bytes, not {type(seed).__name__}")
    if len(seed) != SEED:
        raise ValueError(f"seed must be {SEED} bytes, not {len(seed)}")


def _keystream(seed: bytes, start: int = 0) -> CipherContext:
    """The keystream of a seed from byte `start` on, whole blocks of the cipher, which its counter starts after."""
    return Cipher(AES128(seed), CTR((start // BLOCK).to_bytes(BLOCK, "big"))).encryptor()


@cache
def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _room() -> memoryview:
    """This thread's chunk: a fresh one for every call would cost as much in page faults as its keystream does."""
    room: memoryview | None = getattr(_threads, "room", None)
    if room is None:
        room = _threads.room = memoryview(bytearray(CHUNK))
    return room
