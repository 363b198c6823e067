"""Our side of `proofs.py`: one case in a process of its own, so that its memory is its own.

Run: python proofs_ours.py '{"case": "mlp", "uses": 64, "repeat": 5}'

The last line is JSON: seconds and CPU seconds of each step, a list with one entry for each run, and the most memory of
the process during it; bytes of the proof, the statement's soundness and the number of weights and of rows. Each step is
run once before those that are timed, so that kernels are loaded. `setup` is the commitment to the model, `well-formed`
the proof that goes with a commitment once, `set` the commitment to the rows. `prove` begins with the statement and
computes the witness; `verify` begins with the bytes of a certificate, reads it and makes the statement anew.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from tacit.graph import Graph
from tacit.graph.layers import AveragePool, Conv2d, Flatten, Linear, ReLU
from tacit.proofs.certificate import Certificate
from tacit.proofs.commitment.long_lived import LongLived
from tacit.proofs.commitment.parameters import choose
from tacit.proofs.commitment.prover import commit, rows_of
from tacit.proofs.commitment.randomness import Randomness, fresh_key
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import EqualisedOdds, Sizes
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.proving import prove
from tacit.proofs.statements.statement import Statement
from tacit.proofs.statements.well_formed import WellFormed

ADULT = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "adult" / "adult.csv"
DENSE = {  # rows, widths
    "mlp": (1, (784, 128, 10)),
    "linear-1": (1, (30, 1)),
    "linear-512": (512, (30, 1)),
    "dense-4m": (1, (784, 1536, 1536, 288, 10)),
}
SET_ROWS, SET_FEATURES, SET_HIDDEN = 16_384, 128, 32
COMMITTED = 2**22
CONTEXT = b"benchmark"

T = TypeVar("T")


class Clock:
    """steps: for each, the wall and the CPU seconds of its runs; peaks: for each, bytes."""

    def __init__(self, repeat: int) -> None:
        self.steps: dict[str, dict[str, list[float]]] = {}
        self.peaks: dict[str, int] = {}
        self._repeat = repeat

    def time(self, step: str, work: Callable[[], T]) -> T:
        """Run it once to warm up, and then so often as is asked; what the last run returned."""
        taken = self.steps[step] = {"seconds": [], "cpu": []}
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        for run in range(self._repeat + 1):
            result: T | None = None  # so that only one is kept
            seconds, cpu = time.perf_counter(), time.process_time()
            result = work()
            if run:
                taken["seconds"].append(time.perf_counter() - seconds)
                taken["cpu"].append(time.process_time() - cpu)
        assert result is not None
        self.peaks[step] = peak()
        return result


@dataclass(frozen=True)
class Proved:
    """What came out: bytes of the proof, its soundness, and how large the statement is."""

    proof: int
    bits: float
    weights: int
    rows: int


def arrays(rows: int, widths: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Rows and layers of a dense network, float32: x in [-1, 1], w0 (inputs, outputs), b0, w1, ..."""
    draw = np.random.default_rng(1)
    made = {"x": draw.uniform(-1, 1, (rows, widths[0]))}
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        made[f"w{place}"] = draw.normal(0, np.sqrt(1 / inputs), (inputs, outputs))
        made[f"b{place}"] = draw.normal(0, 0.1, outputs)
    return {name: array.astype(np.float32) for name, array in made.items()}


def dense(given: dict[str, np.ndarray]) -> Graph:
    """The network of `arrays`, with ReLU between its layers."""
    layers = []
    for place in range(sum(name.startswith("w") for name in given)):
        layers += [ReLU.of()] if place else []
        layers.append(Linear.of(given[f"w{place}"].T, given[f"b{place}"]))
    return Graph.build(layers, -1.0, 1.0, input_shape=(given["x"].shape[1],))


def lenet() -> Graph:
    """LeNet-5 on 28 x 28: 61,706 weights, ReLU and average pooling."""
    draw = np.random.default_rng(1)

    def scaled(*shape: int) -> np.ndarray:
        return draw.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape)

    layers = [
        *(Conv2d.of(scaled(6, 1, 5, 5), np.zeros(6), padding=2), ReLU.of(), AveragePool.of(2)),
        *(Conv2d.of(scaled(16, 6, 5, 5), np.zeros(16)), ReLU.of(), AveragePool.of(2), Flatten.of()),
        *(Linear.of(scaled(120, 400), np.zeros(120)), ReLU.of()),
        *(Linear.of(scaled(84, 120), np.zeros(84)), ReLU.of(), Linear.of(scaled(10, 84), np.zeros(10))),
    ]
    return Graph.build(layers, -1.0, 1.0, input_shape=(1, 28, 28))


def committed(graph: Graph, uses: int, clock: Clock) -> CommittedModel:
    """Commit to a model, and prove that it is well-formed."""
    model = clock.time("setup", lambda: CommittedModel.new(graph, uses=uses))
    certified(clock, lambda: WellFormed(model.commitment), model, suffix="-well-formed")
    return model


def inference(graph: Graph, inputs: np.ndarray, uses: int, clock: Clock) -> Proved:
    """What a model gives on the rows."""
    model = committed(graph, uses, clock)
    rows = graph.encode(inputs)
    outputs = graph.evaluate(rows)
    return certified(clock, lambda: Inference(model.commitment, rows, outputs), model)


def certified(clock: Clock, state: Callable[[], Statement], *secrets: LongLived, suffix: str = "") -> Proved:
    """Prove a statement, and verify its certificate against the commitments."""
    proof = clock.time(f"prove{suffix}", lambda: prove(state(), *secrets, context=CONTEXT))
    statement = state()
    data = Certificate.of(statement, proof, CONTEXT).encode()
    expected = [secret.commitment.to_bytes() for secret in secrets]
    report = clock.time(f"verify{suffix}", lambda: Certificate.decode(data).verify(expected, CONTEXT))
    architecture = next(secret.commitment.architecture for secret in secrets if isinstance(secret, CommittedModel))
    return Proved(len(proof), report.bits, architecture.parameters, getattr(statement, "count", 0))


def assessed(kind: str, count: int, uses: int, clock: Clock) -> Proved:
    """Accuracy, or equalised odds, of an MLP 128-32-2 on a committed set that it is right on but for a few rows."""
    given = arrays(count, (SET_FEATURES, SET_HIDDEN, 2))
    graph = dense(given)
    model = committed(graph, uses, clock)
    rows = graph.encode(given["x"])
    labels = graph.evaluate(rows).argmax(axis=1).astype(np.int64)
    labels[: count // 10] ^= 1
    groups = (np.arange(count) % 2).astype(np.int64)
    description = SetDescription.of(model.commitment.architecture, count, classes=2, grouped=True)
    data = clock.time("set", lambda: CommittedSet.new(description, rows, labels, groups, uses=uses))
    commitments = model.commitment, data.commitment
    if kind == "accuracy":
        return certified(clock, lambda: Accuracy(*commitments, count * 8 // 10), model, data)
    sizes = Sizes.of(data.parts, by_label=True)
    return certified(clock, lambda: EqualisedOdds(*commitments, Fraction(1, 3), sizes), model, data)


def optimality(uses: int, clock: Clock) -> Proved:
    """Logistic regression on all rows of Adult, one-hot, fitted outside the clock."""
    from tacit.proofs.statements.optimality import Optimality
    from tacit.proofs.statements.optimality.fitting import fit

    features, labels = adult()
    ends = np.ones(features.shape[1])
    found = fit(features, labels, "logistic", 1 / 1024, low=-ends, high=ends)
    model = committed(found.graph, uses, clock)
    data = clock.time("set", lambda: CommittedSet.new(found.description, found.rows, found.labels, uses=uses))
    return certified(clock, lambda: Optimality(model.commitment, data.commitment, found.objective), model, data)


def adult() -> tuple[np.ndarray, np.ndarray]:
    """Features one-hot and scaled to [-1, 1] (32,561, about 100), and labels 0 or 1."""
    import pandas as pd

    table = pd.read_csv(ADULT)
    labels = table.pop("income").str.strip().str.startswith(">50K").to_numpy().astype(float)
    columns = pd.get_dummies(table, dummy_na=False).to_numpy(dtype=np.float64)
    low, high = columns.min(axis=0), columns.max(axis=0)
    return 2 * (columns - low) / np.maximum(high - low, 1e-9) - 1, labels


def commitment(uses: int, clock: Clock) -> Proved:
    """Commit to random field elements."""
    code = choose(COMMITTED, uses)
    values = np.random.default_rng(1).integers(0, 2**32, COMMITTED, dtype=np.uint64)

    def work() -> bytes:
        randomness = Randomness(fresh_key()) if uses else None
        return commit(rows_of(values, code), code, randomness, masked=False).root

    clock.time("commit", work)
    return Proved(code.opening_bytes(), code.query_bits, COMMITTED, 0)


def run(case: str, uses: int, repeat: int) -> dict[str, object]:
    """A case of `proofs.py`; for the plot `dense N`, about so many weights, and `accuracy N` or `fairness N`, rows."""
    clock = Clock(repeat)
    name, _, number = case.partition(" ")
    if name == "dense":
        width = (int(number) / 2.4) ** 0.5
        given = arrays(1, (*[round(width)] * 3, round(0.4 * width), 10))
        proved = inference(dense(given), given["x"], uses, clock)
    elif name in DENSE:
        given = arrays(*DENSE[name])
        proved = inference(dense(given), given["x"], uses, clock)
    elif name == "cnn":
        proved = inference(lenet(), np.random.default_rng(2).uniform(-1, 1, (1, 1, 28, 28)), uses, clock)
    elif name in ("accuracy", "fairness"):
        proved = assessed(name, int(number or SET_ROWS), uses, clock)
    else:
        proved = {"optimality": optimality, "commitment": commitment}[name](uses, clock)
    return {"steps": clock.steps, "peaks": clock.peaks, "peak": max(clock.peaks.values()), **vars(proved)}


def peak() -> int:
    """The most memory of this process since `clear_refs`, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(run(**json.loads(sys.argv[1]))))
