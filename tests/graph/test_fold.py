from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph import (
    Add,
    AveragePool,
    Conv2d,
    Flatten,
    FloatLayer,
    Graph,
    Linear,
    Normalise,
    ReLU,
    Unflatten,
)

rng = np.random.default_rng(1)
X = rng.uniform(-1, 1, (50, 3))


def kinds(graph: Graph) -> list[str]:
    return [layer.kind for layer in graph.layers]


def build(*layers: FloatLayer, shape: tuple[int, ...] = (3,)) -> Graph:
    return Graph.build(layers, -1, 1, input_shape=shape)


def test_before_and_after_a_linear_layer() -> None:
    W, b = rng.normal(size=(2, 3)), rng.normal(size=2)
    mean, scale = rng.normal(size=3), rng.normal(size=3)
    graph = build(Normalise.of(mean, scale), Linear.of(W, b), Normalise.of([1.0, 2.0], [0.5, -3.0]), ReLU.of())
    assert kinds(graph) == ["linear", "relu"]
    expected = np.maximum((((X - mean) * scale) @ W.T + b - [1, 2]) * [0.5, -3.0], 0)
    assert np.abs(graph.predict(X) - expected).max() < 1e-3


def test_a_chain_of_normalisations_becomes_one() -> None:
    graph = build(Normalise.of(0.5, 2.0), Normalise.of(0.25, 3.0), Normalise.of([1.0, 2.0, 3.0], 1.0), ReLU.of())
    assert kinds(graph) == ["normalise", "relu"]
    assert np.abs(graph.predict(X) - np.maximum(((X - 0.5) * 2 - 0.25) * 3 - [1, 2, 3], 0)).max() < 1e-3


def test_behind_a_flatten_into_a_linear_layer() -> None:
    W, image = rng.normal(size=(2, 8)), rng.uniform(-1, 1, (20, 2, 2, 2))
    mean, scale = rng.normal(size=(2, 1, 1)), rng.normal(size=(2, 1, 1))
    graph = build(Normalise.of(mean, scale), Flatten.of(), Linear.of(W), shape=(2, 2, 2))
    assert kinds(graph) == ["flatten", "linear"]
    expected = ((image - mean) * scale).reshape(20, -1) @ W.T
    assert np.abs(graph.predict(image) - expected).max() < 1e-3
    assert kinds(build(Normalise.of(0.1, 3.0), Flatten.of(), Linear.of(W), shape=(2, 2, 2))) == ["flatten", "linear"]


def test_behind_an_unflatten_into_a_convolution() -> None:
    """A flat row's scale and offset by feature become the kernel's, where they are the same all over each channel."""
    import torch

    W, x = rng.normal(size=(3, 2, 2, 2)), rng.uniform(-1, 1, (20, 18))
    mean, scale = (np.repeat(rng.normal(size=2), 9) for _ in range(2))
    layers = [Normalise.of(mean, scale), Unflatten.of(2, 3, 3), Conv2d.of(W)]
    graph = build(*layers, shape=(18,))
    assert kinds(graph) == ["unflatten", "conv2d"]
    images = torch.from_numpy(((x - mean) * scale).reshape(20, 2, 3, 3))
    expected = torch.nn.functional.conv2d(images, torch.from_numpy(W)).numpy()
    assert np.abs(graph.predict(x) - expected).max() < 1e-3
    assert kinds(build(Normalise.of(0.1, 3.0), *layers[1:], shape=(18,))) == ["unflatten", "conv2d"]
    by_feature = build(Normalise.of(x[0], x[1]), *layers[1:], shape=(18,))
    assert kinds(by_feature) == ["unflatten", "normalise", "conv2d"]
    images = torch.from_numpy(((x - x[0]) * x[1]).reshape(20, 2, 3, 3))
    expected = torch.nn.functional.conv2d(images, torch.from_numpy(W)).numpy()
    assert np.abs(by_feature.predict(x) - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("padding", "offset", "by_element", "folded"),
    [(0, 0.3, False, True), (1, 0.0, False, True), (1, 0.3, False, False), (0, 0.3, True, False)],
)
def test_before_a_convolution(padding: int, offset: float, by_element: bool, folded: bool) -> None:
    """An offset cannot go past padding, nor a scale that differs within a channel into the kernel."""
    image, W = rng.uniform(-1, 1, (9, 2, 4, 4)), rng.normal(size=(3, 2, 3, 3))
    scale = rng.normal(size=(2, 4, 4) if by_element else (2, 1, 1))
    layers = [Normalise.affine(scale, offset), Conv2d.of(W, rng.normal(size=3), padding=padding)]
    graph = build(*layers, shape=(2, 4, 4))
    assert (kinds(graph) == ["conv2d"]) == folded
    apart = build(layers[0], ReLU.of(), shape=(2, 4, 4))  # what is not folded, for comparison
    assert kinds(apart) == ["normalise", "relu"]
    import torch

    shifted = torch.from_numpy(image * scale + offset)
    expected = torch.nn.functional.conv2d(shifted, torch.from_numpy(W), padding=padding).numpy()
    expected = expected + layers[1].weights["bias"][:, None, None]
    assert np.abs(graph.predict(image) - expected).max() < 1e-3


def test_after_a_convolution_by_channel() -> None:
    W = rng.normal(size=(3, 1, 2, 2))
    after = Normalise.affine(rng.normal(size=(3, 1, 1)), rng.normal(size=(3, 1, 1)))
    assert kinds(build(Conv2d.of(W), after, shape=(1, 4, 4))) == ["conv2d"]
    within = Normalise.affine(rng.normal(size=(3, 3, 3)), 0.0)
    assert kinds(build(Conv2d.of(W), within, shape=(1, 4, 4))) == ["conv2d", "normalise"]


def test_what_another_layer_reads_stays() -> None:
    W = rng.normal(size=(3, 3))
    branch = [Normalise.of(0.5, 2.0, name="n"), Linear.of(W, name="l"), Add.of(inputs=("n", "l"))]
    graph = build(*branch)
    assert kinds(graph) == ["normalise", "linear", "add"]
    y = (X - 0.5) * 2
    assert np.abs(graph.predict(X) - (y + y @ W.T)).max() < 1e-3
    branch = [Linear.of(W, name="l"), Normalise.of(0.5, 2.0, name="n"), Add.of(inputs=("n", "l"))]
    assert kinds(build(*branch)) == ["linear", "normalise", "add"]


def test_pooling_and_the_output_keep_their_normalisation() -> None:
    assert kinds(build(Normalise.of(0.5, 2.0), AveragePool.of(2), shape=(1, 2, 2))) == ["normalise", "average_pool"]
    assert kinds(build(ReLU.of(), Normalise.of(0.5, 2.0))) == ["relu", "normalise"]
    assert kinds(build(Normalise.of(0.5, 2.0), Flatten.of(), shape=(1, 2, 2))) == ["flatten", "normalise"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("nlrfu"), min_size=1, max_size=7), st.integers(0, 2**32))
def test_folding_changes_nothing_but_rounding(word: list[str], seed: int) -> None:
    r = np.random.default_rng(seed)
    x = r.uniform(-1, 1, (10, 3))
    y, layers = x, []
    for letter in word:
        a, b, W = r.uniform(-1, 1, 3), r.uniform(-1, 1, 3), r.uniform(-1, 1, (3, 3))
        made, y = {
            "n": (Normalise.affine(a, b), y * a + b),
            "l": (Linear.of(W, b), y @ W.T + b),
            "r": (ReLU.of(), np.maximum(y, 0)),
            "f": (Flatten.of(), y),
            "u": (
                [Unflatten.of(3, 1, 1), Normalise.affine(a.reshape(3, 1, 1), b.reshape(3, 1, 1)), Flatten.of()],
                y * a + b,
            ),
        }[letter]
        layers += made if isinstance(made, list) else [made]
    assert np.abs(build(*layers).predict(x) - y).max() < 2.0**-16 * 4 ** (len(word) + 1)
