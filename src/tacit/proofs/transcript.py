"""The transcript: all that a prover says, absorbed as it is said, and the challenges that follow from it.

The Fiat-Shamir transformation of draft-irtf-cfrg-fiat-shamir: a duplex sponge of SHAKE128 begins with a session id of
32 bytes, absorbs the instance, then each message of the prover, and is squeezed for each challenge. A proof is its
messages one after another. One call absorbs and writes a message, one absorbs and reads it, so that no message can be
used that the challenges after it do not depend on.

Integers are little-endian. A field element is its coordinates in 8 bytes each, refused unless below p; a challenge
takes 16 bytes more for each coordinate and is reduced modulo p, within 2^-128 of uniform. What has a length of its own
has it in front, in 4 bytes.

*Interactive* proofs are the same code, with `coins` in place of the sponge: the verifier draws its own and tells the
prover, and messages travel as they are written. No prover can then try again in private, and the error is that of
the interactive protocol.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tacit.errors import ProofError
from tacit.proofs import field
from tacit.proofs.field import Element, Words

SESSION = 32  # bytes of a session id
RATE = 168  # bytes of SHAKE128 between two permutations
MARGIN = 16  # bytes more than an integer needs, so that its reduction is within 2^-128 of uniform
WORD = 8  # bytes of a coordinate

Coins: TypeAlias = Callable[[int], bytes]  # gives as many bytes of challenge as asked for

_SESSION_LABEL = b"irtf-cfrg-fiat-shamir/session-id"
_ZEROS = bytes(2**16)


class Sponge:
    """SHAKE128 as a duplex sponge: bytes squeezed are those of SHAKE128(session id, zeros up to the rate, absorbed).

    Squeezes in a row continue one stream; absorbing anything begins a new one. Absorbing nothing changes nothing.
    """

    def __init__(self, session: bytes) -> None:
        if len(session) != SESSION:
            raise ValueError(f"a session id has {SESSION} bytes, not {len(session)}")
        self._state = hashlib.shake_128(session + bytes(RATE - SESSION))
        self._stream = b""
        self._squeezed = 0

    def absorb(self, data: bytes) -> None:
        """Let what is squeezed from now on depend on `data`."""
        if data:
            self._state.update(data)
            self._stream, self._squeezed = b"", 0

    def squeeze(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        begin, end = self._squeezed, self._squeezed + length
        if end > len(self._stream):
            self._stream = self._state.digest(max(end, 2 * len(self._stream)))
        self._squeezed = end
        return self._stream[begin:end]


def session_id(*, protocol: bytes, codecs: bytes, suite: bytes, application: bytes) -> bytes:
    """The 32 bytes that bind a proof to its protocol, encoding, hash and use [draft, DeriveSessionID]."""
    return derive_session_id(b"".join(_string(part) for part in (protocol, codecs, suite, application)))


def derive_session_id(tag: bytes) -> bytes:
    """The session id of an application's tag [draft, DeriveSessionID]."""
    sponge = Sponge(_SESSION_LABEL)
    sponge.absorb(tag)
    return sponge.squeeze(SESSION)


class _Transcript:
    """What both sides do alike: the instance, what is public, and challenges."""

    def __init__(self, session: bytes, instance: bytes, coins: Coins | None) -> None:
        if not instance:
            raise ValueError("the instance must not be empty")
        self._sponge = Sponge(session)
        self._squeeze = self._sponge.squeeze if coins is None else coins
        self.absorb(instance)

    def absorb(self, data: bytes) -> None:
        """Absorb what both sides know, with its length in front; it is no part of the proof."""
        self._sponge.absorb(_string(data))

    def absorb_zeros(self, count: int) -> None:
        """Absorb `count` zero bytes: as many as the circuit has gates.

        A circuit then cannot compute the hash of its own transcript, which would let a prover foresee its challenges
        (Khovratovich, Rothblum and Soukhanov 2025).
        """
        for begin in range(0, count, len(_ZEROS)):
            self._sponge.absorb(_ZEROS[: count - begin])

    def challenge(self) -> Element:
        """An element of the extension."""
        real, other = self._integers(field.DEGREE)
        return Element(real, other)

    def challenges(self, count: int) -> Words:
        """Elements of the extension, `(count, 2)`."""
        integers = [integer % field.MODULUS for integer in self._integers(field.DEGREE * count)]
        return np.array(integers, dtype=np.uint64).reshape(count, field.DEGREE)

    def positions(self, count: int, bound: int) -> list[int]:
        """Independent uniform positions below a power of two, in ascending order; some may be equal."""
        if not 0 < bound <= 2**64 or bound & (bound - 1):
            raise ValueError(f"positions are drawn below a power of two, not below {bound}")
        return sorted(integer % bound for integer in self._integers(count))

    def _integers(self, count: int) -> list[int]:
        width = WORD + MARGIN
        data = self._squeeze(width * count)
        return [int.from_bytes(data[i : i + width], "little") for i in range(0, len(data), width)]


class ProverTranscript(_Transcript):
    """What the prover says.

    In an interactive proof, `coins(length)` waits for the verifier's challenge, and `deliver` sends each message on its
    way as it is written.
    """

    def __init__(
        self,
        session: bytes,
        instance: bytes,
        coins: Coins | None = None,
        deliver: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(session, instance, coins)
        self._proof = bytearray()
        self._deliver = self._proof.extend if deliver is None else deliver

    def write(self, data: bytes) -> None:
        """Say bytes whose number the verifier knows."""
        self._sponge.absorb(data)
        self._deliver(data)

    def write_words(self, words: Words) -> None:
        """Say canonical words: base elements of any shape."""
        if words.dtype != np.uint64 or not field.is_canonical(words):
            raise ValueError("only canonical words can be sent")
        self.write(words.astype("<u8", copy=False).tobytes())

    def write_elements(self, elements: Words) -> None:
        """Say elements of the extension, `(n, 2)`."""
        self.write_words(elements)

    def proof(self) -> bytes:
        """All that was said, unless it was delivered."""
        return bytes(self._proof)


class VerifierTranscript(_Transcript):
    """What the verifier hears, and its only way to a proof: every number of things read is the caller's own.

    `what` names the message in the `ProofError` that is raised when it is cut short or not canonical. In an interactive
    proof, `coins(length)` draws the verifier's challenge and tells the prover (`own_coins`), and `proof(length)` waits
    for the prover's next bytes.
    """

    def __init__(
        self, session: bytes, instance: bytes, proof: bytes | Callable[[int], bytes], coins: Coins | None = None
    ) -> None:
        super().__init__(session, instance, coins)
        self._rest = len(proof) if isinstance(proof, bytes) else None
        self._fetch = _reader(proof) if isinstance(proof, bytes) else proof

    def read(self, length: int, what: str = "a message") -> bytes:
        """Hear `length` bytes."""
        data = self._fetch(length)
        if len(data) != length:
            raise ProofError(f"the proof ends inside {what}: it was cut off, or belongs to another statement")
        if self._rest is not None:
            self._rest -= length
        self._sponge.absorb(data)
        return data

    def read_words(self, count: int, what: str = "a message") -> Words:
        """Hear `count` base elements: `(count,)`."""
        words = np.frombuffer(self.read(WORD * count, what), dtype="<u8").astype(np.uint64)
        if not field.is_canonical(words):
            raise ProofError(f"{what} holds an integer that is not below the field's modulus")
        return words

    def read_elements(self, count: int, what: str = "a message") -> Words:
        """Hear `count` elements of the extension: `(count, 2)`."""
        return self.read_words(field.DEGREE * count, what).reshape(count, field.DEGREE)

    def finish(self) -> None:
        """Refuse a proof that goes on after its last message."""
        if self._rest:
            raise ProofError(f"{self._rest} bytes follow the end of the proof")


def own_coins(tell: Callable[[bytes], None]) -> Coins:
    """The coins of an interactive verifier: drawn by the system, and told to the prover before they are used."""

    def draw(length: int) -> bytes:
        coins = secrets.token_bytes(length)
        tell(coins)
        return coins

    return draw


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _reader(proof: bytes) -> Callable[[int], bytes]:
    position = 0

    def fetch(length: int) -> bytes:
        nonlocal position
        data = proof[position : position + length]
        position += len(data)
        return data

    return fetch
