"""ReLU, of a number as it stands and of an accumulator that is rescaled on the way; and the sign as a number.

Computes: [x] to [max(x, 0)], and [x] to [max(x, 0) / 2^d] within one unit. At most one party is corrupt. The sign by
`comparison.negative` (after ABY3: Mohassel, Rindal, CCS 2018, section 5.3), then `bit_products`.

ReLU and rescaling commute, so the sign is that of the accumulator, and is found while the accumulator is divided.
Where x is not negative, the divided number is not either: it is more than x / 2^d - 1.

For n numbers of k bits, C(k) the rounds of `negative` and T those of rescaling:
    relu           C(k) + 2 rounds; bytes: of `negative`, and 16 n
    relu_rescaled  max(C(k), T) + 2 rounds; bytes: of `negative` and of rescaling, and 16 n
"""

from __future__ import annotations

from tacit.mpc.comparison import flipped, negative
from tacit.mpc.conversion import bits_to_words
from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.bit_products import bit_products
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate


def relu(party: Party, x: Arithmetic, bits: int = 64) -> Protocol[Arithmetic]:
    """max(x, 0) of any shape, exactly; bits: k, of a bound -2^(k-1) <= x < 2^(k-1) of every element."""
    signs = yield from negative(party, x, bits)
    kept = yield from bit_products(party, flipped(party, signs), x.reshape(-1))
    return kept.reshape(*x.shape)


def relu_rescaled(party: Party, x: Arithmetic, d: int, bits: int = 62) -> Protocol[Arithmetic]:
    """max(x, 0) / 2^d within one unit of rounding half up, never negative; |x| < 2^61, 1 <= d <= 60."""
    signs, scaled = yield from together(negative(party, x, bits), truncate(party, x.reshape(-1), d))
    kept = yield from bit_products(party, flipped(party, signs), scaled)
    return kept.reshape(*x.shape)


def below_zero(party: Party, x: Arithmetic, bits: int) -> Protocol[Arithmetic]:
    """[x < 0] as shared words 0 and 1 of the shape of x. C(k) + 2 rounds; bytes: of `negative`, and 8 for each."""
    signs = yield from negative(party, x, bits)
    words = yield from bits_to_words(party, signs, x.size)
    return words.reshape(*x.shape)


def not_negative(party: Party, x: Arithmetic, bits: int) -> Protocol[Arithmetic]:
    """[x >= 0] as shared words 0 and 1 of the shape of x; the price of `below_zero`."""
    signs = yield from negative(party, x, bits)
    words = yield from bits_to_words(party, flipped(party, signs), x.size)
    return words.reshape(*x.shape)
