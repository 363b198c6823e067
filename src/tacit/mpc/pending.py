"""What active mode still has to verify: for each product, what each of the three who are concerned knows of it.

Whatever a corrupt party can get wrong about a product is an error that it adds to what it sends. In every protocol of
this room, what prover P_i may have got wrong has, for each element of the result, the form

    sum over t of A_t B_t  =  lambda + kappa        modulo 2^64, or bit by bit with exclusive or and conjunction

where the *left* verifier P_{i-1} knows all A_t and lambda, the *right* verifier P_{i+1} all B_t and kappa, and the
prover all A_t and B_t. A party is prover of some claims, left verifier of others and right verifier of yet others; each
notes its own side, in the same order as the other two note theirs. Claims modulo 2^w are noted times 2^(64-w).

Records hold references, not copies: nobody changes the arrays afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

from tacit.mpc.replicated import Arithmetic, Binary, Words

Ring = Literal["arithmetic", "binary"]


@dataclass(frozen=True, repr=False, eq=False)
class Elementwise:
    """One side of the claim about `size` elements: for the prover no part, for a verifier one side's factors.

    left, right: the A_t and B_t, as many as there are terms, or () where this party does not know them; part: the
    verifier's lambda or kappa. uint64 arrays of one shape.
    """

    terms: int
    shape: tuple[int, ...]
    left: tuple[Words, ...] = ()
    right: tuple[Words, ...] = ()
    part: Words | None = None

    def __post_init__(self) -> None:
        arrays = [*self.left, *self.right, *(() if self.part is None else (self.part,))]
        if any(array.shape != self.shape for array in arrays):
            raise ValueError(f"factors and parts have one shape, not {[array.shape for array in arrays]}")
        if {len(self.left), len(self.right)} - {0, self.terms} or self.terms < 1:
            raise ValueError(f"{self.terms} terms have as many factors, not {len(self.left)} and {len(self.right)}")

    def __repr__(self) -> str:
        return f"Elementwise(secret, shape={self.shape}, terms={self.terms})"


@dataclass(frozen=True, repr=False, eq=False)
class Matrices:
    """One side of the claim x_i y_{i+1} + x_{i+1} y_i = lambda + kappa about matrices, x (m, k) and y (k, n).

    x and y hold components i and i + 1 of the factors where this party knows them; part is (m, n): for the left
    verifier lambda + x_i y_i, since it takes its own product away after compression.
    """

    x: tuple[Words | None, Words | None]
    y: tuple[Words | None, Words | None]
    part: Words | None = None

    @property
    def sides(self) -> tuple[int, int, int]:
        """m, k and n."""
        x = self.x[0] if self.x[0] is not None else self.x[1]
        y = self.y[0] if self.y[0] is not None else self.y[1]
        assert x is not None
        assert y is not None
        return x.shape[0], x.shape[1], y.shape[1]

    def __repr__(self) -> str:
        return f"Matrices(secret, sides={self.sides})"


@dataclass(repr=False)
class Claims:
    """The claims of one prover over one ring, in the order in which they were noted."""

    elementwise: list[Elementwise] = field(default_factory=list)
    matrices: list[Matrices] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.elementwise) + len(self.matrices)

    def __repr__(self) -> str:
        return f"Claims({len(self)} records)"


class Pending:
    """All that a party has to verify before anything may be opened."""

    def __init__(self) -> None:
        self.proven, self.left, self.right = _both_rings(), _both_rings(), _both_rings()

    def __len__(self) -> int:
        return sum(len(claims) for role in self._roles() for claims in role.values())

    @property
    def size(self) -> int:
        """Words that this party has to prove something of: results of products, and matrices with their factors."""
        total = 0
        for claims in self.proven.values():
            total += sum(prod(record.shape) for record in claims.elementwise)
            total += sum(m * k + k * n + m * n for m, k, n in (record.sides for record in claims.matrices))
        return total

    def __repr__(self) -> str:
        return f"Pending({len(self)} records)"

    def multiplied(self, ring: Ring, x: Arithmetic | Binary, y: Arithmetic | Binary, left: Words, right: Words) -> None:
        """A product of shares of one shape: this party's sides of all three claims.

        left: lambda of the next party's claim; right: kappa of the previous party's.
        """
        self.claimed(
            ring,
            proven=[(x.own, y.next), (y.own, x.next)],
            left=([x.next, y.next], left),
            right=([y.own, x.own], right),
        )

    def matrix_multiplied(self, x: Arithmetic, y: Arithmetic, left: Words, right: Words) -> None:
        """A product of matrices: this party's sides of all three claims.

        left: of the next party's claim, lambda with the product x_i y_i still in it; right: the previous one's kappa.
        """
        self.proven["arithmetic"].matrices.append(Matrices((x.own, x.next), (y.own, y.next)))
        self.left["arithmetic"].matrices.append(Matrices((x.next, None), (y.next, None), left))
        self.right["arithmetic"].matrices.append(Matrices((None, x.own), (None, y.own), right))

    def claimed(
        self,
        ring: Ring,
        *,
        proven: Sequence[tuple[Words, Words]] | None = None,
        left: tuple[Sequence[Words], Words] | None = None,
        right: tuple[Sequence[Words], Words] | None = None,
    ) -> None:
        """Claims of the general form, uint64 arrays of one shape each; None where the operation has no such claim.

        proven: the terms (A_t, B_t) of this party's claim; left: all A_t and lambda of the next party's; right: all B_t
        and kappa of the previous party's.
        """
        if proven is not None:
            factors, others = zip(*proven, strict=True)
            self.proven[ring].elementwise.append(Elementwise(len(factors), factors[0].shape, factors, others))
        if left is not None:
            self.left[ring].elementwise.append(
                Elementwise(len(left[0]), left[1].shape, left=tuple(left[0]), part=left[1])
            )
        if right is not None:
            self.right[ring].elementwise.append(
                Elementwise(len(right[0]), right[1].shape, right=tuple(right[0]), part=right[1])
            )

    def forget(self, verified: Pending) -> None:
        """Drop the records that `verified`, an earlier copy of this, has: those that were noted first."""
        for mine, theirs in zip(self._roles(), verified._roles(), strict=True):
            for ring, claims in mine.items():
                del claims.elementwise[: len(theirs[ring].elementwise)]
                del claims.matrices[: len(theirs[ring].matrices)]

    def copy(self) -> Pending:
        """The records so far; the arrays are the same."""
        copied = Pending()
        for mine, theirs in zip(self._roles(), copied._roles(), strict=True):
            for ring, claims in mine.items():
                theirs[ring].elementwise.extend(claims.elementwise)
                theirs[ring].matrices.extend(claims.matrices)
        return copied

    def _roles(self) -> tuple[dict[Ring, Claims], dict[Ring, Claims], dict[Ring, Claims]]:
        return self.proven, self.left, self.right


def _both_rings() -> dict[Ring, Claims]:
    return {"arithmetic": Claims(), "binary": Claims()}
