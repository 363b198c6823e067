"""Claims on committed vectors, and the sumcheck that takes all claims on one to a single point.

A committed vector is a multilinear polynomial f. A *block* is an aligned part of it, itself a multilinear polynomial:
its entry at x is f(address, x). A claim says that sum_j c_j * block_j(point_j) is a value. With one challenge beta,

    sum_i beta^i value_i = sum_x f(x) * w(x),    w(x) = sum_i beta^i sum_j c_ij eq(address_ij, point_ij; x),

a sumcheck of degree 2, after which f at one random point is left [Thaler 2022, section 4.5.2]; w the verifier computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.proofs.channel import Receiver, Value
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.multilinear import equality
from tacit.proofs.sumcheck import verifier as sumcheck

DEGREE = 2

Point = tuple[Element, ...]


@dataclass(frozen=True)
class Block:
    """Entries `offset` to `offset + 2^variables` of source number `source`; the offset is a multiple of the size."""

    source: int
    offset: int
    variables: int

    def address(self, variables: int) -> list[int]:
        """The block's number among those of its size in a vector of 2^variables, in bits, most significant first."""
        number = self.offset >> self.variables
        return [number >> place & 1 for place in reversed(range(variables - self.variables))]


@dataclass(frozen=True)
class Term:
    """factor * block(point)."""

    factor: Element
    block: Block
    point: Point


@dataclass(frozen=True)
class Claim:
    """The terms' sum is the value."""

    terms: tuple[Term, ...]
    value: Value


@dataclass(frozen=True)
class Evaluation:
    """What is left of the claims on a source, so many of them: factor * f(point) = value."""

    source: int
    point: Point
    factor: Element
    value: Value
    claims: int


class Claims:
    """The claims that a core has left, by source."""

    def __init__(self, sources: int) -> None:
        self._claims: list[list[Claim]] = [[] for _ in range(sources)]

    def add(self, terms: Sequence[Term], value: Value) -> None:
        """Claim that the sum of the terms, all on one source, is the value."""
        sources = {term.block.source for term in terms}
        if len(sources) != 1:
            raise ValueError(f"a claim is on one source, not on {len(sources)}")
        self._claims[sources.pop()].append(Claim(tuple(terms), value))

    def on(self, source: int) -> list[Claim]:
        """The claims on this source."""
        return self._claims[source]


def reduce(receiver: Receiver, source: int, claims: Sequence[Claim], variables: int) -> Evaluation:
    """Check the sumcheck of all claims on a source of 2^variables entries, and give what is left of them."""
    beta = receiver.challenge()
    total: Value = ZERO
    power = ONE
    for claim in claims:
        total = claim.value * power + total
        power = power * beta
    point, value = sumcheck.verify(receiver, total, variables, DEGREE)
    return Evaluation(source, tuple(point), weight(claims, beta, tuple(point)), value, len(claims))


def weight(claims: Sequence[Claim], beta: Element, point: Point) -> Element:
    """w at a point: the work of the verifier, some multiplications for each variable of each term."""
    equalities: dict[tuple[int, int], Element] = {}  # of points that terms share
    total, power = ZERO, ONE
    for claim in claims:
        for term in claim.terms:
            block = term.block
            key = (id(term.point), block.variables)
            if key not in equalities:
                equalities[key] = equality(term.point, point[len(point) - block.variables :])
            product = term.factor * equalities[key] * power
            for bit, coordinate in zip(block.address(len(point)), point, strict=False):
                product = product * (coordinate if bit else 1 - coordinate)
            total = total + product
        power = power * beta
    return total
