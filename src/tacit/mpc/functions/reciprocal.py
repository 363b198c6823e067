"""Reciprocal on shares: normalise by a power of two, then Goldschmidt's iteration.

Computes: [x] with f fractional bits, 2^-f <= x < 2^(k-1-f), to [1 / x] with f. At most one party is corrupt. After
Catrina and Saxena, FC 2010, section 3 (division: normalisation, then an iteration), in a form with fewer rounds: with
r0 = a - 2 x and e = 1 - x r0,

    1 / x = r0 / (1 - e),    1 / (1 - e) = (1 + e) (1 + e^2) (1 + e^4) (1 + e^8) ...

On [1/2, 1) a = sqrt(48) - 4 makes |e| <= 0.0718, so e^8 < 2^-30 may be left out. Each product is rescaled, and the
powers of e are found beside the products.

Error: of `inverse`, below 2^-24 (10.1 units of 2^-28: one of e, e^2, e^4 and the three products each, times what
follows, and the series' rest); of `reciprocal`, at most 2^-24 / x, and 1.5 units of 2^-f. Outside the domain, 0 and
the negative numbers included, the result is without meaning.

With T the rounds of rescaling (2 passive, 3 active):
    inverse     4 (1 + T) rounds, 6 products and rescalings by 28 bits
    reciprocal  `normalisation` of k - 1 bits, 1 product, a rescaling if k > 29, `inverse`, 1 product, a rescaling by
                k + 27 - 2 f bits
"""

from __future__ import annotations

from math import sqrt

from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import minus, plus, stack
from tacit.mpc.functions.normalisation import leading
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.truncation import truncate

PRECISION = 28  # fractional bits of what is normalised to [1/2, 1)
MOST_BITS = 32
_ONE = 1 << PRECISION
_START = round((sqrt(48) - 4) * _ONE)


def reciprocal(party: Party, x: Arithmetic, fraction_bits: int, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """1 / x of any shape; bits: k, 5 to 32, of the bound 1 <= x < 2^(k-1) of the integers that stand for it."""
    check_domain(bits)
    top, flat = bits - 1, x.reshape(-1)
    power = (yield from leading(party, flat, 0, top)).power
    scaled = yield from multiply(party, flat, power)
    normal = yield from to_precision(party, scaled, top, PRECISION)
    inverted = yield from inverse(party, normal)
    product = yield from multiply(party, inverted, power)
    result = yield from to_precision(party, product, top + PRECISION, 2 * fraction_bits)
    return result.reshape(*x.shape)


def inverse(party: Party, x: Arithmetic) -> Protocol[Arithmetic]:
    """1 / x for x in [1/2, 1), both with 28 fractional bits."""
    start = minus(party, _START, x + x)
    e = minus(party, _ONE, (yield from rescaled_product(party, x, start)))
    for last in (False, False, True):
        factor = plus(party, e, _ONE)
        if last:
            return (yield from rescaled_product(party, start, factor))
        both = yield from rescaled_product(party, stack((start, e)), stack((factor, e)))
        start, e = both[0], both[1]
    raise AssertionError("unreachable: the last step returns")


def rescaled_product(party: Party, x: Arithmetic, y: Arithmetic, d: int = PRECISION) -> Protocol[Arithmetic]:
    """x y / 2^d, one product and one rescaling."""
    return (yield from truncate(party, (yield from multiply(party, x, y)), d))


def to_precision(party: Party, x: Arithmetic, have: int, want: int) -> Protocol[Arithmetic]:
    """x with `want` fractional bits instead of `have`: exact where there are more of them, else a rescaling."""
    if want >= have:
        return x.times(1 << (want - have))
    return (yield from truncate(party, x, have - want))


def check_domain(bits: int) -> None:
    """ValueError unless 5 <= bits <= 32."""
    if not 5 <= bits <= MOST_BITS:
        raise ValueError(f"a number that is inverted has 5 to {MOST_BITS} bits, not {bits}")
