"""What every loss has: the residuals R, committed or a sum of what is, and their relation to scores and labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs.argument.claims import Point
from tacit.proofs.channel import Value
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.statements.optimality.scales import Scales
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values


class Residual(ABC):
    """`tensor` is R (n,) with q fractional bits: the loss' derivative at each row's score, but for rounding."""

    tensor: Tensor

    def __init__(self, scales: Scales, labels: Tensor, planner: Planner) -> None:
        self.scales, self.labels, self.axes, self._planner = scales, labels, Axes((scales.rows,)), planner
        self.plan()

    @abstractmethod
    def plan(self) -> None:
        """Ask for what is committed."""

    @abstractmethod
    def verify(self, verifying: Verifying, tau: Point, score: Value) -> None:
        """Check the residuals against the labels, and the scores' extension at tau."""

    @abstractmethod
    def evaluate(self, values: Values, scores: Ints, labels: Ints) -> Ints:
        """R (n,), and all that is committed for it. ProofError where a score or label is outside the stated range."""

    @abstractmethod
    def prove(self, proving: Proving, tau: Point) -> None:
        """What `verify` reads."""

    def unsound(self) -> int:
        """The soundness error of its own lookups, in values of a challenge."""
        return 0

    def limbs(self, name: str, bits: int, constant: int = 0) -> Tensor:
        """Integers in [constant, constant + 2^bits), one for each row; a zero where there are no bits."""
        parts = self._planner.limbs(name, self.axes, bits, exact=True) if bits else ()
        return Tensor((), self.axes, parts, constant)

    def at_most(self, scores: Ints) -> None:
        """ProofError where a score is not within 2^k."""
        bits = self.scales.accumulator_bits + self.scales.objective.score_bits
        if ((scores >> bits) > 0).any() or ((scores >> bits) < -1).any():
            raise ProofError(
                f"a row has a score outside 2^{self.scales.objective.score_bits}: state more score_bits, or scale the"
                " features"
            )

    def ones(self, tau: Point, factor: int) -> Form:
        """factor at real entries."""
        return Form(constant=self.axes.indicator(tau) * factor)


def half(bits: int) -> int:
    """What rounds to nearest when so many bits are dropped."""
    return 1 << (bits - 1) if bits else 0


def times(tensor: Tensor, factor: int) -> Tensor:
    """The tensor times an integer."""
    parts = tuple(type(part)(part.factor * factor, part.block, part.tail) for part in tensor.parts)
    public = tuple((known * factor, values) for known, values in tensor.public)
    return Tensor(tensor.shape, tensor.axes, parts, tensor.constant * factor, public)


def put(values: Values, name: str, bits: int, integers: Ints) -> None:
    """Limbs that `Residual.limbs` asked for."""
    if bits:
        values.put(name, np.ascontiguousarray(integers))
