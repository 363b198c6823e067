"""What a protocol says: rounds of arrays to and from both neighbours, and how independent protocols share them.

A protocol is a generator. It yields an `Exchange`, what this party sends and what it must be sent, and is given what
arrived. It opens no socket and reads no clock, so the same text runs between machines, between threads, and in tests
that drive three of them step by step and alter what they say.

All shapes are public, so a message is nothing but the bytes of its arrays, and both ends know how many there must be.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.unsignedinteger[Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """An array that has to arrive: its shape, and its dtype, an unsigned integer's."""

    shape: tuple[int, ...]
    dtype: npt.DTypeLike = np.uint64

    @property
    def nbytes(self) -> int:
        """Bytes on the wire."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, repr=False)
class Exchange:
    """One round of one party: what it sends to either neighbour, and what either has to send it."""

    to_previous: tuple[Array, ...] = ()
    to_next: tuple[Array, ...] = ()
    from_previous: tuple[Wanted, ...] = ()
    from_next: tuple[Wanted, ...] = ()

    @property
    def bytes_sent(self) -> int:
        """Bytes that this party sends in the round."""
        return sum(array.nbytes for array in self.to_previous + self.to_next)


@dataclass(frozen=True, repr=False)
class Received:
    """What arrived in a round, in the order in which it was wanted."""

    from_previous: tuple[Array, ...] = ()
    from_next: tuple[Array, ...] = ()


Protocol = Generator[Exchange, Received, T]


def together(*protocols: Protocol[Any]) -> Protocol[tuple[Any, ...]]:
    """Run independent protocols side by side, each of their rounds in one message: as many rounds as the longest has.

    Every party runs the same protocols in the same order. Their results, in that order.
    """
    results: list[Any] = [None] * len(protocols)
    running = dict(enumerate(protocols))
    given: dict[int, Received | None] = dict.fromkeys(running)
    while running:
        wanting: dict[int, Exchange] = {}
        for number, protocol in list(running.items()):
            try:
                received = given[number]
                wanting[number] = next(protocol) if received is None else protocol.send(received)
            except StopIteration as stop:
                results[number] = stop.value
                del running[number]
        if running:
            given = dict(_dealt(wanting, (yield _merged(list(wanting.values())))))
    return tuple(results)


def _merged(exchanges: Sequence[Exchange]) -> Exchange:
    if len(exchanges) == 1:
        return exchanges[0]
    return Exchange(
        to_previous=tuple(array for one in exchanges for array in one.to_previous),
        to_next=tuple(array for one in exchanges for array in one.to_next),
        from_previous=tuple(wanted for one in exchanges for wanted in one.from_previous),
        from_next=tuple(wanted for one in exchanges for wanted in one.from_next),
    )


def _dealt(wanting: dict[int, Exchange], received: Received) -> list[tuple[int, Received]]:
    """What arrived for each of the protocols whose exchanges were merged."""
    dealt, previous, following = [], 0, 0
    for number, exchange in wanting.items():
        until_previous = previous + len(exchange.from_previous)
        until_following = following + len(exchange.from_next)
        dealt.append(
            (
                number,
                Received(
                    received.from_previous[previous:until_previous], received.from_next[following:until_following]
                ),
            )
        )
        previous, following = until_previous, until_following
    return dealt
