"""Rounds and bytes of one sum on the complete graph, for plans made before it starts; tests hold them against messages.

Each party sends five messages and receives four. With n <= 15 parties, a quorum of t, names of a <= 31 bytes, vectors
of v bytes and everyone present, what a party sends and receives (as `messages.encode` writes it) is exactly

    up     2,481 n + 5 a + 6,835 + v + h(v)           h(v) = 2, 3 or 5: up to 255 bytes, up to 65,535, above
    down   8,340 n + 3,391 t + (4 n + t - 1) a - 2,426

and a handful of bytes more where a list has 16 entries or a name 32 bytes. Signatures (3,373 bytes), KEM keys (1,216)
and seals (1,136 more than they hold) are what is large: beside the vector, 10 parties cost each 32 kB up and
102 kB down, 100 parties 255 kB and 1.01 MB. A party that drops out only makes it less.
"""

from __future__ import annotations

from tacit.kernels.packing import packed_bytes

ROUNDS = 5


def upload_bytes(parties: int, length: int, word_bits: int, name_bytes: int = 40) -> int:
    """Return the bytes that each party sends in a sum without dropouts; `name_bytes` is the length of every name."""
    name = _name_bytes(name_bytes)
    vector = packed_bytes(length, word_bits)
    advertisement = 5864 + name
    shares = 8 + name + _list_bytes(parties - 1) + 2462 * (parties - 1)
    masked_vector = 16 + name + _bin_bytes(vector)
    confirmation = 3390 + name
    unmasking = 12 + name + _list_bytes(parties) + 19 * parties
    return advertisement + shares + masked_vector + confirmation + unmasking


def download_bytes(parties: int, quorum: int, name_bytes: int = 40) -> int:
    """Return the bytes that each party receives in a sum without dropouts; `name_bytes` is the length of every name."""
    name = _name_bytes(name_bytes)
    roster = 8 + _list_bytes(parties) + (5864 + name) * parties
    dealers = 7 + _list_bytes(parties) + name * parties
    deliveries = _list_bytes(parties - 1) + (2472 + name) * (parties - 1)
    survivors = 12 + _list_bytes(parties) + name * parties
    confirmations = 15 + _list_bytes(quorum) + (3390 + name) * quorum
    return roster + dealers + deliveries + survivors + confirmations


def _name_bytes(length: int) -> int:
    return length + (1 if length <= 31 else 2)


def _list_bytes(entries: int) -> int:
    return 1 if entries <= 15 else 3


def _bin_bytes(length: int) -> int:
    return length + (2 if length <= 0xFF else 3 if length <= 0xFFFF else 5)
