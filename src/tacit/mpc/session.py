"""A session: one party's protocols run over its channels to the two others.

`open_session` greets both neighbours and agrees on the component keys; `Session.run` drives a protocol, round by
round. All waiting has a limit: a party that is silent, gone, or sends another number of bytes than its program must
is named in a ProtocolError, and after an error the session is over.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tacit.canonical import quote
from tacit.errors import ProtocolError, TacitError
from tacit.mpc.exchange import Array, Exchange, Protocol, Received, Wanted
from tacit.mpc.messages import Hello, Round
from tacit.mpc.party import PARTIES, Party, Security, check_names
from tacit.mpc.streams import KEY, Streams
from tacit.wire import Channel

T = TypeVar("T")

RANDOMNESS = 32  # bytes
DEFAULT_TIMEOUT = 60.0  # seconds for one message
PART = 2**26  # bytes of a message at once: a channel takes four times as many
_KEY_DOMAIN = b"tacit mpc component key v1"


@dataclass
class Cost:
    """What a session has sent: rounds, messages, and bytes of arrays (docs/protocols/mpc.md has the formulas)."""

    rounds: int = 0
    bytes_sent: int = 0
    messages_sent: int = 0


class Session:
    """One party's end of a computation among three."""

    def __init__(self, party: Party, previous: Channel, following: Channel, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Made by `open_session`: channels to the previous and to the next party, seconds to wait for a message."""
        self.party = party
        self.cost = Cost()
        self.timeout = timeout
        self._previous, self._next = previous, following
        self._broken: str | None = None

    def run(self, protocol: Protocol[T]) -> T:
        """Drive a protocol to its end and return its result; raises ProtocolError that names who stopped it."""
        if self._broken is not None:
            raise TacitError(f"this session ended with an error and computes nothing more: {self._broken}")
        received: Received | None = None
        try:
            while True:
                with np.errstate(over="ignore"):  # words wrap, of which numpy would warn where they are scalars
                    exchange = next(protocol) if received is None else protocol.send(received)
                received = self._exchange(exchange)
        except StopIteration as stop:
            result: T = stop.value
            return result
        except BaseException as error:
            self._broken = str(error) if isinstance(error, TacitError) else type(error).__name__
            self.close()
            raise

    def close(self) -> None:
        """Hang up on both neighbours."""
        self._previous.close()
        self._next.close()

    def _exchange(self, exchange: Exchange) -> Received:
        number = self.cost.rounds
        self.cost.rounds += 1
        self.cost.bytes_sent += exchange.bytes_sent
        step = f"round {number}"
        neighbours = self._previous, self._next
        going = [_parts(exchange.to_previous), _parts(exchange.to_next)]
        wanted = exchange.from_previous, exchange.from_next
        coming = [_count(each) for each in wanted]
        taken: list[list[bytes]] = [[], []]
        # A part is sent to both and received from both before the next: nobody sends far ahead of who has not received.
        for place in range(max(*map(len, going), *coming)):
            for channel, parts in zip(neighbours, going, strict=True):
                if place < len(parts):
                    self.cost.messages_sent += 1
                    channel.send(Round(number, parts[place]), self.timeout, step=step)
            for channel, count, found in zip(neighbours, coming, taken, strict=True):
                if place < count:
                    found.append(self._taken(channel, number, step))
        return Received(
            *(
                unpacked(b"".join(parts), each, channel.peer.name, step)
                for channel, parts, each in zip(neighbours, taken, wanted, strict=True)
            )
        )

    def _taken(self, channel: Channel, number: int, step: str) -> bytes:
        message = channel.receive(Round, step, self.timeout)
        if message.number != number:
            raise ProtocolError(f"sent round {message.number}", culprit=channel.peer.name, step=step)
        return message.data

    def __repr__(self) -> str:
        return f"Session({self.party!r}, {self.cost.rounds} rounds, {self.cost.bytes_sent} bytes sent)"


def open_session(
    index: int,
    names: Sequence[str],
    previous: Channel,
    following: Channel,
    *,
    security: Security,
    session: str,
    terms: str = "",
    timeout: float = DEFAULT_TIMEOUT,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Session:
    """Greet both neighbours and agree on keys.

    Args:
        index: this party's place, 0 to 2.
        names: the three parties' names in order; channels must lead to them.
        previous: the channel to party index - 1.
        following: the channel to party index + 1.
        security: "passive", or "active" (abort on cheating). All three must say the same.
        session: the session's id, the same for all three.
        terms: what is computed, in words that all three must agree on, such as a program's digest.
        timeout: seconds to wait for a message.
        random_bytes: the source of this party's share of the keys.

    Raises:
        ProtocolError: a neighbour is silent, is about another session, other terms or another security.
    """
    names = check_names(names)
    for channel, place in ((previous, (index - 1) % PARTIES), (following, (index + 1) % PARTIES)):
        if channel.peer.name != names[place]:
            raise ValueError(f"the channel for {names[place]} leads to {channel.peer.name}")
    agreed = f"{security}; {terms}"
    with_previous, with_next = random_bytes(RANDOMNESS), random_bytes(RANDOMNESS)
    previous.send(Hello(session, agreed, with_previous), timeout, step="greeting")
    following.send(Hello(session, agreed, with_next), timeout, step="greeting")
    from_previous = _greeted(previous, session, agreed, timeout)
    from_next = _greeted(following, session, agreed, timeout)
    own_key = _component_key(session, index, from_previous, with_previous)
    next_key = _component_key(session, (index + 1) % PARTIES, with_next, from_next)
    return Session(Party(index, names, Streams(own_key, next_key), security), previous, following, timeout)


def unpacked(data: bytes, wanted: Sequence[Wanted], sender: str, step: str) -> tuple[Array, ...]:
    """The arrays in the bytes of a round; ProtocolError names the sender where there are too many or too few."""
    needed = sum(each.nbytes for each in wanted)
    if len(data) != needed:
        raise ProtocolError(f"sent {len(data)} bytes where {needed} are needed", culprit=sender, step=step)
    arrays, start = [], 0
    for each in wanted:
        kind = np.dtype(each.dtype)
        flat = np.frombuffer(data, dtype=kind.newbyteorder("<"), count=each.nbytes // kind.itemsize, offset=start)
        arrays.append(flat.reshape(each.shape))
        start += each.nbytes
    return tuple(arrays)


def _parts(arrays: Sequence[Array]) -> list[bytes]:
    """The bytes of a message's arrays, cut into parts that a channel takes; none where there is no array."""
    packed = _packed(arrays)
    if len(packed) <= PART:
        return [packed] if arrays else []
    return [packed[start : start + PART] for start in range(0, len(packed), PART)]


def _count(wanted: Sequence[Wanted]) -> int:
    """In how many parts these arrays arrive."""
    return max(1, -(-sum(each.nbytes for each in wanted) // PART)) if wanted else 0


def _packed(arrays: Sequence[Array]) -> bytes:
    if sys.byteorder == "big":
        arrays = [array.byteswap() for array in arrays]
    return b"".join([np.ascontiguousarray(array).data.cast("B") if array.size else b"" for array in arrays])


def _greeted(channel: Channel, session: str, agreed: str, timeout: float) -> bytes:
    hello = channel.receive(Hello, "greeting", timeout)
    if (hello.session, hello.terms) != (session, agreed):
        raise ProtocolError(
            f"is about session '{quote(hello.session)}' with '{quote(hello.terms)}', not {session!r} with {agreed!r}",
            culprit=channel.peer.name,
            step="greeting",
        )
    return hello.randomness


def _component_key(session: str, component: int, first: bytes, second: bytes) -> bytes:
    """The key of a component from both holders' randomness: first that of P_{component-1}, then of P_component."""
    info = b"\0".join((_KEY_DOMAIN, session.encode(), str(component).encode()))
    return HKDF(SHA256(), KEY, salt=None, info=info).derive(first + second)
