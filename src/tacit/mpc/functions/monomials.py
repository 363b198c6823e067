"""All products of the subsets of a few shared bits: what a table that is read at a secret place is made of.

Any function of k bits is a sum over the subsets S of its bits, each monomial (the product of the bits in S) times a
public coefficient (`coefficients`, the Moebius transform). So the monomials take the place of the one-hot decoders of
a lookup.

For k bits of n numbers, W = ceil(n / 64): ceil(log2 k) rounds, 8 W (2^k - 1 - k) bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tacit.mpc.exchange import Protocol, together
from tacit.mpc.functions.local import concatenate
from tacit.mpc.party import Party
from tacit.mpc.products import conjunction
from tacit.mpc.replicated import Binary, Words, ring


def monomials(party: Party, bits: Binary) -> Protocol[Binary]:
    """Of planes (k, words) the products (2^k - 1, words): plane s - 1 is that of the bits that are set in s."""
    count = len(bits)
    if count == 1:
        return bits
    half = (count + 1) // 2
    low, high = yield from together(monomials(party, bits[:half]), monomials(party, bits[half:]))
    lows, highs = len(low), len(high)
    every_high, every_low = np.repeat(np.arange(highs), lows), np.tile(np.arange(lows), highs)
    joined = yield from conjunction(party, low[every_low], high[every_high])
    parts: list[Binary] = [low]
    for s in range(highs):
        parts += [high[s : s + 1], joined[s * lows : (s + 1) * lows]]
    return concatenate(parts)


def coefficients(table: npt.NDArray[np.int64], axis: int) -> Words:
    """The table's values (2^k along the axis) as the coefficients of the monomials, the empty one first, mod 2^64."""
    values = np.moveaxis(ring(table).copy(), axis, 0)
    step = 1
    while step < len(values):
        blocks = values.reshape(-1, 2, step, *values.shape[1:])
        blocks[:, 1] -= blocks[:, 0]
        values = blocks.reshape(values.shape)
        step *= 2
    return np.ascontiguousarray(np.moveaxis(values, 0, axis))
