"""The specification a second time: one row, Python's own integers, nested loops, no numpy; it must agree exactly.

The tables of sigmoid and exp are computed here from the series of exp in integers, not with `decimal`.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from math import ceil, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tacit.graph import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    Graph,
    Layer,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Softmax,
    Square,
    Tanh,
    Unflatten,
)
from tacit.graph.intervals import AccumulatorError
from tacit.graph.layers.affine import Affine

Row = dict[tuple[int, ...], int]
UNIT = 1 << 300
ZERO = np.zeros(1, np.int64)


def exp_of(numerator: int, denominator: int) -> int:
    """exp(numerator / denominator) * 2**300, to some 290 bits, by its series after halving the argument 10 times."""
    x = numerator * UNIT // (denominator << 10)
    term, total, n = UNIT, UNIT, 1
    while term:
        term = term * x // (UNIT * n)
        total += term
        n += 1
        if abs(term) <= 1:
            break
    for _ in range(10):
        total = total * total // UNIT
    return total


@cache
def table(kind: str, f: int) -> list[tuple[int, int, int]]:
    first, s = (-64, 2) if kind == "sigmoid" else (-127, 3)

    def value(i: int) -> int:  # at the i-th half of a piece, times 2**300
        if kind == "exp":
            return exp_of(2 * first + i, 2 << s)
        return UNIT * UNIT // (UNIT + exp_of(-(2 * first + i), 2 << s))

    def near(x: int, bits: int) -> int:  # x / 2**300 with this many fractional bits
        return (x * 2 ** (bits + 1) + UNIT) // (2 * UNIT)

    values = [value(i) for i in range(257)]
    ends = [near(v, 2 * f + s) for v in values[::2]]
    rows = []
    for i in range(128):
        bend = near(2 * 4**s * (values[2 * i] - 2 * values[2 * i + 1] + values[2 * i + 2]), f)
        slope = ends[i + 1] - ends[i] - bend * 2 ** (f - s)
        rows.append((ends[i] * 2 ** (f - s), slope, bend))
    return rows


def smooth(kind: str, x: int, f: int) -> int:
    first, s = (-64, 2) if kind == "sigmoid" else (-127, 3)
    width = 2 ** (f - s)
    z = min(max(x, first * width), (first + 128) * width - 1) - first * width
    c0, c1, c2 = table(kind, f)[z // width]
    t = z % width
    return c0 + c1 * t + c2 * t * t


def half_up(x: int, bits: int) -> int:
    return (2 * x + 2**bits) // (2 * 2**bits)


def places(layer: Any, shape: tuple[int, ...], size: tuple[int, int]) -> Any:
    rows = (shape[1] + 2 * layer.padding[0] - size[0]) // layer.stride[0] + 1
    columns = (shape[2] + 2 * layer.padding[1] - size[1]) // layer.stride[1] + 1
    return product(range(rows), range(columns))


def window(layer: Any, r: int, c: int, size: tuple[int, int]) -> Any:
    for a, b in product(range(size[0]), range(size[1])):
        yield a, b, r * layer.stride[0] + a - layer.padding[0], c * layer.stride[1] + b - layer.padding[1]


def step(layer: Layer, inputs: list[Row], shape: tuple[int, ...], f: int) -> Row:
    x = inputs[0]
    match layer:
        case Linear():
            weight, bias = layer.weight.tolist(), layer.bias.tolist()
            return {
                (o,): half_up(sum(w * x[i,] for i, w in enumerate(row)) + bias[o], layer.weight_bits)
                for o, row in enumerate(weight)
            }
        case Conv2d():
            weight, bias, size = layer.weight.tolist(), layer.bias.tolist(), layer.weight.shape[2:]
            out = {}
            for (r, c), o in product(list(places(layer, shape, size)), range(len(weight))):
                total = bias[o]
                for channel in range(shape[0]):
                    for a, b, row, column in window(layer, r, c, size):
                        total += weight[o][channel][a][b] * x.get((channel, row, column), 0)
                out[o, r, c] = half_up(total, layer.weight_bits)
            return out
        case Normalise():
            scale = np.broadcast_to(layer.scale, shape).tolist()
            offset = np.broadcast_to(layer.offset, shape).tolist()

            def at(nested: Any, index: tuple[int, ...]) -> int:
                for i in index:
                    nested = nested[i]
                return int(nested)

            return {i: half_up(v * at(scale, i) + at(offset, i), layer.weight_bits) for i, v in x.items()}
        case Add():
            return {i: v + inputs[1][i] for i, v in x.items()}
        case ReLU():
            return {i: v if v > 0 else 0 for i, v in x.items()}
        case Square():
            return {i: half_up(v * v, f) for i, v in x.items()}
        case Sigmoid():
            return {i: half_up(smooth("sigmoid", v, f), 2 * f) for i, v in x.items()}
        case Tanh():
            twice = {i: 2 * min(max(v, -8 * 2**f), 8 * 2**f) for i, v in x.items()}
            return {i: half_up(smooth("sigmoid", v, f), 2 * f - 1) - 2**f for i, v in twice.items()}
        case AveragePool():
            k = layer.size[0] * layer.size[1]
            shift = f + ceil(log2(k))
            r_k = (2 ** (shift + 1) + k) // (2 * k)
            out = {}
            for (r, c), o in product(list(places(layer, shape, layer.size)), range(shape[0])):
                total = sum(x.get((o, row, column), 0) for _, _, row, column in window(layer, r, c, layer.size))
                out[o, r, c] = half_up(total * r_k, shift)
            return out
        case MaxPool():
            return {
                (o, r, c): max(
                    x[o, row, column] for _, _, row, column in window(layer, r, c, layer.size) if (o, row, column) in x
                )
                for (r, c), o in product(list(places(layer, shape, layer.size)), range(shape[0]))
            }
        case Flatten():
            return {(n,): v for n, (_, v) in enumerate(sorted(x.items()))}
        case Unflatten():
            area = layer.height * layer.width
            return {(n // area, n % area // layer.width, n % layer.width): v for (n,), v in x.items()}
        case Softmax():
            top = max(x.values())
            e = {i: half_up(smooth("exp", v - top, f), f) for i, v in x.items()}
            total = sum(e.values())
            return {i: (2 * v * 2**f + total) // (2 * total) for i, v in e.items()}
        case ArgMax():
            top = max(x.values())
            return {(0,): min(i for (i,), v in x.items() if v == top) * 2**f}
    raise AssertionError(layer)


def twin(graph: Graph, row: np.ndarray) -> dict[str, Row]:
    tensors: dict[str, Row] = {"input": {i: int(v) for i, v in np.ndenumerate(row)}}
    for layer in graph.layers:
        shape = graph.shapes[layer.inputs[0]]
        tensors[layer.name] = step(layer, [tensors[name] for name in layer.inputs], shape, graph.fraction_bits)
    return tensors


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A random graph: a chain in which some Add joins an earlier tensor of the same shape."""
    f = draw(st.integers(8, 20))
    number = st.integers
    image = draw(st.booleans())
    shape = tuple(draw(number(1, 5)) for _ in range(3)) if image else (draw(number(1, 6)),)
    rng = np.random.default_rng(draw(number(0, 2**32)))
    reach = draw(st.sampled_from([0.0, 0.3, 1.0, 7.0, 300.0]))
    ends = np.sort(rng.uniform(-reach, reach, (2, *shape)), axis=0)
    layers: list[Layer] = []
    shapes = {"input": shape}
    last = "input"
    for index in range(draw(number(1, 6))):
        kinds = ["relu", "square", "sigmoid", "tanh", "normalise", "add"]
        flat, deep = ["linear", "linear", "unflatten", "softmax", "argmax"], ["conv", "average", "max", "flatten"]
        kinds += flat if len(shape) == 1 else deep
        layer = random_layer(draw, draw(st.sampled_from(kinds)), f"t{index}", last, shapes, rng, f)
        layers.append(layer)
        shapes[layer.name] = shape = layer.output_shape([shapes[name] for name in layer.inputs])
        last = layer.name
        if layer.terminal:
            break
    try:
        return Graph(layers, ends[0], ends[1], f)
    except AccumulatorError:
        return Graph([ReLU("small", ("input",))], ends[0], ends[1], f)


def random_layer(
    draw: st.DrawFn, kind: str, name: str, last: str, shapes: dict[str, tuple[int, ...]], rng: Any, f: int
) -> Layer:
    shape = shapes[last]
    bits = draw(st.sampled_from([f, f, 1, f + 5, 40]))
    size = draw(st.sampled_from([0, 1, 2**bits, 3 * 2**bits]))

    def integers(*sides: int) -> np.ndarray:
        return rng.integers(-size, size + 1, sides)

    def pair(low: int, high: tuple[int, ...]) -> tuple[int, int]:
        return (draw(st.integers(low, high[0])), draw(st.integers(low, high[1])))

    match kind:
        case "linear":
            out = draw(st.integers(1, 5))
            return Linear(name, (last,), integers(out, shape[0]), integers(out), bits)
        case "conv":
            out, kernel = draw(st.integers(1, 3)), pair(1, shape[1:])
            padding = pair(0, (kernel[0] - 1, kernel[1] - 1))
            weight = integers(out, shape[0], *kernel)
            return Conv2d(name, (last,), weight, integers(out), pair(1, (3, 3)), padding, bits)
        case "normalise":
            full = draw(st.sampled_from([shape, (1,), (shape[0], *[1] * (len(shape) - 1))]))
            return Normalise(name, (last,), integers(*full), integers(*full), bits)
        case "add":
            same = sorted(other for other, sides in shapes.items() if sides == shape)
            return Add(name, (last, draw(st.sampled_from(same))))
        case "unflatten":
            height = draw(st.sampled_from([side for side in range(1, shape[0] + 1) if shape[0] % side == 0]))
            rest = shape[0] // height
            width = draw(st.sampled_from([side for side in range(1, rest + 1) if rest % side == 0]))
            return Unflatten(name, (last,), rest // width, height, width)
        case "average" | "max":
            kernel = pair(1, shape[1:])
            padding = pair(0, (kernel[0] // 2, kernel[1] // 2))
            return {"average": AveragePool, "max": MaxPool}[kind](name, (last,), kernel, pair(1, (3, 3)), padding)
    plain = {"relu": ReLU, "square": Square, "sigmoid": Sigmoid, "tanh": Tanh, "flatten": Flatten}
    return (plain | {"softmax": Softmax, "argmax": ArgMax})[kind](name, (last,))


def reach(layer: Layer, inputs: list[np.ndarray], f: int) -> int:
    """The largest absolute value on the way to the layer's tensor, whatever the order of additions."""
    x = inputs[0].astype(object)  # Python's integers
    match layer:
        case Affine():
            factor, term = (np.abs(part.astype(object)) for part in layer.parts())
            return int((layer.products(np.abs(x), factor) + term).max())
        case AveragePool():
            mean = Conv2d("c", ("x",), np.ones((1, 1, *layer.size), np.int64), ZERO, layer.stride, layer.padding, 1)
            one_by_one = np.abs(x).reshape(-1, 1, *x.shape[2:])
            return int(mean.products(one_by_one, mean.weight.astype(object)).max()) * layer.reciprocal(f)[0]
        case Square():
            return int((x * x).max())
        case Add():
            return int((np.abs(x) + np.abs(inputs[1].astype(object))).max())
        case MaxPool() | ArgMax() | Softmax():  # comparisons by subtraction
            axes = tuple(range(1, x.ndim))
            return int((x.max(axis=axes) - x.min(axis=axes)).max())
    return 0


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(graphs(), st.integers(0, 2**32))
def test_the_twin_agrees_exactly_and_nothing_leaves_its_bounds(graph: Graph, seed: int) -> None:
    bound = graph.bounds["input"]
    rng = np.random.default_rng(seed)
    rows = [bound.low, bound.high, np.clip(0, bound.low, bound.high)]
    rows += [rng.integers(bound.low, bound.high, endpoint=True) for _ in range(2)]
    rows += [np.where(rng.random(bound.shape) < 0.5, bound.low, bound.high)]
    x = np.stack(rows)
    traced = graph.trace(x)
    assert (graph.evaluate(x) == traced[graph.layers[-1].name]).all()
    for name, tensor in traced.items():
        assert tensor.dtype == np.int64
        assert tensor.shape[1:] == graph.shapes[name] == graph.bounds[name].shape
        assert (tensor >= graph.bounds[name].low).all()
        assert (tensor <= graph.bounds[name].high).all()
    for layer in graph.layers:
        found = reach(layer, [traced[name] for name in layer.inputs], graph.fraction_bits)
        assert found <= graph.accumulator_bounds[layer.name] <= 2**62, layer
    for number, row in enumerate(x):
        for name, expected in twin(graph, row).items():
            assert expected == {i: int(v) for i, v in np.ndenumerate(traced[name][number])}, name


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(graphs())
def test_bytes_and_back(graph: Graph) -> None:
    data = graph.to_bytes()
    again = Graph.from_bytes(data)
    assert again.to_bytes() == data
    assert again.digest == graph.digest
    assert again.accumulator_bounds == graph.accumulator_bounds


@pytest.mark.parametrize("f", [8, 16, 20])
@pytest.mark.parametrize("kind", ["sigmoid", "exp"])
def test_the_tables_agree(kind: str, f: int) -> None:
    from tacit.graph.pieces import exp_pieces, sigmoid_pieces

    pieces = {"sigmoid": sigmoid_pieces, "exp": exp_pieces}[kind](f)
    assert list(zip(pieces.c0.tolist(), pieces.c1.tolist(), pieces.c2.tolist(), strict=True)) == table(kind, f)
