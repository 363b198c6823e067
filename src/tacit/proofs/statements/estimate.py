"""What a proof would take, before there is one: `tacit prove --plan`.

The size follows from what the verifier would read: how many values, rows and columns; only how many nodes the Merkle
paths share depends on chance. Time and memory are proportional to what has to be encoded and summed up, with rates
that were measured on two cores with AVX2: expect them to be within a factor of 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from tacit.proofs.argument import pads, verifier
from tacit.proofs.commitment.parameters import DIGEST, SALT, WORD, Code
from tacit.proofs.dataset.layout import SET
from tacit.proofs.statements.statement import Statement

ELEMENT = 16  # bytes of an extension element
LEAST_SECONDS, LEAST_MEMORY = 0.03, 150e6  # of any proof: small steps, and the libraries
WORDS_A_SECOND = 90e6  # codeword symbols encoded and hashed
GATES_A_SECOND = 80e6  # products summed up by sumchecks
VALUES_A_SECOND = 3e6  # digits of the witness and of a set: committed, looked up, claimed
BYTES_A_WORD, BYTES_A_VALUE = 10, 150


@dataclass(frozen=True)
class Estimate:
    """seconds of proving on two cores; bytes of memory at the peak; bytes of the proof."""

    seconds: float
    memory: int
    size: int

    def as_dict(self) -> dict[str, float]:
        """For programs."""
        return {"seconds": self.seconds, "memory_bytes": self.memory, "proof_bytes": self.size}

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        return [
            ("time", f"{self.seconds:,.2f} s"),
            ("memory", f"{self.memory / 1e6:,.0f} MB"),
            ("proof", f"{self.size / 1e3:,.0f} kB"),
        ]


def estimate(statement: Statement) -> Estimate:
    """What proving `statement` would take; ProofError where it could not be proved soundly."""
    sources = statement.sources()
    messages, report = verifier.rehearse(statement.core, sources, statement.lookups())
    report.require()
    words = sum((source.code.rows + pads.ROWS) * source.code.points for source in sources)
    values = statement.planning.witness.values + sum(source.code.values for source in sources[SET:])
    seconds = LEAST_SECONDS + words / WORDS_A_SECOND + values / VALUES_A_SECOND + statement.gates() / GATES_A_SECOND
    memory = LEAST_MEMORY + BYTES_A_WORD * words + BYTES_A_VALUE * values
    return Estimate(seconds, int(memory), _size(statement, messages))


def _size(statement: Statement, messages: int) -> int:
    sources = statement.sources()
    total = DIGEST + ELEMENT * messages
    if not statement.hidden:
        return total + sum(ELEMENT * each.code.length + _opened(each.code, each.code.rows) for each in sources)
    code = pads.code(messages)
    total += DIGEST * len(sources) + 2 * ELEMENT + ELEMENT * code.length + _opened(code, 2 * pads.ROWS)
    for number, source in enumerate(sources):
        own = pads.ROWS if number == verifier.WITNESS else 0
        total += ELEMENT * source.code.length + _opened(source.code, source.code.rows + own)
        if not own:
            total += _opened(source.code, pads.ROWS)
    return total


def _opened(code: Code, rows: int) -> int:
    """Bytes of the opened columns of one tree, with their paths."""
    salt = SALT if code.hidden else 0
    return int(code.queries * (WORD * rows + salt) + DIGEST * _siblings(code))


def _siblings(code: Code) -> float:
    """How many nodes the paths of the queries have, on average: those beside a path that are on none."""
    nodes, expected = code.points, 0.0
    while nodes > 1:
        on_a_path = 1 - (1 - 1 / nodes) ** code.queries
        expected += nodes * on_a_path * (1 - on_a_path)
        nodes //= 2
    return expected
