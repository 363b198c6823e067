"""Every kind of layer by itself: one unit for its one rescaling, exact without one, at the price of its parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import (
    LAYERS,
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
    Unflatten,
)
from tacit.mpc.party import Security

from ..functions import prices
from ..functions.prices import Price
from .models import MAKERS, Shape, measured, on_shares, rows_for

EXACT = {"relu", "max_pool", "add", "flatten", "unflatten", "argmax"}
IMAGE, VECTOR = (2, 5, 7), (6,)
F = 12


def alone(draw: st.DrawFn, kind: str, rng: np.random.Generator) -> Graph:
    shape: Shape = IMAGE if kind in ("conv2d", "max_pool", "average_pool", "flatten") else VECTOR
    if kind in MAKERS:
        layer = MAKERS[kind](draw, rng, {"input": shape}, "only", 6.0)
    else:
        layer = {"softmax": Softmax, "argmax": ArgMax}[kind].of()
    f, reach = draw(st.sampled_from([8, 13, 16, 20])), draw(st.sampled_from([0.01, 1.0, 40.0]))
    return Graph.build([layer], -reach, reach, input_shape=shape, fraction_bits=f)


@pytest.mark.parametrize("kind", sorted(set(LAYERS) - {"softmax"}))
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_layer_by_itself_is_within_one_unit_or_exact(kind: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    try:
        graph = data.draw(st.composite(alone)(kind, rng))
    except GraphError:
        return  # does not fit at so many bits
    x = rows_for(graph, data.draw(st.integers(1, 4)), rng)
    if kind == "argmax":
        x[-1] = x[-1, 0]  # all equal: the first wins
    security: Security = data.draw(st.sampled_from(["passive", "active"]))
    assert np.abs(on_shares(graph, x, security) - graph.evaluate(x)).max() <= (0 if kind in EXACT else 1)


ROWS = 3
IN = ROWS * 70  # elements of the image
PRICES: list[tuple[FloatLayer, Shape, Callable[[str], Price]]] = [
    (Linear.of(np.ones((4, 6))), VECTOR, lambda s: prices.products(12) + prices.rescaling(12, F, s)),
    (Conv2d.of(np.ones((3, 2, 2, 3))), IMAGE, lambda s: prices.products(180) + prices.rescaling(180, F, s)),
    (Normalise.of(0, np.ones((2, 1, 1))), IMAGE, lambda s: prices.products(IN) + prices.rescaling(IN, F, s)),
    (Square.of(), VECTOR, lambda s: prices.products(18) + prices.rescaling(18, F, s)),
    (AveragePool.of(2), IMAGE, lambda s: prices.rescaling(ROWS * 12, F + 2, s)),
    (Add.of(inputs=("input", "input")), VECTOR, lambda s: Price()),
    (Flatten.of(), IMAGE, lambda s: Price()),
    (Unflatten.of(1, 2, 3), VECTOR, lambda s: Price()),
    (ReLU.of(), VECTOR, lambda s: prices.relu(18, 16)),
    (MaxPool.of(2), IMAGE, lambda s: prices.maximum_along(4, ROWS * 12, 16)),
    (ArgMax.of(), VECTOR, lambda s: prices.argmax(6, 3, 16)),
    (Softmax.of(), VECTOR, lambda s: prices.softmax(6, 3, F, 16, s)),
    (Sigmoid.of(), VECTOR, lambda s: prices.piecewise(18, F - 2, []) + prices.rescaling(18, 2 * F, s)),
    (Tanh.of(), VECTOR, lambda s: prices.piecewise(18, F - 2, []) + prices.rescaling(18, 2 * F - 1, s)),
]


@pytest.mark.parametrize("security", ["passive", "active"])
@pytest.mark.parametrize(("layer", "shape", "price"), PRICES, ids=[layer.kind.kind for layer, _, _ in PRICES])
def test_rounds_and_bytes_are_those_of_its_parts(
    layer: FloatLayer, shape: Shape, price: Callable[[str], Price], security: Security
) -> None:
    graph = Graph.build([layer], -7, 7, input_shape=shape, fraction_bits=F, weight_bits=F)
    _, found = measured(graph, rows_for(graph, ROWS, np.random.default_rng(0)), security)
    assert found == price(security)


def test_there_is_a_price_for_every_kind_of_layer() -> None:
    assert {layer.kind.kind for layer, _, _ in PRICES} == set(LAYERS)
