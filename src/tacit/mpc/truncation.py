"""Rescaling: division of a shared number by 2^d, right within one unit.

Computes: [x], |x| < 2^61, to [y] with -1 < y - x / 2^d <= 1: within one unit in the last place of the reference
evaluator's rounding. At most one party is corrupt. The components are divided one by one, which leaves two errors:
the wrap of their sum over 2^64, which is computed exactly and taken away, and the sum of what was cut off, which is
less than two units.

`passive`: with a = x_0 + x_1, which P0 has, and b = x_2, which P1 and P2 have, and x moved to [0, 2^63), the sum
wraps where either has its top bit set. 2 rounds; of d bits (rounded up to 8, 16, 32) a word and of 64 bits another,
P0 sends one each, P1 and P2 a short one.

`active`: each component is known to two parties. With x moved to [0, 2^62), h_j and l_j the top bits of component j
and f_j its bit d - 1, the sum wraps (h_0 + h_1 + h_2 + q + p) / 2 times, q = maj(l), p = h_0 ^ h_1 ^ h_2 ^ q, and
maj(f) is one unit of what was cut off. Every bit comes from a verified conjunction and a verified conversion. 3
rounds.

Why this is the wrap: let t_j = 2 h_j + l_j, T their sum. The lower 62 bits of the components carry c of 0, 1 or 2
into T + c = 4 w. So T is one of 4w - 2, 4w - 1, 4w; with H = h_0 + h_1 + h_2, going through all (H, l) that can occur
gives w = ceil((H + q) / 2), and p is the parity of H + q.

The rounding has mean x / 2^d in passive mode; in active mode its mean is within 1/8 of a unit of that, nearer to the
nearest integer.

What it tells: nothing in itself, all that is sent is uniformly masked. The rounding is by public coins: with the
component that both others know, a party knows at what fraction of a unit x is rounded down, so a result that is
opened tells as much as one rounded by coins which all have seen, never more than x itself. This is stated as the
functionality, and proved, in docs/protocols/mpc.md (Li et al., USENIX Security 2023, section 4, shows why a proof
against the functionality without the coins would be wrong).
"""

from __future__ import annotations

import numpy as np

from tacit.kernels import bits as bit_kernel
from tacit.mpc.components import majority
from tacit.mpc.conversion import bits_to_words, unpacked_bits, widened
from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted, together
from tacit.mpc.inputs import constant
from tacit.mpc.party import Party
from tacit.mpc.replicated import Arithmetic, Binary, Words

LIMIT_BITS = 61  # |x| < 2^61
MOST_BITS = 60


def truncate(party: Party, x: Arithmetic, d: int) -> Protocol[Arithmetic]:
    """x / 2^d for x of any shape, |x| < 2^61, 1 <= d <= 60."""
    if not 1 <= d <= MOST_BITS:
        raise ValueError(f"a number is divided by 2^1 to 2^{MOST_BITS}, not by 2^{d}")
    flat = x.reshape(-1)
    if party.active:
        result = yield from _truncate_active(party, flat, d)
    else:
        result = yield from _truncate_passive(party, flat, d)
    return result.reshape(*x.shape)


def narrowest(bits: int) -> np.dtype[np.unsignedinteger]:
    """The unsigned dtype with the fewest bits that are at least so many."""
    return next(
        np.dtype(kind) for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if np.dtype(kind).itemsize * 8 >= bits
    )


def _truncate_passive(party: Party, x: Arithmetic, d: int) -> Protocol[Arithmetic]:
    shift = np.uint64(d)
    lift = np.uint64(64 - d)
    kind = narrowest(d)
    n = x.size
    moved = _moved(party, x, 1 << 62)
    settled = np.uint64((1 - (1 << (62 - d))) % 2**64)
    if party.index == 0:
        a = moved.own + moved.next
        top = a >> np.uint64(63)
        part_zero, bit_zero = party.streams.own((n,)), party.streams.own((n,), kind)
        part_one = (a >> shift) - (top << lift) - part_zero
        bit_one = top.astype(kind) - bit_zero
        yield Exchange(to_next=(part_one, bit_one))
        mask_zero, mask_one = party.streams.own((n,), kind), party.streams.next((n,), kind)
        yield Exchange()
        return Arithmetic(part_zero + _up(mask_zero, lift) + settled, part_one + _up(mask_one, lift))
    b = moved.next if party.index == 1 else moved.own
    top = (b >> np.uint64(63)).astype(kind)
    if party.index == 1:
        answer = yield Exchange(from_previous=(Wanted((n,)), Wanted((n,), kind)))
        part_one, bit_one = answer.from_previous
        mask_one = party.streams.own((n,), kind)
        mine = bit_one * top - mask_one
        answer = yield Exchange(to_next=(mine,), from_next=(Wanted((n,), kind),))
        (theirs,) = answer.from_next
        return Arithmetic(part_one + _up(mask_one, lift), _last_part(b, top, mine + theirs, shift, lift))
    part_zero, bit_zero = party.streams.next((n,)), party.streams.next((n,), kind)
    yield Exchange()
    mask_zero = party.streams.next((n,), kind)
    mine = bit_zero * top - mask_zero
    answer = yield Exchange(to_previous=(mine,), from_previous=(Wanted((n,), kind),))
    (theirs,) = answer.from_previous
    return Arithmetic(_last_part(b, top, mine + theirs, shift, lift), part_zero + _up(mask_zero, lift) + settled)


def _last_part(b: Words, top: Array, product: Array, shift: np.uint64, lift: np.uint64) -> Words:
    return (b >> shift) + ((product.astype(np.uint64) - top.astype(np.uint64)) << lift)


def _up(words: Array, lift: np.uint64) -> Words:
    return words.astype(np.uint64) << lift


def _truncate_active(party: Party, x: Arithmetic, d: int) -> Protocol[Arithmetic]:
    n = x.size
    moved = _moved(party, x, 1 << 61)
    high = moved.map(lambda words: words >> np.uint64(63))
    tops = Binary(_planes_of(moved.own, d), _planes_of(moved.next, d))  # l, f, h
    both = yield from majority(party, tops.own[:2], tops.next[:2])
    q, cut_off = both[0], both[1]
    p = tops[2] ^ q
    unit, wraps = yield from together(
        bits_to_words(party, cut_off, n),
        bits_to_words(party, _joined(q, p, n), 2 * n, narrowest(d + 1)),
    )
    wrapped = widened(wraps[:n] + wraps[n:], 63 - d) + high.map(lambda words: words << np.uint64(63 - d))
    settled = constant(party, np.full(n, (1 - (1 << (61 - d))) % 2**64, dtype=np.uint64))
    quotient: Arithmetic = moved.map(lambda words: words >> np.uint64(d)) + unit - wrapped + settled
    return quotient


def _planes_of(words: Words, d: int) -> Words:
    """Bit 62, bit d - 1 and bit 63 of the words (n,), as planes (3, ceil(n / 64))."""
    chosen = (words >> np.uint64(62) & np.uint64(1)) | (words >> np.uint64(d - 1) & np.uint64(1)) << np.uint64(1)
    return bit_kernel.planes(chosen | words >> np.uint64(63) << np.uint64(2), 3)


def _joined(first: Binary, second: Binary, n: int) -> Binary:
    """Two vectors of n packed bits one after the other, packed."""

    def packed(one: Words, other: Words) -> Words:
        octets = np.packbits(
            np.concatenate((unpacked_bits(one, n, np.uint8), unpacked_bits(other, n, np.uint8))), bitorder="little"
        )
        words = np.zeros(8 * -(-2 * n // 64), dtype=np.uint8)
        words[: octets.size] = octets
        return words.view("<u8").astype(np.uint64, copy=False)

    return Binary(packed(first.own, second.own), packed(first.next, second.next))


def _moved(party: Party, x: Arithmetic, by: int) -> Arithmetic:
    """x + by: component 0 moves, and no message is needed."""
    offset = np.uint64(by)
    if party.index == 0:
        return Arithmetic(x.own + offset, x.next)
    if party.index == 2:
        return Arithmetic(x.own, x.next + offset)
    return x
