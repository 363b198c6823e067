"""Scales and offsets: what the graph computes is proved, in both modes, and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Flatten, Graph, Normalise, ReLU, Square
from tacit.proofs.layers.normalise import Normalise as Layer
from tacit.proofs.plan import Planning
from tacit.proofs.tensors import public

from ..models import MODES, committed, graph_of, honest, rows_for
from .unbound import Unbound


def normalised(shape: tuple[int, ...], own: tuple[int, ...], seed: int = 1) -> Graph:
    rng = np.random.default_rng(seed)
    return graph_of([Normalise.of(rng.normal(size=own), rng.normal(size=own))], shape)


@settings(max_examples=14, deadline=None, derandomize=True)
@given(data=st.data(), uses=st.sampled_from(MODES))
def test_scales_of_every_shape_can_be_proved(data, uses):
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    own = tuple(data.draw(st.sampled_from([1, size])) for size in shape)
    graph = normalised(shape, data.draw(st.sampled_from([own, (1,), shape])))
    assert honest(graph, rows_for(graph, data.draw(st.integers(1, 3))), uses)


@pytest.mark.parametrize("uses", MODES)
def test_a_scale_inside_a_network_can_be_proved(uses):
    rng = np.random.default_rng(2)
    layers = [
        Square.of(),
        Normalise.of(rng.normal(size=(3, 1, 1)), rng.normal(size=(3, 1, 1))),
        ReLU.of(),
        Flatten.of(),
        Normalise.of(rng.normal(size=18), rng.normal(size=18)),
    ]
    graph = graph_of(layers, (3, 2, 3))
    assert len(graph.layers) == 5
    assert honest(graph, rows_for(graph, 2), uses)


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("true_messages", [False, True])
def test_an_output_that_is_one_off_is_rejected(change, true_messages):
    """With the products that the output needs, or with the true ones."""
    graph = normalised((3,), (3,))
    rows = rows_for(graph, 2)
    wrong = graph.evaluate(rows) + change
    honest_one, liar = Unbound(graph, rows), Unbound(graph, rows, wrong)
    assert honest_one.accepted(layers_of=Unbound(graph, rows))
    liar.say(graph.layers[0].name, wrong)
    assert not liar.accepted(layers_of=honest_one if true_messages else None)


@pytest.mark.parametrize("name", ["scale", "offset"])
def test_another_parameter_is_rejected(name):
    graph = normalised((2, 3), (2, 1))
    liar = Unbound(graph, rows_for(graph, 1))
    cell = liar.parameter(graph.layers[0].name, name)
    cell[0] = int(cell[0, 0]) + (1 << liar.claim.model.architecture.steps[0].number("weight_bits"))
    assert not liar.accepted()


def test_shapes_that_do_not_fit_are_refused_before_any_work():
    architecture = committed(normalised((2, 3), (2, 1)), 0).commitment.architecture
    step = architecture.steps[0]
    x = public((2, 3), np.zeros((1, 2, 3), dtype=np.int64))
    for shapes in (
        {"scale": (2, 2), "offset": (2, 2)},
        {"offset": (1,)},
        {"scale": (3,), "offset": (3,)},
        {"scale": (), "offset": ()},
    ):
        changed = msgspec.structs.replace(step, parameters=step.parameters | shapes)
        with pytest.raises(ProofError, match="do not fit"):
            Layer(changed, [x], Planning(architecture))
    with pytest.raises(ProofError, match="do not fit"):
        Layer(step, [x.reshaped((6,))], Planning(architecture))
