from __future__ import annotations

import numpy as np
import pytest

from tacit.errors import GraphError
from tacit.graph import AccumulatorError, Conv2d, Graph


def test_against_torch_on_odd_sizes() -> None:
    import torch

    rng = np.random.default_rng(5)
    for height, width, kernel, stride, padding in [
        (1, 1, (1, 1), (1, 1), (0, 0)),
        (7, 5, (3, 2), (2, 1), (1, 0)),
        (5, 9, (5, 3), (1, 3), (4, 2)),
        (4, 4, (4, 4), (3, 3), (0, 0)),
    ]:
        weight, bias = rng.integers(-(2**16), 2**16, (3, 2, *kernel)), rng.integers(-(2**30), 2**30, 3)
        graph = Graph(
            [Conv2d("c", ("input",), weight, bias, stride, padding, 16)],
            np.full((2, height, width), -1.0),
            np.full((2, height, width), 1.0),
            16,
        )
        x = rng.integers(-(2**16), 2**16, (3, 2, height, width), endpoint=True)
        sums = torch.nn.functional.conv2d(*(torch.from_numpy(a) for a in (x, weight, bias)), stride, padding)  # int64
        assert (graph.evaluate(x) == (sums.numpy() + 2**15) >> 16).all()


def test_the_largest_accumulator_just_fits() -> None:
    ends = np.ones((1, 3, 3))

    def graph(bias: int) -> Graph:
        weight = np.full((1, 1, 2, 2), 2**44 - 2**14)
        return Graph([Conv2d("c", ("input",), weight, np.array([bias]), (1, 1), (0, 0), 16)], -ends, ends, 16)

    assert graph(2**32).accumulator_bounds["c"] == 2**62
    assert graph(2**32).evaluate(np.full((1, 1, 3, 3), 2**16)).max() == 2**46
    with pytest.raises(AccumulatorError, match="4611686018427387905"):
        graph(2**32 + 1)


def test_padding_counts_as_zero_in_bounds() -> None:
    """x is at least 1 everywhere, but a padded window sees zeros."""
    layer = Conv2d("c", ("input",), np.full((1, 1, 3, 3), 2**16), np.zeros(1, dtype=np.int64), (1, 1), (1, 1), 16)
    graph = Graph([layer], np.ones((1, 3, 3)), np.full((1, 3, 3), 2.0), 16)
    assert (graph.bounds["c"].low[0] >> 16).tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 1, 3, 3), {"padding": 3}, "padding .* is not narrower"),
        ((2, 2, 3, 3), {}, "takes 2 channels, not 1"),
        ((2, 1, 9, 1), {}, "does not fit"),
        ((1, 1, 65, 1), {}, "wider than 64"),
        ((2, 1, 3, 3), {"stride": 0}, "stride is"),
    ],
)
def test_what_does_not_fit(shape: tuple[int, ...], options: dict[str, int], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Graph.build([Conv2d.of(np.ones(shape), **options)], 0, 1, input_shape=(1, 8, 8))  # type: ignore[arg-type]


def test_a_weight_of_another_rank_is_refused() -> None:
    with pytest.raises(GraphError, match=r"not \(outputs, channels, kh, kw\)"):
        Conv2d.of(np.ones((2, 3)))
    with pytest.raises(GraphError, match=r"takes a tensor of shape \(channels, height, width\)"):
        Graph.build([Conv2d.of(np.ones((1, 1, 1, 1)))], 0, 1, input_shape=(4,))
