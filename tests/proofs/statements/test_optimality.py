"""Optimality proofs: complete for every loss, and refused for everything that is not so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, Sigmoid
from tacit.proofs import field
from tacit.proofs.architecture import Architecture
from tacit.proofs.commitment.randomness import fresh_key
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.field import Words
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.plan import Witness
from tacit.proofs.statements import proving, statement
from tacit.proofs.statements.optimality import LOSSES, Objective, Optimality, gradient, logistic, margins, ridge, scores
from tacit.proofs.statements.optimality.fitting import Fit, fit, provable
from tacit.proofs.values import Values

from ..dataset.sets import altered, cheat, refused
from ..models import MODES

UNIT = Fraction(1, 2**40)


def problem(loss: str, count: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, features))
    exact = x.sum(axis=1) + rng.normal(size=count) / 3
    return x, exact if loss == "ridge" else (exact > 0).astype(float)


@lru_cache(maxsize=32)
def fitted(loss: str, count: int = 13, features: int = 3, seed: int = 0) -> Fit:
    ends = np.ones(features)
    return fit(*problem(loss, count, features, seed), loss, 1 / 64, low=-ends, high=ends, table_bits=10)


def commit(found: Fit, uses: int = 0) -> tuple[CommittedModel, CommittedSet]:
    data = CommittedSet.new(found.description, found.rows, found.labels, uses=uses)
    return CommittedModel.new(found.graph, uses=uses), data


def claim_of(model: CommittedModel, data: CommittedSet, found: Fit, **changes: object) -> Optimality:
    claim = Optimality(model.commitment, data.commitment, replace(found.objective, **changes))  # type: ignore[arg-type]
    claim.dual = found.dual
    return claim


def boldly(claim: Optimality) -> Optimality:
    """The claim with a prover that does not mind its bound."""

    real, scales = claim._gradient.evaluate, claim.scales

    def evaluate(values: Values, entries: gradient.Entries) -> None:
        units = np.clip(entries.units, 1 - 2**scales.gradient_bits, 2**scales.gradient_bits - 1)
        claim._gradient._scales = replace(scales, norm=2**60)
        put = values.put
        values.put = lambda name, integers: put(name, integers) if name != gradient.SURPLUS else None  # type: ignore[method-assign]
        real(values, gradient.Entries(units, entries.rests))
        values.put = put  # type: ignore[method-assign]
        claim._gradient._scales = scales
        values._limbs[gradient.SURPLUS] = np.array([max(scales.norm - entries.norm, 0)])

    claim._gradient.evaluate = evaluate  # type: ignore[method-assign]
    return claim


@pytest.mark.parametrize("uses", MODES)
@pytest.mark.parametrize(("count", "features"), [(13, 3), (1, 1), (16, 4), (33, 5)])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_minimiser_is_proved_to_be_near_the_minimum(loss: str, count: int, features: int, uses: int) -> None:
    found = fitted(loss, count, features)
    model, data = commit(found, uses)
    claim = claim_of(model, data, found)
    proof = proving.prove(claim, model, data)
    report = statement.verify(Optimality(model.commitment, data.commitment, found.objective), proof)
    assert report.bits >= 100
    if uses:
        assert report == claim.soundness()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_bound_that_is_a_unit_too_small_is_refused(loss: str) -> None:
    found = fitted(loss)
    model, data = commit(found)
    least = claim_of(model, data, found)
    tight = found.objective.gradient - least.scales.unit
    claim = claim_of(model, data, found, gradient=tight)
    with pytest.raises(ProofError, match="larger than stated"):
        proving.prove(claim, model, data)
    assert "norm of the gradient" in refused(claim, cheat(boldly(claim), model, data))  # type: ignore[arg-type]


def test_a_slackness_of_the_hinge_that_is_a_unit_too_small_is_refused() -> None:
    found = fitted("hinge")
    model, data = commit(found)
    unit = Fraction(1, len(found.rows) << 2 * claim_of(model, data, found).scales.residual_bits)
    claim = claim_of(model, data, found, slackness=found.objective.slackness - unit)
    with pytest.raises(ProofError, match="slackness is more than stated"):
        proving.prove(claim, model, data)
    real, claim._residual.scales = claim.scales, replace(claim.scales, excess=claim.scales.excess + 1)
    proof = cheat(claim, model, data)  # type: ignore[arg-type]
    claim._residual.scales = real
    assert "complementary slackness" in refused(claim, proof)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_model_that_is_moved_beyond_the_bound_is_refused(loss: str) -> None:
    found = fitted(loss)
    layer = found.graph.layers[0]
    weight = np.ldexp(layer.weight.astype(float), -layer.weight_bits)  # type: ignore[attr-defined]
    bias = np.ldexp(layer.bias.astype(float), -layer.weight_bits - found.graph.fraction_bits)  # type: ignore[attr-defined]
    weight[0, 0] += 1e-2
    layers = [Linear.of(weight, bias), *([Sigmoid.of()] if loss == "logistic" else [])]
    moved = replace(found, graph=_like(found, layers))
    model, data = commit(moved)
    claim = claim_of(model, data, moved, slackness=Fraction(4 if loss == "hinge" else 0))
    with pytest.raises(ProofError, match="larger than stated"):
        proving.prove(claim, model, data)
    assert refused(claim, cheat(boldly(claim), model, data))  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_changed_row_or_label_is_refused(loss: str) -> None:
    found = fitted(loss)
    model, data = commit(found)
    proof = proving.prove(claim_of(model, data, found), model, data)
    rows, labels = found.rows.copy(), found.labels.copy()
    near = int(np.argmin(np.abs(found.graph.evaluate(rows)[:, 0]))) if loss != "logistic" else 2  # its margin counts
    rows[near, 1] -= rows[near, 1] // 2
    labels[near] = 1 - labels[near] if loss != "ridge" else labels[near] + 2**12
    for changed in (replace(found, rows=rows), replace(found, labels=labels)):
        _, other = commit(changed)
        claim = claim_of(model, other, changed)
        assert refused(claim_of(model, other, found), proof)
        with pytest.raises(ProofError, match=r"(larger|more) than stated"):
            proving.prove(claim, model, other)


def test_a_proof_is_of_its_own_objective_and_context_alone() -> None:
    found = fitted("logistic")
    found = replace(found, objective=replace(found.objective, gradient=Fraction(1, 1024)))
    model, data = commit(found)
    proof = proving.prove(claim_of(model, data, found), model, data, context=b"nonce")
    statement.verify(claim_of(model, data, found), proof, context=b"nonce")
    with pytest.raises(ProofError):
        statement.verify(claim_of(model, data, found), proof, context=b"other")
    plain = proving.prove(claim_of(model, data, found), model, data)
    changes = {"mu": Fraction(1, 128), "gradient": found.objective.gradient + UNIT, "score_bits": 5, "table_bits": 11}
    for name, value in changes.items():
        assert refused(claim_of(model, data, found, **{name: value}), plain), name


@pytest.mark.parametrize("loss", LOSSES)
def test_a_message_that_is_changed_is_refused(loss: str) -> None:
    found = fitted(loss, 5, 2)
    model, data = commit(found)
    claim = claim_of(model, data, found)
    proof = proving.prove(claim, model, data)
    for changed in altered(claim, proof, 40):
        assert refused(claim, changed)


RELATIONS = {
    "ridge": (scores.WEIGHTS, scores.BIAS, scores.BIAS_REST, ridge.RESIDUALS, ridge.REST, ridge.LABELS),
    "logistic": (logistic.OFFSET, logistic.UNUSED, logistic.VALUE, logistic.REST),
    "squared hinge": (margins.MORE, margins.LESS, margins.REST),
    "hinge": (margins.DUAL, margins.REST_OF_DUAL, margins.SURPLUS),
}


@pytest.mark.parametrize(("loss", "name"), [(loss, name) for loss, names in RELATIONS.items() for name in names])
def test_a_number_of_the_witness_that_is_off_by_one_is_refused(loss: str, name: str) -> None:
    found = fitted(loss)
    model, data = commit(found)
    claim = claim_of(model, data, found)
    assert refused(claim, cheat(claim, model, data, alter=_off(name)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", [gradient.UNITS, gradient.REST, gradient.UNIT, gradient.REST_OF_UNIT, gradient.SURPLUS]
)
def test_a_gradient_that_is_off_by_one_is_refused(name: str) -> None:
    found = fitted("logistic")
    model, data = commit(found)
    claim = claim_of(model, data, found, gradient=Fraction(1, 8))
    assert claim.scales.shift
    assert refused(claim, cheat(claim, model, data, alter=_off(name)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [logistic.PIECE, logistic.START, logistic.SLOPE, margins.RESIDUALS])
def test_a_column_that_is_off_by_one_is_refused(name: str) -> None:
    found = fitted("squared hinge" if name == margins.RESIDUALS else "logistic")
    model, data = commit(found)
    claim = claim_of(model, data, found)

    def alter(witness: Words, plan: Witness) -> None:
        witness[plan.columns()[name].offset] += np.uint64(1)

    assert refused(claim, cheat(claim, model, data, alter=alter))  # type: ignore[arg-type]


def lying(part: Any, lies: Callable[[Any, Any], list[Any]]) -> None:
    """The first values that this part of the prover sends are the lies, made from the conversation and its point."""
    honest = part.prove

    def prove(conversation: Any, tau: Any, *more: Any) -> None:
        send, left = conversation.send, lies(conversation, tau)
        conversation.send = lambda *values: send(*(left.pop(0) if left else value for value in values))
        honest(conversation, tau, *more)
        conversation.send = send

    part.prove = prove


@pytest.mark.parametrize("loss", LOSSES)
def test_a_score_that_the_model_does_not_give_is_refused(loss: str) -> None:
    """All that follows from the score is as it would be; only the sum over the features is not it."""
    found = fitted(loss)
    model, data = commit(found)
    claim = claim_of(model, data, found, gradient=Fraction(1, 4), slackness=Fraction(4 if loss == "hinge" else 0))
    off = np.zeros(len(found.rows), dtype=np.int64)
    off[4] = 2**30
    honest, axes = claim._scores.evaluate, claim._scores.rows
    claim._scores.evaluate = lambda *given: (lambda s, b: (s + off, b))(*honest(*given))  # type: ignore[method-assign]
    weight = found.graph.layers[0].weight[0]  # type: ignore[attr-defined]
    sums = axes.fill(found.rows @ weight + off)
    lying(claim._scores, lambda conversation, tau: [conversation.dot(sums, conversation.equality(tau))])
    proof = cheat(claim, model, data)  # type: ignore[arg-type]
    assert "optimality: scores" in refused(claim, proof)


@pytest.mark.parametrize("loss", ["squared hinge", "hinge"])
def test_a_residual_for_another_label_is_refused(loss: str) -> None:
    """All that follows from the label is as it would be; only the products with the label are not it."""
    found = fitted(loss)
    model, data = commit(found)
    claim = claim_of(model, data, found, gradient=Fraction(4), slackness=Fraction(4 if loss == "hinge" else 0))
    labels = found.labels.copy()
    labels[4] = 1 - labels[4]
    residual: Any = claim._residual
    honest = residual.evaluate
    residual.evaluate = lambda values, scores, _: honest(values, scores, labels)

    def lies(conversation: Any, tau: Any) -> list[Any]:
        label, eq = residual.axes.fill(labels), conversation.equality(tau)
        tables = (conversation.table(tensor) for tensor in (residual._score, residual.active))
        return [conversation.dot(field.multiply(label, table), eq) for table in tables]

    lying(residual, lies)
    assert "signs and labels" in refused(claim, cheat(claim, model, data))  # type: ignore[arg-type]


def test_a_label_that_is_neither_0_nor_1_is_refused() -> None:
    found = fitted("logistic")
    labels = found.labels.copy()
    labels[1] = 2
    public = PublicSet.__new__(PublicSet)
    public.description, public.rows, public.labels, public.groups = found.description, found.rows, labels, None
    model, data = commit(found)[0], CommittedSet(public, fresh_key(), 0)
    claim = claim_of(model, data, found, gradient=Fraction(2))
    assert "sigmoid and labels" in refused(claim, cheat(claim, model, data))  # type: ignore[arg-type]


def test_scores_at_both_ends_of_the_table_can_be_proved_and_beyond_cannot() -> None:
    graph = Graph.build(
        [Linear.of([[1.0]], [0.0]), Sigmoid.of()], -8.0, 8.0, input_shape=(1,), fraction_bits=12, weight_bits=12
    )
    rows = np.array([[-8 << 12], [(8 << 12) - 1], [0]])
    labels = np.array([0, 1, 1])
    description = SetDescription.of(Architecture.of(graph), 3, classes=2)
    start = Objective("logistic", Fraction(1, 4), Fraction(1), score_bits=3, table_bits=9)
    objective, _ = provable(graph, description, rows, labels, start)
    found = Fit(graph, description, rows, labels, objective, None)
    model, data = commit(found, 3)
    claim = claim_of(model, data, found)
    statement.verify(claim, proving.prove(claim, model, data))
    rows[1] += 1
    with pytest.raises(ProofError, match="a score outside"):
        provable(graph, description, rows, labels, start)


def test_what_cannot_be_proved_is_refused_before_any_work() -> None:
    found = fitted("logistic")
    model, data = commit(found)
    objective = found.objective
    cases: list[tuple[str, Callable[[], object]]] = [
        ("below the rounding", lambda: claim_of(model, data, found, gradient=Fraction(1, 2**60))),
        ("too large to say", lambda: claim_of(model, data, found, gradient=Fraction(2**60))),
        ("a table of", lambda: claim_of(model, data, found, score_bits=12)),
        ("no loss", lambda: replace(objective, loss="absolute")),
        ("mu must be", lambda: replace(objective, mu=Fraction(1, 3))),
        ("mu must be", lambda: replace(objective, mu=Fraction(0))),
        ("slackness of a hinge", lambda: replace(objective, slackness=Fraction(1))),
        ("slackness of a hinge", lambda: replace(objective, loss="hinge")),
        ("score_bits is", lambda: replace(objective, score_bits=-1)),
        ("table_bits is", lambda: replace(objective, table_bits=30)),
        ("not of: linear, sigmoid", lambda: claim_of(model, data, found, loss="ridge")),
        ("labels of 2 classes", lambda: claim_of(*commit(fitted("ridge")), fitted("ridge"), loss="squared hinge")),
        ("slackness .* cannot be shown", lambda: _hinge(Fraction(1, 2**60))),
        ("rows would pass", lambda: claim_of(model, data, found, mu=Fraction(1, 2**40))),
    ]
    for match, make in cases:
        with pytest.raises(ProofError, match=match):
            make()


def test_a_hinge_without_its_dual_says_so() -> None:
    found = replace(fitted("hinge"), dual=None)
    model, data = commit(found)
    with pytest.raises(ProofError, match="needs the dual vector"):
        proving.prove(claim_of(model, data, found), model, data)


def test_the_sentence_says_objective_bounds_and_what_is_not_said() -> None:
    found = fitted("squared hinge")
    sentence = claim_of(*commit(found), found).sentence()
    for part in ("squared hinge", "mu = 0.015625", "13 rows", "intercept included", "does not say"):
        assert part in sentence


def _hinge(slackness: Fraction) -> Optimality:
    return claim_of(*commit(fitted("hinge")), fitted("hinge"), slackness=slackness)


def _like(found: Fit, layers: list) -> Graph:  # type: ignore[type-arg]
    bits = found.graph.layers[0].weight_bits  # type: ignore[attr-defined]
    ends = found.description.shape
    return Graph.build(layers, -1.0, 1.0, input_shape=ends, fraction_bits=found.graph.fraction_bits, weight_bits=bits)


def _off(name: str) -> Callable[[Words, Witness], None]:
    def alter(witness: Words, plan: Witness) -> None:
        lowest = plan.digits(name)[0]
        value = int(witness[lowest.block.offset])
        new = value + 1 if value < 2**lowest.bits - 1 else value - 1
        witness[lowest.block.offset] = np.uint64(new)
        if lowest.moved is not None:
            witness[lowest.moved.offset] = np.uint64(new << (plan.digit_bits - lowest.bits))

    return alter
