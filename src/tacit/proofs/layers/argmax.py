"""ArgMax: the number of the first greatest entry of a vector, times 2^f, by a hidden one-hot selection.

For every row n the prover commits to a selection s[n, i] and to the differences d[n, i], all non-negative (digits), and
to the greatest entry m[n]. With b[n, i] = sum over j > i of s[n, j], which is one before the selected entry:

    sum over i of s[n, i] = 1,     d[n, i] = m[n] - x[n, i] - b[n, i],     s[n, i] d[n, i] = 0,

so just one s is one, there x is m, before it x is less, and nowhere more. The output is the form sum of i 2^f s[n, i].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.proofs import field
from tacit.proofs.argument.claims import Point, Term
from tacit.proofs.field import ONE, ZERO
from tacit.proofs.layers import real
from tacit.proofs.layers.layer import Planner, ProvableLayer, provable
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.multilinear import equality_table
from tacit.proofs.tensors import Axes, Form, Part, Tensor, bits_of, corner

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

MOST_CLASSES = 2**10  # each is a term of two claims
DEGREE = 3


@provable("argmax")
class ArgMax(ProvableLayer):
    """No parameters; `selected` is the one-hot selection, for statements that count."""

    def plan(self, planner: Planner) -> None:
        """s, d and m."""
        step, (x,) = self.step, self.inputs
        if len(x.axes.sizes) != 2 or x.shape[0] > MOST_CLASSES:
            raise self.unfit(f"it takes a vector of at most {MOST_CLASSES} classes, not axes {x.axes.sizes[1:]}")
        self.rows, self.classes = Axes(x.axes.sizes[:1]), Axes(x.axes.sizes[1:])
        name = step.name
        self.selected = Tensor(x.shape, x.axes, planner.limbs(f"{name}/selected", x.axes, 1, exact=False))
        width = planner.bits(step.inputs[0]) + 1
        self.differences = Tensor(x.shape, x.axes, planner.limbs(f"{name}/differences", x.axes, width, exact=False))
        self.greatest = planner.column(f"{name}/greatest", self.rows)
        parts = tuple(
            Part(part.factor * i << planner.fraction_bits, part.block, bits_of(i, self.classes.variables))
            for part in self.selected.parts
            for i in range(x.shape[0])
        )
        ends = 0, (x.shape[0] - 1) << planner.fraction_bits
        self.output = Tensor((1,), Axes((*self.rows.sizes, 1)), parts, ends=ends)

    def verify(self, verifying: Verifying) -> None:
        """One selection for each row, the differences, and that the selected one is zero."""
        (x,), check = self.inputs, f"layer {self.step.name!r}: greatest entry"
        tau = verifying.point(x.axes.variables)
        for form in self._zeros(tau):
            verifying.equal(form, ZERO, check)
        at, value = verifying.sumcheck(ZERO, x.axes.variables, DEGREE)
        selected = verifying.evaluation(self.selected.at(at), check)
        difference = verifying.evaluation(self.differences.at(at), check)
        weight = real.equality(x.axes, tau, at)
        verifying.receiver.require_zero(verifying.product(selected, difference) * weight - value, check)

    def evaluate(self, values: Values) -> None:
        """The selection, and all differences."""
        name, x = self.step.name, values.tensors[self.step.inputs[0]]
        winners = x.argmax(axis=1)
        places = np.arange(x.shape[1])
        before = (places < winners[:, None]).astype(np.int64)
        greatest = x.max(axis=1)
        values.put(f"{name}/selected", (places == winners[:, None]).astype(np.int64))
        values.put(f"{name}/differences", greatest[:, None] - x - before)
        values.put_column(f"{name}/greatest", self.rows.fill(greatest))
        values.tensors[name] = winners.astype(np.int64)[:, None] << values.fraction_bits

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(x.axes.variables)
        for form in self._zeros(tau):
            proving.equal(form)
        weights = real.table(x.axes, proving.equality(tau))
        tables = [weights, proving.table(self.selected), proving.table(self.differences)]
        at, _ = proving.sumcheck([(ONE, (0, 1, 2))], tables)
        proving.evaluation(self.selected.at(at))
        proving.evaluation(self.differences.at(at))

    def _zeros(self, tau: Point) -> list[Form]:
        """Two forms that are zero: one selection in each row, and the differences' relation."""
        (x,) = self.inputs
        rows, classes = x.axes.split(tau)
        count = x.shape[0]
        places = [rows + corner(bits_of(i, self.classes.variables)) for i in range(count)]
        once = Form(constant=-self.rows.indicator(rows))
        before, sum_before = Form(), ZERO  # sum_before: of eq(classes, i) over i < j
        for place, weight in zip(places, field.to_elements(equality_table(classes)[:count]), strict=True):
            here = self.selected.at(place)
            once = once + here
            before = before + here * sum_before
            sum_before = sum_before + weight
        greatest = Form((Term(self.classes.indicator(classes) * ONE, self.greatest, rows),))
        return [once, greatest - x.at(tau) - before - self.differences.at(tau)]
