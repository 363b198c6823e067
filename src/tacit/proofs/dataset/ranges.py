"""That a committed set's rows are in their range: u and v are of digits, and u + v = high - low.

Both are less than 2^60, so the sum is that of integers, and low <= x = low + u <= high. How often each digit is there
is committed in the proof's own witness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.proofs.argument.claims import Term
from tacit.proofs.dataset.layout import Layout
from tacit.proofs.field import ONE, ZERO
from tacit.proofs.layers.layer import Planner
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.lookup import verifier as lookup
from tacit.proofs.lookup.table import ranges
from tacit.proofs.tensors import Axes

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving
    from tacit.proofs.values import Values

COUNTS = "the set's digits/counts"
CHECK = "the set's rows"


class RowRanges:
    """The check, as part of one statement."""

    def __init__(self, layout: Layout, planner: Planner) -> None:
        self._layout = layout
        self._table = ranges(layout.digit_bits)
        self._counts = planner.column(COUNTS, Axes((1 << layout.digit_bits,)))

    def verify(self, verifying: Verifying) -> None:
        """The sum at a random point, and the lookup."""
        layout = self._layout
        tau = verifying.point(layout.axes.variables)
        verifying.equal(layout.above.at(tau) + layout.below.at(tau) - layout.span(tau), ZERO, CHECK)
        found = lookup.verify(verifying.receiver, self._table, layout.region.variables)
        verifying.claims.add((Term(ONE, layout.region, tuple(found.point)),), found.values[0])
        verifying.claims.add((Term(ONE, self._counts, tuple(found.table_point)),), found.multiplicity)

    def evaluate(self, values: Values) -> None:
        """How often each digit is in the region."""
        values.put_column(COUNTS, self._layout.counts(values.parts["rows"]))

    def prove(self, proving: Proving) -> None:
        """What `verify` reads."""
        layout = self._layout
        tau = proving.point(layout.axes.variables)
        proving.equal(layout.above.at(tau) + layout.below.at(tau) - layout.span(tau))
        proving.lookup(self._table, [proving.block(layout.region)], proving.block(self._counts))

    def unsound(self) -> int:
        """The lookup's soundness error, in values of a challenge."""
        return lookup.unsound(self._table, self._layout.region.variables)
