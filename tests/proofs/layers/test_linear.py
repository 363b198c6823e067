"""Linear: the relation, its product and its filling; whatever is changed in one place alone is noticed."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, ReLU
from tacit.graph.fixed import Ints
from tacit.proofs.field import MODULUS, Words
from tacit.proofs.layers.linear import Linear as Layer
from tacit.proofs.plan import Planning
from tacit.proofs.tensors import public

from ..models import committed, dense, graph_of, rows_for
from .unbound import Unbound

P = MODULUS


def network() -> Graph:
    """Five inputs, three hidden ones, two outputs: everything has filling."""
    rng = np.random.default_rng(1)
    layers = [
        Linear.of(rng.normal(size=(3, 5)), rng.normal(size=3), name="a"),
        ReLU.of(name="b"),
        Linear.of(rng.normal(size=(2, 3)), rng.normal(size=2), name="c"),
    ]
    return graph_of(layers, (5,))


def unbound() -> Unbound:
    graph = network()
    return Unbound(graph, rows_for(graph, 3))


def test_an_honest_prover_is_accepted() -> None:
    assert unbound().accepted()


@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize("layer", ["a", "c"])
def test_other_parameters_than_the_outputs_were_computed_with_are_refused(layer: str, name: str) -> None:
    prover = unbound()
    table = prover.parameter(layer, name)
    table[(0,) * table.ndim] = (int(table[(0,) * table.ndim]) + 1) % P
    assert not prover.accepted()


@pytest.mark.parametrize("limbs", ["a/positive", "a/negative", "a/remainder", "c/value", "c/remainder"])
def test_other_limbs_than_the_parameters_give_are_refused(limbs: str) -> None:
    prover = unbound()

    def alter(witness: Words) -> None:
        digit = prover.limbs(witness, limbs)
        digit[1, 0] = digit[1, 0] + 1 if digit[1, 0] == 0 else digit[1, 0] - 1

    prover.changes.append(alter)
    assert not prover.accepted()


def test_a_neuron_in_the_filling_of_the_hidden_layer_changes_no_output() -> None:
    """A fourth hidden neuron with weights in and out is a larger model than the architecture says: nobody reads it."""
    graph = network()
    rows = rows_for(graph, 4)

    def prover(outputs: Ints) -> Unbound:
        made = Unbound(graph, rows, outputs)
        bits = made.claim.architecture.steps[0].number("weight_bits")
        made.parameter("a", "bias")[3] = 2 << bits  # so that the relation holds in the filling: y = 2, r = 0
        made.parameter("c", "weight")[:, 3] = 5 << bits
        made.changes.append(lambda witness: made.limbs(witness, "a/positive").__setitem__((slice(None), 3), 2))
        return made

    larger = graph.evaluate(rows) + 10
    lying = prover(larger)
    lying.say("c", larger)
    assert not lying.accepted()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parameters": {"weight": (3, 4), "bias": (3,)}}, "do not fit an input"),
        ({"parameters": {"weight": (3, 5), "bias": (2,)}}, "do not fit an input"),
        ({"parameters": {"weight": (3, 5)}}, "do not fit an input"),
        ({"options": {"weight_bits": (0,)}}, "0 bits of scale"),
        ({"options": {"weight_bits": (63,)}}, "63 bits of scale"),
        ({"bits": 60}, "60 of output are over 62"),
        ({"options": {}}, "is not 1 numbers"),
    ],
)
def test_steps_that_do_not_fit_are_refused(changes: dict[str, object], why: str) -> None:
    model = committed(network(), 0)
    step = msgspec.structs.replace(model.commitment.architecture.steps[0], **changes)
    planning = Planning(model.commitment.architecture)
    with pytest.raises(ProofError, match=why):
        Layer(step, [public((5,), np.zeros((1, 5), dtype=np.int64))], planning)


def test_what_a_sum_can_reach_is_counted() -> None:
    graph = dense([5, 3])
    step = committed(graph, 0).commitment.architecture.steps[0]
    planning = Planning(committed(graph, 0).commitment.architecture)
    row = replace(public((5,), np.zeros((1, 5), dtype=np.int64)), ends=(-256, 255))
    layer = Layer(step, [row], planning)
    bits = step.parameter_bits
    assert layer.reach() == 5 * 256 * 2 ** bits["weight"] + 2 ** bits["bias"]
    assert graph.accumulator_bounds[step.name] <= layer.reach()
