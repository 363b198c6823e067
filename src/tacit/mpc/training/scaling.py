"""Features to mean 0 and variance 1 on shares, and a first layer that takes the features as they came.

Nothing is opened: mean and deviation of each column stay shared. With s = 1 / deviation and m the mean, a layer on
the scaled columns with weight W and bias b is one on the columns themselves with s W and b - (s m) W, so what leaves
a training is on the features' own units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.inner_products import inner_products
from tacit.mpc.functions.rsqrt import rsqrt
from tacit.mpc.inputs import constant
from tacit.mpc.party import Party
from tacit.mpc.products import matmul, multiply
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.training.dense import Dense
from tacit.mpc.truncation import truncate

MEAN_BITS = 24  # fractional bits of 1 / rows
LEAST_VARIANCE_BITS = 10  # 2^-10 is added to each variance: a constant column stays one


@dataclass(frozen=True, repr=False)
class Scaling:
    """Mean and 1 / deviation of each column, (columns,) with f fractional bits, shared."""

    mean: Arithmetic
    factor: Arithmetic


def standardised(party: Party, x: Arithmetic, fraction_bits: int) -> Protocol[tuple[Arithmetic, Scaling]]:
    """x (rows, columns), values within [-1, 1] with f fractional bits, to mean 0 and variance near 1."""
    rows = len(x)
    mean_factor = max(1, round(2**MEAN_BITS / rows))
    total = x.map(lambda words: words.sum(axis=0, dtype=np.uint64))
    mean = yield from truncate(party, total.times(mean_factor), MEAN_BITS)
    centred = x - mean.reshape(1, -1)
    squares = yield from inner_products(party, centred, centred)
    # Sums of squares have 2f bits; over so many rows they leave room for a factor of few bits only.
    variance = yield from truncate(party, squares, fraction_bits)
    variance = yield from truncate(party, variance.times(mean_factor), MEAN_BITS)
    least = np.full(x.shape[1], 1 << max(fraction_bits - LEAST_VARIANCE_BITS, 0), dtype=np.uint64)
    factor = yield from rsqrt(party, variance + constant(party, least), fraction_bits)
    product = yield from multiply(party, centred, factor.reshape(1, -1))
    scaled = yield from truncate(party, product, fraction_bits)
    return scaled, Scaling(mean, factor)


def on_own_units(party: Party, layer: Dense, scaling: Scaling, fraction_bits: int) -> Protocol[Dense]:
    """The layer that gives on x what `layer` gives on scaled x."""
    product = yield from multiply(party, layer.weight, scaling.factor.reshape(-1, 1))
    weight = yield from truncate(party, product, fraction_bits)
    moved = yield from matmul(party, scaling.mean.reshape(1, -1), weight)
    shift = yield from truncate(party, moved, fraction_bits)
    return Dense(weight, layer.bias - shift.reshape(-1))
