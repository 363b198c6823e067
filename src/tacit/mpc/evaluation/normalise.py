"""Normalise on shares: a product element by element with a shared scale.

1 round, 8 bytes for each element.
"""

from __future__ import annotations

from tacit.graph.fixed import Floats
from tacit.mpc.evaluation.affine import SharedAffine
from tacit.mpc.evaluation.layer import shared
from tacit.mpc.evaluation.skeleton import Step
from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic


@shared("normalise")
class SharedNormalise(SharedAffine):
    """(rows, ...) to the same."""

    def products(self, party: Party, step: Step, x: Arithmetic, factor: Arithmetic) -> Protocol[Arithmetic]:
        """x times the scale, which broadcasts."""
        return (yield from multiply(party, x, factor))

    def spread(self, term: Arithmetic, ndim: int) -> Arithmetic:
        """The offset broadcasts as it is."""
        return term

    def rows(self, sizes: Floats) -> Floats:
        """Each element of the output has one element of the scale."""
        return sizes
