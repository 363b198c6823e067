"""What is minimised, and how near to the minimum the model is claimed to be: all public, all exact.

F(w) = (1/n) sum_i loss(y_i, x_i.w) + mu/2 |w|^2, where w is the d weights and the intercept, and x_i the d features and
a constant 1: the intercept is regularised as the weights are. Losses, with s = x.w and the sign t = 2 y - 1:

    ridge            (s - y)^2 / 2             y a number
    logistic         log(1 + e^s) - y s        y in {0, 1}
    squared hinge    max(0, 1 - t s)^2 / 2     y in {0, 1}
    hinge            max(0, 1 - t s)           y in {0, 1}
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from tacit.errors import ProofError

RIDGE, LOGISTIC, SQUARED_HINGE, HINGE = LOSSES = ("ridge", "logistic", "squared hinge", "hinge")

MOST_MU_BITS = 40
LEAST_SCORE_BITS, MOST_SCORE_BITS = 0, 20
LEAST_TABLE_BITS, MOST_TABLE_BITS = 6, 18
_ROOT_BITS = 64


@dataclass(frozen=True)
class Objective:
    """mu: a multiple of 2^-40, above 0. gradient: G, the bound of |gradient of F|. slackness: K, for the hinge alone.

    score_bits: every |score| (ridge: every |label| and |score - label|) is below 2^score_bits. table_bits: of the table
    of the sigmoid. ProofError for anything else.
    """

    loss: str
    mu: Fraction
    gradient: Fraction
    slackness: Fraction = Fraction(0)
    score_bits: int = 5
    table_bits: int = 16

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ProofError(f"no loss {self.loss!r}; there are {', '.join(LOSSES)}")
        if self.mu <= 0 or (1 << MOST_MU_BITS) % self.mu.denominator:
            raise ProofError(f"mu must be a multiple of 2^-{MOST_MU_BITS} above 0, not {self.mu}")
        if self.gradient <= 0 or self.slackness < 0 or (self.slackness > 0) != (self.loss == HINGE):
            raise ProofError("the gradient's bound must be above 0, and so the slackness of a hinge; others have none")
        if not LEAST_SCORE_BITS <= self.score_bits <= MOST_SCORE_BITS:
            raise ProofError(f"score_bits is from {LEAST_SCORE_BITS} to {MOST_SCORE_BITS}, not {self.score_bits}")
        if not LEAST_TABLE_BITS <= self.table_bits <= MOST_TABLE_BITS:
            raise ProofError(f"table_bits is from {LEAST_TABLE_BITS} to {MOST_TABLE_BITS}, not {self.table_bits}")

    @property
    def mu_bits(self) -> int:
        """m: mu is a whole number of 2^-m."""
        return self.mu.denominator.bit_length() - 1

    @property
    def gap(self) -> Fraction:
        """The bound of F(w) - F*: K + G^2 / (2 mu)."""
        return self.slackness + self.gradient**2 / (2 * self.mu)

    @property
    def distance(self) -> Fraction:
        """The bound of |w - w*|: G / mu, and for the hinge sqrt(2 gap / mu), rounded up."""
        if self.loss == HINGE:
            return root(2 * self.gap / self.mu)
        return self.gradient / self.mu

    def said(self) -> dict[str, object]:
        """For an instance."""
        return {
            "loss": self.loss,
            "mu": str(self.mu),
            "gradient": str(self.gradient),
            "slackness": str(self.slackness),
            "score bits": self.score_bits,
            "table bits": self.table_bits,
            "intercept": "regularised",
        }


def root(square: Fraction) -> Fraction:
    """The square root, rounded up to a multiple of 2^-64."""
    whole = -((-square.numerator << 2 * _ROOT_BITS) // square.denominator)
    found = isqrt(whole)
    return Fraction(found + (found * found < whole), 1 << _ROOT_BITS)
