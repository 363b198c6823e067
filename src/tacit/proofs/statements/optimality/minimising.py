"""Minimisers in float64, by Newton's method: where an owner's model comes from. Nothing here is part of a proof.

The hinge is taken with its corner rounded, over a width that falls from 1 to 2^-20: the rounded loss' derivatives at
its minimiser are a dual vector, and the gap is at most a quarter of the width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.graph.fixed import Floats
from tacit.proofs.statements.optimality.objective import HINGE, LOGISTIC, RIDGE, SQUARED_HINGE

STEPS = 100
SHARPEST = 20
_HALVINGS = 40

# From scores and labels (n,): the loss, its first and its second derivative (n,).
Loss = Callable[[Floats, Floats], tuple[Floats, Floats, Floats]]


@dataclass(frozen=True)
class Minimiser:
    """weights (d + 1,), the intercept last; dual (n,) for the hinge, in [0, 1]."""

    weights: Floats
    dual: Floats | None


def minimise(features: Floats, labels: Floats, loss: str, mu: float) -> Minimiser:
    """features: (n, d); labels: (n,), 0 or 1 unless the loss is ridge."""
    x = np.column_stack([features, np.ones(len(features))])
    weights = np.zeros(x.shape[1])
    if loss != HINGE:
        return Minimiser(_newton(x, labels, _LOSSES[loss], mu, weights), None)
    for sharpness in range(SHARPEST + 1):
        rounded = _rounded_hinge(2.0**-sharpness)
        weights = _newton(x, labels, rounded, mu, weights)
    dual = np.clip(1 - (2 * labels - 1) * (x @ weights), 0, 2.0**-SHARPEST) * 2.0**SHARPEST
    return Minimiser(weights, dual)


def _newton(x: Floats, labels: Floats, loss: Loss, mu: float, weights: Floats) -> Floats:
    def value(at: Floats) -> float:
        return float(loss(x @ at, labels)[0].mean() + mu / 2 * at @ at)

    for _ in range(STEPS):
        _, first, second = loss(x @ weights, labels)
        gradient = x.T @ first / len(x) + mu * weights
        if np.linalg.norm(gradient) < 1e-14:
            break
        step = np.linalg.solve((x * second[:, None]).T @ x / len(x) + mu * np.eye(len(weights)), gradient)
        size, before = 1.0, value(weights)
        for _ in range(_HALVINGS):
            if value(weights - size * step) <= before - 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            return weights - step if np.linalg.norm(step) < 1e-6 else weights  # values no longer tell points apart
        weights = weights - size * step
    return weights


def _ridge(scores: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
    off = scores - labels
    return off**2 / 2, off, np.ones_like(off)


def _logistic(scores: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
    chance = np.where(scores >= 0, 1, np.exp(-np.abs(scores))) / (1 + np.exp(-np.abs(scores)))
    return np.logaddexp(0, scores) - labels * scores, chance - labels, chance * (1 - chance)


def _squared_hinge(scores: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
    signs = 2 * labels - 1
    short = np.maximum(1 - signs * scores, 0)
    return short**2 / 2, -signs * short, (short > 0).astype(np.float64)


def _rounded_hinge(width: float) -> Loss:
    def loss(scores: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
        signs = 2 * labels - 1
        short = np.maximum(1 - signs * scores, 0)
        corner = short < width
        value = np.where(corner, short**2 / (2 * width), short - width / 2)
        return value, -signs * np.minimum(short / width, 1), (corner & (short > 0)) / width

    return loss


_LOSSES: dict[str, Loss] = {RIDGE: _ridge, LOGISTIC: _logistic, SQUARED_HINGE: _squared_hinge}
