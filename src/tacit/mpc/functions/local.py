"""What costs no message: public numbers added to shares, packed planes put one after another, shares stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary, Words

S = TypeVar("S", Arithmetic, Binary)

WORD = 64
_ONES = np.uint64(2**64 - 1)


def plus(party: Party, x: Arithmetic, public: int | Words) -> Arithmetic:
    """x + public, a number or words that broadcast to the shape of x: component 0 moves."""
    number = np.uint64(public % 2**64) if isinstance(public, int) else public
    if party.index == 0:
        return Arithmetic(x.own + number, x.next)
    if party.index == 2:
        return Arithmetic(x.own, x.next + number)
    return x


def minus(party: Party, public: int, x: Arithmetic) -> Arithmetic:
    """public - x."""
    return plus(party, -x, public)


def ones(party: Party, words: int) -> Binary:
    """A share of (words,) words of which every bit is set."""
    full, none = np.full(words, _ONES), np.zeros(words, dtype=np.uint64)
    return Binary(full if party.index == 0 else none, full if party.index == 2 else none)


def stack(parts: Sequence[S]) -> S:
    """Shares of one shape as one, along a new first axis."""
    own, following = np.stack([part.own for part in parts]), np.stack([part.next for part in parts])
    return type(parts[0])(own, following)


def concatenate(parts: Sequence[S], axis: int = 0) -> S:
    """Shares one after another along an axis."""
    own = np.concatenate([part.own for part in parts], axis=axis)
    return type(parts[0])(own, np.concatenate([part.next for part in parts], axis=axis))


def one_row(planes: Binary, n: int) -> Binary:
    """Planes (k, ceil(n / 64)) of n bits each as one vector of k n packed bits, without the gaps between them."""
    if n % WORD == 0 or len(planes) == 1:
        return planes.reshape(-1)
    return planes.map(lambda words: _closed(words, n))


def _closed(planes: Words, n: int) -> Words:
    octets = np.ascontiguousarray(planes, dtype="<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=n, bitorder="little")
    packed = np.packbits(bits.reshape(-1), bitorder="little")
    words = np.zeros(8 * -(-bits.size // WORD), dtype=np.uint8)
    words[: packed.size] = packed
    return words.view("<u8").astype(np.uint64, copy=False)
