"""How the claims of one prover over one ring are folded: which follows from public sizes, with its costs and its error.

As few folds as the error allows, since each costs two rounds; and in each as many rows as make the least of work and of
bytes, since each row costs two elements on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, reduce
from math import prod

from tacit.kernels.weighting import DEGREE
from tacit.mpc.galois import Extension
from tacit.mpc.pending import Claims

SEED = 16  # bytes
DIGEST = 32
MOST_ERROR = Fraction(1, 2**40)
MOST_ROWS = 64
MOST_FOLDS = 60
MOST_FIRST_ROWS = 32
FIRST_ROWS = (16, 32)  # of the first fold where there is much: one or two tiles of the kernels
MUCH = 4096  # words
LIFTED = {"arithmetic": 1024, "binary": 64}  # words up to which claims may become elements without a first fold
# What a plan is chosen by: products of words for a term and a row in the first fold, for an element and a row in the
# others; how many rows cost as much as an element of a vector, besides; and products in the time of a byte.
FIRST_WORK, FOLD_WORK, ROWS_LIKE_A_VECTOR, WIRE_WORK = 64, 1200, 20, 128
WORD = 8  # bytes


@dataclass(frozen=True)
class Plan:
    """One verification.

    batches: how many terms and how many words the elementwise claims have; matrices: their sides (m, k, n); rows: into
    how many the elementwise claims are cut before the first fold, 1 where there is none; folds: the rows of the further
    folds; last: elements that are left for the final one.
    """

    extension: Extension
    batches: tuple[tuple[int, int], ...]
    matrices: tuple[tuple[int, int, int], ...]
    rows: int
    folds: tuple[int, ...]
    last: int

    def row_words(self, batch: int) -> int:
        """Words in each row of a batch."""
        return -(-self.batches[batch][1] // self.rows)

    @property
    def length(self) -> int:
        """Elements of the vectors after the first fold."""
        return _length(self.extension, self.batches, self.matrices, self.rows)

    @property
    def fold_count(self) -> int:
        """Folds in all, with the first and the final one."""
        return (self.rows > 1) + len(self.folds) + 1

    @property
    def rounds(self) -> int:
        """1 for the weights, 2 for each fold."""
        return 1 + 2 * self.fold_count

    @property
    def bytes_sent(self) -> tuple[int, int, int]:
        """Bytes that the prover, the left and the right verifier send."""
        element = WORD * self.extension.wire_words
        inner = (self.rows, *self.folds) if self.rows > 1 else self.folds
        prover = element * (sum(2 * rows - 2 for rows in inner) + 2 * self.last)
        left = SEED + DIGEST * self.fold_count + 2 * element
        return prover, left, DIGEST + SEED * self.fold_count + 2 * element

    @property
    def error_terms(self) -> dict[str, int]:
        """What each step adds to the chance that a false claim passes, in units of 2^-48."""
        terms = {"weights": 2}
        if self.rows > 1:
            terms["first fold"] = 2 * self.rows - 2
        terms |= {f"fold {number}": 2 * rows - 2 for number, rows in enumerate(self.folds, start=1)}
        return terms | {"final fold": 2 * self.last + 1}

    @property
    def error(self) -> Fraction:
        """The chance, at most, that a false claim passes."""
        return Fraction(sum(self.error_terms.values()), 2**DEGREE)


def plan(extension: Extension, claims: Claims) -> Plan | None:
    """The plan for claims of these shapes; None where there is nothing to verify.

    Raises ValueError where there are too many for the error to stay below 2^-40.
    """
    counts: dict[int, int] = {}
    for record in claims.elementwise:
        if size := prod(record.shape):
            counts[record.terms] = counts.get(record.terms, 0) + size
    batches = tuple(sorted(counts.items()))
    matrices = tuple(sides for sides in (record.sides for record in claims.matrices) if sides[0] * sides[2])
    if not batches and not matrices:
        return None
    return _cheapest(extension, batches, matrices)


@lru_cache(maxsize=64)
def _cheapest(
    extension: Extension, batches: tuple[tuple[int, int], ...], matrices: tuple[tuple[int, int, int], ...]
) -> Plan:
    claimed = sum(terms * words for terms, words in batches)
    firsts = [1] if claimed <= LIFTED[extension.ring] else []
    if batches:
        firsts += range(2, MOST_FIRST_ROWS + 1) if claimed < MUCH else FIRST_ROWS
    for count in range(1, MOST_FOLDS + 1):
        shortest = (Plan(extension, batches, matrices, first, (), 0) for first in firsts if first == 1 or count > 1)
        plans = [found for plan in shortest for found in _with_folds(plan, count - plan.fold_count)]
        if plans:
            return min(plans, key=_cost)
    raise ValueError("too many products for one verification: verify more often")


def _with_folds(short: Plan, count: int) -> Iterator[Plan]:
    """A plan with `count` folds more before the final one, for each number of rows of the next: where the error allows.

    Nearly all the work of these folds is in the first, in proportion to its rows; so the others have rows of their own,
    as few as can be.
    """
    row_length = short.extension.row_length
    for rows in range(2, MOST_ROWS + 1) if count else (1,):
        length = row_length(short.length, rows)
        for others in range(max(2, int(length ** (1 / max(1, count)))), MOST_ROWS + 1):
            folds = ((rows, *(others,) * (count - 1))) if count else ()
            last = reduce(row_length, folds[1:], length)
            if last <= others:
                found = replace(short, folds=folds, last=last)
                if found.error < MOST_ERROR:
                    yield found
                break


def _cost(plan: Plan) -> int:
    """The prover's work, in products of words on which a vector unit is busy as long."""
    length = plan.length
    work = FIRST_WORK * length * plan.rows**2 if plan.rows > 1 else 0
    for rows in (*plan.folds, plan.last):
        work += FOLD_WORK * length // plan.extension.unit * (rows + ROWS_LIKE_A_VECTOR)
        length = plan.extension.row_length(length, rows)
    return work + WIRE_WORK * plan.bytes_sent[0]


def _length(
    extension: Extension, batches: tuple[tuple[int, int], ...], matrices: tuple[tuple[int, int, int], ...], rows: int
) -> int:
    elements = sum(terms * -(-words // rows) * extension.unit for terms, words in batches)
    return max(1, elements + sum(2 * inner for _, inner, _ in matrices))
