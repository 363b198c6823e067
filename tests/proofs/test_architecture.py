"""Architectures: all that is public of a model, from the graph and from bytes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tacit.errors import FormatError, ProofError
from tacit.graph import AveragePool, Conv2d
from tacit.proofs.architecture import Architecture

from .models import dense, graph_of, rows_for


def test_an_architecture_is_the_same_from_its_bytes_and_says_nothing_of_weights() -> None:
    graph = dense([5, 4, 3])
    made = Architecture.of(graph)
    again = Architecture.from_bytes(made.data)
    assert again.data == made.data
    assert again.steps == made.steps
    assert np.array_equal(again.low, graph.bounds["input"].low)
    other = dense([5, 4, 3], 9)
    bits = [step.bits for step in made.steps]
    if [step.bits for step in Architecture.of(other).steps] == bits:
        assert Architecture.of(other).data == made.data


def test_every_value_of_a_tensor_is_below_its_bits() -> None:
    graph = dense([5, 4, 3], 4)
    bits = {step.name: step.bits for step in Architecture.of(graph).steps}
    for name, tensor in graph.trace(rows_for(graph, 50)).items():
        if name in bits:
            assert np.abs(tensor).max() < 2 ** bits[name]


def test_options_are_numbers_and_pairs() -> None:
    weight = np.ones((1, 1, 2, 2))
    graph = graph_of([Conv2d.of(weight, stride=(1, 2), name="c"), AveragePool.of((2, 1))], (1, 5, 6))
    convolution, pool = Architecture.of(graph).steps
    assert convolution.pair("stride") == (1, 2)
    assert convolution.number("weight_bits") >= 1
    assert pool.pair("size") == (2, 1)
    for step, wrong in ((convolution, "stride"), (convolution, "none")):
        with pytest.raises(ProofError, match="is not 1 numbers"):
            step.number(wrong)


def altered(**changes: object) -> bytes:
    found = msgspec.json.decode(Architecture.of(dense([2, 2])).data)
    found.update(changes)
    return msgspec.json.encode(found, order="sorted")


def step(**changes: object) -> dict[str, object]:
    found = msgspec.json.decode(Architecture.of(dense([2, 2])).data)["steps"][0]
    return {**found, **changes}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        altered() + b" ",
        altered(fraction_bits=7),
        altered(steps=[]),
        altered(more=1),
        altered(steps=[step(bits=63)]),
        altered(steps=[step(parameters={"weight": [2**25, 2]})]),
        altered(steps=[step(options={"weight_bits": [1, 2, 3]})]),
        altered(steps=[step(options={"weight_bits": [-1]})]),
    ],
)
def test_bytes_of_another_form_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Architecture.from_bytes(data)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": "tacit.architecture/2"}, "version"),
        ({"low": [0]}, "does not fit its shape"),
        ({"low": [0, 5], "high": [0, 4]}, "is none"),
        ({"high": [0, 2**63]}, "is none"),
        ({"input_shape": [2**13, 2**13]}, "does not fit"),
        ({"steps": [step(), step()]}, "twice"),
        ({"steps": [step(inputs=["nobody"])]}, "reads what is not there"),
        ({"steps": [step(parameter_bits={"weight": 3})]}, "has not the bits of each"),
    ],
)
def test_descriptions_that_do_not_fit_together_are_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        Architecture.from_bytes(altered(**changes))


def test_inputs_of_another_type_shape_or_range_are_refused() -> None:
    graph = dense([3, 2])
    made, rows = Architecture.of(graph), rows_for(graph, 2)
    made.check_input(rows)
    for bad in (rows.astype(np.int32), rows[:, :2], rows[0]):
        with pytest.raises(ProofError, match="must be int64 of shape"):
            made.check_input(bad)
    made.check_range(made.low, made.high)
    for low, high in ((made.low - 1, made.high), (made.low, made.high + 1), (made.low[:2], made.high[:2])):
        with pytest.raises(ProofError, match="may be outside the range"):
            made.check_range(low, high)
