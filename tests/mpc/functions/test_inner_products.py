"""Inner products at the price of one product."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.mpc.functions import inner_products

from . import prices
from .running import SECURITIES, run


@pytest.mark.parametrize("shape", [(1, 5), (2, 3, 4), (8, 70)])
@pytest.mark.parametrize("security", SECURITIES)
def test_products_are_summed_over_the_first_axis(shape, security):
    x, y = np.random.default_rng(0).integers(-(2**63), 2**63, (2, *shape), dtype=np.int64)
    found = run(inner_products, x, y, security=security)
    assert (found.value == (x * y).sum(axis=0)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.products(int(np.prod(shape[1:])))


@pytest.mark.parametrize("shapes", [((2, 3), (2, 1)), ((0, 3), (0, 3)), ((), ())])
def test_shapes_that_have_none_are_refused(shapes):
    with pytest.raises(ValueError, match="no inner products"):
        run(inner_products, np.ones(shapes[0]), np.ones(shapes[1]))
