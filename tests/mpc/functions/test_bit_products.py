"""Shared bits times shared numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.functions import bit_products
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary

from . import prices
from .running import SECURITIES, run


@pytest.mark.parametrize("shape", [(1,), (64,), (70,), (1, 5), (3, 130)])
@pytest.mark.parametrize("security", SECURITIES)
def test_each_bit_keeps_its_numbers_or_makes_them_zero(shape, security):
    rng = np.random.default_rng(4)
    n = shape[-1]
    y = rng.integers(-(2**63), 2**63, shape, dtype=np.int64)
    words = rng.integers(-(2**63), 2**63, -(-n // 64), dtype=np.int64)
    bits = np.unpackbits(words.view(np.uint8), count=n, bitorder="little")

    def protocol(party: Party, words: Arithmetic, y: Arithmetic):
        as_bits = Binary(*(np.ascontiguousarray(each) for each in shared_bits[party.index]))
        return (yield from bit_products(party, as_bits, y))

    parts = [rng.integers(0, 2**64, words.shape, dtype=np.uint64) for _ in range(2)]
    parts.append(words.view(np.uint64) ^ parts[0] ^ parts[1])
    shared_bits = [(parts[i], parts[(i + 1) % 3]) for i in range(3)]
    found = run(protocol, words, y, security=security)
    assert (found.value == bits * y).all()
    m = 1 if len(shape) == 1 else shape[0]
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.bit_products(n, m)
