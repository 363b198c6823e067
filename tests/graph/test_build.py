from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph import (
    AccumulatorError,
    Add,
    Conv2d,
    Flatten,
    Graph,
    Linear,
    Normalise,
    ReLU,
    Sigmoid,
    Square,
    Unflatten,
)

EYE = np.eye(2)


def test_names_are_made_from_kinds_and_kept_where_given() -> None:
    graph = Graph.build([Linear.of(EYE), ReLU.of(), Linear.of(EYE, name="last"), ReLU.of()], 0, 1)
    assert [layer.name for layer in graph.layers] == ["linear_1", "relu_1", "last", "relu_2"]
    assert [layer.inputs for layer in graph.layers] == [("input",), ("linear_1",), ("relu_1",), ("last",)]


def test_layers_may_name_what_they_read() -> None:
    layers = [Linear.of(EYE, name="a"), Linear.of(2 * EYE, name="b", inputs=("input",)), Add.of(inputs=("a", "b"))]
    assert Graph.build(layers, -1, 1).predict([[0.5, -0.25]]).tolist() == [[1.5, -0.75]]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "a graph needs at least one layer|the shape of the input is unknown"),
        ([Linear.of(EYE, inputs=("x",))], "no earlier tensor 'x'"),
        ([ReLU.of(name="a"), ReLU.of(name="a")], "two of this name"),
        ([ReLU.of(name="a"), ReLU.of(name="b", inputs=("input",))], "tensors that nothing reads: a"),
        ([ReLU.of(name="input")], "layer name 'input'|two of this name"),
        ([Linear.of(EYE), Linear.of(np.ones((1, 3)))], r"layer 'linear_2' \(linear\): takes a tensor of shape"),
    ],
)
def test_what_does_not_fit_together(layers: list, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(GraphError, match=message):
        Graph.build(layers, [0.0, 0.0], [1.0, 1.0])


def test_where_the_shape_of_the_input_comes_from() -> None:
    assert Graph.build([Linear.of(np.ones((1, 7)))], 0, 1).input_shape == (7,)
    assert Graph.build([ReLU.of()], np.zeros((1, 4, 4)), 1).input_shape == (1, 4, 4)
    assert Graph.build([ReLU.of()], 0, [1.0, 2.0, 3.0]).low.tolist() == [0, 0, 0]
    assert Graph.build([ReLU.of()], 0, np.ones((2, 1, 1)), input_shape=(2, 3, 3)).high.shape == (2, 3, 3)
    with pytest.raises(GraphError, match="the shape of the input is unknown: give input_shape"):
        Graph.build([ReLU.of()], 0, 1)
    with pytest.raises(GraphError, match="do not fit an input of shape"):
        Graph.build([ReLU.of()], np.zeros(2), np.ones(3))
    with pytest.raises(GraphError, match="do not fit an input of shape"):
        Graph.build([ReLU.of()], np.zeros(2), 1, input_shape=(3,))


@pytest.mark.parametrize("shape", [(), (0,), (-1,), (2.0,), (True,), 5, "5"])
def test_input_shapes_that_are_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(GraphError, match="it must be positive whole numbers"):
        Graph.build([ReLU.of()], 0, 1, input_shape=shape)


@pytest.mark.parametrize("shape", [(2**24 + 1,), (2**40,), (2**12, 2**13), (2**40, 2**40)])
def test_input_shapes_that_are_too_large_are_refused_before_anything_is_allocated(shape: tuple[int, ...]) -> None:
    tracemalloc.start()
    with pytest.raises(GraphError, match="a row may have 16777216 elements at most"):
        Graph.build([ReLU.of()], 0, 1, input_shape=shape)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(("low", "high"), [(1, 0), (np.nan, 1), (0, np.nan), (-np.inf, 0), (0, np.inf)])
def test_ranges_that_are_none(low: float, high: float) -> None:
    with pytest.raises(GraphError, match="the range of the input at 1 is"):
        Graph.build([ReLU.of()], [0.0, low], [1.0, high])


@pytest.mark.parametrize("bits", [7, 21, 16.0])
def test_fraction_bits(bits: int) -> None:
    with pytest.raises(GraphError, match="from 8 to 20"):
        Graph.build([ReLU.of()], [0.0], 1, fraction_bits=bits)


@pytest.mark.parametrize("bits", [0, 41, 16.0, True])
def test_weight_bits(bits: int) -> None:
    with pytest.raises(GraphError, match="from 1 to 40"):
        Graph.build([Linear.of(EYE)], 0, 1, weight_bits=bits)


def test_an_overflow_names_the_layer_the_bound_and_what_fits() -> None:
    layers = [Linear.of(np.ones((1, 1))), Square.of(name="twice"), Square.of(name="again")]
    with pytest.raises(AccumulatorError) as caught:  # (2**10)**4 at f = 16: 2 * (20 + 16) bits in `again`
        Graph.build(layers, -1024, 1024)
    assert caught.value.layer == "'again' (square)"
    assert caught.value.bound == 2**72
    assert "fraction_bits is 16, and the largest that fits is 11" in str(caught.value)
    graph = Graph.build(layers, -1024, 1024, fraction_bits=11)
    assert graph.accumulator_bounds["again"] == 2**62
    with pytest.raises(AccumulatorError, match="the largest that fits is 11"):
        Graph.build(layers, -1024, 1024, fraction_bits=12)


def test_an_overflow_that_no_scale_avoids() -> None:
    with pytest.raises(AccumulatorError, match="no fraction_bits from 8 fits: narrow low and high"):
        Graph.build([Linear.of(np.ones((1, 1))), Square.of(), Square.of()], -1e6, 1e6)


def test_a_bias_or_a_range_that_does_not_fit_names_what_does() -> None:
    with pytest.raises(GraphError, match=r"bias: the value at 0 passes 2\*\*62 .* the largest that fits is 15"):
        Graph.build([Linear.of([[0.0]], [2.0**31])], -1, 1)
    with pytest.raises(GraphError, match=r"the range \[.*\] passes 2\*\*53 .* the largest that fits is 15"):
        Graph.build([ReLU.of()], -(2.0**38), 1, input_shape=(1,))
    with pytest.raises(GraphError, match="is not a finite number$"):
        Graph.build([Linear.of([[0.0]], [np.inf])], -1, 1)


def test_weights_on_wide_inputs_get_more_bits() -> None:
    """Income up to 2**20 with a coefficient of 1e-5: with 16 bits the error would be up to 4."""
    weight = np.array([[1.234567e-5, 0.5]])
    wide = Graph.build([Linear.of(weight)], [0, 0], [2.0**20, 1.0])
    assert wide.layers[0].weight_bits == 36  # type: ignore[attr-defined]
    x = np.array([[1e6, 0.5], [2.0**20, 1.0]])
    assert np.abs(wide.predict(x) - x @ weight.T).max() < 2.0**-15
    narrow = Graph.build([Linear.of(weight)], [0, 0], [2.0**20, 1.0], weight_bits=16)
    assert narrow.layers[0].weight_bits == 16  # type: ignore[attr-defined]
    assert np.abs(narrow.predict(x) - x @ weight.T).max() > 1


@pytest.mark.parametrize(
    ("end", "bits"), [(0.0, 16), (1.0, 16), (0.001, 16), (1.5, 17), (2.0, 17), (2.1, 18), (255.0, 24)]
)
def test_how_many_bits_a_range_gives(end: float, bits: int) -> None:
    assert Graph.build([Linear.of([[1.0]])], -end, end).layers[0].weight_bits == bits  # type: ignore[attr-defined]


def test_only_layers_on_the_input_get_more_bits() -> None:
    layers = [Flatten.of(), Linear.of(np.ones((2, 4))), ReLU.of(), Linear.of(EYE)]
    graph = Graph.build(layers, 0, 255, input_shape=(1, 2, 2))
    assert [getattr(layer, "weight_bits", None) for layer in graph.layers] == [None, 24, None, 16]
    layers = [Unflatten.of(1, 2, 2), Conv2d.of(np.ones((1, 1, 2, 2))), Flatten.of(), Linear.of([[1.0]])]
    graph = Graph.build(layers, 0, 255, input_shape=(4,))
    assert [getattr(layer, "weight_bits", None) for layer in graph.layers] == [None, 24, None, 16]


def test_more_bits_only_as_far_as_they_fit() -> None:
    """44 bits of input, a weight of 2: 62 - 44 - 1 are left. At the least, f bits must fit."""
    graph = Graph.build([Linear.of([[2.0]])], -(2.0**28), 2.0**28)
    assert graph.layers[0].weight_bits == 17  # type: ignore[attr-defined]
    with pytest.raises(AccumulatorError):
        Graph.build([Linear.of([[4.1]])], -(2.0**28), 2.0**28)


def test_a_layer_may_fix_its_own_bits() -> None:
    layers = [Linear.of(EYE, weight_bits=20), Normalise.of(0.0, 2.0), Sigmoid.of()]
    assert Graph.build(layers, -300, 300).layers[0].weight_bits == 20  # type: ignore[attr-defined]


def test_too_many_layers_and_too_large_tensors() -> None:
    with pytest.raises(GraphError, match="the most are 16777216 and 1024"):
        Graph.build([ReLU.of()] * 1025, [0.0], 1)
    widening = [Conv2d.of(np.ones((2**16, 1, 1, 1)))]
    with pytest.raises(GraphError, match="the most are"):
        Graph.build(widening, 0, 1, input_shape=(1, 32, 32))
