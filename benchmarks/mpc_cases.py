"""What `mpc.py` gives to both sides, work and setting, and what it takes back from either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from mpc_network import LOOPBACK, Hosts
from sklearn.datasets import load_breast_cancer

Arrays: TypeAlias = Mapping[str, np.ndarray]

WIDTHS = (784, 128, 128, 10)
PRODUCT = 512
EPOCHS, BATCH, RATE = 10, 32, 0.5
TRAIN_ROWS = 14 * BATCH  # of 569: whole minibatches, and the rest to test on


@dataclass(frozen=True)
class Setting:
    """Where the parties run: `threads` of one process, or `processes` that talk over TCP between `hosts`."""

    name: str
    parties: str
    hosts: Hosts = LOOPBACK


@dataclass(frozen=True)
class Outcome:
    """What one side makes of a case: some runs in one session.

    Attributes:
        seconds: of each run by the slowest party, from shares in memory to shares in memory.
        starting: seconds before the first run: compiling a program, connecting, agreeing on keys.
        bytes_sent: by one party in a run, mean of the three; without what TCP and TLS add.
        messages: sent by one party in a run, mean of the three.
        rounds: of a run, one after the other; None where a side does not tell.
        peak_bytes: the most memory of one process.
        result: what came out, put together: see `Case.expected`.
    """

    seconds: tuple[float, ...]
    starting: float
    bytes_sent: float
    messages: float
    rounds: int | None
    peak_bytes: int
    result: np.ndarray


@dataclass(frozen=True)
class Case:
    """One piece of work; `kind` is `mlp`, `product` or `logistic`, and `batch` the rows of an MLP's input.

    Attributes:
        error: how far a number that comes out may be from the one in float64; of weights, in the logistic regression.
    """

    name: str
    kind: str
    batch: int = 0
    error: float = 0.01

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is secret, float32: x, w0, b0, w1, ... (mlp); x, y (product); x (448, 30), y (448,) (logistic)."""
        draw = np.random.default_rng(1)
        if self.kind == "mlp":
            made = {"x": draw.uniform(0, 1, (self.batch, WIDTHS[0]))}
            for place, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
                made[f"w{place}"] = draw.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
                made[f"b{place}"] = draw.normal(0, 0.1, outputs)
        elif self.kind == "product":
            made = {name: draw.uniform(-1, 1, (PRODUCT, PRODUCT)) for name in "xy"}
        else:
            made = {name: array for name, array in breast_cancer().items() if name in "xy"}
        return {name: array.astype(np.float32) for name, array in made.items()}

    def expected(self) -> np.ndarray:
        """What comes out in float64: logits (batch, 10), the product, or the 30 weights and the intercept."""
        given = {name: array.astype(np.float64) for name, array in self.arrays().items()}
        if self.kind == "product":
            return given["x"] @ given["y"]
        if self.kind == "logistic":
            return descended(given["x"], given["y"])
        values = given["x"]
        for place in range(len(WIDTHS) - 1):
            values = values @ given[f"w{place}"] + given[f"b{place}"]
            if place < len(WIDTHS) - 2:
                values = np.maximum(values, 0)
        return values

    def check(self, result: np.ndarray, side: str) -> None:
        """Refuse a result that is further off than `error`."""
        off = float(np.abs(result - self.expected()).max())
        assert off < self.error, f"{side}, {self.name}: a number is {off:.3g} off"


LARGE = Case("MLP 784-128-128-10, batch 1024", "mlp", 1024)  # for its memory
CASES = (
    Case("MLP 784-128-128-10, batch 1", "mlp", 1),
    Case("MLP 784-128-128-10, batch 128", "mlp", 128),
    Case("product 512 x 512 x 512", "product"),
    # The sigmoid is an approximation, and 140 steps add up what it is off.
    Case("logistic regression, breast-cancer, 10 epochs", "logistic", error=0.05),
)


def breast_cancer() -> dict[str, np.ndarray]:
    """Standardised rows in a fixed order: x (448, 30) and y to train on, test_x (121, 30) and test_y."""
    rows, labels = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(2).permutation(len(rows))
    rows, labels = rows[order], labels[order]
    train = rows[:TRAIN_ROWS]
    rows = (rows - train.mean(0)) / train.std(0)
    return {
        "x": rows[:TRAIN_ROWS],
        "y": labels[:TRAIN_ROWS],
        "test_x": rows[TRAIN_ROWS:],
        "test_y": labels[TRAIN_ROWS:],
    }


def descended(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Weights and intercept after `EPOCHS` of SGD from zero over the minibatches in order: 140 steps."""
    weights = np.zeros(rows.shape[1] + 1)
    for start in list(range(0, len(rows), BATCH)) * EPOCHS:
        batch = np.append(rows[start : start + BATCH], np.ones((BATCH, 1)), axis=1)
        off = 1 / (1 + np.exp(-batch @ weights)) - labels[start : start + BATCH]
        weights -= RATE / BATCH * (off @ batch)
    return weights


def accuracy(weights: np.ndarray) -> float:
    """The part of breast-cancer's test rows that the weights and intercept class rightly."""
    held_out = breast_cancer()
    scores = held_out["test_x"] @ weights[:-1] + weights[-1]
    return float(((scores > 0) == (held_out["test_y"] > 0.5)).mean())
