"""Opening: a shared value becomes public, to all parties or to one.

Whoever opens lacks one component, which both others hold. In passive mode one of them sends it. In active mode both
do, one in full and one as a digest, and two that differ stop the program: a corrupt party cannot make an honest one
read another value. In active mode a party refuses to open while products wait to be verified (`verification.verify`
comes first): an error that was never looked for could make an opened value tell more than it should.

Rounds: 1. Bytes sent by each party: 8 for each word; in active mode 32 more.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from tacit.errors import ProtocolError
from tacit.mpc.exchange import Array, Exchange, Protocol, Wanted
from tacit.mpc.party import PARTIES, Party
from tacit.mpc.replicated import Arithmetic, Binary, Share, Words

DIGEST = 32  # bytes
_DOMAIN = b"tacit mpc opened component"


class NotVerifiedError(RuntimeError):
    """A program would have opened a value while products had not been verified."""


def open_to_all(party: Party, share: Arithmetic | Binary) -> Protocol[Words]:
    """The value, uint64 of the share's shape, to every party; raises ProtocolError where two components differ."""
    _check_verified(party)
    wanted = (Wanted(share.shape),)
    if not party.active:
        answer = yield Exchange(to_next=(np.ascontiguousarray(share.own),), from_previous=wanted)
        (missing,) = answer.from_previous
        return _joined(share, missing)
    answer = yield Exchange(
        to_next=(np.ascontiguousarray(share.own),),
        to_previous=(_digest(share.next),),
        from_previous=wanted,
        from_next=(Wanted((DIGEST,), np.uint8),),
    )
    (missing,), (digest,) = answer.from_previous, answer.from_next
    _check_same(party, missing, digest)
    return _joined(share, missing)


def open_to(party: Party, share: Arithmetic | Binary, receiver: int) -> Protocol[Words | None]:
    """The value to party `receiver` alone; None to the others."""
    _check_verified(party)
    if party.index == receiver:
        wanted = (Wanted((DIGEST,), np.uint8),) if party.active else ()
        answer = yield Exchange(from_previous=(Wanted(share.shape),), from_next=wanted)
        (missing,) = answer.from_previous
        if party.active:
            _check_same(party, missing, answer.from_next[0])
        return _joined(share, missing)
    if (party.index + 1) % PARTIES == receiver:
        yield Exchange(to_next=(np.ascontiguousarray(share.own),))
    elif party.active:
        yield Exchange(to_previous=(_digest(share.next),))
    else:
        yield Exchange()
    return None


def _check_verified(party: Party) -> None:
    if party.active and len(party.pending):
        raise NotVerifiedError("products have not been verified: nothing is opened before `verify`")


def _check_same(party: Party, missing: Array, digest: Array) -> None:
    if not hmac.compare_digest(_digest(missing).tobytes(), digest.tobytes()):
        raise ProtocolError(
            f"sent another share of the result than {party.next} has, or {party.next} has another: one of them cheats",
            culprit=party.previous,
            step="opening",
        )


def _digest(component: Array) -> Array:
    data = np.ascontiguousarray(component).tobytes()
    return np.frombuffer(hashlib.sha256(_DOMAIN + data).digest(), dtype=np.uint8)


def _joined(share: Share, missing: Array) -> Words:
    words: Words = missing.view(np.uint64)
    if isinstance(share, Binary):
        return share.own ^ share.next ^ words
    return share.own + share.next + words
