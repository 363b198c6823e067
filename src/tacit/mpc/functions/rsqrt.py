"""One over the square root on shares: normalise by a power of two, then two steps of Newton's kind.

Computes: [x] with f fractional bits, 2^-f <= x < 2^(k-1-f), to [1 / sqrt(x)] with f. At most one party is corrupt. As
`reciprocal`, with r0 = a - 3 x / 4 on [1/2, 1), a = 1.7488; with h = (1 - x r^2) / 2 the inverse root is r (1 - 2
h)^(-1/2), and

    r1 = r0 (1 + h + 3 h^2 / 2)    |2 h| <= 0.0565 before, below 1.2e-4 after
    r2 = r1 (1 + h)                what is left out is below 5e-9

2^(-v/2) is a power of two, and for odd exponents the root of 2: both are public combinations of the marks of the
leading bit.

Error: of `inverse_root` below 2^-25 (4.6 units of 2^-28: of the last step 1.25 of h times r and 1 of the product, and
the series' rest); of `rsqrt` at most 2^-24 / sqrt(x), and 1.5 units of 2^-f. Outside the domain the result is without
meaning.

With T the rounds of rescaling (2 passive, 3 active):
    inverse_root  7 (1 + T) rounds, 7 products and rescalings
    rsqrt         `normalisation` of k - 1 bits, 1 product, a rescaling if k > 29, `inverse_root`, 2 products and 2
                  rescalings
"""

from __future__ import annotations

from math import sqrt

from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.local import minus, plus
from tacit.mpc.functions.normalisation import leading
from tacit.mpc.functions.reciprocal import MOST_BITS, PRECISION, check_domain, rescaled_product, to_precision
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic

_ONE = 1 << PRECISION
_START = round(1.7488 * (4 * _ONE))
_ROOT = round(sqrt(2) * _ONE)


def rsqrt(party: Party, x: Arithmetic, fraction_bits: int, bits: int = MOST_BITS) -> Protocol[Arithmetic]:
    """1 / sqrt(x) of any shape; bits: k, 5 to 32, of the bound 1 <= x < 2^(k-1) of the integers that stand for it."""
    check_domain(bits)
    top, flat = bits - 1, x.reshape(-1)
    place = yield from leading(party, flat, 0, top)
    scaled = yield from multiply(party, flat, place.power)
    root = yield from inverse_root(party, (yield from to_precision(party, scaled, top, PRECISION)))
    # 2^(3f/2) / sqrt(X) = r 2^((3f - top + v)/2), of which `whole` powers of two are public
    whole, odd = divmod(3 * fraction_bits - top, 2)
    turned = yield from rescaled_product(party, root, place.combined(lambda v: _ROOT if (v + odd) % 2 else _ONE))
    product = yield from multiply(party, turned, place.combined(lambda v: 1 << (v + odd) // 2))
    result = yield from to_precision(party, product, PRECISION, whole)
    return result.reshape(*x.shape)


def inverse_root(party: Party, x: Arithmetic) -> Protocol[Arithmetic]:
    """1 / sqrt(x) for x in [1/2, 1), both with 28 fractional bits."""
    start = minus(party, _START, x.times(3))  # with 30 fractional bits
    square = yield from rescaled_product(party, start, start, 31)
    h = minus(party, _ONE // 2, (yield from rescaled_product(party, x, square, 30)))
    bend = yield from rescaled_product(party, h, h, 29)
    better = yield from rescaled_product(party, start, plus(party, h + bend.times(3), _ONE), 30)
    square = yield from rescaled_product(party, better, better, 27)
    h = minus(party, _ONE // 2, (yield from rescaled_product(party, x, square, 30)))
    return (yield from rescaled_product(party, better, plus(party, h, _ONE)))
