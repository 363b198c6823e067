"""Inner products of shared vectors, many at once, each at the price of a single product.

Computes: [x_t], [y_t], t < k, to [sum_t x_t y_t]. At most one party is corrupt. As a product (Araki, Furukawa,
Lindell, Nof, Ohara, CCS 2016, section 2.2), with the k products added up before the one word is sent. What a party
could get wrong is one claim of 2 k terms.
"""

from __future__ import annotations

from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import pass_back
from tacit.mpc.replicated import Arithmetic, Words


def inner_products(party: Party, x: Arithmetic, y: Arithmetic) -> Protocol[Arithmetic]:
    """The sums over the first axis of x * y, both (k, ...): a share of shape (...).

    1 round; each party sends 8 bytes for each element of the result.
    """
    if x.shape != y.shape or x.ndim < 1 or len(x) < 1:
        raise ValueError(f"vectors of shapes {x.shape} and {y.shape} have no inner products")
    own_mask, next_mask = party.streams.zero(x.shape[1:])
    sent = _sum(x.own, y.own + y.next)
    sent += _sum(x.next, y.own)
    sent += own_mask
    sent -= next_mask
    received = yield from pass_back(sent)
    if party.active:
        terms = range(len(x))
        party.pending.claimed(
            "arithmetic",
            proven=[(x.own[t], y.next[t]) for t in terms] + [(y.own[t], x.next[t]) for t in terms],
            left=([*x.next, *y.next], received - _sum(x.next, y.next) - next_mask),
            right=([*y.own, *x.own], own_mask),
        )
    return Arithmetic(sent, received)


def _sum(a: Words, b: Words) -> Words:
    total: Words = a[0] * b[0]
    for factor, other in zip(a[1:], b[1:], strict=True):
        total += factor * other
    return total
