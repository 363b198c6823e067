"""What a graph may be inside a statement: descriptions that no graph has, from owners who cheat, are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from tacit import canonical
from tacit.errors import ProofError
from tacit.graph import Add, AveragePool, Conv2d, FloatLayer, Graph, Linear, MaxPool, ReLU, Sigmoid, Square
from tacit.proofs.architecture import Architecture
from tacit.proofs.forward import Forward
from tacit.proofs.layers.max_pool import MaxPool as Layer
from tacit.proofs.model.commitment import ModelCommitment, parameters
from tacit.proofs.plan import Planning
from tacit.proofs.statements.well_formed import WellFormed
from tacit.proofs.tensors import public

from .models import graph_of

Steps = list[dict[str, Any]]


def described(graph: Graph, change: Callable[[Steps], None]) -> ModelCommitment:
    """A commitment whose owner tells another story of the layers than the graph does."""
    found = msgspec.json.decode(Architecture.of(graph).data)
    change(found["steps"])
    return ModelCommitment(Architecture.from_bytes(canonical.encode(found)), bytes(32), 0)


def refuse(graph: Graph, change: Callable[[Steps], None], why: str) -> None:
    WellFormed(described(graph, lambda steps: None))
    with pytest.raises(ProofError, match=why):
        WellFormed(described(graph, change))


def linear(name: str, inputs: int = 1) -> FloatLayer:
    return Linear.of(np.full((1, inputs), 0.5), [0.0], name=name)


PAST = r"could reach 2\^\d+, past 2\^62"


def test_a_range_that_is_rounded_up_to_whole_digits_counts_as_it_is_proved() -> None:
    """A tensor said to have 1 bit has up to 16 more where its limbs are whole digits, so here they are not."""

    def change(steps: Steps, weight: int) -> None:
        steps[0]["bits"] = 1
        steps[1]["parameter_bits"]["weight"] = weight

    def proved(weight: int) -> int:
        made = described(graph_of([linear("a"), linear("b")], (1,)), lambda steps: change(steps, weight))
        row = public((1,), np.zeros((1, 1), dtype=np.int64))
        planning = Planning(made.architecture)
        forward = planning.twice(lambda: Forward(made.architecture, planning, row))
        forward.check_reach()
        return forward.layers[0].output.most

    assert proved(40) == 2**17 - 2
    assert proved(50) == 2


@pytest.mark.parametrize("bits", [32, 50])
def test_squares_that_could_pass_the_field_are_refused(bits: int) -> None:
    graph = graph_of([linear("a"), Square.of(name="b")], (1,))
    refuse(graph, lambda steps: steps[0].update(bits=bits), PAST)


def test_means_that_could_pass_the_field_are_refused() -> None:
    graph = graph_of([Conv2d.of(np.ones((1, 1, 1, 1)), name="a"), AveragePool.of((2, 2), name="b")], (1, 2, 2))
    refuse(graph, lambda steps: steps[0].update(bits=53), PAST)


def test_sums_of_sums_that_could_pass_the_field_are_refused() -> None:
    def change(steps: Steps) -> None:
        for i in range(60):
            steps.append({**steps[1], "name": f"s{i}", "inputs": [steps[-1]["name"]] * 2})

    graph = graph_of([linear("a"), Add.of(inputs=("a", "a"), name="b")], (1,))
    refuse(graph, change, PAST)


def test_tensors_that_are_added_to_themselves_again_and_again_take_no_more_room() -> None:
    """Else 60 layers would have 2^60 terms, from some hundred bytes of an architecture."""

    def change(steps: Steps) -> None:
        for i in range(60):
            steps.append({**steps[-1], "name": f"s{i}", "inputs": [steps[-1]["name"]] * 2})

    for graph in (
        graph_of([linear("a"), Add.of(inputs=("a", "a"), name="b")], (1,)),
        graph_of([Add.of(inputs=("input", "input"), name="b")], (1,)),
    ):
        assert parameters(described(graph, change).architecture).values == 2 * (len(graph.layers) - 1)


@pytest.mark.parametrize("inputs", [["input", "input"], ["input"]])
def test_a_layer_with_another_number_of_inputs_is_refused(inputs: list[str]) -> None:
    graph = graph_of([ReLU.of(name="a")] if len(inputs) == 2 else [Add.of(inputs=("input", "input"), name="a")], (1,))
    with pytest.raises(ProofError, match=r"it takes \d tensors, not \d"):
        parameters(described(graph, lambda steps: steps[0].update(inputs=inputs)).architecture)


def test_names_of_limbs_that_meet_are_refused() -> None:
    graph = graph_of([Sigmoid.of(name="a"), ReLU.of(name="b", inputs=("input",)), Add.of(inputs=("a", "b"))], (1,))

    def change(steps: Steps) -> None:
        steps[1]["name"] = "a/over"
        steps[2]["inputs"] = ["a", "a/over"]

    with pytest.raises(ProofError, match="name them apart"):
        parameters(described(graph, change).architecture)


def test_the_padding_of_a_maximum_is_less_than_all_that_may_be_committed() -> None:
    """A tensor said to be of 4 bits, committed in two parts: it may be far below -2^4, and so must the padding be."""
    layers = [
        Conv2d.of(np.ones((1, 1, 1, 1)), name="a"),
        ReLU.of(name="r"),
        MaxPool.of((2, 2), padding=(1, 1), name="m", inputs=("a",)),
        MaxPool.of((2, 2), padding=(1, 1), name="n", inputs=("r",)),
        Add.of(inputs=("m", "n")),
    ]
    made = described(graph_of(layers, (1, 2, 2)), lambda steps: steps[0].update(bits=4))
    row = public((1, 2, 2), np.zeros((1, 1, 2, 2), dtype=np.int64))
    planning = Planning(made.architecture)
    forward = planning.twice(lambda: Forward(made.architecture, planning, row))
    convolution, _, pool, other, _ = forward.layers
    assert isinstance(pool, Layer)
    assert isinstance(other, Layer)
    assert -(1 << pool.bits) <= convolution.output.ends[0] < -(1 << 4)
    assert other.bits < pool.bits  # positive parts are not below zero


def test_windows_that_read_too_much_are_refused_before_any_work() -> None:
    side = 2**14
    graph = graph_of([AveragePool.of((1, 1), name="a")], (1, 1, side))
    with pytest.raises(ProofError, match="read more than"):
        parameters(described(graph, lambda steps: steps[0]["options"].update(size=[1, side // 2])).architecture)
