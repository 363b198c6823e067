"""Pools on shares, before the rescaling and after it."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Conv2d, FloatLayer, Graph, MaxPool, ReLU
from tacit.mpc.evaluation import Skeleton, drifts
from tacit.mpc.evaluation.max_pool import is_cheaper_before
from tacit.mpc.evaluation.tensor import Tensor
from tacit.mpc.replicated import Arithmetic

from ..functions import prices
from .models import measured, on_shares, rows_for

NONE = np.zeros((1, 1), dtype=np.uint64)


def tensor(bits: int, shift: int, rectified: bool) -> Tensor:
    return Tensor(Arithmetic(NONE, NONE), bits, 24, shift, rectified)


def image(*layers: FloatLayer) -> Graph:
    rng = np.random.default_rng(3)
    first = Conv2d.of(rng.uniform(-1, 1, (2, 1, 1, 1)), rng.uniform(-1, 1, 2))
    return Graph.build([first, *layers], -1, 1, input_shape=(1, 6, 6))


def test_it_comes_first_where_windows_do_not_overlap() -> None:
    assert is_cheaper_before(tensor(40, 16, rectified=True), elements=36, places=9, size=4)
    assert is_cheaper_before(tensor(40, 16, rectified=False), elements=36, places=9, size=4)


def test_it_comes_last_where_they_overlap_or_nothing_is_saved() -> None:
    assert not is_cheaper_before(tensor(40, 16, rectified=True), elements=36, places=36, size=9)
    assert not is_cheaper_before(tensor(24, 0, rectified=False), elements=36, places=9, size=4)


@pytest.mark.parametrize("security", ["passive", "active"])
def test_only_the_winners_are_divided_and_rectified(security: str) -> None:
    graph = image(ReLU.of(), MaxPool.of(2))
    bits = Skeleton.of(graph).steps[0].accumulator_bits
    _, price = measured(graph, rows_for(graph, 3, np.random.default_rng(0)), security)
    every, winners = 3 * 2 * 36, 3 * 2 * 9
    last = prices.relu_rescaled(winners, bits, 16, security)
    assert price == prices.products(every) + prices.maximum_along(4, winners, bits) + last


def test_after_the_rescaling_every_element_has_been_divided() -> None:
    graph = image(MaxPool.of(3, stride=1, padding=1))
    bits = Skeleton.of(graph).steps[0].bits
    _, price = measured(graph, rows_for(graph, 3, np.random.default_rng(0)), "passive")
    every = 3 * 2 * 36
    divided = prices.products(every) + prices.rescaling(every, 16, "passive")
    assert price == divided + prices.maximum_along(9, every, bits)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_never_wins(padding: int, stride: int) -> None:
    """All numbers are negative, so a padding of zeros would."""
    graph = image(MaxPool.of((2, 3), stride=stride, padding=padding))
    negative = Graph.build(
        [Conv2d.of(np.ones((1, 1, 1, 1)), [-3.0]), MaxPool.of((2, 3), stride=stride, padding=padding)],
        -1,
        1,
        input_shape=(1, 6, 6),
    )
    for each in (graph, negative):
        x = rows_for(each, 3, np.random.default_rng(1))
        assert np.abs(on_shares(each, x, "passive") - each.evaluate(x)).max() <= drifts(each)[-1].output == 1
