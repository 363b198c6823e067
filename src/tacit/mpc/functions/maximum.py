"""The greatest of numbers, and which it is: a tournament.

Computes: [x_1], ..., [x_m] to [max x], and to [the least i with x_i = max x]. At most one party is corrupt.
Neighbours are compared by the sign of their difference, and the winner is chosen by a product; half as many are left
after each level.

For n rows of m numbers of k bits, C(k) the rounds of `comparison.negative` and L = ceil(log2 m):
    maximum        C(k + 1) + 3 rounds; bytes: of `negative` on k + 1 bits, and 16 n
    maximum_along  L (C(k + 1) + 3) rounds; bytes: of floor(m / 2) n maxima, then with ceil(m / 2) for m, and so on
    argmax         as `maximum_along`, but in the levels between the first and the last 8 bytes more for each match:
                   there values and places are both chosen. Places are public before the first level, and no value is
                   needed after the last, so for m = 2 there is no product, and a round less
"""

from __future__ import annotations

import numpy as np

from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import concatenate, stack
from tacit.mpc.functions.relu import below_zero
from tacit.mpc.inputs import constant
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic

MOST_BITS = 63  # of two numbers whose difference is taken


def maximum(party: Party, x: Arithmetic, y: Arithmetic, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """The greater of x and y, of one shape, exactly; bits: k <= 63, of a bound -2^(k-1) <= x, y < 2^(k-1)."""
    _check(bits)
    rise = y - x
    below = yield from below_zero(party, rise, bits + 1)
    return y - (yield from multiply(party, rise, below))


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
    count = np.arange(len(x), dtype=np.uint64).reshape(-1, *[1] * (x.ndim - 1))
    places = constant(party, np.ascontiguousarray(np.broadcast_to(count, x.shape)))
    first_level = True
    while len(x) > 1:
        half = len(x) // 2
        odd = len(x) % 2
        left, right = slice(0, 2 * half, 2), slice(1, 2 * half, 2)  # neighbours, so that the first stays the first
        rise, step = x[right] - x[left], places[right] - places[left]
        wins = yield from below_zero(party, x[left] - x[right], bits + 1)  # the right one, if it is truly greater
        if first_level:
            moved = wins  # neighbours' places are one apart
            risen = (yield from multiply(party, rise, wins)) if len(x) > 2 else None
        elif len(x) > 2:
            both = yield from multiply(party, stack((rise, step)), stack((wins, wins)))
            risen, moved = both[0], both[1]
        else:
            risen, moved = None, (yield from multiply(party, step, wins))
        new_places = places[left] + moved
        places = concatenate((new_places, places[2 * half :])) if odd else new_places
        if risen is None:
            break
        greater = x[left] + risen
        x = concatenate((greater, x[2 * half :])) if odd else greater
        first_level = False
    return places[0]


def _check(bits: int) -> None:
    if not 2 <= bits <= MOST_BITS:
        raise ValueError(f"numbers that are compared have 2 to {MOST_BITS} bits, not {bits}")
