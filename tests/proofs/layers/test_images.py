"""Layers on images: convolutions, pools, and what reshapes them, as the graph has them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Add, AveragePool, Conv2d, Flatten, FloatLayer, Graph, Linear, ReLU, Unflatten
from tacit.proofs.layers.layer import class_of
from tacit.proofs.plan import Planning
from tacit.proofs.tensors import public

from ..models import MODES, accepted, cheat, committed, graph_of, honest, inference, rows_for

SIDES = st.integers(1, 7)


def convolution(
    shape: tuple[int, int, int], outputs: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int], seed: int
) -> Conv2d:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(outputs, shape[0], *kernel))
    return Conv2d.of(weight, rng.normal(size=outputs), stride=stride, padding=padding)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(data=st.data(), uses=st.sampled_from(MODES))
def test_convolutions_of_every_geometry_can_be_proved(data: st.DataObject, uses: int) -> None:
    shape = (data.draw(st.integers(1, 3)), data.draw(SIDES), data.draw(SIDES))
    kernel = tuple(data.draw(st.integers(1, side)) for side in shape[1:])
    padding = tuple(data.draw(st.integers(0, side - 1)) for side in kernel)
    stride, outputs = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    first = convolution(shape, outputs, kernel, stride, padding, 1)
    layers = [first, ReLU.of()] if data.draw(st.booleans()) else [first]
    graph = graph_of(layers, shape)
    assert honest(graph, rows_for(graph, data.draw(st.integers(1, 3))), uses)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data(), uses=st.sampled_from(MODES))
def test_average_pools_of_every_geometry_can_be_proved(data: st.DataObject, uses: int) -> None:
    shape = (data.draw(st.integers(1, 3)), data.draw(SIDES), data.draw(SIDES))
    size = tuple(data.draw(st.integers(1, side)) for side in shape[1:])
    padding = tuple(data.draw(st.integers(0, side // 2)) for side in size)
    layers = [AveragePool.of(size, stride=data.draw(st.integers(1, 3)), padding=padding)]
    graph = graph_of(layers, shape)
    assert honest(graph, rows_for(graph, data.draw(st.integers(1, 3))), uses)


def lenet() -> Graph:
    rng = np.random.default_rng(1)
    layers = [
        Unflatten.of(1, 12, 12),
        convolution((1, 12, 12), 3, (3, 3), 1, (1, 1), 1),
        ReLU.of(),
        AveragePool.of(2),
        convolution((3, 6, 6), 5, (3, 3), 1, (0, 0), 2),
        ReLU.of(),
        AveragePool.of(2),
        Flatten.of(),
        Linear.of(rng.normal(size=(4, 20)), rng.normal(size=4)),
    ]
    return graph_of(layers, (144,))


@pytest.mark.parametrize("uses", MODES)
def test_a_convolutional_network_can_be_proved_and_not_with_another_output(uses: int) -> None:
    graph = lenet()
    model, rows = committed(graph, uses), rows_for(graph, 2)
    assert honest(graph, rows, uses)
    wrong = graph.evaluate(rows)
    wrong[0, 1] += 1
    claim = inference(model, rows, wrong)
    assert not accepted(claim, cheat(claim, model, rows, lambda witness, claim: None))


@pytest.mark.parametrize(
    ("layer", "changes", "why"),
    [
        (AveragePool.of(2), {"options": {"size": (2, 2), "stride": (0, 1), "padding": (0, 0)}}, "windows slide"),
        (AveragePool.of(2), {"options": {"size": (7, 2), "stride": (1, 1), "padding": (0, 0)}}, "do not fit"),
        (AveragePool.of(2), {"options": {"size": (2, 2), "stride": (1, 1), "padding": (2, 0)}}, "do not fit"),
    ],
)
def test_windows_that_do_not_fit_are_refused(layer: FloatLayer, changes: dict[str, object], why: str) -> None:
    architecture = committed(graph_of([layer], (1, 4, 4)), 0).commitment.architecture
    step = msgspec.structs.replace(architecture.steps[0], **changes)
    with pytest.raises(ProofError, match=why):
        class_of(step)(step, [public((1, 4, 4), np.zeros((1, 1, 4, 4), dtype=np.int64))], Planning(architecture))


def test_tensors_of_other_axes_than_a_layer_s_are_refused() -> None:
    flat, image = (public(shape, np.zeros((1, *shape), dtype=np.int64)) for shape in ((16,), (1, 4, 4)))
    pool, join = (
        committed(graph_of([layer], (1, 4, 4)), 0).commitment.architecture
        for layer in (AveragePool.of(2), Add.of(inputs=("input", "input")))
    )
    unflatten = committed(graph_of([Unflatten.of(1, 4, 4)], (16,)), 0).commitment.architecture
    for architecture, inputs, why in (
        (pool, [flat], "no image"),
        (pool, [image.reshaped((16,)).reshaped((1, 2, 8))], "no image"),
        (join, [image], "takes 2 tensors, not 1"),
        (join, [image, flat.reshaped((1, 4, 4))], "have shapes"),
        (unflatten, [public((15,), np.zeros((1, 15), dtype=np.int64))], "not as many entries"),
    ):
        with pytest.raises(ProofError, match=why):
            class_of(architecture.steps[0])(architecture.steps[0], inputs, Planning(architecture))


def test_a_committed_row_cannot_become_an_image() -> None:
    rng = np.random.default_rng(1)
    graph = graph_of([Linear.of(rng.normal(size=(9, 4))), Unflatten.of(1, 3, 3)], (4,))
    with pytest.raises(ProofError, match="cannot become"):
        committed(graph, 0)
