"""A bundle opens on a model of the agreed shape alone, whoever conspired to seal another."""

import re
from dataclasses import replace as but

import msgspec
import numpy as np
import pytest

from tacit.bundle import Bundle, verify
from tacit.errors import FormatError
from tacit.federated.export import to_graph
from tacit.federated.plan import parameter_count
from tacit.federated.statistics import Scaling
from tacit.graph import (
    ArgMax,
    AveragePool,
    Conv2d,
    Flatten,
    Graph,
    Linear,
    MaxPool,
    Normalise,
    ReLU,
    Sigmoid,
    Square,
    Unflatten,
)

replace = msgspec.structs.replace


def linear(outputs, inputs=1):
    return Linear.of(np.full((outputs, inputs), 0.03125), np.zeros(outputs))


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (Graph.build([linear(3)], [0.0], [120.0]), "gives (3,), but the agreement's takes (1,) and gives (1,)"),
        (Graph.build([linear(1, 2)], [0.0, 0.0], [120.0, 120.0]), "takes rows of shape (2,)"),
        (Graph.build([linear(1)], [0.0], [90.0]), "range of inputs is not the agreement's"),
        (Graph.build([linear(1)], [-1.0], [120.0]), "range of inputs is not the agreement's"),
        (Graph.build([linear(4000), ReLU.of(), linear(1, 4000)], [0.0], [120.0]), "of other widths"),
        (Graph.build([ReLU.of()] * 5, [0.0], [120.0]), "5 layers, more than"),
    ],
)
def test_a_model_of_another_shape_than_agreed_is_refused(world, graph, reason):
    """Conspiring signers could else give rows each other's predictions, show cells in errors, or hold a reader up."""
    data = world.sealed(world.outcome(graph=graph.to_bytes()))
    assert verify(data).holds
    with pytest.raises(FormatError, match=re.escape(reason)):
        Bundle.decode(data).open(world.identities["ash"])


PIXELS = """\
[[data.columns]]
name = "pixel"
kind = "number"
low = 0.0
high = 1.0
numbered = [0, 71]
"""
CNN = """\
kind = "cnn"
image = [2, 6, 6]
convolutions = [
    {channels = 3, kernel = 3, padding = 1, pool = 2},
    {channels = 4, kernel = 2, padding = 0, pool = 2, pooling = "max"},
    {channels = 4, kernel = 1},
]
hidden = [5]
"""
TORCH = f"""\
kind = "torch"
factory = "clinic.nets:make"
source = "sha256:{64 * "a"}"
parameters = 73
"""


def of_images(world, folder, model, label='kind = "boolean"'):
    """What a party computed in a study of this model for rows of 72 pixels."""

    def change(text):
        before, _, after = text.partition('[[data.columns]]\nname = "age"')
        after = after[after.index("\n[[data.columns]]") :].replace('kind = "boolean"', label)
        return before.replace('kind = "logistic"\n', model) + PIXELS + after

    return but(world.own, study=world.another_study(folder, change))


@pytest.fixture(scope="module")
def cnn(world, tmp_path_factory):
    return of_images(world, tmp_path_factory.mktemp("cnn") / "study", CNN)


@pytest.mark.parametrize(
    ("label", "last"),
    [
        ('kind = "boolean"', "sigmoid"),
        ('kind = "category"\nvalues = ["low", "middle", "high"]', "softmax"),
        ('kind = "number"\nlow = 0.0\nhigh = 9.0', "linear"),
    ],
)
def test_a_convolutional_model_opens_whether_or_not_its_scaling_went_into_the_kernel(world, tmp_path, label, last):
    own = of_images(world, tmp_path / "study", CNN, label)
    agreement = own.study.agreement
    parameters = np.linspace(-0.5, 0.5, parameter_count(agreement))
    by_pixel = Scaling(np.linspace(0.1, 0.9, 72), np.linspace(0.5, 1.5, 72), 9.0)
    for scaling, second in ((by_pixel, "normalise"), (Scaling(np.zeros(72), np.ones(72), 9.0), "conv2d")):
        graph = to_graph(agreement, parameters, scaling)
        assert [graph.layers[place].kind for place in (0, 1, -1)] == ["unflatten", second, last]
        data = world.sealed(but(own, graph=graph.to_bytes()))
        assert Bundle.decode(data).open(world.identities["ash"]).to_bytes() == graph.to_bytes()


def ones(*shape):
    return np.full(shape, 0.03125)


HONEST = (
    Unflatten.of(2, 6, 6),
    Conv2d.of(ones(3, 2, 3, 3), padding=1),
    ReLU.of(),
    AveragePool.of(2),
    Conv2d.of(ones(4, 3, 2, 2)),
    ReLU.of(),
    MaxPool.of(2),
    Conv2d.of(ones(4, 4, 1, 1)),
    ReLU.of(),
    Flatten.of(),
    Linear.of(ones(5, 4)),
    ReLU.of(),
    Linear.of(ones(1, 5)),
    Sigmoid.of(),
)


@pytest.mark.parametrize(
    ("place", "instead", "reason"),
    [
        (
            0,
            [Unflatten.of(2, 4, 9), Flatten.of(), Linear.of(ones(2, 72)), ArgMax.of()],
            "unflatten to (2, 4, 9) where the agreement has unflatten to (2, 6, 6)",
        ),
        (0, [ReLU.of(), HONEST[0]], "relu to (72,) where the agreement has unflatten"),
        (
            1,
            [Conv2d.of(ones(3, 2, 5, 5), padding=2)],
            "by windows of (5, 5) with stride (1, 1) and padding (2, 2) where the agreement has conv2d to (3, 6, 6) by "
            "windows of (3, 3) with stride (1, 1) and padding (1, 1)",
        ),
        (1, [Conv2d.of(ones(7, 2, 3, 3), padding=1), Conv2d.of(ones(3, 7, 1, 1))], "conv2d to (7, 6, 6)"),
        (1, [HONEST[1], ReLU.of(), Conv2d.of(ones(3, 3, 3, 3), padding=1)], "conv2d to (3, 6, 6) by windows"),
        (1, [ReLU.of(), HONEST[1]], "relu to (2, 6, 6) where the agreement has conv2d"),
        (2, [Square.of()], "square to (3, 6, 6) where the agreement has relu"),
        (3, [MaxPool.of(2)], "max_pool to (3, 3, 3) by windows of (2, 2)"),
        (3, [AveragePool.of(1, stride=2)], "by windows of (1, 1) with stride (2, 2) and padding (0, 0) where"),
        (4, [Normalise.affine(ones(3, 3, 3) * np.arange(27).reshape(3, 3, 3), 0), HONEST[4]], "normalise to (3, 3, 3)"),
        (6, [MaxPool.of(2, stride=1)], "with stride (1, 1) and padding (0, 0) where the agreement has max_pool"),
        (10, [Linear.of(ones(4000, 4)), ReLU.of(), Linear.of(ones(5, 4000))], "linear to (4000,) where"),
        (11, [Sigmoid.of()], "sigmoid to (5,) where the agreement has relu to (5,)"),
        (13, [], "no layer where the agreement has sigmoid to (1,)"),
        (13, [Sigmoid.of(), ReLU.of()], "relu to (1,) where the agreement has no layer"),
        (12, [Linear.of(ones(2, 5)), ArgMax.of()], "linear to (2,) where the agreement has linear to (1,)"),
    ],
)
def test_a_convolutional_model_of_other_layers_than_agreed_is_refused(world, cnn, place, instead, reason):
    rest = [] if instead and instead[-1].kind is ArgMax else HONEST[place + 1 :]
    graph = Graph.build([*HONEST[:place], *instead, *rest], np.zeros(72), 1)
    data = world.sealed(but(cnn, graph=graph.to_bytes()))
    assert verify(data).holds
    with pytest.raises(FormatError, match=re.escape(reason)):
        Bundle.decode(data).open(world.identities["ash"])


def test_the_layers_that_are_exchanged_above_are_those_agreed_on(world, cnn):
    data = world.sealed(but(cnn, graph=Graph.build(HONEST, np.zeros(72), 1).to_bytes()))
    assert Bundle.decode(data).open(world.identities["ash"]).output_shape == (1,)


def test_a_model_of_torch_code_may_have_any_layers_between_the_agreed_ends(world, tmp_path):
    own = of_images(world, tmp_path / "study", TORCH)

    def opened(layers, high=1.0, features=72):
        graph = Graph.build(layers, np.zeros(features), high)
        return Bundle.decode(world.sealed(but(own, graph=graph.to_bytes()))).open(world.identities["ash"])

    assert len(opened(HONEST).layers) == len(HONEST)
    assert len(opened([Linear.of(ones(9, 72)), *[ReLU.of()] * 7, Linear.of(ones(1, 9))]).layers) == 9
    for layers, rest, reason in (
        ([Linear.of(ones(2, 72))], {}, "gives (2,), but the agreement's takes (72,) and gives (1,)"),
        ([Linear.of(ones(1, 71))], {"features": 71}, "takes rows of shape (71,)"),
        (HONEST, {"high": 2.0}, "range of inputs is not the agreement's"),
    ):
        with pytest.raises(FormatError, match=re.escape(reason)):
            opened(layers, **rest)
