"""The theorem of docs/protocols/optimality.md, against minimisers in float64, and the errors that go into it."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.graph import Graph, Linear, Sigmoid
from tacit.proofs.architecture import Architecture
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.statements.optimality import LOSSES, Objective
from tacit.proofs.statements.optimality.fitting import provable
from tacit.proofs.statements.optimality.minimising import Minimiser, minimise
from tacit.proofs.statements.optimality.objective import root
from tacit.proofs.statements.optimality.sigmoid import SLOPE_BITS, Chords

FRACTION_BITS, WEIGHT_BITS, MU = 12, 20, Fraction(1, 32)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    loss=st.sampled_from(LOSSES),
    count=st.integers(2, 30),
    features=st.integers(1, 6),
    off=st.sampled_from([0.0, 1e-4, 1e-2, 0.3]),
    seed=st.integers(0, 99),
)
def test_models_are_as_near_to_the_minimiser_as_is_proved(
    loss: str, count: int, features: int, off: float, seed: int
) -> None:
    """The model is moved away from the minimiser by `off`, and the bounds that hold of it are found."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-(2**FRACTION_BITS), 2**FRACTION_BITS + 1, (count, features))
    x = rows / 2**FRACTION_BITS
    exact = x.sum(axis=1) + rng.normal(size=count) / 2
    labels = np.rint(exact * 2**FRACTION_BITS).astype(np.int64) if loss == "ridge" else (exact > 0).astype(np.int64)
    numbers = labels / 2**FRACTION_BITS if loss == "ridge" else labels.astype(float)
    best = minimise(x, numbers, loss, float(MU))
    at = best.weights + off * rng.normal(size=features + 1)
    layers = [Linear.of(at[None, :-1], at[-1:]), *([Sigmoid.of()] if loss == "logistic" else [])]
    graph = Graph.build(
        layers, -1.0, 1.0, input_shape=(features,), fraction_bits=FRACTION_BITS, weight_bits=WEIGHT_BITS
    )
    layer = graph.layers[0]
    real = np.append(layer.weight[0] / 2**WEIGHT_BITS, layer.bias[0] / 2 ** (WEIGHT_BITS + FRACTION_BITS))  # type: ignore[attr-defined]
    description = SetDescription.of(Architecture.of(graph), count, classes=0 if loss == "ridge" else 2)
    slackness = Fraction(int(loss == "hinge"))
    start = Objective(loss, MU, Fraction(1), slackness, score_bits=5, table_bits=10)
    objective, _ = provable(graph, description, rows, labels, start, best.dual)
    small = 1e-9 if loss != "hinge" else 1e-5  # what the float64 minimiser itself may be off
    assert np.linalg.norm(real - best.weights) <= float(objective.distance) + small
    gap = value(loss, x, numbers, real) - value(loss, x, numbers, best.weights)
    assert gap <= float(objective.gap) + small
    if loss != "hinge":  # and the bound says something: it is the gradient's norm, but for the rounding
        norm = np.linalg.norm(gradient(loss, x, numbers, real))
        assert norm - 1e-12 <= float(objective.gradient) <= norm * 1.0001 + 3e-4


@pytest.mark.parametrize("loss", LOSSES)
def test_float64_minimisers_are_stationary(loss: str) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 4))
    labels = (x.sum(axis=1) + rng.normal(size=50) > 0).astype(float)
    found = minimise(x, labels, loss, 0.05)
    assert np.linalg.norm(_stationary(loss, x, labels, found)) < 1e-8


@pytest.mark.parametrize(("score_bits", "table_bits", "offset_bits"), [(3, 8, 6), (5, 10, 18), (5, 16, 18), (0, 6, 3)])
def test_chords_are_as_near_to_the_sigmoid_as_they_say(score_bits: int, table_bits: int, offset_bits: int) -> None:
    chords = Chords(score_bits, table_bits, offset_bits)
    c0, c1 = chords.columns()
    rng = np.random.default_rng(0)
    pieces = [0, 1, len(c0) // 2 - 1, len(c0) // 2, len(c0) - 1, *rng.integers(0, len(c0), 60).tolist()]
    worst = Fraction(0)
    with localcontext() as context:
        context.prec = 60
        for piece in pieces:
            for offset in (0, 1 << (offset_bits - 1), (1 << offset_bits) - 1):
                for extra in (Fraction(0), Fraction(999, 1000)):  # what is not used of the score
                    inside = (offset + extra) * chords.dropped
                    score = Fraction(piece, 1 << chords.width_bits) - (1 << score_bits) + inside
                    exact = Fraction(1 / (1 + (-Decimal(score.numerator) / Decimal(score.denominator)).exp()))
                    found = Fraction(int(c0[piece]) + int(c1[piece]) * offset, 1 << chords.bits)
                    worst = max(worst, abs(exact - found))
    assert worst <= chords.error <= 8 * worst + Fraction(1, 2**SLOPE_BITS)


@given(st.fractions(min_value=0, max_value=1000))
def test_a_root_is_rounded_up(square: Fraction) -> None:
    found = root(square)
    assert found**2 >= square
    assert max(found - Fraction(1, 2**63), 0) ** 2 <= square


def value(loss: str, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    s, t = x @ w[:-1] + w[-1], 2 * y - 1
    each = {
        "ridge": (s - y) ** 2 / 2,
        "logistic": np.logaddexp(0, s) - y * s,
        "squared hinge": np.maximum(1 - t * s, 0) ** 2 / 2,
        "hinge": np.maximum(1 - t * s, 0),
    }[loss]
    return float(each.mean() + float(MU) / 2 * w @ w)


def gradient(loss: str, x: np.ndarray, y: np.ndarray, w: np.ndarray, mu: float = float(MU)) -> np.ndarray:
    s, t = x @ w[:-1] + w[-1], 2 * y - 1
    each = {
        "ridge": s - y,
        "logistic": 1 / (1 + np.exp(-s)) - y,
        "squared hinge": -t * np.maximum(1 - t * s, 0),
    }[loss]
    return np.column_stack([x, np.ones(len(x))]).T @ each / len(x) + mu * w


def _stationary(loss: str, x: np.ndarray, y: np.ndarray, found: Minimiser) -> np.ndarray:
    if loss != "hinge":
        return gradient(loss, x, y, found.weights, 0.05)
    assert found.dual is not None
    return 0.05 * found.weights - np.column_stack([x, np.ones(len(x))]).T @ (found.dual * (2 * y - 1)) / len(x)
