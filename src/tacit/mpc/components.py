"""The majority of the three components of a sharing, bit by bit: the carry of their sum, at one conjunction.

maj(x_0, x_1, x_2) = x_0 x_1 ^ x_1 x_2 ^ x_2 x_0, and P_i holds both factors of the term x_i x_{i+1}. So it adds a
share of zero and passes it back as in a product: 1 round, 8 bytes for each word. What it could get wrong is one
claim.
"""

from __future__ import annotations

from tacit.mpc.exchange import Protocol
from tacit.mpc.party import Party
from tacit.mpc.products import pass_back
from tacit.mpc.replicated import Binary, Words


def majority(party: Party, own: Words, following: Words) -> Protocol[Binary]:
    """The share of maj(x_0, x_1, x_2), of words x_i = `own` and x_{i+1} = `following`."""
    own_mask, next_mask = party.streams.zero(own.shape)
    sent = own & following
    sent ^= own_mask
    sent ^= next_mask
    received = yield from pass_back(sent)
    if party.active:
        party.pending.claimed(
            "binary",
            proven=[(own, following)],
            left=([following], received ^ next_mask),
            right=([own], own_mask),
        )
    return Binary(sent, received)
