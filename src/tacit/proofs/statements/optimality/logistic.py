"""Logistic: R = sigmoid(s) - y, the sigmoid by chords (`sigmoid`), of which every row takes one in a lookup.

With z the number of the piece, o the offset in it and r what is not used of it (t, e: bits of width and offset),

    2^(f+g-t) z + 2^(f+g-t-e) o + r - 2^(f+g+k) = S,    2^u v + r' - 2^(u-1) = c0 + c1 o,    R = v - 2^q y,

all in ranges that make them unique; (z, c0, c1) is a row of the table. y (y - 1) = 0. Both products are one sumcheck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph.fixed import Ints
from tacit.proofs import field
from tacit.proofs.argument.claims import Point, Term
from tacit.proofs.channel import Value
from tacit.proofs.field import ONE
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.lookup import verifier as lookup
from tacit.proofs.statements.optimality.residual import Residual, half, put, times
from tacit.proofs.tensors import Axes, Form

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

PIECE, START, SLOPE, COUNTS = (f"optimality/{name}" for name in ("piece", "start", "slope", "counts"))
OFFSET, UNUSED, VALUE, REST = (f"optimality/{name}" for name in ("offset", "unused", "sigmoid", "rest of the sigmoid"))
CHECK, TABLE_CHECK, PRODUCT_CHECK = "optimality: pieces", "optimality: table", "optimality: sigmoid and labels"


class Logistic(Residual):
    """Labels are 0 or 1."""

    def plan(self) -> None:
        """The row of the table, offset and rest, the sigmoid and its rest."""
        scales = self.scales
        assert scales.chords is not None
        self._chords, q = scales.chords, scales.residual_bits
        self._table = self._chords.table()
        self._columns = {key: self._planner.column(key, self.axes) for key in (PIECE, START, SLOPE)}
        self._counts = self._planner.column(COUNTS, Axes((1 << self._table.variables,)))
        self._piece_bits = scales.accumulator_bits - self._chords.width_bits
        self._unused_bits = self._piece_bits - self._chords.offset_bits
        self._dropped = self._chords.bits - q
        self._first = int(self._chords.columns()[0][0])
        self._offset = self.limbs(OFFSET, self._chords.offset_bits)
        self._unused = self.limbs(UNUSED, self._unused_bits)
        self._value = self.limbs(VALUE, q + 1)
        self._rest = self.limbs(REST, self._dropped, -half(self._dropped))
        self.tensor = self._value + times(self.labels, -(1 << q))

    def verify(self, verifying: Verifying, tau: Point, score: Value) -> None:
        """The row of the table, the score's pieces, and the products."""
        found = lookup.verify(verifying.receiver, self._table, self.axes.variables)
        for key, value in zip((PIECE, START, SLOPE), found.values, strict=True):
            verifying.equal(self._column(key, tuple(found.point)), value, TABLE_CHECK)
        verifying.claims.add((Term(ONE, self._counts, tuple(found.table_point)),), found.multiplicity)
        verifying.equal(self._score(tau), score, CHECK)
        product = verifying.receive()
        verifying.equal(self._product(tau), product, PRODUCT_CHECK)
        mix = verifying.receiver.challenge()
        at, value = verifying.weighted(product, tau)
        slope = verifying.evaluation(self._column(SLOPE, at), PRODUCT_CHECK)
        offset = verifying.evaluation(self._offset.at(at), PRODUCT_CHECK)
        label = verifying.evaluation(self.labels.at(at), PRODUCT_CHECK)
        total = verifying.product(slope, offset) + verifying.product(label, label - 1) * mix
        verifying.receiver.require_zero(total - value, PRODUCT_CHECK)

    def evaluate(self, values: Values, scores: Ints, labels: Ints) -> Ints:
        """As the relations say, step by step."""
        self.at_most(scores)
        scales = self.scales
        above = scores + (1 << (scales.accumulator_bits + scales.objective.score_bits))
        piece, inside = above >> self._piece_bits, above & ((1 << self._piece_bits) - 1)
        offset = inside >> self._unused_bits
        values.put(OFFSET, offset)
        put(values, UNUSED, self._unused_bits, inside & ((1 << self._unused_bits) - 1))
        filled = self.axes.fill(piece).astype(np.int64)
        for key, column in zip((PIECE, START, SLOPE), self._table.columns, strict=True):
            rows = column[filled]
            rows[scales.rows :] = column[0]
            values.put_column(key, rows)
        values.put_column(COUNTS, np.bincount(filled, minlength=1 << self._table.variables).astype(np.uint64))
        start, slope = self._chords.columns()
        exact = start[piece] + slope[piece] * offset + half(self._dropped)
        value: Ints = exact >> self._dropped
        values.put(VALUE, value)
        values.put(REST, exact - (value << self._dropped))
        return value - (labels << scales.residual_bits)

    def prove(self, proving: Proving, tau: Point) -> None:
        """What `verify` reads."""
        columns = {key: proving.block(block) for key, block in self._columns.items()}
        proving.lookup(self._table, list(columns.values()), proving.block(self._counts))
        proving.equal(self._score(tau))
        product = proving.value(self._product(tau))
        proving.send(product)
        proving.equal(self._product(tau))
        mix = proving.point(1)[0]
        label = proving.table(self.labels)
        mixed = proving.multiply(field.extend(label), field.from_elements([mix]))
        less = field.subtract(label, np.ones_like(label))
        pairs = [(columns[SLOPE], proving.table(self._offset)), (mixed, less)]
        at, _ = proving.weighted(product, tau, pairs)
        proving.evaluation(self._column(SLOPE, at))
        proving.evaluation(self._offset.at(at))
        proving.evaluation(self.labels.at(at))

    def unsound(self) -> int:
        """The lookup's."""
        return lookup.unsound(self._table, self.axes.variables)

    def _score(self, tau: Point) -> Form:
        """S at tau."""
        whole = self._column(PIECE, tau) * (1 << self._piece_bits) + self._offset.at(tau) * (1 << self._unused_bits)
        lowest = 1 << (self.scales.accumulator_bits + self.scales.objective.score_bits)
        return whole + self._unused.at(tau) - self.ones(tau, lowest)

    def _product(self, tau: Point) -> Form:
        """c1 o at tau."""
        value = self._value.at(tau) * (1 << self._dropped) + self._rest.at(tau)
        return value - self._column(START, tau) - self.ones(tau, self._first)

    def _column(self, key: str, point: Point) -> Form:
        return Form((Term(ONE, self._columns[key], point),))
