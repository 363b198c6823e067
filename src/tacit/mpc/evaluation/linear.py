"""Linear on shares: one product of matrices.

1 round, 8 bytes for each element of the output, whatever the number of inputs.
"""

from __future__ import annotations

from math import prod

from tacit.graph.fixed import Shape
from tacit.mpc.evaluation.affine import SharedAffine
from tacit.mpc.evaluation.layer import WORDS, shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import matmul
from tacit.mpc.replicated import Arithmetic


@shared("linear")
class SharedLinear(SharedAffine):
    """(rows, inputs) to (rows, outputs)."""

    def products(self, party: Party, step: Step, x: Arithmetic, factor: Arithmetic) -> Protocol[Arithmetic]:
        """x times the transposed weight."""
        return (yield from matmul(party, x, factor.map(lambda words: words.T)))

    def words(self, step: Step, before: Shape, after: Shape) -> int:
        """The matrices."""
        return prod(before) + WORDS * prod(after)

    def spread(self, term: Arithmetic, ndim: int) -> Arithmetic:
        """(outputs,) as it is."""
        return term
