from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph import (
    Add,
    ArgMax,
    AveragePool,
    Conv2d,
    Graph,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    Softmax,
)

LOW, HIGH = np.zeros(2), np.ones(2)


def graph(*layers: Layer, low: np.ndarray = LOW, high: np.ndarray = HIGH) -> Graph:
    return Graph(layers, low, high, 16)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "from 1 to 1024 layers, not 0"),
        ([ReLU("a", ("b",)), ReLU("b", ("a",))], "no earlier tensor 'b'"),
        ([ReLU("a", ("a",))], "no earlier tensor 'a'"),
        ([ReLU("a", ("input",)), ReLU("a", ("a",))], "two of this name"),
        ([ReLU("a", ("input",)), ReLU("b", ("input",))], "nothing reads: a"),
        ([Softmax("a", ("input",)), ReLU("b", ("a",))], "layer 'a' .softmax.: belongs at the output"),
        ([ArgMax("a", ("input",)), ArgMax("b", ("a",))], "layer 'a' .argmax.: belongs at the output"),
        ([Softmax("a", ("input",)), Softmax("b", ("a",)), ArgMax("c", ("b",))], "layer 'a' .softmax.: belongs"),
    ],
)
def test_orders_that_are_none(layers: list[Layer], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        graph(*layers)


def test_orders_that_are_some() -> None:
    graph(Softmax("a", ("input",)), ArgMax("b", ("a",)))
    graph(ReLU("a", ("input",)), ReLU("b", ("input",)), Add("c", ("b", "a")))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (LOW, np.ones(3)),
        (HIGH, LOW),
        (LOW, np.array([1.0, np.nan])),
        (np.array([0.0, -np.inf]), HIGH),
        (LOW, np.array([1.0, np.inf])),
        (np.zeros(()), np.ones(())),
        (np.zeros(0), np.ones(0)),
        (LOW.astype(np.float32), HIGH),
        (LOW, [1.0, 1.0]),
        (np.zeros((1,) * 9), np.ones((1,) * 9)),
    ],
)
def test_ranges_that_are_none(low: object, high: object) -> None:
    with pytest.raises(GraphError, match="low and high must be"):
        graph(ReLU("a", ("input",)), low=low, high=high)  # type: ignore[arg-type]


def test_the_widest_range() -> None:
    most = np.array([2.0**37])
    assert graph(ReLU("a", ("input",)), low=-most, high=most).bounds["input"].magnitude == 2**53
    with pytest.raises(GraphError, match=r"index 0: the range .* passes 2\*\*53"):
        graph(ReLU("a", ("input",)), low=-most, high=most + 2.0**-15)
    with pytest.raises(GraphError, match="passes"):
        graph(ReLU("a", ("input",)), low=-most, high=np.array([1e308]))


def test_rows_that_would_take_too_much_are_refused_before_anything_is_allocated() -> None:
    one = np.zeros((1, 1, 1))
    for kind in (AveragePool, MaxPool):
        side = 2**19
        huge = kind("a", ("input",), (side, side), (1, 1), (side // 2, side // 2))
        with pytest.raises(GraphError, match="one row would take"):
            graph(huge, low=one, high=one + 1)
        padded = kind("a", ("input",), (4096, 4096), (1, 1), (2048, 2048))  # little work, and 4 values of output
        with pytest.raises(GraphError, match="one row would take 16785414 values"):
            graph(padded, low=one, high=one + 1)
    image = np.zeros((1, 512, 512))
    weight, bias = np.ones((1024, 1, 1, 1), dtype=np.int64), np.zeros(1024, dtype=np.int64)
    with pytest.raises(GraphError, match="one row would take [0-9]+ values of memory and 268435456 operations"):
        graph(Conv2d("a", ("input",), weight, bias, (1, 1), (0, 0), 16), low=image, high=image)


def test_work_is_bounded_over_all_layers() -> None:
    weight, bias = np.ones((1, 1, 64, 64), dtype=np.int64), np.zeros(1, dtype=np.int64)
    layers = [Conv2d("a0", ("input",), weight, bias, (1, 1), (32, 32), 16)]
    layers += [Conv2d(f"a{i}", (f"a{i - 1}",), weight, bias, (1, 1), (32, 32), 16) for i in range(1, 10)]
    image = np.zeros((1, 320, 320))
    with pytest.raises(GraphError, match="layer 'a5' .conv2d.: one row would take"):
        graph(*layers, low=image, high=image)


def test_many_layers() -> None:
    layers = [ReLU("a0", ("input",)), *(ReLU(f"a{i}", (f"a{i - 1}",)) for i in range(1, 1024))]
    assert graph(*layers).evaluate(np.array([[5, 6]])).tolist() == [[5, 6]]
    with pytest.raises(GraphError, match="not 1025"):
        graph(*layers, ReLU("last", ("a1023",)))


def test_linear_work_is_its_weights() -> None:
    weight, bias = np.ones((7, 2), dtype=np.int64), np.zeros(7, dtype=np.int64)
    assert Linear("a", ("input",), weight, bias, 16).work([(2,)]) == 14
