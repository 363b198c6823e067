"""Accuracy proofs: complete on all sorts of models and sets, and refused for everything that is not so."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import ArgMax, Graph, Linear, Sigmoid
from tacit.graph.fixed import Ints
from tacit.proofs.argument.prover import Opened
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import Words
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.plan import Witness
from tacit.proofs.statements import accuracy, proving, statement
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.values import Values

from ..dataset.sets import (
    Parts,
    altered,
    arrays,
    cheat,
    committed_set,
    describe,
    public_set,
    put_limb,
    refused,
    unchecked,
)
from ..models import MODES, accepted, committed, dense, graph_of, rows_for

RNG = np.random.default_rng(7)


def logit(bias: float = 0.0) -> Linear:
    return Linear.of(RNG.normal(size=(1, 4)), [bias])


GRAPHS = {
    "scores of two classes": (dense([4, 3, 2]), 2),
    "scores of five classes": (dense([4, 6, 5]), 5),
    "a probability": (graph_of([logit(), Sigmoid.of()], (4,)), 2),
    "a margin": (graph_of([logit()], (4,)), 2),
    "a class": (graph_of([Linear.of(RNG.normal(size=(3, 4)), RNG.normal(size=3)), ArgMax.of()], (4,)), 3),
}


def numbers(count: int, spread: int, seed: int = 0) -> tuple[Graph, Parts]:
    """A regression, and labels that are off by -spread to spread units."""
    graph = dense([4, 3, 1], seed)
    rows, rng = rows_for(graph, count, seed), np.random.default_rng(seed)
    off = rng.integers(-spread, spread + 1, count)
    return graph, {"rows": rows, "labels": graph.evaluate(rows)[:, 0] + off, "groups": off & 0}


def case(uses: int, wrong: int = 2, count: int = 5) -> tuple[CommittedModel, CommittedSet]:
    """A model that is right on all but `wrong` rows."""
    graph = dense([4, 3, 2])
    return committed(graph, uses), committed_set(graph, arrays(graph, count, wrong=wrong), uses)


def proved(model: CommittedModel, data: CommittedSet, least: int, tolerance: Fraction | None = None) -> bool:
    claim = Accuracy(model.commitment, data.commitment, least, tolerance)
    proof = proving.prove(claim, model, data)
    return accepted(Accuracy(model.commitment, data.commitment, least, tolerance), proof)


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_model_is_right_where_the_graph_s_own_decision_is_the_label(name: str, uses: int) -> None:
    graph, classes = GRAPHS[name]
    parts = arrays(graph, 9, wrong=2)
    model, data = committed(graph, 2 * uses), committed_set(graph, parts, 2 * uses, classes)
    assert proved(model, data, 7)
    with pytest.raises(ProofError, match="fewer than 8 of the 9"):
        proved(model, data, 8)
    claim = Accuracy(model.commitment, public_set(graph, parts, classes), 7)
    assert accepted(claim, proving.prove(claim, model))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=2),
    classes=st.integers(2, 5),
    count=st.integers(1, 9),
    data=st.data(),
    fraction_bits=st.sampled_from([8, 13, 16]),
    uses=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_any_share_of_right_rows_can_be_proved(
    sizes: list[int], classes: int, count: int, data: st.DataObject, fraction_bits: int, uses: int, seed: int
) -> None:
    graph = dense([*sizes, classes], seed, fraction_bits=fraction_bits)
    wrong = data.draw(st.integers(0, count - 1))
    secret = committed_set(graph, arrays(graph, count, wrong=wrong, seed=seed), uses, classes)
    assert proved(committed(graph, uses), secret, data.draw(st.integers(1, count - wrong)))


@pytest.mark.parametrize("fraction_bits", [8, 9, 12, 16, 20])
def test_a_probability_of_one_half_and_its_neighbours_are_decided_as_the_graph_does(fraction_bits: int) -> None:
    graph = graph_of([Linear.of([[1.0]], [0.0]), Sigmoid.of()], (1,), fraction_bits=fraction_bits)
    rows = np.arange(-6, 7).reshape(-1, 1)
    labels = graph.decide(graph.evaluate(rows))
    assert 0 < labels.sum() < len(labels)
    data = committed_set(graph, {"rows": rows, "labels": labels, "groups": labels}, 0)
    assert proved(committed(graph, 0), data, len(rows))


def test_the_first_of_equal_scores_is_the_class_and_the_second_is_not() -> None:
    graph = graph_of([Linear.of([[1.0], [1.0], [0.5]], [0.0, 0.0, 0.0])], (1,))
    rows = np.full((3, 1), 100)
    model = committed(graph, 0)
    for label in (0, 1):
        parts = {"rows": rows, "labels": np.full(3, label), "groups": np.zeros(3, dtype=np.int64)}
        data = committed_set(graph, parts, 0, 3)
        if label == 0:
            assert proved(model, data, 3)
        else:
            with pytest.raises(ProofError, match="fewer than 1"):
                proved(model, data, 1)


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("spread", [0, 5])
def test_numbers_are_right_up_to_the_tolerance_and_no_unit_more(spread: int, uses: int) -> None:
    graph, parts = numbers(11, spread)
    off = np.abs(parts["labels"] - graph.evaluate(parts["rows"])[:, 0])
    model, data = committed(graph, 3 * uses), committed_set(graph, parts, 3 * uses, 0)
    for units in {spread, int(off.max()) - 1} - {-1}:
        right = int((off <= units).sum())
        assert proved(model, data, right, Fraction(units, 256))
        assert proved(model, data, right, Fraction(2 * units + 1, 512))  # less than a unit more changes nothing


@pytest.mark.parametrize("uses", MODES)
def test_one_row_can_be_claimed_and_none_cannot(uses: int) -> None:
    model, data = case(uses, wrong=0, count=1)
    assert proved(model, data, 1)
    with pytest.raises(ProofError, match="of 1 rows 1 to 1 can be claimed"):
        proved(model, data, 0)
    model, data = case(uses, wrong=5)
    with pytest.raises(ProofError, match="fewer than 1 of the 5 rows"):
        proved(model, data, 1)


def false_claim(uses: int = 0) -> tuple[CommittedModel, CommittedSet, Accuracy]:
    """A claim that is one row too high: 4 of 5, where 3 are right."""
    model, data = case(uses)
    return model, data, Accuracy(model.commitment, data.commitment, 4)


def judged(right: list[int], surplus: int = 0) -> object:
    def judge(values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        values.put(accuracy.RIGHT, np.array(right))
        values.put(accuracy.SURPLUS, np.array([surplus]))

    return judge


def test_a_wrong_row_that_is_counted_is_refused() -> None:
    model, data, claim = false_claim()
    proof = cheat(claim, model, data, judge=judged([0, 1, 1, 1, 1]))  # type: ignore[arg-type]
    assert "accuracy: right rows" in refused(claim, proof)


def test_a_negative_surplus_is_refused_by_the_lookup() -> None:
    model, data, claim = false_claim()

    def alter(witness: Words, plan: Witness) -> None:
        put_limb(witness, plan, accuracy.SURPLUS, 0, -1)

    proof = cheat(claim, model, data, judge=judged([0, 0, 1, 1, 1]), alter=alter)  # type: ignore[arg-type]
    assert "lookup" in refused(claim, proof)


def test_a_count_that_is_not_that_of_the_rows_is_refused() -> None:
    model, data, claim = false_claim()
    proof = cheat(claim, model, data, judge=judged([0, 0, 1, 1, 1]))  # type: ignore[arg-type]
    assert "claims on the witness" in refused(claim, proof)


def test_a_row_that_is_counted_twice_is_refused_by_the_lookup() -> None:
    model, data, claim = false_claim()

    def alter(witness: Words, plan: Witness) -> None:
        put_limb(witness, plan, accuracy.RIGHT, 4, 2)

    proof = cheat(claim, model, data, judge=judged([0, 0, 1, 1, 1]), alter=alter)  # type: ignore[arg-type]
    assert "lookup" in refused(claim, proof)


def test_right_rows_in_the_filling_do_not_count() -> None:
    model, data, claim = false_claim()

    def alter(witness: Words, plan: Witness) -> None:
        put_limb(witness, plan, accuracy.RIGHT, 6, 1)

    proof = cheat(claim, model, data, judge=judged([0, 0, 1, 1, 1]), alter=alter)  # type: ignore[arg-type]
    assert "claims on the witness" in refused(claim, proof)


@pytest.mark.parametrize("uses", MODES)
def test_in_zero_knowledge_a_cheat_is_refused_too(uses: int) -> None:
    model, data, claim = false_claim(uses)
    assert refused(claim, cheat(claim, model, data, judge=judged([0, 1, 1, 1, 1])))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [accuracy.OVER, accuracy.UNDER])
def test_a_number_outside_the_tolerance_that_is_counted_is_refused(name: str) -> None:
    graph, parts = numbers(4, 0)
    parts["labels"][2] += 4 if name == accuracy.UNDER else -4  # off = -4 or 4
    model, data = committed(graph, 0), committed_set(graph, parts, 0, 0)
    claim = Accuracy(model.commitment, data.commitment, 4, Fraction(3, 256))

    def judge(values: Values, predicted: Ints, given: Mapping[str, Ints]) -> None:
        off = predicted - given["labels"]
        values.put(accuracy.RIGHT, np.ones(4, dtype=np.int64))
        values.put(accuracy.SURPLUS, np.zeros(1, dtype=np.int64))
        values.put(accuracy.OVER, np.maximum(3 + off, 0))
        values.put(accuracy.UNDER, np.maximum(3 - off, 0))

    def alter(witness: Words, plan: Witness) -> None:
        off = 4 if name == accuracy.OVER else -4
        put_limb(witness, plan, accuracy.OVER, 2, 3 + off)
        put_limb(witness, plan, accuracy.UNDER, 2, 3 - off)

    assert "lookup" in refused(claim, cheat(claim, model, data, judge=judge, alter=alter))
    assert "accuracy: right rows" in refused(claim, cheat(claim, model, data, judge=_capped))


def _capped(values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
    """All rows are counted, and what is over the tolerance is left out."""
    off = np.clip(predicted - parts["labels"], -3, 3)
    values.put(accuracy.RIGHT, np.ones(4, dtype=np.int64))
    values.put(accuracy.SURPLUS, np.zeros(1, dtype=np.int64))
    values.put(accuracy.OVER, 3 + off)
    values.put(accuracy.UNDER, 3 - off)


def test_the_two_parts_of_the_tolerance_must_add_up() -> None:
    graph, parts = numbers(4, 0)
    parts["labels"][2] -= 4
    model, data = committed(graph, 0), committed_set(graph, parts, 0, 0)
    claim = Accuracy(model.commitment, data.commitment, 4, Fraction(3, 256))

    def judge(values: Values, predicted: Ints, given: Mapping[str, Ints]) -> None:
        _capped(values, predicted, given)
        values.put(accuracy.OVER, 3 + predicted - given["labels"])

    assert "claims on the witness" in refused(claim, cheat(claim, model, data, judge=judge))


@pytest.mark.parametrize("part", ["rows", "labels"])
def test_a_set_that_was_changed_after_its_commitment_is_refused(part: str) -> None:
    """The prover has another label, or another row, than it has committed to; its proof is consistent otherwise."""
    model, data = case(0)
    parts = {name: values.copy() for name, values in data.parts.items()}
    if part == "labels":
        parts["labels"][0] = 1 - parts["labels"][0]
    else:
        parts["rows"][0] = parts["rows"][4]
    changed = unchecked(model.graph, parts, 0)
    claim = Accuracy(model.commitment, data.commitment, 3)
    proof = cheat(claim, model, changed, opened=Opened(changed.opened.values, data.opened.matrix))
    assert "the set" in refused(claim, proof)


@pytest.mark.parametrize("uses", MODES)
def test_a_proof_is_of_its_own_model_set_claim_and_context_alone(uses: int) -> None:
    graph = dense([4, 3, 2])
    model, other = committed(graph, uses), committed(dense([4, 3, 2], 1), uses)
    parts = arrays(graph, 5, wrong=2)
    data, shorter = committed_set(graph, parts, uses), committed_set(graph, arrays(graph, 5, wrong=1), uses)
    claim = Accuracy(model.commitment, data.commitment, 3)
    proof = proving.prove(claim, model, data, context=b"nonce")
    statement.verify(claim, proof, context=b"nonce")
    with pytest.raises(ProofError):
        statement.verify(claim, proof, context=b"other")
    for wrong in (
        Accuracy(model.commitment, data.commitment, 2),
        Accuracy(model.commitment, shorter.commitment, 3),
        Accuracy(other.commitment, data.commitment, 3),
        Accuracy(model.commitment, public_set(graph, parts), 3),
    ):
        with pytest.raises(ProofError):
            statement.verify(wrong, proof, context=b"nonce")


def test_a_proof_is_of_its_own_tolerance_and_public_set_alone() -> None:
    graph, parts = numbers(5, 3)
    model = committed(graph, 0)
    claim = Accuracy(model.commitment, public_set(graph, parts, 0), 5, Fraction(3, 256))
    proof = proving.prove(claim, model)
    assert not refused(claim, proof)
    assert refused(Accuracy(model.commitment, public_set(graph, parts, 0), 5, Fraction(2, 256)), proof)
    assert refused(Accuracy(model.commitment, public_set(graph, parts, 0), 5, Fraction(4, 256)), proof)
    parts["labels"] = parts["labels"] + 1
    assert refused(Accuracy(model.commitment, public_set(graph, parts, 0), 5, Fraction(3, 256)), proof)


def test_the_instance_binds_the_claim_and_the_public_set() -> None:
    graph, parts = numbers(5, 3)
    model = committed(graph, 0)
    changed = [{**parts, name: parts[name].copy()} for name in ("rows", "labels", "groups")]
    changed[0]["rows"][1, 1] ^= 1
    changed[1]["labels"][1] += 1
    changed[2]["groups"][1] ^= 1
    claims = [
        Accuracy(model.commitment, public_set(graph, parts, 0), least, Fraction(units, 256))
        for least, units in ((4, 3), (3, 3), (4, 2))
    ]
    claims += [Accuracy(model.commitment, public_set(graph, each, 0), 4, Fraction(3, 256)) for each in changed]
    assert len({claim.instance() for claim in claims}) == 6


@pytest.mark.parametrize("count", [40, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["scores of five classes", "a probability"])
def test_every_message_that_is_altered_is_refused(name: str, count: int | None) -> None:
    graph, classes = GRAPHS[name]
    model, data = committed(graph, 0), committed_set(graph, arrays(graph, 5, wrong=1), 0, classes)
    claim = Accuracy(model.commitment, data.commitment, 3)
    for proof in altered(claim, proving.prove(claim, model, data), count):
        assert refused(claim, proof)


@pytest.mark.parametrize("uses", MODES)
def test_a_flipped_bit_is_refused(uses: int) -> None:
    model, data = case(uses)
    claim = Accuracy(model.commitment, data.commitment, 3)
    proof = proving.prove(claim, model, data)
    rng = np.random.default_rng(uses)
    for place in rng.choice(len(proof), 40, replace=False).tolist():
        changed = bytearray(proof)
        changed[place] ^= 1 << int(rng.integers(8))
        assert refused(claim, bytes(changed)), place


def test_claims_that_cannot_be_are_refused_before_any_work() -> None:
    graph, parts = numbers(3, 0)
    model, data = committed(graph, 0), committed_set(graph, parts, 0, 0)
    with pytest.raises(ProofError, match="need a tolerance"):
        Accuracy(model.commitment, data.commitment, 1)
    with pytest.raises(ProofError, match="negative"):
        Accuracy(model.commitment, data.commitment, 1, Fraction(-1))
    with pytest.raises(ProofError, match="over 2"):
        Accuracy(model.commitment, data.commitment, 1, Fraction(2**40))
    classes = committed_set(graph, {**parts, "labels": parts["groups"]}, 0)
    with pytest.raises(ProofError, match="classes have none"):
        Accuracy(model.commitment, classes.commitment, 1, Fraction(1))
    with pytest.raises(ProofError, match="3 classes apart, and the set's labels are of 2"):
        Accuracy(committed(dense([4, 3]), 0).commitment, classes.commitment, 1)
    with pytest.raises(ProofError, match="a single number is needed"):
        Accuracy(committed(dense([4, 3]), 0).commitment, data.commitment, 1, Fraction(1))
    with pytest.raises(ProofError, match="some hide and some do not"):
        Accuracy(committed(graph, 2).commitment, classes.commitment, 1)
    with pytest.raises(ProofError, match="takes rows of shape"):
        Accuracy(committed(dense([3, 2]), 0).commitment, classes.commitment, 1)


def test_a_set_of_a_wider_range_than_the_model_s_is_refused() -> None:
    narrow = Graph.build([Linear.of([[1.0]], [0.0])], -0.5, 0.5, input_shape=(1,), fraction_bits=8)
    wide = graph_of([Linear.of([[1.0]], [0.0])], (1,))
    data = committed_set(wide, arrays(wide, 3), 0)
    with pytest.raises(ProofError, match="outside the range that the model is for"):
        Accuracy(committed(narrow, 0).commitment, data.commitment, 1)
    assert describe(wide, 3, 2).low == (-256,)


def test_the_sentence_says_the_claim_and_what_it_does_not_say() -> None:
    model, data = case(0)
    sentence = Accuracy(model.commitment, data.commitment, 3).sentence()
    assert "at least 3 of the 5 rows" in sentence
    assert model.commitment.root.hex()[:16] in sentence
    assert data.commitment.root.hex()[:16] in sentence
    assert "does not say where the rows come from" in sentence
    graph, parts = numbers(3, 0)
    claim = Accuracy(committed(graph, 0).commitment, public_set(graph, parts, 0), 1, Fraction(1, 4))
    assert "off by at most 0.25" in claim.sentence()
    assert "the public set" in claim.sentence()


def test_the_shown_soundness_is_at_least_100_bits() -> None:
    for uses in MODES:
        model, data = case(uses)
        claim = Accuracy(model.commitment, data.commitment, 3)
        assert claim.soundness().bits >= 100
        assert any("the set" in line for line in claim.soundness().lines())
