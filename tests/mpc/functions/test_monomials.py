"""Products of subsets of shared bits, and tables as combinations of them."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.functions.monomials import coefficients, monomials
from tacit.mpc.replicated import Binary

from . import prices
from .running import SECURITIES, run


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("security", SECURITIES)
def test_every_subset_has_its_product_in_its_place(count, security):
    bits = np.random.default_rng(count).integers(-(2**63), 2**63, (count, 2), dtype=np.int64)
    found = run(monomials, bits, security=security, kind=Binary)
    assert found.value.shape == (2**count - 1, 2)
    for s in range(1, 2**count):
        chosen = [bits.view(np.uint64)[i] for i in range(count) if s >> i & 1]
        assert (found.value[s - 1] == np.bitwise_and.reduce(chosen)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.monomials(128, count)


def test_a_table_is_the_combination_of_the_monomials_of_its_index():
    table = np.random.default_rng(0).integers(-(2**62), 2**62, (3, 8))
    terms = coefficients(table, 1)
    for index in range(8):
        inside = [s for s in range(8) if s & index == s]  # the subsets whose bits are all set
        assert (terms[:, inside].sum(axis=1, dtype=np.uint64).view(np.int64) == table[:, index]).all()
