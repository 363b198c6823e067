"""One sum in one process: every message goes through its bytes, and a test may drop, alter or replace any of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from tacit.errors import TacitError
from tacit.federated.secagg import AggregationParty, AggregationServer, MaskedVector, Message, Setting, decode, encode
from tacit.federated.secagg.masking import Masks
from tacit.keys import Identity

STEPS = ("advertise", "share", "mask", "confirm", "unmask")
Hook = Callable[[str, str, Any], Any]


@cache
def identity(position: int) -> Identity:
    """The same identities in all tests: making one takes milliseconds, and they are never altered."""
    return Identity.new(f"party-{position:02d}")


def make_setting(
    n: int = 5,
    corrupt: int = 0,
    dropping: int = 1,
    length: int = 8,
    word_bits: int = 32,
    instance: bytes | None = None,
    sparse: bool = False,
) -> Setting:
    parties = tuple(identity(position).public for position in range(n))
    return Setting(parties, corrupt, dropping, instance or os.urandom(32), length, word_bits, sparse=sparse)


def make_vectors(setting: Setting, seed: int = 0) -> dict[str, np.ndarray]:
    rng, top = np.random.default_rng(seed), 2**setting.word_bits - 1
    return {name: rng.integers(0, top, setting.length, setting.dtype, endpoint=True) for name in setting.names}


def plain_sum(setting: Setting, vectors: Mapping[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """The functionality: the sum of the vectors of `names`, modulo 2^w."""
    total = np.zeros(setting.length, setting.dtype)
    for name in names:
        total += vectors[name]
    return total & setting.dtype.type(2**setting.word_bits - 1)


class Session:
    """Parties, an honest server, and what went between them.

    Attributes:
        absent: party -> the first step in which it says nothing any more.
        up, down: called as hook(step, party, message) on each message; return it, another, or None to lose it.
        messages: step -> party -> the message up, as the server got it.
        replies: step -> party -> the message down, as the party got it.
        errors: party -> what it raised; it is silent from then on.
        sent, received: party -> bytes.
    """

    def __init__(
        self,
        setting: Setting,
        vectors: Mapping[str, np.ndarray] | None = None,
        absent: Mapping[str, str] | None = None,
        up: Hook = lambda step, name, message: message,
        down: Hook = lambda step, name, message: message,
    ) -> None:
        self.setting = setting
        self.vectors = dict(vectors or make_vectors(setting))
        self.absent = dict(absent or {})
        self.up, self.down = up, down
        self.identities = {name: identity(place) for place, name in enumerate(setting.names)}
        self.parties = {name: AggregationParty(setting, own) for name, own in self.identities.items()}
        self.server = AggregationServer(setting)
        self.messages: dict[str, dict[str, Any]] = {}
        self.replies: dict[str, dict[str, Any]] = {}
        self.errors: dict[str, TacitError] = {}
        self.sent = dict.fromkeys(setting.names, 0)
        self.received = dict.fromkeys(setting.names, 0)
        self.total: np.ndarray | None = None

    def go(self, last: str = "unmask") -> Session:
        """Run the steps that have not been run, up to and with `last`; the server's errors are raised."""
        for step in STEPS[len(self.messages) : STEPS.index(last) + 1]:
            self.collect(step)
            self.serve(step)
        return self

    def collect(self, step: str) -> None:
        """Let the parties answer the server's last reply."""
        self.messages[step] = {}
        for name in self.setting.names:
            message = self._answer(step, name)
            message = self.up(step, name, message) if message is not None else None
            if message is not None:
                data = encode(message)
                self.sent[name] += len(data)
                self.messages[step][name] = decode(data, type(message))

    def serve(self, step: str) -> None:
        """Let the server answer the parties' messages."""
        reply = getattr(self.server, dict(zip(STEPS, _SERVER_METHODS, strict=True))[step])(self.messages[step])
        if step == "unmask":
            self.total = reply
            return
        per_party = reply if isinstance(reply, dict) else dict.fromkeys(self.setting.names, reply)
        self.replies[step] = {}
        for name, message in per_party.items():
            altered = self.down(step, name, message)
            if altered is not None:
                data = encode(altered)
                self.received[name] += len(data)
                self.replies[step][name] = decode(data, type(altered))

    def _answer(self, step: str, name: str) -> Message | None:
        first_absent = self.absent.get(name)
        if name in self.errors or (first_absent and STEPS.index(step) >= STEPS.index(first_absent)):
            return None
        arguments = []
        if step != "advertise":
            reply = self.replies[STEPS[STEPS.index(step) - 1]].get(name)
            if reply is None:
                return None
            arguments.append(reply)
        if step == "mask":
            arguments.append(self.vectors[name])
        try:
            return getattr(self.parties[name], step)(*arguments)
        except TacitError as error:
            self.errors[name] = error
            return None


_SERVER_METHODS = ("roster", "inboxes", "survivors", "confirmations", "result")


def words(setting: Setting, message: MaskedVector) -> np.ndarray:
    """The masked vector as numbers."""
    return np.frombuffer(message.vector, setting.dtype)


def put_pair_mask(
    vector: np.ndarray, setting: Setting, digest: bytes, party: str, sent: bytes, peer: str, received: bytes
) -> None:
    """Put the mask between `party` and `peer` on the vector of `party`, in place."""
    masks = Masks(setting, digest)
    masks.add_pair_mask(party, sent, peer, received)
    masks.apply(vector)


def put_self_mask(vector: np.ndarray, setting: Setting, seed: bytes) -> None:
    masks = Masks(setting, bytes(32))
    masks.add_self_mask(seed)
    masks.apply(vector)


def remove_self_mask(vector: np.ndarray, setting: Setting, seed: bytes) -> None:
    masks = Masks(setting, bytes(32))
    masks.remove_self_mask(seed)
    masks.apply(vector)
