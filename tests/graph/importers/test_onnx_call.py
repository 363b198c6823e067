from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph.build import Draft
from tacit.graph.importers.onnx_call import Call, Columns, Sides
from tacit.graph.layers import Linear


def call(*inputs: object, **given: object) -> Call:
    return Call(Draft((4,)), "Kind", "name", list(inputs), 1, given, 17, None)  # type: ignore[arg-type]


def test_an_attribute_that_a_reader_does_not_ask_for_is_refused() -> None:
    assert call(a=1).options(a=0, b=2) == [1, 2]
    with pytest.raises(GraphError, match="node 'name': Kind has the attribute 'c', which is not supported"):
        call(a=1, c=3).options(a=0)


def test_inputs_are_what_a_reader_expects_them_to_be() -> None:
    array = np.ones(3, np.float32)
    made = call("input", array, None, Columns("input", True), Sides((None, 4)))
    assert made.tensor(0) == "input"
    assert made.constant(1).dtype == np.float64
    assert made.optional(2) is None
    assert made.optional(9) is None
    for number in (1, 2, 4, 9):
        with pytest.raises(GraphError, match=f"needs, as input {number}, a tensor made from the model's input"):
            made.tensor(number)
    with pytest.raises(GraphError, match="reads both columns of a two-class output"):
        made.tensor(3)
    for number in (0, 2, 3, 4, 9):
        with pytest.raises(GraphError, match=f"needs a constant as input {number}"):
            made.constant(number)
    for number in (0, 3, 4):
        with pytest.raises(GraphError, match=f"needs a constant as input {number}"):
            made.optional(number)
    with pytest.raises(GraphError, match="Kind has no input"):
        call().drop("why")


def test_the_weights_of_all_layers_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may use one tensor for a thousand layers."""
    monkeypatch.setattr("tacit.graph.importers.onnx_call._MAX_WEIGHTS", 60)
    one = call("input")
    for _ in range(3):
        one.add(Linear.of(np.ones((4, 4))), one.draft.last)
    with pytest.raises(GraphError, match="node 'name': Kind brings the model to 80 weights; the most are 60"):
        one.add(Linear.of(np.ones((4, 4))), one.draft.last)
