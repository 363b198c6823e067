"""Maxima of windows: what the graph computes is proved, in both modes, and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Conv2d, Flatten, Graph, Linear, MaxPool, ReLU
from tacit.proofs.field import ONE, ZERO
from tacit.proofs.layers import digits
from tacit.proofs.layers.max_pool import MaxPool as Layer
from tacit.proofs.layers.proving import Proving
from tacit.proofs.plan import Planning
from tacit.proofs.statements.inference import Inference
from tacit.proofs.tensors import public

from ..models import MODES, committed, graph_of, honest, rows_for
from .unbound import Unbound

SIDES = st.integers(1, 6)


def pool(shape: tuple[int, int, int], size: tuple[int, int], **options: object) -> Graph:
    return graph_of([MaxPool.of(size, **options)], shape)  # type: ignore[arg-type]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data(), uses=st.sampled_from(MODES))
def test_pools_of_every_geometry_can_be_proved(data, uses):
    shape = (data.draw(st.integers(1, 3)), data.draw(SIDES), data.draw(SIDES))
    size = tuple(data.draw(st.integers(1, min(3, side))) for side in shape[1:])
    padding = tuple(data.draw(st.integers(0, side // 2)) for side in size)
    graph = pool(shape, size, stride=data.draw(st.integers(1, 3)), padding=padding)
    assert honest(graph, rows_for(graph, data.draw(st.integers(1, 3))), uses)


@pytest.mark.parametrize("uses", MODES)
def test_values_at_the_ends_of_the_range_and_equal_ones(uses):
    graph = pool((1, 4, 4), (2, 2), padding=(1, 1))
    bounds = graph.bounds["input"]
    rows = np.stack([bounds.low, bounds.high, np.zeros_like(bounds.low)])
    assert honest(graph, rows, uses)


@pytest.mark.parametrize("uses", MODES)
def test_a_pool_inside_a_network_can_be_proved(uses):
    rng = np.random.default_rng(1)
    layers = [
        Conv2d.of(rng.normal(size=(3, 1, 3, 3)), rng.normal(size=3)),
        MaxPool.of(2),
        ReLU.of(),
        Flatten.of(),
        Linear.of(rng.normal(size=(2, 3 * 2 * 2)), rng.normal(size=2)),
    ]
    graph = graph_of(layers, (1, 6, 6))
    assert honest(graph, rows_for(graph, 2), uses)


def liar_about(change: int, padding: tuple[int, int] = (0, 0)) -> Unbound:
    """A prover who says another greatest value of one window, and differences to go with it where those are digits."""
    graph = pool((1, 4, 4), (2, 2), padding=padding)
    rows = rows_for(graph, 1)
    wrong = graph.evaluate(rows)
    wrong[0, 0, 0, 0] += change
    liar = Unbound(graph, rows, wrong)
    (name,) = (layer.name for layer in graph.layers)
    liar.say(name, wrong)
    return liar


def shift(liar: Unbound, change: int, places: range) -> None:
    """Move the differences of the first window as its value was moved."""
    (layer,) = liar.claim.forward.layers
    name = layer.step.name
    below = liar.values._limbs
    for place in places:
        moved = below[f"{name}/below/{place}"].copy()
        moved[0, 0, 0, 0] += change
        liar.values.put(f"{name}/below/{place}", moved)


@pytest.mark.parametrize("change", [1, -1, 7])
def test_another_value_is_rejected(change):
    assert not liar_about(change).accepted()


class Replaced:
    """A sender whose first message is another."""

    def __init__(self, inner, first):
        self.inner, self.first, self.said = inner, first, []

    def send(self, values):
        self.said.append(list(values))
        self.inner.send(self.first if self.first and len(self.said) == 1 else values)

    def challenge(self):
        return self.inner.challenge()


@pytest.mark.parametrize("change", [1, -1])
def test_another_value_is_rejected_with_the_true_sum_of_the_inputs_too(change):
    """The sum that its own differences would have is then only claimed of them."""
    heard = []

    def listening(sender):
        heard.append(Replaced(sender, None))
        return heard[0]

    assert liar_about(0).accepted(listening)
    assert not liar_about(change).accepted(lambda sender: Replaced(sender, heard[0].said[0]))


@pytest.mark.parametrize("padding", [(0, 0), (1, 1)])
def test_a_value_above_all_elements_is_rejected(padding):
    """All differences fit, but none is zero."""
    liar = liar_about(3, padding)
    shift(liar, 3, range(4))
    assert not liar.accepted()


class Liar:
    """A sender whose last partial product fits the claim that the sumcheck of the products ends with."""

    def __init__(self, inner, layer, image):
        self.inner, self.layer, self.places = inner, layer, len(layer.below)
        self.start = 1 + image  # sends before that sumcheck
        self.times, self.drawn, self.claim, self.values, self.said = 0, [], ZERO, [], []

    def send(self, values):
        values, end = list(values), self.start + self.layer.axes.variables
        if self.times == end + self.places - 1:  # after the differences but for the last
            last = self.layer.below[-1]
            values = [self.claim * self.final(last).inverse()]
        self.times, self.values = self.times + 1, values
        self.inner.send(values)

    def challenge(self):
        self.drawn.append(self.inner.challenge())
        variables = self.layer.axes.variables
        if self.start < self.times <= self.start + variables:
            power = ONE
            for coefficient in self.values:
                power = power * self.drawn[-1]
                self.claim = self.claim + coefficient * (power - self.tau[self.times - self.start - 1])
        return self.drawn[-1]

    @property
    def at(self):
        return tuple(self.drawn[-self.layer.axes.variables :])

    @property
    def tau(self):
        """Drawn before this sumcheck, of which as many rounds are over as there were messages since."""
        rounds, variables = self.times - self.start, self.layer.axes.variables
        return tuple(self.drawn[: len(self.drawn) - rounds][-variables:])


def test_a_partial_product_that_fits_is_rejected():
    graph = pool((1, 2, 6), (1, 3))
    rows = rows_for(graph, 1)
    liar = Unbound(graph, rows, graph.evaluate(rows) + 3)
    (layer,) = liar.claim.forward.layers
    liar.say(layer.step.name, graph.evaluate(rows) + 3)
    for place in range(3):
        liar.values.put(f"{layer.step.name}/below/{place}", liar.values._limbs[f"{layer.step.name}/below/{place}"] + 3)
    vector = liar.values.vector()

    def lying(sender):
        lie = Liar(sender, layer, image=4)
        lie.final = lambda below: Proving(sender, liar.values, [vector]).value(below.at(lie.at))
        return lie

    assert not liar.accepted(lying)


def test_the_least_value_that_padding_stands_for_never_wins():
    """A window that reads padding may not have it as its greatest value: its difference would be the zero."""
    graph = pool((1, 2, 2), (2, 2), padding=(1, 1))
    rows = rows_for(graph, 1)
    bits = committed(graph, 0).commitment.architecture.steps[0].bits
    wrong = graph.evaluate(rows)
    wrong[0, 0, 0, 0] = -(1 << bits) + 1
    liar = Unbound(graph, rows, wrong)
    (name,) = (layer.name for layer in graph.layers)
    liar.say(name, wrong)
    assert not liar.accepted()


def test_an_element_that_is_greater_cannot_be_left_out():
    """The value of a lesser element: its difference is zero, and that of the greatest is no digit."""
    graph = pool((1, 2, 2), (2, 2))
    rows = np.array([[[[5, 9], [3, 1]]]])
    assert Unbound(graph, rows).accepted()
    wrong = np.array([[[[5]]]])
    liar = Unbound(graph, rows, wrong)
    (name,) = (layer.name for layer in graph.layers)
    liar.say(name, wrong)

    def differences(witness):
        for place, below in enumerate((0, -4, 2, 4)):
            for digit in liar.claim.planning.witness.digits(f"{name}/below/{place}"):
                cell = liar.table(witness, digit.block)
                cell[0] = (below % (2**64 - 2**32 + 1)) if digit.place == 0 else 0

    liar.changes.append(differences)
    assert not liar.accepted()


def test_what_is_no_pool_is_refused_before_any_work():
    architecture = committed(pool((1, 9, 9), (2, 2)), 0).commitment.architecture
    step = architecture.steps[0]
    image = public((1, 9, 9), np.zeros((1, 1, 9, 9), dtype=np.int64))
    for options, message in (
        ({"size": (9, 8)}, "more than 64"),
        ({"size": (10, 1)}, "do not fit"),
        ({"stride": (0, 1)}, "windows slide"),
        ({"padding": (2, 0)}, "do not fit"),
    ):
        with pytest.raises(ProofError, match=message):
            Layer(msgspec.structs.replace(step, options=step.options | options), [image], Planning(architecture))
    with pytest.raises(ProofError, match="differences of"):
        Layer(msgspec.structs.replace(step, bits=62), [image], Planning(architecture))
    with pytest.raises(ProofError, match="no image"):
        Layer(step, [image.reshaped((81,))], Planning(architecture))


def test_challenges_of_a_product_of_many_places_count_for_all_values_that_they_let_pass() -> None:
    """The product of 9 places is of degree 9 in each variable: 3 bad values would be too few."""
    graph = pool((2, 6, 6), (3, 3))
    model = committed(graph, 0)
    claim = Inference(model.commitment, rows_for(graph, 1), graph.evaluate(rows_for(graph, 1)))
    variables = 1 + 1 + 1  # of two channels of 2 by 2 windows
    assert claim.lookups() - digits.unsound(claim.planning.witness) == 9 * variables + 3 + 3
