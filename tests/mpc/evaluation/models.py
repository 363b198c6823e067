"""Random graphs of every kind of layer, and their evaluation by three parties in one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tacit.errors import GraphError
from tacit.graph import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
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
from tacit.mpc.evaluation import Skeleton, evaluate, weights_of
from tacit.mpc.party import Security
from tacit.mpc.replicated import Arithmetic
from tacit.mpc.verification import verify

from ..functions.prices import Price
from ..lockstep import dealt, lockstep, opened, parties

Shape = tuple[int, ...]
Shapes = dict[str, Shape]
Maker = Callable[[st.DrawFn, np.random.Generator, Shapes, str, float], FloatLayer]


def on_shares(graph: Graph, x: np.ndarray, security: Security, seed: int = 0) -> np.ndarray:
    """The output for encoded rows x, from the skeleton's bytes and from shares of weights and input."""
    return measured(graph, x, security, seed)[0]


def measured(
    graph: Graph, x: np.ndarray, security: Security, seed: int = 0, *, verified: bool = False
) -> tuple[np.ndarray, Price]:
    """The output, and what it cost; with `verified`, all products have been verified before it is put together."""
    rng = np.random.default_rng(seed)
    skeleton = Skeleton.from_bytes(Skeleton.of(graph).to_bytes())
    weights = [dealt(Arithmetic, words, rng) for words in weights_of(graph)]
    shares = dealt(Arithmetic, x.view(np.uint64), rng)
    people = parties(security)
    rounds, sent = [0] * 3, [0] * 3

    def counted(index: int) -> Any:
        program = evaluate(people[index], skeleton, [weight[index] for weight in weights], shares[index])
        try:
            exchange = next(program)
            while True:
                rounds[index] += 1
                sent[index] += exchange.bytes_sent
                exchange = program.send((yield exchange))
        except StopIteration as stop:
            if verified:
                yield from verify(people[index])
            return stop.value

    results: list[Any] = lockstep([counted(index) for index in range(len(people))])
    for result in results:
        if isinstance(result, Exception):
            raise result
    assert rounds[0] == rounds[1] == rounds[2]
    return opened(results).view(np.int64), Price(rounds[0], tuple(sent))


def rows_for(graph: Graph, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Encoded rows: the first at the low ends, the second at the high ends, the others anywhere."""
    bounds = graph.bounds["input"]
    x = rng.integers(bounds.low, bounds.high, (rows, *graph.input_shape), endpoint=True)
    x[0] = bounds.low
    x[1:2] = bounds.high
    return x


@st.composite
def graphs(draw: st.DrawFn, *, contracting: bool = False) -> Graph:
    """A graph of one to six layers and an ending, of odd sizes.

    contracting: no layer makes a difference larger than it is in its input.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape: Shape = draw(st.sampled_from([(1,), (3,), (7,), (12,), (1, 5, 4), (2, 6, 7), (3, 3, 3)]))
    reach = 1.0 if contracting else draw(st.sampled_from([0.5, 1.0, 30.0]))
    layers: list[FloatLayer] = []
    shapes = {"input": shape}
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(_kinds(shape)))
        layer = MAKERS[kind](draw, rng, shapes, f"layer{number}", 1.0 if contracting else 4.0)
        shapes[layer.name] = shape = layer.output_shape([shapes[name] for name in layer.inputs])
        layers.append(layer)
    layers += _ending(draw, shape, contracting)
    try:
        bits = draw(st.sampled_from([8, 11, 16, 20]))
        graph = Graph.build(layers, -reach, reach, input_shape=shapes["input"], fraction_bits=bits)
        Skeleton.of(graph)
    except GraphError:
        assume(False)
    return graph


def _kinds(shape: Shape) -> list[str]:
    both = ["relu", "square", "sigmoid", "tanh", "normalise", "add", "relu"]
    if len(shape) == 3:
        return [*both, "conv2d", "conv2d", "max_pool", "max_pool", "average_pool", "flatten"]
    return [*both, "linear", "linear", "linear"] + (["unflatten"] if shape[0] % 2 == 0 else [])


def _ending(draw: st.DrawFn, shape: Shape, contracting: bool) -> list[FloatLayer]:
    if len(shape) != 1 or contracting:
        return []
    softmax, argmax = draw(st.sampled_from([(False, False), (True, False), (False, True), (True, True)]))
    return [Softmax.of()] * softmax + [ArgMax.of()] * argmax


def _weights(rng: np.random.Generator, shape: Shape, row: float) -> np.ndarray:
    """Rows whose absolute values add up to at most `row`."""
    weights = rng.uniform(-1, 1, shape) * (rng.random(shape) < 0.8)
    sums = np.abs(weights).reshape(shape[0], -1).sum(axis=1).reshape(-1, *[1] * (len(shape) - 1))
    return weights / np.maximum(sums, 1e-3) * row * 0.99


def _bias(rng: np.random.Generator, outputs: int, row: float) -> np.ndarray:
    return rng.uniform(-1, 1, outputs) * (1.0 if row > 1 else 0.01)


def _linear(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
    source, shape = list(shapes.items())[-1]
    outputs = draw(st.integers(1, 9))
    return Linear.of(_weights(rng, (outputs, shape[0]), row), rng.uniform(-1, 1, outputs), name=name, inputs=(source,))


def _conv2d(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
    source, (channels, height, width) = list(shapes.items())[-1]
    kernel = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
    padding = (draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1)))
    outputs, stride = draw(st.integers(1, 3)), (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    weight = _weights(rng, (outputs, channels, *kernel), row)
    bias = _bias(rng, outputs, row)
    return Conv2d.of(weight, bias, stride=stride, padding=padding, name=name, inputs=(source,))


def _pool(kind: Any) -> Maker:
    def make(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
        source, (_, height, width) = list(shapes.items())[-1]
        size = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
        padding = (draw(st.integers(0, size[0] // 2)), draw(st.integers(0, size[1] // 2)))
        stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        layer: FloatLayer = kind.of(size, stride=stride, padding=padding, name=name, inputs=(source,))
        return layer

    return make


def _normalise(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
    source, shape = list(shapes.items())[-1]
    sides = draw(st.sampled_from([(1,), shape, (shape[0], *[1] * (len(shape) - 1))]))
    return Normalise.of(rng.uniform(-1, 1, sides), rng.uniform(-row, row, sides), name=name, inputs=(source,))


def _add(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
    source, shape = list(shapes.items())[-1]
    other = draw(st.sampled_from([name for name, its in shapes.items() if its == shape]))
    return Add.of(name=name, inputs=(source, other))


def _plain(kind: Any) -> Maker:
    def make(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
        layer: FloatLayer = kind.of(name=name, inputs=(list(shapes)[-1],))
        return layer

    return make


def _unflatten(draw: st.DrawFn, rng: np.random.Generator, shapes: Shapes, name: str, row: float) -> FloatLayer:
    source, shape = list(shapes.items())[-1]
    return Unflatten.of(1, 2, shape[0] // 2, name=name, inputs=(source,))


MAKERS: dict[str, Maker] = {
    "linear": _linear,
    "conv2d": _conv2d,
    "max_pool": _pool(MaxPool),
    "average_pool": _pool(AveragePool),
    "normalise": _normalise,
    "add": _add,
    "unflatten": _unflatten,
    **{kind.kind: _plain(kind) for kind in (ReLU, Square, Sigmoid, Tanh, Flatten)},
}
