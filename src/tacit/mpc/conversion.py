"""Bits to numbers: shared bits become shared words of 0 and 1.

Computes: [b] by exclusive or, to [b] by addition. At most one party is corrupt. A bit is b_0 ^ b_1 ^ b_2, component j
known to its two holders, and u ^ v = u + v - 2 u v:

    P0, which has b_0 and b_1, shares u = b_0 ^ b_1 as (u_0, u_1, 0): u_0 from the keystream with P2, u_1 sent to P1.
    b = u + b_2 - 2 u b_2: of the product P1 has u_1 b_2 and P2 has u_0 b_2; each sends its part, masked, to the other.

The exclusive or of known parts as in ABY3 (Mohassel, Rindal, CCS 2018, section 5.4.1), with the products shared by
those who know both factors. 2 rounds; P0, P1 and P2 each send one word for each bit. What each could have got wrong
is one claim of the form in docs/protocols/mpc-verification.md.

A word on the wire may be narrow: with words of w bits the result is right modulo 2^w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary, Words

Kind = np.dtype[np.unsignedinteger[Any]]


def bits_to_words(party: Party, bits: Binary, n: int, dtype: npt.DTypeLike = np.uint64) -> Protocol[Arithmetic]:
    """The first n bits of packed words (ceil(n / 64),) as an arithmetic share (n,) of 0 and 1.

    With dtype uint8, uint16 or uint32 the share is of that dtype, modulo 2^8, 2^16 or 2^32, for `widened` to use.
    """
    kind: Kind = np.dtype(dtype)  # type: ignore[assignment]  # of an unsigned integer
    own, following = unpacked_bits(bits.own, n, kind), unpacked_bits(bits.next, n, kind)
    step = (_first_party, _second_party, _third_party)[party.index]
    return (yield from step(party, own, following, kind))


def unpacked_bits(words: Words, n: int, kind: npt.DTypeLike) -> Array:
    """The first n bits of packed words, one to a word of the dtype."""
    octets = words.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, count=n, bitorder="little").astype(kind)


def widened(share: Arithmetic, shift: int) -> Arithmetic:
    """A share of 2^shift times the value, modulo 2^64, from one in words of at least 64 - shift bits."""
    return share.map(lambda component: component.astype(np.uint64) << np.uint64(shift))


def _first_party(party: Party, zero: Array, one: Array, kind: Kind) -> Protocol[Arithmetic]:
    u_zero = party.streams.own(zero.shape, kind)
    u_one = (zero ^ one) - u_zero
    yield Exchange(to_next=(u_one,))
    mask_zero, mask_one = party.streams.own(zero.shape, kind), party.streams.next(zero.shape, kind)
    yield Exchange()
    if party.active:
        party.pending.claimed(
            "arithmetic",
            proven=[(_factor(zero), _minus_twice(one))],
            left=([_factor(u_one)], _scaled(mask_one)),  # of P1: -2 u_1 b_2 = v_1 + mask_1
            right=([_minus_twice(u_zero)], _scaled(mask_zero)),  # of P2: b_2 (-2 u_0) = v_2 + mask_0
        )
    return Arithmetic(u_zero + mask_zero, u_one + mask_one)


def _second_party(party: Party, one: Array, two: Array, kind: Kind) -> Protocol[Arithmetic]:
    answer = yield Exchange(from_previous=(Wanted(one.shape, kind),))
    (u_one,) = answer.from_previous
    mask_one = party.streams.own(one.shape, kind)
    product = u_one * two
    v_one = np.negative(product + product) - mask_one
    answer = yield Exchange(to_next=(v_one,), from_next=(Wanted(one.shape, kind),))
    (v_zero,) = answer.from_next
    if party.active:
        party.pending.claimed(
            "arithmetic",
            proven=[(_factor(u_one), _minus_twice(two))],
            left=([_factor(two)], _scaled(v_zero)),
            right=([_minus_twice(one)], _scaled(u_one - one)),
        )
    return Arithmetic(u_one + mask_one, two + v_one + v_zero)


def _third_party(party: Party, two: Array, zero: Array, kind: Kind) -> Protocol[Arithmetic]:
    u_zero = party.streams.next(zero.shape, kind)
    yield Exchange()
    mask_zero = party.streams.next(zero.shape, kind)
    product = u_zero * two
    v_zero = np.negative(product + product) - mask_zero
    answer = yield Exchange(to_previous=(v_zero,), from_previous=(Wanted(two.shape, kind),))
    (v_one,) = answer.from_previous
    if party.active:
        party.pending.claimed(
            "arithmetic",
            proven=[(_factor(two), _minus_twice(u_zero))],
            left=([_factor(zero)], _scaled(u_zero - zero)),
            right=([_minus_twice(two)], _scaled(v_one)),
        )
    return Arithmetic(two + v_one + v_zero, u_zero + mask_zero)


def _factor(array: Array) -> Words:
    """One factor of a claim in narrow words, as it stands."""
    return array.astype(np.uint64)


def _scaled(array: Array) -> Words:
    """A value in words of w bits times 2^(64 - w): a claim modulo 2^w becomes one modulo 2^64."""
    return array.astype(np.uint64) << np.uint64(64 - 8 * array.dtype.itemsize)


def _minus_twice(array: Array) -> Words:
    return _scaled(np.negative(array + array))
