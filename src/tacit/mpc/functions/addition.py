"""The bits of a shared number: the sum of its three components, by a parallel-prefix adder on planes of bits.

Computes: [x] to its bits by exclusive or, and to how often the sum of the components' low bits wraps. At most one
party is corrupt. Three numbers to two by a carry-save adder, then all carries by the network of Sklansky (1960), as
in ABY3 (Mohassel, Rindal, CCS 2018, section 5.3). A plane holds one bit of all numbers, 64 to a word.

For n numbers and their `last` lowest bits, W = ceil(n / 64), m = last - 2 places that make a carry, D = ceil(log2 m):
    rounds  2 + D
    bytes   8 W ((last - 1) + m + G + H): at each level d < D the places i < m with bit d of i set are joined with
            what
            lies below, G in all; H of them, those with i >= 2^(d+1), learn further what they let through
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.kernels import bits as bit_kernel
from tacit.mpc.components import majority
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import concatenate
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction
from tacit.mpc.replicated import Arithmetic, Binary

LEAST = 4  # bits that are asked for


@dataclass(frozen=True)
class Bits:
    """Bits `first` to `last` - 1 of shared numbers, a plane for each, the lowest first.

    wraps: two planes whose sum says how often the components' bits under `first` add up to 2^first; None for first = 0.
    """

    planes: Binary
    wraps: Binary | None


def bits_of(party: Party, x: Arithmetic, first: int, last: int) -> Protocol[Bits]:
    """Bits first, ..., last - 1 of x, which is flat: 0 <= first < last <= 64, last >= 4, first not 1."""
    if not 0 <= first < last <= 64 or last < LEAST or first == 1:
        raise ValueError(f"bits {first} to {last} of a word of 64")
    own, following = bit_kernel.planes(x.own, last), bit_kernel.planes(x.next, last)
    total = Binary(own, following)
    saved = yield from majority(party, own[:-1], following[:-1])  # bit p is added at place p + 1
    higher = total[1:] ^ saved
    generate = yield from conjunction(party, total[1:-1], saved[:-1])
    carries = yield from _prefix(party, generate, higher[:-1])  # carry i goes into place i + 2
    bits = concatenate((total[:1], higher[:1], higher[1:] ^ carries))
    if first == 0:
        return Bits(bits, None)
    return Bits(bits[first:], concatenate((saved[first - 1 : first], carries[first - 2 : first - 1])))


def _prefix(party: Party, generate: Binary, propagate: Binary) -> Protocol[Binary]:
    """All carries of places that generate one or pass one on: carry i is that out of place i."""
    count = len(generate)
    places = np.arange(count)
    for level in range((count - 1).bit_length()):
        upper = places[places >> level & 1 == 1]
        lower = (upper >> level << level) - 1  # the last of the block below
        further = upper[upper >= 2 << level]  # whose blocks do not begin at place 0
        inner = (further >> level << level) - 1
        factors = concatenate((propagate[upper], propagate[further]))
        others = concatenate((generate[lower], propagate[inner]))
        both = yield from conjunction(party, factors, others)
        generate = _changed(generate, upper, generate[upper] ^ both[: len(upper)])
        propagate = _changed(propagate, further, both[len(upper) :])
    return generate


def _changed(planes: Binary, places: np.ndarray, to: Binary) -> Binary:
    own, following = planes.own.copy(), planes.next.copy()
    own[places], following[places] = to.own, to.next
    return Binary(own, following)
