"""What is settled when: rescaling and ReLU wait until a layer needs the tensor."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Add, Flatten, Graph, Linear, ReLU
from tacit.mpc.evaluation import Skeleton
from tacit.mpc.evaluation.tensor import Tensor, settle
from tacit.mpc.functions.local import plus

from ..functions import prices
from ..functions.running import run
from .models import measured, rows_for

X = np.array([-(2**30), -1, 0, 1, 2**20, 2**30 - 1])


def settled(**options):
    def protocol(party, x):
        return (yield from settle(party, Tensor(x, 32, 24, **options))).value

    return protocol


def test_what_is_settled_costs_nothing():
    found = run(settled(), X)
    assert (found.value == X).all()
    assert found.rounds == 0


@pytest.mark.parametrize("security", ["passive", "active"])
def test_a_rescaling_a_relu_or_both_are_done_at_once(security):
    found = run(settled(shift=10), X, security=security)
    assert (np.abs(found.value - X / 2**10) <= 1).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.rescaling(6, 10, security)
    found = run(settled(rectified=True), X, security=security)
    assert (found.value == np.maximum(X, 0)).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.relu(6, 32)
    found = run(settled(shift=10, rectified=True), X, security=security)
    assert (np.abs(found.value - np.maximum(X, 0) / 2**10) <= 1).all()
    assert prices.Price(found.rounds, tuple(found.sent)) == prices.relu_rescaled(6, 32, 10, security)


def test_a_settled_tensor_has_the_bits_of_the_tensor():
    def protocol(party, x):
        tensor = yield from settle(party, Tensor(x, 32, 24, shift=10))
        assert (tensor.bits, tensor.shift) == (24, 0)
        return plus(party, tensor.value, 0)

    run(protocol, X)


def test_what_two_layers_read_is_settled_once():
    layers = [Linear.of([[1.0, 0.5]], name="a"), ReLU.of(name="r"), Flatten.of(name="f"), Add.of(inputs=("f", "r"))]
    graph = Graph.build(layers, -1, 1)
    bits = Skeleton.of(graph).steps[0].accumulator_bits
    _, price = measured(graph, rows_for(graph, 5, np.random.default_rng(0)), "passive")
    relu = prices.relu_rescaled(5, bits, 16, "passive")
    assert price == prices.products(5) + relu
