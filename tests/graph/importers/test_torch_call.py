from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph.build import Draft
from tacit.graph.importers.torch_call import BY_ROWS, Call, Made
from tacit.graph.layers import ReLU


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(Draft((4,)), "method 'name'", "kind", "name", None, list(args), kwargs, (3, 4))


def test_arguments_are_bound_to_names() -> None:
    assert call(1, c=3).bind("a", "b", "c", b=2) == [1, 2, 3]
    with pytest.raises(
        GraphError, match="method 'name': kind has arguments that are not supported; supported are a, b"
    ):
        call(1, 2, 3).bind("a", "b")
    with pytest.raises(GraphError, match="has arguments that are not supported; supported are a, b"):
        call(1, d=2).bind("a", "b", b=2)
    with pytest.raises(GraphError, match="kind lacks its argument b"):
        call(1).bind("a", "b")


@pytest.mark.parametrize("value", ["input", 3, None, np.ones(4), BY_ROWS])
def test_only_what_is_made_from_the_input_is_a_tensor(value: Any) -> None:
    for use in (lambda: call().add(ReLU.of(), value), lambda: call().drop(value, "why"), lambda: call().rows(value)):
        with pytest.raises(GraphError, match="kind is applied to something that is not a tensor made from the input"):
            use()
    made = call()
    assert made.add(ReLU.of(), Made("input")) == "name"
    assert made.rows(Made("name")) == (4,)
    assert made.drop(Made("name"), "why") == "name"
    assert made.draft.notes == ["name (kind) left out: why"]


def test_only_arrays_are_constants() -> None:
    array = np.ones(3)
    assert call().constant(array, "weight") is array
    for value in (Made("input"), 3, None):
        with pytest.raises(GraphError, match="kind needs a constant tensor as its weight"):
            call().constant(value, "weight")


def test_options_that_are_not_the_supported_ones_are_named() -> None:
    call().require(a=(1, 1), b=((2, 2), (2, 2)), c=(2.0, 2))
    with pytest.raises(GraphError, match="kind has b=3; only b=2 is supported"):
        call().require(a=(1, 1), b=(3, 2))


@pytest.mark.parametrize("value", [np.array([2.0, 41.5]), np.array(2.0), Made("input")])
def test_numbers_of_a_tensor_are_not_shown(value: Any) -> None:
    with pytest.raises(GraphError, match="kind has a=a tensor; only a=2 is supported"):
        call().require(a=(value, 2))


def test_pairs() -> None:
    assert call().pair("size", 3) == (3, 3)
    assert call().pair("size", [3]) == (3, 3)
    assert call().pair("size", (3, 4)) == (3, 4)
    for value in ((), (1, 2, 3), "23", None, 2.0, (2.0, 2), True, BY_ROWS):
        with pytest.raises(GraphError, match="kind has size=.*; it must be one whole number, or two for rows and col"):
            call().pair("size", value)
    with pytest.raises(GraphError, match="has size=a number that follows the number of rows;"):
        call().pair("size", BY_ROWS)
