from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import FormatError, GraphError
from tacit.graph import Conv2d, Flatten, Graph, ReLU, Unflatten

SIDES = st.integers(1, 5)


@given(SIDES, SIDES, SIDES, st.integers(0, 3), st.integers(0, 2**32))
def test_the_order_is_that_of_rows_of_a_picture_and_nothing_is_rounded(
    channels: int, height: int, width: int, rows: int, seed: int
) -> None:
    length = channels * height * width
    ends = np.sort(np.random.default_rng(seed).uniform(-300, 300, (2, length)), axis=0)
    graph = Graph.build([Unflatten.of(channels, height, width, name="u")], ends[0], ends[1])
    bound = graph.bounds["input"]
    x = np.random.default_rng(seed).integers(bound.low, bound.high, (rows, length), endpoint=True)
    image = graph.evaluate(x)
    assert image.shape == (rows, channels, height, width)
    for c, r, k in np.ndindex(channels, height, width):
        assert (image[:, c, r, k] == x[:, (c * height + r) * width + k]).all()
    out = graph.bounds["u"]
    assert (out.low.reshape(-1) == bound.low).all()
    assert (out.high.reshape(-1) == bound.high).all()
    assert graph.accumulator_bounds["u"] == bound.magnitude


def test_a_flatten_undoes_it() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (5, 24))
    alone = Graph.build([ReLU.of()], -1, 1, input_shape=(24,))
    both = Graph.build([Unflatten.of(2, 3, 4), Flatten.of(), ReLU.of()], -1, 1, input_shape=(24,))
    assert (both.predict(x) == alone.predict(x)).all()


@pytest.mark.parametrize("shape", [(23,), (25,), (2, 12), (2, 3, 4), (1,)])
def test_rows_of_another_length_or_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        GraphError, match=r"'u' \(unflatten\): makes \(2, 3, 4\) from a flat row of 24 elements, not from"
    ):
        Graph.build([Unflatten.of(2, 3, 4, name="u")], 0, 1, input_shape=shape)


@pytest.mark.parametrize("side", [0, -1, 2**20 + 1, 1.0, True, (1,), "2"])
def test_sides_that_are_no_counts_are_refused(side: object) -> None:
    for place, name in enumerate(("channels", "height", "width")):
        sides: list[object] = [1, 1, 1]
        sides[place] = side
        with pytest.raises(GraphError, match=f"{name} is .*: it must be a whole number from 1 to 1048576"):
            Unflatten("u", ("input",), *sides)  # type: ignore[arg-type]


def test_a_convolution_of_a_flat_row_says_what_it_lacks() -> None:
    with pytest.raises(GraphError, match=r"not \(4,\); put an Unflatten before it"):
        Graph.build([Conv2d.of(np.ones((1, 1, 2, 2)))], 0, 1, input_shape=(4,))
    with pytest.raises(GraphError, match=r"not \(2, 2\)$"):
        Graph.build([Conv2d.of(np.ones((1, 1, 2, 2)))], 0, 1, input_shape=(2, 2))


def test_bytes_with_other_sides_are_refused() -> None:
    data = Graph.build([Unflatten.of(2, 3, 4, name="u")], 0, 1, input_shape=(24,)).to_bytes()
    assert Graph.from_bytes(data).to_bytes() == data
    for old, new in ((b'width\\":4', b'width\\":5'), (b'height\\":3', b'height\\":0'), (b'width\\":4', b'depth\\":4')):
        assert old in data
        with pytest.raises(FormatError, match="^graph: "):
            Graph.from_bytes(data.replace(old, new))
