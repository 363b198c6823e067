"""Accuracy: the committed model is right on at least m of the n rows of a set.

*Right*, for classes: the predicted class (`prediction`) is the label. For numbers: they differ by at most a tolerance.
For each row a bit e is committed; e = 0 says nothing, and e = 1 says that the row is right: with prediction p and label
y, and numbers u and v of digits,

    e (p - y) = u - a,     u + v = 2 a,       sum of e = m + surplus,      surplus >= 0,

where a is the tolerance in units of 2^-f; for classes the right side of the first is 0. Shown: m, n and a. Hidden: the
number of right rows, unless m is n, and which they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.errors import ProofError
from tacit.graph.fixed import Ints
from tacit.proofs.argument.claims import Point
from tacit.proofs.dataset.commitment import SetCommitment
from tacit.proofs.dataset.public import PublicSet
from tacit.proofs.field import ZERO, Element
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.model.commitment import ModelCommitment
from tacit.proofs.statements.assessment import Assessment
from tacit.proofs.statements.counting import total
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

RIGHT, SURPLUS, OVER, UNDER = (f"accuracy/{name}" for name in ("right", "surplus", "over", "under"))
ROWS_CHECK, COUNT_CHECK, TOLERANCE_CHECK = "accuracy: right rows", "accuracy: their number", "accuracy: the tolerance"

MOST_TOLERANCE_BITS = 40


class Accuracy(Assessment):
    """least: m. tolerance: how far a number may be off, in its own unit; for sets of numbers, and only these."""

    kind: ClassVar[str] = "accuracy"

    def __init__(
        self, model: ModelCommitment, data: SetCommitment | PublicSet, least: int, tolerance: Fraction | None = None
    ) -> None:
        super().__init__(model, data)
        if not 1 <= least <= self.count:
            raise ProofError(f"of {self.count} rows 1 to {self.count} can be claimed to be right, not {least}")
        if (tolerance is None) == (data.description.classes == 0):
            raise ProofError("labels that are numbers need a tolerance, and classes have none")
        self.least, self.tolerance = least, tolerance
        self._units = self._in_units(tolerance)
        self.prepare()

    def asked(self) -> dict[str, object]:
        """m, and the tolerance."""
        return {"least": self.least, "tolerance": self._units}

    def place(self) -> None:
        """The bits, the surplus, and what is left of the tolerance."""
        rows, ask = Axes((self.count,)), self.planning.limbs
        self.right = Tensor((), rows, ask(RIGHT, rows, 1, exact=True))
        width = max(1, (self.count - self.least).bit_length())
        self.surplus = Tensor((), Axes((1,)), ask(SURPLUS, Axes((1,)), width, exact=False))
        if self._units is not None:
            width = max(1, (2 * self._units).bit_length())
            self.over, self.under = (Tensor((), rows, ask(name, rows, width, exact=False)) for name in (OVER, UNDER))

    def check_claim(self, verifying: Verifying) -> None:
        """Rows that are counted are right, and they are enough."""
        tau = verifying.point(self.right.axes.variables)
        difference = verifying.evaluation(self._difference(tau), ROWS_CHECK)
        if self._units is not None:
            verifying.equal(self._both(tau), ZERO, TOLERANCE_CHECK)
        at, value = verifying.weighted(difference, tau)
        right = verifying.evaluation(self.right.at(at), ROWS_CHECK)
        miss = verifying.evaluation(self._miss.at(at), ROWS_CHECK)
        verifying.receiver.require_zero(verifying.product(right, miss) - value, ROWS_CHECK)
        verifying.equal(self._number(), Element(self.least), COUNT_CHECK)

    def judge(self, values: Values, predicted: Ints, parts: Mapping[str, Ints]) -> None:
        """The right rows; ProofError where they are too few."""
        off = predicted - parts["labels"]
        right = (np.abs(off) <= (self._units or 0)).astype(np.int64)
        surplus = int(right.sum()) - self.least
        if surplus < 0:
            raise ProofError(f"the model is right on fewer than {self.least} of the {self.count} rows")
        values.put(RIGHT, right)
        values.put(SURPLUS, np.array([surplus]))
        if self._units is not None:
            values.put(OVER, self._units + right * off)
            values.put(UNDER, self._units - right * off)

    def follow_claim(self, proving: Proving) -> None:
        """What `check_claim` reads."""
        tau = proving.point(self.right.axes.variables)
        difference = self._difference(tau)
        proving.evaluation(difference)
        if self._units is not None:
            proving.equal(self._both(tau))
        pair = proving.table(self.right), proving.table(self._miss)
        at, _ = proving.weighted(proving.value(difference), tau, [pair])
        proving.evaluation(self.right.at(at))
        proving.evaluation(self._miss.at(at))
        proving.equal(self._number())

    def sentence(self) -> str:
        """The statement for people, with what it does not say."""
        model, data = self.subject
        right = (
            f"gives a number that is off by at most {float(self.tolerance):g}"
            if self.tolerance is not None
            else "predicts the right class"
        )
        return (
            f"{model} {right} on at least {self.least} of the {self.count} rows of {data}, by that set's own labels."
            f" {self.nothing_of}"
        )

    def _in_units(self, tolerance: Fraction | None) -> int | None:
        if tolerance is None:
            return None
        units = floor(Fraction(tolerance) * (1 << self.model.architecture.fraction_bits))
        if not 0 <= units < 1 << MOST_TOLERANCE_BITS:
            raise ProofError(f"the tolerance is negative, or over 2^{MOST_TOLERANCE_BITS} units of the fixed point")
        return units

    def _difference(self, tau: Point) -> Form:
        """u - a at a point; nothing for classes."""
        if self._units is None:
            return Form()
        return self.over.at(tau) - Form(constant=self.right.axes.indicator(tau) * self._units)

    def _both(self, tau: Point) -> Form:
        """u + v - 2 a at a point."""
        allowed = Form(constant=self.right.axes.indicator(tau) * (2 * (self._units or 0)))
        return self.over.at(tau) + self.under.at(tau) - allowed

    @property
    def _miss(self) -> Tensor:
        """p - y."""
        labels = self.placed.labels
        minus = tuple(-part for part in labels.parts), tuple((-factor, values) for factor, values in labels.public)
        return self.prediction.tensor + Tensor((), labels.axes, minus[0], public=minus[1])

    def _number(self) -> Form:
        return total(self.right) - self.surplus.at(())
