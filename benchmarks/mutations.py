"""Proofs with something changed: none may be accepted. Every statement, in clear and in zero knowledge.

Run: python benchmarks/mutations.py [--count 100000] [--seed 0] [--processes 2]

Each mutation takes a true proof of a small statement and flips a bit, replaces a word by another, by that plus or
minus 1, or by one from elsewhere in the proof, swaps two words, cuts the end off or adds to it, or joins the halves
of two proofs of the same statement. Places are spread evenly over the proof, so that every kind of message is met in
proportion to its length, and once more over its first 4 kB, where the short messages of the sumchecks are.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
from rich.console import Console
from rich.table import Table

from tacit.errors import ProofError
from tacit.graph import Graph, Linear, ReLU, Sigmoid
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.dataset.secret import CommittedSet
from tacit.proofs.model.secret import CommittedModel
from tacit.proofs.statements.accuracy import Accuracy
from tacit.proofs.statements.fairness import DemographicParity, EqualisedOdds, Sizes
from tacit.proofs.statements.inference import Inference
from tacit.proofs.statements.proving import prove
from tacit.proofs.statements.statement import Statement, verify
from tacit.proofs.statements.well_formed import WellFormed

ROWS = 12
CHUNK = 250
USES = (0, 3)


def proofs(uses: int) -> dict[str, tuple[Statement, bytes, bytes]]:
    """Each statement with two proofs of it."""
    rng = np.random.default_rng(3)
    layers = [Linear.of(rng.normal(size=(4, 3))), ReLU.of(), Linear.of(rng.normal(size=(1, 4))), Sigmoid.of()]
    graph = Graph.build(layers, -1.0, 1.0, input_shape=(3,), fraction_bits=8)
    model = CommittedModel.new(graph, uses=uses * 10)
    rows = graph.encode(rng.uniform(-1, 1, (ROWS, 3)))
    labels = (graph.evaluate(rows)[:, 0] > 128).astype(np.int64)
    labels[:4] = 0, 0, 1, 1
    groups = np.arange(ROWS) % 2
    description = SetDescription.of(model.commitment.architecture, ROWS, classes=2, grouped=True)
    data = CommittedSet.new(description, rows, labels, groups, uses=uses * 10)
    both = model.commitment, data.commitment
    found: list[tuple[Statement, tuple]] = [
        (Inference(model.commitment, rows[:2], graph.evaluate(rows[:2])), (model,)),
        (WellFormed(model.commitment), (model,)),
        (Accuracy(*both, 1), (model, data)),
        (DemographicParity(*both, Fraction(99, 100), Sizes.of(data.parts, by_label=False)), (model, data)),
        (EqualisedOdds(*both, Fraction(99, 100), Sizes.of(data.parts, by_label=True)), (model, data)),
    ]
    return {each.kind: (each, prove(each, *secrets), prove(each, *secrets)) for each, secrets in found}


def mutated(proof: bytes, other: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """The kind of change, and the changed proof."""
    reach = min(len(proof), 4096) if rng.random() < 0.5 else len(proof)
    place = int(rng.integers(reach))
    word = place - place % 8
    changed = bytearray(proof)
    value = int.from_bytes(proof[word : word + 8], "little")

    def put(new: int) -> None:
        changed[word : word + 8] = (new % 2**64).to_bytes(8, "little")[: len(proof) - word]

    elsewhere = int(rng.integers(len(proof) // 8)) * 8
    kind = str(
        rng.choice(["bit", "random word", "plus or minus 1", "another word", "swap", "cut", "longer", "two halves"])
    )
    if kind == "bit":
        changed[place] ^= 1 << int(rng.integers(8))
    elif kind == "random word":
        put(int(rng.integers(0, 2**63)))
    elif kind == "plus or minus 1":
        put(value + int(rng.choice([-1, 1])))
    elif kind == "another word":
        put(int.from_bytes(proof[elsewhere : elsewhere + 8], "little"))
    elif kind == "swap":
        put(int.from_bytes(proof[elsewhere : elsewhere + 8], "little"))
        changed[elsewhere : elsewhere + 8] = proof[word : word + 8]
    elif kind == "cut":
        del changed[place:]
    elif kind == "longer":
        changed += rng.bytes(int(rng.integers(1, 40)))
    else:
        changed[place:] = other[place:]
    return kind, bytes(changed)


_MADE: dict[int, dict[str, tuple[Statement, bytes, bytes]]] = {}


def attack(seed: int, number: int) -> Counter[tuple[str, str]]:
    """`CHUNK` mutations; counted by statement and by what became of them."""
    uses = USES[number % len(USES)]
    if uses not in _MADE:
        _MADE[uses] = proofs(uses)
    rng, outcomes = np.random.default_rng((seed, number)), Counter()
    kinds = list(_MADE[uses])
    for _ in range(CHUNK):
        name = kinds[int(rng.integers(len(kinds)))]
        statement, proof, other = _MADE[uses][name]
        _, changed = mutated(proof, other, rng)
        if changed in (proof, other):
            outcomes[name, "unchanged"] += 1
            continue
        try:
            verify(statement, changed)
            outcomes[name, "ACCEPTED"] += 1
        except ProofError:
            outcomes[name, "refused"] += 1
    return outcomes


def main() -> None:
    arguments = argparse.ArgumentParser(description="Mutated proofs.")
    arguments.add_argument("--count", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--processes", type=int, default=2)
    given = arguments.parse_args()
    begun, chunks = time.perf_counter(), -(-given.count // CHUNK)
    total: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(given.processes) as pool:
        for outcomes in pool.map(attack, [given.seed] * chunks, range(chunks)):
            total += outcomes
    table = Table("statement", "refused", "accepted", box=None)
    for name in sorted({name for name, _ in total}):
        table.add_row(name, f"{total[name, 'refused']:,}", f"{total[name, 'ACCEPTED']:,}")
    Console().print(table)
    refused = sum(count for (_, outcome), count in total.items() if outcome == "refused")
    accepted = sum(count for (_, outcome), count in total.items() if outcome == "ACCEPTED")
    seconds = time.perf_counter() - begun
    line = {"case": "mutated proofs accepted", "ours": accepted, "peer": None, "ratio": None, "unit": ""}
    print(f"{refused:,} refused, {accepted} accepted, {seconds:,.0f} s")
    print(json.dumps([line]))
    raise SystemExit(1 if accepted else 0)


if __name__ == "__main__":
    main()
