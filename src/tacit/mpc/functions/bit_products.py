"""A shared bit times shared numbers, without the bit becoming a number first.

Computes: [b] by exclusive or and [y] to [b y]. At most one party is corrupt. With u = b_0 ^ b_1, which P0 has, b = u
+ b_2 - 2 u b_2, so

    b y = v + u (y - 2 v),    v = b_2 y = b_2 y_0 + b_2 y_1 + b_2 y_2.

The last term P1 and P2 both have; P2 has b_2 y_0, P1 has b_2 y_1 and P0 has u: each shares its own as an input is
shared, which is one round (the parts known to one party as in `conversion`, after ABY3: Mohassel, Rindal, CCS 2018,
section 5.4). Then one product. What each could get wrong in the first round is one claim; the product notes its own.

For n bits and m numbers to each: 2 rounds, one less than `conversion.bits_to_words` and a product. P0 sends 8 n (1 +
m) bytes, P1 and P2 16 n m.
"""

from __future__ import annotations

import numpy as np

from tacit.mpc.conversion import unpacked_bits
from tacit.mpc.exchange import Exchange, Protocol, Wanted
from tacit.mpc.party import Party
from tacit.mpc.products import multiply
from tacit.mpc.replicated import Arithmetic, Binary, Words


def bit_products(party: Party, bits: Binary, y: Arithmetic) -> Protocol[Arithmetic]:
    """The first n bits of packed words (ceil(n / 64),) times y, (n,) or (m, n): a share of the shape of y."""
    n = y.shape[-1]
    own, following = unpacked_bits(bits.own, n, np.uint64), unpacked_bits(bits.next, n, np.uint64)
    step = (_first_party, _second_party, _third_party)[party.index]
    u, v = yield from step(party, own, following, y)
    return v + (yield from multiply(party, u, y - v - v))


def _first_party(party: Party, zero: Words, one: Words, y: Arithmetic) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    u_zero: Words = party.streams.own(zero.shape)
    v_one: Words = party.streams.next(y.shape)
    u_one = (zero ^ one) - u_zero
    answer = yield Exchange(to_next=(u_one,), from_previous=(Wanted(y.shape),))
    v_zero: Words = answer.from_previous[0].view(np.uint64)
    if party.active:
        party.pending.claimed("arithmetic", proven=[(zero, _minus_twice(one))])
        party.pending.claimed("arithmetic", left=([y.next], v_one), right=([y.own], v_zero))
    return Arithmetic(u_zero, u_one), Arithmetic(v_zero, v_one)


def _second_party(party: Party, one: Words, two: Words, y: Arithmetic) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    v_one: Words = party.streams.own(y.shape)
    mask: Words = party.streams.next(y.shape)
    rest = two * y.own - v_one
    answer = yield Exchange(to_next=(rest,), from_previous=(Wanted(one.shape),))
    u_one: Words = answer.from_previous[0].view(np.uint64)
    factor = np.broadcast_to(two, y.shape)
    if party.active:
        party.pending.claimed("arithmetic", right=([_minus_twice(one)], u_one - one))
        party.pending.claimed("arithmetic", proven=[(y.own, factor)], left=([factor], mask))
    return Arithmetic(u_one, np.zeros_like(u_one)), Arithmetic(v_one, rest + mask + two * y.next)


def _third_party(party: Party, two: Words, zero: Words, y: Arithmetic) -> Protocol[tuple[Arithmetic, Arithmetic]]:
    u_zero: Words = party.streams.next(zero.shape)
    mask: Words = party.streams.own(y.shape)
    v_zero = two * y.next - mask
    answer = yield Exchange(to_next=(v_zero,), from_previous=(Wanted(y.shape),))
    rest: Words = answer.from_previous[0].view(np.uint64)
    factor = np.broadcast_to(two, y.shape)
    if party.active:
        party.pending.claimed("arithmetic", left=([zero], u_zero - zero))
        party.pending.claimed("arithmetic", proven=[(factor, y.next)], right=([factor], rest))
    return Arithmetic(np.zeros_like(u_zero), u_zero), Arithmetic(rest + mask + two * y.own, v_zero)


def _minus_twice(words: Words) -> Words:
    doubled: Words = words + words
    return np.negative(doubled)
