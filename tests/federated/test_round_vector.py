"""The round's vector: what goes in comes out, and every contribution is within the bound that the noise is made for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.federated.round_vector import LOSS_CAP, RoundVector

LAYOUTS = [
    RoundVector(3, limits, unit, held)
    for limits in ((2.0,), (2.0, 0.5))
    for unit in ("none", "record", "party")
    for held in (False, True)
]


def longest(layout: RoundVector, rows: int = 1) -> np.ndarray:
    """Contributions of which every part is as long as it may be."""
    blocks = [np.tile([limit, 0.0, 0.0], (rows, 1)) for limit in layout.limits]
    own = np.ones(rows) if layout.unit == "party" and layout.held else None
    return layout.trained(blocks, np.ones(rows), own)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_bound_is_reached_and_never_passed(layout):
    """Reached: it is no larger than it has to be, and no noise is wasted."""
    rows = longest(layout)
    assert rows.shape == (1, layout.length)
    assert np.linalg.norm(rows) == pytest.approx(layout.norm_bound)
    if layout.held and layout.unit != "party":
        assert np.linalg.norm(layout.held_back(np.ones(1))) <= layout.norm_bound * (1 + 1e-12)


def test_a_record_that_is_held_back_needs_no_larger_bound():
    plain, held = (RoundVector(3, (2.0,), "record", held) for held in (False, True))
    assert held.norm_bound == plain.norm_bound
    assert np.linalg.norm(held.held_back(np.ones(1))) == pytest.approx(held.norm_bound)


@given(st.sampled_from(LAYOUTS), st.integers(1, 5), st.integers(0, 5), st.randoms(use_true_random=False))
def test_sums_are_read_as_they_were_put_in(layout, trained, held, random):
    draw = np.random.default_rng(random.randrange(2**32))
    blocks = [draw.standard_normal((trained, 3)) for _ in layout.limits]
    loss, held_loss = draw.random(trained), draw.random(held)
    party = layout.unit == "party"
    rows = layout.trained(blocks, loss, draw.random(trained) if party and layout.held else None)
    if layout.held and not party:
        rows = np.vstack([rows, layout.held_back(held_loss)])
    sums = layout.read(rows.sum(axis=0))
    assert sums.blocks == pytest.approx(np.array([block.sum(axis=0) for block in blocks]))
    assert sums.loss == pytest.approx(LOSS_CAP * loss.sum())
    assert (sums.rows is None) == (layout.unit != "none")
    if sums.rows is not None:
        assert sums.rows == pytest.approx(trained)
    assert (sums.held_loss is None) == (not layout.held)
    assert (sums.held_rows is None) == (party or not layout.held)
    if sums.held_rows is not None:
        assert (sums.held_loss, sums.held_rows) == pytest.approx((LOSS_CAP * held_loss.sum(), held))


def test_a_partys_own_validation_loss_is_read_as_it_was_put_in():
    layout = RoundVector(3, (2.0,), "party", True)
    rows = layout.trained([np.zeros((2, 3))], np.zeros(2), np.array([0.25, 0.5]))
    assert layout.read(rows.sum(axis=0)).held_loss == pytest.approx(LOSS_CAP * 0.75)
