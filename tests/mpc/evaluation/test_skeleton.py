"""The public part of a graph: what it holds, and that its bytes need not be trusted."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.errors import FormatError, GraphError
from tacit.graph import AveragePool, Conv2d, Flatten, Graph, Linear, MaxPool, ReLU, Sigmoid
from tacit.mpc.evaluation import Skeleton, weights_of

from .models import graphs


def network(scale: float = 1.0) -> Graph:
    rng = np.random.default_rng(0)
    layers = [
        Conv2d.of(rng.uniform(-0.5, 0.5, (2, 1, 3, 3)) * scale, padding=1, stride=(1, 2), name="secret-project"),
        ReLU.of(),
        MaxPool.of(2, padding=1),
        AveragePool.of(1),
        Flatten.of(),
        Linear.of(rng.uniform(-0.5, 0.5, (3, 24)) * scale),
        Sigmoid.of(),
    ]
    return Graph.build(layers, -1, 1, input_shape=(1, 6, 7))


def altered(change: Any) -> bytes:
    form = msgspec.msgpack.decode(Skeleton.of(network()).to_bytes())
    change(form)
    return msgspec.msgpack.encode(form, order="deterministic")


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_any_graphs_skeleton_survives_its_bytes(graph: Graph) -> None:
    skeleton = Skeleton.of(graph)
    again = Skeleton.from_bytes(skeleton.to_bytes())
    assert again.to_bytes() == skeleton.to_bytes()
    assert again.shapes == tuple(graph.shapes.values())
    assert again.weight_shapes == tuple(words.shape for words in weights_of(graph))


def test_it_tells_no_weight_no_range_and_no_name() -> None:
    """A graph with other weights of like size, another range of like size and other names has the same skeleton."""
    first, second = network(), network(0.97)
    assert Skeleton.of(first).to_bytes() == Skeleton.of(second).to_bytes()
    assert b"secret-project" not in Skeleton.of(first).to_bytes()
    plain = [Linear.of([[0.5, 0.25]], name="x"), Linear.of([[0.5, 0.26]], name="y")]
    one, other = (Graph.build([layer], low, 1) for layer, low in zip(plain, (-1, -0.9), strict=True))
    assert Skeleton.of(one).to_bytes() == Skeleton.of(other).to_bytes()


def test_bits_are_rounded_up_to_whole_bytes_and_hold_every_value() -> None:
    graph = network()
    steps = Skeleton.of(graph).steps
    for step, layer in zip(steps, graph.layers, strict=True):
        assert step.bits % 8 == 0
        assert step.accumulator_bits % 8 == 0
        assert graph.bounds[layer.name].magnitude < 2 ** (step.bits - 1)
        assert graph.accumulator_bounds[layer.name] < 2 ** (step.accumulator_bits - 1)


def test_a_graph_near_the_limit_has_62_bits_and_one_past_it_is_refused_by_name() -> None:
    fits = Graph.build([Linear.of([[2.0**14]], name="wide", weight_bits=16)], -1, 2.0**15 * 0.99, fraction_bits=16)
    assert Skeleton.of(fits).steps[0].accumulator_bits == 62
    large = Graph.build([Linear.of([[2.0**14]], name="wide", weight_bits=16)], -1, 2.0**15, fraction_bits=16)
    assert large.accumulator_bounds["wide"] == 2**61
    with pytest.raises(GraphError, match=r"layer 'wide' \(linear\).*below 2\*\*61.*fewer fraction_bits"):
        Skeleton.of(large)


def test_weights_are_the_graphs_own_modulo_2_to_the_64() -> None:
    graph = Graph.build([Linear.of([[0.5, -0.25]], [-1.0])], -1, 1, fraction_bits=8)
    weight, bias = weights_of(graph)
    assert weight.view(np.int64).tolist() == [[128, -64]]
    assert bias.view(np.int64).tolist() == [-(2**16)]
    weight[:] = 0
    assert weights_of(graph)[0].any()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_damaged_bytes_are_refused_or_are_another_skeletons(data: st.DataObject) -> None:
    damaged = bytearray(Skeleton.of(network()).to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    with suppress(FormatError):
        assert Skeleton.from_bytes(bytes(damaged)).to_bytes() == bytes(damaged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda form: form.update(version="tacit.mpc.skeleton/2"), "not what it should be"),
        (lambda form: form.update(fraction_bits=21), "not what it should be"),
        (lambda form: form.update(input_bits=63), "not what it should be"),
        (lambda form: form.update(more=1), "not what it should be"),
        (lambda form: form.update(input_shape=[1, 6, 2**23]), "memory"),
        (lambda form: form.update(steps=[]), "not what it should be"),
        (lambda form: form["steps"][0].update(kind="recurrent"), "no layers of kind"),
        (lambda form: form["steps"][0].update(weights=[[2, 1, 3, 3]]), "lacks bias"),
        (lambda form: form["steps"][0]["options"].pop("stride"), "lacks stride"),
        (lambda form: form["steps"][1]["options"].update(stride=[2]), "should not have"),
        (lambda form: form["steps"][1].update(weights=[[2]]), "should not have"),
        (lambda form: form["steps"][0]["options"].update(stride=[2]), "two whole numbers"),
        (lambda form: form["steps"][1].update(inputs=[5]), "no earlier tensor"),
        (lambda form: form["steps"][1].update(inputs=[0]), "nothing reads"),
        (lambda form: form["steps"][5].update(weights=[[3, 23], [3]]), "takes a tensor of shape"),
        (lambda form: form["steps"][5].update(weights=[[2**24, 24], [2**24]]), "more than"),
    ],
)
def test_a_skeleton_that_is_none_is_refused_with_the_reason(change: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Skeleton.from_bytes(altered(change))


def test_another_order_of_the_same_content_is_refused() -> None:
    form = msgspec.msgpack.decode(Skeleton.of(network()).to_bytes())
    turned = msgspec.msgpack.encode(dict(reversed(form.items())))
    with pytest.raises(FormatError, match="canonical"):
        Skeleton.from_bytes(turned)


def test_too_many_bytes_are_not_looked_at() -> None:
    with pytest.raises(FormatError, match="the most are"):
        Skeleton.from_bytes(bytes(2**20 + 1))
