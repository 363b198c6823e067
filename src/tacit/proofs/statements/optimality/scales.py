"""The fixed point of one statement: how many bits everything has, so that nothing wraps modulo p, and the errors.

Both sides compute it from what is public, in integers and fractions, with the names of docs/protocols/optimality.md:
x = X / 2^f, w = W / 2^g, b = B / 2^(f+g); scores S = X W + B have f + g fractional bits; residuals R have q.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from tacit.errors import ProofError
from tacit.proofs.architecture import Step
from tacit.proofs.dataset.description import SetDescription
from tacit.proofs.statements.optimality.objective import HINGE, LOGISTIC, RIDGE, SQUARED_HINGE, Objective, root
from tacit.proofs.statements.optimality.sigmoid import OFFSET_BITS, Chords

MOST_BITS = 60  # of each side of a relation: twice that in size is still below p/2
MOST_RESIDUAL_BITS, LEAST_RESIDUAL_BITS = 28, 6
MOST_GRADIENT_BITS = 24


@dataclass(frozen=True)
class Scales:
    """What `scales` found.

    rows, features: n, d. fraction_bits: f; weight_bits: g; label_bits: of a label; residual_bits: q; lift: a factor
    2^lift of the sums X^T R, so that mu W fits beside them. weight_width, bias_width: |W| < 2^, |round(B / 2^f)| < 2^.
    gradient_bits: |gradient units| < 2^. shift: a gradient unit is 2^shift of n 2^(f+q+lift). pull: the whole number
    n mu 2^(f+q+lift-g). norm: the bound of the sum of squares of gradient units. excess: that of the hinge's
    slackness, in n 2^(2q). rounding: of the gradient, all together, included in G.
    """

    objective: Objective
    rows: int
    features: int
    fraction_bits: int
    weight_bits: int
    label_bits: int
    residual_bits: int
    lift: int
    weight_width: int
    bias_width: int
    gradient_bits: int
    shift: int
    pull: int
    norm: int
    excess: int
    rounding: Fraction
    chords: Chords | None

    @property
    def accumulator_bits(self) -> int:
        """f + g."""
        return self.fraction_bits + self.weight_bits

    @property
    def dropped(self) -> int:
        """How many bits of a score a residual rounds away; the logistic loss has its own."""
        return self.accumulator_bits - self.residual_bits

    def said(self) -> dict[str, object]:
        """The theorem's constants, for an instance."""
        return {
            "residual bits": self.residual_bits,
            "gradient unit": str(self.unit),
            "sum of squares": self.norm,
            "rounding": str(self.rounding),
            "excess": self.excess,
        }

    @property
    def unit(self) -> Fraction:
        """A unit of the committed gradient."""
        return Fraction(1 << self.shift, self.rows << (self.fraction_bits + self.residual_bits + self.lift))


def scales(objective: Objective, data: SetDescription, step: Step) -> Scales:
    """The scales for a linear layer on a set; ProofError, which says what would fit, where there are none."""
    f, g, n, d = data.fraction_bits, step.number("weight_bits"), data.rows, data.shape[0]
    reaches = [max(abs(low), abs(high)) for low, high in zip(data.low, data.high, strict=True)]
    reach = max(*reaches, 1 << f)
    width, bias = step.parameter_bits["weight"], max(step.parameter_bits["bias"] - f, 0) + 1
    if (sum(reaches) << width) + (2 << (bias + f)) > 1 << MOST_BITS:
        raise ProofError(f"scores could pass 2^{MOST_BITS}: build the graph with fewer weight_bits than {g}")
    k = objective.score_bits
    if f + g + k + 2 > MOST_BITS:
        raise ProofError(f"scores of {f} + {g} fractional bits below 2^{k} pass 2^{MOST_BITS}: fewer weight_bits")
    chords = _chords(objective, f + g) if objective.loss == LOGISTIC else None
    growth = {RIDGE: k, LOGISTIC: 1, SQUARED_HINGE: k + 2, HINGE: 1}[objective.loss]
    q = min(MOST_RESIDUAL_BITS, MOST_BITS - (n * reach).bit_length() - growth)
    q = min(q, chords.bits - 1) if chords else min(q, f + g)
    if objective.loss == HINGE:
        q = min(q, (MOST_BITS - n.bit_length() - k - 4) // 2)
    lift = max(0, objective.mu_bits + g - f - q)
    if q < LEAST_RESIDUAL_BITS or (n * reach).bit_length() + growth + q + lift > MOST_BITS:
        raise ProofError(
            f"the sums over {n} rows would pass 2^{MOST_BITS} with {f} fractional bits, residuals of {q} bits and mu of"
            f" {objective.mu_bits}: scale the features down, or round mu to fewer bits"
        )
    pull = n * objective.mu.numerator << (f + q + lift - g - objective.mu_bits)
    if pull << max(width, bias) > 1 << MOST_BITS:
        raise ProofError(f"n mu w could pass 2^{MOST_BITS}: build the graph with fewer weight_bits than {g}")
    widest = root(1 + sum((Fraction(each, 1 << f) ** 2 for each in reaches), Fraction(0)))
    rounding = widest * _residual_error(objective, chords, q, f + g) + objective.mu / (2 << g)
    bits, shift, units = _units(objective, d, Fraction(n << (f + q + lift)), rounding)
    rounding += root(Fraction(d + 1)) * Fraction(1 << shift, n << (f + q + lift)) / 2 if shift else 0
    excess = floor((objective.slackness - Fraction(1, 2 << q)) * (n << 2 * q)) if objective.loss == HINGE else 0
    if excess < 0 or excess.bit_length() > MOST_BITS:
        raise ProofError(f"the slackness {float(objective.slackness):g} cannot be shown: from {2.0**-q:g} on it can")
    return Scales(
        objective, n, d, f, g, 0 if data.classes else f, q, lift, width, bias, bits, shift, pull, floor(units**2),
        excess, rounding, chords,
    )  # fmt: skip


def _chords(objective: Objective, accumulator_bits: int) -> Chords:
    piece_bits = accumulator_bits - (objective.table_bits - 1 - objective.score_bits)
    if objective.table_bits - 1 - objective.score_bits < 1 or piece_bits < 1:
        raise ProofError(
            f"a table of 2^{objective.table_bits} pieces does not fit scores below 2^{objective.score_bits}"
        )
    return Chords(objective.score_bits, objective.table_bits, min(OFFSET_BITS, piece_bits))


def _residual_error(objective: Objective, chords: Chords | None, q: int, accumulator_bits: int) -> Fraction:
    """The largest difference of a committed residual from the loss' derivative at the score."""
    if chords is not None:
        return chords.error + Fraction(1, 2 << q)
    if objective.loss == HINGE or accumulator_bits == q:
        return Fraction(0)
    return Fraction(1, 2 << q)


def _units(objective: Objective, features: int, scale: Fraction, rounding: Fraction) -> tuple[int, int, Fraction]:
    """The bits of gradient units, the shift, and how many units the norm may have."""
    left = objective.gradient - rounding
    if left <= 0:
        raise ProofError(
            f"a gradient of {float(objective.gradient):g} is below the rounding, {float(rounding):g}: state a larger"
        )
    bits = min(MOST_GRADIENT_BITS, (MOST_BITS - 4 - (features - 1).bit_length()) // 2)
    shift = max(0, floor(left * scale).bit_length() - bits)
    if bits + shift + 1 > MOST_BITS:
        raise ProofError(
            f"a gradient of {float(objective.gradient):g} is too large to say anything: state a smaller one"
        )
    units = left * scale / (1 << shift)
    if shift:
        units -= root(Fraction(features + 1)) / 2
    if units < 0:
        raise ProofError(f"a gradient of {float(objective.gradient):g} is below the rounding of its entries")
    return bits, shift, units
