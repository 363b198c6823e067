"""Smooth functions by a table of quadratics: y = rescale(c0[i] + c1[i] t + c2[i] t^2, g), see `graph.pieces`.

With s = scale * x, and the table's range [low, low + H], the argument is clamped by two signs,

    s - low = u+ - u-,     H - u+ = v+ - v-,     z = H - v+ = 2^w i + t,     t in [0, 2^w),

each u and v split as in `committed`; (i, c0, c1, c2) is a row of the public table, by a lookup; m = c1 + c2 t is
committed, so that all is of degree 2; and at a random point, over real entries (`real`), for a challenge lambda,

    sum of E(z) (c0 + m t + lambda (m - c1 - c2 t))  =  the accumulator at tau, as the rescaling has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tacit.graph.fixed import Ints
from tacit.graph.pieces import PIECES, Pieces, sigmoid_pieces
from tacit.proofs import field
from tacit.proofs.argument.claims import Point, Term
from tacit.proofs.field import ONE, ZERO
from tacit.proofs.layers import committed, real
from tacit.proofs.layers.layer import Planner, ProvableLayer
from tacit.proofs.layers.rescaling import Rescaling
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.lookup import verifier as lookup
from tacit.proofs.lookup.table import Table
from tacit.proofs.tensors import Axes, Form, Tensor

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

COLUMNS = ("index", "c0", "c1", "c2")
SLOPE = "slope"  # m
COUNTS = "counts"  # of the table's rows
DEGREE = 3


class SmoothLayer(ProvableLayer):
    """scale: x is multiplied by it; lower_bits: so many fewer than 2 f is g; shift: what is taken from y, times 2^f."""

    scale: ClassVar[int] = 1
    lower_bits: ClassVar[int] = 0
    shift: ClassVar[int] = 0

    def plan(self, planner: Planner) -> None:
        """u, v, t, the table's row, m, and y with its remainder."""
        step, (x,) = self.step, self.inputs
        name, f = step.name, planner.fraction_bits
        self.pieces = sigmoid_pieces(f)
        self.table = _table(self.pieces)
        self.width = f - self.pieces.step_bits
        self.top = (PIECES << self.width) - 1
        bits = max(planner.bits(step.inputs[0]) + self.scale - 1, abs(self.pieces.low).bit_length()) + 1
        self.u = committed.split(planner, f"{name}/over", x.shape, x.axes, bits)
        self.v = committed.split(planner, f"{name}/under", x.shape, x.axes, max(bits, self.top.bit_length()))
        self.t = Tensor(x.shape, x.axes, planner.limbs(f"{name}/rest", x.axes, self.width, exact=True))
        self.columns = {key: planner.column(f"{name}/{key}", x.axes) for key in (*COLUMNS, SLOPE)}
        self.counts = planner.column(f"{name}/{COUNTS}", Axes((PIECES,)))
        self.bits = 2 * f - self.lower_bits
        self.offset = self.shift << (f + self.bits)
        self.rescaling = Rescaling(planner, step, x.shape, x.axes, self.bits)
        self.output = self.rescaling.output

    def verify(self, verifying: Verifying) -> None:
        """The clamp, the row of the table, and the quadratic."""
        (x,), name = self.inputs, self.step.name
        check = f"layer {name!r}: table"
        tau = verifying.point(x.axes.variables)
        for form in self._clamp(tau):
            verifying.equal(form, ZERO, f"layer {name!r}: clamp")
        committed.verify_split(verifying, self.u, name)
        committed.verify_split(verifying, self.v, name)
        found = lookup.verify(verifying.receiver, self.table, x.axes.variables)
        for key, value in zip(COLUMNS, found.values, strict=True):
            verifying.equal(self._column(key, tuple(found.point)), value, check)
        verifying.claims.add((Term(ONE, self.counts, tuple(found.table_point)),), found.multiplicity)
        total = verifying.receive()
        verifying.equal(self._accumulator(tau), total, check)
        mix = verifying.receiver.challenge()
        at, value = verifying.sumcheck(total, x.axes.variables, DEGREE)
        c0, c1, c2, m = (verifying.evaluation(self._column(key, at), check) for key in (*COLUMNS[1:], SLOPE))
        t = verifying.evaluation(self.t.at(at), check)
        known = c0 + verifying.product(m, t) + (m - c1 - verifying.product(c2, t)) * mix
        verifying.receiver.require_zero(known * real.equality(x.axes, tau, at) - value, check)
        committed.verify_split(verifying, self.output, name)

    def evaluate(self, values: Values) -> None:
        """As `graph.pieces` does, step by step."""
        name, axes = self.step.name, self.inputs[0].axes
        over = values.tensors[self.step.inputs[0]] * self.scale - self.pieces.low
        under = self.top - np.maximum(over, 0)
        committed.put(values, f"{name}/over", self.u, over, 0)
        committed.put(values, f"{name}/under", self.v, under, 0)
        z = self.top - np.maximum(under, 0)
        index, rest = z >> self.width, z & ((1 << self.width) - 1)
        values.put(f"{name}/rest", rest)
        filled = axes.fill(index).astype(np.int64)  # zero in the filling: the table's first row
        for key, column in zip(COLUMNS, self.table.columns, strict=True):
            values.put_column(f"{name}/{key}", column[filled])
        slope = self.pieces.c1[index] + self.pieces.c2[index] * rest
        values.put_column(f"{name}/{SLOPE}", axes.fill(slope))
        values.put_column(f"{name}/{COUNTS}", np.bincount(filled, minlength=PIECES).astype(np.uint64))
        accumulator: Ints = self.pieces.c0[index] + slope * rest
        self.rescaling.put(values, accumulator - self.offset)

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        (x,) = self.inputs
        tau = proving.point(x.axes.variables)
        for form in self._clamp(tau):
            proving.equal(form)
        committed.prove_split(proving, self.u)
        committed.prove_split(proving, self.v)
        tables = {key: proving.block(block) for key, block in self.columns.items()}
        proving.lookup(self.table, [tables[key] for key in COLUMNS], proving.block(self.counts))
        total = self._accumulator(tau)
        proving.send(proving.value(total))
        proving.equal(total)
        mix = proving.point(1)[0]
        weights = real.table(x.axes, proving.equality(tau))
        given = [weights, *(tables[key] for key in (*COLUMNS[1:], SLOPE)), proving.table(self.t)]
        terms = [(ONE, (0, 1)), (ONE, (0, 4, 5)), (mix, (0, 4)), (-mix, (0, 2)), (-mix, (0, 3, 5))]
        at, _ = proving.sumcheck(terms, given)
        for key in (*COLUMNS[1:], SLOPE):
            proving.evaluation(self._column(key, at))
        proving.evaluation(self.t.at(at))
        committed.prove_split(proving, self.output)

    def unsound(self) -> int:
        """The lookup's."""
        return lookup.unsound(self.table, self.inputs[0].axes.variables)

    def _clamp(self, tau: Point) -> list[Form]:
        """Three forms that are zero."""
        (x,) = self.inputs
        assert self.u.positive is not None
        assert self.v.positive is not None
        ones = Form(constant=x.axes.indicator(tau))
        top = ones * self.top
        z = self._column("index", tau) * (1 << self.width) + self.t.at(tau)
        return [
            self.u.at(tau) - x.at(tau) * self.scale + ones * self.pieces.low,
            top - self.u.positive.at(tau) - self.v.at(tau),
            top - self.v.positive.at(tau) - z,
        ]

    def _accumulator(self, tau: Point) -> Form:
        """The table's accumulator at a point: with what is taken from y afterwards."""
        return self.rescaling.at(tau) + Form(constant=self.output.axes.indicator(tau) * self.offset)

    def _column(self, key: str, point: Point) -> Form:
        return Form((Term(ONE, self.columns[key], point),))


def _table(pieces: Pieces) -> Table:
    columns = (np.arange(PIECES, dtype=np.int64), pieces.c0, pieces.c1, pieces.c2)
    return Table([field.embed(column) for column in columns])
