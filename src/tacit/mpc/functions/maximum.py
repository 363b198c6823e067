"""The greatest of numbers, and which it is: a tournament.

Computes: [x_1], ..., [x_m] to [max x], and to [the least i with x_i = max x]. At most one party is corrupt.
Neighbours are compared by the sign of their difference, and the winner is chosen by a product; half as many are left
after each level.

For n rows of m numbers of k bits, C(k) the rounds of `comparison.negative` and L = ceil(log2 m):
    maximum        C(k + 1) + 2 rounds; bytes: of `negative` on k + 1 bits, and 16 n
    maximum_along  L (C(k + 1) + 2) rounds; bytes: of floor(m / 2) n maxima, then with ceil(m / 2) for m, and so on
    argmax         as `maximum_along`, and for each match 8 bytes of every party in the first level (the bit as a
                   number,
                   for places are public there), and in those between it and the last 8 of P0 and 16 of P1 and P2
                   (values
                   and places are both chosen). After the last no value is needed; for m = 2 there are 8 bytes less
"""

from __future__ import annotations

import numpy as np

from tacit.mpc.comparison import negative
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.bit_products import bit_products
from tacit.mpc.functions.local import concatenate, stack
from tacit.mpc.inputs import constant
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary

MOST_BITS = 63  # of two numbers whose difference is taken


def maximum(party: Party, x: Arithmetic, y: Arithmetic, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """The greater of x and y, of one shape, exactly; bits: k <= 63, of a bound -2^(k-1) <= x, y < 2^(k-1)."""
    _check(bits)
    rise = (y - x).reshape(-1)
    falls = yield from negative(party, rise, bits + 1)
    return y - (yield from bit_products(party, falls, rise)).reshape(*x.shape)


def maximum_along(party: Party, x: Arithmetic, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """The greatest along the first axis, (m, ...) to (...), exactly."""
    while len(x) > 1:
        half = len(x) // 2
        greater = yield from maximum(party, x[:half], x[half : 2 * half], bits)
        x = concatenate((greater, x[2 * half :])) if len(x) % 2 else greater
    return x[0]


def argmax(party: Party, x: Arithmetic, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """The least i with x[i] the greatest along the first axis, (m, ...) to shared numbers (...)."""
    _check(bits)
    rest = x.shape[1:]
    x = x.reshape(len(x), -1)
    count = np.arange(len(x), dtype=np.uint64).reshape(-1, 1)
    places = constant(party, np.ascontiguousarray(np.broadcast_to(count, x.shape)))
    first = True
    while len(x) > 1:
        matched = len(x) // 2 * 2
        left, right = slice(0, matched, 2), slice(1, matched, 2)  # neighbours, so that the first stays the first
        rise, step = (each[right] - each[left] for each in (x, places))
        wins = yield from negative(party, -rise, bits + 1)  # the right one, if it is truly greater
        risen, moved = yield from _chosen(party, wins, rise, step, first=first, last=len(x) == 2)
        x = concatenate((x[left] + risen, x[matched:]))
        places = concatenate((places[left] + moved, places[matched:]))
        first = False
    return places[0].reshape(*rest)


def _chosen(
    party: Party, wins: Binary, rise: Arithmetic, step: Arithmetic, *, first: bool, last: bool
) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    """How far value and place move where the right one wins; after the last level the value is not needed."""
    shape, n = rise.shape, rise.size
    if first:  # neighbours' places are one apart
        ones = bits_to_words(party, wins, n)
        if last:
            return rise, (yield from ones).reshape(*shape)
        moved, risen = yield from together(ones, bit_products(party, wins, rise.reshape(-1)))
    elif last:
        return rise, (yield from bit_products(party, wins, step.reshape(-1))).reshape(*shape)
    else:
        both = yield from bit_products(party, wins, stack((rise.reshape(-1), step.reshape(-1))))
        risen, moved = both[0], both[1]
    return risen.reshape(*shape), moved.reshape(*shape)


def _check(bits: int) -> None:
    if not 2 <= bits <= MOST_BITS:
        raise ValueError(f"numbers that are compared have 2 to {MOST_BITS} bits, not {bits}")
