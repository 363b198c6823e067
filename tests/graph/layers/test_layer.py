from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph import LAYERS, Add, AveragePool, Layer, Linear, ReLU, layer

ONE = np.ones((1, 1), dtype=np.int64)
B = np.zeros(1, dtype=np.int64)


def test_every_kind_is_registered_once() -> None:
    kinds = (
        "add argmax average_pool conv2d flatten linear max_pool normalise relu sigmoid softmax square tanh unflatten"
    )
    assert sorted(LAYERS) == kinds.split()
    assert all(cls.kind == kind for kind, cls in LAYERS.items())
    with pytest.raises(ValueError, match="two layer classes of kind 'relu'"):
        layer("relu")(ReLU)


@pytest.mark.parametrize("name", ["", "input", "a/b", "a b", "é", "x" * 65, "a\n"])
def test_names_that_a_layer_may_not_have(name: str) -> None:
    with pytest.raises(GraphError, match="layer name"):
        ReLU(name, ("input",))


def test_the_number_of_inputs() -> None:
    with pytest.raises(GraphError, match="takes 1 tensors, not 2"):
        ReLU("a", ("input", "input"))
    with pytest.raises(GraphError, match="takes 2 tensors, not 1"):
        Add("a", ("input",))


@pytest.mark.parametrize(
    ("weight", "bias", "bits", "message"),
    [
        (ONE.astype(np.int32), B, 16, "weight must be an int64 array"),
        ([[1]], B, 16, "weight must be an int64 array"),
        (ONE[0], B, 16, "weight has 1 axes, not 2"),
        (np.zeros((0, 3), dtype=np.int64), B, 16, "weight is empty"),
        (ONE * (2**62 + 1), B, 16, r"weight has a value past 2\*\*62"),
        (ONE * -(2**63), B, 16, r"weight has a value past 2\*\*62"),
        (ONE, np.zeros(2, dtype=np.int64), 16, "bias .* does not fit weight"),
        (ONE, B, 0, "weight_bits is 0"),
        (ONE, B, 41, "weight_bits is 41"),
        (ONE, B, True, "weight_bits is True"),
        (ONE, B, (16, 16), "weight_bits is"),
    ],
)
def test_parameters_are_checked(weight: object, bias: object, bits: object, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Linear("a", ("input",), weight, bias, bits)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(0, 1), (1,), (1, 2, 3), 3, (1.0, 1), (True, 1), (1, 2**20 + 1)])
def test_pairs_are_checked(size: object) -> None:
    with pytest.raises(GraphError, match="size is"):
        AveragePool("a", ("input",), size, (1, 1), (0, 0))  # type: ignore[arg-type]


def test_layers_are_immutable_and_keep_their_own_arrays() -> None:
    weight = ONE.copy()
    made = Linear("a", ("input",), weight, B, 16)
    weight[0, 0] = 99
    assert made.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.weight[0, 0] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.weight_bits = 3  # type: ignore[misc]


def test_a_view_from_before_the_array_was_locked_changes_nothing() -> None:
    """The bounds hold for the weights that were checked."""
    weight = ONE.copy()
    view = weight[:]
    weight.flags.writeable = False
    made = Linear("a", ("input",), weight, B, 16)
    view[0, 0] = 2**62
    assert made.weight[0, 0] == 1


def test_a_subclass_of_an_array_becomes_a_plain_one() -> None:
    weight = np.ma.masked_array(ONE, mask=True)
    weight.flags.writeable = False
    assert type(Linear("a", ("input",), weight, B, 16).weight) is np.ndarray


def test_no_weight_is_shown() -> None:
    made = Linear("a", ("input",), ONE * 123456789, B + 987654321, 16)
    for shown in (repr(made), str(made), repr(Linear.of([[123456789.0]]))):
        assert "123456789" not in shown
        assert "987654321" not in shown
    assert "int64(1, 1)" in repr(made)


def test_a_layer_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Layer("a", ("input",))  # type: ignore[abstract]
