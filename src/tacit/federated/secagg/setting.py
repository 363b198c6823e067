"""The setting of one secure sum: everything that is fixed before it starts, by the agreement and never by the server.

The server sends no parameter. Both sides build the same `Setting`, its digest goes into every signature and seal,
and so a server that works with another threshold, another length or another list of parties is refused by all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tacit import canonical
from tacit.errors import AgreementError
from tacit.federated.secagg import thresholds
from tacit.federated.secagg.regular_graph import RegularGraph, regular_graph
from tacit.kernels.packing import MAX_BITS, MIN_BITS, container, pack, packed_bytes, unpack
from tacit.keys import PublicIdentity
from tacit.keys.public import check_name, frame

FORMAT = "tacit-secagg/2"
SETTING_DOMAIN = "tacit secagg setting"
INSTANCE_BYTES = 32
MAX_VECTOR_BYTES = 2**31

Words: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]


class _Digested(msgspec.Struct, frozen=True):
    format: str
    parties: tuple[str, ...]
    coordinator: str
    corrupt: int
    dropping: int
    instance: bytes
    length: int
    word_bits: int
    graph: tuple[int, int, int, int]


@dataclass(frozen=True)
class Setting:
    """Who takes part in one sum, whom they distrust, and what is summed.

    Attributes:
        parties: the identities, in the agreement's order; positions in this order name Shamir's points.
        corrupt: how many of them may collude with each other and with the server.
        dropping: how many may fail or be cut off; corrupt parties that stop answering count here too.
        instance: 32 bytes that no other sum of these identities has: the hash of run, step and the log's head.
        length: words in each vector.
        word_bits: bits in a word, 8 to 64; the sum is taken modulo 2^word_bits.
        coordinator: the name of whoever runs the server, for errors that blame it.
        sparse: whether each party exchanges masks with a few others (`regular_graph`) and not with everyone.
    """

    parties: tuple[PublicIdentity, ...]
    corrupt: int
    dropping: int
    instance: bytes
    length: int
    word_bits: int
    coordinator: str = "coordinator"
    sparse: bool = False

    def __post_init__(self) -> None:
        """Refuse what the protocol cannot promise (AgreementError)."""
        thresholds.check(len(self.parties), self.corrupt, self.dropping, sparse=self.sparse)
        check_name(self.coordinator)
        if len({*self.names, self.coordinator}) != len(self.parties) + 1:
            raise AgreementError("two of the parties and the coordinator have the same name: each needs its own")
        if len(self.instance) != INSTANCE_BYTES:
            raise AgreementError(f"the instance is {len(self.instance)} bytes long; it is a hash of {INSTANCE_BYTES}")
        if not MIN_BITS <= self.word_bits <= MAX_BITS:
            raise AgreementError(f"words of {self.word_bits} bits: choose {MIN_BITS} to {MAX_BITS}")
        if not 0 <= self.length * self.dtype.itemsize <= MAX_VECTOR_BYTES:
            raise AgreementError(f"{self.length} words of {self.word_bits} bits: 0 to {MAX_VECTOR_BYTES} bytes fit")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parties' names, in the agreement's order."""
        return tuple(party.name for party in self.parties)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Each party's place in the agreement, counted from 0."""
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the whole setting: what signatures and seals of this sum are bound to."""
        body = _Digested(
            FORMAT,
            tuple(party.fingerprint for party in self.parties),
            self.coordinator,
            self.corrupt,
            self.dropping,
            self.instance,
            self.length,
            self.word_bits,
            (graph.degree, graph.threshold, graph.committee, graph.quorum) if (graph := self.graph) else (0, 0, 0, 0),
        )
        return hashlib.sha256(frame(SETTING_DOMAIN, canonical.encode(body))).digest()

    @cached_property
    def graph(self) -> RegularGraph | None:
        """The numbers of the sparse graph; None on the complete one."""
        return regular_graph(len(self.parties), self.corrupt, self.dropping) if self.sparse else None

    @property
    def threshold(self) -> int:
        """t: the shares that open a secret."""
        return self.graph.threshold if self.graph else thresholds.threshold(len(self.parties), self.corrupt)

    @property
    def quorum(self) -> int:
        """The confirmations that a survivor set needs: t on the complete graph."""
        return self.graph.quorum if self.graph else self.threshold

    @cached_property
    def committee(self) -> frozenset[str]:
        """Whose confirmations count: everyone's on the complete graph, those of q that the setting's digest names."""
        if self.graph is None:
            return frozenset(self.names)
        order = sorted(self.names, key=lambda name: hashlib.sha256(self.digest + name.encode()).digest())
        return frozenset(order[: self.graph.committee])

    @property
    def minimum_survivors(self) -> int:
        """n - d: the fewest vectors that a sum is taken over."""
        return thresholds.minimum_survivors(len(self.parties), self.dropping)

    @property
    def minimum_honest_survivors(self) -> int:
        """The fewest honest vectors in any sum that is released: n - d - c, less `cut_off` on the sparse graph."""
        least = thresholds.minimum_honest_survivors(len(self.parties), self.corrupt, self.dropping)
        return least - self.graph.cut_off if self.graph else least

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The type that a vector's words are held in: the narrowest of 16, 32 and 64 bits."""
        return container(self.word_bits)

    @property
    def vector_bytes(self) -> int:
        """The bytes of one vector on the wire."""
        return packed_bytes(self.length, self.word_bits)

    def pack(self, words: Words) -> bytes:
        """Return the words modulo 2^word_bits as they travel: little-endian, with no bit between them."""
        return pack(words, self.word_bits)

    def unpack(self, data: bytes) -> Words | None:
        """Return the words that `data` holds, or None if it is not exactly what `pack` gives for some."""
        if len(data) != self.vector_bytes:
            return None
        return unpack(data, self.length, self.word_bits)

    def identity(self, name: str) -> PublicIdentity:
        """Return the pinned identity of the party called `name`."""
        return self.parties[self.positions[name]]

    def in_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the parties among `names`, each once, in the agreement's order."""
        chosen = set(names)
        return tuple(name for name in self.names if name in chosen)
