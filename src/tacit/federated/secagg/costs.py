"""Rounds and bytes of one sum, for plans made before it starts; tests hold them against measured messages.

Each party sends five messages and receives four. With n <= 15 parties, names of a <= 31 bytes, vectors of v bytes and
everyone present, what a party sends and receives (as `messages.encode` writes it) is exactly

    up      2,472 n + 5 a + 6,842 + v + h(v)          h(v) = 2, 3 or 5: up to 255 bytes, up to 65,535, above
    down   11,720 n + (4 n - 1) a - 2,419

and a handful of bytes more where a list has 16 entries or a name 32 bytes. Signatures (3,373 bytes), KEM keys (1,216)
and seals (1,136 more than they hold) are what is large: beside the vector, 10 parties cost each 32 kB up and
115 kB down, 100 parties 254 kB and 1.17 MB. A party that drops out only makes it less.
"""

from __future__ import annotations

ROUNDS = 5


def upload_bytes(parties: int, length: int, word_bits: int, name_bytes: int = 40) -> int:
    """Return the bytes that each party sends in a sum without dropouts; `name_bytes` is the length of every name."""
    name = _name_bytes(name_bytes)
    vector = length * word_bits // 8
    advertisement = 5863 + name
    shares = 8 + name + _list_bytes(parties - 1) + 2453 * (parties - 1)
    masked_vector = 15 + name + _bin_bytes(vector)
    confirmation = 3390 + name
    unmasking = 12 + name + _list_bytes(parties) + 19 * parties
    return advertisement + shares + masked_vector + confirmation + unmasking


def download_bytes(parties: int, name_bytes: int = 40) -> int:
    """Return the bytes that each party receives in a sum without dropouts; `name_bytes` is the length of every name."""
    name = _name_bytes(name_bytes)
    roster = 8 + _list_bytes(parties) + (5863 + name) * parties
    inbox = 7 + _list_bytes(parties - 1) + (2463 + name) * (parties - 1)
    survivors = 11 + _list_bytes(parties) + name * parties
    confirmations = 15 + _list_bytes(parties) + (3390 + name) * parties
    return roster + inbox + survivors + confirmations


def _name_bytes(length: int) -> int:
    return length + (1 if length <= 31 else 2)


def _list_bytes(entries: int) -> int:
    return 1 if entries <= 15 else 3


def _bin_bytes(length: int) -> int:
    return length + (2 if length <= 0xFF else 3 if length <= 0xFFFF else 5)
