"""Counting inside a statement: sums over all rows, and columns of bits.

The sum of the first n entries of a tensor is a sum over aligned runs of 2^k of them, and each such is 2^k times the
extension at a point whose last k coordinates are one half: so a sum is a form like every other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.proofs.argument.claims import Point
from tacit.proofs.field import ZERO, Element
from tacit.proofs.layers.verifying import Verifying
from tacit.proofs.tensors import Form, Tensor, bits_of, corner

if TYPE_CHECKING:
    from tacit.proofs.layers.proving import Proving

HALF = Element(2).inverse()


def total(tensor: Tensor) -> Form:
    """The sum of the real entries of a tensor (n,)."""
    (count,) = tensor.axes.sizes
    return _between(tensor, 0, count)


def filling(tensor: Tensor) -> Form:
    """The sum of the entries behind the real ones of a tensor (n,)."""
    (count,) = tensor.axes.sizes
    return _between(tensor, count, 1 << tensor.axes.variables)


def verify_bits(verifying: Verifying, tensor: Tensor, count: int, check: str) -> None:
    """Check that every entry is 0 or 1, that `count` of the real ones are 1, and that none is in the filling.

    A sumcheck of eq(tau, x) b(x)^2, which is b(tau); bits whose sum is zero are zero.
    """
    tau = verifying.point(tensor.axes.variables)
    claim = verifying.evaluation(tensor.at(tau), check)
    at, value = verifying.weighted(claim, tau)
    bit = verifying.evaluation(tensor.at(at), check)
    verifying.receiver.require_zero(verifying.product(bit, bit) - value, f"{check}: each is 0 or 1")
    verifying.equal(total(tensor), Element(count), f"{check}: their number")
    verifying.equal(filling(tensor), ZERO, f"{check}: the filling")


def prove_bits(proving: Proving, tensor: Tensor) -> None:
    """What `verify_bits` reads."""
    tau = proving.point(tensor.axes.variables)
    form = tensor.at(tau)
    proving.evaluation(form)
    table = proving.table(tensor)
    at, _ = proving.weighted(proving.value(form), tau, [(table, table)])
    proving.evaluation(tensor.at(at))
    proving.equal(total(tensor))
    proving.equal(filling(tensor))


def _between(tensor: Tensor, start: int, end: int) -> Form:
    variables = tensor.axes.variables
    result = Form()
    while start < end:
        free = min((start & -start).bit_length() - 1 if start else variables, (end - start).bit_length() - 1)
        point: Point = corner(bits_of(start >> free, variables - free)) + (HALF,) * free
        result = result + tensor.at(point) * (1 << free)
        start += 1 << free
    return result
