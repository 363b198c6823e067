"""A protocol on signed numbers, run by three parties in one thread: its result, its rounds and its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic

from ..lockstep import dealt, lockstep, opened, parties

SECURITIES = ("passive", "active")


@dataclass
class Outcome:
    value: np.ndarray  # int64, or uint64 words of bits
    rounds: int
    sent: list[int]  # bytes, by party


def run(protocol: Any, *values: Any, security: str = "passive", kind: type = Arithmetic, seed: int = 0) -> Outcome:
    """`protocol(party, *shares)` for fresh sharings of the values; what active mode notes is checked to be true."""
    rng = np.random.default_rng(seed)
    shares = [dealt(kind, np.asarray(value).astype(np.int64).view(np.uint64), rng) for value in values]
    people = parties(security)
    rounds, sent = [0] * 3, [0] * 3

    def counted(index: int) -> Any:
        program = protocol(people[index], *(share[index] for share in shares))
        try:
            exchange = next(program)
            while True:
                rounds[index] += 1
                sent[index] += exchange.bytes_sent
                exchange = program.send((yield exchange))
        except StopIteration as stop:
            return stop.value

    results = lockstep([counted(index) for index in range(3)])
    for result in results:
        if isinstance(result, Exception):
            raise result
    assert rounds[0] == rounds[1] == rounds[2]
    check_claims(people)
    value = opened(results)
    return Outcome(value.view(np.int64) if type(results[0]) is Arithmetic else value, rounds[0], sent)


def check_claims(people: list[Party]) -> None:
    """Of honest parties every claim holds, and the verifiers' factors are the prover's."""
    for ring, times, plus in (("arithmetic", np.multiply, np.add), ("binary", np.bitwise_and, np.bitwise_xor)):
        for i, prover in enumerate(people):
            proven, left = prover.pending.proven[ring], people[i - 1].pending.left[ring]
            right = people[(i + 1) % 3].pending.right[ring]
            for mine, before, after in zip(proven.elementwise, left.elementwise, right.elementwise, strict=True):
                total = np.zeros(mine.shape, dtype=np.uint64)
                for a, b in zip(mine.left, mine.right, strict=True):
                    total = plus(total, times(a, b))
                np.testing.assert_array_equal(total, plus(before.part, after.part))
                np.testing.assert_array_equal(mine.left, before.left)
                np.testing.assert_array_equal(mine.right, after.right)
