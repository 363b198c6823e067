"""Three parties' protocols driven round by round in one thread, with a hand on every message."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.errors import ProtocolError
from tacit.mpc.exchange import Array, Exchange, Received, Wanted
from tacit.mpc.party import PARTIES, Party, Security
from tacit.mpc.session import unpacked
from tacit.mpc.streams import Streams

NAMES = ("ada", "bob", "cyd")


@dataclass
class Message:
    """One array on its way: who sends it to whom, in which round, as the how many-eth of its message."""

    round: int
    sender: int
    receiver: int
    place: int
    array: Array


Tamper = Callable[[Message], Array | None]
"""Returns what is to arrive instead of `message.array`; None drops it."""


def parties(security: Security) -> list[Party]:
    keys = [os.urandom(16) for _ in range(PARTIES)]
    return [Party(i, NAMES, Streams(keys[i], keys[(i + 1) % PARTIES]), security) for i in range(PARTIES)]


def lockstep(programs: Sequence[Any], tamper: Tamper | None = None, watch: list[Message] | None = None) -> list[Any]:
    """Run the three generators to their ends; a result that is an exception is what that party ended with."""
    results: list[Any] = [None] * PARTIES
    running = dict(enumerate(programs))
    given: dict[int, Received | None] = dict.fromkeys(running)
    number = 0
    while running:
        exchanges: dict[int, Exchange] = {}
        for index, program in list(running.items()):
            try:
                received = given[index]
                exchanges[index] = next(program) if received is None else program.send(received)
            except StopIteration as stop:
                results[index] = stop.value
                del running[index]
            except ProtocolError as error:
                results[index] = error
                del running[index]
        given = {}
        for index in list(running):
            try:
                given[index] = _received(index, exchanges, number, tamper, watch)
            except ProtocolError as error:
                results[index] = error
                running.pop(index).close()
        number += 1
    return results


def _received(
    index: int, exchanges: dict[int, Exchange], number: int, tamper: Tamper | None, watch: list[Message] | None
) -> Received:
    before, after = (index - 1) % PARTIES, (index + 1) % PARTIES

    def taken(sender: int, wanted: tuple[Wanted, ...], direction: str) -> tuple[Array, ...]:
        if not wanted:
            return ()
        step = f"round {number}"
        if sender not in exchanges:
            raise ProtocolError("hung up", culprit=NAMES[sender], step=step)
        arrays = []
        for place, array in enumerate(getattr(exchanges[sender], direction)):
            message = Message(number, sender, index, place, array)
            if watch is not None:
                watch.append(Message(number, sender, index, place, np.array(array)))
            changed = tamper(message) if tamper else array
            if changed is not None:
                arrays.append(np.ascontiguousarray(changed))
        return unpacked(b"".join(array.tobytes() for array in arrays), wanted, NAMES[sender], step)

    mine = exchanges[index]
    return Received(taken(before, mine.from_previous, "to_next"), taken(after, mine.from_next, "to_previous"))


def opened(shares: Sequence[Any]) -> np.ndarray:
    """What three shares hold together, after a check that both holders of each component have the same."""
    for i in range(PARTIES):
        np.testing.assert_array_equal(shares[i].next, shares[(i + 1) % PARTIES].own)
    if type(shares[0]).__name__ == "Binary":
        return shares[0].own ^ shares[1].own ^ shares[2].own
    return shares[0].own + shares[1].own + shares[2].own


def dealt(kind: type, words: np.ndarray, rng: np.random.Generator) -> list[Any]:
    """A fresh sharing of `words` among three."""
    words = np.asarray(words, dtype=np.uint64)
    parts = [rng.integers(0, 2**64, words.shape, dtype=np.uint64) for _ in range(2)]
    if kind.__name__ == "Binary":
        parts.append(words ^ parts[0] ^ parts[1])
    else:
        parts.append(words - parts[0] - parts[1])
    return [kind(parts[i], parts[(i + 1) % PARTIES]) for i in range(PARTIES)]
