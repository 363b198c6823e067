"""For an owner: a model that minimises a loss on the rows, encoded, and the tightest bounds that can be proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, Sigmoid
from tacit.graph.fixed import DEFAULT_FRACTION_BITS, MAX_WEIGHT_BITS, Floats, Ints, dequantise, quantise
from tacit.graph.layers import FloatLayer
from tacit.proofs.architecture import Architecture
from tacit.proofs.commitment.parameters import DIGEST
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements.optimality.minimising import minimise
from tacit.proofs.statements.optimality.objective import HINGE, LOGISTIC, MOST_SCORE_BITS, Objective, root
from tacit.proofs.statements.optimality.statement import Optimality
from tacit.proofs.values import Values

MU_BITS = 20
WEIGHT_BITS = 24
_TIGHTENINGS = 4
_DOUBLINGS = 80


@dataclass(frozen=True, repr=False)
class Fit:
    """graph: the model; rows, labels: encoded as `description` says; objective: with the bounds that can be proved.

    dual: for the hinge, what `Optimality.dual` is set to.
    """

    graph: Graph
    description: SetDescription
    rows: Ints
    labels: Ints
    objective: Objective
    dual: Ints | None


def fit(
    features: Floats,
    labels: Floats,
    loss: str,
    mu: float,
    *,
    low: Floats | None = None,
    high: Floats | None = None,
    fraction_bits: int = DEFAULT_FRACTION_BITS,
    weight_bits: int = WEIGHT_BITS,
    table_bits: int = 16,
) -> Fit:
    """features: (n, d); labels: (n,), 0 or 1, for ridge any numbers; mu is rounded to a multiple of 2^-20.

    low, high: the features' public range (d,), by default that of these rows. weight_bits: the most that are tried.
    ProofError where no number of bits fits.
    """
    penalty = max(Fraction(round(mu * 2**MU_BITS), 2**MU_BITS), Fraction(1, 2**MU_BITS))
    low = features.min(axis=0) if low is None else low
    high = features.max(axis=0) if high is None else high
    rows = quantise(features, fraction_bits, "the features")
    classes = 2 if loss != "ridge" else 0
    targets = labels.astype(np.int64) if classes else quantise(labels, fraction_bits, "the labels")
    exact = dequantise(targets, 0 if classes else fraction_bits)
    found = minimise(dequantise(rows, fraction_bits), exact, loss, float(penalty))
    layers: list[FloatLayer] = [Linear.of(found.weights[None, :-1], found.weights[-1:])]
    if loss == LOGISTIC:
        layers.append(Sigmoid.of())
    scores = dequantise(rows, fraction_bits) @ found.weights[:-1] + found.weights[-1]
    largest = max(
        np.abs(scores).max(), *((np.abs(exact).max(), np.abs(scores - exact).max()) if not classes else ()), 1
    )
    start = Objective(
        loss,
        penalty,
        Fraction(1),
        Fraction(1) if loss == HINGE else Fraction(0),
        min(int(np.floor(np.log2(largest))) + 1, MOST_SCORE_BITS),
        table_bits,
    )
    for bits in range(min(weight_bits, MAX_WEIGHT_BITS), 7, -2):
        graph = Graph.build(layers, low, high, input_shape=low.shape, fraction_bits=fraction_bits, weight_bits=bits)
        description = SetDescription.of(Architecture.of(graph), len(rows), classes=classes)
        try:
            objective, dual = provable(graph, description, rows, targets, start, found.dual)
        except ProofError as error:
            refused = error
        else:
            return Fit(graph, description, rows, targets, objective, dual)
    raise refused


def provable(
    graph: Graph,
    description: SetDescription,
    rows: Ints,
    labels: Ints,
    objective: Objective,
    dual: Floats | None = None,
) -> tuple[Objective, Ints | None]:
    """The objective with the smallest bounds that can be proved of this model, and the encoded dual.

    ProofError where none can: scores out of range, or bits that do not fit.
    """
    nothing = bytes(DIGEST)
    model, data = ModelCommitment(Architecture.of(graph), nothing, 0), SetCommitment(description, nothing, 0)
    layers = {layer.name: layer for layer in graph.layers}
    encoded: Ints | None = None

    def state(tried: Objective) -> Optimality:
        return Optimality(model, data, tried)

    def measure(statement: Optimality) -> int:
        nonlocal encoded
        if dual is not None:
            encoded = np.rint(np.ldexp(dual, statement.scales.residual_bits)).astype(np.int64)
            statement.dual = encoded
        parts = {"rows": rows, "labels": labels}
        values = Values(statement.planning.witness, layers, graph.fraction_bits, parts)
        return statement.measure(values).norm

    if objective.loss == HINGE:
        objective = replace(objective, slackness=Fraction(1 << (objective.score_bits + 1)))
    statement = _first(state, measure, objective)
    norm = measure(statement)
    if objective.loss == HINGE:
        q = statement.scales.residual_bits
        slackness = Fraction(statement.slack, description.rows << 2 * q) + Fraction(1, 2 << q)
        objective = replace(objective, slackness=slackness)
    for _ in range(_TIGHTENINGS):
        scales = statement.scales
        objective = replace(objective, gradient=scales.rounding + root(Fraction(norm)) * scales.unit)
        statement = state(objective)
        norm = measure(statement)
        if norm > statement.scales.norm:  # a finer unit rounds otherwise
            objective = replace(objective, gradient=objective.gradient * Fraction(101, 100))
            statement = state(objective)
            norm = measure(statement)
    return objective, encoded


def _first(
    state: Callable[[Objective], Optimality], measure: Callable[[Optimality], int], objective: Objective
) -> Optimality:
    """With the smallest power of two that is a bound of the gradient; ProofError where none is."""
    refused = ProofError("the gradient of the loss at this model cannot be bounded")
    for place in range(-40, _DOUBLINGS - 40):
        try:
            statement = state(replace(objective, gradient=Fraction(2) ** place))
        except ProofError as error:
            refused = error
            continue
        if measure(statement) <= statement.scales.norm:
            return statement
    raise refused
