"""Choices by a shared bit: one of two numbers, and the absolute value.

Computes: [c], [x], [y] to [x if c else y]; [x] to [|x|]. At most one party is corrupt. A choice is one product, y + c
(x - y).

For n numbers of k bits, C(k) the rounds of `comparison.negative`:
    where     1 round, 8 n bytes
    absolute  C(k) + 2 rounds; bytes: of `negative`, and 16 n
"""

from __future__ import annotations

from tacit.mpc.comparison import negative
from tacit.mpc.exchange import Protocol
from tacit.mpc.functions.bit_products import bit_products
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic


def where(party: Party, condition: Arithmetic, x: Arithmetic, y: Arithmetic) -> Protocol[Arithmetic]:
    """x where the condition, shared words 0 and 1, is 1, and y where it is 0; three shares of one shape."""
    if not condition.shape == x.shape == y.shape:
        raise ValueError(f"condition and choices have one shape, not {condition.shape}, {x.shape} and {y.shape}")
    return y + (yield from multiply(party, condition, x - y))


def absolute(party: Party, x: Arithmetic, bits: int = 64) -> Protocol[Arithmetic]:
    """|x| of any shape, exactly; bits: k, of a bound -2^(k-1) <= x < 2^(k-1) of every element."""
    signs = yield from negative(party, x, bits)
    turned = (yield from bit_products(party, signs, x.reshape(-1))).reshape(*x.shape)
    return x - turned - turned
