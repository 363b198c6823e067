"""Convolutions: what the graph computes is proved, in both modes, and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Conv2d, Flatten, Linear, ReLU
from tacit.graph.graph import Graph
from tacit.proofs import field
from tacit.proofs.layers.conv2d import Conv2d as Layer
from tacit.proofs.plan import Planning
from tacit.proofs.statements import proving
from tacit.proofs.sumcheck import verifier as sumcheck
from tacit.proofs.tensors import public

from ..models import MODES, accepted, committed, graph_of, honest, inference, rows_for
from .unbound import Unbound


def convolution(outputs: int, channels: int, size: tuple[int, int], seed: int = 1, **options: object) -> Conv2d:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(outputs, channels, *size))
    return Conv2d.of(weight, rng.normal(size=outputs), **options)  # type: ignore[arg-type]


def network(seed: int = 1) -> Graph:
    """Two convolutions, with channels that have filling between them, and a Linear layer."""
    rng = np.random.default_rng(seed)
    return graph_of(
        [
            convolution(3, 1, (3, 2), seed, padding=(1, 0)),
            ReLU.of(),
            convolution(2, 3, (2, 3), seed + 1, stride=(2, 1)),
            Flatten.of(),
            Linear.of(rng.normal(size=(2, 2 * 2 * 3)), None),
        ],
        (1, 5, 6),
    )


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    outputs=st.integers(1, 3),
    channels=st.integers(1, 3),
    side=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    padded=st.booleans(),
    rows=st.integers(1, 3),
    uses=st.sampled_from(MODES),
)
def test_a_convolution_can_be_proved(outputs, channels, side, size, stride, padded, rows, uses):
    padding = tuple((k - 1) * padded for k in size)
    graph = graph_of([convolution(outputs, channels, size, stride=stride, padding=padding)], (channels, *side))
    assert honest(graph, rows_for(graph, rows), uses)


@pytest.mark.parametrize("uses", MODES)
def test_convolutions_behind_one_another_can_be_proved(uses):
    graph = network()
    assert honest(graph, rows_for(graph, 2), uses)
    ends = np.stack([graph.bounds["input"].low, graph.bounds["input"].high])
    assert honest(graph, ends, uses)


def test_another_model_or_row_is_rejected():
    graph, other = network(1), network(2)
    rows = rows_for(graph, 1)
    model = committed(graph, 0)
    outputs = graph.evaluate(rows)
    proof = proving.prove(inference(model, rows), model)
    assert accepted(inference(model, rows, outputs), proof)
    elsewhere = rows.copy()
    elsewhere[0, 0, 0, 0] += 1
    assert not accepted(inference(model, elsewhere, outputs), proof)
    assert not accepted(inference(committed(other, 0), rows, outputs), proof)


def test_channels_in_the_filling_take_no_part():
    """A fourth channel beside three real ones that would, if it counted, add one to each output."""
    graph = graph_of([convolution(3, 1, (1, 1)), ReLU.of(), convolution(2, 3, (1, 2))], (1, 2, 3))
    rows = rows_for(graph, 1)
    first, _, second = (layer.name for layer in graph.layers)
    assert Unbound(graph, rows).accepted()
    liar = Unbound(graph, rows, graph.evaluate(rows) + 1)
    liar.say(second, graph.evaluate(rows) + 1)
    units = [1 << step.number("weight_bits") for step in liar.claim.model.architecture.steps if step.parameters]
    liar.parameter(first, "bias")[3] = units[0]
    liar.parameter(second, "weight")[:2, 3, 0, 0] = units[1]

    def fill(witness):
        liar.limbs(witness, f"{first}/positive")[0, 3, :2, :3] = 1

    liar.changes.append(fill)
    assert not liar.accepted()


class Liar:
    """A sender who says another sum than there is, and, if `reads`, another value of Z to go with it."""

    def __init__(self, inner, layer, lie, reads):
        self.inner, self.layer, self.lie, self.reads = inner, layer, lie, reads
        self.times, self.drawn, self.claim, self.values = 0, [], None, []

    def send(self, values):
        rounds, values = self.layer.places.variables, list(values)
        if self.times == 0:
            values = [values[0] + self.lie(tuple(self.drawn))]
            self.claim = values[0]
        if self.times == 3 + rounds and self.reads:
            values = [self.claim * self.values[0].inverse()]
        self.times, self.values = self.times + 1, values
        self.inner.send(values)

    def challenge(self):
        self.drawn.append(self.inner.challenge())
        if 2 < self.times <= 2 + self.layer.places.variables:
            start, *others = self.values
            self.claim = sumcheck.interpolate([start, self.claim - start, *others], self.drawn[-1])
        return self.drawn[-1]


@pytest.mark.parametrize("reads", [False, True])
def test_a_sum_that_fits_another_output_is_rejected(reads):
    """All outputs one higher, and the sum as high as they need; what is said after it is the truth, or fits it."""
    graph = graph_of([convolution(2, 1, (2, 3))], (1, 3, 4))
    rows = rows_for(graph, 2)
    wrong = graph.evaluate(rows) + 1
    liar = Unbound(graph, rows, wrong)
    liar.say(graph.layers[0].name, wrong)
    (layer,) = liar.claim.forward.layers
    unit = 1 << layer.step.number("weight_bits")
    assert not liar.accepted(lambda sender: Liar(sender, layer, lambda tau: layer.axes.indicator(tau) * unit, reads))


def test_places_in_the_filling_take_no_part():
    """Likewise weights at the fourth of three places of a window."""
    graph = graph_of([convolution(1, 1, (1, 3))], (1, 1, 8))
    rows = rows_for(graph, 1)
    rows[:] = 1
    liar = Unbound(graph, rows, graph.evaluate(rows) + 1)
    (name,) = (layer.name for layer in graph.layers)
    liar.say(name, graph.evaluate(rows) + 1)
    step = liar.claim.model.architecture.steps[0]
    liar.parameter(name, "weight")[0, 0, 0, 3] = 1 << step.number("weight_bits")
    assert not liar.accepted()


@pytest.mark.parametrize("change", [1, -1])
def test_an_output_that_is_one_off_is_rejected_whatever_is_committed(change):
    graph = graph_of([convolution(1, 1, (2, 2))], (1, 2, 3))
    rows = rows_for(graph, 1)
    wrong = graph.evaluate(rows)
    wrong[0, 0, 0, 1] += change
    liar = Unbound(graph, rows, wrong)
    liar.say(graph.layers[0].name, wrong)
    assert not liar.accepted()
    bits = liar.claim.model.architecture.steps[0].number("weight_bits")

    def shift(witness):
        """The remainder pays for it, out of its range."""
        for digit, part in enumerate(liar.claim.planning.witness.digits(f"{graph.layers[0].name}/remainder")):
            cell = liar.limbs(witness, f"{graph.layers[0].name}/remainder", digit)[0, 0, 0]
            if part.place <= bits - 1:
                cell[1] = (int(cell[1]) - change * 2 ** (bits - part.place)) % field.MODULUS if digit == 0 else cell[1]

    liar.changes.append(shift)
    assert not liar.accepted()


def test_each_byte_of_a_small_proof_counts():
    graph = graph_of([convolution(1, 1, (2, 2))], (1, 3, 3))
    rows = rows_for(graph, 1)
    model = committed(graph, 0)
    proof = proving.prove(inference(model, rows), model)
    assert accepted(inference(model, rows), proof)
    for place in range(0, min(len(proof), 1600), 7):
        changed = proof[:place] + bytes([proof[place] ^ 1]) + proof[place + 1 :]
        assert not accepted(inference(model, rows), changed)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("stride", (0, 1), "windows slide"),
        ("padding", (2, 0), "do not fit"),
        ("weight_bits", (0,), "bits of scale"),
    ],
)
def test_an_architecture_whose_options_make_no_convolution_is_refused_before_any_work(option, value, message):
    graph = graph_of([convolution(1, 1, (2, 2))], (1, 3, 3))
    step = committed(graph, 0).commitment.architecture.steps[0]
    changed = msgspec.structs.replace(step, options=step.options | {option: value})
    x = public((1, 3, 3), np.zeros((1, 1, 3, 3), dtype=np.int64))
    with pytest.raises(ProofError, match=message):
        Layer(changed, [x], Planning(committed(graph, 0).commitment.architecture))


def test_parameters_that_do_not_fit_the_input_are_refused():
    architecture = committed(graph_of([convolution(1, 2, (2, 2))], (2, 3, 3)), 0).commitment.architecture
    for shape in ((1, 3, 3), (18,), (2, 1, 3)):
        x = public(shape, np.zeros((1, *shape), dtype=np.int64))
        with pytest.raises(ProofError, match="cannot be proved"):
            Layer(architecture.steps[0], [x], Planning(architecture))
    x = public((2, 3, 3), np.zeros((1, 2, 3, 3), dtype=np.int64))
    for parameters in ({"weight": (1, 2, 2)}, {"bias": (2,)}, {"weight": (1, 2, 4, 1)}):
        changed = msgspec.structs.replace(
            architecture.steps[0], parameters=architecture.steps[0].parameters | parameters
        )
        with pytest.raises(ProofError, match="cannot be proved"):
            Layer(changed, [x], Planning(architecture))
