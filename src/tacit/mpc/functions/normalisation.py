"""The power of two that moves a shared number's leading bit to a public place.

Computes: [x], 2^low <= x < 2^high, to [2^v] with 2^(high-1) <= 2^v x < 2^high. At most one party is corrupt. The bits
above `low` by an adder; the conjunctions of their negations from the top down (Sklansky's network again) fall from 1
to 0 at the leading bit; as numbers their differences mark it, and a public combination of the marks is the power.

For n numbers, c = high - low candidates:
    rounds  those of `addition` for the bits low to high - 1, ceil(log2 (c - 1)) and 2
    bytes   of `addition`; 8 W sum over d of the i < c - 1 with bit d of i set; 8 n (c - 1)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.mpc.comparison import flipped
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.addition import bits_of
from tacit.mpc.functions.local import concatenate, minus, one_row
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction
from tacit.mpc.replicated import Arithmetic, Binary, ring


@dataclass(frozen=True)
class Leading:
    """Where the leading bit is: marks (c, n), of which one is 1, for v = 0, 1, ..., c - 1 in 2^v."""

    marks: Arithmetic

    def combined(self, weight: Callable[[int], int]) -> Arithmetic:
        """weight(v) of the secret v, a share (n,)."""
        weights = ring(np.array([weight(v) for v in range(len(self.marks))], dtype=np.int64))
        return self.marks.map(lambda words: (words * weights[:, None]).sum(axis=0, dtype=np.uint64))

    @property
    def power(self) -> Arithmetic:
        """2^v."""
        return self.combined(lambda v: 1 << v)


def leading(party: Party, x: Arithmetic, low: int, high: int) -> Protocol[Leading]:
    """The place of the leading bit of flat x, 2^low <= x < 2^high: high <= 62, low + 1 < high, high >= 4, low not 1."""
    if high - low < 2:
        raise ValueError(f"between 2^{low} and 2^{high} the leading bit is known")
    n = x.size
    found = yield from bits_of(party, x, low, high)
    fallen = flipped(party, found.planes[:0:-1])  # not bit high - 1, not bit high - 2, ...
    still = yield from _all_so_far(party, fallen)  # none of the bits from the top to this one is set
    words = yield from bits_to_words(party, one_row(still, n), len(still) * n)
    steps = words.reshape(len(still), n)
    return Leading(concatenate((minus(party, 1, steps[:1]), steps[:-1] - steps[1:], steps[-1:])))


def _all_so_far(party: Party, planes: Binary) -> Protocol[Binary]:
    """Plane i is the conjunction of planes 0 to i."""
    places = np.arange(len(planes))
    own, following = planes.own.copy(), planes.next.copy()
    for level in range((len(planes) - 1).bit_length()):
        upper = places[places >> level & 1 == 1]
        lower = (upper >> level << level) - 1
        joined = yield from conjunction(
            party, Binary(own[upper], following[upper]), Binary(own[lower], following[lower])
        )
        own[upper], following[upper] = joined.own, joined.next
    return Binary(own, following)
