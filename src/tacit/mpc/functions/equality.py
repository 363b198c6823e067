"""Equality with zero.

Computes: [x] to [x = 0]. At most one party is corrupt. A carry-save adder leaves two numbers in planes with x = a + b
modulo 2^k, and a sum is zero exactly where a ^ b = (a | b) << 1: no carry has to be known. The k places are then
joined by a tree of conjunctions.

For n numbers of k bits, W = ceil(n / 64):
    rounds  2 + ceil(log2 k), and 2 more as words
    bytes   8 W ((k - 1) + (k - 2) + (k - 1)) for k > 2, and 8 n as words
"""

from __future__ import annotations

from tacit.kernels import bits as bit_kernel
from tacit.mpc.comparison import flipped
from tacit.mpc.components import majority
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import concatenate
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction
from tacit.mpc.replicated import Arithmetic, Binary

WORD = 64


def is_zero(party: Party, x: Arithmetic, bits: int = WORD) -> Protocol[Arithmetic]:
    """[x = 0] as shared words 0 and 1 of the shape of x; bits: k >= 3, of a bound -2^(k-1) <= x < 2^(k-1)."""
    packed = yield from zero_bits(party, x, bits)
    words = yield from bits_to_words(party, packed, x.size)
    return words.reshape(*x.shape)


def zero_bits(party: Party, x: Arithmetic, bits: int = WORD) -> Protocol[Binary]:
    """[x = 0], packed as in `comparison.negative`."""
    if not 3 <= bits <= WORD:
        raise ValueError(f"numbers have 3 to {WORD} bits, not {bits}")
    flat = x.reshape(-1)
    own, following = bit_kernel.planes(flat.own, bits), bit_kernel.planes(flat.next, bits)
    a = Binary(own, following)
    carries = yield from majority(party, own[:-1], following[:-1])
    differ = concatenate((a[:1], a[1:] ^ carries))  # a ^ b, where b is the carries one place up
    both = yield from conjunction(party, a[1:-1], carries[:-1])
    below = concatenate((a[:1], differ[1:-1] ^ both))  # a | b of all places but the highest
    fits = flipped(party, concatenate((differ[:1], differ[1:] ^ below)))
    while len(fits) > 1:
        half = len(fits) // 2
        joined = yield from conjunction(party, fits[:half], fits[half : 2 * half])
        fits = concatenate((joined, fits[2 * half :])) if len(fits) % 2 else joined
    return fits[0]
