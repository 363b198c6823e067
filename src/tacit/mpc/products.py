"""Products of shares: element by element, of matrices, and conjunctions of bits.

Computes: [x], [y] to [x y]. At most one party is corrupt. Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016, section
2.2.

    z_i = x_i y_i + x_i y_{i+1} + x_{i+1} y_i + F(k_i) - F(k_{i+1}),  sent to P_{i-1}; P_i then holds (z_i, z_{i+1})

One round, and each party sends one word for each element of the result, whatever was summed on the way: a matrix
product costs its result. Bits: 64 to a word, with exclusive or for + and conjunction for the product.

Against a corrupt party this is private, and right up to an error that it adds to z_i. In active mode what is needed
to find such an error is noted in `party.pending`, and `verification.verify` looks before anything is opened.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tacit.kernels import ring as ring_kernel
from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary, Words


def multiply(party: Party, x: Arithmetic, y: Arithmetic) -> Protocol[Arithmetic]:
    """Element by element; shapes broadcast as numpy's. 1 round, 8 bytes sent for each element of the result."""
    if x.shape != y.shape:
        shape = np.broadcast_shapes(x.shape, y.shape)
        x, y = _spread(x, shape), _spread(y, shape)
    own_mask, next_mask = party.streams.zero(x.shape)
    sent = x.own * (y.own + y.next)
    sent += x.next * y.own
    sent += own_mask
    sent -= next_mask
    received = yield from pass_back(sent)
    if party.active:
        lam = received - x.next * y.next - next_mask
        party.pending.multiplied("arithmetic", x, y, lam, own_mask)
    return Arithmetic(sent, received)


def matmul(party: Party, x: Arithmetic, y: Arithmetic) -> Protocol[Arithmetic]:
    """(m, k) by (k, n). 1 round, 8 m n bytes sent."""
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0]:
        raise ValueError(f"matrices of shapes {x.shape} and {y.shape} have no product")
    own_mask, next_mask = party.streams.zero((x.shape[0], y.shape[1]))
    sent = ring_kernel.matmul(x.own, y.own + y.next)
    sent += ring_kernel.matmul(x.next, y.own)
    sent += own_mask
    sent -= next_mask
    received = yield from pass_back(sent)
    if party.active:
        party.pending.matrix_multiplied(x, y, received - next_mask, own_mask)
    return Arithmetic(sent, received)


def conjunction(party: Party, x: Binary, y: Binary) -> Protocol[Binary]:
    """Bit by bit, for shares of one shape. 1 round, 8 bytes sent for each word."""
    own_mask, next_mask = party.streams.zero(x.shape)
    sent = x.own & (y.own ^ y.next)
    sent ^= x.next & y.own
    sent ^= own_mask
    sent ^= next_mask
    received = yield from pass_back(sent)
    if party.active:
        lam = received ^ (x.next & y.next) ^ next_mask
        party.pending.multiplied("binary", x, y, lam, own_mask)
    return Binary(sent, received)


def pass_back(sent: Words) -> Protocol[Words]:
    """Send words to the previous party, and return as many from the next."""
    answer = yield Exchange(to_previous=(sent,), from_next=(Wanted(sent.shape),))
    (received,) = answer.from_next
    return received


def _spread(share: Arithmetic, shape: tuple[int, ...]) -> Arithmetic:
    spread: Callable[[Array], Array] = lambda component: np.broadcast_to(component, shape)  # noqa: E731
    return share.map(spread)
