"""How sure a proof makes: every term of the soundness error, added up, and refused where it is over 2^-100.

All terms are of the interactive protocol, where each challenge comes after what it is about was said; Fiat-Shamir
gives a prover one try for each hash it computes. |K| = p^2 is a little under 2^128. Nothing here is conjectured:

- *challenges*: no challenge of a sumcheck (degree up to 3 in one variable), of a random point (multilinear, so one
  value for each variable), or mixing two claims has more than 3 values of the |K| for which something false goes on.
  MaxPool's have more, as many as its window has places: `MaxPool.unsound` counts them beside the lookups.
- *lookup*: `lookup.verifier.unsound` values.
- *claims*: beta mixes the claims on a source by its powers, and has at most as many bad values as there are claims.
- *constraints*: alpha likewise; gamma is a root of a polynomial of degree 2.
- *proximity*: if the rows (and the mask) are not all within d of codewords at common places, then a combination at a
  random point, and by gamma, is within d with probability at most (row variables + 1) n / |K|
  [Ben-Sasson et al. 2020, Theorem 4.1; Angeris, Evans, Roh 2024].
- *columns*: words within d decode to one row each; a wrong combined row, or words further away, are missed by t
  columns with (1 - d)^t, d = (1 - k/n)/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log2

from tacit.errors import ProofError
from tacit.proofs.commitment.parameters import Code
from tacit.proofs.field import DEGREE, MODULUS

LEAST_BITS = 100
FIELD_BITS = DEGREE * log2(MODULUS)
WORST_CHALLENGE = 3  # values for which one challenge may let something false pass


@dataclass(frozen=True)
class Term:
    """One part of the error: 2^-bits."""

    name: str
    bits: float


@dataclass(frozen=True)
class Report:
    """All terms of one proof."""

    terms: tuple[Term, ...]

    @property
    def bits(self) -> float:
        """Minus the logarithm of the sum of all errors."""
        total = sum(2.0**-term.bits for term in self.terms)
        return -log2(total) if total else inf

    def lines(self) -> list[str]:
        """For people: every term, and the sum."""
        each = [f"{term.name}: 2^-{term.bits:.1f}" for term in self.terms]
        return [*each, f"all together: 2^-{self.bits:.1f}"]

    def require(self, least: float = LEAST_BITS) -> Report:
        """The same report; ProofError where it is under `least` bits."""
        if not self.bits >= least:
            raise ProofError(
                f"this proof would be sound to {self.bits:.1f} bits only, under {least}: {'; '.join(self.lines())}"
            )
        return self


def of_challenge(name: str, bad: int) -> Term:
    """A challenge of |K| values, `bad` of which let something false pass."""
    return Term(name, FIELD_BITS - log2(bad) if bad else inf)


def of_code(name: str, code: Code) -> list[Term]:
    """The proximity test and the opened columns of one commitment."""
    row_variables = (code.rows - 1).bit_length()
    return [
        of_challenge(f"{name}: proximity", (row_variables + 1) * code.points),
        Term(f"{name}: columns", code.query_bits),
    ]


def of_argument(
    challenges: int, claims: Sequence[int], constraints: int, codes: Sequence[tuple[str, Code]], lookups: int
) -> Report:
    """The report of an argument: challenges of its core; claims by source; constraints on pads, 0 in clear.

    codes: of every commitment that is opened, with its name; lookups: the bad values of all lookups.
    """
    terms = [
        of_challenge("challenges of sumchecks and points", WORST_CHALLENGE * challenges),
        of_challenge("lookups", lookups),
        of_challenge("mixing of claims", sum(claims)),
    ]
    if constraints:
        terms.append(of_challenge("constraints on hidden messages", constraints + 2))
    for name, code in codes:
        terms += of_code(name, code)
    return Report(tuple(terms))
