"""Every relation of every layer with a rescaling: a prover who keeps all others and breaks this one is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import AveragePool, Conv2d, FloatLayer, Graph, Linear, ReLU, Sigmoid, Square, Tanh
from tacit.proofs.field import Words
from tacit.proofs.layers.proving import Proving
from tacit.proofs.lookup.table import Table

from ..models import graph_of, rows_for
from .unbound import Unbound

RNG = np.random.default_rng(5)
IMAGE, VECTOR = (1, 4, 4), (5,)
LAYERS: dict[str, tuple[FloatLayer, tuple[int, ...]]] = {
    "linear": (Linear.of(RNG.normal(size=(3, 5)), RNG.normal(size=3), name="x"), VECTOR),
    "conv2d": (Conv2d.of(RNG.normal(size=(2, 1, 2, 2)), RNG.normal(size=2), name="x"), IMAGE),
    "average_pool": (AveragePool.of((2, 2), name="x"), IMAGE),
    "square": (Square.of(name="x"), VECTOR),
    "sigmoid": (Sigmoid.of(name="x"), VECTOR),
    "tanh": (Tanh.of(name="x"), VECTOR),
}


def alone(kind: str) -> Graph:
    layer, shape = LAYERS[kind]
    return graph_of([layer], shape)


@pytest.mark.parametrize("kind", LAYERS)
def test_an_honest_prover_is_accepted(kind: str) -> None:
    graph = alone(kind)
    assert Unbound(graph, rows_for(graph, 2)).accepted()


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("whose", ["its own", "an honest prover's"])
def test_an_output_one_unit_off_is_refused_whatever_messages_go_with_it(kind: str, whose: str) -> None:
    """With its own messages the product does not fit; with an honest prover's, what is committed does not."""
    graph = alone(kind)
    rows = rows_for(graph, 2)
    honest = Unbound(graph, rows)
    wrong = honest.claim.outputs.copy()
    wrong.flat[0] -= 1 if wrong.flat[0] > 0 else -1
    liar = Unbound(graph, rows, wrong)
    liar.say("x", wrong)
    assert not liar.accepted(layers_of=None if whose == "its own" else honest)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_remainder_one_off_is_refused_whatever_messages_go_with_it(kind: str) -> None:
    graph = alone(kind)
    honest, liar = (Unbound(graph, rows_for(graph, 2)) for _ in range(2))

    def alter(witness: Words) -> None:
        digit = liar.limbs(witness, "x/remainder")
        digit.flat[0] = digit.flat[0] ^ np.uint64(1)

    liar.changes.append(alter)
    assert not liar.accepted()
    assert not liar.accepted(layers_of=honest)


@pytest.mark.parametrize("kind", LAYERS)
def test_both_parts_of_an_output_that_a_relu_reads_are_fixed(kind: str) -> None:
    """Both parts one more: the difference is right, and the relation holds, but max(x, 0) would be one more."""
    layer, shape = LAYERS[kind]
    graph = graph_of([layer, ReLU.of(name="r")], shape)
    rows = rows_for(graph, 2)
    prover = Unbound(graph, rows)
    assert prover.accepted()
    plan, vector = prover.claim.planning.witness, prover.values.vector()
    tables = [prover.limbs(vector, f"x/{part}") for part in ("positive", "negative")]
    room = np.argwhere((tables[0] + 1 < 1 << plan.digit_bits) & (tables[1] + 1 < 1 << plan.digit_bits))
    place = next(tuple(at) for at in room if (np.array(at) < (2, *graph.output_shape)).all())
    wrong = prover.claim.outputs.copy()
    wrong[place] += 1
    if abs(int(wrong[place])) >> prover.claim.architecture.steps[-1].bits:
        wrong[place] -= 1
    liar = Unbound(graph, rows, wrong)

    def alter(witness: Words) -> None:
        for part in ("positive", "negative"):
            liar.limbs(witness, f"x/{part}")[place] += np.uint64(1)

    liar.changes.append(alter)
    assert not liar.accepted()


class Elsewhere:
    """Makes a prover look up other rows of its table, and other multiplicities, than those committed."""

    def __init__(self, prover: Unbound, monkeypatch: pytest.MonkeyPatch) -> None:
        vector, columns = prover.values.vector(), prover.claim.planning.witness.columns()
        tables = {name: prover.table(vector, block).copy() for name, block in columns.items()}
        looked_up = Proving.lookup

        def lookup(proving: Proving, table: Table, given: list[Words], multiplicities: Words) -> None:
            if table.width > 1:
                given = [tables[f"x/{key}"] for key in ("index", "c0", "c1", "c2")]
                multiplicities = tables["x/counts"]
            looked_up(proving, table, given, multiplicities)

        monkeypatch.setattr(Proving, "lookup", lookup)


def smooth() -> Unbound:
    graph = alone("sigmoid")
    return Unbound(graph, rows_for(graph, 2))


def test_the_lookup_is_about_the_committed_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """c0 is one more and so is the remainder: all else holds, and the row that is looked up is in the table."""
    liar = smooth()
    Elsewhere(liar, monkeypatch)
    plan = liar.claim.planning.witness
    places = np.argwhere(liar.limbs(liar.values.vector(), "x/remainder") + 1 < 1 << plan.digit_bits)
    place = next(tuple(at) for at in places if at[0] < 2 and at[1] < 5)

    def alter(witness: Words) -> None:
        liar.limbs(witness, "x/remainder")[place] += np.uint64(1)
        column = liar.table(witness, plan.columns()["x/c0"]).reshape(2, 8)
        column[place] += np.uint64(1)

    assert liar.accepted()
    liar.changes.append(alter)
    assert not liar.accepted()


def test_the_table_s_multiplicities_are_the_committed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    liar = smooth()
    Elsewhere(liar, monkeypatch)

    def alter(witness: Words) -> None:
        liar.table(witness, liar.claim.planning.witness.columns()["x/counts"])[3] += np.uint64(1)

    liar.changes.append(alter)
    assert not liar.accepted()
