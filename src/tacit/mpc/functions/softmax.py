"""Softmax on shares, as the graph's layer computes it.

Computes: [x_1], ..., [x_m] with f fractional bits to [exp(x_i) / sum_j exp(x_j)] with f. At most one party is
corrupt. The greatest is taken away (`maximum`), exp is the layer's table with 2 f fractional bits (`exponential`),
and the sum S, whose leading bit can only be one of 2f - 1, ..., 2f + ceil(log2(m + 1)) - 1, is normalised to [1/2, 1)
together with the exponentials; then one `reciprocal.inverse` and one product.

Error: against `graph.layers.Softmax` at most 1 + (m + 1) 2^(1-f) units in the last place, rounded up: one of the
rescaling, and what the units of the exponentials and of their sum come to. Against the true function that layer's
error (`Softmax.error`) besides.

Rounds and bytes are those of the parts, one after another: `maximum_along`, `piecewise`, a rescaling by f,
`normalisation`, a product of m + 1 numbers, two rescalings side by side (of m numbers, and of 1 unless M = 2f +
ceil(log2(m + 1)) <= 28), `inverse`, a product and a rescaling by 31 of m.
"""

from __future__ import annotations

import numpy as np

from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.exponential import exp_precise
from tacit.mpc.functions.local import concatenate
from tacit.mpc.functions.maximum import maximum_along
from tacit.mpc.functions.normalisation import leading
from tacit.mpc.functions.reciprocal import PRECISION, inverse, rescaled_product, to_precision
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic

DIVIDED = 31  # bits that the last product is rescaled by: as many as narrow words allow


def softmax(party: Party, x: Arithmetic, fraction_bits: int, bits: int) -> Protocol[Arithmetic]:
    """Over the first axis, (m, ...) to the same; bits: k <= 61, of a bound -2^(k-1) <= x < 2^(k-1)."""
    flat = x.reshape(len(x), -1)
    count, f = len(flat), fraction_bits
    greatest = yield from maximum_along(party, flat, bits)
    below = flat - _rows(greatest, count)
    parts = yield from exp_precise(party, below, f, -(1 << bits))
    total = parts.map(lambda words: words.sum(axis=0, dtype=np.uint64))
    top = 2 * f + count.bit_length()
    power = (yield from leading(party, total, 2 * f - 1, top)).power
    both = concatenate((parts, total.reshape(1, -1)))
    moved = yield from multiply(party, both, _rows(power, count + 1))
    share_bits = DIVIDED - PRECISION + f
    shares, normal = yield from together(
        to_precision(party, moved[:-1], top, share_bits), to_precision(party, moved[-1], top, PRECISION)
    )
    factor = yield from inverse(party, normal)
    result = yield from rescaled_product(party, shares, _rows(factor, count), DIVIDED)
    return result.reshape(*x.shape)


def _rows(one: Arithmetic, count: int) -> Arithmetic:
    return one.map(lambda words: np.broadcast_to(words, (count, *words.shape)))
