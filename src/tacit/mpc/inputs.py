"""Inputs: what one party knows becomes a share, and so does what all know.

The owner P_o takes component o from the keystream that it has in common with P_{o-1}, sends the difference to P_{o+1}
as component o + 1, and component o + 2, which it does not hold, is zero. So each component is known to its two
holders and whatever the owner sends is some value: a corrupt owner can choose its input and nothing else.

Rounds: 1. Bytes: the owner sends 8 for each word, nobody else any.
"""

from __future__ import annotations

import numpy as np

from tacit.mpc.exchange import Exchange, Protocol, Wanted
from tacit.mpc.party import PARTIES, Party
from tacit.mpc.replicated import Arithmetic, Binary, Words


def share(party: Party, owner: int, words: Words | None, shape: tuple[int, ...]) -> Protocol[Arithmetic]:
    """A share of what party `owner` holds: uint64 `words` of `shape` at the owner, None at the others."""
    own, following = yield from _dealt(party, owner, words, shape, binary=False)
    return Arithmetic(own, following)


def share_bits(party: Party, owner: int, words: Words | None, shape: tuple[int, ...]) -> Protocol[Binary]:
    """As `share`, by exclusive or."""
    own, following = yield from _dealt(party, owner, words, shape, binary=True)
    return Binary(own, following)


def constant(party: Party, words: Words) -> Arithmetic:
    """A share of what is public: component 0 is the value, the others are zero. No message."""
    return Arithmetic(*component(party, 0, words, words.shape))


def constant_bits(party: Party, words: Words) -> Binary:
    """As `constant`, by exclusive or."""
    return Binary(*component(party, 0, words, words.shape))


def component(party: Party, number: int, words: Words | None, shape: tuple[int, ...]) -> tuple[Words, Words]:
    """A sharing with all of a value in component `number`, whose two holders give `words`. No message."""
    zeros = np.zeros(shape, dtype=np.uint64)
    if party.index == number:
        assert words is not None
        return words, zeros
    if (party.index + 1) % PARTIES == number:
        assert words is not None
        return zeros, words
    return zeros, zeros.copy()


def _dealt(
    party: Party, owner: int, words: Words | None, shape: tuple[int, ...], *, binary: bool
) -> Protocol[tuple[Words, Words]]:
    if party.index == owner:
        if words is None or words.shape != shape or words.dtype != np.uint64:
            raise ValueError(f"the owner of an input has uint64 words of shape {shape}")
        own = party.streams.own(shape)
        rest = words ^ own if binary else words - own
        yield Exchange(to_next=(rest,))
        return own, rest
    if words is not None:
        raise ValueError("only the owner of an input has its words")
    zeros = np.zeros(shape, dtype=np.uint64)
    if (party.index - 1) % PARTIES == owner:
        answer = yield Exchange(from_previous=(Wanted(shape),))
        (received,) = answer.from_previous
        return received, zeros
    yield Exchange()
    return zeros, party.streams.next(shape)
