"""Words of any width on the wire: w bits each, and no more than w bits in all but the last byte.

Words of 16, 32 and 64 bits are little-endian, one after the other. Of other widths, the bytes of all words together:
first the lowest byte of each word, then the next of each, and so on; where the width is no multiple of eight, the
remaining bits follow one by one as planes of n bits, padded with zeros to whole bytes. In planes everything is a
strided copy that numpy does as fast as memory moves; no Numba here. Each vector of words has one packed form.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.kernels.arrays import Array, checked

Words = npt.NDArray[np.unsignedinteger[Any]]

MIN_BITS, MAX_BITS = 8, 64


def packed_bytes(length: int, bits: int) -> int:
    """Return the bytes that `length` words of `bits` bits take."""
    whole, rest = divmod(bits, 8)
    return length * whole + (length + 7) // 8 * rest


def container(bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the type that words of `bits` bits are held in: the narrowest of uint16, uint32 and uint64."""
    if not MIN_BITS <= operator.index(bits) <= MAX_BITS:
        raise ValueError(f"words have {MIN_BITS} to {MAX_BITS} bits, not {bits}")
    return np.dtype(f"uint{next(width for width in (16, 32, 64) if width >= bits)}")


def pack(words: Words, bits: int) -> bytes:
    """Return the words (n,) of `container(bits)` modulo 2^bits, packed."""
    kind = container(bits)
    source = checked("words", words, kind, 1)
    source = np.ascontiguousarray(source.astype(kind.newbyteorder("<"), copy=False))
    whole, rest = divmod(bits, 8)
    if not rest and whole == kind.itemsize:
        return source.tobytes()
    octets = source.view(np.uint8).reshape(-1, kind.itemsize)
    planes = [octets[:, place].tobytes() for place in range(whole)]
    if rest:
        top = np.ascontiguousarray(octets[:, whole])
        planes += [np.packbits(top & np.uint8(1 << place), bitorder="little").tobytes() for place in range(rest)]
    return b"".join(planes)


def unpack(data: bytes, length: int, bits: int) -> Words | None:
    """Return the words (length,) that `data` holds, in `container(bits)`; None if it is not their packed form."""
    kind = container(bits)
    if len(data) != packed_bytes(length, bits):
        return None
    whole, rest = divmod(bits, 8)
    if not rest and whole == kind.itemsize:
        return np.frombuffer(data, kind.newbyteorder("<")).astype(kind)
    words = np.zeros(length, kind.newbyteorder("<"))
    octets = words.view(np.uint8).reshape(-1, kind.itemsize)
    for place in range(whole):
        octets[:, place] = np.frombuffer(data, np.uint8, length, place * length)
    if rest and not _unpack_planes(np.frombuffer(data, np.uint8, offset=whole * length), octets[:, whole], rest):
        return None
    return words.astype(kind, copy=False)


def _unpack_planes(data: Array, top: Array, rest: int) -> bool:
    """Set the lowest `rest` bits of each byte of `top`; False where the padding is not zeros."""
    bits = np.unpackbits(data.reshape(rest, -1), axis=1, bitorder="little")
    if bits[:, top.size :].any():
        return False
    value = np.zeros(top.size, np.uint8)
    for place in range(rest):
        value |= bits[place, : top.size] << np.uint8(place)
    top[:] = value
    return True
