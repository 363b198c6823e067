"""Comparison: the sign of a shared number.

Computes: [x], -2^(k-1) <= x < 2^(k-1), to the bit [x < 0]. At most one party is corrupt. The sign is bit k - 1 of the
sum of the three components, of which only the k lowest bits matter. Each is known to two parties, so the components
are already shared bit by bit; they are cut into planes (a word holds one bit of 64 numbers) and added: three numbers
to two by a carry-save adder, then the carry into the highest place by a tree of (generate, propagate) pairs, as in
the adders of ABY3 (Mohassel, Rindal, CCS 2018, section 5.3), of which only one bit is needed.

Rounds: 2 + ceil(log2(k - 2)), for k > 2. Bits sent by each party for each number: k - 1 + (k - 2) + 2 (k - 3) -
levels of the tree, about 4 k.
"""

from __future__ import annotations

import numpy as np

from tacit.kernels import bits as bit_kernel
from tacit.mpc.components import majority
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction
from tacit.mpc.replicated import Arithmetic, Binary

WORD = 64


def negative(party: Party, x: Arithmetic, bits: int = WORD) -> Protocol[Binary]:
    """[x < 0] for x of any shape, packed: bit i of the words (ceil(n / 64),) is that of element i.

    bits: k, of a bound -2^(k-1) <= x < 2^(k-1) that holds for every element; fewer bits cost less.
    """
    if not 2 <= bits <= WORD:
        raise ValueError(f"numbers have 2 to {WORD} bits, not {bits}")
    flat = x.reshape(-1)
    own, following = bit_kernel.planes(flat.own, bits), bit_kernel.planes(flat.next, bits)
    total = Binary(own, following)
    carry = yield from majority(party, own[:-1], following[:-1])
    top = total[-1] ^ carry[-1]
    if bits == 2:
        return top
    return top ^ (yield from _carried(party, total[1:-1], carry[:-1]))


def _carried(party: Party, x: Binary, y: Binary) -> Protocol[Binary]:
    """The carry out of the sum of two numbers in planes (places, words), the lowest place first."""
    generate = yield from conjunction(party, x, y)
    propagate = x ^ y
    while len(generate) > 1:
        generate, propagate = yield from _halved(party, generate, propagate)
    return generate[0]


def _halved(party: Party, generate: Binary, propagate: Binary) -> Protocol[tuple[Binary, Binary]]:
    """Neighbouring places joined, two by two, from the highest down: half as many pairs, rounded up.

    (g, p) above (g', p') is (g ^ p g', p p'). What is propagated through the lowest place is never needed.
    """
    odd = len(generate) % 2  # the lowest place stays alone
    low_g, high_g = generate[odd::2], generate[odd + 1 :: 2]
    low_p, high_p = propagate[odd::2], propagate[odd + 1 :: 2]
    wanted = 1 - odd  # the first pair reaches the lowest place, unless that is alone
    both = yield from conjunction(party, _stacked(high_p, high_p[wanted:]), _stacked(low_g, low_p[wanted:]))
    pairs = len(high_g)
    joined = high_g ^ both[:pairs]
    through = both[pairs:]
    if odd:
        return _stacked(generate[:1], joined), _stacked(propagate[:1], through)
    return joined, _stacked(high_p[:1], through)  # the first stands in a place that is not read


def _stacked(first: Binary, second: Binary) -> Binary:
    return Binary(np.concatenate((first.own, second.own)), np.concatenate((first.next, second.next)))


def flipped(party: Party, bits: Binary) -> Binary:
    """Every bit turned over: component 0 is, and no message is needed."""
    ones = np.uint64(2**64 - 1)
    if party.index == 0:
        return Binary(bits.own ^ ones, bits.next)
    if party.index == 2:
        return Binary(bits.own, bits.next ^ ones)
    return bits


def packed_words(n: int) -> int:
    """Words that n packed bits take."""
    return -(-n // WORD)
