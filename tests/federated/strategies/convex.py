"""Least squares of unlike parties, by plain numpy: a problem with one best model, and each party's gradient of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tacit.federated.strategies import Strategy
from tacit.study import Training

LENGTH = 4


def make_settings(**settings: Any) -> Training:
    return Training(**{"rounds": 1, "learning_rate": 0.05, "local_steps": 3, **settings})


def make_parties(count: int = 3, unlike: float = 3.0) -> list[tuple[np.ndarray, np.ndarray]]:
    """(A, b) of each party's loss |A x - b|^2 / 2; their own best models lie about `unlike` apart."""
    draw = np.random.default_rng(5)
    made = []
    for _ in range(count):
        matrix = draw.standard_normal((8, LENGTH)) * draw.uniform(0.2, 1.2, LENGTH) / 2
        made.append((matrix, matrix @ (unlike * draw.standard_normal(LENGTH))))
    return made


def gradient_of(party: tuple[np.ndarray, np.ndarray]):
    matrix, wanted = party
    return lambda x: matrix.T @ (matrix @ x - wanted)


def best(parties: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Where the sum of all losses is least."""
    return np.linalg.lstsq(np.vstack([a for a, _ in parties]), np.concatenate([b for _, b in parties]), rcond=None)[0]


def train(strategy: Strategy, parties, rounds: int) -> np.ndarray:
    """The parameters after each round, (rounds, LENGTH), all parties in every sum, nothing clipped."""
    x = np.zeros(LENGTH)
    common, own = strategy.common(x), [strategy.own(x) for _ in parties]
    path = []
    for _ in range(rounds):
        sent = [strategy.local(x, gradient_of(p), common, mine) for p, mine in zip(parties, own, strict=True)]
        own = [strategy.keep(mine, blocks) for mine, blocks in zip(own, sent, strict=True)]
        x, common = strategy.server(x, np.mean(sent, axis=0), common, 1.0)
        path.append(x)
    return np.array(path)
