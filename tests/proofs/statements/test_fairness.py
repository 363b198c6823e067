"""Fairness proofs: the exact gap can be proved and no smaller one, whatever the groups, and cheats are refused."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, Sigmoid
from tacit.graph.fixed import Ints
from tacit.proofs.argument.prover import Opened
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import Element, Words, interpolation
from tacit.proofs.layers.proving import Proving
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.plan import Witness
from tacit.proofs.statements import fairness, proving, statement
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Fairness, Sizes
from tacit.proofs.values import Values

from ..dataset.sets import (
    Parts,
    altered,
    arrays,
    cheat,
    committed_set,
    gaps,
    public_set,
    put_limb,
    refused,
    unchecked,
    with_vector,
)
from ..models import MODES, accepted, committed, dense, graph_of

KINDS: list[type[Fairness]] = [DemographicParity, EqualisedOdds]


def balanced(graph: Graph, count: int = 13, seed: int = 0) -> Parts:
    """A set in which every group has rows of every label: row i of group i % 2, and of label i // 2 % 2."""
    number = np.arange(count)
    return {**arrays(graph, count, seed=seed), "groups": number % 2, "labels": number // 2 % 2}


def gap_of(kind: type[Fairness], graph: Graph, parts: Parts) -> Fraction:
    return gaps(graph.decide(graph.evaluate(parts["rows"])), parts)[kind is EqualisedOdds]


def claim_of(kind: type[Fairness], model: CommittedModel, data: CommittedSet, bound: Fraction) -> Fairness:
    return kind(model.commitment, data.commitment, bound, Sizes.of(data.parts, by_label=kind is EqualisedOdds))


def case(uses: int = 0, count: int = 13) -> tuple[CommittedModel, CommittedSet]:
    graph = dense([4, 3, 2], 3)
    return committed(graph, uses), committed_set(graph, balanced(graph, count), uses)


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_exact_gap_can_be_proved_and_a_bound_under_it_cannot(kind: type[Fairness], uses: int) -> None:
    model, data = case(uses)
    gap = gap_of(kind, model.graph, data.parts)
    assert 0 < gap < 1
    claim = claim_of(kind, model, data, gap)
    assert accepted(claim_of(kind, model, data, gap), proving.prove(claim, model, data))
    below = Fraction(int(gap * 2**20), 2**20)
    assert below < gap
    with pytest.raises(ProofError, match="over the bound"):
        proving.prove(claim_of(kind, model, data, below), model, data)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    count=st.integers(4, 17),
    seed=st.integers(0, 99),
    bits=st.data(),
    kind=st.sampled_from(KINDS),
    uses=st.sampled_from(MODES),
    hidden_set=st.booleans(),
)
def test_the_gaps_of_any_set_can_be_proved(
    count: int, seed: int, bits: st.DataObject, kind: type[Fairness], uses: int, hidden_set: bool
) -> None:
    graph = graph_of([Linear.of(np.random.default_rng(seed).normal(size=(1, 4)), [0.1]), Sigmoid.of()], (4,))
    columns = st.lists(st.integers(0, 1), min_size=count, max_size=count)
    parts = arrays(graph, count, seed=seed)
    parts |= {name: np.array(bits.draw(columns)) for name in ("labels", "groups")}
    assume(len(np.unique(2 * parts["labels"] + parts["groups"])) == 4)
    gap = gap_of(kind, graph, parts)
    assume(gap < 1)
    model, data = committed(graph, uses), committed_set(graph, parts, uses)
    sizes = Sizes.of(parts, by_label=kind is EqualisedOdds)
    secrets = (model, data) if hidden_set else (model,)
    claim = kind(model.commitment, data.commitment if hidden_set else public_set(graph, parts), gap, sizes)
    assert accepted(claim, proving.prove(claim, *secrets))


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_gives_one_class_has_no_gap(kind: type[Fairness]) -> None:
    for bias in (-20.0, 20.0):
        graph = graph_of([Linear.of(np.ones((1, 4)), [bias])], (4,))
        model, data = committed(graph, 0), committed_set(graph, balanced(graph), 0)
        claim = claim_of(kind, model, data, Fraction(0))
        assert accepted(claim, proving.prove(claim, model, data))


def slacks(*wrong: int) -> object:
    def judge(values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        values.put(fairness.SLACK, np.array(wrong))

    return judge


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_gap_over_the_bound_is_refused(kind: type[Fairness], uses: int) -> None:
    model, data = case(uses)
    count = 2 if kind is DemographicParity else 4
    claim = claim_of(kind, model, data, Fraction(1, 1000))
    error = refused(claim, cheat(claim, model, data, judge=slacks(*[0] * count)))  # type: ignore[arg-type]
    assert "hidden messages" in error if uses else "claims on the witness" in error


@pytest.mark.parametrize("kind", KINDS)
def test_negative_slacks_are_refused_by_the_lookup(kind: type[Fairness]) -> None:
    model, data = case()
    claim = claim_of(kind, model, data, Fraction(1, 1000))
    found: list[int] = []

    def judge(values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        for rows in [parts["labels"] >= 0] if kind is DemographicParity else [parts["labels"] == i for i in (1, 0)]:
            n1, n0 = (int((rows & (parts["groups"] == g)).sum()) for g in (1, 0))
            p1, p0 = (int(predicted[rows & (parts["groups"] == g)].sum()) for g in (1, 0))
            gap = 1000 * (p1 * n0 - p0 * n1)
            found.extend([n0 * n1 - gap, n0 * n1 + gap])
        values.put(fairness.SLACK, np.zeros(len(found), dtype=np.int64))

    def alter(witness: Words, plan: Witness) -> None:
        for index, slack in enumerate(found):
            put_limb(witness, plan, fairness.SLACK, index, slack)

    assert "lookup" in refused(claim, cheat(claim, model, data, judge=judge, alter=alter))
    assert min(found) < 0


def honest(claim: Fairness) -> object:
    """The claim's own slacks, whatever sizes it states."""

    def judge(values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        products = [Element(int((column * predicted).sum())) for column in claim._columns(parts)]
        found = claim._slacks(claim.rates(Element(int(predicted.sum())), products))
        values.put(fairness.SLACK, np.array([fairness._signed(slack) for slack in found]))

    return judge


class Liar:
    """A prover of a claim who says one more for one of the products' sums, with slacks that fit it.

    hide: where the sumcheck then ends elsewhere, it says such a product of group and label there that all fits.
    """

    def __init__(self, claim: Fairness, index: int, *, hide: bool = False) -> None:
        self._claim, self._index, self._hide = claim, index, hide
        self._prove = claim._prove_products
        claim._prove_products = self.prove  # type: ignore[method-assign]

    def judge(self, values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        products = [Element(int((column * predicted).sum())) for column in self._claim._columns(parts)]
        products[self._index] = products[self._index] + 1
        found = self._claim._slacks(self._claim.rates(Element(int(predicted.sum())), products))
        values.put(fairness.SLACK, np.array([fairness._signed(slack) for slack in found]))

    def prove(self, proving: Proving) -> None:
        send, sumcheck, point = proving.send, proving.sumcheck, proving.point
        kept: dict[str, Any] = {}

        def lie(*values: Element) -> None:
            proving.send = send  # type: ignore[method-assign]
            send(*(value + (place == self._index) for place, value in enumerate(values)))

        def keep_point(variables: int) -> Any:
            kept["mix"] = point(variables)[0]
            return (kept["mix"],)

        def keep_finals(*given: Any) -> Any:
            kept["at"], kept["finals"] = sumcheck(*given)
            if self._hide:
                kept["group"], kept["label"], kept["predicted"] = kept["finals"]
                proving.send = cover  # type: ignore[method-assign]
            return kept["at"], kept["finals"]

        def cover(*values: Element) -> None:
            mix, (both,) = kept["mix"], values[-1:]
            if both == kept["group"] * kept["label"]:
                shift = mix * mix
                for challenge in kept["at"]:
                    shift = shift * interpolation(3, challenge)[1]
                both = both + shift * (mix * mix * kept["predicted"] + mix * mix * mix).inverse()
            send(both)

        proving.send, proving.point, proving.sumcheck = lie, keep_point, keep_finals  # type: ignore[method-assign]
        self._prove(proving)
        proving.send, proving.point, proving.sumcheck = send, point, sumcheck  # type: ignore[method-assign]


@pytest.mark.parametrize(("kind", "index"), [(DemographicParity, 0), *((EqualisedOdds, index) for index in range(3))])
def test_a_sum_of_products_that_is_wrong_by_one_is_refused(kind: type[Fairness], index: int) -> None:
    model, data = case()
    claim = claim_of(kind, model, data, Fraction(99, 100))
    liar = Liar(claim, index)
    assert "fairness: the counts" in refused(claim, cheat(claim, model, data, judge=liar.judge))


def test_a_wrong_sum_that_is_hidden_behind_a_wrong_product_of_group_and_label_is_refused() -> None:
    model, data = case()
    claim = claim_of(EqualisedOdds, model, data, Fraction(99, 100))
    liar = Liar(claim, 2, hide=True)
    assert "fairness: the counts" in refused(claim, cheat(claim, model, data, judge=liar.judge))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delta", [1, -1])
def test_sizes_of_groups_that_are_not_the_set_s_are_refused(kind: type[Fairness], delta: int) -> None:
    model, data = case()
    sizes = Sizes.of(data.parts, by_label=kind is EqualisedOdds)
    wrong = Sizes((sizes.groups[0] + delta, sizes.groups[1] - delta), sizes.positives)
    claim = kind(model.commitment, data.commitment, Fraction(9, 10), wrong)
    with pytest.raises(ProofError, match="other sizes than those stated"):
        proving.prove(claim, model, data)
    assert "the set" in refused(claim, cheat(claim, model, data, judge=honest(claim)))  # type: ignore[arg-type]


@pytest.mark.parametrize("delta", [1, -1])
def test_positives_that_are_not_the_set_s_are_refused(delta: int) -> None:
    """One more in one group: their sum is another. One more here and one less there: a product's sum is another."""
    model, data = case()
    sizes = Sizes.of(data.parts, by_label=True)
    assert sizes.positives is not None
    for other in (0, -delta):
        wrong = Sizes(sizes.groups, (sizes.positives[0] + delta, sizes.positives[1] + other))
        claim = EqualisedOdds(model.commitment, data.commitment, Fraction(9, 10), wrong)
        assert refused(claim, cheat(claim, model, data, judge=honest(claim)))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["groups", "labels"])
def test_a_column_that_is_not_of_bits_is_refused(part: str) -> None:
    """The owner has committed to a 2 and one 1 less: their number is that of bits."""
    model, data = case()
    parts = {name: values.copy() for name, values in data.parts.items()}
    ones = np.flatnonzero(parts[part] & (parts["labels"] if part == "groups" else parts["groups"]))
    parts[part][ones[:2]] = [2, 0]
    bad = unchecked(model.graph, parts, 0)
    sizes = Sizes.of(data.parts, by_label=True)
    claim = EqualisedOdds(model.commitment, bad.commitment, Fraction(9, 10), sizes)
    assert "each is 0 or 1" in refused(claim, cheat(claim, model, bad, judge=honest(claim)))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["groups", "labels"])
def test_bits_in_the_filling_of_a_column_are_refused(part: str) -> None:
    model, data = case()

    def alter(vector: Words, honest_set: CommittedSet) -> None:
        column = getattr(honest_set.commitment.place(_Nothing()), part)  # type: ignore[arg-type]
        vector[column.parts[0].block.offset + 14] = np.uint64(1)

    bad = with_vector(model.graph, data.parts, alter)
    claim = claim_of(EqualisedOdds, model, bad, Fraction(9, 10))
    assert refused(claim, cheat(claim, model, bad, judge=_own(claim)))


class _Nothing:
    """A planner that has nothing to place."""

    def column(self, name: str, axes: object) -> None:
        """Nothing."""


def _own(claim: Fairness) -> object:
    return type(claim).judge.__get__(claim)


def test_a_group_that_was_changed_after_its_commitment_is_refused() -> None:
    model, data = case()
    parts = {name: values.copy() for name, values in data.parts.items()}
    parts["groups"][:2] = parts["groups"][1::-1]  # the sizes stay
    changed = unchecked(model.graph, parts, 0)
    claim = DemographicParity(model.commitment, data.commitment, Fraction(99, 100), Sizes.of(parts, by_label=False))
    proof = cheat(claim, model, changed, opened=Opened(changed.opened.values, data.opened.matrix))
    assert "the set" in refused(claim, proof)


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_is_of_its_own_model_set_bound_and_context_alone(kind: type[Fairness], uses: int) -> None:
    model, data = case(uses)
    other, again = committed(dense([4, 3, 2], 1), uses), committed_set(model.graph, balanced(model.graph, 13, 1), uses)
    bound = Fraction(99, 100)
    claim = claim_of(kind, model, data, bound)
    proof = proving.prove(claim, model, data, context=b"nonce")
    statement.verify(claim, proof, context=b"nonce")
    for context in (b"", b"nonce2"):
        with pytest.raises(ProofError):
            statement.verify(claim, proof, context=context)
    sizes = claim.sizes
    for wrong in (
        claim_of(kind, model, data, Fraction(98, 100)),
        kind(model.commitment, again.commitment, bound, sizes),
        kind(other.commitment, data.commitment, bound, sizes),
        kind(model.commitment, public_set(model.graph, data.parts), bound, sizes),
    ):
        with pytest.raises(ProofError):
            statement.verify(wrong, proof, context=b"nonce")


def test_the_instance_binds_bound_and_sizes() -> None:
    model, data = case()
    half, third = Fraction(1, 2), Fraction(1, 3)
    claims = [
        EqualisedOdds(model.commitment, data.commitment, bound, Sizes(groups, positives))
        for bound, groups, positives in (
            (half, (7, 6), (3, 3)),
            (third, (7, 6), (3, 3)),
            (half, (6, 7), (3, 3)),
            (half, (7, 6), (4, 2)),
        )
    ]
    assert len({claim.instance() for claim in claims}) == 4


@pytest.mark.parametrize("count", [40, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_message_that_is_altered_is_refused(kind: type[Fairness], count: int | None) -> None:
    graph = graph_of([Linear.of([[1.0, 2.0, -1.0, 0.5]], [0.0])], (4,))
    parts = next(each for each in (balanced(graph, 13, seed) for seed in range(20)) if gap_of(kind, graph, each) < 1)
    model, data = committed(graph, 0), committed_set(graph, parts, 0)
    claim = claim_of(kind, model, data, Fraction(99, 100))
    for proof in altered(claim, proving.prove(claim, model, data), count):
        assert refused(claim, proof)


@pytest.mark.parametrize("uses", MODES)
def test_a_flipped_bit_is_refused(uses: int) -> None:
    model, data = case(uses)
    claim = claim_of(EqualisedOdds, model, data, Fraction(99, 100))
    proof = proving.prove(claim, model, data)
    rng = np.random.default_rng(uses)
    for place in rng.choice(len(proof), 40, replace=False).tolist():
        changed = bytearray(proof)
        changed[place] ^= 1 << int(rng.integers(8))
        assert refused(claim, bytes(changed)), place


def test_empty_groups_and_claims_that_cannot_be_are_refused_before_any_work() -> None:
    model, data = case()
    commitment, root = data.commitment, model.commitment
    half = Fraction(1, 2)
    with pytest.raises(ProofError, match="a group is empty"):
        DemographicParity(root, commitment, half, Sizes((0, 13)))
    for positives in ((0, 3), (7, 3), (3, 6), (8, 3)):
        with pytest.raises(ProofError, match="a group is empty"):
            EqualisedOdds(root, commitment, half, Sizes((7, 6), positives))
    with pytest.raises(ProofError, match="not those of 13 rows"):
        DemographicParity(root, commitment, half, Sizes((7, 7)))
    for sizes, kind in ((Sizes((7, 6)), EqualisedOdds), (Sizes((7, 6), (4, 3)), DemographicParity)):
        with pytest.raises(ProofError, match="the positives"):
            kind(root, commitment, half, sizes)  # type: ignore[abstract]
    for bound in (Fraction(-1, 2), Fraction(1), Fraction(1, 2**20 + 1)):
        with pytest.raises(ProofError, match="a bound is from 0"):
            DemographicParity(root, commitment, bound, Sizes((7, 6)))
    three = dense([4, 3])
    classes = committed_set(three, arrays(three, 5), 0, 3)
    with pytest.raises(ProofError, match="labels of two classes"):
        DemographicParity(committed(three, 0).commitment, classes.commitment, half, Sizes((2, 3)))
    with pytest.raises(ProofError, match="no groups"):
        Sizes.of({"labels": data.parts["labels"]}, by_label=False)


def test_the_sentence_says_bound_groups_and_what_it_does_not_say() -> None:
    model, data = case()
    parity, odds = (claim_of(kind, model, data, Fraction(1, 2)).sentence() for kind in KINDS)
    assert "groups have 7 and 6 rows," in parity
    assert "gap of at most 1/2 between the groups in how often it predicts class 1" in parity
    assert "7 and 6 rows (3 and 3 of them labelled 1)" in odds
    assert "true positive rate and in the false positive rate" in odds
    for sentence in (parity, odds):
        assert "does not say that the model is fair in any other sense" in sentence
        assert "does not say where the rows come from" in sentence
