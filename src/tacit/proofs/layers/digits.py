"""That all digits of a witness are digits: one lookup over their region, and the narrow ones moved up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.proofs.argument.claims import Term
from tacit.proofs.field import ONE, ZERO, Element
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.lookup import verifier as lookup
from tacit.proofs.lookup.table import ranges
from tacit.proofs.plan import Digit, Witness

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving


def verify(verifying: Verifying, witness: Witness) -> None:
    """Claims that moved digits are 2^k times the digits, at one random point; then the lookup of the region."""
    point = verifying.point(_most_variables(witness))
    for digit in _narrow(witness):
        assert digit.moved is not None
        at = point[: digit.block.variables]
        factor = Element(-(1 << (witness.digit_bits - digit.bits)))
        verifying.claims.add((Term(ONE, digit.moved, at), Term(factor, digit.block, at)), ZERO)
    found = lookup.verify(verifying.receiver, ranges(witness.digit_bits), witness.region.variables)
    verifying.claims.add((Term(ONE, witness.region, tuple(found.point)),), found.values[0])
    verifying.claims.add((Term(ONE, witness.multiplicities, tuple(found.table_point)),), found.multiplicity)


def unsound(witness: Witness) -> int:
    """The lookup's part of the soundness error: `lookup.verifier.unsound`."""
    return lookup.unsound(ranges(witness.digit_bits), witness.region.variables)


def prove(proving: Proving, witness: Witness) -> None:
    """What `verify` reads."""
    proving.point(_most_variables(witness))
    proving.lookup(ranges(witness.digit_bits), [proving.block(witness.region)], proving.block(witness.multiplicities))


def _narrow(witness: Witness) -> list[Digit]:
    return [digit for limbs in witness.limbs() for digit in witness.digits(limbs.name) if digit.moved is not None]


def _most_variables(witness: Witness) -> int:
    return max((digit.block.variables for digit in _narrow(witness)), default=0)
